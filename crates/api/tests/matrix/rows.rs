//! One row for each operation: whose business it is, and what it answers to whom it is granted.

use crate::world::Target;

/// Ordered: each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    See,
    Reply,
    Manage,
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Needs no session.
    Everybodys,
    /// Of whoever is signed in, about themselves.
    OwnRecord,
    Supers,
    /// `{id}` is a session.
    Session,
    /// `{id}` is a mail account, and this level is needed there.
    Account(Level),
    /// `{id}` is a message.
    Message(Level),
    /// `{id}` is a draft of somebody's own.
    Draft,
    /// `{id}` is a message on its way out, and this level is needed in its account.
    Outgoing(Level),
    /// `{id}` is a thread, and this level is needed in its account.
    Thread(Level),
}

pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub whose: Whose,
    pub body: &'static str,
    /// To whom it is granted.
    pub success: u16,
    /// To the owner of a sealed account, about that account.
    pub sealed: u16,
}

impl Row {
    pub fn targets(&self) -> &'static [Target] {
        match self.whose {
            Whose::Account(_) | Whose::Message(_) | Whose::Thread(_) | Whose::Outgoing(_) => {
                &[Target::Own, Target::Granted, Target::Foreign, Target::Missing]
            }
            Whose::Session | Whose::Draft => &[Target::Foreign, Target::Missing, Target::Own],
            _ => &[Target::Own],
        }
    }
}

const fn row(
    method: &'static str,
    path: &'static str,
    whose: Whose,
    body: &'static str,
    success: u16,
) -> Row {
    let sealed = match whose {
        // The owner's settings say that they are sealed; content is not there.
        Whose::Account(Level::Own) => 409,
        _ => 404,
    };
    Row {
        method,
        path,
        whose,
        body,
        success,
        sealed,
    }
}

const fn sealed(row: Row, sealed: u16) -> Row {
    Row { sealed, ..row }
}

use Level::Manage;
use Level::Own;
use Level::Reply;
use Level::See;
use Whose::Account;
use Whose::Draft;
use Whose::Everybodys;
use Whose::Message;
use Whose::Outgoing;
use Whose::OwnRecord;
use Whose::Session;
use Whose::Supers;
use Whose::Thread;

const IMAP: &str =
    r#"{"server":"imap.example.org","port":993,"security":"tls","username":"","password":"x"}"#;
const SYSTEM_MAIL: &str = r#"{"sender_name":"ISP","sender_email":"noreply@isp.example","admin_email":"","enabled":false,"send_to":"","copy_to":"","days_until_expiration":2,"limit_per_hour":0,"server":"smtp.example.org","port":587,"security":"tls","auth":"none","username":"","headers":"","password":"kumquatsystem"}"#;
const TRACKING: &str = r#"{"enabled":true,"messages":"all","mark_as_read":false,"deny_list":""}"#;
const CREDENTIALS: &str = r#"{"name":"","address":"a@b.example","aliases":[],"username":""}"#;
const SMTP: &str =
    r#"{"enabled":false,"server":"","port":587,"security":"tls","auth":"plain","use_system":false}"#;
const NEW_STAFF: &str = r#"{"login":"newcomer","name":"New","is_super":false,"time_zone":"UTC"}"#;
const PASSWORDS: &str =
    r#"{"current_password":"correct horse battery","new_password":"another long password"}"#;
const WRONG_FACTOR: &str =
    r#"{"password":"correct horse battery","secret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP","code":"000000"}"#;

const FROM_OWN: &str =
    r#"{"account_id":"{own}","to":[{"address":"kelly@out.example"}],"subject":"Hi","html":"<p>Hi</p>"}"#;
const FROM_ACCOUNT: &str =
    r#"{"account_id":"{account}","to":[{"address":"kelly@out.example"}],"subject":"Hi","html":"<p>Hi</p>"}"#;
const SMTP_TEST: &str = r#"{"enabled":true,"server":"smtp.example.org","port":587,"security":"tls","auth":"plain","use_system":false,"password":"x"}"#;

const PAIR: &str = r#"{"party_id":"{party}"}"#;
const PARTY: &str = r#"{"kind":"customer","name":"New","number":"","phone":"","status":"","external_id":null,"notes":"","addresses":["new@out.example"]}"#;
const UNBLOCK: &str = r#"{"account_id":"{party}","lines":[],"messages":0,"deleted_at_ms":null}"#;

pub const ROWS: &[Row] = &[
    row("GET", "/setup", Everybodys, "", 200),
    row(
        "POST",
        "/setup",
        Everybodys,
        r#"{"token":"x","login":"a","name":"a","password":"a","time_zone":"UTC"}"#,
        404,
    ),
    row(
        "POST",
        "/session",
        Everybodys,
        r#"{"login":"nobody","password":"x"}"#,
        401,
    ),
    row(
        "POST",
        "/welcome",
        Everybodys,
        r#"{"token":"x","password":"correct horse battery"}"#,
        404,
    ),
    row("GET", "/frames/{capability}", Everybodys, "", 404),
    row("GET", "/parts/{capability}", Everybodys, "", 404),
    row("GET", "/images/{capability}", Everybodys, "", 404),
    row("GET", "/session", OwnRecord, "", 200),
    row("DELETE", "/session", OwnRecord, "", 204),
    row(
        "PUT",
        "/profile",
        OwnRecord,
        r#"{"name":"Me","time_zone":"UTC"}"#,
        204,
    ),
    row("PUT", "/profile/password", OwnRecord, PASSWORDS, 204),
    row("POST", "/profile/second-factor/proposal", OwnRecord, "", 200),
    row("PUT", "/profile/second-factor", OwnRecord, WRONG_FACTOR, 422),
    row(
        "DELETE",
        "/profile/second-factor",
        OwnRecord,
        r#"{"password":"correct horse battery"}"#,
        204,
    ),
    row("GET", "/sessions", OwnRecord, "", 200),
    row("DELETE", "/sessions/{id}", Session, "", 204),
    row("GET", "/administrators", OwnRecord, "", 200),
    row("GET", "/owners", OwnRecord, "", 200),
    row("GET", "/events", OwnRecord, "", 200),
    row(
        "POST",
        "/discovery",
        OwnRecord,
        r#"{"address":"somebody@gmail.com"}"#,
        200,
    ),
    row("GET", "/unread", OwnRecord, "", 200),
    row("GET", "/messages", OwnRecord, "", 200),
    row("GET", "/accounts", OwnRecord, "", 200),
    row(
        "POST",
        "/accounts",
        OwnRecord,
        r#"{"name":"","address":"second@isp.example"}"#,
        201,
    ),
    row("GET", "/staff", Supers, "", 200),
    row("POST", "/staff", Supers, NEW_STAFF, 201),
    row(
        "PUT",
        "/staff/{id}",
        Supers,
        r#"{"is_super":false,"disabled":true}"#,
        204,
    ),
    row("POST", "/staff/{id}/reset", Supers, "", 200),
    row(
        "POST",
        "/staff/link-mail",
        Supers,
        r#"{"to":"a@b.example","token":"x"}"#,
        404,
    ),
    // Zoe is not disabled: nobody's mail is erased while they may sign in.
    row("DELETE", "/staff/{id}/mail", Supers, "", 422),
    row("GET", "/audit", Supers, "", 200),
    row("GET", "/api-tokens", Supers, "", 200),
    row(
        "POST",
        "/api-tokens",
        Supers,
        r#"{"name":"CRM","scope":"parties","days":30}"#,
        201,
    ),
    row("DELETE", "/api-tokens/{id}", Supers, "", 404),
    // No session opens these: they want a token, and tokens see no mail (tests/http.rs).
    row("PUT", "/crm/parties/{external_id}", Everybodys, PARTY, 401),
    row("GET", "/parties/changes", Everybodys, "", 401),
    row("GET", "/parties/by-external-id/{external_id}", OwnRecord, "", 404),
    // What somebody may take out of whose mail: engine/tests/exports.rs.
    row("POST", "/exports", OwnRecord, r#"{"format":"pdf"}"#, 422),
    row("GET", "/exports/{id}", OwnRecord, "", 404),
    row("GET", "/exports/{id}/file", OwnRecord, "", 404),
    row("GET", "/alarms", OwnRecord, "", 200),
    row("GET", "/explain?of=kelly%40out.example", OwnRecord, "", 200),
    row("POST", "/release", Supers, "", 204),
    row("GET", "/system-mail/settings", Supers, "", 200),
    row("PUT", "/system-mail/settings", Supers, SYSTEM_MAIL, 204),
    // No server of the test may be dialled: the result says so.
    row("POST", "/system-mail/test", Supers, SYSTEM_MAIL, 200),
    row(
        "POST",
        "/system-mail/send-test",
        Supers,
        r#"{"to":"a@b.example"}"#,
        422,
    ),
    row("GET", "/sign-in-providers", OwnRecord, "", 200),
    row("GET", "/sign-in-providers/settings", Supers, "", 200),
    row(
        "PUT",
        "/sign-in-providers/settings",
        Supers,
        r#"{"kind":"google","client_id":"we","secret":"kumquatclient"}"#,
        204,
    ),
    // None is set up.
    row("DELETE", "/sign-in-providers/settings/{id}", Supers, "", 404),
    // The provider is not set up: said after the question whose the account is.
    // The owner of a sealed account, too: a sign-in opens it.
    sealed(
        row(
            "POST",
            "/accounts/{id}/sign-in",
            Account(Own),
            r#"{"provider_id":"{party}"}"#,
            422,
        ),
        422,
    ),
    row("DELETE", "/accounts/{id}/sign-in", Account(Own), "", 204),
    // Nobody was sent anywhere: no session has begun it.
    row(
        "POST",
        "/sign-in-returned",
        OwnRecord,
        r#"{"state":"made-up","code":"made-up"}"#,
        422,
    ),
    row("GET", "/system-mail/log", Supers, "", 200),
    row(
        "POST",
        "/system-mail",
        Everybodys,
        r#"{"to":[{"address":"a@b.example"}],"subject":"s","html":"h"}"#,
        401,
    ),
    row("GET", "/accounts/{id}/system-smtp", Account(Own), "", 200),
    sealed(row("GET", "/accounts/{id}", Account(Own), "", 200), 200),
    sealed(row("DELETE", "/accounts/{id}", Account(Own), "", 204), 204),
    // No server of the test may be dialled, so none accepts the password.
    sealed(
        row(
            "POST",
            "/accounts/{id}/unseal",
            Account(Own),
            r#"{"password":"x"}"#,
            422,
        ),
        422,
    ),
    row("GET", "/accounts/{id}/status", Account(Own), "", 200),
    row("GET", "/accounts/{id}/opened", Account(Own), "", 200),
    row("GET", "/accounts/{id}/grants", Account(Own), "", 200),
    row("PUT", "/accounts/{id}/grants", Account(Own), "[]", 204),
    row(
        "POST",
        "/accounts/{id}/grants/confirm",
        Account(Own),
        r#"{"administrator_id":"{rests}"}"#,
        204,
    ),
    row("PUT", "/accounts/{id}/tracking", Account(Own), TRACKING, 204),
    row(
        "POST",
        "/accounts/{id}/deny-list/preview",
        Account(Own),
        r#"{"deny_list":"spam.example"}"#,
        200,
    ),
    row(
        "PUT",
        "/accounts/{id}/credentials",
        Account(Own),
        CREDENTIALS,
        204,
    ),
    row("PUT", "/accounts/{id}/imap", Account(Own), IMAP, 204),
    row("PUT", "/accounts/{id}/smtp", Account(Own), SMTP, 204),
    row("POST", "/accounts/{id}/test", Account(Own), IMAP, 200),
    row(
        "POST",
        "/accounts/{id}/history-preview",
        Account(Own),
        r#"{"since":"2026-01-31"}"#,
        200,
    ),
    row("POST", "/accounts/{id}/sync", Account(Own), "", 204),
    row("POST", "/accounts/{id}/audit", Account(Own), "", 202),
    row("POST", "/accounts/{id}/fetch-gap", Account(Own), "", 200),
    row("GET", "/accounts/{id}/seal", Account(See), "", 200),
    row("GET", "/messages/{id}", Message(See), "", 200),
    row("PUT", "/messages/{id}/images", Message(See), "", 204),
    row("DELETE", "/messages/{id}/images", Message(See), "", 204),
    row("PUT", "/messages/{id}/read", Message(See), "", 204),
    row("DELETE", "/messages/{id}/read", Message(See), "", 204),
    row(
        "POST",
        "/messages/acts",
        Message(See),
        r#"{"ids":["{message}"],"act":"mark_unread"}"#,
        204,
    ),
    row(
        "POST",
        "/messages/acts",
        Message(See),
        r#"{"ids":["{message}"],"act":"mark_read"}"#,
        204,
    ),
    row(
        "POST",
        "/messages/acts",
        Message(Own),
        r#"{"ids":["{message}"],"act":"delete_everywhere"}"#,
        204,
    ),
    row(
        "POST",
        "/messages/acts",
        Message(Manage),
        r#"{"ids":["{message}"],"act":"delete"}"#,
        204,
    ),
    row(
        "POST",
        "/messages/acts",
        Message(Manage),
        r#"{"ids":["{message}"],"act":"restore"}"#,
        204,
    ),
    row("GET", "/messages/{id}/eml", Message(Reply), "", 200),
    row("GET", "/messages/{id}/source", Message(Reply), "", 200),
    row("DELETE", "/messages/{id}", Message(Manage), "", 204),
    row("DELETE", "/messages/{id}?everywhere=true", Message(Own), "", 204),
    row("POST", "/messages/{id}/restore", Message(Manage), "", 204),
    row("POST", "/messages/{id}/reparse", Message(Manage), "", 200),
    row("GET", "/messages/{id}/pair", Message(Manage), "", 200),
    row("POST", "/messages/{id}/pair", Message(Manage), PAIR, 200),
    row("GET", "/messages/{id}/block", Message(Manage), "", 200),
    row(
        "POST",
        "/messages/{id}/block",
        Message(Manage),
        r#"{"scope":"address","remove":true}"#,
        200,
    ),
    sealed(
        row("POST", "/accounts/{id}/unblock", Account(Manage), UNBLOCK, 204),
        404,
    ),
    row(
        "POST",
        "/messages/{id}/answer",
        Message(Reply),
        r#"{"kind":"reply"}"#,
        201,
    ),
    row("GET", "/senders", OwnRecord, "", 200),
    row("GET", "/suggestions", OwnRecord, "", 200),
    row("GET", "/canned-responses", OwnRecord, "", 200),
    row(
        "POST",
        "/canned-responses",
        OwnRecord,
        r#"{"name":"Hello","html":"<p>Hi</p>"}"#,
        204,
    ),
    row("DELETE", "/canned-responses/{id}", OwnRecord, "", 404),
    row("GET", "/drafts", OwnRecord, "", 200),
    row("GET", "/outbox", OwnRecord, "", 200),
    // The account is named in the body.
    sealed(row("POST", "/drafts", Account(Reply), FROM_ACCOUNT, 201), 404),
    sealed(row("POST", "/outbox", Account(Reply), FROM_ACCOUNT, 202), 404),
    row("GET", "/drafts/{id}", Draft, "", 200),
    row("PUT", "/drafts/{id}", Draft, FROM_OWN, 200),
    row("DELETE", "/drafts/{id}", Draft, "", 204),
    row("POST", "/drafts/{id}/restore", Draft, "", 204),
    row("POST", "/drafts/{id}/files", Draft, "text", 201),
    row("GET", "/drafts/{id}/files/{file}", Draft, "", 404),
    row("DELETE", "/drafts/{id}/files/{file}", Draft, "", 404),
    row("GET", "/outbox/{id}", Outgoing(See), "", 200),
    // Whoever wrote it, and the owner.
    row("DELETE", "/outbox/{id}", Outgoing(Own), "", 200),
    // It is queued: there is nothing to send again, and nothing unknown.
    row("POST", "/outbox/{id}/again", Outgoing(Reply), "", 422),
    row("POST", "/outbox/{id}/went", Outgoing(Reply), "", 422),
    row(
        "PUT",
        "/accounts/{id}/signature",
        Account(Own),
        r#"{"html":"<p>A</p>"}"#,
        204,
    ),
    row("POST", "/accounts/{id}/smtp/test", Account(Own), SMTP_TEST, 200),
    row(
        "POST",
        "/accounts/{id}/smtp/send-test",
        Account(Own),
        r#"{"to":"kelly@out.example"}"#,
        202,
    ),
    row("GET", "/threads/{id}", Thread(See), "", 200),
    // There is no second thread of the account, and a thread of one message cannot be split: refused after the
    // question whose it is.
    row(
        "POST",
        "/threads/{id}/merge",
        Thread(Manage),
        r#"{"into":"{thread}"}"#,
        422,
    ),
    row(
        "POST",
        "/threads/{id}/split",
        Thread(Manage),
        r#"{"messages":[]}"#,
        422,
    ),
    row("PUT", "/threads/{id}/party", Thread(Manage), PAIR, 204),
    row("DELETE", "/threads/{id}/party", Thread(Manage), "", 204),
    // Records of customers and leads are shared by all who sign in; the mail with them is not (see the canary).
    row("GET", "/parties", OwnRecord, "", 200),
    row("POST", "/parties", OwnRecord, PARTY, 201),
    row(
        "POST",
        "/parties/import",
        OwnRecord,
        "name,email\nNew,new@out.example\n",
        200,
    ),
    row("GET", "/parties/{id}", OwnRecord, "", 200),
    row("PUT", "/parties/{id}", OwnRecord, PARTY, 204),
    row("DELETE", "/parties/{id}", OwnRecord, "", 204),
    row("DELETE", "/parties/{id}/pairings", OwnRecord, "", 204),
    row("GET", "/parties/{id}/conversation", OwnRecord, "", 200),
];
