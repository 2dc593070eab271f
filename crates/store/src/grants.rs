//! Who may see whose accounts.

use std::collections::HashSet;

use domain::Access;
use domain::AdministratorId;
use domain::GrantId;
use domain::MailAccountId;
use domain::Right;
use domain::Timestamp;
use domain::access::AccountAccess;
use domain::access::GrantPeriod;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub account: MailAccountId,
    pub administrator: AdministratorId,
    pub level: Right,
    pub period: GrantPeriod,
    pub created_at: Timestamp,
}

const ACCESS_OF: &str = "
    SELECT id AS mail_account_id, owner_id, 'own' AS held
      FROM mail_accounts
     WHERE owner_id = $1
       AND sealed_at IS NULL
     UNION ALL
    SELECT g.mail_account_id, m.owner_id, g.level AS held
      FROM grants g
      JOIN mail_accounts m ON m.id = g.mail_account_id
     WHERE g.administrator_id = $1
       AND m.owner_id <> $1
       AND m.sealed_at IS NULL
       AND g.revoked_at IS NULL
       AND g.rests_since IS NULL
       AND (g.starts_at IS NULL OR g.starts_at <= $2)
       AND (g.ends_at IS NULL OR g.ends_at > $2)";

/// What `viewer` may see now. Called by `service::access::of` alone.
pub async fn access_of(
    conn: &mut Conn,
    viewer: AdministratorId,
    now: Timestamp,
) -> Result<Access, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(ACCESS_OF).bind(viewer).bind(now))
        .await?;
    let accounts: Result<Vec<_>, _> = rows.iter().map(account_access).collect();
    Ok(Access::new(viewer, accounts?))
}

fn account_access(row: &Row) -> Result<AccountAccess, StoreError> {
    Ok(AccountAccess {
        account: row.id("mail_account_id")?,
        owner: row.id("owner_id")?,
        right: Right::parse(&row.text("held")?).ok_or(StoreError::Unexpected("level of a grant"))?,
    })
}

const LIST_OF_ACCOUNT: &str = "
    SELECT id, mail_account_id, administrator_id, level, starts_at, ends_at, revoked_at,
           rests_since, created_at
      FROM grants
     WHERE mail_account_id = $1 AND revoked_at IS NULL
     ORDER BY created_at, id";

pub async fn list_of_account(conn: &mut Conn, account: MailAccountId) -> Result<Vec<Grant>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(LIST_OF_ACCOUNT).bind(account))
        .await?;
    rows.iter().map(grant).collect()
}

fn grant(row: &Row) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: row.id("id")?,
        account: row.id("mail_account_id")?,
        administrator: row.id("administrator_id")?,
        level: Right::parse(&row.text("level")?).ok_or(StoreError::Unexpected("level of a grant"))?,
        period: GrantPeriod {
            starts_at: row.optional_time("starts_at")?,
            ends_at: row.optional_time("ends_at")?,
            revoked_at: row.optional_time("revoked_at")?,
            rests_since: row.optional_time("rests_since")?,
        },
        created_at: row.time("created_at")?,
    })
}

const INSERT: &str = "
    INSERT INTO grants
           (id, mail_account_id, administrator_id, level, starts_at, ends_at, revoked_at, rests_since,
            created_at)
    VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8)";

pub async fn insert(tx: &mut Tx, grant: &Grant) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT)
        .bind(grant.id)
        .bind(grant.account)
        .bind(grant.administrator)
        .bind(grant.level.as_str())
        .bind(grant.period.starts_at)
        .bind(grant.period.ends_at)
        .bind(grant.period.rests_since)
        .bind(grant.created_at);
    tx.execute(statement).await?;
    Ok(())
}

const REVOKE: &str = "UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const FORGET_UNREAD: &str = "DELETE FROM unread WHERE viewer_id = $1 AND mail_account_id = $2";

/// Ends the grant and forgets what its holder had not read.
pub async fn revoke(tx: &mut Tx, grant: &Grant, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new(REVOKE).bind(grant.id).bind(now))
        .await?;
    tx.execute(
        Statement::new(FORGET_UNREAD)
            .bind(grant.administrator)
            .bind(grant.account),
    )
    .await?;
    Ok(())
}

const LET_REST: &str = "
    UPDATE grants SET rests_since = $2
     WHERE administrator_id = $1 AND revoked_at IS NULL AND rests_since IS NULL";

/// Everything that others show to this administrator, until each owner confirms it.
pub async fn let_rest(tx: &mut Tx, administrator: AdministratorId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new(LET_REST).bind(administrator).bind(now))
        .await?;
    Ok(())
}

const CONFIRM: &str = "
    UPDATE grants SET rests_since = NULL
     WHERE mail_account_id = $1 AND administrator_id = $2 AND revoked_at IS NULL AND rests_since IS NOT NULL";

/// False: nothing of this administrator rests at this account.
pub async fn confirm(
    tx: &mut Tx,
    account: MailAccountId,
    administrator: AdministratorId,
) -> Result<bool, StoreError> {
    let confirm = Statement::new(CONFIRM).bind(account).bind(administrator);
    Ok(tx.execute(confirm).await? > 0)
}

const WITH_RESTING: &str = "
    SELECT DISTINCT mail_account_id
      FROM grants
     WHERE revoked_at IS NULL AND rests_since IS NOT NULL AND (ends_at IS NULL OR ends_at > $1)";

/// Accounts with grants that wait to be confirmed by their owner.
pub async fn accounts_with_resting(
    conn: &mut Conn,
    now: Timestamp,
) -> Result<HashSet<MailAccountId>, StoreError> {
    let rows = conn.fetch_all(Statement::new(WITH_RESTING).bind(now)).await?;
    rows.iter().map(|row| row.id("mail_account_id")).collect()
}
