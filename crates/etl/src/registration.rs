//! The table of the catalogue that describes a target's files: made where it is not there, changed where it says something else.

use std::collections::BTreeMap;

use arrow::datatypes::Schema;
use catalog::{Catalog, Column, FileLayout, Parameters, StorageDescriptor, Table, TableUpdate, hive};
use codegen::UpdateCatalog;
use connect::files::{Compression as Packing, CsvDialect, Format as FileKind};
use domain::{Error, ErrorKind, Result};
use runs::{Level, RunContext};

use crate::target::{Compression, FilesTarget, Format};

/// Before anything is computed: whether the table can be named and has a place.
pub(crate) async fn check(catalog: &Catalog, update: &UpdateCatalog) -> Result<()> {
    let (database, _) = names(update)?;
    catalog.get_database(database).await.map(|_| ())
}

fn names(update: &UpdateCatalog) -> Result<(&str, &str)> {
    let said = |name: &Option<String>| name.as_deref().is_some_and(|name| !name.is_empty());
    match (&update.database, &update.table) {
        (Some(database), Some(table)) if said(&update.database) && said(&update.table) => Ok((database, table)),
        _ => Err(Error::invalid_input(format!(
            "A SchemaChangePolicy with EnableUpdateCatalog names Database and Table; found {}.",
            match (said(&update.database), said(&update.table)) {
                (true, _) => "no Table",
                (_, true) => "no Database",
                _ => "neither",
            }
        ))),
    }
}

/// Makes or changes the table; the files are there already.
pub(crate) async fn register(
    catalog: &Catalog,
    update: &UpdateCatalog,
    target: &FilesTarget,
    schema: &Schema,
    context: &RunContext,
) -> Result<()> {
    let (database, name) = names(update)?;
    let written = described(target, schema, name);
    match catalog.get_table(database, name).await {
        Err(error) if error.kind == ErrorKind::NotFound => catalog.create_table(database, written).await?,
        Err(error) => return Err(error),
        Ok(known) if says_the_same(&known, &written) => return Ok(()),
        Ok(_) if update.behavior.as_deref() == Some("LOG") => {
            context.log(Level::Warn, format!("Table {database}.{name} is not as what was written; it is left as it was (LOG)."));
            return Ok(());
        }
        Ok(known) => catalog.update_table(database, changed(known.value, written), TableUpdate::default()).await?,
    };
    context.info(format!("The catalogue has the rows as {database}.{name}."));
    Ok(())
}

fn described(target: &FilesTarget, schema: &Schema, name: &str) -> Table {
    let format = match target.format {
        Format::Csv => FileKind::Csv(CsvDialect { has_header: true, quoted: true, ..CsvDialect::default() }),
        Format::Json => FileKind::Json,
        Format::Parquet => FileKind::Parquet,
    };
    let compression = match target.compression {
        Some(Compression::Gzip) if target.format != Format::Parquet => Packing::Gzip,
        Some(Compression::Zstd) if target.format != Format::Parquet => Packing::Zstd,
        _ => Packing::None,
    };
    let layout = FileLayout { format, compression };
    let (keys, columns) = hive::columns(schema).into_iter().partition(|column| target.partition_keys.contains(&column.name));
    Table {
        name: name.to_owned(),
        storage_descriptor: layout.storage_of(target.location.clone(), columns),
        partition_keys: keys,
        table_type: Some("EXTERNAL_TABLE".into()),
        parameters: layout.parameters(),
        ..Table::default()
    }
}

/// Whether whoever reads the table reads what was written. What people wrote on it does not matter.
fn says_the_same(known: &Table, written: &Table) -> bool {
    let place = |table: &Table| table.location().trim_end_matches('/').to_owned();
    let types = |columns: &[Column]| columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect::<Vec<_>>();
    place(known) == place(written)
        && types(known.columns()) == types(written.columns())
        && types(&known.partition_keys) == types(&written.partition_keys)
        && FileLayout::of(known).is_ok_and(|known| FileLayout::of(written).is_ok_and(|written| reads_alike(known, written)))
}

/// A crawler says `quoted` only where it met a quote; readers take quotes in any case.
fn reads_alike(mut known: FileLayout, written: FileLayout) -> bool {
    if let (FileKind::Csv(known), FileKind::Csv(written)) = (&mut known.format, &written.format) {
        known.quoted = written.quoted;
    }
    known == written
}

/// The table as it was, over what was written.
fn changed(known: Table, written: Table) -> Table {
    let before: BTreeMap<String, Column> =
        known.columns().iter().chain(&known.partition_keys).map(|column| (column.name.clone(), column.clone())).collect();
    let kept = |columns: Vec<Column>| {
        let column = |column: Column| match before.get(&column.name) {
            Some(known) => Column { data_type: column.data_type, ..known.clone() },
            None => column,
        };
        columns.into_iter().map(column).collect::<Vec<_>>()
    };
    // What said the form of the files before would contradict what says it now.
    let stale = FileLayout::of(&known).map(|layout| layout.parameters()).unwrap_or_default();
    let mut parameters: Parameters = known.parameters.into_iter().filter(|(name, _)| !stale.contains_key(name)).collect();
    parameters.extend(written.parameters);
    let storage = written.storage_descriptor;
    Table {
        storage_descriptor: StorageDescriptor {
            columns: kept(storage.columns),
            location: storage.location,
            input_format: storage.input_format,
            output_format: storage.output_format,
            compressed: storage.compressed,
            serde_info: storage.serde_info,
            ..known.storage_descriptor
        },
        partition_keys: kept(written.partition_keys),
        table_type: written.table_type,
        parameters,
        ..known
    }
}
