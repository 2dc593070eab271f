//! Connections, transactions and statements, the same for both databases.
//!
//! SQLite has one writer (BEGIN IMMEDIATE, WAL, synchronous=FULL) and several readers; PostgreSQL one pool.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Deref;
use std::ops::DerefMut;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use domain::Before;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::AssertSqlSafe;
use sqlx::Connection as _;
use sqlx::Postgres;
use sqlx::SqlSafeStr as _;
use sqlx::Sqlite;
use sqlx::Transaction;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::sqlite::SqliteSynchronous;

use crate::StoreError;
use crate::upgrade;
use crate::value::Row;
use crate::value::Value;

const READERS: u32 = 8;
const POSTGRES_CONNECTIONS: u32 = 16;
/// In KiB, negative for SQLite: indexes by hashes and random ids are written all over.
const WRITER_CACHE: &str = "-8192";
/// A page that is written again and again is copied out of the log once: 16 MiB of it.
const CHECKPOINT_PAGES: &str = "4096";
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// After this a wait for the only connection is taken for one that would never end.
const ONE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub enum Db {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Db {
    /// Opens or creates the file and brings its schema up to date.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        let writer = open_writer(path, SqlitePoolOptions::new()).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(Duration::from_secs(60))
            .connect_with(sqlite_options(path).read_only(true))
            .await?;
        Ok(Db::Sqlite { readers, writer })
    }

    /// Connects to `postgres://...` and brings its schema up to date.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS);
        connect_postgres(url, pool).await
    }

    /// One connection for reads and writes alike, for tests: whoever asks for a second one while it holds the first
    /// gets an error, where with more of them it would only stop a busy server.
    pub async fn open_sqlite_with_one_connection(path: &Path) -> Result<Self, StoreError> {
        let one = SqlitePoolOptions::new().acquire_timeout(ONE_CONNECTION_TIMEOUT);
        let writer = open_writer(path, one).await?;
        let readers = writer.clone();
        Ok(Db::Sqlite { readers, writer })
    }

    /// See [`Db::open_sqlite_with_one_connection`].
    pub async fn open_postgres_with_one_connection(url: &str) -> Result<Self, StoreError> {
        let one = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ONE_CONNECTION_TIMEOUT);
        connect_postgres(url, one).await
    }

    /// Give it back before anything else asks for one: an operation has one connection and passes it on.
    pub async fn read(&self) -> Result<Conn, StoreError> {
        Ok(Conn(match self {
            Db::Sqlite { readers, .. } => Inner::Sqlite(readers.acquire().await?),
            Db::Postgres(pool) => Inner::Postgres(pool.acquire().await?),
        }))
    }

    /// Rolled back unless committed. No network inside (invariant 2).
    pub async fn begin_write(&self) -> Result<Tx, StoreError> {
        Ok(Tx(Conn(match self {
            Db::Sqlite { writer, .. } => Inner::SqliteTx(writer.begin_with("BEGIN IMMEDIATE").await?),
            Db::Postgres(pool) => Inner::PostgresTx(pool.begin().await?),
        })))
    }

    pub async fn close(&self) {
        match self {
            Db::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
}

async fn open_writer(path: &Path, pool: SqlitePoolOptions) -> Result<SqlitePool, StoreError> {
    let options = sqlite_options(path)
        .pragma("cache_size", WRITER_CACHE)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
    let writer = pool.max_connections(1).connect_with(options).await?;
    upgrade::sqlite(&writer, path).await?;
    Ok(writer)
}

async fn connect_postgres(url: &str, pool: PgPoolOptions) -> Result<Db, StoreError> {
    let options = sqlx::postgres::PgConnectOptions::from_str(url)?;
    let pool = pool.connect_with(options).await?;
    upgrade::postgres(&pool).await?;
    Ok(Db::Postgres(pool))
}

/// Whether `postgres://...` holds our tables. Makes nothing.
pub async fn is_made_in_postgres(url: &str) -> Result<bool, StoreError> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    let made: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(made)
}

/// A connection that reads.
pub struct Conn(Inner);

enum Inner {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTx(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTx(Transaction<'static, Postgres>),
}

/// A write transaction; it reads too.
pub struct Tx(Conn);

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

impl Tx {
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0.0 {
            Inner::SqliteTx(tx) => tx.commit().await?,
            Inner::PostgresTx(tx) => tx.commit().await?,
            Inner::Sqlite(_) | Inner::Postgres(_) => {}
        }
        Ok(())
    }

    /// Runs and tells how many rows changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        Ok(match &mut self.0.0 {
            Inner::Sqlite(conn) => statement.sqlite().execute(&mut **conn).await?.rows_affected(),
            Inner::SqliteTx(tx) => statement.sqlite().execute(&mut **tx).await?.rows_affected(),
            Inner::Postgres(conn) => statement.postgres().execute(&mut **conn).await?.rows_affected(),
            Inner::PostgresTx(tx) => statement.postgres().execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// `INSERT INTO t (a, b) VALUES (..), (..)`: many rows in few statements. `before` ends where VALUES comes;
    /// `after` is empty, an ON CONFLICT clause, or what is done with the rows.
    pub(crate) async fn execute_rows(
        &mut self,
        before: &'static str,
        after: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<Vec<Value>> = rows.by_ref().take(ROWS_AT_ONCE).collect();
            changed += self.execute_chunk(before, after, chunk).await?;
        }
        Ok(changed)
    }

    /// The same in as few statements as a database takes, for a table that does something at the end of each.
    pub(crate) async fn execute_at_once(
        &mut self,
        before: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        let columns = rows.first().map_or(1, Vec::len);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<Vec<Value>> = rows.by_ref().take(MAX_PARAMETERS / columns).collect();
            self.execute_chunk(before, "", chunk).await?;
        }
        Ok(())
    }

    async fn execute_chunk(
        &mut self,
        before: &'static str,
        after: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, StoreError> {
        let columns = rows.first().map_or(1, Vec::len);
        let mut sql = format!("{before} VALUES ");
        for row in 0..rows.len() {
            sql.push_str(if row == 0 { "" } else { ", " });
            push_placeholders(&mut sql, row * columns + 1, columns);
        }
        sql.push(' ');
        sql.push_str(after);
        let statement = Statement {
            sql: Cow::Owned(sql),
            stays_prepared: rows.len() == ROWS_AT_ONCE,
            values: rows.into_iter().flatten().collect(),
        };
        self.execute(statement).await
    }
}

/// A statement of a length that comes again is prepared once for each connection.
const ROWS_AT_ONCE: usize = 256;
/// SQLite takes 32,766 parameters, PostgreSQL 65,535.
const MAX_PARAMETERS: usize = 16_000;

/// `($4, $5, $6)`
fn push_placeholders(sql: &mut String, first: usize, count: usize) {
    for number in first..first + count {
        let before = if number == first { "($" } else { ", $" };
        // Writing to a string does not fail.
        let _ = write!(sql, "{before}{number}");
    }
    sql.push(')');
}

impl Conn {
    pub(crate) fn dialect(&self) -> Dialect {
        match self.0 {
            Inner::Sqlite(_) | Inner::SqliteTx(_) => Dialect::Sqlite,
            Inner::Postgres(_) | Inner::PostgresTx(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(conn) => sqlite_rows(statement.sqlite().fetch_all(&mut **conn).await?),
            Inner::SqliteTx(tx) => sqlite_rows(statement.sqlite().fetch_all(&mut **tx).await?),
            Inner::Postgres(conn) => postgres_rows(statement.postgres().fetch_all(&mut **conn).await?),
            Inner::PostgresTx(tx) => postgres_rows(statement.postgres().fetch_all(&mut **tx).await?),
        })
    }

    /// The same for a table that is long: a row is gone before the next is read.
    pub(crate) async fn fetch_each<T>(
        &mut self,
        statement: Statement,
        read: fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match &mut self.0 {
            Inner::Sqlite(conn) => each(statement.sqlite().fetch(&mut **conn), Row::Sqlite, read).await,
            Inner::SqliteTx(tx) => each(statement.sqlite().fetch(&mut **tx), Row::Sqlite, read).await,
            Inner::Postgres(conn) => each(statement.postgres().fetch(&mut **conn), Row::Postgres, read).await,
            Inner::PostgresTx(tx) => each(statement.postgres().fetch(&mut **tx), Row::Postgres, read).await,
        }
    }

    pub(crate) async fn fetch_optional(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// Proves that the database answers.
    pub async fn ping(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Inner::Sqlite(conn) => conn.ping().await?,
            Inner::SqliteTx(tx) => tx.ping().await?,
            Inner::Postgres(conn) => conn.ping().await?,
            Inner::PostgresTx(tx) => tx.ping().await?,
        }
        Ok(())
    }
}

async fn each<R, T>(
    mut rows: BoxStream<'_, sqlx::Result<R>>,
    row: fn(R) -> Row,
    read: fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    while let Some(next) = rows.try_next().await? {
        all.push(read(&row(next))?);
    }
    Ok(all)
}

fn sqlite_rows(rows: Vec<sqlx::sqlite::SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn postgres_rows(rows: Vec<sqlx::postgres::PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Postgres).collect()
}

/// `?` for `$1`, `$2`... where each comes once and in order: SQLite finds a numbered parameter by its name, which
/// costs the square of their number (38 % of a first sync, measured). `None`: one comes twice, or out of order.
fn with_plain_placeholders(sql: &str) -> Option<String> {
    let mut plain = String::with_capacity(sql.len());
    let mut pieces = sql.split('$');
    plain.push_str(pieces.next()?);
    for (number, piece) in (1..).zip(pieces) {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let written: usize = piece[..piece.len() - rest.len()].parse().ok()?;
        if written != number {
            return None;
        }
        plain.push('?');
        plain.push_str(rest);
    }
    Some(plain)
}

/// SQL with `$1` placeholders and its values, in order.
pub(crate) struct Statement {
    sql: Cow<'static, str>,
    values: Vec<Value>,
    /// Comes again with the same text.
    stays_prepared: bool,
}

impl Statement {
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        let sql = sql.into();
        Statement {
            stays_prepared: matches!(sql, Cow::Borrowed(_)),
            sql,
            values: Vec::new(),
        }
    }

    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The number that the next bound value will have.
    pub fn next_placeholder(&self) -> usize {
        self.values.len() + 1
    }

    pub fn push_sql(&mut self, text: &str) {
        self.sql.to_mut().push_str(text);
        self.stays_prepared = false;
    }

    /// `($3, $4)` for these values, which are bound.
    pub fn push_list(&mut self, values: impl IntoIterator<Item = Value>) {
        let first = self.next_placeholder();
        self.values.extend(values);
        let mut list = String::new();
        match self.next_placeholder() - first {
            // An empty list is no SQL; nothing is in it.
            0 => list.push_str("(NULL)"),
            count => push_placeholders(&mut list, first, count),
        }
        self.push_sql(&list);
    }

    /// ` AND (at, id) < (..) ORDER BY at DESC, id DESC`: what a page of a list begins with.
    pub fn push_before(mut self, at: &str, id: &str, before: Before) -> Self {
        let (first, second) = (self.next_placeholder(), self.next_placeholder() + 1);
        self.push_sql(&format!(
            " AND ({at}, {id}) < (${first}, ${second}) ORDER BY {at} DESC, {id} DESC"
        ));
        self.bind(before.at).bind(Value::Uuid(Some(before.id)))
    }

    pub fn push_limit(mut self, limit: u32) -> Self {
        let placeholder = self.next_placeholder();
        self.push_sql(&format!(" LIMIT ${placeholder}"));
        self.bind(limit)
    }

    /// Texts are built from constants of this crate and placeholders only.
    fn sqlite(self) -> sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments> {
        let text = match self.sql {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => with_plain_placeholders(&text).unwrap_or(text),
        };
        let text = AssertSqlSafe(text).into_sql_str();
        let query = sqlx::query(text).persistent(self.stays_prepared);
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Integer(number) => query.bind(number),
            Value::Bool(value) => query.bind(value),
            Value::Text(text) => query.bind(text),
            Value::Blob(bytes) => query.bind(bytes),
            Value::Uuid(uuid) => query.bind(uuid),
        })
    }

    fn postgres(self) -> sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments> {
        let text = AssertSqlSafe(self.sql.into_owned()).into_sql_str();
        let query = sqlx::query(text).persistent(self.stays_prepared);
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Integer(number) => query.bind(number),
            Value::Bool(value) => query.bind(value),
            Value::Text(text) => query.bind(text),
            Value::Blob(bytes) => query.bind(bytes),
            Value::Uuid(uuid) => query.bind(uuid),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_plain_where_their_order_says_all() {
        for (sql, plain) in [
            ("a = $1 AND b IN ($2, $3)", Some("a = ? AND b IN (?, ?)")),
            ("SELECT 1", Some("SELECT 1")),
            ("a = $1 OR b = $1", None),
            ("a = $2 OR b = $1", None),
            ("a = '$'", None),
        ] {
            assert_eq!(with_plain_placeholders(sql).as_deref(), plain, "{sql}");
        }
    }
}
