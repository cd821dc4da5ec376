//! The words for what a file is: format, compression, encoding.

/// How a text file's bytes are packed. Parquet, Avro and ORC pack their own blocks and count as not packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    /// Snappy's framing format, which streams.
    Snappy,
}

impl Compression {
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Zstd, Self::Bzip2, Self::Snappy];

    /// As Glue's table parameter `compressionType` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Snappy => "snappy",
        }
    }
}

/// How a text file's bytes stand for characters. A byte order mark is not counted as text, and it wins over what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    #[default]
    Utf8,
    /// Either byte order, told by the mark at the start of each file.
    Utf16,
    Latin1,
}

/// What a reader of a delimited file must know. A quote inside quotes is doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CsvDialect {
    pub delimiter: u8,
    pub quote: u8,
    pub has_header: bool,
    /// Columns stand in the order of the table whatever a header says.
    pub by_position: bool,
    /// Quotes were met in the sample.
    pub quoted: bool,
    pub encoding: Encoding,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', has_header: false, by_position: false, quoted: false, encoding: Encoding::Utf8 }
    }
}

/// What a reader of an XML file must know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct XmlForm {
    /// Every element of this name is a row.
    pub row_tag: String,
    pub encoding: Encoding,
}

/// What a reader of lines that follow a Grok pattern must know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GrokForm {
    /// The name that the user gave to this kind of file.
    pub classification: String,
    pub pattern: String,
    /// `NAME regular-expression`, one a line.
    pub custom_patterns: String,
    pub encoding: Encoding,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Format {
    Csv(CsvDialect),
    /// Objects one after another or in one list, over as many lines as they like.
    Json,
    /// The objects that this path leads to; see [`super::JsonPath`].
    JsonPath(String),
    Xml(XmlForm),
    Grok(GrokForm),
    Parquet,
    Avro,
    Orc,
}

impl Format {
    /// The name Glue's classifiers give it.
    pub fn classification(&self) -> &str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json | Self::JsonPath(_) => "json",
            Self::Xml(_) => "xml",
            Self::Grok(form) => &form.classification,
            Self::Parquet => "parquet",
            Self::Avro => "avro",
            Self::Orc => "orc",
        }
    }

    /// Text, which may be packed as a whole; the other formats pack their own blocks.
    pub fn is_text(&self) -> bool {
        !matches!(self, Self::Parquet | Self::Avro | Self::Orc)
    }

    /// How the bytes stand for characters. JSON is UTF-8, or UTF-16 by its mark.
    pub fn encoding(&self) -> Encoding {
        match self {
            Self::Csv(dialect) => dialect.encoding,
            Self::Xml(form) => form.encoding,
            Self::Grok(form) => form.encoding,
            _ => Encoding::Utf8,
        }
    }
}
