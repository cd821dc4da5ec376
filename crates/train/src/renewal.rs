//! Training again: by itself on a schedule, and with what an earlier version found.
//!
//! AWS trains automatically unless told not to; here it has to be asked for, because a training costs the machine that serves.

use domain::{Arn, Error, ErrorKind, Name, Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Stored, Tx};

use crate::manifest::Manifest;
use crate::search::Choice;
use crate::setting::{Chosen, How};
use crate::solution::{EventsConfig, Solution, SolutionConfig};
use crate::training::Training;
use crate::version::{SolutionVersion, VersionUse, VersionView};

/// `trainingMode` of a version that searches its settings, and of one that keeps those of the last such version.
pub(crate) const FULL: &str = "FULL";
pub(crate) const UPDATE: &str = "UPDATE";

const DAY_MS: i64 = 86_400_000;
/// AWS's default and bounds, in days.
const USUAL_DAYS: i64 = 7;
const MOST_DAYS: i64 = 30;

/// How often a solution with `performAutoTraining` is trained again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AutoTrainingConfig {
    /// `rate(n days)`, 1 to 30; without it every 7 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling_expression: Option<String>,
}

/// The request of UpdateSolution: what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateSolution {
    pub solution_arn: Arn,
    #[serde(default)]
    pub perform_auto_training: Option<bool>,
    #[serde(default)]
    pub solution_update_config: Option<SolutionUpdateConfig>,
}

/// What of a solution's configuration can be changed; versions that are there stay as they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SolutionUpdateConfig {
    pub auto_training_config: Option<AutoTrainingConfig>,
    pub events_config: Option<EventsConfig>,
}

/// How one version of a solution is to be trained.
#[derive(Debug, Clone, Default)]
pub struct Order {
    pub name: Option<Name>,
    /// See [`SolutionVersion::judge_beside`].
    pub judge_beside: Vec<Arn>,
    /// Nobody asked for it: `trainingType` AUTOMATIC.
    pub automatic: bool,
    /// The version whose settings are kept: `trainingMode` UPDATE.
    pub keeps: Option<Arn>,
}

/// Whether a solution can be trained with `trainingMode` UPDATE, and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateBasis {
    /// The newest ACTIVE version that searched its settings, which are kept.
    Keeps(Arn),
    /// The newest ACTIVE version, which was trained on the data as they are.
    NothingNew(Arn),
    /// No ACTIVE version has searched.
    NeverSearched,
}

impl AutoTrainingConfig {
    fn days(&self) -> Result<i64> {
        let Some(text) = &self.scheduling_expression else { return Ok(USUAL_DAYS) };
        let inner = text.trim().strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
        let words: Vec<&str> = inner.unwrap_or_default().split_whitespace().collect();
        let days = match words.as_slice() {
            [number, "day" | "days"] => number.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days)),
            _ => None,
        };
        days.ok_or_else(|| {
            Error::invalid_input(format!(
                "autoTrainingConfig.schedulingExpression is rate(n days) with n from 1 to {MOST_DAYS}; found {text:?}."
            ))
        })
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.days().map(|_| ())
    }
}

impl Training {
    /// Changes when a solution is trained, and by which events; refused when the outcome would be no solution that can be created.
    pub async fn update_solution(&self, request: UpdateSolution) -> Result<Solution> {
        let mut tx = self.store().begin().await?;
        // The schedule of trainings that are switched off is kept for when they are switched on again.
        let scheduled = request.solution_update_config.as_ref().is_some_and(|changes| changes.auto_training_config.is_some());
        let change = |solution: &mut Solution| {
            solution.perform_auto_training = request.perform_auto_training.unwrap_or(solution.perform_auto_training);
            if let Some(changes) = request.solution_update_config {
                let config = solution.solution_config.get_or_insert_with(SolutionConfig::default);
                config.auto_training_config = changes.auto_training_config.or(config.auto_training_config.take());
                config.events_config = changes.events_config.or(config.events_config.take());
            }
            check_schedule(scheduled, solution.perform_auto_training)?;
            solution.check()
        };
        let updated = tx.update::<Solution>(request.solution_arn.as_str(), change).await?;
        tx.commit().await?;
        Ok(updated.value)
    }

    /// Trains every solution that is to train by itself, is due, and has other data than its newest version. Gives how many trainings
    /// were queued; one solution that cannot be trained does not keep the others from it.
    pub async fn train_what_is_due(&self, now: Timestamp) -> Result<usize> {
        let mut begun = 0;
        for solution in self.list_solutions(None).await?.into_iter().filter(|solution| solution.perform_auto_training) {
            match self.train_if_due(&solution, now).await {
                Ok(true) => begun += 1,
                Ok(false) => {}
                // It was deleted meanwhile.
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => tracing::warn!("solution {:?} cannot be trained again: {error}", solution.name.as_str()),
            }
        }
        Ok(begun)
    }

    async fn train_if_due(&self, solution: &Stored<Solution>, now: Timestamp) -> Result<bool> {
        let interval = solution.solution_config.clone().unwrap_or_default().auto_training_config.unwrap_or_default().days()? * DAY_MS;
        let data = self.datasets().snapshot_now(&solution.dataset_group_arn).await?;
        if data.interactions.as_ref().is_none_or(|dataset| dataset.rows() == 0) {
            return Ok(false);
        }
        if let Some(last) = self.latest_version(&solution.solution_arn).await? {
            let age = now.since_ms(last.version.created);
            if age < interval || !last.run.state.is_final() || (last.is_active() && data == last.version.snapshot) {
                return Ok(false);
            }
        }
        let mut tx = self.store().begin().await?;
        let current = tx.get::<Solution>(solution.solution_arn.as_str()).await?.value;
        let judge_beside = self.serving_versions_in(&mut tx, &solution.solution_arn).await?;
        self.train_in(&mut tx, current, Order { judge_beside, automatic: true, ..Order::default() }).await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(true)
    }

    /// The versions of a solution that somebody uses.
    async fn serving_versions_in(&self, tx: &mut Tx, solution_arn: &Arn) -> Result<Vec<Arn>> {
        let mut used = Vec::new();
        for version in tx.children::<SolutionVersion>(solution_arn.as_str()).await? {
            if !tx.children::<VersionUse>(version.solution_version_arn.as_str()).await?.is_empty() {
                used.push(version.value.solution_version_arn);
            }
        }
        Ok(used)
    }

    /// What a version with `trainingMode` UPDATE would go by if it was asked for now.
    pub async fn update_basis(&self, solution_arn: &Arn) -> Result<UpdateBasis> {
        let solution = self.get_solution(solution_arn).await?.value;
        let versions = self.list_solution_versions(Some(solution_arn)).await?;
        let active: Vec<&VersionView> = versions.iter().filter(|view| view.is_active()).collect();
        let Some(searched) = active.iter().rev().find(|view| view.version.training_mode == FULL) else {
            return Ok(UpdateBasis::NeverSearched);
        };
        let data = self.datasets().snapshot_now(&solution.dataset_group_arn).await?;
        let newest = active.last().filter(|newest| data == newest.version.snapshot);
        Ok(match newest {
            Some(newest) => UpdateBasis::NothingNew(newest.version.solution_version_arn.clone()),
            None => UpdateBasis::Keeps(searched.version.solution_version_arn.clone()),
        })
    }

    /// The version whose settings an update keeps; refused when there is none, or nothing to learn.
    pub(crate) async fn updated_version(&self, solution_arn: &Arn) -> Result<Arn> {
        let name = solution_arn.id();
        match self.update_basis(solution_arn).await? {
            UpdateBasis::Keeps(searched) => Ok(searched),
            UpdateBasis::NeverSearched => Err(Error::invalid_input(format!(
                "trainingMode {UPDATE} keeps what an ACTIVE version of mode {FULL} found; solution {name:?} has none: train with {FULL} first."
            ))),
            UpdateBasis::NothingNew(newest) => Err(Error::invalid_input(format!(
                "There is no new data since version {} of solution {name:?}: import some, or train with {FULL}.",
                newest.id()
            ))),
        }
    }

    /// The newest version that is ACTIVE and searched its settings, which is what a campaign that follows a solution serves.
    pub async fn newest_full_version(&self, solution_arn: &Arn) -> Result<Option<VersionView>> {
        let mut versions = self.list_solution_versions(Some(solution_arn)).await?;
        versions.retain(|view| view.is_active() && view.version.training_mode == FULL);
        Ok(versions.pop())
    }
}

/// Refuses a request that gives a schedule (`scheduled`) for trainings that are not to be.
pub(crate) fn check_schedule(scheduled: bool, automatic: bool) -> Result<()> {
    if scheduled && !automatic {
        return Err(Error::invalid_input("solutionConfig.autoTrainingConfig needs performAutoTraining; found false."));
    }
    Ok(())
}

/// What a version decided, for one that keeps it.
pub(crate) fn kept(manifest: &Manifest, related: bool) -> Result<Choice> {
    let chosen = Chosen::of(manifest)?;
    let decision = format!(
        "An update: the settings are those that version {} found, {}; nothing was searched.",
        manifest.solution_version_arn.id(),
        chosen.words()
    );
    let how = How { exclude_seen: manifest.report.exclude_seen, related };
    Ok(Choice { chosen, how, temperature: manifest.temperature, tried: Vec::new(), decision: vec![decision] })
}
