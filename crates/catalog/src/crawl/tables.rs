//! Crawling a database.

use connect::{Connection, Source, TablePath};
use domain::{Error, ErrorKind, Result};
use runs::RunContext;

use super::naming::table_name;
use super::{Found, FoundTable};
use crate::catalog::Catalog;
use crate::crawler::{Crawler, JdbcTarget};
use crate::glob::Glob;
use crate::hive;
use crate::table::{Parameters, StorageDescriptor, Table};

/// Fails when the connection does not exist or leads nowhere; a single table that cannot be read is a problem.
pub(super) async fn crawl(
    catalog: &Catalog,
    crawler: &Crawler,
    target: &JdbcTarget,
    context: &RunContext,
    found: &mut Found,
) -> Result<()> {
    let connection = catalog.get_connection(&target.connection_name).await?.value;
    let source = catalog.sources().open(&connection)?;
    let wanted = Wanted::new(target)?;
    let tables: Vec<TablePath> = source.tables().await?.into_iter().filter(|table| wanted.has(table)).collect();
    if tables.is_empty() {
        found.problem(context, format!("{}: {}", connection.name, target.path), "No table matches the path.");
    }
    for (index, table) in tables.iter().enumerate() {
        context.check()?;
        context.progress(index as u64, tables.len() as u64, "tables");
        match describe(source.as_ref(), &connection, table, crawler).await {
            Ok(table) => found.tables.push(table),
            Err(error) if error.kind == ErrorKind::Stopped => return Err(error),
            Err(error) => {
                found.unreadable(&connection.name, &table.to_string());
                found.problem(context, format!("{}: {table}", connection.name), error.to_string());
            }
        }
    }
    Ok(())
}

/// Which tables a target means.
struct Wanted {
    /// Patterns for database, schema and table, as many as the target's path has parts.
    parts: Vec<Glob>,
    exclusions: Vec<Glob>,
}

impl Wanted {
    fn new(target: &JdbcTarget) -> Result<Self> {
        let parts: Vec<Glob> = target.path.trim_matches('/').split('/').map(Glob::percent).collect();
        if parts.len() > 3 {
            return Err(Error::invalid_input(format!(
                "The path of a JDBC target is database/schema/table, where % stands for any text; found {:?}.",
                target.path
            )));
        }
        Ok(Self { parts, exclusions: target.exclusions.iter().map(|glob| Glob::new(glob)).collect::<Result<_>>()? })
    }

    /// Paths are compared from the table's end: a source without schemas has only tables, whatever stands before them.
    fn has(&self, table: &TablePath) -> bool {
        let parts: Vec<String> = table.parts().map(str::to_lowercase).collect();
        let fits = self.parts.iter().rev().zip(parts.iter().rev()).all(|(pattern, part)| pattern.matches(part));
        let whole = parts.join("/");
        fits && !self.exclusions.iter().any(|glob| glob.matches(&whole) || glob.matches(&table.table))
    }
}

async fn describe(source: &dyn Source, connection: &Connection, path: &TablePath, crawler: &Crawler) -> Result<FoundTable> {
    let schema = source.schema(path).await?;
    let rows = source.count(path).await?;
    let mut parameters = Parameters::from([
        ("classification".into(), "sqlite".into()),
        ("compressionType".into(), "none".into()),
        ("typeOfData".into(), "table".into()),
        ("connectionName".into(), connection.name.clone()),
        ("sourceTable".into(), path.table.clone()),
    ]);
    for (name, value) in [("sourceDatabase", &path.database), ("sourceSchema", &path.schema)] {
        if let Some(value) = value {
            parameters.insert(name.into(), value.clone());
        }
    }
    let storage_descriptor =
        StorageDescriptor { columns: hive::columns(&schema), location: Some(path.to_string()), ..StorageDescriptor::default() };
    let statistics = rows.map(|rows| ("recordCount".to_owned(), rows.to_string())).into_iter().collect();
    Ok(FoundTable {
        name: table_name(&crawler.table_prefix, &path.parts().collect::<Vec<_>>().join("_")),
        table: Table { storage_descriptor, table_type: Some("EXTERNAL_TABLE".into()), parameters, ..Table::default() },
        partitions: Vec::new(),
        statistics,
        files: None,
        bytes: None,
        rows,
        reason: None,
    })
}
