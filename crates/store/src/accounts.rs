//! Mail accounts: settings, sealed passwords, state, lease.

use std::time::Duration;

use domain::AdministratorId;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::Timestamp;
use domain::account::AccountState;
use domain::account::ImapSettings;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::system_mail::SYSTEM;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::lease::Leased;
use crate::lease::Renewal;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAccount {
    pub id: MailAccountId,
    pub owner: AdministratorId,
    pub name: String,
    pub address: EmailAddress,
    pub aliases: Vec<EmailAddress>,
    /// Empty: the address.
    pub username: String,
    pub tracking: Tracking,
    /// As the owner typed it.
    pub deny_list: String,
    pub imap: Option<ImapSettings>,
    pub smtp: Option<SmtpSettings>,
    /// Somebody else reset the owner's sign-in: nothing is shown until the mailbox's password is given anew.
    pub sealed_at: Option<Timestamp>,
    /// A notice about that is still to be put into the mailbox.
    pub notice_due: bool,
    pub status: AccountStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStatus {
    pub state: AccountState,
    pub since: Timestamp,
    /// What went wrong and what to do, for the owner.
    pub error: Option<String>,
    pub next_try_at: Option<Timestamp>,
    pub last_sync_at: Option<Timestamp>,
}

impl MailAccount {
    pub fn login_name(&self) -> &str {
        if self.username.is_empty() {
            self.address.as_str()
        } else {
            &self.username
        }
    }

    /// With any tag: what goes to `alice+shop@x` comes to `alice@x`.
    pub fn is_own_address(&self, address: &EmailAddress) -> bool {
        let mut own = std::iter::once(&self.address).chain(&self.aliases);
        own.any(|own| address.is_in_box_of(own))
    }

    /// Where its owner wants to be answered: at an own address, or at the one that stands in what is sent from here.
    pub fn is_answered_at(&self, address: &EmailAddress) -> bool {
        let reply_to = self.smtp.as_ref().and_then(|smtp| smtp.reply_to.as_deref());
        let reply_to = reply_to.and_then(|text| EmailAddress::parse(text).ok());
        self.is_own_address(address) || reply_to.as_ref() == Some(address)
    }
}

const INSERT: &str = "
    INSERT INTO mail_accounts
           (id, owner_id, name, address, aliases, username, tracking, deny_list, imap, smtp, state,
            state_since, state_error, next_try_at, last_sync_at, lease_owner, lease_until, fence, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, NULL, NULL, '', 0, 0, $12)";

pub async fn insert(tx: &mut Tx, account: &MailAccount, now: Timestamp) -> Result<(), StoreError> {
    let statement = bind_settings(
        Statement::new(INSERT).bind(account.id).bind(account.owner),
        account,
    )
    .bind(account.status.state.as_str())
    .bind(now);
    tx.execute(statement).await?;
    Ok(())
}

const SEAL_OF_OWNER: &str = "
    UPDATE mail_accounts
       SET sealed_at = $2, notice_due = TRUE
     WHERE owner_id = $1 AND sealed_at IS NULL";

/// Every account of an administrator; those that are sealed already stay as they are.
pub async fn seal_of_owner(tx: &mut Tx, owner: AdministratorId, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(Statement::new(SEAL_OF_OWNER).bind(owner).bind(now))
        .await
}

pub async fn unseal(tx: &mut Tx, id: MailAccountId) -> Result<(), StoreError> {
    let update = "UPDATE mail_accounts SET sealed_at = NULL WHERE id = $1";
    tx.execute(Statement::new(update).bind(id)).await?;
    Ok(())
}

pub async fn notice_given(tx: &mut Tx, id: MailAccountId) -> Result<(), StoreError> {
    let update = "UPDATE mail_accounts SET notice_due = FALSE WHERE id = $1";
    tx.execute(Statement::new(update).bind(id)).await?;
    Ok(())
}

const ERASE: [&str; 5] = [
    "DELETE FROM message_search
      WHERE rowid IN (SELECT arrival_key FROM messages WHERE mail_account_id = $1)",
    "DELETE FROM messages WHERE mail_account_id = $1",
    "DELETE FROM threads WHERE mail_account_id = $1",
    "DELETE FROM data_keys WHERE scope = $1",
    "DELETE FROM mail_accounts WHERE id = $1",
];

/// The account and everything of it. Its raw bytes belong to nobody then, and are collected.
pub async fn erase(tx: &mut Tx, id: MailAccountId) -> Result<(), StoreError> {
    for delete in ERASE {
        tx.execute(Statement::new(delete).bind(id)).await?;
    }
    Ok(())
}

const UPDATE_SETTINGS: &str = "
    UPDATE mail_accounts
       SET name = $2, address = $3, aliases = $4, username = $5, tracking = $6, deny_list = $7,
           imap = $8, smtp = $9
     WHERE id = $1";

pub async fn update_settings(tx: &mut Tx, account: &MailAccount) -> Result<(), StoreError> {
    tx.execute(bind_settings(
        Statement::new(UPDATE_SETTINGS).bind(account.id),
        account,
    ))
    .await?;
    Ok(())
}

fn bind_settings(statement: Statement, account: &MailAccount) -> Statement {
    statement
        .bind(account.name.as_str())
        .bind(account.address.as_str())
        .bind(json(&account.aliases))
        .bind(account.username.as_str())
        .bind(json(&account.tracking))
        .bind(account.deny_list.as_str())
        .bind(account.imap.as_ref().map(json))
        .bind(account.smtp.as_ref().map(json))
}

/// Settings are plain structs of texts, numbers and flags; they always serialise.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

const SELECT: &str = "
    SELECT id, owner_id, name, address, aliases, username, tracking, deny_list, imap, smtp, state,
           state_since, state_error, next_try_at, last_sync_at, sealed_at, notice_due
      FROM mail_accounts";

pub async fn find(conn: &mut Conn, id: MailAccountId) -> Result<Option<MailAccount>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE id = $1")).bind(id);
    conn.fetch_optional(statement)
        .await?
        .map(|row| mail_account(&row))
        .transpose()
}

pub async fn list_of_owner(conn: &mut Conn, owner: AdministratorId) -> Result<Vec<MailAccount>, StoreError> {
    let statement =
        Statement::new(format!("{SELECT} WHERE owner_id = $1 ORDER BY created_at, id")).bind(owner);
    conn.fetch_all(statement)
        .await?
        .iter()
        .map(mail_account)
        .collect()
}

/// For the engine and the command line: settings, never content. Those of the system are not among them.
pub async fn list_for_engine(conn: &mut Conn) -> Result<Vec<MailAccount>, StoreError> {
    let statement =
        Statement::new(format!("{SELECT} WHERE owner_id <> $1 ORDER BY created_at, id")).bind(SYSTEM);
    conn.fetch_each(statement, mail_account).await
}

fn mail_account(row: &Row) -> Result<MailAccount, StoreError> {
    let address = |text: &str| EmailAddress::parse(text).map_err(|_| StoreError::Unexpected("address"));
    Ok(MailAccount {
        id: row.id("id")?,
        owner: row.id("owner_id")?,
        name: row.text("name")?,
        address: address(&row.text("address")?)?,
        aliases: from_json(&row.text("aliases")?)?,
        username: row.text("username")?,
        tracking: from_json(&row.text("tracking")?)?,
        deny_list: row.text("deny_list")?,
        imap: row.optional_text("imap")?.as_deref().map(from_json).transpose()?,
        smtp: row.optional_text("smtp")?.as_deref().map(from_json).transpose()?,
        sealed_at: row.optional_time("sealed_at")?,
        notice_due: row.bool("notice_due")?,
        status: AccountStatus {
            state: AccountState::parse(&row.text("state")?)
                .ok_or(StoreError::Unexpected("state of an account"))?,
            since: row.time("state_since")?,
            error: row.optional_text("state_error")?,
            next_try_at: row.optional_time("next_try_at")?,
            last_sync_at: row.optional_time("last_sync_at")?,
        },
    })
}

fn from_json<T: for<'de> serde::Deserialize<'de>>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Unexpected("settings"))
}

const SET_STATUS: &str = "
    UPDATE mail_accounts
       SET state = $2,
           state_since = CASE WHEN state = $2 THEN state_since ELSE $3 END,
           state_error = $4,
           next_try_at = $5
     WHERE id = $1 AND state IN ";

/// Nothing changes where the state may not become that one.
pub async fn set_state(
    tx: &mut Tx,
    id: MailAccountId,
    state: AccountState,
    error: Option<&str>,
    next_try_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut update = Statement::new(SET_STATUS)
        .bind(id)
        .bind(state.as_str())
        .bind(now)
        .bind(error)
        .bind(next_try_at);
    let before = AccountState::ALL
        .into_iter()
        .filter(|before| before.may_become(state));
    update.push_list(before.map(|before| Value::from(before.as_str())));
    tx.execute(update).await?;
    Ok(())
}

/// Proof that this process alone works on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub account: MailAccountId,
    pub owner: String,
    pub fence: i64,
}

/// The outer WHERE is the whole condition: PostgreSQL checks it again after waiting for another worker.
const TAKE_LEASE: &str = "
    UPDATE mail_accounts
       SET lease_owner = $2, lease_until = $3, fence = fence + 1
     WHERE id = $1 AND (lease_until < $4 OR lease_owner = $2)
 RETURNING fence";

/// `None`: another process holds it.
pub async fn take_lease(
    tx: &mut Tx,
    account: MailAccountId,
    owner: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let statement = Statement::new(TAKE_LEASE)
        .bind(account)
        .bind(owner)
        .bind(until)
        .bind(now);
    let row = tx.fetch_optional(statement).await?;
    row.map(|row| {
        Ok(Lease {
            account,
            owner: owner.to_owned(),
            fence: row.integer("fence")?,
        })
    })
    .transpose()
}

/// Renewed with every write under it, and by [`renew_leases_of`] meanwhile.
impl Leased for Lease {
    const TIME: Duration = Duration::from_secs(120);

    fn renewal(&self, until: Timestamp) -> Renewal {
        let update = "UPDATE mail_accounts SET lease_until = $1 WHERE id = $2 AND fence = $3";
        let statement = Statement::new(update).bind(until);
        Renewal(statement.bind(self.account).bind(self.fence))
    }
}

const RENEW_LEASES_OF: &str = "
    UPDATE mail_accounts
       SET lease_until = $2
     WHERE lease_owner = $1 AND lease_until >= $3
 RETURNING id, fence";

/// Those of a process that have not ended, and their fences.
pub async fn renew_leases_of(
    tx: &mut Tx,
    owner: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<(MailAccountId, i64)>, StoreError> {
    let statement = Statement::new(RENEW_LEASES_OF).bind(owner).bind(until).bind(now);
    tx.fetch_each(statement, |row| Ok((row.id("id")?, row.integer("fence")?)))
        .await
}

const LIST_ASKED: &str = "
    SELECT a.id
      FROM mail_accounts a
     WHERE a.lease_owner = $1
       AND (a.id IN (SELECT o.mail_account_id FROM remote_operations o WHERE o.due_at <= $2)
            OR a.id IN (SELECT u.mail_account_id FROM audits u WHERE u.asked_at > u.made_at))";

/// Held by `owner`, and something is to be done in the mailbox: whichever process was asked for it.
pub async fn list_asked_for_engine(
    conn: &mut Conn,
    owner: &str,
    now: Timestamp,
) -> Result<Vec<MailAccountId>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(LIST_ASKED).bind(owner).bind(now))
        .await?;
    rows.iter().map(|row| row.id("id")).collect()
}

const RELEASE_LEASE: &str = "UPDATE mail_accounts SET lease_until = 0 WHERE id = $1 AND fence = $2";

pub async fn release_lease(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    tx.execute(
        Statement::new(RELEASE_LEASE)
            .bind(lease.account)
            .bind(lease.fence),
    )
    .await?;
    Ok(())
}

const BREAK_LEASE: &str = "UPDATE mail_accounts SET lease_until = 0, fence = fence + 1 WHERE id = $1";

/// Whoever works on the account loses it with the next write: what it holds in memory is out of date.
pub async fn break_lease(tx: &mut Tx, account: MailAccountId) -> Result<(), StoreError> {
    tx.execute(Statement::new(BREAK_LEASE).bind(account)).await?;
    Ok(())
}

const RELEASE_LEASES_OF: &str = "UPDATE mail_accounts SET lease_until = 0 WHERE lease_owner = $1";

/// All leases of a process that is known to be dead.
pub async fn release_leases_of(tx: &mut Tx, owner: &str) -> Result<(), StoreError> {
    tx.execute(Statement::new(RELEASE_LEASES_OF).bind(owner)).await?;
    Ok(())
}

pub async fn set_synced(tx: &mut Tx, looked_at: &[MailAccountId], now: Timestamp) -> Result<(), StoreError> {
    let mut update =
        Statement::new("UPDATE mail_accounts SET last_sync_at = $1 WHERE id IN ".to_owned()).bind(now);
    update.push_list(looked_at.iter().map(|account| Value::from(*account)));
    tx.execute(update).await?;
    Ok(())
}

/// A sealed password and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    pub sealed: Vec<u8>,
    pub binding: Vec<u8>,
}

const SET_SECRET: &str = "
    INSERT INTO account_secrets (mail_account_id, purpose, sealed, binding)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT (mail_account_id, purpose) DO UPDATE
       SET sealed = excluded.sealed, binding = excluded.binding";

pub async fn set_secret(
    tx: &mut Tx,
    account: MailAccountId,
    purpose: &str,
    secret: &SealedSecret,
) -> Result<(), StoreError> {
    let statement = Statement::new(SET_SECRET)
        .bind(account)
        .bind(purpose)
        .bind(secret.sealed.as_slice())
        .bind(secret.binding.as_slice());
    tx.execute(statement).await?;
    Ok(())
}

pub async fn delete_secret(tx: &mut Tx, account: MailAccountId, purpose: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM account_secrets WHERE mail_account_id = $1 AND purpose = $2";
    tx.execute(Statement::new(delete).bind(account).bind(purpose))
        .await?;
    Ok(())
}

const FIND_SECRET: &str =
    "SELECT sealed, binding FROM account_secrets WHERE mail_account_id = $1 AND purpose = $2";

pub async fn find_secret(
    conn: &mut Conn,
    account: MailAccountId,
    purpose: &str,
) -> Result<Option<SealedSecret>, StoreError> {
    let row = conn
        .fetch_optional(Statement::new(FIND_SECRET).bind(account).bind(purpose))
        .await?;
    row.map(|row| {
        Ok(SealedSecret {
            sealed: row.blob("sealed")?,
            binding: row.blob("binding")?,
        })
    })
    .transpose()
}

/// HTML that the composer puts below what is written.
pub async fn signature(conn: &mut Conn, id: MailAccountId) -> Result<String, StoreError> {
    let select = "SELECT signature FROM mail_accounts WHERE id = $1";
    let row = conn.fetch_optional(Statement::new(select).bind(id)).await?;
    row.map_or(Ok(String::new()), |row| row.text("signature"))
}

pub async fn set_signature(tx: &mut Tx, id: MailAccountId, html: &str) -> Result<(), StoreError> {
    let update = "UPDATE mail_accounts SET signature = $2 WHERE id = $1";
    tx.execute(Statement::new(update).bind(id).bind(html)).await?;
    Ok(())
}
