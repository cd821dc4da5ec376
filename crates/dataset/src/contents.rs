//! The pointer from a dataset to its files.

use domain::{Arn, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Tx};

/// Who brought a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An import job; replaced by the next full import.
    Bulk,
    /// The events stage.
    Put,
}

/// One immutable Parquet file in the artifacts, columns named as the schema names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Artifact name.
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub origin: Origin,
}

impl Part {
    /// The folder that holds this file and nothing else.
    pub(crate) fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or(self.name.as_str(), |(folder, _)| folder)
    }
}

/// What a dataset consists of right now. Key: the dataset's ARN. Flipped in one transaction, files are never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetContents {
    pub dataset_arn: Arn,
    /// In the order of arrival: of two rows about one item the later one counts.
    pub parts: Vec<Part>,
    /// No longer part of the dataset, but a run may still be reading them.
    pub retired: Vec<Part>,
    /// Sequence number of the last event that is in `parts`; 0 when none is.
    pub events_through: u64,
    /// How often data of users was taken out of `parts`: who knows rows of before must forget them.
    #[serde(default)]
    pub deletions: u64,
}

impl DatasetContents {
    pub(crate) fn empty(dataset_arn: Arn) -> Self {
        Self { dataset_arn, parts: Vec::new(), retired: Vec::new(), events_through: 0, deletions: 0 }
    }

    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Takes the parts for which `gone` is true out of the dataset.
    pub(crate) fn retire(&mut self, gone: impl Fn(&Part) -> bool) {
        let (out, kept) = std::mem::take(&mut self.parts).into_iter().partition(gone);
        self.parts = kept;
        let mut out: Vec<Part> = out;
        self.retired.append(&mut out);
    }
}

impl Resource for DatasetContents {
    const KIND: &'static str = "dataset_contents";
    fn key(&self) -> String {
        self.dataset_arn.to_string()
    }
}

/// The contents of a dataset, empty when nothing was imported yet.
pub(crate) async fn contents_in(tx: &mut Tx, dataset_arn: &Arn) -> Result<DatasetContents> {
    let found = tx.find::<DatasetContents>(dataset_arn.as_str()).await?;
    Ok(found.map_or_else(|| DatasetContents::empty(dataset_arn.clone()), |stored| stored.value))
}
