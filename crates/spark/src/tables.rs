//! Tables of the catalogue as views of a session. The cluster reads the data itself; nothing of it passes through this process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use catalog::{Catalog, FileLayout, PATHS, Table, TableFiles, below, hive};
use connect::TablePath;
use connect::files::{Compression, CsvDialect, Encoding, Format};
use domain::{Error, Result};
use etl::{SqlQuery, Window};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use spark_connect_proto as proto;
use store::{Buckets, Location};

use crate::config::SparkConfig;
use crate::dialect::{self, Reference, column_type, literal, name};
use crate::jdbc;
use crate::places;
use crate::relations;

/// `database.table`
pub(crate) fn full_name(table: &Table) -> String {
    format!("{}.{}", table.database_name, table.name)
}

/// The columns, then the partition keys.
pub(crate) fn columns(table: &Table) -> Result<SchemaRef> {
    let (columns, keys) = (hive::schema(table.columns())?, hive::schema(&table.partition_keys)?);
    Ok(Arc::new(Schema::new(columns.fields().iter().chain(keys.fields()).cloned().collect::<Vec<_>>())))
}

/// The table behind the words of a query, in any case of letters. A name without database, where the query has none either, is looked
/// for in all databases.
///
/// # Errors
/// `InvalidInput` for a name that no table has, or several.
pub(crate) async fn find(catalog: &Catalog, reference: &Reference, query: &SqlQuery) -> Result<Table> {
    let database = query.database.as_deref();
    let unknown = || {
        let name = reference.join(".");
        Error::invalid_input(format!("The query reads table {name:?}, which the catalogue does not have."))
    };
    let table = reference.last().map(|name| name.to_lowercase()).unwrap_or_default();
    let written = reference.len().checked_sub(2).and_then(|place| reference.get(place)).map(String::as_str);
    if let Some(database) = written.or(database) {
        let given = query.tables.iter().find(|given| given.name == table && given.database_name.eq_ignore_ascii_case(database));
        if let Some(given) = given {
            return Ok(given.clone());
        }
        let found = catalog.store().find::<Table>(&Table::key_of(&database.to_lowercase(), &table)).await?;
        return found.map(|stored| stored.value).ok_or_else(unknown);
    }
    let all = catalog.store().list::<Table>().await?;
    let mut same = all.into_iter().map(|stored| stored.value).filter(|other| other.name == table);
    match (same.next(), same.next()) {
        (Some(_), Some(_)) => {
            Err(Error::invalid_input(format!("The query reads table {table:?}, which several databases have; write database.{table}.")))
        }
        (Some(found), None) => Ok(found),
        (None, _) => Err(unknown()),
    }
}

/// A table's columns without a row.
pub(crate) fn empty(columns: &SchemaRef) -> Result<proto::Relation> {
    let column = |field: &Arc<Field>| -> Result<String> {
        Ok(format!("CAST(NULL AS {}) AS {}", column_type(field.data_type(), "TIMESTAMP")?, name(field.name())))
    };
    let columns = columns.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(relations::sql(format!("SELECT {} WHERE 1 = 0", columns.join(", "))))
}

/// What is to be read of a table, and how many bytes its files have.
pub(crate) struct Source {
    pub relation: proto::Relation,
    pub bytes: u64,
}

/// What tables are looked up in.
pub(crate) struct Place<'a> {
    pub catalog: &'a Catalog,
    pub buckets: &'a Buckets,
    pub config: &'a SparkConfig,
}

/// The part of the table that a query is to see.
///
/// # Errors
/// `InvalidInput`, naming the table, for what the cluster cannot read.
pub(crate) async fn source(place: &Place<'_>, table: &Table, window: Option<&Window>, sample_rows: Option<u64>) -> Result<Source> {
    let all = columns(table)?;
    let (mut relation, bytes) = match table.source() {
        Some((connection, path)) => (database(place.catalog, table, connection, &path, &all).await?, 0),
        None => files(place, table, window).await?,
    };
    if let Some(Window::Where(condition)) = window {
        relation = relations::filter(relation, dialect::condition(condition, &all)?);
    }
    if let Some(rows) = sample_rows {
        relation = relations::limit(relation, rows);
    }
    Ok(Source { relation, bytes })
}

fn refused(table: &Table, why: &str) -> Error {
    Error::invalid_input(format!("The engine spark cannot read table {}: {why}.", full_name(table))).code("SPARK_TABLE_UNSUPPORTED")
}

async fn database(catalog: &Catalog, table: &Table, connection: &str, path: &TablePath, all: &SchemaRef) -> Result<proto::Relation> {
    let found = catalog.get_connection(connection).await?.value.unsealed(catalog.sources().secrets())?;
    let reader = jdbc::reader(&found, path, all).map_err(|why| refused(table, &why))?;
    let read = relations::read("jdbc", None, reader.options.clone(), Vec::new());
    // The driver's types are brought into those of the catalogue.
    let typed = |field: &Arc<Field>| -> Result<(String, String)> {
        Ok((reader.column(field, &column_type(field.data_type(), "TIMESTAMP")?), field.name().clone()))
    };
    Ok(relations::project(read, all.fields().iter().map(typed).collect::<Result<Vec<_>>>()?))
}

/// Enough to see what a file of JSON begins with.
const PEEK_BYTES: u64 = 256;
/// What Hive writes for null.
pub(crate) const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

async fn files(place: &Place<'_>, table: &Table, window: Option<&Window>) -> Result<(proto::Relation, u64)> {
    let layout = FileLayout::of(table)?;
    if table.parameters.contains_key("connectionName") {
        return Err(refused(table, "its files are in a store that is not this server's own"));
    }
    let location = Location::parse(table.location())?;
    let TableFiles { store, prefix, files } = place.catalog.table_files(table).await?;
    let is_list = layout.format == Format::Json && layout.compression == Compression::None && begins_with_a_list(&store, &files).await?;
    let found = files.iter().map(|file| (below(&prefix, &file.location), file.size)).collect();
    let chosen = chosen(found, table, window)?;
    let bytes = chosen.iter().map(|(_, bytes)| bytes).sum();
    let all = columns(table)?;
    if chosen.is_empty() {
        return Ok((empty(&all)?, 0));
    }
    let mut form = form(table, &layout, &chosen)?;
    if is_list {
        // A file is one value over as many lines as it likes, then.
        form.options.insert("multiLine".into(), "true".into());
    }
    let found = Found { all, keys: hive::schema(&table.partition_keys)?, form, root: places::of(place.config, place.buckets, &location)? };
    // The folder says it shorter, where all of it is meant and lies as the cluster expects it.
    let is_all =
        !matches!(window, Some(Window::Files(_))) && !["exclusions", PATHS].iter().any(|name| table.parameters.contains_key(*name));
    let whole = is_all && chosen.iter().all(|(path, _)| !path.is_empty() && found.is_usual(path));
    Ok((if whole { found.folder()? } else { found.listed(&chosen)? }, bytes))
}

/// Files and what is known of them.
struct Found {
    all: SchemaRef,
    keys: SchemaRef,
    form: Form,
    /// Where the table is for the cluster.
    root: String,
}

impl Found {
    /// Whether a file lies in one folder `key=value` for each key.
    fn is_usual(&self, path: &str) -> bool {
        let folders: Vec<&str> = path.split('/').collect();
        let (_, folders) = folders.split_last().unwrap_or((&"", &[]));
        let named = |(folder, key): (&&str, &Arc<Field>)| folder.split_once('=').is_some_and(|(name, _)| name == key.name());
        folders.len() == self.keys.fields().len() && folders.iter().zip(self.keys.fields()).all(named)
    }

    fn folder(self) -> Result<proto::Relation> {
        let schema = ddl(self.all.fields(), self.form.moment)?;
        shaped(relations::read(self.form.format, Some(schema), self.form.options, vec![self.root]), &self.all, self.form.text_nulls)
    }

    /// The files by name, those of one partition together, as not every server looks for keys in the path of a file.
    fn listed(&self, chosen: &[(String, u64)]) -> Result<proto::Relation> {
        let inside = self.all.fields().len() - self.keys.fields().len();
        let columns: Vec<Arc<Field>> = self.all.fields().iter().take(inside).cloned().collect();
        let columns: SchemaRef = Arc::new(Schema::new(columns));
        let schema = ddl(columns.fields(), self.form.moment)?;
        let mut partitions: BTreeMap<Vec<Option<String>>, Vec<String>> = BTreeMap::new();
        for (path, _) in chosen {
            let full = if path.is_empty() { self.root.clone() } else { format!("{}/{path}", self.root) };
            partitions.entry(self.values(path)).or_default().push(full);
        }
        let mut parts = Vec::with_capacity(partitions.len());
        for (values, paths) in partitions {
            let read = relations::read(self.form.format, Some(schema.clone()), self.form.options.clone(), paths);
            let mut shapes = shapes(&columns, self.form.text_nulls)?;
            for (key, value) in self.keys.fields().iter().zip(values) {
                let value = value.map_or_else(|| "NULL".to_owned(), |value| literal(&value));
                shapes.push((format!("TRY_CAST({value} AS {})", column_type(key.data_type(), "TIMESTAMP")?), key.name().clone()));
            }
            parts.push(relations::project(read, shapes));
        }
        Ok(relations::union(parts))
    }

    /// The values of the keys in a file's path: of `key=value` by name, else by place. Hive writes `%` and two digits for what a name of a
    /// folder cannot hold.
    fn values(&self, path: &str) -> Vec<Option<String>> {
        let mut folders: Vec<&str> = path.split('/').collect();
        folders.pop();
        let value = |(place, key): (usize, &Arc<Field>)| {
            let named = folders.iter().find_map(|folder| folder.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case(key.name())));
            let value = named.map(|(_, value)| value).or_else(|| folders.get(place).copied().filter(|folder| !folder.contains('=')))?;
            (value != NULL_FOLDER).then(|| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        self.keys.fields().iter().enumerate().map(value).collect()
    }
}

/// Whether the objects of JSON files stand in lists: the first file says it for all.
async fn begins_with_a_list(store: &Arc<dyn ObjectStore>, files: &[ObjectMeta]) -> Result<bool> {
    let Some(first) = files.first() else { return Ok(false) };
    let failed = |e| Error::unavailable(format!("The file {} cannot be read.", first.location)).source(e);
    let bytes = store.get_range(&first.location, 0..first.size.min(PEEK_BYTES)).await.map_err(failed)?;
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    Ok(text.trim_ascii_start().first() == Some(&b'['))
}

fn chosen(files: Vec<(String, u64)>, table: &Table, window: Option<&Window>) -> Result<Vec<(String, u64)>> {
    let Some(Window::Files(wanted)) = window else { return Ok(files) };
    let chosen: Vec<(String, u64)> = files.into_iter().filter(|(path, _)| wanted.contains(path)).collect();
    if chosen.len() < wanted.len() {
        let gone = wanted.len() - chosen.len();
        return Err(Error::invalid_data(format!("{gone} files of table {} that were to be read are no longer there.", full_name(table))));
    }
    Ok(chosen)
}

/// What Spark's reader is told.
struct Form {
    format: &'static str,
    options: HashMap<String, String>,
    /// The word for timestamps in the schema.
    moment: &'static str,
    /// Whether an empty text is null, as in delimited text.
    text_nulls: bool,
}

fn form(table: &Table, layout: &FileLayout, files: &[(String, u64)]) -> Result<Form> {
    let plain = |format| Form { format, options: HashMap::new(), moment: "TIMESTAMP", text_nulls: false };
    let form = match &layout.format {
        Format::Csv(dialect) => Form { options: csv(*dialect), text_nulls: true, ..plain("csv") },
        // What is no record is an error; Spark would make a row of nulls of it.
        Format::Json => Form { options: HashMap::from([("mode".to_owned(), "FAILFAST".to_owned())]), ..plain("json") },
        // Files of ours, of Spark and of pandas have moments without a zone; those that have one are UTC then.
        Format::Parquet => Form { moment: "TIMESTAMP_NTZ", ..plain("parquet") },
        Format::Orc => plain("orc"),
        other => {
            return Err(refused(table, &format!("files of the form {} are read by the embedded engine alone", other.classification())));
        }
    };
    let suffix = match layout.compression {
        Compression::None => return Ok(form),
        Compression::Gzip => ".gz",
        Compression::Bzip2 => ".bz2",
        Compression::Zstd => ".zst",
        Compression::Snappy => ".snappy",
    };
    match files.iter().find(|(path, _)| !path.ends_with(suffix)) {
        Some((path, _)) => Err(refused(table, &format!("Spark tells packed files by their names, and {path} does not end in {suffix}"))),
        None => Ok(form),
    }
}

fn csv(dialect: CsvDialect) -> HashMap<String, String> {
    let quote = char::from(dialect.quote).to_string();
    let encoding = match dialect.encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16 => "UTF-16",
        Encoding::Latin1 => "ISO-8859-1",
    };
    let mut options = HashMap::from([
        ("sep".to_owned(), char::from(dialect.delimiter).to_string()),
        ("escape".to_owned(), quote.clone()),
        ("quote".to_owned(), quote),
        ("header".to_owned(), dialect.has_header.to_string()),
        ("encoding".to_owned(), encoding.to_owned()),
        ("mode".to_owned(), "PERMISSIVE".to_owned()),
    ]);
    if dialect.quoted {
        // A quoted text may go over several lines.
        options.insert("multiLine".into(), "true".into());
    }
    if dialect.has_header && !dialect.by_position {
        // Columns in another order than the catalogue's are an error instead of wrong values.
        options.insert("enforceSchema".into(), "false".into());
    }
    options
}

fn ddl(columns: &Fields, moment: &str) -> Result<String> {
    let column =
        |field: &Arc<Field>| -> Result<String> { Ok(format!("{} {}", name(field.name()), column_type(field.data_type(), moment)?)) };
    Ok(columns.iter().map(column).collect::<Result<Vec<_>>>()?.join(", "))
}

/// Moments in the session's type, and empty texts as nulls where they are that.
fn shaped(read: proto::Relation, columns: &SchemaRef, text_nulls: bool) -> Result<proto::Relation> {
    Ok(relations::project(read, shapes(columns, text_nulls)?))
}

fn shapes(columns: &SchemaRef, text_nulls: bool) -> Result<Vec<(String, String)>> {
    let shape = |field: &Arc<Field>| -> Result<(String, String)> {
        let column = name(field.name());
        let text = match field.data_type() {
            DataType::Utf8 if text_nulls => format!("nullif({column}, {})", literal("")),
            data_type if has_moment(data_type) => format!("CAST({column} AS {})", column_type(data_type, "TIMESTAMP")?),
            _ => column,
        };
        Ok((text, field.name().clone()))
    };
    columns.fields().iter().map(shape).collect()
}

fn has_moment(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(..) => true,
        DataType::List(item) | DataType::Map(item, _) => has_moment(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_moment(field.data_type())),
        _ => false,
    }
}
