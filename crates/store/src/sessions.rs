//! Sessions, the set-up link and the throttle of refused sign-ins. Only hashes are stored.

use domain::AdministratorId;
use domain::SessionId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;

pub type Hash = [u8; 32];

/// A session as the one whom it belongs to sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub id_hash: Hash,
    pub administrator: AdministratorId,
    /// What the browser called itself.
    pub client: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

const INSERT: &str = "
    INSERT INTO sessions (id_hash, id, administrator_id, client, created_at, last_seen_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub async fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT)
        .bind(session.id_hash)
        .bind(session.id)
        .bind(session.administrator)
        .bind(session.client.as_str())
        .bind(session.created_at)
        .bind(session.last_seen_at)
        .bind(session.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

const SELECT: &str = "
    SELECT s.id, s.id_hash, s.administrator_id, s.client, s.created_at, s.last_seen_at, s.expires_at
      FROM sessions s
      JOIN administrators a ON a.id = s.administrator_id
     WHERE s.expires_at > $1 AND a.disabled_at IS NULL";

/// If it is live and its administrator not disabled.
pub async fn find(conn: &mut Conn, id_hash: Hash, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let statement = Statement::new(format!("{SELECT} AND s.id_hash = $2"))
        .bind(now)
        .bind(id_hash);
    conn.fetch_optional(statement)
        .await?
        .map(|row| session(&row))
        .transpose()
}

pub async fn list_of_administrator(
    conn: &mut Conn,
    administrator: AdministratorId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let statement = Statement::new(format!(
        "{SELECT} AND s.administrator_id = $2 ORDER BY s.last_seen_at DESC"
    ))
    .bind(now)
    .bind(administrator);
    conn.fetch_all(statement).await?.iter().map(session).collect()
}

fn session(row: &Row) -> Result<Session, StoreError> {
    let id_hash = row.blob("id_hash")?;
    Ok(Session {
        id: row.id("id")?,
        id_hash: id_hash
            .try_into()
            .map_err(|_| StoreError::Unexpected("session"))?,
        administrator: row.id("administrator_id")?,
        client: row.text("client")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
    })
}

const SET_SEEN: &str = "UPDATE sessions SET last_seen_at = $2 WHERE id_hash = $1";

pub async fn set_seen(tx: &mut Tx, id_hash: Hash, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_SEEN).bind(id_hash).bind(at))
        .await?;
    Ok(())
}

const DELETE_OWN: &str = "DELETE FROM sessions WHERE id = $1 AND administrator_id = $2";

/// False: there is no such session of this administrator.
pub async fn delete_own(
    tx: &mut Tx,
    administrator: AdministratorId,
    id: SessionId,
) -> Result<bool, StoreError> {
    Ok(tx
        .execute(Statement::new(DELETE_OWN).bind(id).bind(administrator))
        .await?
        == 1)
}

const DELETE_ALL: &str = "DELETE FROM sessions WHERE administrator_id = $1";

pub async fn delete_all(tx: &mut Tx, administrator: AdministratorId) -> Result<(), StoreError> {
    tx.execute(Statement::new(DELETE_ALL).bind(administrator)).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id_hash: Hash) -> Result<(), StoreError> {
    tx.execute(Statement::new("DELETE FROM sessions WHERE id_hash = $1").bind(id_hash))
        .await?;
    Ok(())
}

const DELETE_OTHERS: &str = "DELETE FROM sessions WHERE administrator_id = $1 AND id_hash <> $2";

pub async fn delete_others(
    tx: &mut Tx,
    administrator: AdministratorId,
    keep: Hash,
) -> Result<(), StoreError> {
    tx.execute(Statement::new(DELETE_OTHERS).bind(administrator).bind(keep))
        .await?;
    Ok(())
}

pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new("DELETE FROM sessions WHERE expires_at <= $1").bind(now))
        .await?;
    tx.execute(Statement::new("DELETE FROM login_throttle WHERE blocked_until <= $1").bind(now))
        .await?;
    for delete in [
        "DELETE FROM setup_links WHERE expires_at <= $1",
        "DELETE FROM sign_in_links WHERE expires_at <= $1",
    ] {
        tx.execute(Statement::new(delete).bind(now)).await?;
    }
    Ok(())
}

const SET_SIGN_IN_LINK: &str = "
    INSERT INTO sign_in_links (administrator_id, token_hash, expires_at)
    VALUES ($1, $2, $3)
        ON CONFLICT (administrator_id) DO UPDATE
       SET token_hash = excluded.token_hash, expires_at = excluded.expires_at";

/// An earlier link of the same administrator ends.
pub async fn set_sign_in_link(
    tx: &mut Tx,
    administrator: AdministratorId,
    token_hash: Hash,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        Statement::new(SET_SIGN_IN_LINK)
            .bind(administrator)
            .bind(token_hash)
            .bind(expires_at),
    )
    .await?;
    Ok(())
}

const FIND_SIGN_IN_LINK: &str =
    "SELECT administrator_id FROM sign_in_links WHERE token_hash = $1 AND expires_at > $2";

pub async fn find_sign_in_link(
    conn: &mut Conn,
    token_hash: Hash,
    now: Timestamp,
) -> Result<Option<AdministratorId>, StoreError> {
    let statement = Statement::new(FIND_SIGN_IN_LINK).bind(token_hash).bind(now);
    let row = conn.fetch_optional(statement).await?;
    row.map(|row| row.id("administrator_id")).transpose()
}

/// True once: the link is gone after.
pub async fn take_sign_in_link(tx: &mut Tx, token_hash: Hash, now: Timestamp) -> Result<bool, StoreError> {
    let delete = "DELETE FROM sign_in_links WHERE token_hash = $1 AND expires_at > $2";
    Ok(tx
        .execute(Statement::new(delete).bind(token_hash).bind(now))
        .await?
        == 1)
}

pub async fn insert_setup_link(
    tx: &mut Tx,
    token_hash: Hash,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(Statement::new("DELETE FROM setup_links")).await?;
    let insert = "INSERT INTO setup_links (token_hash, expires_at) VALUES ($1, $2)";
    tx.execute(Statement::new(insert).bind(token_hash).bind(expires_at))
        .await?;
    Ok(())
}

/// True once: the link is gone after.
pub async fn take_setup_link(tx: &mut Tx, token_hash: Hash, now: Timestamp) -> Result<bool, StoreError> {
    let delete = "DELETE FROM setup_links WHERE token_hash = $1 AND expires_at > $2";
    Ok(tx
        .execute(Statement::new(delete).bind(token_hash).bind(now))
        .await?
        == 1)
}

pub async fn has_setup_link(conn: &mut Conn, token_hash: Hash, now: Timestamp) -> Result<bool, StoreError> {
    let select = "SELECT 1 AS one FROM setup_links WHERE token_hash = $1 AND expires_at > $2";
    let found = conn
        .fetch_optional(Statement::new(select).bind(token_hash).bind(now))
        .await?;
    Ok(found.is_some())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    pub failures: u32,
    pub blocked_until: Timestamp,
}

const HOLD_THROTTLE: &str = "
    INSERT INTO login_throttle (key_hash, failures, blocked_until)
    VALUES ($1, 0, $2)
        ON CONFLICT (key_hash) DO UPDATE
       SET failures = login_throttle.failures";
const FIND_THROTTLE: &str = "SELECT failures, blocked_until FROM login_throttle WHERE key_hash = $1";

/// What was counted so far; nobody else counts at this key before the transaction ends.
pub async fn hold_throttle(tx: &mut Tx, key_hash: Hash, now: Timestamp) -> Result<Throttle, StoreError> {
    tx.execute(Statement::new(HOLD_THROTTLE).bind(key_hash).bind(now))
        .await?;
    let row = tx
        .fetch_optional(Statement::new(FIND_THROTTLE).bind(key_hash))
        .await?;
    let row = row.ok_or(StoreError::Unexpected("no throttle"))?;
    Ok(Throttle {
        failures: row.unsigned("failures")?,
        blocked_until: row.time("blocked_until")?,
    })
}

const SET_THROTTLE: &str = "
    INSERT INTO login_throttle (key_hash, failures, blocked_until)
    VALUES ($1, $2, $3)
        ON CONFLICT (key_hash) DO UPDATE
       SET failures = excluded.failures, blocked_until = excluded.blocked_until";

pub async fn set_throttle(tx: &mut Tx, key_hash: Hash, throttle: Throttle) -> Result<(), StoreError> {
    let statement = Statement::new(SET_THROTTLE)
        .bind(key_hash)
        .bind(throttle.failures)
        .bind(throttle.blocked_until);
    tx.execute(statement).await?;
    Ok(())
}

pub async fn clear_throttle(tx: &mut Tx, key_hash: Hash) -> Result<(), StoreError> {
    tx.execute(Statement::new("DELETE FROM login_throttle WHERE key_hash = $1").bind(key_hash))
        .await?;
    Ok(())
}

const TAKE_FAILURE_BACK: &str =
    "UPDATE login_throttle SET failures = failures - 1 WHERE key_hash = $1 AND failures > 0";

pub async fn take_failure_back(tx: &mut Tx, key_hash: Hash) -> Result<(), StoreError> {
    tx.execute(Statement::new(TAKE_FAILURE_BACK).bind(key_hash))
        .await?;
    Ok(())
}
