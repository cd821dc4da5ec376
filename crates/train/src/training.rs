//! The stage's handle: solutions and solution versions, created, described, listed, stopped, deleted.

use std::collections::BTreeMap;

use dataset::{Datasets, Snapshot};
use domain::arn::Partition;
use domain::{Arn, Error, Name, Result};
use runs::{NewRun, Runs};
use serde::Serialize;
use store::{Artifacts, Store, Stored, Tx};

use crate::Report;
use crate::bundle::MANIFEST_FILE;
use crate::catalogue;
use crate::manifest::Manifest;
use crate::renewal::{FULL, Order, UPDATE};
use crate::solution::{CreateSolution, Solution};
use crate::version::{CreateSolutionVersion, SolutionVersion, TrainedModel, VersionUse, VersionView};

/// The kind of the runs that train; their subject is the ARN of the solution version.
pub const TRAIN: &str = "train";

/// Stage 5; clone it freely.
#[derive(Debug, Clone)]
pub struct Training {
    runs: Runs,
    artifacts: Artifacts,
    datasets: Datasets,
    partition: Partition,
}

/// The answer of GetSolutionMetrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SolutionMetrics {
    pub solution_version_arn: Arn,
    pub metrics: BTreeMap<String, f64>,
}

impl Training {
    pub fn new(runs: Runs, artifacts: Artifacts, datasets: Datasets, partition: Partition) -> Self {
        Self { runs, artifacts, datasets, partition }
    }

    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    pub fn datasets(&self) -> &Datasets {
        &self.datasets
    }

    pub(crate) fn store(&self) -> &Store {
        self.runs.store()
    }

    /// Fails when the request is wrong, the dataset group or recipe is unknown, or the name is taken.
    pub async fn create_solution(&self, request: CreateSolution) -> Result<Solution> {
        let arn = self.partition.personalize("solution", Name::new(request.name.clone())?);
        let solution = request.into_solution(arn)?;
        let group = &solution.dataset_group_arn;
        self.datasets.get_dataset_group(group).await?;
        let mut tx = self.store().begin().await?;
        tx.create(&solution).await?;
        self.datasets.hold_group_in(&mut tx, group, &holder(&solution)).await?;
        tx.commit().await?;
        Ok(solution)
    }

    pub async fn get_solution(&self, arn: &Arn) -> Result<Stored<Solution>> {
        self.store().get(arn.as_str()).await
    }

    /// All solutions, or those of one dataset group.
    pub async fn list_solutions(&self, dataset_group_arn: Option<&Arn>) -> Result<Vec<Stored<Solution>>> {
        match dataset_group_arn {
            Some(group) => self.store().children(group.as_str()).await,
            None => self.store().list().await,
        }
    }

    /// Deletes the solution, its versions and their models. Refused while a campaign uses one of the versions or one is
    /// in training.
    pub async fn delete_solution(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let solution = tx.get::<Solution>(arn.as_str()).await?.value;
        let mut prefixes = Vec::new();
        for version in tx.children::<SolutionVersion>(arn.as_str()).await? {
            let key = version.solution_version_arn.as_str();
            if let Some(used) = tx.children::<VersionUse>(key).await?.first() {
                return Err(Error::in_use(format!("Solution {arn} is used by {}: delete that first.", used.user)));
            }
            if !self.runs.get(&version.run).await?.state.is_final() {
                return Err(Error::in_use(format!("Solution {arn} is in training ({key}): stop that or wait until it has ended.")));
            }
            prefixes.extend(remove_version_in(&mut tx, &version.solution_version_arn).await?);
        }
        tx.delete::<Solution>(arn.as_str()).await?;
        self.datasets.release_group_in(&mut tx, &solution.dataset_group_arn, &holder(&solution)).await?;
        tx.commit().await?;
        for prefix in prefixes {
            self.artifacts.delete(&prefix).await?;
        }
        Ok(())
    }

    /// Takes a snapshot of the data and queues the training. Fails when there are no interactions yet.
    pub async fn create_solution_version(&self, request: CreateSolutionVersion) -> Result<SolutionVersion> {
        let name = request.name.map(Name::new).transpose()?;
        let keeps = match request.training_mode.as_deref().unwrap_or(FULL) {
            FULL => None,
            UPDATE => Some(self.updated_version(&request.solution_arn).await?),
            mode => return Err(Error::invalid_input(format!("trainingMode is {FULL} or {UPDATE}; found {mode:?}."))),
        };
        let mut tx = self.store().begin().await?;
        let solution = tx.get::<Solution>(request.solution_arn.as_str()).await?.value;
        let order = Order { name, judge_beside: request.judge_beside, automatic: false, keeps };
        let version = self.train_in(&mut tx, solution, order).await?;
        tx.commit().await?;
        self.runs.wake();
        Ok(version)
    }

    /// The same in a transaction of the caller, who wakes the workers; also for a solution that is not kept under its ARN, as that of a
    /// recommender, whose versions are then the caller's to take away.
    pub async fn train_in(&self, tx: &mut Tx, solution: Solution, order: Order) -> Result<SolutionVersion> {
        let id = format!("{}/{}", solution.name, tx.unique_hex().await?);
        let arn = self.partition.personalize(solution.solution_arn.kind(), id);
        let run = self.runs.submit_in(tx, &NewRun::new(TRAIN, arn.as_str())).await?;
        let snapshot = self.datasets.snapshot_in(tx, &solution.dataset_group_arn, &run).await?;
        require_interactions(&snapshot)?;
        let recipe = catalogue::recipe(&solution.recipe_arn)?;
        recipe.use_case.map_or(Ok(()), |use_case| use_case.check(recipe.name, &snapshot))?;
        let version = SolutionVersion {
            name: order.name,
            solution_version_arn: arn,
            solution_arn: solution.solution_arn,
            dataset_group_arn: solution.dataset_group_arn,
            recipe_arn: solution.recipe_arn,
            perform_hpo: solution.perform_hpo,
            perform_auto_ml: solution.perform_auto_ml,
            event_type: solution.event_type,
            solution_config: solution.solution_config,
            training_mode: if order.keeps.is_some() { UPDATE } else { FULL }.into(),
            training_type: if order.automatic { "AUTOMATIC" } else { "MANUAL" }.into(),
            judge_beside: order.judge_beside,
            keeps: order.keeps,
            snapshot,
            run,
        };
        tx.create(&version).await?;
        Ok(version)
    }

    /// Takes away the versions that `train_in` made under this ARN, but for `keep` and those in training, and says where their files are.
    pub async fn remove_versions_in(&self, tx: &mut Tx, solution_arn: &Arn, keep: Option<&Arn>) -> Result<Vec<String>> {
        let mut prefixes = Vec::new();
        for version in tx.children::<SolutionVersion>(solution_arn.as_str()).await? {
            if keep != Some(&version.solution_version_arn) && self.runs.get(&version.run).await?.state.is_final() {
                prefixes.extend(remove_version_in(tx, &version.solution_version_arn).await?);
            }
        }
        Ok(prefixes)
    }

    pub async fn get_solution_version(&self, arn: &Arn) -> Result<VersionView> {
        let version = self.store().get(arn.as_str()).await?;
        self.view(version).await
    }

    /// The versions of all solutions, or of one, oldest first.
    pub async fn list_solution_versions(&self, solution_arn: Option<&Arn>) -> Result<Vec<VersionView>> {
        let mut versions = match solution_arn {
            Some(solution) => self.store().children::<SolutionVersion>(solution.as_str()).await?,
            None => self.store().list::<SolutionVersion>().await?,
        };
        // Those of recommenders are nobody else's.
        versions.retain(|version| solution_arn.is_some() || version.solution_arn.kind() == "solution");
        versions.sort_by_key(|version| version.created);
        let mut views = Vec::with_capacity(versions.len());
        for version in versions {
            views.push(self.view(version).await?);
        }
        Ok(views)
    }

    /// The newest version of a solution, whatever its status.
    pub async fn latest_version(&self, solution_arn: &Arn) -> Result<Option<VersionView>> {
        Ok(self.list_solution_versions(Some(solution_arn)).await?.pop())
    }

    /// What the newest version that is ACTIVE chose, where the solution leaves the choice to us.
    pub async fn best_recipe(&self, solution_arn: &Arn) -> Result<Option<Arn>> {
        let versions = self.list_solution_versions(Some(solution_arn)).await?;
        match versions.iter().rev().find(|view| view.is_active()) {
            Some(view) => Ok(self.report(&view.version.solution_version_arn).await?.best_recipe_arn),
            None => Ok(None),
        }
    }

    /// Works on versions that are pending or in progress.
    pub async fn stop_solution_version_creation(&self, arn: &Arn) -> Result<()> {
        let view = self.get_solution_version(arn).await?;
        if view.run.state.is_final() {
            return Err(Error::invalid_input(format!(
                "Solution version {arn} is {}: only one that is pending or in progress can be stopped.",
                view.status()
            )));
        }
        self.runs.stop(&view.version.run).await
    }

    /// Personalize's metrics of a version that is ACTIVE.
    pub async fn get_solution_metrics(&self, arn: &Arn) -> Result<SolutionMetrics> {
        let report = self.report(arn).await?;
        Ok(SolutionMetrics { solution_version_arn: arn.clone(), metrics: report.personalize_metrics() })
    }

    /// The whole judgement of a version that is ACTIVE.
    pub async fn report(&self, arn: &Arn) -> Result<Report> {
        Ok(self.model(arn).await?.value.report)
    }

    /// How a version that is ACTIVE came about, with what was tried.
    pub async fn manifest(&self, arn: &Arn) -> Result<Manifest> {
        let folder = self.model(arn).await?.value.artifacts;
        Manifest::load(&self.artifacts.read(&format!("{folder}/{MANIFEST_FILE}")).await?)
    }

    /// What the training left behind; the error says where a version that is not ACTIVE stands.
    pub async fn model(&self, arn: &Arn) -> Result<Stored<TrainedModel>> {
        if let Some(model) = self.store().find(arn.as_str()).await? {
            return Ok(model);
        }
        let view = self.get_solution_version(arn).await?;
        let reason = view.failure_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        Err(Error::invalid_input(format!("Solution version {arn} is {}, not ACTIVE{reason}", view.status())))
    }

    /// Registers that `user` (a campaign) needs the version, which must be ACTIVE. Registering twice is no error.
    pub async fn hold_version(&self, tx: &mut Tx, arn: &Arn, user: &Arn) -> Result<()> {
        tx.get::<TrainedModel>(arn.as_str()).await?;
        tx.put(VersionUse { solution_version_arn: arn.clone(), user: user.clone() }).await
    }

    /// Takes back [`Training::hold_version`]; nothing there is no error.
    pub async fn release_version(&self, tx: &mut Tx, arn: &Arn, user: &Arn) -> Result<()> {
        let held = VersionUse { solution_version_arn: arn.clone(), user: user.clone() };
        let key = store::Resource::key(&held);
        match tx.find::<VersionUse>(&key).await? {
            Some(_) => tx.delete::<VersionUse>(&key).await,
            None => Ok(()),
        }
    }

    async fn view(&self, version: Stored<SolutionVersion>) -> Result<VersionView> {
        let run = self.runs.get(&version.run).await?;
        Ok(VersionView { version, run })
    }
}

/// Takes a version away and says where its files are, if it has any.
async fn remove_version_in(tx: &mut Tx, arn: &Arn) -> Result<Option<String>> {
    let model = tx.find::<TrainedModel>(arn.as_str()).await?;
    if model.is_some() {
        tx.delete::<TrainedModel>(arn.as_str()).await?;
    }
    tx.delete::<SolutionVersion>(arn.as_str()).await?;
    Ok(model.map(|model| model.value.artifacts))
}

/// How the solution is named to whoever wants to delete its dataset group.
fn holder(solution: &Solution) -> String {
    format!("solution {:?}", solution.name.as_str())
}

fn require_interactions(snapshot: &Snapshot) -> Result<()> {
    let group = &snapshot.dataset_group_arn;
    match &snapshot.interactions {
        None => {
            Err(Error::invalid_input(format!("Training needs an Interactions dataset; {group} has none: create one and import into it.")))
        }
        Some(dataset) if dataset.rows() == 0 => {
            let found = format!("{} is empty", dataset.dataset_arn);
            Err(Error::invalid_input(format!("Training needs interactions; {found}: import a file with CreateDatasetImportJob first.")))
        }
        Some(_) => Ok(()),
    }
}
