//! Files that the cluster writes by itself, in the form that the embedded engine gives them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use domain::{Error, ErrorKind, Result};
use etl::{FileOutput, Format, TARGET_TOO_MANY_PARTITIONS};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::file::metadata::ParquetMetaDataReader;
use spark_connect_proto as proto;

use crate::dialect::{Order, literal, name};
use crate::packing::{self, Lines};
use crate::relations;
use crate::tables::NULL_FOLDER;

/// Folders that one result may have, as in the embedded engine.
const MAX_PARTITIONS: usize = 10_000;
/// The part of a file that is left empty because rows differ in size: one such.
const ROWS_DIFFER: u64 = 8;
/// Length and mark at the end of a Parquet file.
const FOOTER_BYTES: u64 = 8;

/// Before anything is computed: whether the columns can be written.
///
/// # Errors
/// `InvalidInput`, naming the column.
pub(crate) fn check(schema: &Schema, output: &FileOutput) -> Result<()> {
    let mut names = HashSet::new();
    for field in schema.fields() {
        if !names.insert(field.name()) {
            return Err(Error::invalid_input(format!("The result has two columns {:?}; name one of them with AS.", field.name())));
        }
        let fits = !field.data_type().is_nested() && field.data_type() != &DataType::Binary;
        if !fits && output.partition_keys.contains(field.name()) {
            return Err(Error::invalid_input(format!(
                "Column {:?} of the result is a list, a structure or binary, which cannot be a partition key: a key's value is a folder's name.",
                field.name()
            )));
        }
        if output.format == Format::Csv && !fits {
            return Err(Error::invalid_input(format!(
                "Column {:?} of the result is a list, a structure or binary, which CSV cannot hold; pick a member (x['name']) or join a list (array_to_string).",
                field.name()
            )));
        }
    }
    if let Some(key) = output.partition_keys.iter().find(|key| schema.index_of(key).is_err()) {
        return Err(Error::invalid_input(format!("The target's partition key {key:?} is not a column of the result.")));
    }
    if !output.partition_keys.is_empty() && output.partition_keys.len() == schema.fields().len() {
        return Err(Error::invalid_input("Every column of the result is a partition key; files need at least one other column."));
    }
    Ok(())
}

/// How the rows of a query are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ordering {
    None,
    By(Vec<Order>),
    /// By what is no column of the result.
    Unknown,
}

/// The command that writes these rows in their order.
pub(crate) fn command(
    rows: proto::Relation,
    schema: &SchemaRef,
    output: &FileOutput,
    folder: &str,
    order: &Ordering,
) -> proto::command::CommandType {
    let shaped = relations::project(rows, schema.fields().iter().map(|field| shape(field, output)).collect());
    let divided = output.max_file_rows.is_some() || output.max_file_bytes.is_some();
    let pieces = match (divided, output.partition_keys.is_empty()) {
        (true, _) => shaped,
        // Nobody asked for several files: one, or one in each folder. What is not ordered anew keeps its order where the server can.
        (false, true) => relations::in_one_piece(shaped, *order != Ordering::Unknown),
        (false, false) => relations::by(shaped, output.partition_keys.iter().map(|key| name(key)).collect()),
    };
    // The last step: not every server keeps the order of rows that are brought into another shape, or together.
    let column = |order: &Order| Some((name(schema.fields().get(order.column)?.name()), order.descending, order.nulls_first));
    let pieces = match order {
        Ordering::By(orders) => relations::sorted(pieces, orders.iter().filter_map(column).collect(), divided),
        Ordering::None | Ordering::Unknown => pieces,
    };
    let input = if is_one_column(schema, output) { relations::project(pieces, filled(schema, output)) } else { pieces };
    let write = proto::WriteOperation {
        input: Some(input),
        // Formats are called as the ends of their files' names are.
        source: Some(output.format.extension(None).to_owned()),
        save_type: Some(proto::write_operation::SaveType::Path(folder.to_owned())),
        mode: proto::write_operation::SaveMode::Append as i32,
        partitioning_columns: output.partition_keys.clone(),
        options: options(schema, output),
        ..Default::default()
    };
    proto::command::CommandType::WriteOperation(write)
}

/// Spark leaves records out whose only field is null, as their lines would be empty.
fn is_one_column(schema: &Schema, output: &FileOutput) -> bool {
    output.format == Format::Csv && schema.fields().len() == output.partition_keys.len() + 1
}

/// The columns with an empty text for null, which is written as `""`.
fn filled(schema: &Schema, output: &FileOutput) -> Vec<(String, String)> {
    let fill = |field: &Arc<Field>| {
        let column = name(field.name());
        let is_key = output.partition_keys.contains(field.name());
        (if is_key { column } else { format!("coalesce(CAST({column} AS STRING), '')") }, field.name().clone())
    };
    schema.fields().iter().map(fill).collect()
}

fn options(schema: &Schema, output: &FileOutput) -> HashMap<String, String> {
    let mut options: Vec<(&str, String)> = match output.format {
        Format::Csv => vec![
            ("header", "true".to_owned()),
            ("sep", ",".to_owned()),
            ("quote", "\"".to_owned()),
            // A quote within quotes is doubled.
            ("escape", "\"".to_owned()),
            ("nullValue", String::new()),
            ("emptyValue", if is_one_column(schema, output) { "\"\"".to_owned() } else { String::new() }),
            ("ignoreLeadingWhiteSpace", "false".to_owned()),
            ("ignoreTrailingWhiteSpace", "false".to_owned()),
        ],
        // As Spark calls it, and Sail.
        Format::Parquet => ["parquet.block.row.count.limit", "max_row_group_size"]
            .into_iter()
            .filter_map(|name| Some((name, output.row_group_rows?.to_string())))
            .collect(),
        Format::Json => Vec::new(),
    };
    options.extend(packing::codec(output).map(|codec| ("compression", codec.to_owned())));
    options.extend(output.max_file_rows.map(|rows| ("maxRecordsPerFile", rows.to_string())));
    options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A column as the files hold it, and its name.
fn shape(field: &Arc<Field>, output: &FileOutput) -> (String, String) {
    let column = name(field.name());
    let is_key = output.partition_keys.contains(field.name());
    let text = match (output.format, field.data_type()) {
        (_, DataType::Timestamp(..)) if is_key => key(&moment(&column)),
        _ if is_key => key(&column),
        // One record is one line.
        (Format::Csv, DataType::Utf8) => format!(r"regexp_replace({column}, '\\r\\n|\\r|\\n', ' ')"),
        (Format::Csv, DataType::Timestamp(..)) => moment(&column),
        (Format::Parquet, DataType::Timestamp(..)) => format!("CAST({column} AS TIMESTAMP_NTZ)"),
        (Format::Json, data_type) if differs_in_json(data_type) => in_json(&column, data_type, 0),
        _ => column,
    };
    (text, field.name().clone())
}

/// The text that a folder is called by. Spark would say so for null by itself, Sail does not.
fn key(value: &str) -> String {
    format!("coalesce(nullif(CAST({value} AS STRING), ''), {})", literal(NULL_FOLDER))
}

/// Whether Spark's JSON has another form of the values, or of some within them, than the embedded engine's.
fn differs_in_json(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(..) | DataType::Binary => true,
        DataType::List(item) | DataType::Map(item, _) => differs_in_json(item.data_type()),
        DataType::Struct(members) => members.iter().any(|member| differs_in_json(member.data_type())),
        _ => false,
    }
}

/// The value with moments in ISO 8601 and bytes in hex, at any depth.
fn in_json(value: &str, data_type: &DataType, depth: usize) -> String {
    match data_type {
        DataType::Timestamp(..) => moment(value),
        DataType::Binary => format!("lower(hex({value}))"),
        DataType::List(item) => {
            let inner = format!("x{depth}");
            format!("transform({value}, {inner} -> {})", in_json(&inner, item.data_type(), depth + 1))
        }
        DataType::Struct(members) => {
            let member = |member: &Arc<Field>| {
                let inner = format!("{value}.{}", name(member.name()));
                format!("{}, {}", literal(member.name()), in_json(&inner, member.data_type(), depth))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("CASE WHEN {value} IS NOT NULL THEN named_struct({}) END", members.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let (key, inner) = (format!("k{depth}"), format!("x{depth}"));
                let changed = pair.get(1).map(|field| in_json(&inner, field.data_type(), depth + 1)).unwrap_or_default();
                format!("transform_values({value}, ({key}, {inner}) -> {changed})")
            }
            _ => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// `2025-03-09T18:30:00`, with as many digits of a second as are needed, in threes.
fn moment(column: &str) -> String {
    let micros = format!("pmod(unix_micros({column}), 1000000L)");
    format!(
        "concat(date_format({column}, 'yyyy-MM-dd'), 'T', date_format({column}, 'HH:mm:ss'), CASE WHEN {micros} = 0 THEN '' \
         WHEN pmod({micros}, 1000L) = 0 THEN date_format({column}, '.SSS') ELSE date_format({column}, '.SSSSSS') END)"
    )
}

/// What lies in the folder once the cluster is done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub rows: u64,
    pub bytes: u64,
    /// Relative to the folder, by name.
    pub files: Vec<String>,
    /// The largest file's rows and bytes.
    pub largest: (u64, u64),
}

/// Gives the files their names, removes what is none, and counts what they hold.
///
/// # Errors
/// `Unavailable` where the folder cannot be read: the cluster writes, this process must see it.
pub(crate) async fn tidy(store: &Arc<dyn ObjectStore>, folder: &Path, output: &FileOutput) -> Result<Written> {
    let failed = |e: object_store::Error| Error::unavailable(format!("What the cluster wrote into {folder} cannot be read.")).source(e);
    let mut listed: Vec<ObjectMeta> = store.list(Some(folder)).try_collect().await.map_err(failed)?;
    listed.sort_by(|a, b| a.location.cmp(&b.location));
    let mut written = Written::default();
    let mut partitions = HashSet::new();
    for file in listed {
        let relative = file.location.as_ref().strip_prefix(folder.as_ref()).unwrap_or_default().trim_start_matches('/');
        let (folders, old) = relative.rsplit_once('/').map_or((None, relative), |(folders, old)| (Some(folders), old));
        if old.starts_with(['_', '.']) {
            store.delete(&file.location).await.map_err(failed)?;
            continue;
        }
        if partitions.insert(folders.map(str::to_owned)) && partitions.len() > MAX_PARTITIONS {
            let keys = output.partition_keys.join(", ");
            let text = format!("The result has more than {MAX_PARTITIONS} partitions by {keys}; choose keys with fewer values.");
            return Err(Error::new(ErrorKind::LimitExceeded, text).code(TARGET_TOO_MANY_PARTITIONS));
        }
        let new = output.file_name(u32::try_from(written.files.len()).unwrap_or(u32::MAX));
        let relative = match folders {
            Some(folders) => format!("{}/{new}", folders.split('/').map(hive_folder).collect::<Vec<_>>().join("/")),
            None => new,
        };
        let place = place(folder, &relative)?;
        if place != file.location {
            store.rename(&file.location, &place).await.map_err(failed)?;
        }
        let rows = count(store, &place, file.size, output).await?;
        written.largest = if file.size > written.largest.1 { (rows, file.size) } else { written.largest };
        written.rows += rows;
        written.bytes += file.size;
        written.files.push(relative);
    }
    Ok(written)
}

/// `key=value` as Hive and Spark write it, `%` and two hex digits for what a path cannot hold; Sail leaves some of that as it is.
fn hive_folder(folder: &str) -> String {
    let escaped = |text: &str| {
        let mut out = String::with_capacity(text.len());
        for c in percent_encoding::percent_decode_str(text).decode_utf8_lossy().chars() {
            let is_escaped = c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c);
            if is_escaped { out.push_str(&format!("%{:02X}", u32::from(c))) } else { out.push(c) }
        }
        out
    };
    folder.split_once('=').map_or_else(|| folder.to_owned(), |(key, value)| format!("{}={}", escaped(key), escaped(value)))
}

/// A file below the folder. Not joined part by part, which would escape the escapes of partition values.
fn place(folder: &Path, relative: &str) -> Result<Path> {
    let path = format!("{folder}/{relative}");
    Path::parse(path.trim_start_matches('/')).map_err(|e| Error::invalid_data(format!("The cluster wrote a file {relative:?}.")).source(e))
}

async fn count(store: &Arc<dyn ObjectStore>, file: &Path, size: u64, output: &FileOutput) -> Result<u64> {
    let failed = |e: object_store::Error| Error::unavailable(format!("The written file {file} cannot be read.")).source(e);
    match output.format {
        Format::Parquet => {
            let strange = || Error::invalid_data(format!("The written file {file} is no Parquet."));
            // The file ends with its description, the description's length and a mark.
            let end = store.get_range(file, size.saturating_sub(FOOTER_BYTES)..size).await.map_err(failed)?;
            let length = end.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes).ok_or_else(strange)?;
            let start = size.saturating_sub(FOOTER_BYTES + u64::from(length));
            let description = store.get_range(file, start..size.saturating_sub(FOOTER_BYTES)).await.map_err(failed)?;
            let metadata = ParquetMetaDataReader::decode_metadata(&description).map_err(|e| strange().source(e))?;
            Ok(u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default())
        }
        Format::Csv | Format::Json => {
            // One record is one line, and the header of CSV is one.
            let mut bytes = store.get(file).await.map_err(failed)?.into_stream();
            let mut lines = Lines::new(output.compression)?;
            while let Some(piece) = bytes.try_next().await.map_err(failed)? {
                lines.take(&piece).map_err(|e| Error::invalid_data(format!("The written file {file} cannot be unpacked.")).source(e))?;
            }
            Ok(lines.count().saturating_sub(u64::from(output.format == Format::Csv)))
        }
    }
}

/// Takes away what the cluster has written, as it is to write anew.
///
/// # Errors
/// `Unavailable` where the folder cannot be written to.
pub(crate) async fn clear(store: &Arc<dyn ObjectStore>, folder: &Path, written: Written) -> Result<()> {
    keep_first(store, folder, written, 0).await.map(|_| ())
}

/// Rows of a file that has the size asked for, where one came out larger. Somewhat fewer than those of the largest, as rows differ.
pub(crate) fn fitting_rows(written: &Written, output: &FileOutput) -> Option<u64> {
    let ((rows, bytes), most) = (written.largest, output.max_file_bytes?);
    let rows_for = |most: u64| u64::try_from(u128::from(rows) * u128::from(most) / u128::from(bytes.max(1))).unwrap_or(u64::MAX);
    (bytes > most && rows > 1).then(|| rows_for(most - most / ROWS_DIFFER).max(1))
}

/// Of files without rows one is enough, or none.
///
/// # Errors
/// `Unavailable` where the folder cannot be written to.
pub(crate) async fn keep_first(store: &Arc<dyn ObjectStore>, folder: &Path, mut written: Written, count: usize) -> Result<Written> {
    let failed = |e: object_store::Error| Error::unavailable(format!("What the cluster wrote into {folder} cannot be removed.")).source(e);
    for file in written.files.split_off(written.files.len().min(count)) {
        let place = place(folder, &file)?;
        written.bytes -= store.head(&place).await.map_err(failed)?.size;
        store.delete(&place).await.map_err(failed)?;
    }
    Ok(written)
}

/// Whether nobody asked for several files.
pub(crate) fn is_one_csv(output: &FileOutput) -> bool {
    let divided = output.max_file_rows.is_some() || output.max_file_bytes.is_some() || !output.partition_keys.is_empty();
    output.format == Format::Csv && !divided
}

/// One CSV file of several: the first one's header, and the rows of all in their order. Sail divides what was to be one piece.
///
/// # Errors
/// `Unavailable` where the folder cannot be read or written.
pub(crate) async fn join(store: &Arc<dyn ObjectStore>, folder: &Path, written: Written, output: &FileOutput) -> Result<Written> {
    let failed = |e: object_store::Error| Error::unavailable(format!("What the cluster wrote into {folder} cannot be joined.")).source(e);
    let Some((first, others)) = written.files.split_first() else { return Ok(written) };
    let (target, whole) = (folder.clone().join(first.as_str()), folder.clone().join("_whole"));
    let mut upload = store.put_multipart(&whole).await.map_err(failed)?;
    let mut bytes = 0;
    for (number, file) in written.files.iter().enumerate() {
        let mut text = store.get(&folder.clone().join(file.as_str())).await.map_err(failed)?.bytes().await.map_err(failed)?;
        if number > 0 {
            // Packed pieces may stand one after the other.
            let plain = packing::unpacked(&text, output.compression)?;
            let header = plain.iter().position(|byte| *byte == b'\n').map_or(plain.len(), |end| end + 1);
            text = packing::packed(plain.get(header..).unwrap_or_default(), output.compression)?.into();
        }
        bytes += text.len() as u64;
        upload.put_part(text.into()).await.map_err(failed)?;
    }
    upload.complete().await.map_err(failed)?;
    store.rename(&whole, &target).await.map_err(failed)?;
    for file in others {
        store.delete(&folder.clone().join(file.as_str())).await.map_err(failed)?;
    }
    Ok(Written { bytes, files: vec![first.clone()], ..written })
}

/// A result without rows is a file all the same; not every server writes one.
///
/// # Errors
/// `Unavailable` where the folder cannot be written to.
pub(crate) async fn put_header(store: &Arc<dyn ObjectStore>, folder: &Path, schema: &SchemaRef, output: &FileOutput) -> Result<Written> {
    let bytes = match output.format {
        Format::Csv => {
            let quoted = |name: &str| {
                let plain = !name.contains([',', '"', '\n', '\r']);
                if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
            };
            let names: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
            packing::packed(format!("{}\n", names.join(",")).as_bytes(), output.compression)?
        }
        Format::Json => packing::packed(&[], output.compression)?,
        Format::Parquet => {
            let failed = |e| Error::internal("An empty result cannot be written as Parquet.").source(e);
            let writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), schema.clone(), None).map_err(failed)?;
            writer.into_inner().map_err(failed)?
        }
    };
    let file = output.file_name(0);
    let size = bytes.len() as u64;
    let failed = |e| Error::unavailable(format!("The result cannot be written into {folder}.")).source(e);
    store.put(&folder.clone().join(file.as_str()), bytes.into()).await.map_err(failed)?;
    Ok(Written { bytes: size, files: vec![file], ..Written::default() })
}
