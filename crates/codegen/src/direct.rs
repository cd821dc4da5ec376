//! Sources that are no table of the catalogue: files by their paths, tables and topics by their connection. The caller gives each a
//! table under the name that the SQL uses.

use std::collections::BTreeMap;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::compile::Column;
use crate::sql;

/// The database of the tables that stand for direct sources: `direct.orders_csv`.
pub const DIRECT_DATABASE: &str = "direct";

/// A source to be registered as the table `direct.<table>` before the SQL is planned or run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DirectSource {
    /// The node's id.
    pub node: String,
    /// The node's name.
    pub name: String,
    pub table: String,
    #[serde(flatten)]
    pub kind: DirectKind,
    /// What the job says the columns are; empty where it does not say.
    pub columns: Vec<Column>,
}

/// Where a direct source is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum DirectKind {
    Files { paths: Vec<String>, exclusions: Vec<String>, recurse: bool, compression: Option<String>, format: FileKind },
    Table { connection: String, database: Option<String>, table: String },
    Topic { connection: String, topic: String, options: BTreeMap<String, String> },
}

/// What the files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum FileKind {
    Csv { separator: char, quote: Option<char>, escape: Option<char>, header: bool, multiline: bool },
    Json { path: Option<String>, multiline: bool },
    Parquet,
}

/// A direct source's members, read; the condition that its rows are to meet.
#[derive(Debug, Clone)]
pub(crate) struct Direct {
    pub kind: DirectKind,
    pub predicate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Files {
    paths: Vec<String>,
    compression_type: Option<String>,
    #[serde(default)]
    exclusions: Vec<String>,
    recurse: Option<bool>,
    // How Spark splits its work, and samples of Glue Studio: the rows are the same.
    #[serde(rename = "GroupSize")]
    _group_size: Option<Value>,
    #[serde(rename = "GroupFiles")]
    _group_files: Option<Value>,
    #[serde(rename = "MaxBand")]
    _max_band: Option<Value>,
    #[serde(rename = "MaxFilesInBand")]
    _max_files_in_band: Option<Value>,
    additional_options: Option<Map<String, Value>>,
    #[serde(rename = "OptimizePerformance")]
    _optimize_performance: Option<Value>,
    #[serde(rename = "WriteHeader")]
    _write_header: Option<Value>,
    separator: Option<String>,
    escaper: Option<String>,
    quote_char: Option<String>,
    multiline: Option<bool>,
    with_header: Option<bool>,
    skip_first: Option<bool>,
    json_path: Option<String>,
}

pub(crate) fn files(kind: &str, members: Map<String, Value>) -> Result<Direct> {
    let files: Files = crate::graph::members(members)?;
    if files.paths.is_empty() {
        return Err(Error::invalid_input("expected at least one path in Paths, found none"));
    }
    check_options(files.additional_options.as_ref())?;
    let multiline = files.multiline.unwrap_or(false);
    let format = match kind {
        "S3CsvSource" => csv(&files)?,
        "S3JsonSource" => FileKind::Json { path: files.json_path.filter(|path| !path.is_empty()), multiline },
        _ => FileKind::Parquet,
    };
    let compression = files.compression_type.filter(|name| !matches!(name.as_str(), "none" | "uncompressed" | ""));
    let recurse = files.recurse.unwrap_or(true);
    Ok(Direct {
        kind: DirectKind::Files { paths: files.paths, exclusions: files.exclusions, recurse, compression, format },
        predicate: None,
    })
}

fn csv(files: &Files) -> Result<FileKind> {
    let separator = match files.separator.as_deref() {
        Some("comma") | None => ',',
        Some("ctrla") => '\u{1}',
        Some("pipe") => '|',
        Some("semicolon") => ';',
        Some("tab") => '\t',
        Some(other) => {
            return Err(Error::invalid_input(format!("expected Separator comma, ctrla, pipe, semicolon or tab, found {other:?}")));
        }
    };
    let quote = match files.quote_char.as_deref() {
        Some("quote") | None => Some('"'),
        Some("quillemet") => Some('\u{ab}'),
        Some("single_quote") => Some('\''),
        Some("disabled") => None,
        Some(other) => {
            return Err(Error::invalid_input(format!("expected QuoteChar quote, quillemet, single_quote or disabled, found {other:?}")));
        }
    };
    let escape = files.escaper.as_deref().and_then(|text| text.chars().next());
    if let Some(escape) = escape.filter(|escape| quote != Some(*escape)) {
        return Err(unsupported(format!("expected no Escaper, as a quote within quotes is doubled, found {escape:?}")));
    }
    let header = files.with_header.unwrap_or(false) || files.skip_first.unwrap_or(false);
    Ok(FileKind::Csv { separator, quote, escape, header, multiline: files.multiline.unwrap_or(false) })
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::invalid_input(message).code("JOB_NODE_UNSUPPORTED")
}

/// Refuses AdditionalOptions that decide which rows a run reads, and that nobody here follows.
pub(crate) fn check_options(options: Option<&Map<String, Value>>) -> Result<()> {
    let unfollowed = [
        ("JobBookmarkKeys", "name the keys in the job's Bookmarks, with the table of the catalogue"),
        ("BoundedSize", "a run reads all that is there, or by bookmark all that is new"),
        ("BoundedFiles", "a run reads all that is there, or by bookmark all that is new"),
    ];
    let there = |name: &str| options.and_then(|options| options.get(name)).is_some_and(|value| !value.is_null());
    match unfollowed.iter().find(|(name, _)| there(name)) {
        Some((name, instead)) => Err(unsupported(format!("expected no {name} in AdditionalOptions: {instead}"))),
        None => Ok(()),
    }
}

/// Refuses StreamingOptions that would give other messages, or other columns, than those of the whole topic as its connection reads it.
pub(crate) fn check_streaming(options: &Map<String, Value>) -> Result<()> {
    // What the messages are is found by looking at them.
    const WITHOUT_EFFECT: [&str; 9] = [
        "ConnectionName",
        "TopicName",
        "Classification",
        "PollTimeoutMs",
        "NumRetries",
        "RetryIntervalMs",
        "MaxOffsetsPerTrigger",
        "MinPartitions",
        "EmitConsumerLagMetrics",
    ];
    const DONE: [(&str, &str); 5] = [
        ("StartingOffsets", "earliest"),
        ("EndingOffsets", "latest"),
        ("Delimiter", ","),
        ("IncludeHeaders", "false"),
        ("AddRecordTimestamp", "false"),
    ];
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null() && value.as_str() != Some("")) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let done = DONE.iter().find(|(known, _)| known == name).map(|(_, done)| *done);
        if WITHOUT_EFFECT.contains(&name.as_str()) || done == Some(value.to_lowercase().as_str()) {
            continue;
        }
        let expected = done.map_or_else(|| format!("no {name}"), |done| format!("{name} {done}"));
        return Err(unsupported(format!(
            "expected {expected} in StreamingOptions, as a topic is read whole and by its connection, found {value:?}"
        )));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Jdbc {
    connection_name: String,
    #[serde(rename = "ConnectionType")]
    _connection_type: Option<String>,
    #[serde(rename = "ConnectorName")]
    _connector_name: Option<String>,
    #[serde(rename = "RedshiftTmpDir")]
    _redshift_tmp_dir: Option<String>,
    database: Option<String>,
    table: Option<String>,
    connection_table: Option<String>,
    query: Option<String>,
    additional_options: Option<Map<String, Value>>,
}

pub(crate) fn jdbc(members: Map<String, Value>) -> Result<Direct> {
    let jdbc: Jdbc = crate::graph::members(members)?;
    if jdbc.query.is_some_and(|query| !query.trim().is_empty()) {
        return Err(Error::invalid_input("expected ConnectionTable, found Query: read the table and put the query into a SparkSQL node"));
    }
    let Some(table) = jdbc.table.or(jdbc.connection_table) else {
        return Err(Error::invalid_input("expected the name of a table, found none"));
    };
    let options = jdbc.additional_options.unwrap_or_default();
    check_options(Some(&options))?;
    let predicate = options.get("FilterPredicate").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let predicate = predicate.map(|text| sql::checked(text, "FilterPredicate")).transpose()?;
    Ok(Direct { kind: DirectKind::Table { connection: jdbc.connection_name, database: jdbc.database, table }, predicate })
}

/// `ConnectorDataSource`: of its servers MongoDB is one that there is a connection for.
pub(crate) fn connector(mut members: Map<String, Value>) -> Result<Direct> {
    let kind = members.remove("ConnectionType");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    let data = members.remove("Data").unwrap_or_default();
    let word = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
    if kind != "mongodb" && kind != "documentdb" {
        return Err(
            Error::invalid_input(format!("expected ConnectionType mongodb or documentdb, found {kind:?}")).code("JOB_NODE_UNSUPPORTED")
        );
    }
    let (Some(connection), Some(table)) = (word("connectionName"), word("collection")) else {
        return Err(Error::invalid_input("expected connectionName and collection in Data"));
    };
    Ok(Direct { kind: DirectKind::Table { connection, database: word("database"), table }, predicate: None })
}

/// What a Kafka topic's bytes are is for the connection to know; it is read from its first to its last message.
pub(crate) fn kafka(members: &Map<String, Value>) -> Result<Direct> {
    let Some(options) = members.get("StreamingOptions").and_then(Value::as_object) else {
        return Err(Error::invalid_input("expected StreamingOptions with ConnectionName and TopicName"));
    };
    check_streaming(options)?;
    let words: BTreeMap<String, String> = options
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .filter(|(key, _)| key != "ConnectionName" && key != "TopicName")
        .collect();
    let word = |key: &str| options.get(key).and_then(Value::as_str).map(str::to_owned);
    let (Some(connection), Some(topic)) = (word("ConnectionName"), word("TopicName")) else {
        return Err(Error::invalid_input(
            "expected ConnectionName and TopicName in StreamingOptions; a topic is read through a connection",
        ));
    };
    Ok(Direct { kind: DirectKind::Topic { connection, topic, options: words }, predicate: None })
}
