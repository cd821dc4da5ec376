//! How a catalog table says in which form its files are, and how that is read back.
//!
//! | classification | input format and serde of | beside them |
//! |---|---|---|
//! | csv | text; LazySimpleSerDe, or OpenCSVSerde where quotes were met | `delimiter`, `skip.header.line.count`, `areColumnsQuoted`, `quoteChar`, `columnsByPosition`, `encoding` |
//! | json | text; OpenX JSON | `jsonPath` of a JSON classifier, `paths` (the columns) in the serde |
//! | xml | XmlSerDe | `rowTag` |
//! | a Grok classifier's own | text; Glue's GrokSerDe | `grokPattern`, `grokCustomPatterns`; `input.format` in the serde |
//! | parquet, avro, orc | Hive's of that name | |

use std::collections::BTreeMap;

use connect::files::{Compression, CsvDialect, Encoding, Format, GrokForm, XmlForm};
use domain::{Error, Result};

use crate::table::{Column, Parameters, SerdeInfo, StorageDescriptor, Table};

const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
const PARQUET_INPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const PARQUET_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat";
const AVRO_INPUT: &str = "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat";
const AVRO_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat";
const ORC_INPUT: &str = "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat";
const ORC_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat";
const XML_INPUT: &str = "com.ibm.spss.hive.serde2.xml.XmlInputFormat";
const LAZY_SERDE: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
const QUOTED_SERDE: &str = "org.apache.hadoop.hive.serde2.OpenCSVSerde";
const PARQUET_SERDE: &str = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
const AVRO_SERDE: &str = "org.apache.hadoop.hive.serde2.avro.AvroSerDe";
const ORC_SERDE: &str = "org.apache.hadoop.hive.ql.io.orc.OrcSerde";
const JSON_SERDE: &str = "org.openx.data.jsonserde.JsonSerDe";
const XML_SERDE: &str = "com.ibm.spss.hive.serde2.xml.XmlSerDe";
const GROK_SERDE: &str = "com.amazonaws.glue.serde.GrokSerDe";
/// The parameter of JSON's serde that names the columns.
const PATHS: &str = "paths";

/// The form of a table's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLayout {
    pub format: Format,
    pub compression: Compression,
}

impl FileLayout {
    /// From a table's parameters and serde, as crawlers and other Glue clients write them. Fails, naming the table, when
    /// it says nothing or something that is not read here.
    pub fn of(table: &Table) -> Result<Self> {
        let format = Said(table).format()?;
        let compression = match table.parameters.get("compressionType").map(|text| text.to_lowercase()).as_deref() {
            // These pack their own blocks; what the table says about that is only a remark.
            _ if !format.is_text() => Compression::None,
            None | Some("" | "uncompressed") => Compression::None,
            Some("gz") => Compression::Gzip,
            Some(name) => Compression::ALL.into_iter().find(|compression| compression.name() == name).ok_or_else(|| {
                Error::invalid_input(format!(
                    "Table {}.{} should be packed with gzip, zstd, bzip2 or snappy, or not at all; found compressionType {name:?}.",
                    table.database_name, table.name
                ))
            })?,
        };
        Ok(Self { format, compression })
    }

    /// The storage descriptor without columns.
    pub fn storage(&self, location: String) -> StorageDescriptor {
        let (input, output, serde) = match &self.format {
            Format::Csv(dialect) => (TEXT_INPUT, TEXT_OUTPUT, csv_serde(*dialect)),
            Format::Json | Format::JsonPath(_) => (TEXT_INPUT, TEXT_OUTPUT, serde(JSON_SERDE, [])),
            Format::Xml(form) => (XML_INPUT, TEXT_OUTPUT, serde(XML_SERDE, [("rowTag", form.row_tag.clone())])),
            Format::Grok(form) => (TEXT_INPUT, TEXT_OUTPUT, grok_serde(form)),
            Format::Parquet => (PARQUET_INPUT, PARQUET_OUTPUT, serde(PARQUET_SERDE, [("serialization.format", "1".into())])),
            Format::Avro => (AVRO_INPUT, AVRO_OUTPUT, serde(AVRO_SERDE, [("serialization.format", "1".into())])),
            Format::Orc => (ORC_INPUT, ORC_OUTPUT, serde(ORC_SERDE, [("serialization.format", "1".into())])),
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

    /// The storage descriptor of a table with these columns; JSON's serde names them, as Glue's crawlers do.
    pub fn storage_of(&self, location: String, columns: Vec<Column>) -> StorageDescriptor {
        let mut storage = StorageDescriptor { columns, ..self.storage(location) };
        if let (Format::Json | Format::JsonPath(_), Some(serde)) = (&self.format, &mut storage.serde_info) {
            serde.parameters.insert(PATHS.into(), String::new());
        }
        rename_paths(&mut storage);
        storage
    }

    /// What a table's parameters say about the form.
    pub fn parameters(&self) -> Parameters {
        let mut parameters = BTreeMap::from([
            ("classification".to_owned(), self.format.classification().to_owned()),
            ("compressionType".to_owned(), self.compression.name().to_owned()),
            ("typeOfData".to_owned(), "file".to_owned()),
        ]);
        let mut add = |name: &str, value: &str| parameters.insert(name.to_owned(), value.to_owned());
        match &self.format {
            Format::Csv(dialect) => {
                add("delimiter", &char::from(dialect.delimiter).to_string());
                add("areColumnsQuoted", &dialect.quoted.to_string());
                add("columnsOrdered", "true");
                if dialect.quote != b'"' {
                    add("quoteChar", &char::from(dialect.quote).to_string());
                }
                if dialect.has_header {
                    add("skip.header.line.count", "1");
                }
                if dialect.by_position {
                    add("columnsByPosition", "true");
                }
            }
            Format::JsonPath(path) => drop(add("jsonPath", path)),
            Format::Xml(form) => drop(add("rowTag", &form.row_tag)),
            Format::Grok(form) => {
                add("grokPattern", &form.pattern);
                if !form.custom_patterns.is_empty() {
                    add("grokCustomPatterns", &form.custom_patterns);
                }
            }
            Format::Json | Format::Parquet | Format::Avro | Format::Orc => {}
        }
        match self.format.encoding() {
            Encoding::Utf8 => None,
            Encoding::Utf16 => add("encoding", "utf-16"),
            Encoding::Latin1 => add("encoding", "latin-1"),
        };
        parameters
    }
}

/// Says in the serde which columns there are now, where it names columns.
pub(crate) fn rename_paths(storage: &mut StorageDescriptor) {
    if let Some(paths) = storage.serde_info.as_mut().and_then(|serde| serde.parameters.get_mut(PATHS)) {
        *paths = storage.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(",");
    }
}

fn csv_serde(dialect: CsvDialect) -> SerdeInfo {
    let delimiter = char::from(dialect.delimiter).to_string();
    if dialect.quoted {
        let quote = char::from(dialect.quote).to_string();
        return serde(QUOTED_SERDE, [("separatorChar", delimiter), ("quoteChar", quote), ("escapeChar", "\\".into())]);
    }
    serde(LAZY_SERDE, [("field.delim", delimiter)])
}

fn grok_serde(form: &GrokForm) -> SerdeInfo {
    let mut info = serde(GROK_SERDE, [("input.format", form.pattern.clone())]);
    if !form.custom_patterns.is_empty() {
        info.parameters.insert("input.grokCustomPatterns".into(), form.custom_patterns.clone());
    }
    info
}

fn serde<const N: usize>(library: &str, parameters: [(&str, String); N]) -> SerdeInfo {
    SerdeInfo {
        name: None,
        serialization_library: Some(library.into()),
        parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// What a table says, wherever its client wrote it: the table's own parameters come before those of the serde.
struct Said<'a>(&'a Table);

impl Said<'_> {
    fn text(&self, names: &[&str]) -> Option<&str> {
        let serde = self.0.storage_descriptor.serde_info.as_ref();
        let find = |name: &&str| self.0.parameters.get(*name).or_else(|| serde.and_then(|serde| serde.parameters.get(*name)));
        names.iter().find_map(find).map(String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        self.text(&[name]).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    fn format(&self) -> Result<Format> {
        let serde = self.0.storage_descriptor.serde_info.as_ref().and_then(|serde| serde.serialization_library.as_deref());
        let unknown = |found: String| {
            Error::invalid_input(format!(
                "Table {}.{} should be classified csv, json, xml, parquet, avro or orc, or have a grokPattern, to be read from files; found {found}.",
                self.0.database_name, self.0.name
            ))
        };
        Ok(match (self.0.classification().map(str::to_lowercase).as_deref(), serde) {
            (Some("csv" | "tsv"), _) => Format::Csv(self.dialect()),
            (Some("json"), _) => self.json(),
            (Some("xml"), _) | (None, Some(XML_SERDE)) => self.xml()?,
            (Some("parquet"), _) | (None, Some(PARQUET_SERDE)) => Format::Parquet,
            (Some("avro"), _) | (None, Some(AVRO_SERDE)) => Format::Avro,
            (Some("orc"), _) | (None, Some(ORC_SERDE)) => Format::Orc,
            (classification, serde) => match (self.grok(), classification, serde) {
                (Some(form), ..) => Format::Grok(form),
                (None, Some(other), _) => return Err(unknown(format!("{other:?}"))),
                (None, None, Some(LAZY_SERDE | QUOTED_SERDE)) => Format::Csv(self.dialect()),
                (None, None, Some(serde)) if serde.to_lowercase().contains("json") => self.json(),
                (None, None, serde) => return Err(unknown(serde.unwrap_or("no classification").into())),
            },
        })
    }

    fn json(&self) -> Format {
        self.text(&["jsonPath"]).filter(|path| !path.trim().is_empty()).map_or(Format::Json, |path| Format::JsonPath(path.to_owned()))
    }

    fn xml(&self) -> Result<Format> {
        let tag = self.text(&["rowTag"]).filter(|tag| !tag.is_empty()).ok_or_else(|| {
            Error::invalid_input(format!(
                "Table {}.{} is classified xml and needs the parameter rowTag: the name of the elements that are rows.",
                self.0.database_name, self.0.name
            ))
        })?;
        Ok(Format::Xml(XmlForm { row_tag: tag.to_owned(), encoding: self.encoding() }))
    }

    fn grok(&self) -> Option<GrokForm> {
        Some(GrokForm {
            classification: self.0.classification().unwrap_or("grok").to_owned(),
            pattern: self.text(&["grokPattern", "input.format"])?.to_owned(),
            custom_patterns: self.text(&["grokCustomPatterns", "input.grokCustomPatterns"]).unwrap_or_default().to_owned(),
            encoding: self.encoding(),
        })
    }

    fn encoding(&self) -> Encoding {
        match self.text(&["encoding"]).unwrap_or_default().to_lowercase().as_str() {
            "latin-1" | "latin1" | "iso-8859-1" => Encoding::Latin1,
            "utf-16" | "utf16" | "utf-16le" | "utf-16be" => Encoding::Utf16,
            _ => Encoding::Utf8,
        }
    }

    /// Clients write the delimiter in several places; a comma when they do not.
    fn dialect(&self) -> CsvDialect {
        let tsv = self.0.classification().is_some_and(|text| text.eq_ignore_ascii_case("tsv"));
        let delimiter = match self.text(&["delimiter", "field.delim", "separatorChar", "sep"]) {
            Some("\\t") => b'\t',
            Some("\\u0001" | "\\001") => 1,
            Some(text) if text.len() == 1 => text.as_bytes()[0],
            _ if tsv => b'\t',
            _ => b',',
        };
        let quote = self.text(&["quoteChar"]).filter(|text| text.len() == 1).map_or(b'"', |text| text.as_bytes()[0]);
        let header = self.text(&["skip.header.line.count"]).map(str::trim);
        CsvDialect {
            delimiter,
            quote,
            has_header: header.is_some_and(|count| !matches!(count, "0" | "")),
            by_position: self.is("columnsByPosition"),
            quoted: self.is("areColumnsQuoted"),
            encoding: self.encoding(),
        }
    }
}
