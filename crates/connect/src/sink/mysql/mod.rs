//! Into MySQL and MariaDB: INSERTs of many rows, in strict mode.
//!
//! Rows are written as literals: the driver does not speak LOAD DATA LOCAL, which lets a server ask for any file of ours.
//!
//! A definition ends a transaction there, so a table that is made is empty for a moment before the rows are in it; it is taken away
//! again when they do not come. Upserts are an UPDATE and an INSERT by the keys: ON DUPLICATE KEY would take a row for another's
//! because of any unique index, not only that of the keys.

mod catalog;
mod text;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use domain::{Error, Result};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, Executor, Row};

use super::cells::Cells;
use super::desk::{Desk, carry_out};
use super::plan::{Plan, Table};
use super::slot::{Created, Slot, declared};
use super::{CONSTRAINT, DISK_FULL, Incoming, MARKERS, MARKERS_KEPT, Mode, STAGING, Sink, TABLE_LOCKED, Write};
use crate::connection::Server;
use crate::diagnosis::PERMISSION_DENIED;
use crate::source::mysql::connect::{EndOnDrop, Session, connect, has_ended, waited};
use crate::source::mysql::error;
use crate::source::mysql::sql::{quote, text as literal};

/// One statement's rows, where the server takes so much.
const CHUNK_BYTES: u64 = 1 << 20;
/// Rows for whose move the server is given another read timeout.
const ROWS_A_TIMEOUT: u64 = 1_000_000;
/// Texts of a new table's keys, in characters; all of one index must fit 3072 bytes.
const KEY_LENGTH: u64 = 191;

/// A MySQL or MariaDB server that takes rows; clone it freely.
#[derive(Debug, Clone)]
pub struct MySqlSink {
    server: Server,
}

impl MySqlSink {
    /// Reaches out to nobody.
    pub fn new(server: Server) -> Self {
        Self { server }
    }

    async fn desk(&self, write: &Write) -> Result<MySqlDesk> {
        let database = write.table.database.as_deref().or(self.server.database.as_deref());
        let database = database.ok_or_else(|| {
            Error::invalid_input(format!("Expected a table with its database, as the connection names none; found {}.", write.table))
        })?;
        let session = connect(&self.server).await?;
        let end = EndOnDrop::new(&session);
        let mut desk = MySqlDesk {
            end,
            session,
            server: self.server.clone(),
            database: database.to_owned(),
            table: write.table.table.clone(),
            what: format!("Writing to table {}", write.table),
            chunk: 0,
            rows_a_timeout: 0,
        };
        let seconds = self.server.reach.read_timeout.as_secs().max(1);
        desk.run(format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO',
             SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
        ))
        .await?;
        desk.run("SET SESSION TRANSACTION READ WRITE".into()).await?;
        let packet: u64 = desk.number("SELECT CAST(@@max_allowed_packet AS UNSIGNED)".into()).await?.unwrap_or(CHUNK_BYTES);
        desk.chunk = (packet / 2).min(CHUNK_BYTES);
        Ok(desk)
    }
}

#[async_trait]
impl Sink for MySqlSink {
    async fn write(&self, write: Write, schema: SchemaRef, rows: Incoming) -> Result<u64> {
        let desk = self.desk(&write).await?;
        carry_out(Box::new(desk), write, schema, rows).await
    }
}

/// In this order: the server is told that nobody waits, then the connection closes.
struct MySqlDesk {
    end: EndOnDrop,
    session: Session,
    server: Server,
    database: String,
    table: String,
    what: String,
    /// Bytes of one statement's rows.
    chunk: u64,
    /// How much longer than the read timeout an answer may take, in millions of rows.
    rows_a_timeout: u64,
}

#[async_trait]
impl Desk for MySqlDesk {
    async fn table(&mut self, _: &Write) -> Result<Option<Table>> {
        catalog::table(&mut self.session, &self.database, &self.table).await
    }

    fn created(&self, plain: &DataType, is_nested: bool, is_key: bool) -> Created {
        let slot = |name: &str, slot| Ok((name.to_owned(), slot));
        match plain {
            _ if is_nested => slot("json", Slot::PARSED),
            DataType::Boolean => slot("boolean", Slot::Integer { least: -128, greatest: 127 }),
            DataType::Int64 => slot("bigint", Slot::integer(64, false)),
            DataType::Float32 => slot("float", Slot::Float(catalog::float(false))),
            DataType::Float64 => slot("double", Slot::Float(catalog::float(true))),
            DataType::Decimal128(precision, scale) if *scale <= 30 => {
                let (precision, scale) = declared(*precision, *scale);
                Ok((format!("decimal({precision},{scale})"), Slot::decimal(precision, scale)))
            }
            DataType::Binary if is_key => Ok((format!("varbinary({KEY_LENGTH})"), Slot::Binary)),
            DataType::Binary => slot("longblob", Slot::Binary),
            DataType::Date32 => slot("date", Slot::Date),
            DataType::Timestamp(..) => slot("datetime(6)", Slot::Timestamp { digits: 6 }),
            // Texts that differ are different, as in every other database.
            _ if is_key => {
                Ok((format!("varchar({KEY_LENGTH}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"), Slot::Text { longest: Some(KEY_LENGTH) }))
            }
            _ => slot("longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", Slot::Text { longest: None }),
        }
    }

    async fn done(&mut self, write: &Write) -> Result<Option<u64>> {
        let Some(marker) = &write.marker else { return Ok(None) };
        let (table, database) = (self.beside(MARKERS), literal(&self.database));
        let there = format!(
            "SELECT CAST(COUNT(*) AS UNSIGNED) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {database} AND TABLE_NAME = {}",
            literal(MARKERS)
        );
        if self.number(there).await? == Some(0) {
            self.run(format!(
                "CREATE TABLE IF NOT EXISTS {table} (run varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
                 `rows` bigint NOT NULL, written_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE = InnoDB"
            ))
            .await?;
        }
        self.number(format!("SELECT CAST(`rows` AS UNSIGNED) FROM {table} WHERE run = {}", literal(marker.as_str()))).await
    }

    async fn stage(&mut self, plan: &Plan) -> Result<()> {
        let mut parts = columns(plan);
        if !plan.keys.is_empty() {
            // REPLACE into it keeps the last of those that the target's own index takes for the same.
            parts.push(format!("PRIMARY KEY ({})", listed(&plan.keys, "")));
        }
        self.run(format!("CREATE TEMPORARY TABLE {} ({}) ENGINE = InnoDB", self.beside(STAGING), parts.join(", "))).await
    }

    async fn load(&mut self, plan: &Plan, cells: Vec<Cells>, rows: usize, before: u64) -> Result<()> {
        let verb = if plan.keys.is_empty() { "INSERT" } else { "REPLACE" };
        let head = format!("{verb} INTO {} ({}) VALUES ", self.beside(STAGING), plan.list("", quote));
        let mut statement = head.clone();
        let mut first = 0;
        for row in 0..rows {
            text::push(&mut statement, plan, &cells, row);
            if statement.len() as u64 >= self.chunk || row + 1 == rows {
                let done = self.statement(std::mem::replace(&mut statement, head.clone())).await;
                done.map_err(|failure| failure.of_value(self, plan, before + first as u64))?;
                first = row + 1;
            } else {
                statement.push(',');
            }
        }
        Ok(())
    }

    async fn apply(&mut self, plan: &Plan, rows: u64) -> Result<u64> {
        self.rows_a_timeout = rows / ROWS_A_TIMEOUT + 1;
        let table = self.beside(&self.table);
        if plan.creates {
            let mut parts = columns(plan);
            if !plan.keys.is_empty() {
                parts.push(format!("PRIMARY KEY ({})", listed(&plan.keys, "")));
            }
            let make = format!("CREATE TABLE {table} ({}) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4", parts.join(", "));
            self.statement(make).await.map_err(|failure| failure.of_table(self, plan))?;
        }
        let moved = match self.transaction(plan, rows).await {
            Ok(moved) => moved,
            Err(failed) => self.settle(plan).await.ok_or(failed)?,
        };
        if plan.write.marker.is_some() {
            self.forget().await;
        }
        Ok(moved)
    }

    async fn close(mut self: Box<Self>) {
        self.end.is_needed = false;
        self.session.close().await;
    }
}

/// What went wrong with one statement: the server's number, or nothing where it was no answer of the server.
struct Failure {
    number: Option<u16>,
    error: sqlx::Error,
}

impl MySqlDesk {
    fn beside(&self, table: &str) -> String {
        format!("{}.{}", quote(&self.database), quote(table))
    }

    async fn transaction(&mut self, plan: &Plan, rows: u64) -> Result<u64> {
        self.run("START TRANSACTION".into()).await?;
        if let Some(marker) = &plan.write.marker {
            let claim = format!("INSERT INTO {} (run, `rows`) VALUES ({}, {rows})", self.beside(MARKERS), literal(marker.as_str()));
            match self.statement(claim).await {
                Ok(()) => {}
                Err(Failure { number: Some(1062), .. }) => {
                    self.run("ROLLBACK".into()).await?;
                    let count = self.done(&plan.write).await?;
                    return count.ok_or_else(|| Error::unavailable(format!("The earlier write to {} is gone again.", plan.write.table)));
                }
                Err(failure) => return Err(failure.of_table(self, plan)),
            }
        }
        for statement in self.statements(plan) {
            self.statement(statement).await.map_err(|failure| failure.of_table(self, plan))?;
        }
        self.run("COMMIT".into()).await?;
        Ok(rows)
    }

    /// What became of a move that failed: its count where it was done all the same, as after a COMMIT whose answer came late.
    async fn settle(&mut self, plan: &Plan) -> Option<u64> {
        let settled = async {
            // First of all: taking a table away would commit what the transaction did before it failed, its marker too.
            self.run("ROLLBACK".into()).await?;
            let done = self.done(&plan.write).await?;
            if done.is_none() && plan.creates {
                self.take_away().await?;
            }
            Ok::<_, Error>(done)
        };
        settled.await.unwrap_or_else(|error| {
            tracing::debug!(%error, what = plan.what(), "a write that failed was not cleaned up; a table made for it may be left");
            None
        })
    }

    /// The table that was made, unless there are rows in it: others may have found it.
    async fn take_away(&mut self) -> Result<()> {
        let table = self.beside(&self.table);
        self.run(format!("LOCK TABLES {table} WRITE")).await?;
        match self.number(format!("SELECT CAST(EXISTS (SELECT 1 FROM {table}) AS UNSIGNED)")).await? {
            Some(0) => self.run(format!("DROP TABLE {table}")).await,
            _ => Ok(()),
        }
    }

    fn statements(&self, plan: &Plan) -> Vec<String> {
        let (table, staging) = (self.beside(&self.table), self.beside(STAGING));
        let (columns, staged) = (plan.list("", quote), plan.list("s.", quote));
        match &plan.write.mode {
            Mode::Append => vec![format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {staging}")],
            Mode::Overwrite => {
                vec![format!("DELETE FROM {table}"), format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {staging}")]
            }
            Mode::Upsert { .. } => {
                let same: Vec<String> = plan.keys.iter().map(|key| format!("t.{0} = s.{0}", quote(key))).collect();
                let same = same.join(" AND ");
                let changes: Vec<String> = plan.changed().map(|name| format!("t.{0} = s.{0}", quote(name))).collect();
                let mut statements = Vec::new();
                if !changes.is_empty() {
                    statements.push(format!("UPDATE {table} t JOIN {staging} s ON {same} SET {}", changes.join(", ")));
                }
                let key = plan.keys.first().map(|key| quote(key)).unwrap_or_default();
                statements.push(format!(
                    "INSERT INTO {table} ({columns}) SELECT {staged} FROM {staging} s LEFT JOIN {table} t ON {same} WHERE t.{key} IS NULL"
                ));
                statements
            }
        }
    }

    async fn statement(&mut self, sql: String) -> Result<(), Failure> {
        let factor = u32::try_from(1 + self.rows_a_timeout).unwrap_or(u32::MAX);
        // Longer than the server waits for locks, so that it may say so.
        let limit = self.server.reach.read_timeout.saturating_mul(factor) + self.server.reach.connect_timeout;
        let work = self.session.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql)));
        let failed = match tokio::time::timeout(limit, work).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => return Err(Failure { number: None, error: sqlx::Error::PoolTimedOut }),
        };
        // What the server answered it has ended; what broke it sees itself.
        self.end.is_needed = !has_ended(&failed) || matches!(failed, sqlx::Error::Database(_));
        let number = match &failed {
            sqlx::Error::Database(e) => e.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number),
            _ => None,
        };
        Err(Failure { number, error: failed })
    }

    async fn run(&mut self, sql: String) -> Result<()> {
        self.statement(sql).await.map_err(|failure| failure.plain(self))
    }

    async fn number(&mut self, sql: String) -> Result<Option<u64>> {
        let rows = self.session.rows(&self.what, sql).await?;
        Ok(rows.first().and_then(|row| row.try_get_unchecked(0).ok()))
    }

    /// Takes old markers away; that it failed matters to nobody.
    async fn forget(&mut self) {
        let table = self.beside(MARKERS);
        let sql = format!(
            "DELETE FROM {table} WHERE written_at < (SELECT oldest FROM (SELECT written_at AS oldest FROM {table} ORDER BY written_at DESC LIMIT 1 OFFSET {}) kept)",
            MARKERS_KEPT - 1
        );
        if let Err(error) = self.run(sql).await {
            tracing::debug!(%error, "old markers of writes were not deleted");
        }
    }
}

impl Failure {
    /// While rows are loaded a refusal is about a value; the server says `for column … at row 3` of its statement.
    fn of_value(self, desk: &MySqlDesk, plan: &Plan, before: u64) -> Error {
        const VALUES: &[u16] = &[1048, 1062, 1264, 1265, 1292, 1366, 1367, 1406, 1411, 1416, 1525, 3140, 3141, 3903, 4025, 4078];
        let Some(number) = self.number.filter(|number| VALUES.contains(number)) else { return self.of_table(desk, plan) };
        let said = self.said();
        let row = said.rsplit_once("at row ").and_then(|(_, row)| row.trim().parse::<u64>().ok()).map(|row| before + row);
        tracing::debug!(number, %said, "a value was refused");
        plan.refused(&said, row)
    }

    fn of_table(self, desk: &MySqlDesk, plan: &Plan) -> Error {
        const RULES: &[u16] = &[1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 1644, 1761, 1762, 3819, 4025];
        const VALUES: &[u16] = &[1264, 1265, 1292, 1366, 1406, 3140];
        let (table, said) = (&plan.write.table, self.said());
        match self.number {
            Some(number) if VALUES.contains(&number) => plan.refused(&said, None),
            Some(number) if RULES.contains(&number) => {
                Error::invalid_data(format!("The rows break a rule of table {table} or of one beside it: {said}; nothing was written."))
                    .code(CONSTRAINT)
            }
            Some(1205) => Error::unavailable(format!(
                "Table {table} was locked by somebody else for {} seconds (READ_TIMEOUT_SECONDS); nothing was written.",
                desk.server.reach.read_timeout.as_secs()
            ))
            .code(TABLE_LOCKED),
            Some(1021 | 1114) => Error::unavailable(format!(
                "MySQL at {}:{} has no room for the rows of table {table}: {said}; nothing was written.",
                desk.server.host, desk.server.port
            ))
            .code(DISK_FULL),
            _ => self.plain(desk),
        }
    }

    fn plain(self, desk: &MySqlDesk) -> Error {
        match self.number {
            _ if matches!(self.error, sqlx::Error::PoolTimedOut) => waited(&desk.server, &desk.what),
            Some(1044 | 1142 | 1143 | 1227 | 1370) => Error::invalid_input(format!(
                "{}: the user {:?} may not: {}.",
                desk.what,
                desk.server.user.as_deref().unwrap_or_default(),
                self.said()
            ))
            .code(PERMISSION_DENIED),
            _ => error::of(&desk.server, &desk.what, self.error),
        }
    }

    /// The server's own words.
    fn said(&self) -> String {
        match &self.error {
            sqlx::Error::Database(e) => e.message().trim_end_matches('.').to_owned(),
            other => other.to_string(),
        }
    }
}

fn columns(plan: &Plan) -> Vec<String> {
    let null = |is_key: bool| if is_key { "NOT NULL" } else { "NULL" };
    plan.targets.iter().map(|target| format!("{} {} {}", quote(&target.column.name), target.column.native, null(target.is_key))).collect()
}

fn listed(names: &[String], prefix: &str) -> String {
    names.iter().map(|name| format!("{prefix}{}", quote(name))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
