//! Where a job's result goes and what it looks like there.

use std::collections::HashSet;
use std::fmt;
use std::path::Component;

use connect::source::TablePath;
use connect::{Connection, Endpoint};
use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Location;

/// Files under a prefix, or rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Written")]
pub enum Target {
    Files(FilesTarget),
    Table(TableTarget),
}

/// A prefix that a job owns. Without partition keys and limits the result is one file there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FilesTarget {
    /// A prefix (`s3://bucket/exports/items/`) or a folder of the project.
    pub location: String,
    pub format: Format,
    /// Without it CSV and JSON are plain, and Parquet is `snappy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Columns that become folders, `key=value`, as Hive has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_keys: Vec<String>,
    #[serde(skip_serializing_if = "FilesMode::is_overwrite")]
    pub mode: FilesMode,
    /// A file has no more rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_rows: Option<u64>,
    /// A file has about so many bytes at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_bytes: Option<u64>,
    /// Rows of a Parquet file's row group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_group_rows: Option<u64>,
}

/// What becomes of the files that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilesMode {
    /// The result takes the place of the one before, whole.
    #[default]
    Overwrite,
    /// The result's files come to those that are there.
    Append,
}

impl FilesMode {
    fn is_overwrite(&self) -> bool {
        *self == Self::Overwrite
    }
}

/// A table of a database that a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableTarget {
    pub connection: String,
    /// `schema.table`, or the table alone where the database has no schemas or a default one.
    pub table: String,
    pub mode: TableMode,
    /// Columns that tell rows apart: of an upsert alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Make the table where there is none.
    pub create: bool,
}

/// What becomes of the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableMode {
    /// They stay.
    #[default]
    Append,
    /// They go.
    Overwrite,
    /// Those with the keys of a new row take its values.
    Upsert,
}

/// Every member of either kind, so that one that does not belong can be named.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written {
    location: Option<String>,
    format: Option<Format>,
    compression: Option<Compression>,
    partition_keys: Option<Vec<String>>,
    max_file_rows: Option<u64>,
    max_file_bytes: Option<u64>,
    row_group_rows: Option<u64>,
    connection: Option<String>,
    table: Option<String>,
    keys: Option<Vec<String>>,
    create: Option<bool>,
    mode: Option<WrittenMode>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WrittenMode {
    Overwrite,
    Append,
    Upsert,
}

impl TryFrom<Written> for Target {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match (&written.location, &written.connection, &written.table) {
            (Some(_), None, None) => written.files().map(Self::Files),
            (None, Some(_), Some(_)) => written.table().map(Self::Table),
            (None, None, None) => Err("a target has a Location (files) or a Connection and a Table; found none of them".into()),
            (None, Some(_), None) => Err("a target with a Connection names a Table too; found none".into()),
            (None, None, Some(_)) => Err("a target with a Table names the Connection that leads to it; found none".into()),
            (Some(_), ..) => Err("a target has a Location (files) or a Connection and a Table; found both".into()),
        }
    }
}

impl Written {
    fn files(self) -> Result<FilesTarget, String> {
        let foreign = [("Keys", self.keys.is_some()), ("Create", self.create.is_some())];
        refuse(&foreign, "a target of files (Location) has no {}; it belongs to a table's")?;
        let mode = match self.mode {
            None | Some(WrittenMode::Overwrite) => FilesMode::Overwrite,
            Some(WrittenMode::Append) => FilesMode::Append,
            Some(WrittenMode::Upsert) => return Err("Mode of a target of files is overwrite or append; found upsert".into()),
        };
        Ok(FilesTarget {
            location: self.location.unwrap_or_default(),
            format: self.format.unwrap_or_default(),
            compression: self.compression,
            partition_keys: self.partition_keys.unwrap_or_default(),
            mode,
            max_file_rows: self.max_file_rows,
            max_file_bytes: self.max_file_bytes,
            row_group_rows: self.row_group_rows,
        })
    }

    fn table(self) -> Result<TableTarget, String> {
        let foreign = [
            ("Format", self.format.is_some()),
            ("Compression", self.compression.is_some()),
            ("PartitionKeys", self.partition_keys.is_some()),
            ("MaxFileRows", self.max_file_rows.is_some()),
            ("MaxFileBytes", self.max_file_bytes.is_some()),
            ("RowGroupRows", self.row_group_rows.is_some()),
        ];
        refuse(&foreign, "a target that is a table has no {}; it belongs to files")?;
        let mode = match self.mode {
            None | Some(WrittenMode::Append) => TableMode::Append,
            Some(WrittenMode::Overwrite) => TableMode::Overwrite,
            Some(WrittenMode::Upsert) => TableMode::Upsert,
        };
        let (connection, table) = (self.connection.unwrap_or_default(), self.table.unwrap_or_default());
        Ok(TableTarget { connection, table, mode, keys: self.keys.unwrap_or_default(), create: self.create.unwrap_or(false) })
    }
}

/// Names the first member that is there and should not be.
fn refuse(members: &[(&str, bool)], sentence: &str) -> Result<(), String> {
    match members.iter().find(|(_, there)| *there) {
        Some((member, _)) => Err(sentence.replace("{}", member)),
        None => Ok(()),
    }
}

/// The files' format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As Personalize imports it: UTF-8, a header, commas, `\n`, `"` around fields that need it and doubled within them.
    #[default]
    Csv,
    Parquet,
    /// One object on each line.
    Json,
}

/// How a file, or the pages of a Parquet file, are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    Snappy,
    Zstd,
    Gzip,
}

impl Format {
    /// Of the file's name, with what packs the whole file; Parquet packs its pages.
    pub fn extension(self, compression: Option<Compression>) -> &'static str {
        match (self, compression) {
            (Self::Parquet, _) => "parquet",
            (Self::Csv, Some(Compression::Gzip)) => "csv.gz",
            (Self::Csv, _) => "csv",
            (Self::Json, Some(Compression::Gzip)) => "json.gz",
            (Self::Json, Some(Compression::Zstd)) => "json.zst",
            (Self::Json, _) => "json",
        }
    }

    /// What may be said of the format.
    fn compressions(self) -> &'static [Compression] {
        match self {
            Self::Csv => &[Compression::None, Compression::Gzip],
            Self::Json => &[Compression::None, Compression::Gzip, Compression::Zstd],
            Self::Parquet => &[Compression::None, Compression::Snappy, Compression::Zstd, Compression::Gzip],
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            "json" => Ok(Self::Json),
            _ => Err(Error::invalid_input(format!("A job's --format is csv, json or parquet; found {text:?}."))),
        }
    }
}

/// Every ending that [`Format::extension`] gives.
pub(crate) const EXTENSIONS: [&str; 6] = ["csv", "csv.gz", "json", "json.gz", "json.zst", "parquet"];

impl Compression {
    /// `what` says it: an argument, or a node's member.
    pub(crate) fn parse(what: &str, text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "none" | "uncompressed" => Ok(Self::None),
            "snappy" => Ok(Self::Snappy),
            "zstd" => Ok(Self::Zstd),
            "gzip" => Ok(Self::Gzip),
            _ => Err(Error::invalid_input(format!("{what} is none, gzip, snappy or zstd; found {text:?}."))),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

impl Target {
    /// One file of the format under the location.
    pub fn file(location: impl Into<String>, format: Format) -> Self {
        Self::Files(FilesTarget { location: location.into(), format, ..FilesTarget::default() })
    }

    /// Everything that can be known to be wrong before a run.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Files(files) => files.check().map(|_| ()),
            Self::Table(table) => table.check(),
        }
    }
}

impl fmt::Display for Target {
    /// As a user knows it: the location, or the connection and the table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => f.write_str(&files.location),
            Self::Table(table) => write!(f, "{}/{}", table.connection, table.table),
        }
    }
}

impl FilesTarget {
    pub(crate) fn check(&self) -> Result<Location> {
        let known = self.format.compressions();
        if let Some(compression) = self.compression.filter(|compression| !known.contains(compression)) {
            let known: Vec<String> = known.iter().map(Compression::to_string).collect();
            return Err(Error::invalid_input(format!(
                "Compression of a {} target is {}; found {compression}.",
                self.format.extension(None),
                known.join(" or ")
            )));
        }
        let limits = [("MaxFileRows", self.max_file_rows), ("MaxFileBytes", self.max_file_bytes), ("RowGroupRows", self.row_group_rows)];
        if let Some((member, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
            return Err(Error::invalid_input(format!("{member} of a target is at least 1; found 0.")));
        }
        if self.row_group_rows.is_some() && self.format != Format::Parquet {
            return Err(Error::invalid_input(format!(
                "RowGroupRows is for Parquet targets; found Format {}.",
                self.format.extension(None)
            )));
        }
        let mut seen = HashSet::new();
        if let Some(key) = self.partition_keys.iter().find(|key| key.is_empty() || !seen.insert(key.to_lowercase())) {
            return Err(Error::invalid_input(format!("PartitionKeys of a target are different columns; found {key:?} twice or empty.")));
        }
        let location = Location::parse(&self.location)?;
        if self.may_be_many() && !has_own_folder(&location) {
            return Err(Error::invalid_input(format!(
                "A target of several files needs a prefix of its own, such as s3://bucket/exports/; found {:?}.",
                self.location
            )));
        }
        Ok(location)
    }

    fn may_be_many(&self) -> bool {
        !self.partition_keys.is_empty() || self.max_file_rows.is_some() || self.max_file_bytes.is_some() || self.mode == FilesMode::Append
    }
}

impl TableTarget {
    fn check(&self) -> Result<()> {
        let parts: Vec<&str> = self.table.split('.').collect();
        if parts.len() > 2 || parts.iter().any(|part| part.trim().is_empty()) {
            return Err(Error::invalid_input(format!("Table of a target is schema.table or a table's name; found {:?}.", self.table)));
        }
        if self.connection.is_empty() {
            return Err(Error::invalid_input("Connection of a target is the name of a connection; found an empty text."));
        }
        match (self.mode, self.keys.as_slice()) {
            (TableMode::Upsert, []) => {
                Err(Error::invalid_input("A target with Mode upsert names the Keys that tell rows apart; found none."))
            }
            (TableMode::Append | TableMode::Overwrite, [first, ..]) => {
                Err(Error::invalid_input(format!("Keys are for a target with Mode upsert; found {first:?} and another mode.")))
            }
            _ => Ok(()),
        }
    }
}

/// A whole bucket or the project's folder cannot be exchanged for another in one step.
pub(crate) fn has_own_folder(location: &Location) -> bool {
    match location {
        Location::S3 { key, .. } => !key.trim_end_matches('/').is_empty(),
        Location::File(path) => matches!(path.components().next_back(), Some(Component::Normal(_))),
    }
}

/// The place `name` under the prefix.
pub(crate) fn child(prefix: &Location, name: &str) -> Location {
    match prefix {
        Location::S3 { bucket, key } => {
            let key = key.trim_end_matches('/');
            let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
            Location::S3 { bucket: bucket.clone(), key }
        }
        Location::File(path) => Location::File(path.join(name)),
    }
}

/// What `schema.table` names behind the connection; MySQL has databases where others have schemas, and a collection of MongoDB may have
/// dots in its name.
pub(crate) fn place(connection: &Connection, name: &str) -> Result<TablePath> {
    let Some((outer, table)) = name.split_once('.') else { return Ok(TablePath::table(name)) };
    let (outer, table) = (Some(outer.to_owned()), table.to_owned());
    Ok(match connection.endpoint()? {
        Endpoint::MySql(_) => TablePath { database: outer, schema: None, table },
        Endpoint::Mongo(_) => TablePath::table(name),
        _ => TablePath { database: None, schema: outer, table },
    })
}
