//! What the server's own views say about tables: one question for all of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use domain::{Error, Result};
use tiberius::{FromSql, Row};

use super::connect::Session;
use super::sql;
use super::types::Declared;
use crate::connection::Server;
use crate::diagnosis::TABLE_GONE;
use crate::source::{Description, TablePath};

/// More tables than this are not listed in the question: all are asked for.
const MAX_NAMES: usize = 200;
/// Schema used when a path names none.
const USUAL_SCHEMA: &str = "dbo";

pub(crate) async fn tables(session: &mut Session, server: &Server) -> Result<Vec<TablePath>> {
    let question = "SELECT s.name, o.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id \
         WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0";
    let rows = session.rows("The list of tables", question.into()).await?;
    let mut tables: Vec<TablePath> = rows
        .iter()
        .map(|row| {
            let (schema, table) = (needed::<&str>(row, 0)?, needed::<&str>(row, 1)?);
            Ok(TablePath { database: server.database.clone(), schema: Some(schema.to_owned()), table: table.to_owned() })
        })
        .collect::<Result<_>>()?;
    tables.sort();
    Ok(tables)
}

/// One answer for each, in their order.
pub(crate) async fn describe(session: &mut Session, server: &Server, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
    let rows = session.rows("The description of tables", question(tables)).await?;
    let mut known: HashMap<(String, String), Table> = HashMap::new();
    for row in &rows {
        let name = (needed::<&str>(row, 0)?.to_owned(), needed::<&str>(row, 1)?.to_owned());
        known.entry(name).or_default().add(row)?;
    }
    let described = tables.iter().map(|path| {
        let name = (path.schema.as_deref().unwrap_or(USUAL_SCHEMA).to_owned(), path.table.clone());
        let found = known.get_mut(&name).ok_or_else(|| {
            Error::not_found(format!("Table {path} in {server:?} (or {:?} may not see it)", server.user)).code(TABLE_GONE)
        })?;
        Ok(found.description())
    });
    Ok(described.collect())
}

/// A row for each column. A column of an alias type (sysname) is given the type beneath it; the server's object types share one
/// number and have only their own name.
pub(crate) fn question(tables: &[TablePath]) -> String {
    let only = if tables.len() > MAX_NAMES {
        String::new()
    } else {
        let ids: Vec<String> = tables
            .iter()
            .map(|path| {
                let name = format!("{}.{}", sql::quote(path.schema.as_deref().unwrap_or(USUAL_SCHEMA)), sql::quote(&path.table));
                format!("OBJECT_ID({})", sql::text(&name))
            })
            .collect();
        // OBJECT_ID of an unknown name is null, which is in no list; an empty list is no SQL.
        format!(" AND o.object_id IN ({})", if ids.is_empty() { "NULL".into() } else { ids.join(", ") })
    };
    format!(
        "SELECT s.name, o.name, RTRIM(o.type), c.name, \
         TYPE_NAME(CASE WHEN c.system_type_id = 240 THEN c.user_type_id ELSE c.system_type_id END), \
         c.max_length, c.precision, c.scale, CAST(cp.value AS nvarchar(4000)), CAST(tp.value AS nvarchar(4000)), p.row_count, \
         CAST(k.key_ordinal AS int) \
         FROM sys.objects o \
         JOIN sys.schemas s ON s.schema_id = o.schema_id \
         JOIN sys.columns c ON c.object_id = o.object_id \
         LEFT JOIN sys.extended_properties cp ON cp.class = 1 AND cp.major_id = o.object_id AND cp.minor_id = c.column_id \
         AND cp.name = N'MS_Description' \
         LEFT JOIN sys.extended_properties tp ON tp.class = 1 AND tp.major_id = o.object_id AND tp.minor_id = 0 \
         AND tp.name = N'MS_Description' \
         LEFT JOIN (SELECT object_id, CAST(SUM(rows) AS bigint) AS row_count FROM sys.partitions WHERE index_id IN (0, 1) \
         GROUP BY object_id) p ON p.object_id = o.object_id \
         LEFT JOIN (SELECT i.object_id, ic.column_id, ic.key_ordinal FROM sys.indexes i \
         JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id WHERE i.is_primary_key = 1) k \
         ON k.object_id = o.object_id AND k.column_id = c.column_id \
         WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0{only} \
         ORDER BY s.name, o.name, c.column_id"
    )
}

/// What is known about one table.
#[derive(Debug, Default)]
struct Table {
    is_view: bool,
    rows: Option<u64>,
    comment: Option<String>,
    columns: Vec<Field>,
    /// Place in the key, name.
    key: Vec<(i32, String)>,
}

impl Table {
    fn add(&mut self, row: &Row) -> Result<()> {
        self.is_view = needed::<&str>(row, 2)? == "V";
        self.comment = read::<&str>(row, 9)?.map(str::to_owned);
        self.rows = read::<i64>(row, 10)?.and_then(|rows| u64::try_from(rows).ok());
        let column = Declared {
            name: needed::<&str>(row, 3)?.to_owned(),
            type_name: read::<&str>(row, 4)?.unwrap_or_default().to_lowercase(),
            length: needed(row, 5)?,
            precision: needed(row, 6)?,
            scale: needed(row, 7)?,
            comment: read::<&str>(row, 8)?.map(str::to_owned),
        };
        if let Some(place) = read::<i32>(row, 11)? {
            self.key.push((place, column.name.clone()));
        }
        self.columns.push(column.field());
        Ok(())
    }

    fn description(&mut self) -> Description {
        self.key.sort();
        Description {
            schema: Arc::new(Schema::new(self.columns.clone())),
            is_view: self.is_view,
            comment: self.comment.clone(),
            rows: self.rows,
            bytes: None,
            primary_key: self.key.iter().map(|(_, name)| name.clone()).collect(),
        }
    }
}

fn read<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<Option<T>> {
    row.try_get(index).map_err(|e| Error::internal("The server's own views answered in a way that was not understood.").source(e))
}

fn needed<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T> {
    read(row, index)?.ok_or_else(|| Error::internal("The server's own views left out what they always have."))
}
