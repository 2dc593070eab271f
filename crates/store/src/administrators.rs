//! Administrators: who may sign in.

use domain::AdministratorId;
use domain::Timestamp;
use domain::system_mail::SYSTEM;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::sessions::Hash;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    pub id: AdministratorId,
    /// Lower case.
    pub login: String,
    pub name: String,
    pub password_hash: String,
    pub is_super: bool,
    pub time_zone: String,
    /// Of the page; empty: as the browser says.
    pub language: String,
    /// How dates and numbers are written (BCP 47); empty: as the language.
    pub formats: String,
    pub disabled_at: Option<Timestamp>,
    /// The sealed secret of the second factor, where it is on.
    pub totp_secret: Option<Vec<u8>>,
}

const INSERT: &str = "
    INSERT INTO administrators
           (id, login, name, password_hash, is_super, time_zone, disabled_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)
        ON CONFLICT (login) DO NOTHING";

/// False: the login is taken.
pub async fn insert(tx: &mut Tx, administrator: &Administrator, now: Timestamp) -> Result<bool, StoreError> {
    let statement = Statement::new(INSERT)
        .bind(administrator.id)
        .bind(administrator.login.as_str())
        .bind(administrator.name.as_str())
        .bind(administrator.password_hash.as_str())
        .bind(administrator.is_super)
        .bind(administrator.time_zone.as_str())
        .bind(now);
    Ok(tx.execute(statement).await? == 1)
}

const SELECT: &str = "
    SELECT id, login, name, password_hash, is_super, time_zone, language, formats, disabled_at, totp_secret
      FROM administrators";

pub async fn find_by_login(conn: &mut Conn, login: &str) -> Result<Option<Administrator>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE login = $1 AND id <> $2"))
        .bind(login)
        .bind(SYSTEM);
    conn.fetch_optional(statement)
        .await?
        .map(|row| administrator(&row))
        .transpose()
}

/// The system itself is nobody: it has no sign-in to reset, and no mail to erase.
pub async fn find(conn: &mut Conn, id: AdministratorId) -> Result<Option<Administrator>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE id = $1 AND id <> $2"))
        .bind(id)
        .bind(SYSTEM);
    conn.fetch_optional(statement)
        .await?
        .map(|row| administrator(&row))
        .transpose()
}

/// As [`find`], and nobody else changes it before the transaction ends.
pub async fn hold(tx: &mut Tx, id: AdministratorId) -> Result<Option<Administrator>, StoreError> {
    let hold = "UPDATE administrators SET login = login WHERE id = $1";
    tx.execute(Statement::new(hold).bind(id)).await?;
    find(tx, id).await
}

/// Those who can be let in: the system itself is not among them.
pub async fn list(conn: &mut Conn) -> Result<Vec<Administrator>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE id <> $1 ORDER BY name, id")).bind(SYSTEM);
    let rows = conn.fetch_all(statement).await?;
    rows.iter().map(administrator).collect()
}

/// What people say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    pub time_zone: String,
    pub language: String,
    pub formats: String,
}

const UPDATE_PROFILE: &str = "
    UPDATE administrators
       SET name = $2, time_zone = $3, language = $4, formats = $5
     WHERE id = $1";

pub async fn update_profile(tx: &mut Tx, id: AdministratorId, profile: &Profile) -> Result<(), StoreError> {
    let statement = Statement::new(UPDATE_PROFILE)
        .bind(id)
        .bind(profile.name.as_str())
        .bind(profile.time_zone.as_str())
        .bind(profile.language.as_str())
        .bind(profile.formats.as_str());
    tx.execute(statement).await?;
    Ok(())
}

const SET_TIME_ZONE: &str = "UPDATE administrators SET time_zone = $2 WHERE id = $1";

pub async fn set_time_zone(tx: &mut Tx, id: AdministratorId, zone: &str) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_TIME_ZONE).bind(id).bind(zone))
        .await?;
    Ok(())
}

const UPDATE_PASSWORD: &str = "UPDATE administrators SET password_hash = $2 WHERE id = $1";

pub async fn update_password(tx: &mut Tx, id: AdministratorId, hash: &str) -> Result<(), StoreError> {
    tx.execute(Statement::new(UPDATE_PASSWORD).bind(id).bind(hash))
        .await?;
    Ok(())
}

const SET_DISABLED: &str = "UPDATE administrators SET disabled_at = $2 WHERE id = $1";

pub async fn set_disabled(tx: &mut Tx, id: AdministratorId, at: Option<Timestamp>) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_DISABLED).bind(id).bind(at)).await?;
    Ok(())
}

const SET_SUPER: &str = "UPDATE administrators SET is_super = $2 WHERE id = $1";

pub async fn set_super(tx: &mut Tx, id: AdministratorId, is_super: bool) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_SUPER).bind(id).bind(is_super))
        .await?;
    Ok(())
}

const SET_TOTP: &str = "UPDATE administrators SET totp_secret = $2, totp_last_step = 0 WHERE id = $1";
const FORGET_CODES: &str = "DELETE FROM recovery_codes WHERE administrator_id = $1";
const INSERT_CODES: &str = "INSERT INTO recovery_codes (administrator_id, code_hash)";

/// Turns the second factor on or off; its recovery codes are exactly these.
pub async fn set_totp(
    tx: &mut Tx,
    id: AdministratorId,
    secret: Option<&[u8]>,
    codes: &[Hash],
) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_TOTP).bind(id).bind(secret.map(<[u8]>::to_vec)))
        .await?;
    tx.execute(Statement::new(FORGET_CODES).bind(id)).await?;
    let rows = codes.iter().map(|code| vec![id.into(), (*code).into()]);
    tx.execute_rows(INSERT_CODES, "", rows.collect()).await?;
    Ok(())
}

const TAKE_STEP: &str = "UPDATE administrators SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2";

/// True once for each step of time: a code that was seen over a shoulder is worth nothing.
pub async fn take_totp_step(tx: &mut Tx, id: AdministratorId, step: u64) -> Result<bool, StoreError> {
    Ok(tx.execute(Statement::new(TAKE_STEP).bind(id).bind(step)).await? == 1)
}

const TAKE_CODE: &str = "DELETE FROM recovery_codes WHERE administrator_id = $1 AND code_hash = $2";

/// True once for each recovery code.
pub async fn take_recovery_code(tx: &mut Tx, id: AdministratorId, code: Hash) -> Result<bool, StoreError> {
    Ok(tx.execute(Statement::new(TAKE_CODE).bind(id).bind(code)).await? == 1)
}

fn administrator(row: &Row) -> Result<Administrator, StoreError> {
    Ok(Administrator {
        id: row.id("id")?,
        login: row.text("login")?,
        name: row.text("name")?,
        password_hash: row.text("password_hash")?,
        is_super: row.bool("is_super")?,
        time_zone: row.text("time_zone")?,
        language: row.text("language")?,
        formats: row.text("formats")?,
        disabled_at: row.optional_time("disabled_at")?,
        totp_secret: row.optional_blob("totp_secret")?,
    })
}
