//! The members of a PIIDetection node, and what they mean together.

use domain::{Error, Result, near};
use serde::{Deserialize, Serialize};

use super::entities::{Detector, detectors};
use crate::quality::Column;
use crate::sql::{identifier, text};

/// Looks at everything: a sample that misses personal data would let it through.
const SAMPLE_FRACTION: f64 = 1.0;
pub(super) const THRESHOLD_FRACTION: f64 = 0.1;
const MASK: &str = "*******";
const REDACT_CHAR: &str = "*";
const OUTPUT_COLUMN: &str = "DetectedEntities";
const LONGEST_MASK: usize = 256;
/// Samples are chosen in steps of one in 65,536.
const HASHES: f64 = 65_536.0;

/// Glue's PIIDetection, without its name and inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PiiDetection {
    pub pii_type: PiiType,
    pub entity_types_to_detect: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_column_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_fraction: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_fraction: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_value: Option<String>,
    /// `true`: hide by as many [`Self::redact_char`] as the text has characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact_char: Option<String>,
    /// A regular expression for data of one's own, found as `MATCH_PATTERN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_pattern: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_left_chars_to_exclude: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_right_chars_to_exclude: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_parameters: Option<String>,
    /// `LOW` (the default) or `HIGH`: also what has the digits without the separators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_sensitivity: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PiiType {
    RowAudit,
    RowHashing,
    RowMasking,
    RowPartialMasking,
    ColumnAudit,
    ColumnHashing,
    ColumnMasking,
}

impl PiiType {
    /// Whether whole columns are decided on, after a scan.
    pub fn by_column(self) -> bool {
        matches!(self, Self::ColumnAudit | Self::ColumnHashing | Self::ColumnMasking)
    }
}

/// What the members mean, checked.
pub(super) struct Settings {
    pii_type: PiiType,
    pub detectors: Vec<Detector>,
    pub output_column: Option<String>,
    sample_fraction: f64,
    mask: String,
    redact: bool,
    redact_char: String,
    left: u32,
    right: u32,
}

impl Settings {
    pub fn read(detection: &PiiDetection, columns: &[Column]) -> Result<Self> {
        let wrong = |member: &str, expected: &str, found: &str| {
            Err(Error::invalid_input(format!("PIIDetection, {member}: expected {expected}, found \"{found}\".")))
        };
        for (member, value) in [("SampleFraction", detection.sample_fraction), ("ThresholdFraction", detection.threshold_fraction)] {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return wrong(member, "a number from 0 to 1", &value.to_string());
            }
        }
        let mask = bare(detection.mask_value.as_ref()).unwrap_or(MASK);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '_' | '-');
        if mask.len() > LONGEST_MASK || !mask.chars().all(fits) {
            return wrong("MaskValue", "at most 256 of the characters A-Z a-z 0-9 * _ -", mask);
        }
        let redact_char = bare(detection.redact_char.as_ref()).unwrap_or(REDACT_CHAR);
        if redact_char.chars().count() != 1 {
            return wrong("RedactChar", "one character", redact_char);
        }
        let redact = match bare(detection.redact_text.as_ref()) {
            None | Some("false" | "") => false,
            Some("true") => true,
            Some(other) => return wrong("RedactText", "true or false", other),
        };
        if let Some(parameters) = bare(detection.detection_parameters.as_ref()).filter(|text| !matches!(*text, "" | "{}")) {
            return wrong("DetectionParameters", "none, which are not known here", parameters);
        }
        let high = match bare(detection.detection_sensitivity.as_ref()) {
            None | Some("LOW" | "") => false,
            Some("HIGH") => true,
            Some(other) => return wrong("DetectionSensitivity", "LOW or HIGH", other),
        };
        let names: Vec<&str> = detection.entity_types_to_detect.iter().filter_map(|name| bare(Some(name))).collect();
        let detectors = detectors(&names, bare(detection.match_pattern.as_ref()), high)?;
        let default = matches!(detection.pii_type, PiiType::RowAudit | PiiType::ColumnAudit).then_some(OUTPUT_COLUMN);
        let output_column = bare(detection.output_column_name.as_ref()).filter(|name| !name.is_empty()).or(default);
        if let Some(taken) = output_column.filter(|name| columns.iter().any(|column| column.name == *name)) {
            return wrong("OutputColumnName", "a name that no column of the input has", taken);
        }
        Ok(Self {
            pii_type: detection.pii_type,
            detectors,
            output_column: output_column.map(str::to_owned),
            sample_fraction: detection.sample_fraction.unwrap_or(SAMPLE_FRACTION),
            mask: mask.to_owned(),
            redact,
            redact_char: redact_char.to_owned(),
            left: detection.num_left_chars_to_exclude.unwrap_or(0),
            right: detection.num_right_chars_to_exclude.unwrap_or(0),
        })
    }

    /// What stands in place of the value of a column (its quoted name); nothing in the modes that only look.
    pub fn hidden(&self, name: &str) -> Option<String> {
        match self.pii_type {
            PiiType::RowAudit | PiiType::ColumnAudit => None,
            PiiType::RowHashing | PiiType::ColumnHashing => Some(format!("sha256_hex({name})")),
            PiiType::RowPartialMasking => Some(self.partly_hidden(name)),
            PiiType::RowMasking | PiiType::ColumnMasking if self.redact => {
                Some(format!("repeat({}, character_length({name}))", text(&self.redact_char)))
            }
            PiiType::RowMasking | PiiType::ColumnMasking => Some(text(&self.mask)),
        }
    }

    /// Both ends stay. A text with nothing between them is hidden whole, else it would be shown whole.
    fn partly_hidden(&self, name: &str) -> String {
        let (left, right, mark) = (self.left, self.right, text(&self.redact_char));
        let kept = u64::from(left) + u64::from(right);
        let whole = format!("repeat({mark}, character_length({name}))");
        if kept == 0 {
            return whole;
        }
        let middle = format!("repeat({mark}, character_length({name}) - {kept})");
        let start = if left > 0 { format!("substr({name}, 1, {left}) || ") } else { String::new() };
        let end = if right > 0 { format!(" || substr({name}, character_length({name}) - {right} + 1)") } else { String::new() };
        format!("CASE WHEN character_length({name}) > {kept} THEN {start}{middle}{end} ELSE {whole} END")
    }

    /// Whether a value holds any of the entities.
    pub fn found_any(&self, name: &str) -> String {
        self.detectors.iter().map(|detector| detector.found(name)).collect::<Vec<_>>().join(" OR ")
    }

    /// Which rows are looked at, by the hash of all their texts.
    pub fn sample(&self, texts: &[&Column]) -> Option<String> {
        if self.sample_fraction >= 1.0 {
            return None;
        }
        let texts: Vec<String> = texts.iter().map(|column| format!("COALESCE({}, '')", identifier(&column.name))).collect();
        // Below 1, so at most 65,535 after rounding down.
        let bound = (self.sample_fraction * HASHES).floor() as u32;
        Some(format!("substr(md5({}), 1, 4) < '{bound:04x}'", texts.join(" || '|' || ")))
    }
}

/// A text as Glue Studio writes it, with or without a pair of quotes around it.
fn bare(value: Option<&String>) -> Option<&str> {
    let value = value?.as_str();
    Some(value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value))
}

/// The refusal of an entity that nobody knows.
pub(super) fn unknown(name: &str, names: &[&str]) -> Error {
    Error::invalid_input(format!(
        "PIIDetection, EntityTypesToDetect: expected an entity that is known, found \"{name}\"; {}",
        near::hint(name, names)
    ))
}
