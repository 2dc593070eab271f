//! Full text search: words in, arrival keys out, newest first. One of the few places with two SQL texts.

use domain::Access;
use domain::MailAccountId;
use domain::search::SearchQuery;
use domain::search::SearchTerm;

use crate::Conn;
use crate::StoreError;
use crate::db::Dialect;
use crate::db::Statement;

/// The word that every message of an account is indexed under. No word that people type folds to it by
/// chance: it is longer than any indexed word.
pub(crate) fn account_word(account: MailAccountId) -> String {
    format!("waxsealaccount{}{}", account.uuid().simple(), "x".repeat(32))
}

const SQLITE: &str = "
    SELECT rowid AS arrival_key
      FROM message_search
     WHERE message_search MATCH $1 AND rowid < $2
     ORDER BY rowid DESC
     LIMIT $3";

const POSTGRES: &str = "
    SELECT rowid AS arrival_key
      FROM message_search
     WHERE words @@ CAST($1 AS tsquery) AND rowid < $2
     ORDER BY rowid DESC
     LIMIT $3";

/// Keys of messages that hold all terms, in the accounts of `access`, older than `before`.
pub async fn find_keys(
    conn: &mut Conn,
    access: &Access,
    query: &SearchQuery,
    before: i64,
    limit: u32,
) -> Result<Vec<i64>, StoreError> {
    if query.is_empty() || access.accounts().is_empty() {
        return Ok(Vec::new());
    }
    let (sql, text) = match conn.dialect() {
        Dialect::Sqlite => (SQLITE, fts5_query(access.account_ids(), query)),
        Dialect::Postgres => (POSTGRES, tsquery(access.account_ids(), query)),
    };
    let rows = conn
        .fetch_all(Statement::new(sql).bind(text).bind(before).bind(limit))
        .await?;
    rows.iter().map(|row| row.integer("arrival_key")).collect()
}

/// A SELECT of the keys of all hits of [`words_in_account`], bound at `placeholder`.
pub(crate) fn hits_of_account(dialect: Dialect, placeholder: usize) -> String {
    match dialect {
        Dialect::Sqlite => {
            format!("SELECT rowid FROM message_search WHERE message_search MATCH ${placeholder}")
        }
        Dialect::Postgres => {
            format!("SELECT rowid FROM message_search WHERE words @@ CAST(${placeholder} AS tsquery)")
        }
    }
}

pub(crate) fn words_in_account(dialect: Dialect, account: MailAccountId, query: &SearchQuery) -> String {
    match dialect {
        Dialect::Sqlite => fts5_query([account].into_iter(), query),
        Dialect::Postgres => tsquery([account].into_iter(), query),
    }
}

/// Words are folded: letters and digits only, so nothing in them is syntax.
fn fts5_query(accounts: impl Iterator<Item = MailAccountId>, query: &SearchQuery) -> String {
    let accounts = accounts.map(account_word).collect::<Vec<_>>().join(" OR ");
    let terms = query.terms.iter().map(|term| {
        let star = if term.prefix { " *" } else { "" };
        format!(" AND \"{}\"{star}", term.words.join(" "))
    });
    format!("({accounts}){}", terms.collect::<String>())
}

fn tsquery(accounts: impl Iterator<Item = MailAccountId>, query: &SearchQuery) -> String {
    let accounts = accounts.map(account_word).collect::<Vec<_>>().join(" | ");
    format!(
        "({accounts}){}",
        query.terms.iter().map(ts_term).collect::<String>()
    )
}

fn ts_term(term: &SearchTerm) -> String {
    let last = term.words.len().saturating_sub(1);
    let words = term.words.iter().enumerate().map(|(index, word)| {
        let star = if term.prefix && index == last { ":*" } else { "" };
        format!("'{word}'{star}")
    });
    format!(" & ({})", words.collect::<Vec<_>>().join(" <-> "))
}
