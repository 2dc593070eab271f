//! Watched folders and how far each has been read.

use domain::FolderId;
use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::ModSeq;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use domain::message::SkipReason;
use jiff::civil::Date;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::accounts::Lease;
use crate::db::Statement;
use crate::lease::Held;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub id: FolderId,
    pub account: MailAccountId,
    pub role: FolderRole,
    pub wire_name: Vec<u8>,
    /// `None` until the first successful connection.
    pub cursor: Option<FolderCursor>,
    /// The history that is complete down to `cursor.history_from`; another day starts it anew.
    pub history_since: Option<String>,
    /// When the first successful connection was: what is older is history.
    pub baseline_at: Option<Timestamp>,
    /// Switched on again, and not looked at since: what arrived meanwhile is left out.
    pub was_off: bool,
    /// False: another one is read in its place, or its owner has taken it off the list.
    pub is_watched: bool,
    pub server_messages: u32,
    /// How often in a row it came back with another UIDVALIDITY.
    pub rebuilds: u32,
    /// The last one that was not followed.
    pub refused: Option<UidValidity>,
}

impl Folder {
    /// How far back the history goes that was begun.
    pub fn walked_day(&self) -> Option<Date> {
        self.history_since.as_deref()?.parse().ok()
    }

    /// Everything since `day` is here.
    pub fn has_walked(&self, day: Date) -> bool {
        let is_at_end = self
            .cursor
            .is_some_and(|cursor| cursor.history_from <= Uid::FIRST);
        is_at_end && self.walked_day().is_some_and(|walked| walked <= day)
    }
}

const SELECT: &str = "
    SELECT id, mail_account_id, role, wire_name, uid_validity, next_uid, mod_seq, baseline, history_from,
           history_since, baseline_at, was_off, is_watched, server_messages, rebuilds, refused_uid_validity
      FROM folders";

pub async fn find_by_name_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    wire_name: &[u8],
) -> Result<Option<Folder>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE mail_account_id = $1 AND wire_name = $2"))
        .bind(account)
        .bind(wire_name);
    conn.fetch_optional(statement)
        .await?
        .map(|row| folder(&row))
        .transpose()
}

pub async fn list_of_account(conn: &mut Conn, account: MailAccountId) -> Result<Vec<Folder>, StoreError> {
    let statement =
        Statement::new(format!("{SELECT} WHERE mail_account_id = $1 ORDER BY role")).bind(account);
    conn.fetch_all(statement).await?.iter().map(folder).collect()
}

fn folder(row: &Row) -> Result<Folder, StoreError> {
    let uid = |column| row.unsigned(column).map(Uid);
    let cursor = match row.optional_integer("uid_validity")? {
        None => None,
        Some(uid_validity) => Some(FolderCursor {
            uid_validity: UidValidity(
                u32::try_from(uid_validity).map_err(|_| StoreError::Unexpected("UIDVALIDITY"))?,
            ),
            next_uid: uid("next_uid")?,
            mod_seq: row
                .optional_integer("mod_seq")?
                .and_then(|seq| u64::try_from(seq).ok())
                .map(ModSeq),
            baseline: uid("baseline")?,
            history_from: uid("history_from")?,
        }),
    };
    Ok(Folder {
        id: row.id("id")?,
        account: row.id("mail_account_id")?,
        role: FolderRole::parse(&row.text("role")?).ok_or(StoreError::Unexpected("role of a folder"))?,
        wire_name: row.blob("wire_name")?,
        cursor,
        history_since: row.optional_text("history_since")?,
        baseline_at: row.optional_time("baseline_at")?,
        was_off: row.bool("was_off")?,
        is_watched: row.bool("is_watched")?,
        server_messages: row.unsigned("server_messages")?,
        rebuilds: row.unsigned("rebuilds")?,
        refused: row
            .optional_integer("refused_uid_validity")?
            .and_then(|number| u32::try_from(number).ok())
            .map(UidValidity),
    })
}

const INSERT: &str = "
    INSERT INTO folders
           (id, mail_account_id, role, wire_name, uid_validity, next_uid, mod_seq, baseline, history_from,
            history_since, baseline_at, server_messages)
    VALUES ($1, $2, $3, $4, NULL, 0, NULL, 0, 0, NULL, NULL, 0)
        ON CONFLICT (mail_account_id, wire_name) DO NOTHING";

pub async fn insert(
    tx: &mut Tx,
    id: FolderId,
    account: MailAccountId,
    role: FolderRole,
    wire_name: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        Statement::new(INSERT)
            .bind(id)
            .bind(account)
            .bind(role.as_str())
            .bind(wire_name),
    )
    .await?;
    Ok(())
}

const SET_WATCHED: &str = "UPDATE folders SET is_watched = $2 WHERE id = $1";

pub async fn set_watched(tx: &mut Tx, id: FolderId, is_watched: bool) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_WATCHED).bind(id).bind(is_watched))
        .await?;
    Ok(())
}

const SET_ROLE: &str = "UPDATE folders SET role = $2 WHERE id = $1";

pub async fn set_role(tx: &mut Tx, id: FolderId, role: FolderRole) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_ROLE).bind(id).bind(role.as_str()))
        .await?;
    Ok(())
}

const SET_CURSOR: &str = "
    UPDATE folders
       SET uid_validity = $2, next_uid = $3, mod_seq = $4, baseline = $5, history_from = $6, history_since = $7
     WHERE id = $1";

pub async fn set_cursor(
    tx: &mut Held<'_, Lease>,
    id: FolderId,
    cursor: &FolderCursor,
    history_since: Option<&str>,
) -> Result<(), StoreError> {
    let mod_seq = cursor.mod_seq.and_then(|seq| i64::try_from(seq.0).ok());
    let statement = Statement::new(SET_CURSOR)
        .bind(id)
        .bind(cursor.uid_validity.0)
        .bind(cursor.next_uid.0)
        .bind(mod_seq)
        .bind(cursor.baseline.0)
        .bind(cursor.history_from.0)
        .bind(history_since);
    tx.execute(statement).await?;
    Ok(())
}

const MOVE_UP: &str = "UPDATE folders SET next_uid = $3 WHERE id = $1 AND uid_validity = $2";
const MOVE_DOWN: &str =
    "UPDATE folders SET history_from = $3, history_since = $4 WHERE id = $1 AND uid_validity = $2";

/// Moves one end of the cursor, whose other end another connection may move meanwhile. False: the folder has another
/// UIDVALIDITY by now.
pub async fn move_cursor(
    tx: &mut Held<'_, Lease>,
    id: FolderId,
    cursor: &FolderCursor,
    walk: Walk,
    history_since: Option<&str>,
) -> Result<bool, StoreError> {
    let uid_validity = cursor.uid_validity.0;
    let statement = match walk {
        Walk::NewMail => Statement::new(MOVE_UP)
            .bind(id)
            .bind(uid_validity)
            .bind(cursor.next_uid.0),
        Walk::History => Statement::new(MOVE_DOWN)
            .bind(id)
            .bind(uid_validity)
            .bind(cursor.history_from.0)
            .bind(history_since),
    };
    Ok(tx.execute(statement).await? > 0)
}

const SET_BASELINE_AT: &str = "UPDATE folders SET baseline_at = $2 WHERE id = $1 AND baseline_at IS NULL";

pub async fn set_baseline_at(
    tx: &mut Held<'_, Lease>,
    id: FolderId,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_BASELINE_AT).bind(id).bind(at))
        .await?;
    Ok(())
}

const SET_WAS_OFF: &str = "
    UPDATE folders SET was_off = TRUE WHERE mail_account_id = $1 AND uid_validity IS NOT NULL";

/// The account is switched on again: each folder it knew gets a new baseline when it is next looked at.
pub async fn set_was_off(tx: &mut Tx, account: MailAccountId) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_WAS_OFF).bind(account)).await?;
    Ok(())
}

const CLEAR_WAS_OFF: &str = "UPDATE folders SET was_off = FALSE WHERE id = $1";

pub async fn clear_was_off(tx: &mut Tx, id: FolderId) -> Result<(), StoreError> {
    tx.execute(Statement::new(CLEAR_WAS_OFF).bind(id)).await?;
    Ok(())
}

const FORGET_COPIES: &str =
    "DELETE FROM remote_copies WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3";

/// The server counts from a lower UIDNEXT again: what we know at or above it may be given out anew. The
/// messages stay.
pub async fn forget_copies_from(
    tx: &mut Held<'_, Lease>,
    id: FolderId,
    uid_validity: UidValidity,
    first: Uid,
) -> Result<(), StoreError> {
    tx.execute(
        Statement::new(FORGET_COPIES)
            .bind(id)
            .bind(uid_validity.0)
            .bind(first.0),
    )
    .await?;
    Ok(())
}

const COUNT_COPIES: &str = "
    SELECT COUNT(*) AS count FROM remote_copies WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3 AND uid <= $4";

pub async fn count_copies_for_engine(
    conn: &mut Conn,
    id: FolderId,
    uid_validity: UidValidity,
    (first, last): (Uid, Uid),
) -> Result<u64, StoreError> {
    let select = Statement::new(COUNT_COPIES)
        .bind(id)
        .bind(uid_validity.0)
        .bind(first.0)
        .bind(last.0);
    let row = conn.fetch_optional(select).await?;
    row.ok_or(StoreError::Unexpected("no count"))?.size("count")
}

const FORGET_VANISHED: [&str; 3] = [
    "DELETE FROM remote_copies WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3 AND uid <= $4",
    "DELETE FROM skipped_copies WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3 AND uid <= $4",
    "DELETE FROM remote_operations WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3 AND uid <= $4",
];

/// They are gone on the server; the messages stay.
const FORGET_PLACES: [&str; 2] = [
    "DELETE FROM remote_copies WHERE folder_id = $1",
    "DELETE FROM skipped_copies WHERE folder_id = $1",
];

/// Where every message of the folder was, under whichever UIDVALIDITY; the messages stay.
pub async fn forget_places(tx: &mut Held<'_, Lease>, id: FolderId) -> Result<(), StoreError> {
    for delete in FORGET_PLACES {
        tx.execute(Statement::new(delete).bind(id)).await?;
    }
    Ok(())
}

pub async fn forget_vanished(
    tx: &mut Held<'_, Lease>,
    id: FolderId,
    uid_validity: UidValidity,
    (first, last): (Uid, Uid),
) -> Result<(), StoreError> {
    for delete in FORGET_VANISHED {
        let delete = Statement::new(delete)
            .bind(id)
            .bind(uid_validity.0)
            .bind(first.0)
            .bind(last.0);
        tx.execute(delete).await?;
    }
    Ok(())
}

const SET_MOD_SEQ: &str = "UPDATE folders SET mod_seq = $3 WHERE id = $1 AND uid_validity = $2";

/// Everything up to there has been dealt with.
pub async fn set_mod_seq(
    tx: &mut Held<'_, Lease>,
    id: FolderId,
    uid_validity: UidValidity,
    mod_seq: ModSeq,
) -> Result<(), StoreError> {
    let mod_seq = i64::try_from(mod_seq.0).ok();
    tx.execute(
        Statement::new(SET_MOD_SEQ)
            .bind(id)
            .bind(uid_validity.0)
            .bind(mod_seq),
    )
    .await?;
    Ok(())
}

const MESSAGES_AT: &str = "
    SELECT c.uid, c.message_id
      FROM remote_copies c
     WHERE c.folder_id = $1 AND c.uid_validity = $2
       AND NOT EXISTS (SELECT 1 FROM remote_operations o
                        WHERE o.folder_id = c.folder_id AND o.uid_validity = c.uid_validity AND o.uid = c.uid)
       AND c.uid IN ";

/// Messages behind these UIDs, those left out of which something is still to be changed on the server.
pub async fn messages_at_for_engine(
    conn: &mut Conn,
    id: FolderId,
    uid_validity: UidValidity,
    uids: &[Uid],
) -> Result<Vec<(Uid, MessageId)>, StoreError> {
    let mut select = Statement::new(MESSAGES_AT).bind(id).bind(uid_validity.0);
    select.push_list(uids.iter().map(|uid| Value::from(uid.0)));
    let rows = conn.fetch_all(select).await?;
    let messages = rows
        .iter()
        .map(|row| Ok((Uid(row.unsigned("uid")?), row.id("message_id")?)));
    messages.collect()
}

const SET_REBUILDS: &str = "UPDATE folders SET rebuilds = $2, refused_uid_validity = $3 WHERE id = $1";

pub async fn set_rebuilds(
    tx: &mut Tx,
    id: FolderId,
    rebuilds: u32,
    refused: Option<UidValidity>,
) -> Result<(), StoreError> {
    let refused = refused.map(|uid_validity| i64::from(uid_validity.0));
    let update = Statement::new(SET_REBUILDS).bind(id).bind(rebuilds).bind(refused);
    tx.execute(update).await?;
    Ok(())
}

const SET_SERVER_MESSAGES: &str = "UPDATE folders SET server_messages = $2 WHERE id = $1";

pub async fn set_server_messages(tx: &mut Tx, id: FolderId, count: u32) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_SERVER_MESSAGES).bind(id).bind(count))
        .await?;
    Ok(())
}

/// A message that was met and not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedCopy {
    pub uid: Uid,
    pub reason: SkipReason,
}

const INSERT_SKIPPED: &str = "
    INSERT INTO skipped_copies
           (folder_id, uid_validity, uid, mail_account_id, reason, deny_line, skipped_at)";

pub async fn insert_skipped(
    tx: &mut Tx,
    folder: &Folder,
    uid_validity: UidValidity,
    skipped: &[SkippedCopy],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = skipped.iter().map(|copy| {
        let deny_line = match &copy.reason {
            SkipReason::Denied(line) => Some(line.as_str()),
            _ => None,
        };
        vec![
            folder.id.into(),
            uid_validity.0.into(),
            copy.uid.0.into(),
            folder.account.into(),
            copy.reason.as_str().into(),
            deny_line.into(),
            now.into(),
        ]
    });
    let conflict = "ON CONFLICT (folder_id, uid_validity, uid) DO NOTHING";
    tx.execute_rows(INSERT_SKIPPED, conflict, rows.collect()).await?;
    Ok(())
}

const UIDS_KNOWN: &str = "
    SELECT uid FROM remote_copies WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3 AND uid <= $4
     UNION
    SELECT uid FROM skipped_copies WHERE folder_id = $1 AND uid_validity = $2 AND uid >= $3 AND uid <= $4";

/// Which UIDs of a range have been dealt with already.
pub async fn known_uids_for_engine(
    conn: &mut Conn,
    folder: FolderId,
    uid_validity: UidValidity,
    first: Uid,
    last: Uid,
) -> Result<Vec<Uid>, StoreError> {
    let statement = Statement::new(UIDS_KNOWN)
        .bind(folder)
        .bind(uid_validity.0)
        .bind(first.0)
        .bind(last.0);
    conn.fetch_all(statement)
        .await?
        .iter()
        .map(|row| row.unsigned("uid").map(Uid))
        .collect()
}

const KNOWN: &str = "
    SELECT uid, NULL AS reason FROM remote_copies WHERE folder_id = $1 AND uid_validity = $2
     UNION ALL
    SELECT uid, reason FROM skipped_copies WHERE folder_id = $1 AND uid_validity = $2";

/// Every UID that is known of a folder, with the reason where it was skipped.
pub async fn list_known_for_engine(
    conn: &mut Conn,
    folder: FolderId,
    uid_validity: UidValidity,
) -> Result<Vec<(Uid, Option<String>)>, StoreError> {
    let select = Statement::new(KNOWN).bind(folder).bind(uid_validity.0);
    let rows = conn.fetch_all(select).await?;
    rows.iter()
        .map(|row| Ok((Uid(row.unsigned("uid")?), row.optional_text("reason")?)))
        .collect()
}

const SKIPPED_COUNTS: &str = "
    SELECT reason, deny_line, COUNT(*) AS skipped
      FROM skipped_copies
     WHERE mail_account_id = $1
     GROUP BY reason, deny_line
     ORDER BY reason, deny_line";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedCount {
    pub reason: String,
    pub deny_line: Option<String>,
    pub count: u64,
}

pub async fn skipped_counts(
    conn: &mut Conn,
    account: MailAccountId,
) -> Result<Vec<SkippedCount>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(SKIPPED_COUNTS).bind(account))
        .await?;
    let counts = rows.iter().map(|row| {
        Ok(SkippedCount {
            reason: row.text("reason")?,
            deny_line: row.optional_text("deny_line")?,
            count: row.size("skipped")?,
        })
    });
    counts.collect()
}

/// Forgets skipped places, so that they are looked at again. `line`: only those of one deny line.
pub async fn forget_skipped(
    tx: &mut Tx,
    account: MailAccountId,
    reason: &str,
    line: Option<&str>,
) -> Result<u64, StoreError> {
    let mut statement =
        Statement::new("DELETE FROM skipped_copies WHERE mail_account_id = $1 AND reason = $2")
            .bind(account)
            .bind(reason);
    if let Some(line) = line {
        statement.push_sql(" AND deny_line = $3");
        statement = statement.bind(line);
    }
    tx.execute(statement).await
}

const FORGET_SKIPPED_THAT_CAME: &str = "
    DELETE FROM skipped_copies
     WHERE folder_id = $1 AND uid_validity = $2
       AND uid IN (SELECT uid FROM remote_copies WHERE folder_id = $1 AND uid_validity = $2)";

/// Skipped once, and here now.
pub async fn forget_skipped_that_came(
    tx: &mut Held<'_, Lease>,
    folder: FolderId,
    uid_validity: UidValidity,
) -> Result<(), StoreError> {
    let delete = Statement::new(FORGET_SKIPPED_THAT_CAME)
        .bind(folder)
        .bind(uid_validity.0);
    tx.execute(delete).await?;
    Ok(())
}

const RESET_CURSORS: &str = "
    UPDATE folders
       SET next_uid = baseline, history_from = baseline
     WHERE mail_account_id = $1 AND uid_validity IS NOT NULL";

/// Walks every folder again from its baseline; what is known is passed over.
pub async fn walk_again(tx: &mut Tx, account: MailAccountId) -> Result<(), StoreError> {
    tx.execute(Statement::new(RESET_CURSORS).bind(account)).await?;
    Ok(())
}

const COUNT_ATTEMPT: &str = "
    INSERT INTO intake_attempts (folder_id, first_uid, last_uid, attempts)
    VALUES ($1, $2, $3, 1)
        ON CONFLICT (folder_id, first_uid, last_uid) DO UPDATE
       SET attempts = intake_attempts.attempts + 1
 RETURNING attempts";

/// Counts an attempt on these UIDs before it is made; how many it has been for the same ones.
pub async fn count_attempt(tx: &mut Tx, folder: FolderId, first: Uid, last: Uid) -> Result<u32, StoreError> {
    let statement = Statement::new(COUNT_ATTEMPT)
        .bind(folder)
        .bind(first.0)
        .bind(last.0);
    let row = tx
        .fetch_optional(statement)
        .await?
        .ok_or(StoreError::Unexpected("attempt"))?;
    row.unsigned("attempts")
}

/// UIDs whose intake began and never ended: the process died in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    pub first: Uid,
    pub last: Uid,
    pub attempts: u32,
}

pub async fn list_attempts_for_engine(
    conn: &mut Conn,
    folder: FolderId,
) -> Result<Vec<OpenAttempt>, StoreError> {
    let select = "SELECT first_uid, last_uid, attempts FROM intake_attempts WHERE folder_id = $1";
    let rows = conn.fetch_all(Statement::new(select).bind(folder)).await?;
    let attempts = rows.iter().map(|row| {
        Ok(OpenAttempt {
            first: Uid(row.unsigned("first_uid")?),
            last: Uid(row.unsigned("last_uid")?),
            attempts: row.unsigned("attempts")?,
        })
    });
    attempts.collect()
}

/// The attempt on these UIDs is over.
pub async fn end_attempt(tx: &mut Tx, folder: FolderId, first: Uid, last: Uid) -> Result<(), StoreError> {
    let delete = "DELETE FROM intake_attempts WHERE folder_id = $1 AND first_uid = $2 AND last_uid = $3";
    tx.execute(Statement::new(delete).bind(folder).bind(first.0).bind(last.0))
        .await?;
    Ok(())
}

/// They name other mail now.
pub async fn end_attempts(tx: &mut Tx, folder: FolderId) -> Result<(), StoreError> {
    let delete = "DELETE FROM intake_attempts WHERE folder_id = $1";
    tx.execute(Statement::new(delete).bind(folder)).await?;
    Ok(())
}

/// Rows of values for a chunk of UIDs.
pub(crate) fn copy_row(folder: &Folder, uid_validity: UidValidity, uid: Uid) -> Vec<Value> {
    vec![folder.id.into(), uid_validity.0.into(), uid.0.into()]
}
