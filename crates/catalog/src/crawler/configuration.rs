//! A crawler's `Configuration`: Glue's JSON text, and under `Penchant` what is ours.

use domain::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// What the text says. Members that are not here are refused by name.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Configuration {
    /// 1.0; any other is refused.
    pub version: Option<Value>,
    pub crawler_output: CrawlerOutput,
    pub grouping: Grouping,
    /// Every partitioned table gets an index over its keys.
    pub create_partition_index: bool,
    pub penchant: Extras,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct CrawlerOutput {
    pub partitions: PartitionOutput,
    pub tables: TableOutput,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct PartitionOutput {
    /// What a crawl does in any case: a partition has its table's columns and form.
    pub add_or_update_behavior: Option<InheritFromTable>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct TableOutput {
    pub add_or_update_behavior: Option<MergeNewColumns>,
    /// A crawl that finds more tables fails and writes none.
    pub table_threshold: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum InheritFromTable {
    InheritFromTable,
}

/// New columns are added; columns that the catalog has stay, with their types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MergeNewColumns {
    MergeNewColumns,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Grouping {
    pub table_grouping_policy: Option<CombineCompatibleSchemas>,
    /// Tables are the folders of this level, whatever is in them: 1 is the bucket (or the first folder of a path), 2 a folder in it.
    pub table_level_configuration: Option<usize>,
}

/// Files of one form become one table, whichever columns they have, unless their types contradict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CombineCompatibleSchemas {
    CombineCompatibleSchemas,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Extras {
    /// Every table that is new or has other data than before is profiled after the crawl.
    pub profile: bool,
    /// Rows looked at per table; [`crate::profile::SAMPLE_ROWS`] unless said.
    pub profile_rows: Option<usize>,
}

impl Configuration {
    /// Nothing, or an empty text, is the default. Fails on what is no JSON object or holds what is not known, naming it.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Self::default()) };
        let parsed: Self = serde_json::from_str(text).map_err(|e| {
            Error::invalid_input(format!("Configuration is a JSON object of Glue's members; found one that is not known: {e}."))
        })?;
        if parsed.version.as_ref().is_some_and(|version| version.as_f64() != Some(1.0)) {
            return Err(Error::invalid_input(format!(
                "The Version of a crawler's Configuration is 1.0; found {}.",
                parsed.version.unwrap_or_default()
            )));
        }
        let positive = [
            ("TableThreshold", parsed.crawler_output.tables.table_threshold),
            ("TableLevelConfiguration", parsed.grouping.table_level_configuration),
            ("ProfileRows", parsed.penchant.profile_rows),
        ];
        match positive.iter().find(|(_, value)| *value == Some(0)) {
            Some((name, _)) => Err(Error::invalid_input(format!("{name} is at least 1; found 0."))),
            None => Ok(parsed),
        }
    }
}
