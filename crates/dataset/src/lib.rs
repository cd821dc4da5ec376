//! Stage 4: dataset groups, schemas, datasets, checked imports, and the snapshots that models are trained on.
//!
//! Takes: CSV or Parquet files under a prefix, and events from the `events` stage. Gives: a columnar store of
//! interactions, items and users (Parquet parts behind one pointer per dataset), and immutable [`Snapshot`]s that
//! [`Snapshot::load`] turns into [`TrainingData`] with dense indices.
//!
//! Must not know: recipes, metrics, campaigns, or where the files came from. Problems of the data are values
//! ([`ImportReport`]); only what makes an import impossible is an error.
//!
//! Start reading at [`Datasets`], then `import/mod.rs`, then `training_data.rs`.

mod append;
mod contents;
mod datasets;
mod deletion;
mod hold;
mod id_map;
mod import;
mod interaction_rows;
mod metadata_rows;
mod part_file;
mod plain_rows;
mod resources;
mod schema;
mod schema_rules;
mod snapshot;
mod tags;
mod training_data;

pub use append::{Appended, PutRecord};
pub use contents::{DatasetContents, Origin, Part};
pub use datasets::Datasets;
pub use deletion::{Deletion, Leavers, ModelWithout, NewDeletion};
pub use id_map::IdMap;
pub use import::{ImportExecutor, ImportReport, ImportSettings, Problem, ReasonCount};
pub use plain_rows::{Cell, SESSION};
pub use resources::{
    CreateDataset, CreateDatasetGroup, CreateDatasetImportJob, CreateSchema, DataSource, Dataset, DatasetGroup, DatasetImportJob,
    DatasetType, Domain, ImportMode, Schema,
};
pub use schema::{AvroSchema, Field, FieldType};
pub use snapshot::{Snapshot, SnapshotDataset};
pub use tags::{Tag, checked_tags};
pub use training_data::{Events, TrainingData};

#[cfg(test)]
mod tests;
