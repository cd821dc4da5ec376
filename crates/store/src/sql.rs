//! SQL that both databases understand: statements with `?`, values that are integers or text, rows read by name.
//!
//! Only this crate and `runs` speak SQL. What the two databases do not share stands in [`Connection::index`] and `schema.rs`.

use domain::{Error, ErrorKind, Result};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _, SqliteConnection};
#[cfg(feature = "postgres")]
use sqlx::{
    PgConnection,
    postgres::{PgArguments, PgRow},
};

/// A connection of either database, lent for one statement.
#[derive(Debug)]
pub enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut PgConnection),
}

/// What stands for a `?`.
#[derive(Debug, Clone)]
pub enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
}

/// A statement and its values.
#[derive(Debug)]
pub struct Statement {
    text: String,
    values: Vec<Value>,
}

/// One row of an answer.
#[derive(Debug)]
pub enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
}

/// A statement with a `?` for each value; no other question mark may stand in it.
pub fn sql(text: impl Into<String>) -> Statement {
    Statement { text: text.into(), values: Vec::new() }
}

impl Statement {
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// More text, for statements that are put together.
    #[must_use]
    pub fn push(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// A list of placeholders for the values, with commas between.
    #[must_use]
    pub fn push_list<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(Into::into));
        self.text.push_str(&vec!["?"; self.values.len() - before].join(", "));
        self
    }

    /// Gives how many rows it changed.
    pub async fn execute(self, connection: Connection<'_>) -> Result<u64> {
        match connection {
            Connection::Sqlite(connection) => {
                let (text, arguments) = self.for_sqlite()?;
                let done = sqlx::query_with(sqlx::AssertSqlSafe(text), arguments).execute(connection).await.map_err(database_error)?;
                Ok(done.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection) => {
                let (text, arguments) = self.for_postgres()?;
                let done = sqlx::query_with(sqlx::AssertSqlSafe(text), arguments).execute(connection).await.map_err(database_error)?;
                Ok(done.rows_affected())
            }
        }
    }

    pub async fn fetch_all(self, connection: Connection<'_>) -> Result<Vec<Row>> {
        match connection {
            Connection::Sqlite(connection) => {
                let (text, arguments) = self.for_sqlite()?;
                let rows = sqlx::query_with(sqlx::AssertSqlSafe(text), arguments).fetch_all(connection).await.map_err(database_error)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection) => {
                let (text, arguments) = self.for_postgres()?;
                let rows = sqlx::query_with(sqlx::AssertSqlSafe(text), arguments).fetch_all(connection).await.map_err(database_error)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, if there is one.
    pub async fn fetch_optional(self, connection: Connection<'_>) -> Result<Option<Row>> {
        Ok(self.fetch_all(connection).await?.into_iter().next())
    }

    /// The one row of a question that always has one.
    pub async fn fetch_one(self, connection: Connection<'_>) -> Result<Row> {
        let missing = || Error::internal("The metadata database gave no row where one was expected.");
        self.fetch_optional(connection).await?.ok_or_else(missing)
    }

    fn for_sqlite(self) -> Result<(String, SqliteArguments)> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            match value {
                Value::Integer(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
            }
            .map_err(unbindable)?;
        }
        Ok((self.text, arguments))
    }

    /// PostgreSQL counts its placeholders.
    #[cfg(feature = "postgres")]
    fn for_postgres(self) -> Result<(String, PgArguments)> {
        let mut text = String::with_capacity(self.text.len() + 16);
        for (index, part) in self.text.split('?').enumerate() {
            if index > 0 {
                text.push_str(&format!("${index}"));
            }
            text.push_str(part);
        }
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Integer(value) => arguments.add(value),
                // The one character that its text cannot hold.
                Value::Text(value) => arguments.add(value.map(|text| text.replace('\0', "\u{fffd}"))),
            }
            .map_err(unbindable)?;
        }
        Ok((text, arguments))
    }
}

impl Connection<'_> {
    /// The words that make SQLite use an index; PostgreSQL chooses for itself.
    pub fn index(&self, name: &str) -> String {
        match self {
            Self::Sqlite(_) => format!(" INDEXED BY {name}"),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => String::new(),
        }
    }

    /// The words that keep the runs that were found as they are until the transaction ends; with SQLite nobody else writes.
    pub fn keep(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => " FOR UPDATE OF runs",
        }
    }

    /// The words after which rows that another transaction is changing are left out; with SQLite there is no other.
    pub fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        }
    }
}

impl Row {
    pub fn integer(&self, name: &str) -> Result<i64> {
        self.optional_integer(name)?.ok_or_else(|| null(name))
    }

    pub fn text(&self, name: &str) -> Result<String> {
        self.optional_text(name)?.ok_or_else(|| null(name))
    }

    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>> {
        match self {
            Self::Sqlite(row) => row.try_get(name),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(name),
        }
        .map_err(database_error)
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<String>> {
        match self {
            Self::Sqlite(row) => row.try_get(name),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(name),
        }
        .map_err(database_error)
    }

    /// A counter that is never negative.
    pub fn count(&self, name: &str) -> Result<u32> {
        let value = self.integer(name)?;
        u32::try_from(value).map_err(|e| Error::internal(format!("Column {name} of the metadata holds {value}.")).source(e))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.into()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(Into::into))
    }
}

/// SQLite's primary codes for what may pass: busy, locked, a failed read or write, a full disk, a file that cannot be opened now.
const SQLITE_PASSING: [i64; 5] = [5, 6, 10, 13, 14];
/// PostgreSQL's codes for what may pass: connection, a transaction cut for its silence, rollback, resources, a lock waited for in vain,
/// the operator's intervention.
const POSTGRES_PASSING: [&str; 6] = ["08", "25P03", "40", "53", "55P03", "57"];

/// What the database library says, as our error: what a busy, full or absent database refuses may be tried again.
pub fn database_error(error: sqlx::Error) -> Error {
    let passes = match &error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(told) => told.code().is_some_and(|code| match code.parse::<i64>() {
            Ok(number) if code.len() != 5 => SQLITE_PASSING.contains(&(number & 0xff)),
            _ => POSTGRES_PASSING.iter().any(|class| code.starts_with(class)),
        }),
        _ => false,
    };
    let kind = if passes { ErrorKind::Unavailable } else { ErrorKind::Internal };
    Error::new(kind, "The metadata database did not do what was asked.").source(error)
}

fn unbindable(error: sqlx::error::BoxDynError) -> Error {
    Error::internal(format!("A value cannot be handed to the metadata database: {error}"))
}

fn null(name: &str) -> Error {
    Error::internal(format!("Column {name} of the metadata is empty where it never is."))
}
