//! Sources that a graph names by itself, as tables that the catalogue does not have: files by a path, tables and topics by a connection.

use catalog::crawl::PRIMARY_KEY;
use catalog::{Catalog, Column, FileLayout, PATHS, Parameters, StorageDescriptor, Table, hive};
use codegen::{DIRECT_DATABASE, DirectKind, DirectSource, FileKind};
use connect::Connection;
use connect::files::{Classifier, CsvClassifier, Finding, HeaderRule, SampleLimits, inspect_as};
use connect::source::TablePath;
use domain::{Error, Result};

use crate::target::place;

/// Leaves out all that is in folders below the path.
const BELOW: &str = "*/**";

/// The table that stands for the source; its columns are those that the node declares, or what is found there.
pub(crate) async fn table(catalog: &Catalog, source: &DirectSource) -> Result<Table> {
    let found = match &source.kind {
        DirectKind::Files { paths, exclusions, recurse, compression, format } => match files_of(paths, exclusions, *recurse) {
            Ok(table) => files(catalog, source, table, compression.as_deref(), format).await,
            Err(error) => Err(error),
        },
        DirectKind::Table { connection, database, table } => {
            let wanted = |found: &Connection| -> Result<TablePath> {
                let path = place(found, table)?;
                Ok(TablePath { database: path.database.or_else(|| database.clone()), ..path })
            };
            behind(catalog, connection, wanted).await
        }
        DirectKind::Topic { connection, topic, .. } => behind(catalog, connection, |_| Ok(TablePath::table(topic))).await,
    };
    let mut table = found.map_err(|error| named(source, error))?;
    table.database_name = DIRECT_DATABASE.into();
    table.name = source.table.to_lowercase();
    if !source.columns.is_empty() {
        table.storage_descriptor.columns = source.columns.iter().map(|column| Column::new(&column.name, &column.data_type)).collect();
    }
    Ok(table)
}

fn named(source: &DirectSource, mut error: Error) -> Error {
    error.message = format!("In node {:?} ({}): {}", source.name, source.node, error.message);
    error
}

async fn behind(catalog: &Catalog, connection: &str, wanted: impl FnOnce(&Connection) -> Result<TablePath>) -> Result<Table> {
    let found = catalog.get_connection(connection).await?.value;
    let wanted = wanted(&found)?;
    let source = catalog.sources().open(&found)?;
    let all = source.tables().await?;
    let fits = |path: &&TablePath| {
        let part = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        path.table == wanted.table && part(&wanted.schema, &path.schema) && part(&wanted.database, &path.database)
    };
    let mut fitting = all.iter().filter(fits);
    let path = match (fitting.next(), fitting.next()) {
        (Some(path), None) => path.clone(),
        (Some(_), Some(_)) => {
            return Err(Error::invalid_input(format!(
                "{wanted} stands for several tables of connection {connection:?}; name the schema too."
            )));
        }
        (None, _) => return Err(Error::not_found(format!("Table {wanted} behind connection {connection:?}"))),
    };
    let described = source.describe(std::slice::from_ref(&path)).await?.pop();
    let described = described.unwrap_or_else(|| Err(Error::internal(format!("{path} was not described."))))?;
    let mut table = Table::default();
    table.storage_descriptor.location = Some(path.to_string());
    table.storage_descriptor.columns = hive::columns(described.schema.as_ref());
    table.parameters = parameters(source.classification(), connection, &path);
    if !described.primary_key.is_empty() {
        table.parameters.insert(PRIMARY_KEY.into(), described.primary_key.join(","));
    }
    Ok(table)
}

fn parameters(classification: &str, connection: &str, path: &TablePath) -> Parameters {
    let always = [("classification", classification), ("connectionName", connection), ("sourceTable", &path.table)];
    let places = [("sourceDatabase", &path.database), ("sourceSchema", &path.schema)];
    let places = places.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    always.into_iter().chain(places).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A table of the files under the paths, whose location is the folder that holds all of them.
///
/// # Errors
/// `InvalidInput` for paths of several buckets.
fn files_of(paths: &[String], exclusions: &[String], recurse: bool) -> Result<Table> {
    let list = |texts: Vec<String>| serde_json::Value::from(texts).to_string();
    let mut table = Table::default();
    // Each path's pattern ends where the files are, or their folders.
    let deep = |path: &String| catalog::folder_of(path).1.map_or(0, |pattern| pattern.trim_end_matches('/').matches('/').count() + 1);
    let depth = paths.iter().map(deep).max().unwrap_or_default();
    if !recurse && paths.iter().any(|path| deep(path) != depth) {
        return Err(Error::invalid_input(format!(
            "Without Recurse the patterns in Paths go equally deep; found {}: give each a node and join them by a Union.",
            paths.join(", ")
        )));
    }
    let below = (!recurse).then(|| format!("{}{BELOW}", "*/".repeat(depth)));
    let exclusions: Vec<String> = exclusions.iter().cloned().chain(below).collect();
    if !exclusions.is_empty() {
        table.parameters.insert("exclusions".into(), list(exclusions));
    }
    let folders: Vec<(&str, Option<&str>)> = paths.iter().map(|path| catalog::folder_of(path)).collect();
    let location = match folders.as_slice() {
        [(path, None)] => (*path).to_owned(),
        _ => {
            table.parameters.insert(PATHS.into(), list(paths.to_vec()));
            common(&folders.iter().map(|(folder, _)| *folder).collect::<Vec<_>>())?
        }
    };
    table.storage_descriptor = StorageDescriptor { location: Some(location), ..StorageDescriptor::default() };
    Ok(table)
}

/// The folder that holds all of these.
fn common(folders: &[&str]) -> Result<String> {
    let parts = |folder: &str| folder.trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let mut all = folders.iter().map(|folder| parts(folder));
    let mut shared = all.next().unwrap_or_default();
    for other in all {
        let same = shared.iter().zip(&other).take_while(|(one, other)| one == other).count();
        shared.truncate(same);
    }
    let folder = format!("{}/", shared.join("/"));
    if folders.iter().any(|folder| folder.contains("://")) && folder.trim_end_matches('/').matches('/').count() < 2 {
        return Err(Error::invalid_input(format!(
            "Expected Paths within one bucket, found {}: give each bucket a node and join them by a Union.",
            folders.join(", ")
        )));
    }
    Ok(if shared.is_empty() { ".".into() } else { folder })
}

/// The first of the files that are read says what all are.
async fn files(catalog: &Catalog, source: &DirectSource, table: Table, compression: Option<&str>, format: &FileKind) -> Result<Table> {
    let (mut table, path) = (table.clone(), table.location().to_owned());
    let listed = catalog.table_files(&table).await?;
    for file in &listed.files {
        let inspection = match inspect_as(listed.store.clone(), file, SampleLimits::default(), &classifiers(source, format)).await? {
            Finding::Usable(found) => found,
            Finding::Empty => continue,
            Finding::Unusable(reason) => return Err(Error::invalid_data(format!("{}: {reason}", file.location))),
        };
        let found = inspection.compression.name();
        // Parquet packs its own pages, and says itself how.
        if let Some(said) = compression.filter(|said| *format != FileKind::Parquet && !said.eq_ignore_ascii_case(found)) {
            return Err(Error::invalid_input(format!("CompressionType is {said:?}, and the file {} has {found:?}.", file.location)));
        }
        let layout = FileLayout { format: inspection.format, compression: inspection.compression };
        table.parameters.extend(layout.parameters());
        table.storage_descriptor = layout.storage_of(path.clone(), hive::columns(&inspection.schema));
        return Ok(table);
    }
    Err(Error::not_found(format!("A file with rows under {path}")))
}

fn classifiers(source: &DirectSource, format: &FileKind) -> Vec<Classifier> {
    let name = source.name.clone();
    match format {
        FileKind::Csv { separator, quote, header, .. } => vec![Classifier::Csv(CsvClassifier {
            name,
            delimiter: Some(*separator),
            quote: *quote,
            header: if *header { HeaderRule::Present } else { HeaderRule::Absent },
            allow_single_column: true,
            ..CsvClassifier::default()
        })],
        FileKind::Json { path: Some(path), .. } => vec![Classifier::Json { name, json_path: path.clone() }],
        FileKind::Json { path: None, .. } | FileKind::Parquet => Vec::new(),
    }
}
