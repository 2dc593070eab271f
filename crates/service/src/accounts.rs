//! A mail account's settings, card by card. The owner only.

use std::net::IpAddr;

use domain::AdministratorId;
use domain::Before;
use domain::CleanText;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::Page;
use domain::account::AccountState;
use domain::account::CredentialBinding;
use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::deny::DenyList;
use domain::message::SkipReason;
use domain::rules::history::HistoryRest;
use domain::text::sentence;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::Conn;
use store::Tx;
use store::account_tokens;
use store::accounts;
use store::accounts::AccountStatus;
pub use store::accounts::MailAccount;
use store::audit;
pub use store::audit::AuditEntry;
use store::folders;
pub use store::folders::SkippedCount;
use store::messages;
use store::outbox;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::data_keys::is_bound_to;
use crate::system_mail::system_account;

pub(crate) const IMAP: &str = "imap";
const SMTP: &str = "smtp";
const MAX_ACCOUNTS: usize = 20;
const OPENED_PAGE: u32 = 100;

/// One card of the page, as it is saved. A password that is `None` or empty keeps the stored one.
pub enum Card {
    Tracking {
        tracking: Tracking,
        deny_list: String,
    },
    Credentials {
        name: String,
        address: String,
        aliases: Vec<String>,
        username: String,
        password: Option<SecretString>,
    },
    Imap {
        settings: ImapSettings,
        password: Option<SecretString>,
    },
    Smtp {
        settings: SmtpSettings,
        password: Option<SecretString>,
    },
}

impl Card {
    /// Another one to sign in to the mailbox with.
    fn gives_imap_password(&self) -> bool {
        match self {
            Card::Credentials { password, .. } | Card::Imap { password, .. } => is_typed(password),
            Card::Tracking { .. } | Card::Smtp { .. } => false,
        }
    }
}

/// What the Status line shows its owner.
pub struct StatusView {
    pub messages: u64,
    pub on_server: u64,
    pub skipped: Vec<SkippedCount>,
    /// Old mail is left to be fetched.
    pub has_history: bool,
    /// Why it is not fetched just now.
    pub history_rest: Option<HistoryRest>,
    /// Reads, tests and exports by others and by the command line.
    pub opened_by: Page<AuditEntry>,
}

/// What is needed to sign in to the IMAP server.
#[derive(Clone)]
pub struct ImapCredentials {
    pub settings: ImapSettings,
    pub username: String,
    pub password: SecretString,
    /// The password is an access token.
    pub is_token: bool,
}

impl Services {
    pub async fn create_account(
        &self,
        owner: AdministratorId,
        name: &str,
        address: &str,
    ) -> Result<MailAccountId, ServiceError> {
        let address = parse_address("address", address)?;
        let account = MailAccount {
            id: self.ids.next(),
            owner,
            name: CleanText::cut(name, 100).into_string(),
            address,
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
                since: self.now(),
                error: None,
                next_try_at: None,
                last_sync_at: None,
            },
        };
        let mut tx = self.db.begin_write().await?;
        if accounts::list_of_owner(&mut tx, owner).await?.len() >= MAX_ACCOUNTS {
            return Err(ServiceError::field(
                "address",
                format!("At most {MAX_ACCOUNTS} accounts are kept."),
            ));
        }
        accounts::insert(&mut tx, &account, self.now()).await?;
        tx.commit().await?;
        Ok(account.id)
    }

    pub async fn list_own_accounts(&self, viewer: Viewer) -> Result<Vec<MailAccount>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(accounts::list_of_owner(&mut conn, viewer.administrator).await?)
    }

    pub async fn get_own_account(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<MailAccount, ServiceError> {
        let account = self.get_own_account_even_sealed(viewer, id).await?;
        refuse_if_sealed(&account)?;
        Ok(account)
    }

    /// For what a sealed account is left with: its name, being unsealed, being erased.
    pub async fn get_own_account_even_sealed(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<MailAccount, ServiceError> {
        let mut conn = self.db.read().await?;
        own_account(&mut conn, viewer, id).await
    }

    /// What unsealing tries at the mailbox's server: the stored settings, and the password that was typed. The
    /// server must be the one of before, or a foreign one would unseal.
    pub async fn credentials_to_unseal(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        password: SecretString,
    ) -> Result<ImapCredentials, ServiceError> {
        let account = self.get_own_account_even_sealed(viewer, id).await?;
        let settings = account.imap.clone().ok_or_else(|| {
            ServiceError::field(
                "password",
                "There is no IMAP server to ask. Erase the account and add it anew.",
            )
        })?;
        Ok(ImapCredentials {
            settings,
            username: account.login_name().to_owned(),
            password,
            is_token: false,
        })
    }

    /// The server has accepted the password.
    pub async fn unseal_account(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        credentials: &ImapCredentials,
    ) -> Result<(), ServiceError> {
        let account = self.get_own_account_even_sealed(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        self.seal_imap_password(&mut tx, &account, Some(credentials.password.clone()))
            .await?;
        accounts::unseal(&mut tx, id).await?;
        self.record(&mut tx, viewer, Some(id), "unsealed", "").await?;
        tx.commit().await?;
        self.events.publish(Event::AccountChanged { account: id });
        self.events.publish(Event::SignInChanged { account: id });
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    /// The account and all its mail here; the mailbox on the server stays as it is.
    pub async fn erase_account(&self, viewer: Viewer, id: MailAccountId) -> Result<(), ServiceError> {
        self.get_own_account_even_sealed(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        accounts::erase(&mut tx, id).await?;
        self.record(&mut tx, viewer, None, "account_erased", "").await?;
        tx.commit().await?;
        self.events.publish(Event::AccountChanged { account: id });
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    /// The notice about a seal is in the mailbox.
    pub async fn notice_given(&self, id: MailAccountId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        accounts::notice_given(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    pub async fn save_card(&self, viewer: Viewer, id: MailAccountId, card: Card) -> Result<(), ServiceError> {
        self.save_card_for_owner(viewer.administrator, id, card).await
    }

    /// For the command line, which acts as the owner that it names.
    pub async fn save_card_for_owner(
        &self,
        owner: AdministratorId,
        id: MailAccountId,
        card: Card,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let found = accounts::find(&mut tx, id)
            .await?
            .filter(|account| account.owner == owner);
        let mut account = found.ok_or(ServiceError::NotFound)?;
        refuse_if_sealed(&account)?;
        let before = account.clone();
        let gives_password = card.gives_imap_password();
        for verb in audited(&account, &card) {
            let entry = AuditEntry {
                at: self.now(),
                actor: Some(owner),
                mail_account: Some(id),
                verb: verb.to_owned(),
                detail: String::new(),
            };
            audit::insert(&mut tx, self.ids.uuid(), &entry).await?;
        }
        match card {
            Card::Tracking { tracking, deny_list } => {
                save_tracking(&mut tx, &mut account, tracking, deny_list).await?;
            }
            Card::Credentials {
                name,
                address,
                aliases,
                username,
                password,
            } => {
                set_credentials(&mut account, &name, &address, &aliases, &username)?;
                self.seal_imap_password(&mut tx, &account, password).await?;
                outbox::set_copies_due(&mut tx, id, self.now()).await?;
            }
            Card::Imap { settings, password } => {
                account.imap = Some(check_imap(settings)?);
                self.seal_imap_password(&mut tx, &account, password).await?;
                outbox::set_copies_due(&mut tx, id, self.now()).await?;
            }
            Card::Smtp { settings, password } => {
                let settings = check_smtp(settings)?;
                let password = typed(password);
                let needs_password =
                    settings.enabled && !settings.use_system && settings.auth != SmtpAuth::None;
                if needs_password
                    && password.is_none()
                    && self
                        .open_smtp_password(&mut tx, &account, &settings)
                        .await?
                        .is_none()
                {
                    let message = "Type the password: that of the mailbox is only used for a server of the same domain.";
                    return Err(ServiceError::field("password", message));
                }
                account.smtp = Some(agreed(&mut tx, settings).await?);
                outbox::make_due(&mut tx, id, self.now()).await?;
                self.seal_smtp_password(&mut tx, &account, password).await?;
            }
        }
        accounts::update_settings(&mut tx, &account).await?;
        tx.commit().await?;
        self.events.publish(Event::AccountChanged { account: id });
        // Nothing else ends the wait after a refused login.
        if gives_password || account.imap != before.imap || account.login_name() != before.login_name() {
            self.events.publish(Event::SignInChanged { account: id });
        }
        Ok(())
    }

    async fn seal_imap_password(
        &self,
        tx: &mut Tx,
        account: &MailAccount,
        password: Option<SecretString>,
    ) -> Result<(), ServiceError> {
        let Some(password) = typed(password) else {
            return Ok(());
        };
        let Some(binding) = imap_binding(account) else {
            let message = "Fill in the IMAP settings first: a password is stored for one server.";
            return Err(ServiceError::field("password", message));
        };
        let key = self.account_key_to_seal(tx, account.id).await?;
        let sealed = key.seal(account.id, &binding, &password);
        // An account signs in in one way.
        account_tokens::delete(tx, account.id).await?;
        Ok(accounts::set_secret(tx, account.id, IMAP, &sealed).await?)
    }

    pub(crate) async fn seal_smtp_password(
        &self,
        tx: &mut Tx,
        account: &MailAccount,
        password: Option<SecretString>,
    ) -> Result<(), ServiceError> {
        let (Some(password), Some(smtp)) = (typed(password), &account.smtp) else {
            return Ok(());
        };
        let key = self.account_key_to_seal(tx, account.id).await?;
        let sealed = key.seal(account.id, &smtp_binding(smtp), &password);
        Ok(accounts::set_secret(tx, account.id, SMTP, &sealed).await?)
    }

    /// The password of the SMTP card; where there is none, that of the mailbox, but only for a server of the same
    /// domain: else whoever can change a card could have it sent anywhere.
    pub(crate) async fn open_smtp_password(
        &self,
        conn: &mut Conn,
        account: &MailAccount,
        smtp: &SmtpSettings,
    ) -> Result<Option<SecretString>, ServiceError> {
        if smtp.auth == SmtpAuth::Xoauth2
            && let Some((token, provider)) = self.open_access_token(conn, account).await?
            && provider.may_show_to(&smtp.server)
        {
            return Ok(Some(token));
        }
        let stored = accounts::find_secret(conn, account.id, SMTP).await?;
        let key = self.account_key(conn, account.id).await?;
        let opened = stored.zip(key);
        let own = opened.and_then(|(stored, key)| key.open(account.id, &smtp_binding(smtp), &stored));
        let imap_server = account.imap.as_ref().map(|imap| imap.server.as_str());
        match (own, imap_server) {
            (Some(own), _) => Ok(Some(own)),
            (None, Some(server)) if is_same_site(server, &smtp.server) => {
                self.open_imap_password(conn, account).await
            }
            (None, _) => Ok(None),
        }
    }

    /// Is a password stored that fits the settings as they are?
    pub async fn has_imap_password(&self, account: &MailAccount) -> Result<bool, ServiceError> {
        let mut conn = self.db.read().await?;
        let stored = accounts::find_secret(&mut conn, account.id, IMAP).await?;
        Ok(match (stored, imap_binding(account)) {
            (Some(stored), Some(binding)) => is_bound_to(account.id, &binding, &stored),
            _ => false,
        })
    }

    /// What Test connection and Load sign in with: the form's values, and the stored password only for the
    /// stored server, port, user and security.
    pub async fn credentials_to_test(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        settings: ImapSettings,
        username: &str,
        password: Option<SecretString>,
    ) -> Result<ImapCredentials, ServiceError> {
        let mut conn = self.db.read().await?;
        let mut account = own_account(&mut conn, viewer, id).await?;
        refuse_if_sealed(&account)?;
        account.imap = Some(check_imap(settings.clone())?);
        account.username = username.trim().to_owned();
        let username = account.login_name().to_owned();
        let (password, is_token) = match typed(password) {
            Some(password) => (password, false),
            None => self.open_imap_login(&mut conn, &account).await?.ok_or_else(|| {
                let message = "Type the password, or sign in again: what is stored is for other settings.";
                ServiceError::field("password", message)
            })?,
        };
        Ok(ImapCredentials {
            settings,
            username,
            password,
            is_token,
        })
    }

    /// `None`: IMAP is not set up, or its password is missing. A token has to be refreshed first, where that is due.
    pub async fn credentials_for_engine(
        &self,
        account: &MailAccount,
    ) -> Result<Option<ImapCredentials>, ServiceError> {
        let Some(settings) = account.imap.clone() else {
            return Ok(None);
        };
        let mut conn = self.db.read().await?;
        let login = self.open_imap_login(&mut conn, account).await?;
        let username = account.login_name().to_owned();
        Ok(login.map(|(password, is_token)| ImapCredentials {
            settings,
            username,
            password,
            is_token,
        }))
    }

    /// What is stored to sign in with, and whether it is a token.
    async fn open_imap_login(
        &self,
        conn: &mut Conn,
        account: &MailAccount,
    ) -> Result<Option<(SecretString, bool)>, ServiceError> {
        if let Some((token, _)) = self.open_access_token(conn, account).await? {
            return Ok(Some((token, true)));
        }
        let password = self.open_imap_password(conn, account).await?;
        Ok(password.map(|password| (password, false)))
    }

    async fn open_imap_password(
        &self,
        conn: &mut Conn,
        account: &MailAccount,
    ) -> Result<Option<SecretString>, ServiceError> {
        let stored = accounts::find_secret(conn, account.id, IMAP).await?;
        let key = self.account_key(conn, account.id).await?;
        let opened = stored.zip(key).zip(imap_binding(account));
        Ok(opened.and_then(|((stored, key), binding)| key.open(account.id, &binding, &stored)))
    }

    pub async fn account_status(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<StatusView, ServiceError> {
        let mut conn = self.db.read().await?;
        let account = own_account(&mut conn, viewer, id).await?;
        refuse_if_sealed(&account)?;
        let mut folders = folders::list_of_account(&mut conn, account.id).await?;
        folders.retain(|folder| folder.is_watched);
        let day = account.tracking.history_since;
        let has_history = day.is_some_and(|day| folders.iter().any(|folder| !folder.has_walked(day)));
        let history_rest = match has_history {
            true => self.history_rest_now(&mut conn, &account).await?,
            false => None,
        };
        Ok(StatusView {
            has_history,
            history_rest,
            messages: messages::count_of_account(&mut conn, account.id).await?,
            on_server: folders
                .iter()
                .map(|folder| u64::from(folder.server_messages))
                .sum(),
            skipped: folders::skipped_counts(&mut conn, account.id).await?,
            opened_by: audit::list_of_account(&mut conn, account.id, Before::NEWEST, 20).await?,
        })
    }

    /// Those before the ones of [`Self::account_status`].
    pub async fn list_opened(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        before: Before,
    ) -> Result<Page<AuditEntry>, ServiceError> {
        let mut conn = self.db.read().await?;
        let account = own_account(&mut conn, viewer, id).await?;
        refuse_if_sealed(&account)?;
        Ok(audit::list_of_account(&mut conn, account.id, before, OPENED_PAGE).await?)
    }

    /// Fetch the gap: what arrived while processing was off is looked at again; how many that is.
    pub async fn fetch_gap(&self, viewer: Viewer, id: MailAccountId) -> Result<u64, ServiceError> {
        let account = self.get_own_account(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        let reason = SkipReason::WhileOff;
        let count = folders::forget_skipped(&mut tx, account.id, reason.as_str(), None).await?;
        if count > 0 {
            look_again(&mut tx, account.id).await?;
        }
        tx.commit().await?;
        self.events.publish(Event::AccountChanged { account: id });
        Ok(count)
    }

    /// For the command line: settings and state, no content.
    pub async fn list_accounts_for_engine(&self) -> Result<Vec<MailAccount>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(accounts::list_for_engine(&mut conn).await?)
    }

    pub async fn get_account_for_engine(&self, id: MailAccountId) -> Result<MailAccount, ServiceError> {
        let mut conn = self.db.read().await?;
        accounts::find(&mut conn, id).await?.ok_or(ServiceError::NotFound)
    }

    /// What the command line did to an account, for its owner's Status.
    /// A line on the owner's Status of what nobody did by the page: the command line, or the engine.
    pub async fn record_without_viewer(
        &self,
        account: MailAccountId,
        verb: &str,
        detail: &str,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        self.record_by_itself(&mut tx, account, verb, detail).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn record_by_itself(
        &self,
        tx: &mut Tx,
        account: MailAccountId,
        verb: &str,
        detail: &str,
    ) -> Result<(), ServiceError> {
        let entry = AuditEntry {
            at: self.now(),
            actor: None,
            mail_account: Some(account),
            verb: verb.to_owned(),
            detail: detail.to_owned(),
        };
        Ok(audit::insert(tx, self.ids.uuid(), &entry).await?)
    }
}

async fn own_account(
    conn: &mut Conn,
    viewer: Viewer,
    id: MailAccountId,
) -> Result<MailAccount, ServiceError> {
    let found = accounts::find(conn, id).await?;
    found
        .filter(|account| account.owner == viewer.administrator)
        .ok_or(ServiceError::NotFound)
}

/// To save "Use system SMTP" is to agree to the server that it is now.
async fn agreed(conn: &mut Conn, settings: SmtpSettings) -> Result<SmtpSettings, ServiceError> {
    let confirmed_system = match (settings.use_system, settings.enabled) {
        (true, true) => {
            let system = system_account(conn).await?;
            let (_, server) =
                system.ok_or_else(|| ServiceError::field("use_system", "System e-mail is off."))?;
            Some(server.server_key())
        }
        _ => None,
    };
    Ok(SmtpSettings {
        confirmed_system,
        ..settings
    })
}

fn is_typed(password: &Option<SecretString>) -> bool {
    password
        .as_ref()
        .is_some_and(|password| !password.expose_secret().is_empty())
}

/// What of a change goes into the audit log: passwords, and certificates that are pinned.
fn audited(account: &MailAccount, card: &Card) -> Vec<&'static str> {
    let pinned = account.imap.as_ref().and_then(|imap| imap.pinned_certificate);
    let (password, exception) = match card {
        Card::Credentials { password, .. } | Card::Smtp { password, .. } => (is_typed(password), false),
        Card::Imap { settings, password } => {
            let is_new = settings.pinned_certificate.is_some() && settings.pinned_certificate != pinned;
            (is_typed(password), is_new)
        }
        Card::Tracking { .. } => (false, false),
    };
    let verbs = [(password, "password_stored"), (exception, "certificate_pinned")];
    verbs
        .into_iter()
        .filter_map(|(happened, verb)| happened.then_some(verb))
        .collect()
}

fn refuse_if_sealed(account: &MailAccount) -> Result<(), ServiceError> {
    if account.sealed_at.is_some() {
        Err(ServiceError::Sealed)
    } else {
        Ok(())
    }
}

fn typed(password: Option<SecretString>) -> Option<SecretString> {
    password.filter(|password| !password.expose_secret().is_empty())
}

pub(crate) fn imap_binding(account: &MailAccount) -> Option<CredentialBinding> {
    account.imap.as_ref().map(|imap| CredentialBinding {
        host: imap.server.clone(),
        port: imap.port,
        username: account.login_name().to_owned(),
        security: imap.security,
    })
}

fn parse_address(field: &'static str, text: &str) -> Result<EmailAddress, ServiceError> {
    EmailAddress::parse(text).map_err(|error| ServiceError::field(field, sentence(&error.to_string())))
}

fn set_credentials(
    account: &mut MailAccount,
    name: &str,
    address: &str,
    aliases: &[String],
    username: &str,
) -> Result<(), ServiceError> {
    account.name = CleanText::cut(name, 100).into_string();
    account.address = parse_address("address", address)?;
    let aliases = aliases.iter().filter(|alias| !alias.trim().is_empty());
    account.aliases = aliases
        .map(|alias| parse_address("aliases", alias))
        .collect::<Result<_, _>>()?;
    account.username = username.trim().to_owned();
    Ok(())
}

/// Each is opened every 45 seconds.
const MAX_MORE_FOLDERS: usize = 20;

fn check_imap(mut settings: ImapSettings) -> Result<ImapSettings, ServiceError> {
    settings.server = settings.server.trim().to_lowercase();
    let mut errors = check_server(&settings.server, settings.port, "server", "port");
    settings.sent_folder = settings.sent_folder.filter(|name| !name.trim().is_empty());
    if settings.sent_folder.as_ref().is_some_and(|name| name.len() > 500) {
        errors.push(FieldError::new(
            "sent_folder",
            "A folder name has at most 500 characters.",
        ));
    }
    let more = &mut settings.more_folders;
    more.retain(|name| !name.trim().is_empty() && !name.eq_ignore_ascii_case("INBOX"));
    if more.len() > MAX_MORE_FOLDERS || more.iter().any(|name| name.len() > 500) {
        let told = format!("At most {MAX_MORE_FOLDERS} folders, of at most 500 characters each.");
        errors.push(FieldError::new("more_folders", told));
    }
    if errors.is_empty() {
        Ok(settings)
    } else {
        Err(ServiceError::Invalid(errors))
    }
}

pub(crate) fn check_smtp(mut settings: SmtpSettings) -> Result<SmtpSettings, ServiceError> {
    settings.server = settings.server.trim().to_lowercase();
    let mut errors = Vec::new();
    if settings.enabled && !settings.use_system {
        errors = check_server(&settings.server, settings.port, "server", "port");
    }
    if let Some(reply_to) = &settings.reply_to
        && !reply_to.is_empty()
        && EmailAddress::parse(reply_to).is_err()
    {
        errors.push(FieldError::new(
            "reply_to",
            "An e-mail address has the form name@domain.",
        ));
    }
    if errors.is_empty() {
        Ok(settings)
    } else {
        Err(ServiceError::Invalid(errors))
    }
}

fn smtp_binding(smtp: &SmtpSettings) -> CredentialBinding {
    CredentialBinding {
        host: smtp.server.clone(),
        port: smtp.port,
        username: smtp.username.clone().unwrap_or_default(),
        security: smtp.security,
    }
}

/// The same host, or hosts of one registrable domain (`imap.isp.example` and `smtp.isp.example`).
pub(crate) fn is_same_site(one: &str, other: &str) -> bool {
    let is_address = |host: &str| host.parse::<IpAddr>().is_ok();
    let site = |host: &str| psl::domain_str(host).map(str::to_owned);
    one == other
        || !is_address(one)
            && !is_address(other)
            && site(one).is_some_and(|domain| site(other) == Some(domain))
}

fn check_server(
    server: &str,
    port: u16,
    server_field: &'static str,
    port_field: &'static str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | ':');
    if server.is_empty() || server.len() > 253 || !server.chars().all(is_host) {
        errors.push(FieldError::new(
            server_field,
            "The name of a server is expected: imap.example.org.",
        ));
    }
    if port == 0 {
        errors.push(FieldError::new(port_field, "A port from 1 to 65535 is expected."));
    }
    errors
}

/// What a wider setting had kept out is looked at again; a narrower one removes nothing.
pub(crate) async fn save_tracking(
    tx: &mut Tx,
    account: &mut MailAccount,
    tracking: Tracking,
    deny_list: String,
) -> Result<(), ServiceError> {
    let new_list = DenyList::parse(&deny_list)
        .map_err(|error| ServiceError::field("deny_list", sentence(&error.to_string())))?;
    if tracking.flags_both_ways && tracking.mark_as_read {
        let message = "With \"Mark as read\" on, everything would be read here as soon as it arrives: choose one of them.";
        return Err(ServiceError::field("flags_both_ways", message));
    }
    if tracking.enabled && !account.tracking.enabled {
        folders::set_was_off(tx, account.id).await?;
    }
    let mut looked_at_again = 0;
    let took_unread = account.tracking.messages == MessagesToProcess::Unread;
    if took_unread && tracking.messages == MessagesToProcess::All {
        looked_at_again +=
            folders::forget_skipped(tx, account.id, SkipReason::AlreadyRead.as_str(), None).await?;
    }
    let old_list = DenyList::parse(&account.deny_list).unwrap_or_default();
    let taken_away = old_list
        .lines()
        .iter()
        .filter(|old| new_list.lines().iter().all(|new| new.text != old.text));
    for line in taken_away {
        let denied = SkipReason::Denied(String::new());
        looked_at_again += folders::forget_skipped(tx, account.id, denied.as_str(), Some(&line.text)).await?;
    }
    if is_earlier(tracking.history_since, account.tracking.history_since) {
        let reason = SkipReason::BeforeHistory;
        looked_at_again += folders::forget_skipped(tx, account.id, reason.as_str(), None).await?;
    }
    if looked_at_again > 0 {
        look_again(tx, account.id).await?;
    }
    account.tracking = tracking;
    account.deny_list = deny_list;
    Ok(())
}

/// Every folder from its baseline on. A sync that runs would write its own cursor over that, so it is ended.
async fn look_again(tx: &mut Tx, account: MailAccountId) -> Result<(), ServiceError> {
    accounts::break_lease(tx, account).await?;
    Ok(folders::walk_again(tx, account).await?)
}

fn is_earlier(new: Option<jiff::civil::Date>, old: Option<jiff::civil::Date>) -> bool {
    matches!((new, old), (Some(new), Some(old)) if new < old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_mailbox_stays_within_its_domain() {
        for (imap, smtp, same) in [
            ("imap.isp.example", "smtp.isp.example", true),
            ("isp.example", "isp.example", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "10.0.0.1", false),
            ("imap.isp.co.uk", "smtp.evil.co.uk", false),
            ("isp.co.uk", "evil.co.uk", false),
            ("imap.isp.example", "isp.example.evil.test", false),
            ("localhost", "localhost", true),
        ] {
            assert_eq!(is_same_site(imap, smtp), same, "{imap} {smtp}");
        }
    }
}
