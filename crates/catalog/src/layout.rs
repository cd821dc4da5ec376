//! How a catalog table says in which form its files are, and how that is read back.

use std::collections::BTreeMap;

use connect::files::{Compression, CsvDialect, Encoding, Format};
use domain::{Error, Result};

use crate::table::{Parameters, SerdeInfo, StorageDescriptor, Table};

const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
const PARQUET_INPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const PARQUET_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat";
const LAZY_SERDE: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
const QUOTED_SERDE: &str = "org.apache.hadoop.hive.serde2.OpenCSVSerde";
const PARQUET_SERDE: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
const JSON_SERDE: &str = "org.openx.data.jsonserde.JsonSerDe";

/// The form of a table's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLayout {
    pub format: Format,
    pub compression: Compression,
}

impl FileLayout {
    /// From a table's parameters and serde, as crawlers and other Glue clients write them. Fails, naming the table, when
    /// it says nothing or something that is not read here.
    pub fn of(table: &Table) -> Result<Self> {
        let unknown = |found: String| {
            Error::invalid_input(format!(
                "Table {}.{} should be classified csv, json or parquet to be read from files; found {found}.",
                table.database_name, table.name
            ))
        };
        let serde = table.storage_descriptor.serde_info.as_ref().and_then(|serde| serde.serialization_library.as_deref());
        let format = match (table.classification().map(str::to_lowercase).as_deref(), serde) {
            (Some("csv" | "tsv"), _) => Format::Csv(dialect(table)),
            (Some("json"), _) => Format::Json,
            (Some("parquet"), _) => Format::Parquet,
            (Some(other), _) => return Err(unknown(format!("{other:?}"))),
            (None, Some(LAZY_SERDE | QUOTED_SERDE)) => Format::Csv(dialect(table)),
            (None, Some(PARQUET_SERDE)) => Format::Parquet,
            (None, Some(serde)) if serde.to_lowercase().contains("json") => Format::Json,
            (None, serde) => return Err(unknown(serde.unwrap_or("no classification").into())),
        };
        let compression = match table.parameters.get("compressionType").map(|text| text.to_lowercase()).as_deref() {
            None | Some("" | "none" | "uncompressed") => Compression::None,
            Some("gzip" | "gz") => Compression::Gzip,
            Some("zstd") => Compression::Zstd,
            // Parquet packs its pages itself; what the table says about that is only a remark.
            Some(_) if format == Format::Parquet => Compression::None,
            Some(other) => {
                return Err(Error::invalid_input(format!(
                    "Table {}.{} should be packed with gzip or zstd, or not at all; found compressionType {other:?}.",
                    table.database_name, table.name
                )));
            }
        };
        let compression = if format == Format::Parquet { Compression::None } else { compression };
        Ok(Self { format, compression })
    }

    /// The storage descriptor without columns.
    pub fn storage(self, location: String) -> StorageDescriptor {
        let (input, output, serde) = match self.format {
            Format::Csv(dialect) => (TEXT_INPUT, TEXT_OUTPUT, csv_serde(dialect)),
            Format::Json => (TEXT_INPUT, TEXT_OUTPUT, serde(JSON_SERDE, [])),
            Format::Parquet => (PARQUET_INPUT, PARQUET_OUTPUT, serde(PARQUET_SERDE, [("serialization.format", "1".into())])),
        };
        StorageDescriptor {
            location: Some(location),
            input_format: Some(input.into()),
            output_format: Some(output.into()),
            compressed: self.compression != Compression::None,
            serde_info: Some(serde),
            ..StorageDescriptor::default()
        }
    }

    /// What a table's parameters say about the form.
    pub fn parameters(self) -> Parameters {
        let compression = match self.compression {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        let mut parameters = BTreeMap::from([
            ("classification".to_owned(), self.format.classification().to_owned()),
            ("compressionType".to_owned(), compression.to_owned()),
            ("typeOfData".to_owned(), "file".to_owned()),
        ]);
        if let Format::Csv(dialect) = self.format {
            parameters.insert("delimiter".into(), char::from(dialect.delimiter).to_string());
            parameters.insert("areColumnsQuoted".into(), dialect.quoted.to_string());
            parameters.insert("columnsOrdered".into(), "true".into());
            if dialect.has_header {
                parameters.insert("skip.header.line.count".into(), "1".into());
            }
            if dialect.encoding == Encoding::Latin1 {
                parameters.insert("encoding".into(), "latin-1".into());
            }
        }
        parameters
    }
}

fn csv_serde(dialect: CsvDialect) -> SerdeInfo {
    let delimiter = char::from(dialect.delimiter).to_string();
    if dialect.quoted {
        let parameters = [("separatorChar", delimiter), ("quoteChar", "\"".into()), ("escapeChar", "\\".into())];
        return serde(QUOTED_SERDE, parameters);
    }
    serde(LAZY_SERDE, [("field.delim", delimiter)])
}

fn serde<const N: usize>(library: &str, parameters: [(&str, String); N]) -> SerdeInfo {
    SerdeInfo {
        name: None,
        serialization_library: Some(library.into()),
        parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// Clients write the delimiter in several places; the table's own parameter comes first, a comma last.
fn dialect(table: &Table) -> CsvDialect {
    let serde = table.storage_descriptor.serde_info.as_ref();
    let in_serde = |name: &str| serde.and_then(|serde| serde.parameters.get(name));
    let said = ["delimiter", "field.delim", "separatorChar", "sep"]
        .into_iter()
        .find_map(|name| table.parameters.get(name).or_else(|| in_serde(name)));
    let tsv = table.classification().is_some_and(|text| text.eq_ignore_ascii_case("tsv"));
    let delimiter = match said.map(String::as_str) {
        Some("\\t") => b'\t',
        Some(text) if text.len() == 1 => text.as_bytes()[0],
        _ if tsv => b'\t',
        _ => b',',
    };
    let header = table.parameters.get("skip.header.line.count").or_else(|| in_serde("skip.header.line.count"));
    let latin =
        table.parameters.get("encoding").is_some_and(|text| matches!(text.to_lowercase().as_str(), "latin-1" | "latin1" | "iso-8859-1"));
    CsvDialect {
        delimiter,
        has_header: header.is_some_and(|count| count.trim() != "0" && !count.trim().is_empty()),
        quoted: table.parameters.get("areColumnsQuoted").is_some_and(|text| text == "true"),
        encoding: if latin { Encoding::Latin1 } else { Encoding::Utf8 },
    }
}
