//! System e-mail: its settings, what is written by it, its log. For super-administrators and programs; none of it
//! touches a personal message, but that one may be sent through the system's server.

use bytes::Bytes;
use domain::Before;
use domain::CleanText;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::Page;
use domain::Timestamp;
use domain::account::AccountState;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::message::InternetMessageId;
use domain::outbox::OutboxState;
use domain::outbox::SentCopy;
use domain::system_mail::CUSTOMER_MAIL;
use domain::system_mail::STAFF_MAIL;
use domain::system_mail::SYSTEM;
use domain::system_mail::SystemMailRules;
use domain::system_mail::parse_headers;
use domain::text::sentence;
use mime::ComposedFile;
use mime::Composition;
use mime::Mailbox;
use secrecy::SecretString;
use std::time::Duration;
use store::Conn;
use store::Tx;
use store::accounts;
use store::accounts::AccountStatus;
use store::accounts::MailAccount;
use store::administrators;
use store::administrators::Administrator;
use store::outbox;
use store::outbox::Entry;
use store::settings;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::accounts::check_smtp;
use crate::delivery::SmtpCredentials;
use crate::drafts::clean_type;
use crate::drafts::mailbox_of;
use crate::outbox::Queued;
use crate::outbox::ToQueue;

const RULES: &str = "system_mail";
const DAY: Duration = Duration::from_secs(24 * 3600);
const LOG_PAGE: u32 = 500;
const LOG_STEPS: usize = 20;
const MAX_DAYS: u32 = 365;
const MAX_COPIES: usize = 20;
const MAX_SYSTEM_RECIPIENTS: usize = 50;

/// "Config / Main / Email", as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemMailForm {
    pub sender_name: String,
    pub sender_email: String,
    pub admin_email: String,
    pub send_to: String,
    /// Addresses with commas between.
    pub copy_to: String,
    pub days_until_expiration: u32,
    /// One a line.
    pub headers: String,
    /// `enabled`: "Enable email sending".
    pub smtp: SmtpSettings,
}

/// What a program, or the system itself, writes.
#[derive(Clone, Debug)]
pub struct SystemMessage {
    /// Name, and address as it was typed.
    pub to: Vec<(String, String)>,
    pub subject: String,
    pub html: String,
    pub files: Vec<SystemFile>,
}

#[derive(Clone, Debug)]
pub struct SystemFile {
    pub name: String,
    pub content_type: String,
    pub bytes: Bytes,
}

/// How a system message stands, in the words of the mail log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    New,
    Sending,
    Sent,
    Error,
    Expired,
    AttachmentError,
}

impl LogState {
    const ALL: [LogState; 6] = [
        LogState::New,
        LogState::Sending,
        LogState::Sent,
        LogState::Error,
        LogState::Expired,
        LogState::AttachmentError,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            LogState::New => "new",
            LogState::Sending => "sending",
            LogState::Sent => "sent",
            LogState::Error => "error",
            LogState::Expired => "expired",
            LogState::AttachmentError => "attachment_error",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// 552: too much of it for the server (RFC 5321 §4.2.3); what makes a system message long is what is attached.
    fn of(entry: &Entry) -> Self {
        let is_too_long = entry.said.as_ref().is_some_and(|said| said.starts_with("552"));
        match entry.state {
            OutboxState::Queued => LogState::New,
            OutboxState::Sending => LogState::Sending,
            OutboxState::Sent => LogState::Sent,
            OutboxState::Expired => LogState::Expired,
            OutboxState::Failed if is_too_long => LogState::AttachmentError,
            // What is tried again says why, as an error does.
            OutboxState::Failed | OutboxState::Unknown | OutboxState::Retrying | OutboxState::Bounced => {
                LogState::Error
            }
        }
    }
}

/// Who sends a message that goes through the system's server.
pub(crate) struct SystemSender {
    pub mailbox: Mailbox,
}

impl Services {
    /// As it is set; the password is never given back.
    pub async fn get_system_mail(&self, viewer: Viewer) -> Result<SystemMailForm, ServiceError> {
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        let account = accounts::find(&mut conn, CUSTOMER_MAIL).await?;
        let rules = rules(&mut conn).await?;
        let headers = rules
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        let copies: Vec<_> = rules.copy_to.iter().map(EmailAddress::as_str).collect();
        let smtp = account.as_ref().and_then(|account| account.smtp.clone());
        Ok(SystemMailForm {
            sender_name: account
                .as_ref()
                .map(|account| account.name.clone())
                .unwrap_or_default(),
            sender_email: account
                .map(|account| account.address.to_string())
                .unwrap_or_default(),
            admin_email: rules
                .admin_email
                .map(|address| address.to_string())
                .unwrap_or_default(),
            send_to: rules
                .send_to
                .map(|address| address.to_string())
                .unwrap_or_default(),
            copy_to: copies.join(", "),
            days_until_expiration: rules.days_until_expiration,
            headers: headers.collect::<String>().trim_end().to_owned(),
            smtp: smtp.unwrap_or_default(),
        })
    }

    /// Personal accounts that send through another server than before wait until their owners agree.
    pub async fn save_system_mail(
        &self,
        viewer: Viewer,
        form: SystemMailForm,
        password: Option<SecretString>,
    ) -> Result<(), ServiceError> {
        self.require_super(viewer).await?;
        let (address, rules) = check(&form)?;
        let smtp = check_smtp(SmtpSettings {
            use_system: false,
            ..form.smtp.clone()
        })?;
        let mut tx = self.db.begin_write().await?;
        self.make_system_accounts(&mut tx, &address).await?;
        for id in [CUSTOMER_MAIL, STAFF_MAIL] {
            let account = accounts::find(&mut tx, id).await?.ok_or(ServiceError::NotFound)?;
            let account = MailAccount {
                name: CleanText::cut(&form.sender_name, 100).into_string(),
                address: address.clone(),
                smtp: Some(smtp.clone()),
                ..account
            };
            if id == CUSTOMER_MAIL {
                self.seal_smtp_password(&mut tx, &account, password.clone())
                    .await?;
            }
            accounts::update_settings(&mut tx, &account).await?;
            outbox::make_due(&mut tx, id, self.now()).await?;
        }
        settings::save(&mut tx, RULES, &rules).await?;
        self.record(&mut tx, viewer, None, "system_mail_changed", "")
            .await?;
        tx.commit().await?;
        let needs_password = smtp.enabled && smtp.auth != SmtpAuth::None;
        if needs_password && self.system_credentials().await?.is_none() {
            let message = "Type the password: the stored one is for another server.";
            return Err(ServiceError::field("password", message));
        }
        for account in [CUSTOMER_MAIL, STAFF_MAIL] {
            self.events.publish(Event::OutboxChanged { account });
        }
        Ok(())
    }

    /// They belong to nobody who can sign in.
    async fn make_system_accounts(&self, tx: &mut Tx, address: &EmailAddress) -> Result<(), ServiceError> {
        if accounts::find(tx, CUSTOMER_MAIL).await?.is_some() {
            return Ok(());
        }
        let now = self.now();
        let system = Administrator {
            id: SYSTEM,
            // No login is empty, and no password has an empty hash.
            login: String::new(),
            name: "System".into(),
            password_hash: String::new(),
            is_super: false,
            time_zone: "UTC".into(),
            language: String::new(),
            formats: String::new(),
            disabled_at: None,
            totp_secret: None,
        };
        administrators::insert(tx, &system, now).await?;
        administrators::set_disabled(tx, SYSTEM, Some(now)).await?;
        for id in [CUSTOMER_MAIL, STAFF_MAIL] {
            let account = MailAccount {
                id,
                owner: SYSTEM,
                name: String::new(),
                address: address.clone(),
                aliases: Vec::new(),
                username: String::new(),
                tracking: Tracking::default(),
                deny_list: String::new(),
                imap: None,
                smtp: None,
                sealed_at: None,
                notice_due: false,
                status: AccountStatus {
                    state: AccountState::Off,
                    since: now,
                    error: None,
                    next_try_at: None,
                    last_sync_at: None,
                },
            };
            accounts::insert(tx, &account, now).await?;
        }
        Ok(())
    }

    /// What "Test" signs in with: the form, and the stored password where it fits.
    pub async fn system_credentials_to_test(
        &self,
        viewer: Viewer,
        smtp: SmtpSettings,
        typed: Option<SecretString>,
    ) -> Result<SmtpCredentials, ServiceError> {
        self.require_super(viewer).await?;
        let settings = check_smtp(SmtpSettings {
            enabled: true,
            use_system: false,
            ..smtp
        })?;
        let mut conn = self.db.read().await?;
        let account = accounts::find(&mut conn, CUSTOMER_MAIL).await?;
        let password = match (typed, &account) {
            (Some(typed), _) => Some(typed),
            (None, Some(account)) => self.open_smtp_password(&mut conn, account, &settings).await?,
            (None, None) => None,
        };
        if password.is_none() && settings.auth != SmtpAuth::None {
            let message = "Type the password: the stored one is for another server.";
            return Err(ServiceError::field("password", message));
        }
        Ok(SmtpCredentials {
            username: settings.username.clone().unwrap_or_default(),
            settings,
            password,
        })
    }

    /// `None`: system e-mail is off, or its password is missing.
    pub(crate) async fn system_credentials(&self) -> Result<Option<SmtpCredentials>, ServiceError> {
        let mut conn = self.db.read().await?;
        let Some((account, settings)) = system_account(&mut conn).await? else {
            return Ok(None);
        };
        let password = match settings.auth {
            SmtpAuth::None => None,
            _ => self.open_smtp_password(&mut conn, &account, &settings).await?,
        };
        let is_complete = password.is_some() || settings.auth == SmtpAuth::None;
        Ok(is_complete.then(|| SmtpCredentials {
            username: settings.username.clone().unwrap_or_default(),
            settings,
            password,
        }))
    }

    async fn system_account(&self) -> Result<Option<(MailAccount, SmtpSettings)>, ServiceError> {
        let mut conn = self.db.read().await?;
        system_account(&mut conn).await
    }

    /// The server that "Use system SMTP" stands for, as its users may know it: sender, and settings without a login.
    pub async fn system_server(&self) -> Result<Option<(String, SmtpSettings)>, ServiceError> {
        let system = self.system_account().await?;
        Ok(system.map(|(account, settings)| {
            let settings = SmtpSettings {
                username: None,
                ..settings
            };
            (account.address.to_string(), settings)
        }))
    }

    /// For an account that sends through the system's server. Inner error: why it does not, and what to do.
    pub(crate) async fn system_sender(
        &self,
        settings: &SmtpSettings,
    ) -> Result<Result<SystemSender, &'static str>, ServiceError> {
        let Some((account, server)) = self.system_account().await? else {
            return Ok(Err(
                "System e-mail is off: turn \"Use system SMTP\" off, or ask a super-administrator.",
            ));
        };
        if settings.confirmed_system.as_deref() != Some(server.server_key().as_str()) {
            return Ok(Err(
                "The system's mail server has changed: look at Email account, SMTP settings, and save them to agree.",
            ));
        }
        Ok(Ok(SystemSender {
            mailbox: mailbox_of(&account),
        }))
    }

    /// `POST /api/v1/system-mail`: to customers. Shown to everyone who can open them.
    pub async fn write_to_customers(
        &self,
        message: SystemMessage,
        key: Option<&str>,
    ) -> Result<Queued, ServiceError> {
        self.write_as_system(CUSTOMER_MAIL, message, key).await
    }

    /// A message that shows that it works, to this address.
    pub async fn send_system_test(&self, viewer: Viewer, to: &str) -> Result<Queued, ServiceError> {
        self.require_super(viewer).await?;
        let message = SystemMessage {
            to: vec![(String::new(), to.to_owned())],
            subject: "Test message".into(),
            html: "<p>This message shows that system e-mail works.</p>".into(),
            files: Vec::new(),
        };
        self.write_as_system(STAFF_MAIL, message, None).await
    }

    pub(crate) async fn write_as_system(
        &self,
        account: MailAccountId,
        message: SystemMessage,
        key: Option<&str>,
    ) -> Result<Queued, ServiceError> {
        let hashes = key.map(|key| (blake3::hash(key.as_bytes()).into(), message_hash(&message)));
        if let Some((key, body)) = hashes
            && let Some(queued) = self.find_request(SYSTEM, key, body).await?
        {
            return Ok(queued);
        }
        let mut conn = self.db.read().await?;
        let found = accounts::find(&mut conn, account).await?;
        let account = found.filter(|account| account.smtp.as_ref().is_some_and(|smtp| smtp.enabled));
        let account = account.ok_or_else(|| {
            ServiceError::field(
                "enabled",
                "System e-mail is off: a super-administrator turns it on under Config, Email.",
            )
        })?;
        let rules = rules(&mut conn).await?;
        drop(conn);
        let written = parse_recipients(&message.to)?;
        let to = match &rules.send_to {
            None => written,
            Some(only) => vec![Mailbox {
                name: CleanText::default(),
                address: only.clone(),
            }],
        };
        let mut recipients: Vec<_> = to.iter().map(|mailbox| mailbox.address.clone()).collect();
        // Who gets a copy stands nowhere in it.
        recipients.extend(rules.copy_to.iter().cloned());
        recipients.sort();
        recipients.dedup();
        let now = self.now();
        let id: MessageId = self.ids.next();
        let token = self.keys.message_id_token(account.id, id);
        let message_id = InternetMessageId::new(&format!("{token}@{}", account.address.domain()));
        // RFC 3834 §5: who answers by itself does not answer this.
        let automatic = ("Auto-Submitted".to_owned(), "auto-generated".to_owned());
        let files = message.files.into_iter().map(|file| ComposedFile {
            name: CleanText::cut(&file.name, 150),
            content_type: clean_type(&file.content_type),
            content_id: None,
            bytes: file.bytes,
        });
        let composition = Composition {
            from: mailbox_of(&account),
            reply_to: None,
            to,
            cc: Vec::new(),
            subject: CleanText::cut(&message.subject, 900),
            html: self.clean_html(&message.html).await?,
            message_id: message_id.ok_or(ServiceError::Damaged)?,
            token,
            date: now,
            in_reply_to: None,
            references: Vec::new(),
            headers: std::iter::once(automatic).chain(rules.headers).collect(),
            files: files.collect(),
        };
        let queued = ToQueue {
            id,
            sender: SYSTEM,
            envelope_from: account.address.clone(),
            account,
            composition,
            bcc: Vec::new(),
            recipients,
            thread: None,
            answers: None,
            due_at: now,
            expires_at: now.plus(DAY * rules.days_until_expiration),
            sent_copy: SentCopy::None,
            request: hashes,
            draft: None,
            audited_as: None,
        };
        self.enqueue(queued).await
    }

    /// The mail log: system mail of a period, newest first.
    pub async fn list_system_mail(
        &self,
        viewer: Viewer,
        from: Timestamp,
        until: Timestamp,
        state: Option<LogState>,
        before: Before,
    ) -> Result<Page<(Entry, LogState)>, ServiceError> {
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        let mut log = Page {
            rows: Vec::new(),
            older: Some(before),
        };
        // A state may let few of them through: then the next are looked at, and what comes after is said.
        for _ in 0..LOG_STEPS {
            let Some(before) = log.older.filter(|_| log.rows.is_empty()) else {
                break;
            };
            let entries = outbox::list_system_mail(&mut conn, from, until, before, LOG_PAGE).await?;
            log.older = entries.older;
            let stated = entries.into_iter().map(|entry| (LogState::of(&entry), entry));
            let wanted = stated.filter(|(found, _)| state.is_none_or(|wanted| wanted == *found));
            log.rows.extend(wanted.map(|(found, entry)| (entry, found)));
        }
        Ok(log)
    }
}

/// `None`: system e-mail is off.
pub(crate) async fn system_account(
    conn: &mut Conn,
) -> Result<Option<(MailAccount, SmtpSettings)>, ServiceError> {
    let account = accounts::find(conn, CUSTOMER_MAIL).await?;
    Ok(account.and_then(|account| {
        let smtp = account.smtp.clone().filter(|smtp| smtp.enabled)?;
        Some((account, smtp))
    }))
}

async fn rules(conn: &mut Conn) -> Result<SystemMailRules, ServiceError> {
    Ok(settings::find(conn, RULES).await?.unwrap_or_default())
}

fn check(form: &SystemMailForm) -> Result<(EmailAddress, SystemMailRules), ServiceError> {
    let mut errors = Vec::new();
    let mut address = |field: &'static str, text: &str| {
        let parsed = EmailAddress::parse(text);
        if parsed.is_err() {
            errors.push(FieldError::new(
                field,
                "An e-mail address has the form name@domain.",
            ));
        }
        parsed.ok()
    };
    let sender = address("sender_email", &form.sender_email);
    let mut optional = |field, text: &str| match text.trim().is_empty() {
        true => None,
        false => address(field, text),
    };
    let admin_email = optional("admin_email", &form.admin_email);
    let send_to = optional("send_to", &form.send_to);
    let copies = form
        .copy_to
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let copy_to: Vec<_> = copies.filter_map(|text| optional("copy_to", text)).collect();
    if copy_to.len() > MAX_COPIES {
        errors.push(FieldError::new(
            "copy_to",
            format!("At most {MAX_COPIES} addresses get a copy."),
        ));
    }
    if form.days_until_expiration == 0 || form.days_until_expiration > MAX_DAYS {
        let message = format!("From 1 to {MAX_DAYS} days are expected.");
        errors.push(FieldError::new("days_until_expiration", message));
    }
    let headers = parse_headers(&form.headers);
    if let Err(error) = &headers {
        errors.push(FieldError::new("headers", sentence(&error.to_string())));
    }
    match (sender, headers) {
        (Some(sender), Ok(headers)) if errors.is_empty() => Ok((
            sender,
            SystemMailRules {
                admin_email,
                send_to,
                copy_to,
                days_until_expiration: form.days_until_expiration,
                headers,
            },
        )),
        _ => Err(ServiceError::Invalid(errors)),
    }
}

fn parse_recipients(to: &[(String, String)]) -> Result<Vec<Mailbox>, ServiceError> {
    if to.is_empty() || to.len() > MAX_SYSTEM_RECIPIENTS {
        let message = format!("From 1 to {MAX_SYSTEM_RECIPIENTS} recipients are expected.");
        return Err(ServiceError::field("to", message));
    }
    let parsed = to.iter().map(|(name, address)| {
        Ok(Mailbox {
            name: CleanText::cut(name, 100),
            address: EmailAddress::parse(address)?,
        })
    });
    let parsed: Result<Vec<_>, domain::address::AddressError> = parsed.collect();
    parsed.map_err(|_| ServiceError::field("to", "An e-mail address has the form name@domain."))
}

fn message_hash(message: &SystemMessage) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for (name, address) in &message.to {
        part(name.as_bytes());
        part(address.as_bytes());
    }
    part(message.subject.as_bytes());
    part(message.html.as_bytes());
    for file in &message.files {
        part(file.name.as_bytes());
        part(&file.bytes);
    }
    *hasher.finalize().as_bytes()
}
