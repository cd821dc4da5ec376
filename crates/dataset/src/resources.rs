//! What this stage stores, in the member names of the Personalize API. Times and statuses are not in the types:
//! times come from the store, the status of an import job from its run; everything else is active at once.

use std::fmt;

use domain::{Arn, Error, Name, Result};
use runs::RunId;
use serde::{Deserialize, Serialize};
use store::Resource;

/// What the data is about. AWS has two more (`Actions`, `Action_Interactions`) that this version refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DatasetType {
    Interactions,
    Items,
    Users,
}

impl DatasetType {
    pub const ALL: [DatasetType; 3] = [Self::Interactions, Self::Items, Self::Users];

    /// In any case, as AWS takes it.
    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::invalid_input(format!("A datasetType is Interactions, Items or Users; found {text:?}.")))
    }

    /// In capitals, as in ARNs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactions => "INTERACTIONS",
            Self::Items => "ITEMS",
            Self::Users => "USERS",
        }
    }
}

impl fmt::Display for DatasetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for DatasetType {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<DatasetType> for String {
    fn from(kind: DatasetType) -> Self {
        kind.as_str().into()
    }
}

/// A group without a domain is a custom one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Domain {
    Ecommerce,
    VideoOnDemand,
}

impl Domain {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ecommerce => "ECOMMERCE",
            Self::VideoOnDemand => "VIDEO_ON_DEMAND",
        }
    }
}

/// Key: its ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetGroup {
    pub name: Name,
    pub dataset_group_arn: Arn,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

impl Resource for DatasetGroup {
    const KIND: &'static str = "dataset_group";
    fn key(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

/// Key: its ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    pub name: Name,
    pub schema_arn: Arn,
    /// The Avro record, as JSON text.
    pub schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
}

impl Resource for Schema {
    const KIND: &'static str = "schema";
    fn key(&self) -> String {
        self.schema_arn.to_string()
    }
}

/// Key: its ARN; parent: its group's ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    pub name: Name,
    pub dataset_arn: Arn,
    pub dataset_group_arn: Arn,
    pub dataset_type: DatasetType,
    pub schema_arn: Arn,
}

impl Resource for Dataset {
    const KIND: &'static str = "dataset";
    fn key(&self) -> String {
        self.dataset_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

/// Where an import reads from: an `s3://` file or prefix, or a local path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataSource {
    pub data_location: String,
}

/// `FULL` replaces what earlier imports brought, `INCREMENTAL` adds to it; events put one by one stay in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImportMode {
    #[default]
    Full,
    Incremental,
}

/// Key: its ARN; parent: its dataset's ARN. Its status is the state of `run`, whose result is an [`crate::ImportReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetImportJob {
    pub job_name: Name,
    pub dataset_import_job_arn: Arn,
    pub dataset_arn: Arn,
    pub data_source: DataSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    pub import_mode: ImportMode,
    pub run: RunId,
}

impl Resource for DatasetImportJob {
    const KIND: &'static str = "dataset_import_job";
    fn key(&self) -> String {
        self.dataset_import_job_arn.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_arn.to_string()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDatasetGroup {
    pub name: String,
    #[serde(default)]
    pub domain: Option<Domain>,
    #[serde(default)]
    pub role_arn: Option<String>,
    #[serde(default)]
    pub kms_key_arn: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSchema {
    pub name: String,
    pub schema: String,
    #[serde(default)]
    pub domain: Option<Domain>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDataset {
    pub name: String,
    pub schema_arn: Arn,
    pub dataset_group_arn: Arn,
    pub dataset_type: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDatasetImportJob {
    pub job_name: String,
    pub dataset_arn: Arn,
    pub data_source: DataSource,
    #[serde(default)]
    pub role_arn: Option<String>,
    #[serde(default)]
    pub import_mode: ImportMode,
}
