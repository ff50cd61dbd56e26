//! The engines, and the only files that know which there are.
//!
//! One SQL text serves every engine: a [`Query`] is that text with its values, and runs on a
//! [`Tx`], or with others in one visit on the [`Pen`]. Another engine is another variant of [`Db`]
//! and [`Tx`] and another arm of `on!`; nothing outside this room changes. SQLite has one writer at
//! a time, whose transactions begin with the lock, and readers that never wait for it.

mod batch;
mod filter;
mod migrations;
mod singles;

use std::{borrow::Cow, sync::Arc};

use model::{CallId, KeyId, NumberId, PhoneId, RecordingId, SessionId, TenantId, TrunkId};
use sqlx::{
    AssertSqlSafe, FromRow, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

pub(crate) use batch::{Answers, Batch, Pen};
pub(crate) use filter::Filtered;
use migrations::{MIGRATIONS, migrate};
use singles::Singles;

use crate::{StoreError, limits, owner::Owner};

/// A database.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    Sqlite {
        /// For what people and start-up write.
        writer: SqlitePool,
        /// Whoever holds it is the one who writes: two connections that write would wait for each
        /// other by sleeping.
        turn_to_write: Arc<Mutex<()>>,
        /// For reads of several statements.
        readers: SqlitePool,
        /// For reads of one statement.
        lookups: Singles,
        /// For reads of turns only: whatever the API reads never makes a call wait.
        turns: Singles,
        /// Nobody else writes this database.
        owner: Arc<Mutex<Option<Owner>>>,
    },
}

impl Db {
    /// Opens the database, and the connection of its [`Pen`].
    pub(crate) async fn open(url: &str) -> Result<(Db, Pen), StoreError> {
        let wrong = |why: &str| StoreError::invalid("store.url", format!("{why}: {url:?}"));
        let path = url
            .strip_prefix("sqlite:")
            .ok_or_else(|| wrong("not sqlite://PATH"))?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(":memory:") || path.contains('?') {
            return Err(wrong("a database needs a file of its own and no options"));
        }
        make_private(path).map_err(|why| {
            StoreError::Unavailable(format!("cannot create the database {path:?}: {why}"))
        })?;
        let owner = Owner::of(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("wal_autocheckpoint", limits::CHECKPOINT)
            // Journals of single statements are short: no file is made and removed for each.
            .pragma("temp_store", "MEMORY")
            .busy_timeout(limits::ACQUIRE);
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(limits::ACQUIRE)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        migrate(&writer, &MIGRATIONS).await?;
        let turn_to_write = Arc::new(Mutex::new(()));
        let pen = Pen::new(options.clone(), Arc::clone(&turn_to_write)).await?;
        let options = options.read_only(true);
        let readers = pool(limits::READERS).connect_with(options.clone()).await?;
        let db = Db::Sqlite {
            writer,
            turn_to_write,
            readers,
            lookups: Singles::open(&options, limits::LOOKUPS).await?,
            turns: Singles::open(&options, limits::TURN_READERS).await?,
            owner: Arc::new(Mutex::new(Some(owner))),
        };
        Ok((db, pen))
    }

    /// A consistent view of the database as it is now.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { readers, .. } => Ok(Tx::Sqlite(readers.begin().await?, None)),
        }
    }

    /// A reader for one statement, which is a view of its own: cheaper than a transaction.
    pub(crate) async fn look(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { lookups, .. } => Ok(Tx::Single(lookups.get().await?)),
        }
    }

    /// The same, for a turn.
    pub(crate) async fn look_for_turn(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { turns, .. } => Ok(Tx::Single(turns.get().await?)),
        }
    }

    /// The writer's lock. Dropped without [`Tx::commit`], nothing has happened.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        let Db::Sqlite {
            writer,
            turn_to_write,
            ..
        } = self;
        let busy = |_| StoreError::Unavailable("another write takes too long".into());
        let ours = Arc::clone(turn_to_write).lock_owned();
        let ours = timeout(limits::ACQUIRE, ours).await.map_err(busy)?;
        let begun = match writer.begin_with(IMMEDIATE).await {
            // After an I/O error or a full disk SQLite has rolled back by itself, and the
            // connection still counts a transaction that is gone. A new one knows of none.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                let stuck = writer.acquire().await?;
                // How it closes is of no account: it is given up.
                let _ = stuck.close().await;
                writer.begin_with(IMMEDIATE).await
            }
            begun => begun,
        };
        Ok(Tx::Sqlite(begun?, Some(ours)))
    }

    pub(crate) async fn close(&self) {
        match self {
            Db::Sqlite {
                writer,
                readers,
                lookups,
                turns,
                owner,
                ..
            } => {
                turns.close().await;
                lookups.close().await;
                readers.close().await;
                writer.close().await;
                owner.lock().await.take();
            }
        }
    }
}

/// How the writer begins: it has the lock before it reads.
const IMMEDIATE: &str = "BEGIN IMMEDIATE";

/// The file holds secrets: nobody but its owner may read it. SQLite gives its companions (`-wal`,
/// `-shm`) the same mode.
fn make_private(path: &str) -> std::io::Result<()> {
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.append(true).create(true).open(path).map(drop)
}

/// Where statements run, on some engine.
#[derive(Debug)]
pub(crate) enum Tx {
    /// A transaction; one that writes holds the turn to write.
    Sqlite(Transaction<'static, Sqlite>, Option<OwnedMutexGuard<()>>),
    /// A connection for one statement.
    Single(singles::Single),
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx, _turn_to_write) => Ok(tx.commit().await?),
            Tx::Single(_) => Ok(()),
        }
    }

    /// The same, and whatever came of it, does that before anybody else writes.
    pub(crate) async fn commit_then(self, then: impl FnOnce()) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx, _turn_to_write) => {
                let committed = tx.commit().await;
                then();
                Ok(committed?)
            }
            Tx::Single(_) => Ok(()),
        }
    }

    fn connection(&mut self) -> &mut SqliteConnection {
        match self {
            Tx::Sqlite(tx, _) => tx,
            Tx::Single(single) => single,
        }
    }
}

/// A value of a parameter. A NULL has a type too: PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Bytes(Vec<u8>),
}

/// What a row can be read into, on every engine.
pub(crate) trait Record: for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}
impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// A statement and its values, `$1` first.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement. Whoever composes one may compose it of constants only; values are bound.
pub(crate) fn query(sql: impl Into<Cow<'static, str>>) -> Query {
    Query {
        sql: sql.into(),
        values: Vec::new(),
    }
}

/// Makes the engine's statement of a [`Query`] and runs it on the engine's connection.
macro_rules! on {
    ($tx:expr, $query:expr, $make:ident $(::<$row:ty>)?, $run:ident) => {{
        let mut statement = sqlx::$make::<Sqlite, $($row)?>(AssertSqlSafe($query.sql));
        for value in $query.values {
            statement = match value {
                Value::Text(text) => statement.bind(text),
                Value::Int(int) => statement.bind(int),
                Value::Bool(bool) => statement.bind(bool),
                Value::Bytes(bytes) => statement.bind(bytes),
            };
        }
        statement.$run($tx.connection()).await
    }};
}

impl Query {
    /// Binds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it and tells how many rows it changed.
    pub(crate) async fn run(self, tx: &mut Tx) -> Result<u64, StoreError> {
        Ok(on!(tx, self, query, execute)?.rows_affected())
    }

    /// The row, if there is one.
    pub(crate) async fn row<T: Record>(self, tx: &mut Tx) -> Result<Option<T>, StoreError> {
        Ok(on!(tx, self, query_as::<T>, fetch_optional)?)
    }

    /// All rows.
    pub(crate) async fn rows<T: Record>(self, tx: &mut Tx) -> Result<Vec<T>, StoreError> {
        Ok(on!(tx, self, query_as::<T>, fetch_all)?)
    }
}

macro_rules! values {
    ($($from:ty => |$value:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Value {
                $to
            }
        }
    )*};
}

values! {
    &str => |text| Value::Text(Some(text.to_owned()));
    &String => |text| Value::Text(Some(text.clone()));
    String => |text| Value::Text(Some(text));
    Option<String> => |text| Value::Text(text);
    i64 => |int| Value::Int(Some(int));
    Option<i64> => |int| Value::Int(int);
    u32 => |int| Value::Int(Some(i64::from(int)));
    u64 => |int| Value::Int(Some(int as i64));
    Option<u64> => |int| Value::Int(int.map(|int| int as i64));
    bool => |bool| Value::Bool(bool);
    &[u8] => |bytes| Value::Bytes(bytes.to_vec());
    TenantId => |id| Value::Text(Some(id.to_string()));
    CallId => |id| Value::Text(Some(id.to_string()));
    SessionId => |id| Value::Text(Some(id.to_string()));
    NumberId => |id| Value::Text(Some(id.to_string()));
    TrunkId => |id| Value::Text(Some(id.to_string()));
    PhoneId => |id| Value::Text(Some(id.to_string()));
    KeyId => |id| Value::Text(Some(id.to_string()));
    RecordingId => |id| Value::Text(Some(id.to_string()));
}

/// A struct that is read from a row by the names of its fields, on every engine.
macro_rules! record {
    ($(#[$meta:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        struct $name { $($field: $type,)* }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}
pub(crate) use record;

/// Reads a text of a row into what it was written from.
pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    let kind = std::any::type_name::<T>();
    text.parse()
        .map_err(|_| StoreError::Damaged(format!("no {kind}: {text:?}")))
}

/// Reads a list or object of a row.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| StoreError::Damaged(why.to_string()))
}

/// A list of texts as a row holds it.
pub(crate) fn json_list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items = items.into_iter().map(|item| item.to_string());
    items.collect::<serde_json::Value>().to_string()
}

/// Refuses one more than `most` of what `count` counts; `what` is its plural.
pub(crate) async fn check_room(
    tx: &mut Tx,
    count: Query,
    what: &'static str,
    most: i64,
) -> Result<(), StoreError> {
    let (there,) = count.row::<(i64,)>(tx).await?.unwrap_or((0,));
    if there < most {
        Ok(())
    } else {
        Err(StoreError::Limit { what, most })
    }
}

#[cfg(test)]
mod tests;
