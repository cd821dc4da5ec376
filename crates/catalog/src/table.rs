//! Databases, tables, partitions and table versions in Glue's JSON shape.

use std::collections::BTreeMap;

use connect::TablePath;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Resource;

/// Names to texts, in a fixed order.
pub type Parameters = BTreeMap<String, String>;

/// Glue's `Database`. Its name is lower case.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Database {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location_uri: Option<String>,
    /// Kept for clients, as is the next: who may do what with new tables, and the database that this one is a link to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_table_default_permissions: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_database: Option<Value>,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

impl Resource for Database {
    const KIND: &'static str = "database";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// Glue's `Table` and, without `DatabaseName` and `VersionId`, its `TableInput`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Table {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub database_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    pub storage_descriptor: StorageDescriptor,
    pub partition_keys: Vec<Column>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_original_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_expanded_text: Option<String>,
    /// Seconds since 1970, as whoever made the table said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_access_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_analyzed_time: Option<f64>,
    /// Kept for clients: the table that this one is a link to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_table: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_type: Option<String>,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Counts from "0"; every update that is kept adds one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version_id: String,
}

impl Resource for Table {
    const KIND: &'static str = "table";
    fn key(&self) -> String {
        Self::key_of(&self.database_name, &self.name)
    }
    fn parent(&self) -> String {
        self.database_name.clone()
    }
}

impl Table {
    /// `database/table`
    pub fn key_of(database: &str, table: &str) -> String {
        format!("{database}/{table}")
    }

    pub fn columns(&self) -> &[Column] {
        &self.storage_descriptor.columns
    }

    pub fn location(&self) -> &str {
        self.storage_descriptor.location.as_deref().unwrap_or_default()
    }

    /// `csv`, `json`, `parquet`, `sqlite`, …
    pub fn classification(&self) -> Option<&str> {
        self.parameters.get("classification").map(String::as_str)
    }

    /// For a table inside a database: the connection's name and the table's path there.
    pub fn source(&self) -> Option<(&str, TablePath)> {
        let connection = self.parameters.get("connectionName")?;
        if self.location().contains("://") {
            return None;
        }
        let found = |name: &str| self.parameters.get(name).cloned();
        let table = found("sourceTable")?;
        Some((connection, TablePath { database: found("sourceDatabase"), schema: found("sourceSchema"), table }))
    }
}

/// Where and how a table or a partition is stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StorageDescriptor {
    pub columns: Vec<Column>,
    /// `s3://bucket/prefix/`, a path of this machine, or the table's path in its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    pub compressed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_buckets: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serde_info: Option<SerdeInfo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bucket_columns: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_locations: Vec<String>,
    /// Kept for clients, as are the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_columns: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skewed_info: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_reference: Option<Value>,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    pub stored_as_sub_directories: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SerdeInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serialization_library: Option<String>,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

/// A column; `type` is Hive's (see [`crate::hive`]).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Column {
    pub name: String,
    #[serde(rename = "Type")]
    pub data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

impl Column {
    pub fn new(name: impl Into<String>, data_type: impl Into<String>) -> Self {
        Self { name: name.into(), data_type: data_type.into(), ..Self::default() }
    }
}

/// One folder of a partitioned table. `values` stand in the order of the table's partition keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Partition {
    pub values: Vec<String>,
    pub database_name: String,
    pub table_name: String,
    pub storage_descriptor: StorageDescriptor,
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Seconds since 1970, as whoever made the partition said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_access_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_analyzed_time: Option<f64>,
}

impl Resource for Partition {
    const KIND: &'static str = "partition";
    fn key(&self) -> String {
        Self::key_of(&self.database_name, &self.table_name, &self.values)
    }
    fn parent(&self) -> String {
        Table::key_of(&self.database_name, &self.table_name)
    }
}

impl Partition {
    /// `database/table/` and the values as a JSON list, since values may hold any character.
    pub fn key_of(database: &str, table: &str, values: &[String]) -> String {
        format!("{}/{}", Table::key_of(database, table), serde_json::Value::from(values.to_vec()))
    }

    pub fn location(&self) -> &str {
        self.storage_descriptor.location.as_deref().unwrap_or_default()
    }
}

/// A table as it was before an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableVersion {
    pub table: Table,
    pub version_id: String,
}

impl Resource for TableVersion {
    const KIND: &'static str = "table_version";
    fn key(&self) -> String {
        Self::key_of(&self.table.database_name, &self.table.name, &self.version_id)
    }
    fn parent(&self) -> String {
        Table::key_of(&self.table.database_name, &self.table.name)
    }
}

impl TableVersion {
    pub fn key_of(database: &str, table: &str, version: &str) -> String {
        format!("{}/{version:0>10}", Table::key_of(database, table))
    }
}
