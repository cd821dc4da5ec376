//! What a user says about files; tried before the kinds that are found out by looking.

/// Whether the first row names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderRule {
    /// Found out by looking.
    #[default]
    Unknown,
    Present,
    Absent,
}

/// One of Glue's four kinds of custom classifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Classifier {
    Csv(CsvClassifier),
    /// The objects that the path leads to are the rows: `$.items[*]`.
    Json {
        name: String,
        json_path: String,
    },
    /// One row a line; the pattern's named parts are the columns.
    Grok {
        name: String,
        classification: String,
        pattern: String,
        /// `NAME regular-expression`, one a line.
        custom_patterns: String,
    },
    /// Every element of this tag is a row.
    Xml {
        name: String,
        classification: String,
        row_tag: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvClassifier {
    pub name: String,
    pub delimiter: Option<char>,
    pub quote: Option<char>,
    pub header: HeaderRule,
    /// Names of the columns; they win over the file's.
    pub columns: Vec<String>,
    pub keep_spaces: bool,
    pub allow_single_column: bool,
    /// Hive types in the order of the columns; empty when they are found out by looking.
    pub data_types: Vec<String>,
}

impl Classifier {
    pub fn name(&self) -> &str {
        match self {
            Self::Csv(csv) => &csv.name,
            Self::Json { name, .. } | Self::Grok { name, .. } | Self::Xml { name, .. } => name,
        }
    }
}
