//! What a dataset group held at one moment.

use domain::{Arn, Result};
use runs::RunId;
use serde::{Deserialize, Serialize};
use store::{Artifacts, Tx};

use crate::contents::{Part, contents_in};
use crate::datasets::Datasets;
use crate::resources::{Dataset, DatasetGroup, DatasetType, Domain, Schema};
use crate::training_data::TrainingData;

/// An immutable list of files and schemas; a few hundred bytes, stored with whatever was made from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub dataset_group_arn: Arn,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactions: Option<SnapshotDataset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<SnapshotDataset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<SnapshotDataset>,
    /// Live events with a sequence number up to this one are in the interactions.
    pub events_through: u64,
}

/// One dataset of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotDataset {
    pub dataset_arn: Arn,
    /// The Avro record, as JSON text.
    pub schema: String,
    pub parts: Vec<Part>,
    /// See [`crate::DatasetContents::deletions`].
    #[serde(default)]
    pub deletions: u64,
}

impl SnapshotDataset {
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

impl Snapshot {
    /// Reads the files and builds dense indices; blocking work is done off the async threads.
    pub async fn load(&self, artifacts: &Artifacts) -> Result<TrainingData> {
        let (snapshot, artifacts) = (self.clone(), artifacts.clone());
        tokio::task::spawn_blocking(move || TrainingData::load(&snapshot, &artifacts))
            .await
            .map_err(|e| domain::Error::internal("The loading of a snapshot broke off.").source(e))?
    }

    fn slot(&mut self, kind: DatasetType) -> &mut Option<SnapshotDataset> {
        match kind {
            DatasetType::Interactions => &mut self.interactions,
            DatasetType::Items => &mut self.items,
            DatasetType::Users => &mut self.users,
        }
    }
}

impl Datasets {
    /// The group as it is now, for `reader`: the files stay on disk, and the datasets cannot be deleted, until that run
    /// has ended. Call it in the transaction that creates what is trained from it.
    pub async fn snapshot_in(&self, tx: &mut Tx, group_arn: &Arn, reader: &RunId) -> Result<Snapshot> {
        let group = tx.get::<DatasetGroup>(group_arn.as_str()).await?;
        let mut snapshot = Snapshot {
            dataset_group_arn: group_arn.clone(),
            domain: group.domain,
            interactions: None,
            items: None,
            users: None,
            events_through: 0,
        };
        for dataset in tx.children::<Dataset>(group_arn.as_str()).await? {
            let schema = tx.get::<Schema>(dataset.schema_arn.as_str()).await?.value.schema;
            let contents = contents_in(tx, &dataset.dataset_arn).await?;
            snapshot.events_through = snapshot.events_through.max(contents.events_through);
            // Asking who holds it forgets the runs that have ended.
            self.holders_in(tx, &dataset.dataset_arn).await?;
            self.hold_while_running_in(tx, &dataset.dataset_arn, reader).await?;
            *snapshot.slot(dataset.dataset_type) = Some(SnapshotDataset {
                dataset_arn: dataset.dataset_arn.clone(),
                schema,
                parts: contents.parts,
                deletions: contents.deletions,
            });
        }
        Ok(snapshot)
    }
}
