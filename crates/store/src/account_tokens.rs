//! The tokens that accounts sign in with, sealed, and who refreshes them just now.

use std::time::Duration;

use domain::MailAccountId;
use domain::SignInProviderId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::lease::Held;
use crate::lease::Leased;
use crate::lease::Renewal;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTokens {
    pub account: MailAccountId,
    pub provider: SignInProviderId,
    /// Sealed; empty where the provider gave none.
    pub refresh_token: Vec<u8>,
    pub access_token: Vec<u8>,
    /// As whom, where the provider says so.
    pub signed_in_as: Option<String>,
    pub scopes: String,
    /// Of the access token.
    pub expires_at: Timestamp,
    /// Ahead of that; after a failure, when it is tried again.
    pub refresh_at: Timestamp,
    pub failures: u32,
    /// Why the last refresh failed; it is tried again.
    pub failed_because: Option<String>,
    /// Why the provider gives no more: somebody has to sign in again.
    pub over_because: Option<String>,
}

const SAVE: &str = "
    INSERT INTO account_tokens
           (mail_account_id, provider_id, refresh_token, access_token, signed_in_as, scopes, expires_at, refresh_at,
            failures, failed_because, over_because, lease_until, fence)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0)
        ON CONFLICT (mail_account_id) DO UPDATE
       SET provider_id = excluded.provider_id, refresh_token = excluded.refresh_token,
           access_token = excluded.access_token, signed_in_as = excluded.signed_in_as, scopes = excluded.scopes,
           expires_at = excluded.expires_at, refresh_at = excluded.refresh_at, failures = excluded.failures,
           failed_because = excluded.failed_because, over_because = excluded.over_because,
           lease_until = 0, fence = account_tokens.fence + 1";

/// Somebody has signed in: whoever refreshes what was before has lost it.
pub async fn save(tx: &mut Tx, tokens: &AccountTokens) -> Result<(), StoreError> {
    let save = Statement::new(SAVE)
        .bind(tokens.account)
        .bind(tokens.provider)
        .bind(tokens.refresh_token.as_slice())
        .bind(tokens.access_token.as_slice())
        .bind(tokens.signed_in_as.clone())
        .bind(tokens.scopes.as_str())
        .bind(tokens.expires_at)
        .bind(tokens.refresh_at)
        .bind(tokens.failures)
        .bind(tokens.failed_because.clone())
        .bind(tokens.over_because.clone());
    tx.execute(save).await?;
    Ok(())
}

const SELECT: &str = "
    SELECT mail_account_id, provider_id, refresh_token, access_token, signed_in_as, scopes, expires_at, refresh_at,
           failures, failed_because, over_because
      FROM account_tokens";

pub async fn find(conn: &mut Conn, account: MailAccountId) -> Result<Option<AccountTokens>, StoreError> {
    let select = Statement::new(format!("{SELECT} WHERE mail_account_id = $1")).bind(account);
    let row = conn.fetch_optional(select).await?;
    row.as_ref().map(tokens).transpose()
}

fn tokens(row: &Row) -> Result<AccountTokens, StoreError> {
    Ok(AccountTokens {
        account: row.id("mail_account_id")?,
        provider: row.id("provider_id")?,
        refresh_token: row.blob("refresh_token")?,
        access_token: row.blob("access_token")?,
        signed_in_as: row.optional_text("signed_in_as")?,
        scopes: row.text("scopes")?,
        expires_at: row.time("expires_at")?,
        refresh_at: row.time("refresh_at")?,
        failures: u32::try_from(row.integer("failures")?).unwrap_or(u32::MAX),
        failed_because: row.optional_text("failed_because")?,
        over_because: row.optional_text("over_because")?,
    })
}

const LIST_DUE: &str = "
    SELECT mail_account_id
      FROM account_tokens
     WHERE refresh_at <= $1 AND over_because IS NULL AND lease_until < $1
     ORDER BY refresh_at, mail_account_id
     LIMIT $2";

pub async fn list_due_for_engine(
    conn: &mut Conn,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<MailAccountId>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(LIST_DUE).bind(now).bind(limit))
        .await?;
    rows.iter().map(|row| row.id("mail_account_id")).collect()
}

pub async fn delete(tx: &mut Tx, account: MailAccountId) -> Result<(), StoreError> {
    let delete = "DELETE FROM account_tokens WHERE mail_account_id = $1";
    tx.execute(Statement::new(delete).bind(account)).await?;
    Ok(())
}

/// The right to refresh the tokens of one account: a provider that rotates them takes a second use for theft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshLease {
    pub account: MailAccountId,
    fence: i64,
}

impl Leased for RefreshLease {
    /// Longer than a provider is waited for.
    const TIME: Duration = Duration::from_secs(60);

    fn renewal(&self, until: Timestamp) -> Renewal {
        let update = "UPDATE account_tokens SET lease_until = $1 WHERE mail_account_id = $2 AND fence = $3";
        let statement = Statement::new(update).bind(until);
        Renewal(statement.bind(self.account).bind(self.fence))
    }
}

const TAKE_LEASE: &str = "
    UPDATE account_tokens
       SET lease_until = $2, fence = fence + 1
     WHERE mail_account_id = $1 AND lease_until < $3
 RETURNING fence";

/// `None`: another process refreshes, or there are none.
pub async fn take_lease(
    tx: &mut Tx,
    account: MailAccountId,
    now: Timestamp,
) -> Result<Option<RefreshLease>, StoreError> {
    let take = Statement::new(TAKE_LEASE)
        .bind(account)
        .bind(now.plus(RefreshLease::TIME))
        .bind(now);
    let row = tx.fetch_optional(take).await?;
    row.map(|row| {
        Ok(RefreshLease {
            account,
            fence: row.integer("fence")?,
        })
    })
    .transpose()
}

const REFRESHED: &str = "
    UPDATE account_tokens
       SET refresh_token = $2, access_token = $3, scopes = $4, expires_at = $5, refresh_at = $6, failures = 0,
           failed_because = NULL, over_because = NULL, lease_until = 0
     WHERE mail_account_id = $1";

pub async fn refreshed(held: &mut Held<'_, RefreshLease>, tokens: &AccountTokens) -> Result<(), StoreError> {
    let update = Statement::new(REFRESHED)
        .bind(tokens.account)
        .bind(tokens.refresh_token.as_slice())
        .bind(tokens.access_token.as_slice())
        .bind(tokens.scopes.as_str())
        .bind(tokens.expires_at)
        .bind(tokens.refresh_at);
    held.execute(update).await?;
    Ok(())
}

const FAILED: &str = "
    UPDATE account_tokens
       SET failures = failures + 1, failed_because = $2, refresh_at = $3, lease_until = 0
     WHERE mail_account_id = $1";

/// It is tried again at `again_at`.
pub async fn failed(
    held: &mut Held<'_, RefreshLease>,
    because: &str,
    again_at: Timestamp,
) -> Result<(), StoreError> {
    let account = held.lease.account;
    let update = Statement::new(FAILED).bind(account).bind(because).bind(again_at);
    held.execute(update).await?;
    Ok(())
}

const OVER: &str = "
    UPDATE account_tokens
       SET over_because = $2, expires_at = 0, lease_until = 0
     WHERE mail_account_id = $1";

/// Nothing but another sign-in helps.
pub async fn over(held: &mut Held<'_, RefreshLease>, because: &str) -> Result<(), StoreError> {
    let account = held.lease.account;
    held.execute(Statement::new(OVER).bind(account).bind(because))
        .await?;
    Ok(())
}

const REFUSED: &str = "
    UPDATE account_tokens
       SET refresh_at = $3, expires_at = $3
     WHERE mail_account_id = $1 AND access_token = $2 AND refresh_at > $3";

/// A mail server wants this access token no longer, whatever its provider said of its life. Another one has not been used.
pub async fn access_token_refused(
    tx: &mut Tx,
    account: MailAccountId,
    access_token: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let update = Statement::new(REFUSED).bind(account).bind(access_token).bind(now);
    tx.execute(update).await?;
    Ok(())
}
