//! Who signs mailboxes in by OAuth 2.0, and whom we wait for to come back from there.

use domain::MailAccountId;
use domain::SignInProviderId;
use domain::Timestamp;
use domain::sign_in::SignInProvider;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::sessions::Hash;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProvider {
    pub id: SignInProviderId,
    pub provider: SignInProvider,
    /// Sealed. `None`: a public client.
    pub secret: Option<Vec<u8>>,
}

const SELECT: &str = "SELECT id, settings, secret FROM sign_in_providers";

/// The oldest first.
pub async fn list(conn: &mut Conn) -> Result<Vec<StoredProvider>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(format!("{SELECT} ORDER BY id")))
        .await?;
    rows.iter().map(provider).collect()
}

pub async fn find(conn: &mut Conn, id: SignInProviderId) -> Result<Option<StoredProvider>, StoreError> {
    let select = Statement::new(format!("{SELECT} WHERE id = $1")).bind(id);
    let row = conn.fetch_optional(select).await?;
    row.as_ref().map(provider).transpose()
}

fn provider(row: &Row) -> Result<StoredProvider, StoreError> {
    let settings = serde_json::from_str(&row.text("settings")?);
    Ok(StoredProvider {
        id: row.id("id")?,
        provider: settings.map_err(|_| StoreError::Unexpected("sign-in provider"))?,
        secret: row.optional_blob("secret")?,
    })
}

const SAVE: &str = "
    INSERT INTO sign_in_providers (id, settings, secret) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, secret = excluded.secret";

pub async fn save(tx: &mut Tx, stored: &StoredProvider) -> Result<(), StoreError> {
    let settings =
        serde_json::to_string(&stored.provider).map_err(|_| StoreError::Unexpected("sign-in provider"))?;
    let save = Statement::new(SAVE)
        .bind(stored.id)
        .bind(settings)
        .bind(stored.secret.clone());
    tx.execute(save).await?;
    Ok(())
}

/// With the tokens that it has given. False: it is not there.
pub async fn delete(tx: &mut Tx, id: SignInProviderId) -> Result<bool, StoreError> {
    let delete = "DELETE FROM sign_in_providers WHERE id = $1";
    Ok(tx.execute(Statement::new(delete).bind(id)).await? == 1)
}

/// Somebody who was sent to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub state_hash: Hash,
    pub session_hash: Hash,
    pub account: MailAccountId,
    pub provider: SignInProviderId,
    pub redirect: String,
    pub expires_at: Timestamp,
}

const INSERT_BEGUN: &str = "
    INSERT INTO begun_sign_ins (state_hash, session_hash, mail_account_id, provider_id, redirect, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

pub async fn insert_begun(tx: &mut Tx, begun: &Begun) -> Result<(), StoreError> {
    let insert = Statement::new(INSERT_BEGUN)
        .bind(begun.state_hash)
        .bind(begun.session_hash)
        .bind(begun.account)
        .bind(begun.provider)
        .bind(begun.redirect.as_str())
        .bind(begun.expires_at);
    tx.execute(insert).await?;
    Ok(())
}

const TAKE_BEGUN: &str = "
    DELETE FROM begun_sign_ins
     WHERE state_hash = $1 AND session_hash = $2 AND expires_at > $3
 RETURNING mail_account_id, provider_id, redirect, expires_at";

/// Once, and for the session that began it; nobody else can use it up.
pub async fn take_begun(
    tx: &mut Tx,
    state_hash: Hash,
    session_hash: Hash,
    now: Timestamp,
) -> Result<Option<Begun>, StoreError> {
    let take = Statement::new(TAKE_BEGUN)
        .bind(state_hash)
        .bind(session_hash)
        .bind(now);
    let row = tx.fetch_optional(take).await?;
    row.map(|row| {
        Ok(Begun {
            state_hash,
            session_hash,
            account: row.id("mail_account_id")?,
            provider: row.id("provider_id")?,
            redirect: row.text("redirect")?,
            expires_at: row.time("expires_at")?,
        })
    })
    .transpose()
}

pub async fn forget_begun(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    let delete = "DELETE FROM begun_sign_ins WHERE expires_at <= $1";
    tx.execute(Statement::new(delete).bind(now)).await?;
    Ok(())
}
