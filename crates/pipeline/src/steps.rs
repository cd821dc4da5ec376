//! The steps of a pipeline run. Each looks for what it would make first: names carry the run's id, so an interrupted run
//! finds what it had begun.

use dataset::{
    CreateDataset, CreateDatasetGroup, CreateDatasetImportJob, CreateSchema, DataSource, DatasetImportJob, DatasetType, ImportMode,
    ImportReport,
};
use domain::{Arn, Error, ErrorKind, Result};
use runs::RunContext;
use serve::{CreateCampaign, UpdateCampaign};
use train::{CreateSolution, CreateSolutionVersion, Report};

use crate::executor::{PipelineExecutor, Trained, wait};
use crate::parameters::{BEST, CampaignParameters, DatasetParameters, Parameters};

/// The metric that `"solution": "best"` goes by.
const DECIDES: &str = "normalized_discounted_cumulative_gain_at_10";

pub(crate) struct Steps<'a> {
    pub stages: &'a PipelineExecutor,
    pub context: &'a RunContext,
    pub parameters: &'a Parameters,
    /// Prefix for datasets without a location.
    pub beside: String,
}

impl Steps<'_> {
    pub async fn dataset_group(&self) -> Result<Arn> {
        let name = &self.parameters.dataset_group.name;
        let groups = self.stages.datasets.list_dataset_groups().await?;
        if let Some(found) = groups.iter().find(|group| group.name.as_str() == name) {
            return Ok(found.dataset_group_arn.clone());
        }
        let request = CreateDatasetGroup { name: name.clone(), domain: None, role_arn: None, kms_key_arn: None };
        self.context.info(format!("Creating dataset group {name}."));
        Ok(self.stages.datasets.create_dataset_group(request).await?.dataset_group_arn)
    }

    /// Imports every dataset, all at once.
    pub async fn import_all(&self, group: &Arn) -> Result<Vec<(String, ImportReport)>> {
        let mut jobs = Vec::new();
        for (kind, dataset) in self.parameters.typed_datasets() {
            let dataset_arn = self.dataset(group, kind, dataset).await?;
            jobs.push((kind, self.import_job(&dataset_arn, kind, dataset).await?));
        }
        let mut reports = Vec::new();
        for (kind, job) in jobs {
            let report: ImportReport = wait(self.context, &job.run).await?.result()?;
            self.context.info(format!("Imported {kind}: {} of {} rows kept.", report.rows_kept, report.rows_read));
            reports.push((kind.to_string(), report));
        }
        Ok(reports)
    }

    async fn dataset(&self, group: &Arn, kind: DatasetType, wanted: &DatasetParameters) -> Result<Arn> {
        let schema_arn = self.schema(kind, wanted).await?;
        let datasets = self.stages.datasets.list_datasets(Some(group)).await?;
        if let Some(found) = datasets.into_iter().find(|dataset| dataset.dataset_type == kind) {
            if found.schema_arn == schema_arn {
                return Ok(found.value.dataset_arn);
            }
            return Err(Error::invalid_state(format!(
                "The {kind} dataset of group {} has schema {}, the parameter file describes another one: delete the dataset to use the new schema.",
                group.id(),
                found.schema_arn.id()
            ))
            .code("PIPELINE_SCHEMA_CHANGED"));
        }
        let request =
            CreateDataset { name: wanted.name.clone(), schema_arn, dataset_group_arn: group.clone(), dataset_type: kind.as_str().into() };
        self.context.info(format!("Creating dataset {}.", wanted.name));
        Ok(self.stages.datasets.create_dataset(request).await?.dataset_arn)
    }

    /// The schema resource is named after group, type and content, so an unchanged file finds its schema again.
    async fn schema(&self, kind: DatasetType, wanted: &DatasetParameters) -> Result<Arn> {
        let text = wanted.schema.to_string();
        let name = format!("{:.40}-{}-{:08x}", self.parameters.dataset_group.name, kind.as_str().to_lowercase(), fingerprint(&text));
        let schemas = self.stages.datasets.list_schemas().await?;
        if let Some(found) = schemas.iter().find(|schema| schema.name.as_str() == name) {
            return Ok(found.schema_arn.clone());
        }
        Ok(self.stages.datasets.create_schema(CreateSchema { name, schema: text, domain: None }).await?.schema_arn)
    }

    async fn import_job(&self, dataset_arn: &Arn, kind: DatasetType, wanted: &DatasetParameters) -> Result<DatasetImportJob> {
        let name = format!("{}-{}", self.context.id(), kind.as_str().to_lowercase());
        let jobs = self.stages.datasets.list_dataset_import_jobs(Some(dataset_arn)).await?;
        if let Some(found) = jobs.into_iter().find(|job| job.job_name.as_str() == name) {
            return Ok(found.value);
        }
        let folder = || format!("{}{}/", self.beside, title_case(kind));
        let request = CreateDatasetImportJob {
            job_name: name,
            dataset_arn: dataset_arn.clone(),
            data_source: DataSource { data_location: wanted.data_location.clone().unwrap_or_else(folder) },
            role_arn: None,
            import_mode: ImportMode::Full,
        };
        self.context.info(format!("Importing {kind} from {}.", request.data_source.data_location));
        self.stages.datasets.create_dataset_import_job(request).await
    }

    pub async fn event_tracker(&self, group: &Arn) -> Result<()> {
        let Some(tracker) = &self.parameters.event_tracker else { return Ok(()) };
        let trackers = self.stages.events.list_event_trackers(Some(group)).await?;
        if !trackers.is_empty() {
            return Ok(());
        }
        self.context.info(format!("Creating event tracker {}.", tracker.name));
        let request = events::CreateEventTracker { name: tracker.name.clone(), dataset_group_arn: group.clone() };
        self.stages.events.create_event_tracker(request).await.map(|_| ())
    }

    /// Trains every solution, all at once; the first that fails fails the pipeline once all have ended.
    pub async fn train_all(&self, group: &Arn) -> Result<Vec<Trained>> {
        let mut versions = Vec::new();
        for key in self.parameters.solutions.keys() {
            let solution = self.solution(group, key).await?;
            versions.push((key.clone(), self.version(&solution).await?));
        }
        let mut trained = Vec::new();
        let mut failure = None;
        for (key, arn) in versions {
            let run = self.stages.training.get_solution_version(&arn).await?.run.id;
            match wait(self.context, &run).await {
                Ok(_) => trained.push(self.judged(key, arn).await?),
                Err(error) if error.kind == ErrorKind::Stopped => return Err(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(trained), Err)
    }

    async fn judged(&self, key: String, arn: Arn) -> Result<Trained> {
        let report = self.stages.training.report(&arn).await?;
        for line in report.words() {
            self.context.info(format!("{key}: {line}"));
        }
        Ok(Trained { key, solution_version_arn: arn, report })
    }

    async fn solution(&self, group: &Arn, key: &str) -> Result<Arn> {
        let mut arguments = self.parameters.solutions.get(key).cloned().unwrap_or_default();
        arguments.insert("datasetGroupArn".into(), group.as_str().into());
        let request: CreateSolution = serde_json::from_value(arguments.into())
            .map_err(|e| Error::invalid_input(format!("solutions.{key} of the parameter file is not what CreateSolution takes: {e}.")))?;
        let found = self.stages.training.list_solutions(Some(group)).await?;
        let Some(found) = found.into_iter().find(|solution| solution.name.as_str() == request.name) else {
            return Ok(self.stages.training.create_solution(request).await?.solution_arn);
        };
        let name = request.name.clone();
        if request.describes(&found) {
            return Ok(found.value.solution_arn);
        }
        Err(Error::invalid_state(format!(
            "Solution {name} exists with another recipe or configuration than the parameter file asks for: give it another name."
        ))
        .code("PIPELINE_SOLUTION_CHANGED"))
    }

    async fn version(&self, solution: &Arn) -> Result<Arn> {
        let name = self.context.id().to_string();
        let versions = self.stages.training.list_solution_versions(Some(solution)).await?;
        let ours = versions.into_iter().find(|view| view.version.name.as_ref().is_some_and(|found| found.as_str() == name));
        if let Some(found) = ours {
            return Ok(found.version.value.solution_version_arn);
        }
        let request = CreateSolutionVersion { solution_arn: solution.clone(), name: Some(name), training_mode: None };
        Ok(self.stages.training.create_solution_version(request).await?.solution_version_arn)
    }

    /// Creates the campaigns, or moves them to the new versions; gives campaign and version.
    pub async fn deploy_all(&self, trained: &[Trained]) -> Result<Vec<(Arn, Arn)>> {
        let mut campaigns = Vec::new();
        for (key, wanted) in &self.parameters.campaigns {
            let solution = self.parameters.solution_of(key, wanted);
            let chosen = if solution == BEST { best(trained) } else { trained.iter().find(|one| one.key == solution) };
            let chosen = chosen.ok_or_else(|| Error::internal(format!("Solution {solution:?} was not trained.")))?;
            let campaign = self.deploy(wanted, &chosen.solution_version_arn).await?;
            self.context.info(format!("Campaign {} serves {} ({}).", wanted.name, chosen.key, chosen.solution_version_arn.id()));
            campaigns.push((campaign, chosen.solution_version_arn.clone()));
        }
        Ok(campaigns)
    }

    async fn deploy(&self, wanted: &CampaignParameters, version: &Arn) -> Result<Arn> {
        let campaigns = self.stages.serving.list_campaigns(None).await?;
        let found = campaigns.into_iter().find(|view| view.campaign.name.as_str() == wanted.name);
        let arn = match found {
            None => {
                let request = CreateCampaign {
                    name: wanted.name.clone(),
                    solution_version_arn: version.clone(),
                    min_provisioned_tps: wanted.min_provisioned_tps,
                    campaign_config: wanted.campaign_config.clone(),
                };
                self.stages.serving.create_campaign(request).await?.campaign_arn
            }
            Some(view) => {
                let arn = view.campaign.campaign_arn.clone();
                let newest = view
                    .campaign
                    .latest_campaign_update
                    .as_ref()
                    .map_or(&view.campaign.solution_version_arn, |update| &update.solution_version_arn);
                if newest != version {
                    let request = UpdateCampaign {
                        campaign_arn: arn.clone(),
                        solution_version_arn: Some(version.clone()),
                        min_provisioned_tps: wanted.min_provisioned_tps,
                        campaign_config: wanted.campaign_config.clone(),
                    };
                    self.stages.serving.update_campaign(request).await?;
                }
                arn
            }
        };
        let view = self.stages.serving.get_campaign(&arn).await?;
        wait(self.context, &view.update.unwrap_or(view.run).id).await?;
        Ok(arn)
    }
}

fn decides(report: &Report) -> f64 {
    report.next.metrics.get(DECIDES).copied().unwrap_or(0.0)
}

fn best(trained: &[Trained]) -> Option<&Trained> {
    trained.iter().max_by(|a, b| decides(&a.report).total_cmp(&decides(&b.report)))
}

/// `Interactions`, as the sample's folders are named.
fn title_case(kind: DatasetType) -> String {
    let text = kind.as_str();
    format!("{}{}", &text[..1], text[1..].to_lowercase())
}

/// FNV-1a, 32 bits: tells contents apart, protects against nothing.
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
