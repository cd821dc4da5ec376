//! Custom classifiers in Glue's JSON shape.

use connect::files::{Classifier as Rule, CsvClassifier as CsvRule, GrokLines, HeaderRule, JsonPath};
use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};

use crate::catalog::Catalog;

const MAX_PATTERN_BYTES: usize = 2048;
const MAX_CUSTOM_PATTERNS_BYTES: usize = 16_000;

/// One of Glue's four kinds. On the wire an object with one member, named after the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Classifier {
    #[serde(rename = "GrokClassifier")]
    Grok(GrokClassifier),
    #[serde(rename = "XMLClassifier")]
    Xml(XmlClassifier),
    #[serde(rename = "JsonClassifier")]
    Json(JsonClassifier),
    #[serde(rename = "CsvClassifier")]
    Csv(CsvClassifier),
}

/// Lines of text that a pattern takes apart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GrokClassifier {
    pub name: String,
    pub classification: String,
    pub grok_pattern: String,
    /// `NAME regular-expression`, one a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_patterns: Option<String>,
}

/// XML whose elements of one tag are the rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct XmlClassifier {
    pub name: String,
    pub classification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_tag: Option<String>,
}

/// JSON whose rows a path leads to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JsonClassifier {
    pub name: String,
    pub json_path: String,
}

/// What a user knows about delimited text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CsvClassifier {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote_symbol: Option<String>,
    pub contains_header: Header,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_value_trimming: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_single_column: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_datatype_configured: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_datatypes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serde: Option<String>,
}

/// `ContainsHeader`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Header {
    #[default]
    Unknown,
    Present,
    Absent,
}

impl Resource for Classifier {
    const KIND: &'static str = "classifier";
    fn key(&self) -> String {
        self.name().to_owned()
    }
}

impl Classifier {
    pub fn name(&self) -> &str {
        match self {
            Self::Grok(of) => &of.name,
            Self::Xml(of) => &of.name,
            Self::Json(of) => &of.name,
            Self::Csv(of) => &of.name,
        }
    }

    /// The name of the kind on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Grok(_) => "GrokClassifier",
            Self::Xml(_) => "XMLClassifier",
            Self::Json(_) => "JsonClassifier",
            Self::Csv(_) => "CsvClassifier",
        }
    }

    /// Refuses what could never match or cannot be read; says where.
    pub fn validate(&self) -> Result<()> {
        let chars = self.name().chars().count();
        if !(1..=255).contains(&chars) || self.name().chars().any(char::is_control) {
            return Err(self.wrong(format!("a name has 1 to 255 characters, none of them a control character; found {:?}", self.name())));
        }
        match self {
            Self::Grok(of) => self.check_grok(of),
            Self::Xml(of) => self.check_xml(of),
            Self::Json(of) => self.check_json(of),
            Self::Csv(of) => self.check_csv(of),
        }
    }

    fn check_grok(&self, of: &GrokClassifier) -> Result<()> {
        self.check_classification(&of.classification)?;
        let custom = of.custom_patterns.as_deref().unwrap_or_default();
        if of.grok_pattern.is_empty() || of.grok_pattern.len() > MAX_PATTERN_BYTES {
            return Err(self.wrong(format!("GrokPattern has 1 to {MAX_PATTERN_BYTES} bytes; found {}", of.grok_pattern.len())));
        }
        if custom.len() > MAX_CUSTOM_PATTERNS_BYTES {
            return Err(self.wrong(format!("CustomPatterns has at most {MAX_CUSTOM_PATTERNS_BYTES} bytes; found {}", custom.len())));
        }
        match GrokLines::new(&of.grok_pattern, custom) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.wrong(error.message.trim_end_matches('.').to_owned())),
        }
    }

    fn check_xml(&self, of: &XmlClassifier) -> Result<()> {
        self.check_classification(&of.classification)?;
        let tag = of.row_tag.as_deref().unwrap_or_default();
        match tag.chars().find(|c| c.is_whitespace() || "<>/&\"'=".contains(*c)) {
            Some(found) => Err(self.wrong(format!("RowTag is the name of an element without brackets; found {found:?} in {tag:?}"))),
            None if tag.is_empty() => Err(self.wrong("RowTag names the element that is a row; found none".into())),
            None => Ok(()),
        }
    }

    fn check_json(&self, of: &JsonClassifier) -> Result<()> {
        match JsonPath::parse(&of.json_path) {
            Ok(_) => Ok(()),
            Err(why) => Err(self.wrong(why.trim_end_matches('.').to_owned())),
        }
    }

    fn check_csv(&self, of: &CsvClassifier) -> Result<()> {
        let delimiter = self.single("Delimiter", of.delimiter.as_deref())?;
        let quote = self.single("QuoteSymbol", of.quote_symbol.as_deref())?;
        if delimiter.is_some() && delimiter == quote {
            return Err(self.wrong(format!("Delimiter and QuoteSymbol differ; both are {delimiter:?}")));
        }
        if let Some(twice) = of.header.iter().enumerate().find(|(at, name)| of.header[..*at].contains(name)) {
            return Err(self.wrong(format!("Header names each column once; found {:?} again in place {}", twice.1, twice.0 + 1)));
        }
        if of.custom_datatype_configured == Some(true) && of.custom_datatypes.is_empty() {
            return Err(self.wrong("CustomDatatypeConfigured needs CustomDatatypes; found none".into()));
        }
        let known = |name: &&str| matches!(*name, "OpenCSVSerDe" | "LazySimpleSerDe" | "None");
        match of.serde.as_deref() {
            Some(other) if !known(&other) => Err(self.wrong(format!("Serde is OpenCSVSerDe, LazySimpleSerDe or None; found {other:?}"))),
            _ => Ok(()),
        }
    }

    fn check_classification(&self, found: &str) -> Result<()> {
        if found.trim().is_empty() {
            return Err(self.wrong("Classification names the format, as in \"apache-log\"; found none".into()));
        }
        Ok(())
    }

    fn single(&self, member: &str, text: Option<&str>) -> Result<Option<char>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(only), None) => Ok(Some(only)),
            _ => Err(self.wrong(format!("{member} is one character; found {text:?}"))),
        }
    }

    fn wrong(&self, what: String) -> Error {
        Error::invalid_input(format!("{} {:?}: {what}.", self.kind(), self.name()))
    }

    /// As the reader of files takes it.
    fn rule(&self) -> Result<Rule> {
        Ok(match self {
            Self::Grok(of) => Rule::Grok {
                name: of.name.clone(),
                classification: of.classification.clone(),
                pattern: of.grok_pattern.clone(),
                custom_patterns: of.custom_patterns.clone().unwrap_or_default(),
            },
            Self::Xml(of) => Rule::Xml {
                name: of.name.clone(),
                classification: of.classification.clone(),
                row_tag: of.row_tag.clone().unwrap_or_default(),
            },
            Self::Json(of) => Rule::Json { name: of.name.clone(), json_path: of.json_path.clone() },
            Self::Csv(of) => Rule::Csv(CsvRule {
                name: of.name.clone(),
                delimiter: self.single("Delimiter", of.delimiter.as_deref())?,
                quote: self.single("QuoteSymbol", of.quote_symbol.as_deref())?,
                header: match of.contains_header {
                    Header::Unknown => HeaderRule::Unknown,
                    Header::Present => HeaderRule::Present,
                    Header::Absent => HeaderRule::Absent,
                },
                columns: of.header.clone(),
                keep_spaces: of.disable_value_trimming.unwrap_or_default(),
                allow_single_column: of.allow_single_column.unwrap_or_default(),
                data_types: if of.custom_datatype_configured == Some(true) { of.custom_datatypes.clone() } else { Vec::new() },
            }),
        })
    }
}

impl Catalog {
    pub async fn create_classifier(&self, classifier: Classifier) -> Result<()> {
        classifier.validate()?;
        self.store().create(&classifier).await
    }

    pub async fn get_classifier(&self, name: &str) -> Result<Stored<Classifier>> {
        self.store().get(name).await
    }

    pub async fn list_classifiers(&self) -> Result<Vec<Stored<Classifier>>> {
        self.store().list().await
    }

    /// Replaces the classifier of this name, which must be of the same kind.
    pub async fn update_classifier(&self, classifier: Classifier) -> Result<()> {
        classifier.validate()?;
        let name = classifier.key();
        self.store()
            .update::<Classifier>(&name, |old| {
                if old.kind() != classifier.kind() {
                    return Err(Error::invalid_input(format!(
                        "Classifier {:?} is a {}; found a {}: delete it first.",
                        old.name(),
                        old.kind(),
                        classifier.kind()
                    )));
                }
                *old = classifier;
                Ok(())
            })
            .await?;
        Ok(())
    }

    pub async fn delete_classifier(&self, name: &str) -> Result<()> {
        self.store().delete::<Classifier>(name).await
    }

    /// The classifiers of these names, in this order, as the reader of files takes them.
    pub async fn classifiers(&self, names: &[String]) -> Result<Vec<Rule>> {
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            found.push(self.get_classifier(name).await?.rule()?);
        }
        Ok(found)
    }
}
