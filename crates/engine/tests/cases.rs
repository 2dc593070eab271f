//! Faults that users of such programs have reported elsewhere, where a server is needed to show them: each with its
//! right outcome.

mod support;

use std::time::Duration;

use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::outbox::SentCopy;
use service::outbox::Entry;
use support::desk::Desk;
use testkit::Dovecot;
use testkit::ImapServer;
use testkit::imap_server::Fault;
use testkit::imap_server::Style;
use testkit::smtp_server::SmtpFault;
use testkit::smtp_server::Verb;
use wire::Deadlines;

const BLOCKED: &str = "550 5.7.1 Sender blocked, see https://help.example/17";

fn states(entry: &Entry) -> Vec<(&str, RecipientState, &str)> {
    let recipients = entry.recipients.iter();
    recipients
        .map(|(address, state, said)| (address.as_str(), *state, said.as_deref().unwrap_or_default()))
        .collect()
}

/// What becomes of a message to two people at a server that answers so.
async fn sent_to(desk: &Desk, faults: &[(Verb, SmtpFault)]) -> Entry {
    for (verb, fault) in faults {
        desk.server.fail_next(*verb, *fault);
    }
    let (stop, task) = desk.work("one");
    let message = desk.send(&["kelly@out.example", "tom@out.example"]).await;
    let entry = desk.settled(message).await;
    stop.cancel();
    task.await.expect("ended");
    entry
}

async fn desks() -> [Desk; 2] {
    let desks = [Desk::new().await, Desk::new().await];
    desks[1].server.without_pipelining();
    desks
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_refused_and_hung_up() {
    for desk in desks().await {
        let entry = sent_to(&desk, &[(Verb::Mail, SmtpFault::Farewell(BLOCKED))]).await;
        assert_eq!(
            (entry.state, entry.said.as_deref()),
            (OutboxState::Failed, Some(BLOCKED))
        );
        assert_eq!(
            states(&entry),
            [
                ("kelly@out.example", RecipientState::Refused, BLOCKED),
                ("tom@out.example", RecipientState::Refused, BLOCKED),
            ]
        );
        assert_eq!((entry.attempts, desk.server.connections()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_06_refused_and_hung_up_at_the_recipients_at_data_and_after_the_dot() {
    let every_recipient = [
        (Verb::Rcpt, SmtpFault::Answer(BLOCKED)),
        (Verb::Rcpt, SmtpFault::Farewell(BLOCKED)),
    ];
    for faults in [
        &every_recipient[..],
        &[(Verb::Data, SmtpFault::Farewell(BLOCKED))],
        &[(Verb::Dot, SmtpFault::Farewell(BLOCKED))],
    ] {
        for desk in desks().await {
            let entry = sent_to(&desk, faults).await;
            assert_eq!(
                (entry.state, entry.said.as_deref()),
                (OutboxState::Failed, Some(BLOCKED))
            );
            let all_refused = |(_, state, said): &(&str, RecipientState, &str)| {
                *state == RecipientState::Refused && *said == BLOCKED
            };
            assert!(states(&entry).iter().all(all_refused), "{entry:?}");
            assert_eq!(desk.server.connections(), 1, "{faults:?}");
        }
    }
}

/// What is only put off keeps its words; a recipient who was refused before the line went dead stays refused.
#[tokio::test(flavor = "multi_thread")]
async fn case_06_put_off_and_hung_up() {
    const LATER: &str = "451 4.7.1 Over your daily quota, come back tomorrow";
    for desk in desks().await {
        let entry = sent_to(&desk, &[(Verb::Mail, SmtpFault::Farewell(LATER))]).await;
        assert_eq!(
            (entry.state, entry.said.as_deref()),
            (OutboxState::Retrying, Some(LATER))
        );
        assert_eq!(desk.server.connections(), 1);
    }
    for desk in desks().await {
        let entry = sent_to(&desk, &[(Verb::Rcpt, SmtpFault::Farewell(BLOCKED))]).await;
        assert_eq!(entry.state, OutboxState::Retrying, "{entry:?}");
        assert_eq!(
            states(&entry)[0],
            ("kelly@out.example", RecipientState::Refused, BLOCKED)
        );
        assert_eq!(states(&entry)[1].1, RecipientState::Waiting);
        let (stop, task) = desk.work("two");
        desk.pass(Duration::from_secs(3600));
        desk.look_again();
        desk.sent(entry.message).await;
        assert_eq!(desk.server.ledger()[0].recipients, ["tom@out.example"]);
        stop.cancel();
        task.await.expect("ended");
    }
}

const FIVE: [&str; 5] = [
    "a@out.example",
    "b@out.example",
    "c@out.example",
    "d@out.example",
    "e@out.example",
];

/// The others go at once, and nobody is refused: 552 and 5.5.3 mean the same here (RFC 5321 §4.5.3.1.10, RFC 3463).
#[tokio::test(flavor = "multi_thread")]
async fn too_many_recipients_for_one_message_get_it_in_several() {
    for words in [
        "452 4.5.3 Too many recipients",
        "552 Too many recipients",
        "550 5.5.3 Too many recipients",
    ] {
        let desk = Desk::new().await;
        desk.server.take_recipients(2, words);
        let (stop, task) = desk.work("one");
        let message = desk.send(&FIVE).await;
        // The clock of the test stands still: nothing is waited for.
        desk.sent(message).await;
        for recipient in FIVE {
            assert_eq!(desk.accepted(message, recipient), 1, "{words}: {recipient}");
        }
        let entry = desk.entry(message).await;
        assert!(
            states(&entry)
                .iter()
                .all(|(_, state, _)| *state == RecipientState::Accepted)
        );
        assert_eq!(
            (desk.server.accepted_count(), desk.server.connections()),
            (3, 1),
            "{words}"
        );
        stop.cancel();
        task.await.expect("ended");
    }
}

/// Words that sound alike and are about one mailbox, or about the message.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_sounds_like_too_many_recipients_is_not() {
    const FULL: &str = "552 5.2.2 Mailbox full";
    let desk = Desk::new().await;
    let entry = sent_to(&desk, &[(Verb::Rcpt, SmtpFault::Answer(FULL))]).await;
    assert_eq!(entry.state, OutboxState::Sent);
    assert_eq!(
        states(&entry)[0],
        ("kelly@out.example", RecipientState::Refused, FULL)
    );
    assert_eq!(states(&entry)[1].1, RecipientState::Accepted);
    for verb in [Verb::Mail, Verb::Dot] {
        const TOO_LARGE: &str = "552 5.3.4 Message too big";
        let desk = Desk::new().await;
        let entry = sent_to(&desk, &[(verb, SmtpFault::Answer(TOO_LARGE))]).await;
        assert_eq!(
            (entry.state, entry.said.as_deref()),
            (OutboxState::Failed, Some(TOO_LARGE))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recipient_whom_the_server_cannot_name_decides_for_no_other() {
    for desk in desks().await {
        let (stop, task) = desk.work("one");
        let message = desk.send(&["kelly@out.example", "олена@kyiv.example"]).await;
        let entry = desk.settled(message).await;
        assert_eq!(entry.state, OutboxState::Sent, "{entry:?}");
        assert_eq!(desk.server.ledger()[0].recipients, ["kelly@out.example"]);
        let (address, state, said) = states(&entry)[1];
        assert_eq!((address, state), ("олена@kyiv.example", RecipientState::Refused));
        assert!(said.contains("outside of ASCII"), "{said}");
        stop.cancel();
        task.await.expect("ended");
    }
}

/// Hosts of ticket systems tell by it which ticket it is.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_part_of_an_address_goes_out_as_it_was_written() {
    let desk = Desk::new().await;
    let (stop, task) = desk.work("one");
    let message = desk
        .send(&["Reply+AbC9x@Help.example", "reply+abc9x@help.example"])
        .await;
    desk.sent(message).await;
    let accepted = desk.server.ledger().remove(0);
    assert_eq!(accepted.recipients, ["Reply+AbC9x@help.example"]);
    let data = String::from_utf8(accepted.data).expect("text");
    assert!(data.contains("To: <Reply+AbC9x@help.example>\r\n"), "{data}");
    stop.cancel();
    task.await.expect("ended");
}

/// Who was refused keeps their own words when the message is refused for the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_put_off_is_not_tried_again_for_who_was_refused() {
    let desk = Desk::new().await;
    let faults = [
        (Verb::Rcpt, SmtpFault::Answer("550 5.1.1 No such user")),
        (Verb::Data, SmtpFault::Answer("451 4.3.0 Not now")),
    ];
    let entry = sent_to(&desk, &faults).await;
    assert_eq!(entry.state, OutboxState::Retrying);
    assert_eq!(
        states(&entry),
        [
            (
                "kelly@out.example",
                RecipientState::Refused,
                "550 5.1.1 No such user"
            ),
            ("tom@out.example", RecipientState::Waiting, "451 4.3.0 Not now"),
        ]
    );
}

/// The wait for the answer to the final dot is its own, not that of a command.
#[tokio::test(flavor = "multi_thread")]
async fn case_09_the_answer_to_the_final_dot_comes_late() {
    let default = Deadlines::default();
    assert_eq!(default.final_dot, Duration::from_secs(600));
    let desk = Desk::new().await;
    desk.server
        .fail_next(Verb::Dot, SmtpFault::Late(Duration::from_millis(1500)));
    let short = Duration::from_millis(500);
    let deadlines = Deadlines {
        command: short,
        response: short,
        data_block: short,
        final_dot: Duration::from_secs(60),
        ..default
    };
    let (stop, task) = desk.work_with("one", deadlines);
    let message = desk.send(&["kelly@out.example"]).await;
    let entry = desk.settled(message).await;
    assert_eq!((entry.state, entry.attempts), (OutboxState::Sent, 1), "{entry:?}");
    assert_eq!(desk.accepted(message, "kelly@out.example"), 1);
    stop.cancel();
    task.await.expect("ended");
}

/// Messages of a folder that are marked as seen, and all of them.
fn seen_and_all(dovecot: &Dovecot, folder: &str) -> (usize, usize) {
    let root = dovecot.mail_folder().join("alice").join(folder);
    let files = |part: &str| -> Vec<String> {
        let listed = std::fs::read_dir(root.join(part)).map(|files| files.flatten().collect::<Vec<_>>());
        let names = listed.unwrap_or_default().into_iter();
        names
            .map(|file| file.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let all = [files("cur"), files("new")].concat();
    let seen = all
        .iter()
        .filter(|name| name.rsplit(',').next().is_some_and(|flags| flags.contains('S')));
    (seen.count(), all.len())
}

fn folders(dovecot: &Dovecot) -> Vec<String> {
    let listed = std::fs::read_dir(dovecot.mail_folder().join("alice")).expect("mailbox");
    let names = listed
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut folders: Vec<_> = names.filter(|name| name.starts_with('.')).collect();
    folders.sort();
    folders
}

#[tokio::test(flavor = "multi_thread")]
async fn case_11_a_mailbox_without_a_sent_folder() {
    for (separator, prefix, name) in [('/', "", "Sent"), ('.', "INBOX.", "INBOX.Sent")] {
        let dovecot = Dovecot::start_with_inbox_alone(separator, prefix).expect("dovecot");
        let desk = Desk::new().await;
        desk.keep_copies_on(&dovecot).await;
        let (stop, task) = desk.work_within("one", Duration::from_secs(10));
        for copies in 1..=2 {
            let message = desk.send(&["kelly@out.example"]).await;
            desk.copied(message).await;
            assert_eq!(seen_and_all(&dovecot, ".Sent"), (copies, copies), "{name}");
        }
        assert_eq!(folders(&dovecot), [".Sent"]);
        let account = desk.services.get_own_account(desk.alice, desk.account).await;
        let imap = account.expect("account").imap.expect("IMAP");
        assert_eq!(
            imap.sent_folder.as_deref(),
            Some(name),
            "it is looked at from now on"
        );
        stop.cancel();
        task.await.expect("ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_11_a_mailbox_without_a_sent_folder_that_was_chosen_once() {
    let dovecot = Dovecot::start_with_inbox_alone('.', "INBOX.").expect("dovecot");
    let desk = Desk::new().await;
    desk.keep_copies_in_folder(&dovecot, "INBOX.Gesendet").await;
    let (stop, task) = desk.work_within("one", Duration::from_secs(10));
    let message = desk.send(&["kelly@out.example"]).await;
    desk.copied(message).await;
    assert_eq!(seen_and_all(&dovecot, ".Gesendet"), (1, 1));
    stop.cancel();
    task.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_11_a_mailbox_without_a_sent_folder_that_lets_none_be_made() {
    let mailbox = ImapServer::start(Fault {
        style: Style::InboxAlone,
        ..Fault::default()
    });
    let mailbox = mailbox.await.expect("server");
    let desk = Desk::new().await;
    desk.keep_copies_in(&mailbox).await;
    let (stop, task) = desk.work("one");
    let message = desk.send(&["kelly@out.example"]).await;
    let said = desk.copy_said(message).await;
    for words in ["no folder for sent mail", "no more folders for you", "choose it"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(desk.entry(message).await.sent_copy, SentCopy::Due);
    let tried: Vec<_> = mailbox.commands();
    let tried = tried.iter().filter(|command| command.starts_with("CREATE"));
    assert_eq!(
        tried.collect::<Vec<_>>(),
        ["CREATE \"Sent\"", "CREATE \"INBOX/Sent\""]
    );
    let steps = desk.tested(&mailbox).await;
    assert!(steps.contains("none for sent mail"), "{steps}");
    stop.cancel();
    task.await.expect("ended");
}

const LETTER: &[u8] = b"From: alice@isp.example\r\nTo: tom@out.example\r\nSubject: Before\r\n\r\nhi\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn case_08_the_wrong_of_several_sent_folders_gets_no_copy() {
    let dovecot = Dovecot::start_with_inbox_alone('.', "").expect("dovecot");
    let mailbox = dovecot.maildir("alice");
    for (folder, count) in [
        ("Clients.Acme.Sent", 3),
        ("Deleted Items.Sent", 3),
        ("Sent", 1),
        ("Sent Items", 2),
    ] {
        for _ in 0..count {
            mailbox
                .put(Some(folder), LETTER, true, Duration::from_secs(60))
                .expect("put");
        }
    }
    let desk = Desk::new().await;
    desk.keep_copies_on(&dovecot).await;
    let (stop, task) = desk.work_within("one", Duration::from_secs(10));
    let message = desk.send(&["kelly@out.example"]).await;
    desk.copied(message).await;
    assert_eq!(seen_and_all(&dovecot, ".Sent Items").1, 3);
    stop.cancel();
    task.await.expect("ended");
}

/// Nothing is picked, nothing is made, and the owner is told what to do.
#[tokio::test(flavor = "multi_thread")]
async fn case_08_the_wrong_of_several_sent_folders_is_not_guessed() {
    let dovecot = Dovecot::start_with_inbox_alone('.', "").expect("dovecot");
    for folder in ["Sent", "Sent Items"] {
        let put = dovecot
            .maildir("alice")
            .put(Some(folder), LETTER, true, Duration::from_secs(60));
        put.expect("put");
    }
    let desk = Desk::new().await;
    desk.keep_copies_on(&dovecot).await;
    let (stop, task) = desk.work_within("one", Duration::from_secs(10));
    let message = desk.send(&["kelly@out.example"]).await;
    let said = desk.copy_said(message).await;
    assert!(
        said.contains("Several folders") && said.contains("choose"),
        "{said}"
    );
    assert_eq!(folders(&dovecot), [".Sent", ".Sent Items"]);
    assert_eq!(
        seen_and_all(&dovecot, ".Sent").1 + seen_and_all(&dovecot, ".Sent Items").1,
        2
    );
    stop.cancel();
    task.await.expect("ended");
}
