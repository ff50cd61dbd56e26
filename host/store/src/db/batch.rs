//! Several statements in one visit to the engine.
//!
//! A statement of SQLite is a message to its connection's thread and one back; a transaction of ten
//! statements would be twenty. Here their texts go as one. Owns the one connection of the group
//! writer, and knows nothing of what is written.

use std::{sync::Arc, vec};

use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Either, Executor, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{IMMEDIATE, Query, Record, Value};
use crate::StoreError;

/// Values of a text that is kept prepared: texts with more are rare and rarely the same.
const PREPARED: usize = 256;

/// Statements that run one after the other; the first that fails ends them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    sql: String,
    values: Vec<Value>,
    /// Statements whose answers nobody asks for: the `BEGIN`.
    unasked: usize,
}

impl Batch {
    /// The transaction's first statements: it has the lock before they read.
    pub(crate) fn begin() -> Self {
        let mut batch = Batch {
            unasked: 1,
            ..Batch::default()
        };
        batch.add_text(IMMEDIATE);
        batch
    }

    /// Adds a statement. Its parameters become `?` in the order in which they stand: SQLite looks for
    /// those with names one by one, which takes long where there are thousands.
    pub(crate) fn add(&mut self, query: Query) {
        let mut rest = &*query.sql;
        while let Some(at) = rest.find('$') {
            let (text, number) = (&rest[..at], &rest[at + 1..]);
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            // Texts are ours, and every `$` of theirs is a parameter that was bound.
            let number: usize = number[..digits].parse().unwrap_or(0);
            let value = query.values.get(number.wrapping_sub(1)).cloned();
            self.values.push(value.unwrap_or(Value::Text(None)));
            self.sql.push_str(text);
            self.sql.push('?');
            rest = &rest[at + 1 + digits..];
        }
        self.add_text(rest);
    }

    /// Adds the end of the transaction.
    pub(crate) fn commit(mut self) -> Self {
        self.add_text("COMMIT");
        self
    }

    fn add_text(&mut self, text: &str) {
        self.sql.push_str(text);
        self.sql.push(';');
    }
}

/// What the statements of a [`Batch`] answered, in their order.
#[derive(Debug)]
pub(crate) struct Answers(vec::IntoIter<Vec<SqliteRow>>);

impl Answers {
    /// The rows of the next statement.
    pub(crate) fn rows<T: Record>(&mut self) -> Result<Vec<T>, StoreError> {
        let rows = self.0.next().unwrap_or_default();
        let rows: sqlx::Result<_> = rows.iter().map(T::from_row).collect();
        Ok(rows?)
    }
}

/// The connection that writes groups.
#[derive(Debug)]
pub(crate) struct Pen {
    options: SqliteConnectOptions,
    /// None after it broke: the next group opens another.
    connection: Option<SqliteConnection>,
    turn_to_write: Arc<Mutex<()>>,
}

impl Pen {
    pub(super) async fn new(
        options: SqliteConnectOptions,
        turn_to_write: Arc<Mutex<()>>,
    ) -> sqlx::Result<Self> {
        let connection = SqliteConnection::connect_with(&options).await?;
        Ok(Self {
            options,
            connection: Some(connection),
            turn_to_write,
        })
    }

    /// Waits until nobody else writes.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn_to_write).lock_owned().await
    }

    /// Runs the statements. Where one fails, the transaction that they belong to is rolled back.
    pub(crate) async fn run(&mut self, batch: Batch) -> Result<Answers, StoreError> {
        let unasked = batch.unasked;
        match self.visit(batch).await {
            Ok(mut answers) => Ok(Answers(answers.split_off(unasked).into_iter())),
            Err(error) => {
                self.roll_back().await;
                Err(error.into())
            }
        }
    }

    /// Ends a transaction of which nothing is to be kept.
    pub(crate) async fn roll_back(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        match connection.execute("ROLLBACK").await {
            Ok(_) => {}
            // After some errors SQLite has done so by itself: then there is none, which is as good.
            Err(sqlx::Error::Database(error)) if error.message().ends_with("is active") => {}
            Err(_) => self.connection = None,
        }
    }

    pub(crate) async fn close(self) {
        if let Some(connection) = self.connection {
            // Every group is durable or refused by now.
            let _ = connection.close().await;
        }
    }

    async fn visit(&mut self, batch: Batch) -> sqlx::Result<Vec<Vec<SqliteRow>>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(SqliteConnection::connect_with(&self.options).await?),
        };
        let prepared = batch.values.len() <= PREPARED;
        let mut statement = sqlx::query::<Sqlite>(AssertSqlSafe(batch.sql)).persistent(prepared);
        for value in batch.values {
            statement = match value {
                Value::Text(text) => statement.bind(text),
                Value::Int(int) => statement.bind(int),
                Value::Bool(bool) => statement.bind(bool),
                Value::Bytes(bytes) => statement.bind(bytes),
            };
        }
        let mut answers = Vec::new();
        let mut rows = Vec::new();
        let mut steps = connection.fetch_many(statement);
        // To the end: whoever looks away early stops the statements that are left.
        while let Some(step) = steps.try_next().await? {
            match step {
                Either::Right(row) => rows.push(row),
                Either::Left(_) => answers.push(std::mem::take(&mut rows)),
            }
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::query;
    use super::*;

    #[test]
    fn parameters_of_all_statements_stand_in_one_row() {
        let mut batch = Batch::begin();
        batch.add(query("SELECT $1, $2 WHERE $1 = $2").bind("a").bind("b"));
        batch.add(query("SELECT 1"));
        batch.add(query("SELECT $2, $1").bind("c").bind("d"));
        let batch = batch.commit();
        assert_eq!(
            batch.sql,
            "BEGIN IMMEDIATE;SELECT ?, ? WHERE ? = ?;SELECT 1;SELECT ?, ?;COMMIT;"
        );
        let values = batch.values.iter().map(|value| match value {
            Value::Text(Some(text)) => text.as_str(),
            _ => "",
        });
        let values: Vec<&str> = values.collect();
        assert_eq!(values, ["a", "b", "a", "b", "d", "c"]);
        assert_eq!(batch.unasked, 1);
    }
}
