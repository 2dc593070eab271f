//! Sessions, the set-up link and the throttle of refused sign-ins. Only hashes are stored.

use domain::AdministratorId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

pub type Hash = [u8; 32];

const INSERT: &str = "
    INSERT INTO sessions (id_hash, administrator_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";

pub async fn insert(
    tx: &mut Tx,
    id_hash: Hash,
    administrator: AdministratorId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT)
        .bind(id_hash)
        .bind(administrator)
        .bind(now)
        .bind(expires_at);
    tx.execute(statement).await?;
    Ok(())
}

const FIND: &str = "
    SELECT s.administrator_id
      FROM sessions s
      JOIN administrators a ON a.id = s.administrator_id
     WHERE s.id_hash = $1 AND s.expires_at > $2 AND a.disabled_at IS NULL";

/// Whose session it is, if it is live and its administrator not disabled.
pub async fn find(
    conn: &mut Conn,
    id_hash: Hash,
    now: Timestamp,
) -> Result<Option<AdministratorId>, StoreError> {
    let row = conn
        .fetch_optional(Statement::new(FIND).bind(id_hash).bind(now))
        .await?;
    row.map(|row| row.id("administrator_id")).transpose()
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
    tx.execute(Statement::new("DELETE FROM setup_links WHERE expires_at <= $1").bind(now))
        .await?;
    Ok(())
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    pub failures: u32,
    pub blocked_until: Timestamp,
}

const FIND_THROTTLE: &str = "SELECT failures, blocked_until FROM login_throttle WHERE key_hash = $1";

pub async fn find_throttle(conn: &mut Conn, key_hash: Hash) -> Result<Option<Throttle>, StoreError> {
    let row = conn
        .fetch_optional(Statement::new(FIND_THROTTLE).bind(key_hash))
        .await?;
    let throttle = row.map(|row| {
        Ok(Throttle {
            failures: row.unsigned("failures")?,
            blocked_until: row.time("blocked_until")?,
        })
    });
    throttle.transpose()
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
