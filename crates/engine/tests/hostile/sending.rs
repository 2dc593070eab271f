//! What a field of a message may hold, and what its text may: none of it reaches the wire as structure.

use std::path::Path;

use domain::outbox::OutboxState;
use secrecy::SecretString;
use serde_json::Value;
use service::ServiceError;
use service::accounts::Card;
use service::drafts::NewFile;
use service::drafts::Save;
use service::drafts::WrittenAddress;
use service::outbox::SendForm;

use crate::fields::only;
use crate::fields::text;
use crate::find;
use crate::report::Report;
use crate::support::desk::Desk;

const INTENDED: &str = "kelly@out.example";

pub async fn run(folder: &Path, report: &mut Report) {
    let injection = load(folder, "injection.json", report);
    let smuggling = load(folder, "smtp-smuggling.json", report);
    if injection.is_empty() && smuggling.is_empty() {
        return;
    }
    let desk = Desk::new().await;
    let (stop, task) = desk.work("hostile");
    let mut suite = report.suite("injection");
    let mut elsewhere = 0;
    for (number, case) in injection.iter().enumerate() {
        let field = case["field"].as_str().unwrap_or_default();
        if ELSEWHERE.contains(&field) {
            elsewhere += 1;
            continue;
        }
        suite.case(&format!("{number} {field}"), injected(&desk, case).await);
    }
    suite.note(&format!(
        "{elsewhere} of {} are about fields that no message has here",
        injection.len()
    ));
    drop(suite);
    let mut suite = report.suite("smuggling");
    for (number, case) in smuggling.iter().enumerate() {
        let encoding = case["enc"].as_str().unwrap_or_default();
        suite.case(&format!("{number} {encoding}"), smuggled(&desk, case).await);
    }
    drop(suite);
    stop.cancel();
    let _ = task.await;
}

fn load(folder: &Path, name: &str, report: &mut Report) -> Vec<Value> {
    let Some(path) = find(folder, name, report) else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).expect("list");
    serde_json::from_str(&text).expect("JSON")
}

/// Fields of other programs: no message and no setting has them here.
const ELSEWHERE: &[&str] = &[
    "in_reply_to",
    "references",
    "cid",
    "custom_header_name",
    "custom_header_value",
    "signature_name",
    "mailbox_name",
    "imap_search_text",
    "imap_user",
    "imap_password",
    "deny_list_line",
    "folder_sent",
    "tag",
];

async fn injected(desk: &Desk, case: &Value) -> Result<(), String> {
    only(case, &["id", "field", "payload", "expect"])?;
    let field = text(case, "field")?;
    let outcome = inject(desk, field, text(case, "payload")?).await;
    let outcome = outcome.ok_or_else(|| format!("this runner does not know the field {field:?}"))?;
    outcome.map_or(Ok(()), Err)
}

async fn smuggled(desk: &Desk, case: &Value) -> Result<(), String> {
    only(case, &["id", "eod", "enc", "payload", "expect"])?;
    let encoding = text(case, "enc")?;
    if !["text", "8bit", "html", "subject-b64", "raw-attachment"].contains(&encoding) {
        return Err(format!("this runner does not know the encoding {encoding:?}"));
    }
    smuggle(desk, encoding, text(case, "payload")?)
        .await
        .map_or(Ok(()), Err)
}

/// `None`: there is no such field. Inner `None`: it is harmless.
async fn inject(desk: &Desk, field: &str, payload: &str) -> Option<Option<String>> {
    let mut send = desk.form(&[INTENDED], &[]);
    let payload_address = || WrittenAddress {
        name: String::new(),
        address: payload.to_owned(),
    };
    let draft_file = match field {
        "to" => {
            send.form.recipients.to.push(payload_address());
            None
        }
        "cc" => {
            send.form.recipients.cc.push(payload_address());
            None
        }
        "bcc" => {
            send.form.recipients.bcc.push(payload_address());
            None
        }
        "display_name" => {
            send.form.recipients.to[0].name = payload.to_owned();
            None
        }
        "subject" => {
            send.form.subject = payload.to_owned();
            None
        }
        "from_name" | "from_addr" | "reply_to" | "ehlo_name" | "smtp_user" => {
            return Some(inject_setting(desk, field, payload, send).await);
        }
        "attachment_name" => Some((payload, "application/pdf")),
        "attachment_type" => Some(("a.pdf", payload)),
        _ => return None,
    };
    if let Some((name, kind)) = draft_file {
        let draft = desk
            .services
            .save_draft(desk.alice, Save::default(), send.form.clone())
            .await
            .expect("draft")
            .id;
        let bytes = bytes::Bytes::from_static(b"PDF");
        desk.services
            .attach(
                desk.alice,
                draft,
                NewFile {
                    id: None,
                    name,
                    content_type: kind,
                    inline: false,
                    bytes,
                },
            )
            .await
            .expect("attached");
        send.draft = Some(draft);
    }
    Some(sent_as_intended(desk, send).await)
}

async fn inject_setting(desk: &Desk, field: &str, payload: &str, send: SendForm) -> Option<String> {
    let account = desk
        .services
        .get_own_account(desk.alice, desk.account)
        .await
        .expect("account");
    let mut smtp = account.smtp.clone().expect("SMTP");
    let mut credentials = (account.name.clone(), account.address.to_string());
    match field {
        "from_name" => credentials.0 = payload.to_owned(),
        "from_addr" => credentials.1 = payload.to_owned(),
        "reply_to" => smtp.reply_to = Some(payload.to_owned()),
        "ehlo_name" => smtp.local_domain = Some(payload.to_owned()),
        _ => smtp.username = Some(payload.to_owned()),
    }
    let saved = save(desk, credentials, smtp).await;
    let problem = match saved {
        Ok(()) => sent_as_intended(desk, send).await,
        Err(ServiceError::Invalid(_)) => None,
        Err(error) => Some(error.to_string()),
    };
    let original = account.smtp.expect("SMTP");
    save(desk, (account.name, account.address.to_string()), original)
        .await
        .expect("as it was");
    problem
}

async fn save(
    desk: &Desk,
    (name, address): (String, String),
    smtp: domain::account::SmtpSettings,
) -> Result<(), ServiceError> {
    let password = Some(SecretString::from("secret".to_owned()));
    let cards = [
        Card::Credentials {
            name,
            address,
            aliases: Vec::new(),
            username: String::new(),
            password: None,
        },
        Card::Smtp {
            settings: smtp,
            password,
        },
    ];
    for card in cards {
        desk.services.save_card(desk.alice, desk.account, card).await?;
    }
    Ok(())
}

/// Fields of a header that we write; each at most once.
const FIELDS: &[&str] = &[
    "message-id",
    "date",
    "from",
    "subject",
    "x-waxseal-id",
    "reply-to",
    "to",
    "cc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];

async fn sent_as_intended(desk: &Desk, send: SendForm) -> Option<String> {
    let written: Vec<String> = [
        &send.form.recipients.to,
        &send.form.recipients.cc,
        &send.form.recipients.bcc,
    ]
    .into_iter()
    .flatten()
    .filter_map(|one| domain::EmailAddress::parse(&one.address).ok())
    .map(|address| address.to_string())
    .collect();
    let (before, wire_before) = (desk.server.ledger().len(), desk.server.wire().len());
    let queued = match desk.services.send(desk.alice, send, None).await {
        Err(ServiceError::Invalid(_)) => return None,
        Err(error) => return Some(error.to_string()),
        Ok(queued) => queued,
    };
    let entry = desk.settled(queued.message).await;
    let ledger = desk.server.ledger();
    if entry.state != OutboxState::Sent || ledger.len() != before + 1 {
        return Some(format!(
            "{:?}, {} transactions: {:?}",
            entry.state,
            ledger.len() - before,
            entry.said
        ));
    }
    let sent = &ledger[before];
    let mut recipients = sent.recipients.clone();
    let mut written = written;
    recipients.sort();
    written.sort();
    written.dedup();
    if recipients != written {
        return Some(format!("recipients {recipients:?}"));
    }
    let wire = &desk.server.wire()[wire_before..];
    structure(&sent.data).or_else(|| line_ends(wire))
}

fn structure(data: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(data);
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut met: Vec<String> = Vec::new();
    for line in header.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !FIELDS.contains(&name.as_str()) || met.contains(&name) {
            return Some(format!("a field {name:?}"));
        }
        met.push(name);
    }
    None
}

/// No bare CR or LF, and one end of data, whichever way a server reads it.
fn line_ends(wire: &[u8]) -> Option<String> {
    for (at, byte) in wire.iter().enumerate() {
        let bare = match byte {
            b'\r' => wire.get(at + 1) != Some(&b'\n'),
            b'\n' => at == 0 || wire[at - 1] != b'\r',
            0 => true,
            _ => false,
        };
        if bare {
            return Some(format!("a bare line end or NUL at {at}"));
        }
    }
    let ends = wire.windows(5).filter(|window| *window == b"\r\n.\r\n").count();
    (ends != 1).then(|| format!("{ends} ends of data"))
}

async fn smuggle(desk: &Desk, encoding: &str, payload: &str) -> Option<String> {
    let mut send = desk.form(&[INTENDED], &[]);
    match encoding {
        "subject-b64" => send.form.subject = payload.to_owned(),
        "raw-attachment" => {
            let draft = desk
                .services
                .save_draft(desk.alice, Save::default(), send.form.clone())
                .await
                .expect("draft")
                .id;
            let bytes = bytes::Bytes::copy_from_slice(payload.as_bytes());
            let attached = desk
                .services
                .attach(
                    desk.alice,
                    draft,
                    NewFile {
                        id: None,
                        name: "a.txt",
                        content_type: "text/plain",
                        inline: false,
                        bytes,
                    },
                )
                .await;
            attached.expect("attached");
            send.draft = Some(draft);
        }
        "html" => send.form.html = payload.to_owned(),
        _ => send.form.html = format!("<pre>{payload}</pre>"),
    }
    sent_as_intended(desk, send).await
}
