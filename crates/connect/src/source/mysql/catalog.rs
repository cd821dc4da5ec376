//! What the server's own views say about tables: three questions per database, whatever the number of tables.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use domain::{Error, Result};
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::connect::Session;
use super::sql;
use super::types::Declared;
use crate::connection::Server;
use crate::diagnosis::{PERMISSION_DENIED, TABLE_GONE};
use crate::source::{Description, TablePath};

/// More names than this are not listed in a question: all tables of the database are asked for.
const MAX_NAMES: usize = 200;

/// Tables and views of the connection's database, or of all that are not the server's own.
pub(crate) async fn tables(session: &mut Session, server: &Server) -> Result<Vec<TablePath>> {
    let databases = match &server.database {
        Some(database) => format!("TABLE_SCHEMA = {}", sql::text(database)),
        None => "TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')".into(),
    };
    let question = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES
         WHERE {databases} AND TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')"
    );
    let rows = session.rows("The list of tables", question).await?;
    let mut tables: Vec<TablePath> = rows
        .iter()
        .map(|row| Ok(TablePath { database: Some(read(row, 0)?), schema: None, table: read(row, 1)? }))
        .collect::<Result<_>>()?;
    tables.sort();
    Ok(tables)
}

/// One answer for each, in their order.
pub(crate) async fn describe(session: &mut Session, server: &Server, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
    let mut databases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for table in tables {
        databases.entry(database(table, server)?).or_default().push(&table.table);
    }
    let mut known = HashMap::new();
    for (name, tables) in databases {
        known.insert(name, Database::ask(session, name, &tables).await?);
    }
    let described = tables.iter().map(|table| {
        let found = known.get(database(table, server)?).and_then(|database| database.tables.get(&table.table));
        let found = found.ok_or_else(|| {
            Error::not_found(format!("Table {table} in {server:?} (or {:?} may not see it)", server.user)).code(TABLE_GONE)
        })?;
        found.description(table, server)
    });
    Ok(described.collect())
}

fn database<'a>(table: &'a TablePath, server: &'a Server) -> Result<&'a str> {
    table
        .database
        .as_deref()
        .or(server.database.as_deref())
        .ok_or_else(|| Error::invalid_input(format!("Expected a table with its database, as the connection names none; found {table}.")))
}

#[derive(Debug, Default)]
struct Database {
    tables: HashMap<String, Table>,
}

/// What is known about one table.
#[derive(Debug, Default)]
struct Table {
    is_view: bool,
    rows: Option<u64>,
    bytes: Option<u64>,
    comment: String,
    columns: Vec<Field>,
    /// Columns that are there but may not be read.
    hidden: usize,
    primary_key: Vec<String>,
}

impl Database {
    async fn ask(session: &mut Session, database: &str, tables: &[&str]) -> Result<Self> {
        let only = if tables.len() > MAX_NAMES {
            String::new()
        } else {
            let names: Vec<String> = tables.iter().map(|name| sql::text(name)).collect();
            format!(" AND TABLE_NAME IN ({})", names.join(", "))
        };
        let place = format!("TABLE_SCHEMA = {}{only}", sql::text(database));
        let mut found = Self::default();
        found.read_tables(session, &place).await?;
        found.read_columns(session, &place).await?;
        found.read_keys(session, &place).await?;
        Ok(found)
    }

    async fn read_tables(&mut self, session: &mut Session, place: &str) -> Result<()> {
        let question =
            format!("SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH, TABLE_COMMENT FROM information_schema.TABLES WHERE {place}");
        for row in session.rows("The description of tables", question).await? {
            let kind: String = read(&row, 1)?;
            let table = Table {
                is_view: kind == "VIEW",
                rows: read(&row, 2)?,
                bytes: read(&row, 3)?,
                comment: read::<Option<String>>(&row, 4)?.unwrap_or_default(),
                ..Table::default()
            };
            self.tables.insert(read(&row, 0)?, table);
        }
        Ok(())
    }

    async fn read_columns(&mut self, session: &mut Session, place: &str) -> Result<()> {
        let question = format!(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, COLUMN_COMMENT, PRIVILEGES
             FROM information_schema.COLUMNS WHERE {place} ORDER BY TABLE_NAME, ORDINAL_POSITION"
        );
        for row in session.rows("The description of columns", question).await? {
            let Some(table) = self.tables.get_mut(&read::<String>(&row, 0)?) else { continue };
            if !read::<String>(&row, 7)?.contains("select") {
                table.hidden += 1;
                continue;
            }
            let column = Declared {
                name: read(&row, 1)?,
                data_type: read::<String>(&row, 2)?.to_lowercase(),
                column_type: read::<String>(&row, 3)?,
                precision: read(&row, 4)?,
                scale: read(&row, 5)?,
                comment: read::<Option<String>>(&row, 6)?.unwrap_or_default(),
            };
            table.columns.push(column.field());
        }
        Ok(())
    }

    async fn read_keys(&mut self, session: &mut Session, place: &str) -> Result<()> {
        let question = format!(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
             WHERE {place} AND CONSTRAINT_NAME = 'PRIMARY' ORDER BY TABLE_NAME, ORDINAL_POSITION"
        );
        for row in session.rows("The description of keys", question).await? {
            if let Some(table) = self.tables.get_mut(&read::<String>(&row, 0)?) {
                table.primary_key.push(read(&row, 1)?);
            }
        }
        Ok(())
    }
}

impl Table {
    fn description(&self, path: &TablePath, server: &Server) -> Result<Description> {
        if self.columns.is_empty() && self.hidden > 0 {
            return Err(Error::invalid_input(format!("Table {path}: the user {:?} may not read any of its columns.", server.user))
                .code(PERMISSION_DENIED));
        }
        // A view whose tables are gone has no columns, and says why where its remark would be.
        if self.columns.is_empty() {
            return Err(Error::invalid_data(format!("Table {path} has no columns that can be read; the server says {:?}.", self.comment)));
        }
        let comment = Some(self.comment.clone()).filter(|text| !(text.is_empty() || self.is_view && text == "VIEW"));
        Ok(Description {
            schema: Arc::new(Schema::new(self.columns.clone())),
            is_view: self.is_view,
            comment,
            rows: self.rows,
            bytes: self.bytes,
            primary_key: self.primary_key.clone(),
        })
    }
}

/// The server's views call their texts this or that; what they hold is known.
fn read<'r, T>(row: &'r MySqlRow, index: usize) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::MySql>,
{
    row.try_get_unchecked(index).map_err(|e| Error::internal("The server's own views answered in a way that was not understood.").source(e))
}
