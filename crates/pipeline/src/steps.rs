//! The steps of a pipeline run. Each looks for what it would make first: names carry the run's id, so an interrupted run
//! finds what it had begun.

use std::collections::BTreeMap;

use dataset::{CreateDataset, CreateDatasetGroup, CreateDatasetImportJob, CreateSchema, DataSource, DatasetImportJob, ImportReport};
use domain::{Arn, Error, Result};
use runs::RunContext;
use serve::{CreateBatchInferenceJob, CreateCampaign, CreateFilter, UpdateCampaign};
use train::{CreateSolutionVersion, UpdateBasis};

use crate::executor::{Outcome, PipelineExecutor, Trained, wait};
use crate::gate::{self, Candidate, Decision, Gate};
use crate::pipelines::Pipeline;
use crate::plan::{Action, Scope, Stage, Step, arguments, batch_name, live_version, schema_name};
use crate::planner::Planner;
use crate::tags;
use crate::turn::{Begun, Turn};
use crate::wanted::{Campaign, Choice, Dataset, IMPORTS, Solution, Wanted};

pub(crate) struct Steps<'a> {
    pub stages: &'a PipelineExecutor,
    planner: &'a Planner,
    pub context: &'a RunContext,
    pipeline: &'a Pipeline,
    pub begun: &'a Begun,
    pub group: Arn,
}

impl<'a> Steps<'a> {
    pub fn new(
        stages: &'a PipelineExecutor,
        planner: &'a Planner,
        context: &'a RunContext,
        pipeline: &'a Pipeline,
        begun: &'a Begun,
    ) -> Self {
        let group = stages.datasets.partition().personalize("dataset-group", &begun.wanted.group.name);
        Self { stages, planner, context, pipeline, begun, group }
    }

    pub fn wanted(&self) -> &Wanted {
        &self.begun.wanted
    }

    /// The whole plan; `outcome` grows with every step that is done.
    pub async fn all(&self, outcome: &mut Outcome) -> Result<()> {
        for step in self.of(Stage::Schema, outcome) {
            self.schema(step).await?;
        }
        for step in self.of(Stage::DatasetGroup, outcome) {
            self.dataset_group(step).await?;
        }
        outcome.dataset_group_arn = Some(self.group.clone());
        for step in self.of(Stage::Dataset, outcome) {
            self.dataset(step).await?;
        }
        self.imports(outcome).await?;
        self.context.point("imported").await;
        for step in self.of(Stage::EventTracker, outcome) {
            self.event_tracker(step).await?;
        }
        for step in self.of(Stage::Solution, outcome) {
            self.solution(step).await?;
        }
        self.versions(outcome).await?;
        self.context.point("trained").await;
        for step in self.of(Stage::Campaign, outcome) {
            self.campaign(step, outcome).await?;
        }
        self.recommenders(outcome).await?;
        for step in self.of(Stage::Filter, outcome) {
            self.filter(step).await?;
        }
        for step in self.of(Stage::BatchInferenceJob, outcome) {
            self.batch(step, outcome).await?;
        }
        for step in self.of(Stage::Tags, outcome) {
            tags::carry_out(&self.stages.datasets, self.wanted(), step).await?;
        }
        self.of(Stage::LeftOut, outcome);
        Ok(())
    }

    /// The steps of a stage, which is now under way.
    pub fn of(&self, stage: Stage, outcome: &mut Outcome) -> Vec<&'a Step> {
        let steps: Vec<&Step> = self.begun.plan.of(stage).collect();
        if !steps.is_empty() {
            let done = outcome.steps.len() as u64;
            self.context.progress(done, self.begun.plan.steps.len() as u64, &format!("steps, {stage}s now"));
            outcome.steps.extend(steps.iter().map(|step| (*step).clone()));
        }
        steps
    }

    /// Something new that has its tags for good.
    async fn tag(&self, stage: Stage, name: &str, arn: &Arn) -> Result<()> {
        tags::give(&self.stages.datasets, self.wanted(), stage, name, arn).await
    }

    fn wanted_dataset(&self, is: impl Fn(&Dataset) -> bool) -> Result<&Dataset> {
        self.wanted().datasets.iter().find(|dataset| is(dataset)).ok_or_else(lost)
    }

    async fn schema(&self, step: &Step) -> Result<()> {
        let schemas = self.stages.datasets.list_schemas().await?;
        if step.action != Action::Create || schemas.iter().any(|schema| schema.name.as_str() == step.name) {
            return Ok(());
        }
        let dataset = self.wanted_dataset(|dataset| schema_name(self.wanted(), dataset) == step.name)?;
        let schema = CreateSchema { name: step.name.clone(), schema: dataset.schema.to_string(), domain: self.wanted().group.domain };
        self.stages.datasets.create_schema(schema).await.map(|_| ())
    }

    async fn dataset_group(&self, step: &Step) -> Result<()> {
        let groups = self.stages.datasets.list_dataset_groups().await?;
        if step.action != Action::Create || groups.iter().any(|group| group.dataset_group_arn == self.group) {
            return Ok(());
        }
        let group = self.wanted().group.clone();
        let request =
            CreateDatasetGroup { name: group.name, domain: group.domain, role_arn: group.role_arn, kms_key_arn: group.kms_key_arn };
        self.stages.datasets.create_dataset_group(request).await.map(|_| ())
    }

    async fn dataset(&self, step: &Step) -> Result<()> {
        let dataset = self.wanted_dataset(|dataset| dataset.kind.as_str() == step.name)?;
        if step.action != Action::Create || self.stages.datasets.find_dataset(&self.group, dataset.kind).await?.is_some() {
            return Ok(());
        }
        let schema_arn = self.stages.datasets.partition().personalize("schema", schema_name(self.wanted(), dataset));
        let (name, dataset_type) = (dataset.name.clone(), dataset.kind.as_str().into());
        let request = CreateDataset { name, schema_arn, dataset_group_arn: self.group.clone(), dataset_type };
        self.stages.datasets.create_dataset(request).await.map(|_| ())
    }

    /// Imports every dataset that is to be, all at once; the first that fails fails the pipeline once all have ended.
    async fn imports(&self, outcome: &mut Outcome) -> Result<()> {
        let mut jobs = Vec::new();
        for step in self.of(Stage::Import, outcome) {
            if step.action == Action::Import {
                let run = self.import_job(step).await?.run;
                // At once: who stops this run stops all that it asked for.
                self.context.adopt(&run).await?;
                jobs.push((step, run));
            }
        }
        let mut failure = None;
        for (step, run) in jobs {
            match self.context.wait_child(&run).await?.succeeded() {
                Ok(run) => {
                    let report: ImportReport = run.result()?;
                    self.context.info(format!("Imported {}: {} of {} rows kept.", step.name, report.rows_kept, report.rows_read));
                    outcome.imports.push((step.name.clone(), report));
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn import_job(&self, step: &Step) -> Result<DatasetImportJob> {
        let wanted = self.wanted_dataset(|dataset| dataset.kind.as_str() == step.name)?;
        let dataset = self.stages.datasets.find_dataset(&self.group, wanted.kind).await?.ok_or_else(lost)?;
        let job_name = format!("{}-{}", self.context.id(), step.name.to_lowercase());
        let jobs = self.stages.datasets.list_dataset_import_jobs(Some(&dataset.dataset_arn)).await?;
        if let Some(found) = jobs.into_iter().find(|job| job.job_name.as_str() == job_name) {
            return Ok(found.value);
        }
        let request = CreateDatasetImportJob {
            job_name,
            dataset_arn: dataset.dataset_arn.clone(),
            data_source: DataSource { data_location: step.location.clone().ok_or_else(lost)? },
            role_arn: None,
            import_mode: self.wanted().import_mode,
        };
        let job = self.stages.datasets.create_dataset_import_job(request).await?;
        self.tag(Stage::Import, IMPORTS, &job.dataset_import_job_arn).await?;
        Ok(job)
    }

    async fn event_tracker(&self, step: &Step) -> Result<()> {
        let trackers = self.stages.events.list_event_trackers(Some(&self.group)).await?;
        if step.action != Action::Create || !trackers.is_empty() {
            return Ok(());
        }
        let request = events::CreateEventTracker { name: step.name.clone(), dataset_group_arn: self.group.clone() };
        self.stages.events.create_event_tracker(request).await.map(|_| ())
    }

    fn wanted_solution(&self, name: &str) -> Result<&Solution> {
        self.wanted().solutions.iter().find(|solution| solution.name == name).ok_or_else(lost)
    }

    fn solution_arn(&self, name: &str) -> Arn {
        self.stages.datasets.partition().personalize("solution", name)
    }

    async fn solution(&self, step: &Step) -> Result<()> {
        let found = self.stages.training.list_solutions(Some(&self.group)).await?;
        if step.action != Action::Create || found.iter().any(|solution| solution.name.as_str() == step.name) {
            return Ok(());
        }
        let request = arguments(self.wanted_solution(&step.name)?, &self.group)?;
        self.stages.training.create_solution(request).await.map(|_| ())
    }

    /// Trains every solution that is to be, all at once; the first that fails fails the pipeline once all have ended.
    async fn versions(&self, outcome: &mut Outcome) -> Result<()> {
        let mut versions = Vec::new();
        for step in self.of(Stage::SolutionVersion, outcome) {
            if step.action == Action::Train {
                let arn = self.version(step).await?;
                let run = self.stages.training.get_solution_version(&arn).await?.run.id;
                self.context.adopt(&run).await?;
                versions.push((self.wanted_solution(&step.name)?.key.clone(), arn, run));
            }
        }
        let mut failure = None;
        for (key, arn, run) in versions {
            match self.context.wait_child(&run).await?.succeeded() {
                Ok(_) => outcome.trained.push(self.judged(key, arn).await?),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn version(&self, step: &Step) -> Result<Arn> {
        let (solution_arn, name) = (self.solution_arn(&step.name), self.context.id().to_string());
        let versions = self.stages.training.list_solution_versions(Some(&solution_arn)).await?;
        let ours = versions.into_iter().find(|view| view.version.name.as_ref().is_some_and(|found| found.as_str() == name));
        if let Some(found) = ours {
            return Ok(found.version.value.solution_version_arn);
        }
        let wanted = self.wanted_solution(&step.name)?;
        let judge_beside = self.live_versions(&wanted.key).await?;
        let training_mode = self.training_mode(wanted, &solution_arn).await?;
        let request = CreateSolutionVersion { solution_arn, name: Some(name), training_mode: Some(training_mode), judge_beside };
        let arn = self.stages.training.create_solution_version(request).await?.solution_version_arn;
        self.tag(Stage::SolutionVersion, &step.name, &arn).await?;
        Ok(arn)
    }

    /// An update, where one was asked for and there is something to keep and something to learn; else a full training.
    async fn training_mode(&self, wanted: &Solution, solution_arn: &Arn) -> Result<String> {
        let asked = match self.begun.plan.scope {
            Scope::Update { .. } => true,
            Scope::Train { .. } => false,
            _ => wanted.updates,
        };
        let basis = if asked { self.stages.training.update_basis(solution_arn).await? } else { UpdateBasis::NeverSearched };
        if let UpdateBasis::NothingNew(_) = basis {
            self.context.info(format!(
                "{}: the data are those of its newest version, which an update would not change: trained in full.",
                wanted.key
            ));
        }
        Ok(if let UpdateBasis::Keeps(_) = basis { "UPDATE" } else { "FULL" }.to_owned())
    }

    /// What the campaigns serve that a new version of the solution may come to replace.
    async fn live_versions(&self, key: &str) -> Result<Vec<Arn>> {
        let campaigns = self.stages.serving.list_campaigns(None).await?;
        let wanted: Vec<&str> = self.wanted().campaigns_of(key).map(|campaign| campaign.name.as_str()).collect();
        let ours = campaigns.into_iter().filter(|view| wanted.contains(&view.campaign.name.as_str()));
        let mut live: Vec<Arn> = ours.map(|view| view.campaign.value.solution_version_arn).collect();
        live.sort();
        live.dedup();
        Ok(live)
    }

    pub async fn judged(&self, key: String, arn: Arn) -> Result<Trained> {
        let report = self.stages.training.report(&arn).await?;
        for line in report.words() {
            self.context.info(format!("{key}: {line}"));
        }
        Ok(Trained { key, solution_version_arn: arn, report })
    }

    async fn campaign(&self, step: &Step, outcome: &mut Outcome) -> Result<()> {
        let wanted = self.wanted().campaigns.iter().find(|campaign| campaign.name == step.name).ok_or_else(lost)?;
        let arn = self.stages.datasets.partition().personalize("campaign", &step.name);
        if matches!(step.action, Action::Create | Action::Update) {
            let found = self.settled(&arn).await?;
            let chosen = self.chosen(wanted, found.as_ref(), outcome).await?;
            let live = found.as_ref().filter(|view| view.status() == "ACTIVE").map(|view| view.campaign.solution_version_arn.clone());
            let version = match chosen {
                Some(chosen) => {
                    let decision = self.decision(&wanted.name, &chosen, live.as_ref()).await?;
                    let passed = decision.outcome != Gate::Kept;
                    outcome.decisions.push(decision);
                    passed.then_some(chosen.solution_version_arn)
                }
                None => None,
            };
            self.deploy(wanted, arn.clone(), found, version).await?;
        }
        let serves = self.stages.serving.get_campaign(&arn).await?.campaign.value.solution_version_arn;
        self.context.info(format!("Campaign {} serves {}.", wanted.name, serves.id()));
        outcome.campaigns.push((arn, serves));
        Ok(())
    }

    /// The campaign, if it is there, as it is once no deployment of it is under way any more, whoever asked for that.
    async fn settled(&self, arn: &Arn) -> Result<Option<serve::CampaignView>> {
        loop {
            let found = self.stages.serving.list_campaigns(None).await?.into_iter().find(|view| &view.campaign.campaign_arn == arn);
            let deployments = found.iter().flat_map(|view| [Some(&view.run), view.update.as_ref()]).flatten();
            let Some(under_way) = deployments.into_iter().find(|run| !run.state.is_final()).map(|run| run.id.clone()) else {
                return Ok(found);
            };
            self.context.info(format!("Waits for run {under_way}, which deploys campaign {}.", arn.id()));
            self.context.wait_child(&under_way).await?;
        }
    }

    /// The version that a campaign is to be moved to: one that was trained now, and for a campaign that does not serve yet else the
    /// newest there is.
    async fn chosen(&self, campaign: &Campaign, found: Option<&serve::CampaignView>, outcome: &Outcome) -> Result<Option<Trained>> {
        let of_campaign = |key: &str| match &campaign.solution {
            Choice::Of(of) => of == key,
            Choice::Best => true,
        };
        let mut candidates: Vec<Trained> = outcome.trained.iter().filter(|one| of_campaign(&one.key)).cloned().collect();
        if candidates.is_empty() && found.is_none_or(|view| view.status() != "ACTIVE") {
            for solution in self.wanted().solutions.iter().filter(|solution| of_campaign(&solution.key)) {
                let versions = self.stages.training.list_solution_versions(Some(&self.solution_arn(&solution.name))).await?;
                if let Some(newest) = versions.iter().rev().find(|version| version.is_active()) {
                    candidates.push(self.judged(solution.key.clone(), newest.version.solution_version_arn.clone()).await?);
                }
            }
        }
        let metric = |one: &Trained| one.report.next.metrics.get(&self.wanted().gate.metric).copied().unwrap_or(0.0);
        Ok(candidates.into_iter().max_by(|a, b| metric(a).total_cmp(&metric(b))))
    }

    /// What the gate says of a campaign or recommender, once: told with the decision's record, and found again by a run that goes on.
    pub async fn decision(&self, campaign: &str, chosen: &Trained, live: Option<&Arn>) -> Result<Decision> {
        let group = &self.wanted().group.name;
        let mut tx = self.context.begin().await?;
        let mut turn = tx.get::<Turn>(group).await?.value;
        if let Some(decided) = turn.decisions.iter().find(|decision| decision.campaign == campaign) {
            return Ok(decided.clone());
        }
        let version = self.stages.training.get_solution_version(&chosen.solution_version_arn).await?.version.value;
        let candidate = Candidate { version: &chosen.solution_version_arn, report: &chosen.report, beside: &version.judge_beside };
        let decision = gate::decide(&self.wanted().gate, campaign, &candidate, live);
        self.context.info(format!("{campaign}: {}", decision.words));
        turn.decisions.push(decision.clone());
        tx.put(turn).await?;
        let detail = serde_json::json!({
            "pipeline": self.pipeline.name,
            "runId": self.context.id(),
            "decision": decision,
            "words": decision.words,
            "report": chosen.report,
        });
        tx.notify("pipeline.gate_decided", &self.pipeline.name, &detail).await?;
        tx.commit().await?;
        self.context.point("decided").await;
        Ok(decision)
    }

    /// Creates the campaign or makes it what is wanted, with `version` where the gate let one through.
    async fn deploy(&self, wanted: &Campaign, arn: Arn, found: Option<serve::CampaignView>, version: Option<Arn>) -> Result<()> {
        let Some(view) = found else {
            let solution_version_arn = version.ok_or_else(lost)?;
            let request = CreateCampaign {
                name: wanted.name.clone(),
                solution_version_arn,
                min_provisioned_tps: wanted.min_provisioned_tps,
                campaign_config: wanted.config.clone(),
            };
            let run = self.stages.serving.create_campaign(request).await?.run;
            return wait(self.context, &run).await.map(|_| ());
        };
        let run = if is_as_wanted(wanted, &view, version.as_ref()) {
            view.update.unwrap_or(view.run).id
        } else {
            let request = UpdateCampaign {
                campaign_arn: arn,
                solution_version_arn: version,
                min_provisioned_tps: wanted.min_provisioned_tps,
                campaign_config: wanted.config.clone(),
            };
            let updated = self.stages.serving.update_campaign(request).await?;
            updated.latest_campaign_update.map_or(updated.run, |update| update.run)
        };
        wait(self.context, &run).await.map(|_| ())
    }

    async fn filter(&self, step: &Step) -> Result<()> {
        let wanted = self.wanted().filters.iter().find(|filter| filter.name == step.name).ok_or_else(lost)?;
        let filters = self.stages.serving.list_filters(None).await?;
        if step.action != Action::Create || filters.iter().any(|filter| filter.name.as_str() == step.name) {
            return Ok(());
        }
        let (name, filter_expression) = (wanted.name.clone(), wanted.expression.clone());
        self.stages.serving.create_filter(CreateFilter { name, dataset_group_arn: self.group.clone(), filter_expression }).await.map(|_| ())
    }

    /// Which version of a solution answers files: the one that a campaign of it serves, because the gate may have refused newer ones;
    /// without a campaign the newest.
    async fn answering(&self, solution: &Solution) -> Result<Arn> {
        let arn = self.solution_arn(&solution.name);
        let campaigns = self.stages.serving.list_campaigns(None).await?;
        if let Some(live) = live_version(self.wanted(), &campaigns, solution, &arn) {
            return Ok(live.clone());
        }
        let versions = self.stages.training.list_solution_versions(Some(&arn)).await?;
        let newest = versions.into_iter().rev().find(|version| version.is_active()).ok_or_else(lost)?;
        Ok(newest.version.value.solution_version_arn)
    }

    async fn batch(&self, step: &Step, outcome: &mut Outcome) -> Result<()> {
        if step.action != Action::Run {
            return Ok(());
        }
        let pairs = self.wanted().solutions.iter().flat_map(|solution| solution.batch_inference.iter().map(move |job| (solution, job)));
        let (solution, job) = pairs.into_iter().find(|(solution, job)| batch_name(solution, job) == step.name).ok_or_else(lost)?;
        let at = solution.batch_inference.iter().position(|other| other.key == job.key).unwrap_or_default();
        let of = self.wanted().solutions.iter().position(|other| other.name == solution.name).unwrap_or_default();
        let job_name: String = format!("{}-{of}-{at}-{}", self.context.id(), solution.name).chars().take(63).collect();
        let arn = self.stages.datasets.partition().personalize("batch-inference-job", &job_name);
        let jobs = self.stages.serving.list_batch_inference_jobs(None).await?;
        let run = match jobs.into_iter().find(|view| view.job.batch_inference_job_arn == arn) {
            Some(found) => found.run.id,
            None => {
                let beside = self.begun.source.beside();
                let output = self.planner.looking(&beside).batch_places(self.wanted(), solution, job).1;
                let mut request = job.arguments.clone();
                let input = step.location.clone().ok_or_else(lost)?;
                let own = BTreeMap::from([
                    ("jobName", job_name.clone().into()),
                    ("solutionVersionArn", self.answering(solution).await?.as_str().into()),
                    ("jobInput", serde_json::json!({"s3DataSource": {"path": input}})),
                    ("jobOutput", serde_json::json!({"s3DataDestination": {"path": format!("{output}{job_name}/")}})),
                ]);
                request.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
                let request: CreateBatchInferenceJob = serde_json::from_value(request.into())
                    .map_err(|e| Error::invalid_input(format!("{} is not what CreateBatchInferenceJob takes: {e}.", job.place)))?;
                let run = self.stages.serving.create_batch_inference_job(request).await?.run;
                self.tag(Stage::BatchInferenceJob, &step.name, &arn).await?;
                run
            }
        };
        wait(self.context, &run).await?;
        outcome.batch_jobs.push(arn);
        Ok(())
    }
}

/// Whether what was last asked of a campaign is what is wanted of it, and did not fail.
fn is_as_wanted(wanted: &Campaign, view: &serve::CampaignView, version: Option<&Arn>) -> bool {
    let campaign = &view.campaign.value;
    let (found_version, tps, config) = match &campaign.latest_campaign_update {
        Some(update) => (&update.solution_version_arn, update.min_provisioned_tps, &update.campaign_config),
        None => (&campaign.solution_version_arn, campaign.min_provisioned_tps, &campaign.campaign_config),
    };
    let failed = matches!(view.update_status().unwrap_or_else(|| view.status()), "CREATE FAILED");
    !failed
        && version.is_none_or(|version| version == found_version)
        && wanted.min_provisioned_tps.is_none_or(|wanted| wanted == tps)
        && wanted.config.as_ref().is_none_or(|wanted| wanted == config)
}

/// Plan and file are read from one record, so this is a fault of ours.
pub(crate) fn lost() -> Error {
    Error::internal("A step of the plan speaks of what the parameter file does not have.")
}
