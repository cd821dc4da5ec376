//! Into PostgreSQL: COPY in text form, so that the server reads each value as its column's type does.
//!
//! The temporary table belongs to the session and is not logged. Overwriting locks the table against other writers, never against
//! readers, for as long as DELETE and INSERT take.

mod catalog;
mod text;

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use domain::{Error, ErrorKind, Result};
use sqlx::postgres::{PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use super::cells::Cells;
use super::desk::{Desk, carry_out};
use super::plan::{Plan, Table};
use super::slot::{Created, Slot, declared};
use super::{CONSTRAINT, DISK_FULL, Incoming, MARKERS, MARKERS_KEPT, Mode, ORDINAL, STAGING, Sink, TABLE_LOCKED, Write};
use crate::connection::Server;
use crate::source::TablePath;
use crate::source::postgres::{Connector, Flavour, error, patiently, sql};

/// Text that is sent at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Rows for whose move the server is given another read timeout.
const ROWS_A_TIMEOUT: u64 = 1_000_000;
/// Longer names are cut by the server without a word.
const LONGEST_NAME: usize = 63;

/// A PostgreSQL server that takes rows; clone it freely.
#[derive(Debug, Clone)]
pub struct PostgresSink {
    connector: Connector,
}

impl PostgresSink {
    /// Reaches out to nobody.
    pub fn new(server: Server) -> Self {
        Self { connector: Connector::new(server, Flavour::PostgreSql) }
    }
}

#[async_trait]
impl Sink for PostgresSink {
    async fn write(&self, write: Write, schema: SchemaRef, rows: Incoming) -> Result<u64> {
        let mut connection = self.connector.fresh().await?;
        let server = self.connector.server.clone();
        let prepared = patiently(&server, "connecting", connection.execute("SET default_transaction_read_only = off")).await?;
        prepared.map_err(|e| error::of(&server, "connecting", e))?;
        let place = Place::of(&server, &write.table)?;
        carry_out(Box::new(PostgresDesk { connection, server, place }), write, schema, rows).await
    }
}

/// Where the table is.
#[derive(Debug)]
pub(crate) struct Place {
    pub schema: String,
    pub table: String,
}

impl Place {
    fn of(server: &Server, path: &TablePath) -> Result<Self> {
        let usual = server.database.as_deref();
        if path.database.as_deref().is_some_and(|database| Some(database) != usual) {
            return Err(Error::invalid_input(format!("Expected a table of the connection's database {usual:?}; found {path}.")));
        }
        if path.table.len() > LONGEST_NAME {
            return Err(Error::invalid_input(format!("A table's name has at most {LONGEST_NAME} bytes in PostgreSQL; found {path}.")));
        }
        Ok(Self { schema: path.schema.clone().unwrap_or_else(|| "public".into()), table: path.table.clone() })
    }

    fn beside(&self, table: &str) -> String {
        format!("{}.{}", sql::quote(&self.schema), sql::quote(table))
    }

    fn name(&self) -> String {
        self.beside(&self.table)
    }
}

struct PostgresDesk {
    connection: PgConnection,
    server: Arc<Server>,
    place: Place,
}

#[async_trait]
impl Desk for PostgresDesk {
    async fn table(&mut self, write: &Write) -> Result<Option<Table>> {
        let what = format!("describing table {}", write.table);
        let found = patiently(&self.server, &what, catalog::table(&mut self.connection, &self.place)).await?;
        found.map_err(|e| error::of(&self.server, &what, e))
    }

    fn created(&self, plain: &DataType, is_nested: bool, _: bool) -> Created {
        let slot = |name: &str, slot| Ok((name.to_owned(), slot));
        match plain {
            _ if is_nested => slot("jsonb", Slot::PARSED),
            DataType::Boolean => slot("boolean", Slot::Boolean),
            DataType::Int64 => slot("bigint", Slot::integer(64, false)),
            DataType::Float32 => slot("real", Slot::Float(catalog::float(false))),
            DataType::Float64 => slot("double precision", Slot::Float(catalog::float(true))),
            DataType::Decimal128(precision, scale) => {
                let (precision, scale) = declared(*precision, *scale);
                Ok((format!("numeric({precision},{scale})"), Slot::decimal(precision, scale)))
            }
            DataType::Binary => slot("bytea", Slot::Binary),
            DataType::Date32 => slot("date", Slot::Date),
            DataType::Timestamp(..) => slot("timestamp", Slot::Timestamp { digits: 6 }),
            _ => slot("text", Slot::Text { longest: None }),
        }
    }

    async fn done(&mut self, write: &Write) -> Result<Option<u64>> {
        let Some(marker) = &write.marker else { return Ok(None) };
        let (what, table) = (format!("looking for earlier writes to {}", write.table), self.place.beside(MARKERS));
        let failed = |server: &Server, e| error::of(server, &what, e);
        let is_there = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(&table).fetch_one(&mut self.connection);
        let is_there = patiently(&self.server, &what, is_there).await?.and_then(|row| row.try_get::<bool, _>(0));
        let is_there = is_there.map_err(|e| failed(&self.server, e))?;
        if !is_there {
            let make = format!(
                "CREATE TABLE {table} (run text PRIMARY KEY, rows bigint NOT NULL, written_at timestamptz NOT NULL DEFAULT clock_timestamp())"
            );
            let made = patiently(&self.server, &what, self.connection.execute(sqlx::raw_sql(AssertSqlSafe(make)))).await?;
            match made {
                Ok(_) => {}
                // Somebody else was quicker.
                Err(sqlx::Error::Database(e)) if matches!(e.code().as_deref(), Some("42P07" | "23505")) => {}
                Err(e) => return Err(failed(&self.server, e)),
            }
            return Ok(None);
        }
        let sql = format!("SELECT rows FROM {table} WHERE run = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(marker.as_str()).fetch_optional(&mut self.connection);
        let row = patiently(&self.server, &what, row).await?.map_err(|e| failed(&self.server, e))?;
        let count = row.map(|row| row.try_get::<i64, _>(0)).transpose().map_err(|e| failed(&self.server, e))?;
        Ok(count.map(i64::unsigned_abs))
    }

    async fn stage(&mut self, plan: &Plan) -> Result<()> {
        for target in &plan.targets {
            if target.column.name.len() > LONGEST_NAME {
                let name = &target.column.name;
                return Err(Error::invalid_data(format!(
                    "A column's name has at most {LONGEST_NAME} bytes in PostgreSQL; found {name:?}."
                )));
            }
        }
        let columns: Vec<String> =
            plan.targets.iter().map(|target| format!("{} {}", sql::quote(&target.column.name), target.column.native)).collect();
        let ordinal = sql::quote(ORDINAL);
        let make = format!("CREATE TEMPORARY TABLE {STAGING} ({ordinal} bigint GENERATED ALWAYS AS IDENTITY, {})", columns.join(", "));
        self.run(plan, make, 0).await.map(|_| ())
    }

    async fn load(&mut self, plan: &Plan, cells: Vec<Cells>, rows: usize, before: u64) -> Result<()> {
        let what = plan.what();
        let statement = format!("COPY pg_temp.{STAGING} ({}) FROM STDIN", plan.list("", sql::quote));
        let failed = |server: &Server, e| unfit(server, plan, e, before);
        let copy = patiently(&self.server, &what, self.connection.copy_in_raw(&statement)).await?;
        let mut copy = copy.map_err(|e| failed(&self.server, e))?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
        for row in 0..rows {
            text::push(&mut chunk, plan, &cells, row).map_err(|column| {
                plan.refused(
                    &format!("column {column:?} has a text with the character U+0000, which PostgreSQL keeps nowhere"),
                    Some(before + row as u64 + 1),
                )
            })?;
            if chunk.len() >= CHUNK_BYTES || row + 1 == rows {
                patiently(&self.server, &what, copy.send(chunk.as_slice())).await?.map_err(|e| failed(&self.server, e))?;
                chunk.clear();
            }
        }
        patiently(&self.server, &what, copy.finish()).await?.map_err(|e| failed(&self.server, e))?;
        Ok(())
    }

    async fn apply(&mut self, plan: &Plan, rows: u64) -> Result<u64> {
        let lock = self.server.reach.read_timeout.as_millis();
        self.run(plan, format!("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {lock}"), rows).await?;
        if let Some(marker) = &plan.write.marker {
            let (table, run) = (self.place.beside(MARKERS), sql::literal(marker.as_str()));
            let claim = format!("INSERT INTO {table} (run, rows) VALUES ({run}, {rows}) ON CONFLICT DO NOTHING");
            if self.run(plan, claim, rows).await? == 0 {
                self.run(plan, "ROLLBACK".into(), rows).await?;
                let count = self.done(&plan.write).await?;
                return count.ok_or_else(|| Error::unavailable(format!("The earlier write to {} is gone again.", plan.write.table)));
            }
        }
        for statement in self.statements(plan) {
            self.run(plan, statement, rows).await?;
        }
        self.run(plan, "COMMIT".into(), rows).await?;
        if plan.write.marker.is_some() {
            self.forget(plan).await;
        }
        Ok(rows)
    }

    async fn close(self: Box<Self>) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a connection was gone before it was closed");
        }
    }
}

impl PostgresDesk {
    fn statements(&self, plan: &Plan) -> Vec<String> {
        let (table, columns) = (self.place.name(), plan.list("", sql::quote));
        let mut statements = Vec::new();
        if plan.creates {
            let mut parts: Vec<String> =
                plan.targets.iter().map(|target| format!("{} {}", sql::quote(&target.column.name), target.column.native)).collect();
            if !plan.keys.is_empty() {
                parts.push(format!("PRIMARY KEY ({})", quoted(&plan.keys)));
            }
            statements.push(format!("CREATE TABLE {table} ({})", parts.join(", ")));
        }
        match &plan.write.mode {
            Mode::Append => statements.push(format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM pg_temp.{STAGING}")),
            Mode::Overwrite => {
                // Two at a time would each delete what was there and keep the rows of both.
                statements.push(format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"));
                statements.push(format!("DELETE FROM {table}"));
                statements.push(format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM pg_temp.{STAGING}"));
            }
            Mode::Upsert { .. } => {
                let keys = quoted(&plan.keys);
                let changed: Vec<String> = plan.changed().map(|name| format!("{0} = EXCLUDED.{0}", sql::quote(name))).collect();
                let change = if changed.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {}", changed.join(", ")) };
                statements.push(format!(
                    "INSERT INTO {table} ({columns}) SELECT DISTINCT ON ({keys}) {columns} FROM pg_temp.{STAGING}
                     ORDER BY {keys}, {} DESC ON CONFLICT ({keys}) DO {change}",
                    sql::quote(ORDINAL)
                ));
            }
        }
        statements
    }

    /// Runs one statement over so many rows, for which a server may take its time.
    async fn run(&mut self, plan: &Plan, statement: String, rows: u64) -> Result<u64> {
        let limit = self.server.reach.read_timeout.mul_f64(2.0 + (rows / ROWS_A_TIMEOUT) as f64);
        let work = self.connection.execute(sqlx::raw_sql(AssertSqlSafe(statement)));
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done.map(|done| done.rows_affected()).map_err(|e| refusal(&self.server, plan, e)),
            Err(_) => Err(error::silent(&self.server, &plan.what())),
        }
    }

    /// Takes old markers away; that it failed matters to nobody.
    async fn forget(&mut self, plan: &Plan) {
        let table = self.place.beside(MARKERS);
        let sql = format!(
            "DELETE FROM {table} WHERE written_at < (SELECT written_at FROM {table} ORDER BY written_at DESC OFFSET {} LIMIT 1)",
            MARKERS_KEPT - 1
        );
        if let Err(error) = self.run(plan, sql, 0).await {
            tracing::debug!(%error, "old markers of writes were not deleted");
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| sql::quote(name)).collect::<Vec<_>>().join(", ")
}

/// A refusal while rows are loaded is about a value, which the server's context names: `COPY penchant_staging, line 3, column born: "x"`.
fn unfit(server: &Server, plan: &Plan, error: sqlx::Error, before: u64) -> Error {
    let sqlx::Error::Database(database) = &error else { return refusal(server, plan, error) };
    let Some(refused) = database.try_downcast_ref::<PgDatabaseError>() else { return refusal(server, plan, error) };
    if !(refused.code().starts_with("22") || refused.code().starts_with("23")) {
        return refusal(server, plan, error);
    }
    let place = refused.r#where().unwrap_or_default();
    let line = place.split_once("line ").and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok());
    let column =
        place.split_once("column ").map_or_else(String::new, |(_, rest)| format!(", column {}", rest.lines().next().unwrap_or_default()));
    plan.refused(&format!("{}{column}", refused.message()), line.map(|line| before + line))
}

/// By SQLSTATE, as far as writing has more to say than reading.
fn refusal(server: &Server, plan: &Plan, error: sqlx::Error) -> Error {
    let sqlx::Error::Database(database) = &error else { return error::of(server, &plan.what(), error) };
    let Some(refused) = database.try_downcast_ref::<PgDatabaseError>() else { return error::of(server, &plan.what(), error) };
    let (table, said) = (&plan.write.table, refused.message());
    match refused.code() {
        "55P03" => Error::unavailable(format!(
            "Table {table} was locked by somebody else for {} seconds (READ_TIMEOUT_SECONDS); nothing was written.",
            server.reach.read_timeout.as_secs()
        ))
        .code(TABLE_LOCKED),
        "53100" => Error::unavailable(format!("{server:?} has no room for the rows of table {table}: {said}; nothing was written."))
            .code(DISK_FULL),
        "42P07" => {
            Error::new(ErrorKind::Conflict, format!("Table {table} was made by somebody else meanwhile: {said}; nothing was written."))
        }
        code if code.starts_with("23") => {
            let detail = refused.detail().map_or_else(String::new, |detail| format!(" ({})", detail.trim_end_matches('.')));
            Error::invalid_data(format!("The rows break a rule of table {table} or of one beside it: {said}{detail}; nothing was written."))
                .code(CONSTRAINT)
        }
        code if code.starts_with("22") => plan.refused(said, None),
        _ => error::of(server, &plan.what(), error),
    }
}

#[cfg(test)]
mod tests;
