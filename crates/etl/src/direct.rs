//! Sources that a graph names by itself, as tables that the catalogue does not have: files by a path, tables and topics by a connection.

use catalog::{Catalog, Column, FileLayout, Parameters, Table, hive};
use codegen::{DIRECT_DATABASE, DirectKind, DirectSource, FileKind};
use connect::files::{Classifier, CsvClassifier, Finding, HeaderRule, SampleLimits, inspect_as};
use connect::source::TablePath;
use domain::{Error, Result};
use store::Location;

/// The table that stands for the source; its columns are those that the node declares, or what is found there.
pub(crate) async fn table(catalog: &Catalog, source: &DirectSource) -> Result<Table> {
    let found = match &source.kind {
        DirectKind::Files { paths, exclusions, format, .. } => files(catalog, source, paths, exclusions, format).await,
        DirectKind::Table { connection, database, table } => behind(catalog, connection, path(database.as_deref(), table)).await,
        DirectKind::Topic { connection, topic, .. } => behind(catalog, connection, TablePath::table(topic)).await,
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

/// `schema.table` or `table`, in the connection's own database unless another is named.
fn path(database: Option<&str>, table: &str) -> TablePath {
    let (schema, table) = match table.split_once('.') {
        Some((schema, table)) => (Some(schema.to_owned()), table),
        None => (None, table),
    };
    TablePath { database: database.map(str::to_owned), schema, table: table.to_owned() }
}

async fn behind(catalog: &Catalog, connection: &str, wanted: TablePath) -> Result<Table> {
    let found = catalog.get_connection(connection).await?.value;
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
    let columns = hive::columns(source.schema(&path).await?.as_ref());
    let mut table = Table::default();
    table.storage_descriptor.location = Some(path.to_string());
    table.storage_descriptor.columns = columns;
    table.parameters = parameters(source.classification(), connection, &path);
    Ok(table)
}

fn parameters(classification: &str, connection: &str, path: &TablePath) -> Parameters {
    let always = [("classification", classification), ("connectionName", connection), ("sourceTable", &path.table)];
    let places = [("sourceDatabase", &path.database), ("sourceSchema", &path.schema)];
    let places = places.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    always.into_iter().chain(places).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The first file says what all are.
async fn files(catalog: &Catalog, source: &DirectSource, paths: &[String], exclusions: &[String], format: &FileKind) -> Result<Table> {
    let [path] = paths else {
        return Err(Error::invalid_input(format!(
            "Expected one path in Paths, found {}: give each a node and join them by a Union.",
            paths.len()
        )));
    };
    let location = Location::parse(path)?;
    let (store, _) = catalog.sources().files(&location, None)?;
    let listed = catalog.sources().list(&location, None).await?;
    let mut inspection = None;
    for file in listed.iter().filter(|file| file.size > 0) {
        inspection = match inspect_as(store.clone(), file, SampleLimits::default(), &classifiers(source, format)).await? {
            Finding::Usable(found) => Some(found),
            Finding::Empty => continue,
            Finding::Unusable(reason) => return Err(Error::invalid_data(format!("{}: {reason}", file.location))),
        };
        break;
    }
    let inspection = inspection.ok_or_else(|| Error::not_found(format!("A file with rows under {location}")))?;
    let layout = FileLayout { format: inspection.format.clone(), compression: inspection.compression };
    let mut parameters = layout.parameters();
    if !exclusions.is_empty() {
        parameters.insert("exclusions".into(), serde_json::Value::from(exclusions.to_vec()).to_string());
    }
    let columns = hive::columns(&inspection.schema);
    Ok(Table { storage_descriptor: layout.storage_of(path.clone(), columns), parameters, ..Table::default() })
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
