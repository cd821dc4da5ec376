//! Create, get, list and delete of what this stage stores.

use domain::arn::Partition;
use domain::{Arn, Error, Name, Result, RunState};
use runs::{Filter, NewRun, Runs};
use serde::{Deserialize, Serialize};
use store::{Artifacts, Buckets, Location, Resource, Store, Stored};

use crate::contents::{DatasetContents, contents_in};
use crate::import::{self, ImportSettings};
use crate::resources::{
    CreateDataset, CreateDatasetGroup, CreateDatasetImportJob, CreateSchema, Dataset, DatasetGroup, DatasetImportJob, DatasetType, Schema,
};
use crate::schema::AvroSchema;

/// The handles of this stage; clone it freely.
#[derive(Debug, Clone)]
pub struct Datasets {
    runs: Runs,
    buckets: Buckets,
    artifacts: Artifacts,
    partition: Partition,
    settings: ImportSettings,
}

/// The input of an import run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ImportInput {
    pub job: Arn,
}

impl Datasets {
    pub fn new(runs: Runs, buckets: Buckets, artifacts: Artifacts, partition: Partition) -> Self {
        Self { runs, buckets, artifacts, partition, settings: ImportSettings::default() }
    }

    /// With other limits than the default ones.
    #[must_use]
    pub fn with_settings(mut self, settings: ImportSettings) -> Self {
        self.settings = settings;
        self
    }

    pub fn store(&self) -> &Store {
        self.runs.store()
    }

    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(crate) fn settings(&self) -> &ImportSettings {
        &self.settings
    }

    /// Active at once.
    pub async fn create_dataset_group(&self, new: CreateDatasetGroup) -> Result<DatasetGroup> {
        let name = Name::new(new.name)?;
        let dataset_group_arn = self.partition.personalize("dataset-group", &name);
        let group = DatasetGroup { name, dataset_group_arn, domain: new.domain, role_arn: new.role_arn, kms_key_arn: new.kms_key_arn };
        self.store().create(&group).await?;
        Ok(group)
    }

    pub async fn get_dataset_group(&self, arn: &Arn) -> Result<Stored<DatasetGroup>> {
        self.store().get(arn.as_str()).await
    }

    pub async fn list_dataset_groups(&self) -> Result<Vec<Stored<DatasetGroup>>> {
        self.store().list().await
    }

    /// Refuses (`InUse`) while datasets, solutions or event trackers are in it.
    pub async fn delete_dataset_group(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let group = tx.get::<DatasetGroup>(arn.as_str()).await?;
        let datasets = tx.children::<Dataset>(arn.as_str()).await?;
        let mut needed_by: Vec<String> = datasets.iter().map(|d| format!("dataset \"{}\"", d.name)).collect();
        needed_by.extend(self.holders_in(&mut tx, arn).await?);
        refuse_while_needed(&format!("Dataset group \"{}\"", group.name), &needed_by)?;
        tx.delete::<DatasetGroup>(arn.as_str()).await?;
        tx.commit().await
    }

    /// Checks the schema for the dataset type that its name says and for the domain.
    pub async fn create_schema(&self, new: CreateSchema) -> Result<Schema> {
        let name = Name::new(new.name)?;
        AvroSchema::parse(&new.schema, new.domain)?;
        let schema_arn = self.partition.personalize("schema", &name);
        let schema = Schema { name, schema_arn, schema: new.schema, domain: new.domain };
        self.store().create(&schema).await?;
        Ok(schema)
    }

    pub async fn get_schema(&self, arn: &Arn) -> Result<Stored<Schema>> {
        self.store().get(arn.as_str()).await
    }

    pub async fn list_schemas(&self) -> Result<Vec<Stored<Schema>>> {
        self.store().list().await
    }

    /// Refuses (`InUse`) while a dataset has it.
    pub async fn delete_schema(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let schema = tx.get::<Schema>(arn.as_str()).await?;
        // Datasets are few; there is no index from schema to dataset to keep right.
        let groups = self.store().list::<Dataset>().await?;
        let needed_by: Vec<String> = groups.iter().filter(|d| &d.schema_arn == arn).map(|d| format!("dataset \"{}\"", d.name)).collect();
        refuse_while_needed(&format!("Schema \"{}\"", schema.name), &needed_by)?;
        tx.delete::<Schema>(arn.as_str()).await?;
        tx.commit().await
    }

    /// One dataset of each type in a group; the schema must be for that type and have the group's domain.
    pub async fn create_dataset(&self, new: CreateDataset) -> Result<Dataset> {
        let name = Name::new(new.name)?;
        let dataset_type = DatasetType::parse(&new.dataset_type)?;
        let mut tx = self.store().begin().await?;
        let group = tx.get::<DatasetGroup>(new.dataset_group_arn.as_str()).await?;
        let schema = tx.get::<Schema>(new.schema_arn.as_str()).await?;
        check_schema_fits(&group, &schema, dataset_type)?;
        let siblings = tx.children::<Dataset>(group.dataset_group_arn.as_str()).await?;
        if let Some(sibling) = siblings.iter().find(|sibling| sibling.dataset_type == dataset_type) {
            return Err(Error::already_exists(format!(
                "A dataset of type {dataset_type} (\"{}\") in dataset group \"{}\"",
                sibling.name, group.name
            )));
        }
        let dataset_arn = self.partition.personalize("dataset", format!("{}/{dataset_type}", group.name));
        let dataset = Dataset { name, dataset_arn, dataset_group_arn: new.dataset_group_arn, dataset_type, schema_arn: new.schema_arn };
        tx.create(&dataset).await?;
        tx.commit().await?;
        Ok(dataset)
    }

    pub async fn get_dataset(&self, arn: &Arn) -> Result<Stored<Dataset>> {
        self.store().get(arn.as_str()).await
    }

    /// Those of one group, or all.
    pub async fn list_datasets(&self, group_arn: Option<&Arn>) -> Result<Vec<Stored<Dataset>>> {
        match group_arn {
            Some(group) => self.store().children(group.as_str()).await,
            None => self.store().list().await,
        }
    }

    /// The group's dataset of the type, if there is one.
    pub async fn find_dataset(&self, group_arn: &Arn, dataset_type: DatasetType) -> Result<Option<Stored<Dataset>>> {
        let datasets = self.list_datasets(Some(group_arn)).await?;
        Ok(datasets.into_iter().find(|dataset| dataset.dataset_type == dataset_type))
    }

    /// What is in the dataset right now; empty when nothing was imported.
    pub async fn contents(&self, dataset_arn: &Arn) -> Result<DatasetContents> {
        let found = self.store().find::<DatasetContents>(dataset_arn.as_str()).await?;
        Ok(found.map_or_else(|| DatasetContents::empty(dataset_arn.clone()), |stored| stored.value))
    }

    /// Deletes the dataset, its import jobs and its files. Refuses (`InUse`) while an import or a training uses it.
    pub async fn delete_dataset(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let dataset = tx.get::<Dataset>(arn.as_str()).await?;
        let mut needed_by = self.holders_in(&mut tx, arn).await?;
        needed_by.extend(self.open_import(arn).await?.map(|run| format!("import run {run}")));
        refuse_while_needed(&format!("Dataset \"{}\"", dataset.name), &needed_by)?;
        for job in tx.children::<DatasetImportJob>(arn.as_str()).await? {
            tx.delete::<DatasetImportJob>(&job.key()).await?;
        }
        let contents = contents_in(&mut tx, arn).await?;
        if tx.find::<DatasetContents>(arn.as_str()).await?.is_some() {
            tx.delete::<DatasetContents>(arn.as_str()).await?;
        }
        tx.delete::<Dataset>(arn.as_str()).await?;
        tx.commit().await?;
        for part in contents.parts.iter().chain(&contents.retired) {
            self.artifacts.delete(part.folder()).await?;
        }
        Ok(())
    }

    /// Queues the import; one at a time per dataset (`InUse`).
    pub async fn create_dataset_import_job(&self, new: CreateDatasetImportJob) -> Result<DatasetImportJob> {
        let job_name = Name::new(new.job_name)?;
        Location::parse(&new.data_source.data_location)?;
        let dataset_import_job_arn = self.partition.personalize("dataset-import-job", &job_name);
        let mut tx = self.store().begin().await?;
        let dataset = tx.get::<Dataset>(new.dataset_arn.as_str()).await?;
        let run = NewRun::new(import::KIND, new.dataset_arn.as_str()).input(&ImportInput { job: dataset_import_job_arn.clone() })?;
        if tx.find::<DatasetImportJob>(dataset_import_job_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Dataset import job \"{job_name}\"")));
        }
        if let Some(open) = self.open_import(&dataset.dataset_arn).await? {
            return Err(Error::in_use(format!("Dataset \"{}\" takes one import at a time: run {open} has not ended yet.", dataset.name)));
        }
        let job = DatasetImportJob {
            job_name,
            dataset_import_job_arn,
            dataset_arn: new.dataset_arn,
            data_source: new.data_source,
            role_arn: new.role_arn,
            import_mode: new.import_mode,
            run: self.runs.submit_in(&mut tx, &run).await?,
        };
        tx.create(&job).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(job)
    }

    pub async fn get_dataset_import_job(&self, arn: &Arn) -> Result<Stored<DatasetImportJob>> {
        self.store().get(arn.as_str()).await
    }

    /// Those of one dataset, or all.
    pub async fn list_dataset_import_jobs(&self, dataset_arn: Option<&Arn>) -> Result<Vec<Stored<DatasetImportJob>>> {
        match dataset_arn {
            Some(dataset) => self.store().children(dataset.as_str()).await,
            None => self.store().list().await,
        }
    }

    /// The import of the dataset that is queued or running. Call it with a transaction open, so that none is added meanwhile.
    pub(crate) async fn open_import(&self, dataset_arn: &Arn) -> Result<Option<runs::RunId>> {
        for state in [RunState::Queued, RunState::Running] {
            let filter =
                Filter { kind: Some(import::KIND.into()), subject: Some(dataset_arn.to_string()), state: Some(state), ..Filter::default() };
            if let Some(run) = self.runs.list(&filter, 1).await?.into_iter().next() {
                return Ok(Some(run.id));
            }
        }
        Ok(None)
    }

    /// Removes files that are no longer part of the dataset, unless a run may still be reading them; they are looked at
    /// again after the next change.
    pub(crate) async fn sweep(&self, dataset_arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let mut contents = contents_in(&mut tx, dataset_arn).await?;
        if contents.retired.is_empty() || !self.holders_in(&mut tx, dataset_arn).await?.is_empty() {
            return Ok(());
        }
        let retired = std::mem::take(&mut contents.retired);
        for part in &retired {
            self.artifacts.delete(part.folder()).await?;
        }
        tx.put(contents).await?;
        tx.commit().await
    }
}

fn check_schema_fits(group: &DatasetGroup, schema: &Schema, dataset_type: DatasetType) -> Result<()> {
    let found = AvroSchema::stored(&schema.schema)?.dataset_type;
    if found != dataset_type {
        return Err(Error::invalid_input(format!(
            "A dataset of type {dataset_type} needs a schema whose record is named for it; schema \"{}\" is for {found}.",
            schema.name
        )));
    }
    let word = |domain: Option<crate::Domain>| domain.map_or("none", crate::Domain::as_str);
    if group.domain != schema.domain {
        return Err(Error::invalid_input(format!(
            "The schema's domain must be that of dataset group \"{}\": expected {}, found {} in schema \"{}\".",
            group.name,
            word(group.domain),
            word(schema.domain),
            schema.name
        )));
    }
    Ok(())
}

fn refuse_while_needed(what: &str, needed_by: &[String]) -> Result<()> {
    if needed_by.is_empty() {
        return Ok(());
    }
    Err(Error::in_use(format!("{what} cannot be deleted while it is needed by {}.", needed_by.join(", "))))
}
