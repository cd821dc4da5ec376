//! What a target node asks for, in words that no engine and no kind of node needs to know.

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a statement's rows go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetSpec {
    Files {
        path: String,
        format: FileFormat,
        /// As the node spells it (`snappy`, `gzip`, ...); `None` for none said.
        compression: Option<String>,
        /// Become folders `key=value`.
        partition_keys: Vec<String>,
        mode: WriteMode,
        /// Glue's `NumberTargetPartitions`.
        files: Option<u64>,
        /// Ours: `MaxFileRows`, `MaxFileBytes`, `RowGroupRows`.
        max_file_rows: Option<u64>,
        max_file_bytes: Option<u64>,
        row_group_rows: Option<u64>,
        update_catalog: Option<UpdateCatalog>,
    },
    Table {
        place: TablePlace,
        mode: WriteMode,
        /// What makes a row the same row, for [`WriteMode::Upsert`].
        keys: Vec<String>,
        /// Of a table of the catalogue: those that it is said to have.
        partition_keys: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TablePlace {
    /// A table of the catalogue.
    Catalog { database: String, table: String },
    /// A table behind a connection.
    Connection { connection: String, table: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// Glue's way: a run adds its rows.
    #[default]
    Append,
    Overwrite,
    Upsert,
}

/// Glue's `SchemaChangePolicy` of a file target, where it is enabled: the table that describes the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCatalog {
    pub database: Option<String>,
    pub table: Option<String>,
    /// `UPDATE_IN_DATABASE` or `LOG`.
    pub behavior: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Members {
    path: Option<String>,
    format: Option<String>,
    compression: Option<String>,
    #[serde(default)]
    partition_keys: Vec<Vec<String>>,
    number_target_partitions: Option<Value>,
    schema_change_policy: Option<Policy>,
    /// Glue's quality checks that nobody wrote: not made here.
    #[serde(rename = "AutoDataQuality")]
    _auto_data_quality: Option<Value>,
    database: Option<String>,
    table: Option<String>,
    connection_name: Option<String>,
    connection_table: Option<String>,
    #[serde(rename = "ConnectorName")]
    _connector_name: Option<String>,
    #[serde(rename = "ConnectionType")]
    _connection_type: Option<String>,
    #[serde(rename = "AdditionalOptions")]
    _additional_options: Option<Value>,
    // Ours from here.
    mode: Option<WriteMode>,
    #[serde(default)]
    keys: Vec<String>,
    max_file_rows: Option<u64>,
    max_file_bytes: Option<u64>,
    row_group_rows: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    enable_update_catalog: bool,
    update_behavior: Option<String>,
    table: Option<String>,
    database: Option<String>,
}

/// Reads the members of the target node of the kind `kind`.
pub(crate) fn target(kind: &str, members: Map<String, Value>) -> Result<TargetSpec> {
    let members: Members = crate::graph::members(members)?;
    let mode = members.mode.unwrap_or_default();
    let to_files = matches!(kind, "S3DirectTarget" | "S3GlueParquetTarget");
    match (mode, members.keys.is_empty(), to_files) {
        (WriteMode::Upsert, _, true) => return Err(Error::invalid_input("expected Mode append or overwrite for files, found upsert")),
        (WriteMode::Upsert, true, _) => return Err(Error::invalid_input("expected Keys with Mode upsert, found none")),
        (WriteMode::Append | WriteMode::Overwrite, false, _) => {
            return Err(Error::invalid_input("expected Mode upsert with Keys, found another"));
        }
        _ => {}
    }
    let partition_keys = members.partition_keys.iter().map(|path| key(path)).collect::<Result<_>>()?;
    if to_files {
        return files(kind, members, mode, partition_keys);
    }
    let of_files = [
        ("Format", members.format.is_some()),
        ("Compression", members.compression.is_some()),
        ("MaxFileRows", members.max_file_rows.is_some()),
        ("MaxFileBytes", members.max_file_bytes.is_some()),
        ("RowGroupRows", members.row_group_rows.is_some()),
        ("NumberTargetPartitions", members.number_target_partitions.is_some()),
        ("PartitionKeys", members.connection_name.is_some() && !partition_keys.is_empty()),
    ];
    if let Some((member, _)) = of_files.iter().find(|(_, there)| *there) {
        return Err(Error::invalid_input(format!("expected no {member}, which belongs to a target of files, as this one is a table")));
    }
    let place = match (members.database, members.table, members.connection_name, members.connection_table) {
        (Some(database), Some(table), None, None) => TablePlace::Catalog { database, table },
        (None, None, Some(connection), Some(table)) => TablePlace::Connection { connection, table },
        _ if kind == "JDBCConnectorTarget" => return Err(Error::invalid_input("expected ConnectionName and ConnectionTable")),
        _ => return Err(Error::invalid_input("expected Database and Table")),
    };
    Ok(TargetSpec::Table { place, mode, keys: members.keys, partition_keys })
}

fn files(kind: &str, members: Members, mode: WriteMode, partition_keys: Vec<String>) -> Result<TargetSpec> {
    let path = members.path.filter(|path| !path.is_empty());
    let format = match members.format.as_deref() {
        _ if kind == "S3GlueParquetTarget" => FileFormat::Parquet,
        Some("csv") => FileFormat::Csv,
        Some("json") => FileFormat::Json,
        Some("parquet") => FileFormat::Parquet,
        Some(other) => {
            return Err(Error::invalid_input(format!("expected Format csv, json or parquet, found {other:?}")).code("JOB_NODE_UNSUPPORTED"));
        }
        None => return Err(Error::invalid_input("expected Format csv, json or parquet, found none")),
    };
    let number = match &members.number_target_partitions {
        None => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(Value::String(text)) => {
            Some(text.parse().map_err(|_| Error::invalid_input(format!("expected a number in NumberTargetPartitions, found {text:?}")))?)
        }
        Some(other) => other.as_u64(),
    };
    let policy = members.schema_change_policy.filter(|policy| policy.enable_update_catalog);
    Ok(TargetSpec::Files {
        path: path.ok_or_else(|| Error::invalid_input("expected Path, found none"))?,
        format,
        compression: members.compression.filter(|name| !name.is_empty()),
        partition_keys,
        mode,
        files: number,
        max_file_rows: members.max_file_rows,
        max_file_bytes: members.max_file_bytes,
        row_group_rows: members.row_group_rows,
        update_catalog: policy.map(|policy| UpdateCatalog {
            database: policy.database,
            table: policy.table,
            behavior: policy.update_behavior,
        }),
    })
}

fn key(path: &[String]) -> Result<String> {
    match path {
        [name] => Ok(name.clone()),
        _ => Err(Error::invalid_input(format!("expected columns in PartitionKeys, found the path {:?}", path.join(".")))),
    }
}
