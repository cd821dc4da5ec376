//! Crawling what is behind a connection: databases, collections, topics.

use std::collections::BTreeSet;

use connect::diagnosis::{PERMISSION_DENIED, TABLE_GONE};
use connect::sink::MARKERS;
use connect::source::{COMMENT, Description, NATIVE_TYPE};
use connect::{Connection, Source, TablePath};
use domain::{Error, ErrorKind, Result};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::apply::is_owned;
use super::naming::table_name;
use super::{Found, FoundTable, Look, PRIMARY_KEY, RAW_TYPE, SOURCE_COMMENT};
use crate::crawler::DatabaseTarget;
use crate::glob::Glob;
use crate::hive;
use crate::table::{Column, Parameters, StorageDescriptor, Table};

/// Tables described by one question to the source, at least: servers look through all they have for each question, so that there are few.
const TABLES_PER_QUESTION: usize = 1000;
/// Questions to one source at the same time.
const QUESTIONS_AT_ONCE: usize = 4;

/// Fails when the connection does not exist or leads nowhere; a single table that cannot be read is a problem.
pub(super) async fn crawl(look: &Look<'_>, target: DatabaseTarget<'_>, found: &mut Found) -> Result<()> {
    let connection = look.catalog.get_connection(target.connection).await?.value;
    let source = look.catalog.sources().open(&connection)?;
    let wanted = Wanted::new(target)?;
    // What our own writes leave beside their targets is nobody's data.
    let theirs = source.tables().await?.into_iter().filter(|table| table.table != MARKERS);
    let tables: Vec<TablePath> = theirs.filter(|table| wanted.has(table)).collect();
    if tables.is_empty() {
        found.problem(look.context, format!("{}: {}", connection.name, target.path), "No table matches the path.");
    }
    if target.scan_all {
        look.context.info(format!("{}: ScanAll was asked for; columns come from the documents that the source samples.", connection.name));
    }
    look.progress.expect(tables.len());
    let parts: Vec<&[TablePath]> = tables.chunks(per_question(tables.len())).collect();
    let mut answers = stream::iter(0..parts.len())
        .map(|part| {
            let (source, tables) = (&source, parts[part]);
            async move {
                look.context.check()?;
                let described = source.describe(tables).await?;
                look.progress.did(tables.len());
                Ok::<_, Error>((tables, described))
            }
        })
        .buffered(QUESTIONS_AT_ONCE);
    while let Some((tables, described)) = answers.try_next().await? {
        for (path, description) in tables.iter().zip(described) {
            let table = description.and_then(|description| describe(source.as_ref(), &connection, path, description, &target, look));
            match table {
                Ok(table) => found.tables.push(table),
                Err(error) if error.kind == ErrorKind::Stopped => return Err(error),
                Err(error) => {
                    found.unreadable(&connection.name, &path.to_string());
                    found.problem(look.context, format!("{}: {path}", connection.name), error.to_string());
                }
            }
        }
    }
    for (path, error) in hidden(source.as_ref(), missing(look, &connection.name, &wanted, &tables).await?).await? {
        found.unreadable(&connection.name, &path.to_string());
        found.problem(look.context, format!("{}: {path}", connection.name), error.to_string());
    }
    Ok(())
}

/// However many tables there are, a source is asked [`TABLES_PER_QUESTION`] at a time or [`QUESTIONS_AT_ONCE`] times in all.
fn per_question(tables: usize) -> usize {
    TABLES_PER_QUESTION.max(tables.div_ceil(QUESTIONS_AT_ONCE))
}

/// What earlier crawls found where the target looks, and the source lists no more. Nothing where a crawl says of nothing that it is gone.
async fn missing(look: &Look<'_>, connection: &str, wanted: &Wanted, listed: &[TablePath]) -> Result<Vec<TablePath>> {
    if look.crawler.new_folders_only() {
        return Ok(Vec::new());
    }
    let listed: BTreeSet<&TablePath> = listed.iter().collect();
    let known = look.catalog.store().children::<Table>(&look.crawler.database_name).await?;
    let known = known.iter().filter(|table| is_owned(table, look.crawler)).filter_map(|table| table.source());
    let missing = known.filter(|(from, path)| *from == connection && wanted.has(path) && !listed.contains(path));
    Ok(missing.map(|(_, path)| path).collect())
}

/// Those of the tables that may still be there, and why they cannot be read: the user lost a right to them.
async fn hidden(source: &dyn Source, missing: Vec<TablePath>) -> Result<Vec<(TablePath, Error)>> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let described = source.describe(&missing).await?;
    let asked = missing.into_iter().zip(described).map(|(path, described)| async move {
        let error = described.err()?;
        let error = if is_gone(&error) { refusal(source, &path).await? } else { error };
        Some((path, error))
    });
    Ok(stream::iter(asked).buffered(QUESTIONS_AT_ONCE).filter_map(|hidden| async { hidden }).collect().await)
}

fn is_gone(error: &Error) -> bool {
    error.kind == ErrorKind::NotFound || error.code == Some(TABLE_GONE)
}

/// What a server says to whoever reads a table that its views do not show: those of MySQL and SQL Server leave out what the user has no
/// right to, as if it were gone.
async fn refusal(source: &dyn Source, path: &TablePath) -> Option<Error> {
    let error = source.count(path).await.err()?;
    Some(error).filter(|error| error.code == Some(PERMISSION_DENIED) || error.is_retryable() && !is_gone(error))
}

/// Which tables a target means.
struct Wanted {
    /// Patterns for database, schema and table, as many as the target's path has parts.
    parts: Vec<Glob>,
    /// The path ends with `%` alone: everything below.
    everything_below: bool,
    exclusions: Vec<Glob>,
}

impl Wanted {
    fn new(target: DatabaseTarget<'_>) -> Result<Self> {
        let parts: Vec<&str> = target.path.trim_matches('/').split('/').collect();
        Ok(Self {
            everything_below: parts.len() > 1 && parts.last() == Some(&"%"),
            parts: parts.into_iter().map(Glob::percent).collect(),
            exclusions: target.exclusions.iter().map(|glob| Glob::new(glob)).collect::<Result<_>>()?,
        })
    }

    /// Paths are compared from the table's end: a source without schemas has only tables, whatever stands before them. A path
    /// that ends with `/%` may as well begin at the database: `shop/%` is all of its schemas.
    fn has(&self, table: &TablePath) -> bool {
        let parts: Vec<String> = table.parts().map(str::to_lowercase).collect();
        let from_end = self.parts.iter().rev().zip(parts.iter().rev()).all(|(pattern, part)| pattern.matches(part));
        let from_start = self.everything_below
            && parts.len() >= self.parts.len()
            && self.parts.iter().zip(&parts).all(|(pattern, part)| pattern.matches(part));
        let spelt = table.parts().collect::<Vec<_>>().join("/");
        let excluded = |glob: &Glob| glob.matches(&spelt) || glob.matches(&parts.join("/")) || glob.matches(&table.table);
        (from_end || from_start) && !self.exclusions.iter().any(excluded)
    }
}

fn describe(
    source: &dyn Source,
    connection: &Connection,
    path: &TablePath,
    found: Description,
    target: &DatabaseTarget<'_>,
    look: &Look<'_>,
) -> Result<FoundTable> {
    if found.schema.fields().is_empty() {
        return Err(Error::invalid_data(format!("Expected a table with columns; {path} has none.")));
    }
    let storage_descriptor =
        StorageDescriptor { columns: columns(&found, target.raw_types), location: Some(path.to_string()), ..StorageDescriptor::default() };
    Ok(FoundTable {
        name: table_name(&look.crawler.table_prefix, &path.parts().collect::<Vec<_>>().join("_")),
        table: Table {
            storage_descriptor,
            description: found.comment.clone(),
            table_type: Some("EXTERNAL_TABLE".into()),
            parameters: parameters(source, connection, path, &found),
            ..Table::default()
        },
        partitions: Vec::new(),
        statistics: statistics(&found),
        files: None,
        bytes: found.bytes,
        rows: found.rows,
        reason: None,
    })
}

/// With the source's remarks, and its own types where asked for.
fn columns(found: &Description, raw_types: bool) -> Vec<Column> {
    let mut columns = hive::columns(&found.schema);
    for (column, field) in columns.iter_mut().zip(found.schema.fields()) {
        if let Some(comment) = field.metadata().get(COMMENT).filter(|comment| !comment.is_empty()) {
            column.comment = Some(comment.clone());
            column.parameters.insert(SOURCE_COMMENT.into(), comment.clone());
        }
        if let Some(native) = field.metadata().get(NATIVE_TYPE).filter(|_| raw_types) {
            column.parameters.insert(RAW_TYPE.into(), native.clone());
        }
    }
    columns
}

fn parameters(source: &dyn Source, connection: &Connection, path: &TablePath, found: &Description) -> Parameters {
    let kind = if found.is_view { "view" } else { "table" };
    let mut parameters = Parameters::from([
        ("classification".into(), source.classification().into()),
        ("compressionType".into(), "none".into()),
        ("typeOfData".into(), kind.into()),
        ("connectionName".into(), connection.name.clone()),
        ("sourceTable".into(), path.table.clone()),
    ]);
    for (name, value) in [("sourceDatabase", &path.database), ("sourceSchema", &path.schema), (SOURCE_COMMENT, &found.comment)] {
        if let Some(value) = value {
            parameters.insert(name.into(), value.clone());
        }
    }
    if !found.primary_key.is_empty() {
        parameters.insert(PRIMARY_KEY.into(), found.primary_key.join(","));
    }
    parameters
}

fn statistics(found: &Description) -> Parameters {
    let mut statistics = Parameters::new();
    if let Some(rows) = found.rows {
        statistics.insert("recordCount".into(), rows.to_string());
    }
    if let Some(bytes) = found.bytes {
        statistics.insert("sizeKey".into(), bytes.to_string());
    }
    if let (Some(bytes), Some(rows)) = (found.bytes, found.rows.filter(|rows| *rows > 0)) {
        statistics.insert("averageRecordSize".into(), (bytes / rows).to_string());
    }
    statistics
}

#[cfg(test)]
mod tests;
