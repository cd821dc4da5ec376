//! What the last successful run saw: the next one that finds the same has nothing to import or train.

use std::collections::BTreeMap;

use domain::Arn;
use serde::{Deserialize, Serialize};

use crate::executor::Outcome;
use crate::plan::{Plan, Scope, Stage};

/// What the last successful run of a dataset group saw.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Seen {
    pub dataset_group: String,
    /// Fingerprint of the file's text.
    pub content: String,
    /// By dataset type, in capitals.
    pub imports: BTreeMap<String, String>,
    /// By the solution's name.
    pub solutions: BTreeMap<String, String>,
    pub batches: BTreeMap<String, String>,
    /// By the recommender's name.
    pub recommenders: BTreeMap<String, String>,
    /// The version that was trained, by the solution's name.
    pub versions: BTreeMap<String, Arn>,
    /// The version that the gate was asked about last, by the campaign's name.
    pub decided: BTreeMap<String, Arn>,
}

impl store::Resource for Seen {
    const KIND: &'static str = "pipeline_seen";
    fn key(&self) -> String {
        self.dataset_group.clone()
    }
}

impl Seen {
    /// After a run that did all of the plan.
    pub fn after(mut self, plan: &Plan, outcome: &Outcome) -> Self {
        let content = outcome.file.as_ref().map_or("", |file| file.content.as_str());
        self.dataset_group.clone_from(&plan.dataset_group);
        for arn in outcome.trained.iter().map(|trained| &trained.solution_version_arn) {
            let solution = arn.id().split('/').next().unwrap_or_default();
            self.versions.insert(solution.to_owned(), arn.clone());
        }
        let decisions = outcome.decisions.iter();
        self.decided.extend(decisions.map(|decision| (decision.campaign.clone(), decision.solution_version_arn.clone())));
        if plan.scope == Scope::All {
            content.clone_into(&mut self.content);
        }
        if let Scope::Train { solution } | Scope::Update { solution } = &plan.scope
            && !outcome.trained.is_empty()
        {
            // The new version has answered no file yet.
            self.batches.retain(|name, _| name.split('/').next() != Some(solution));
        }
        for step in &plan.steps {
            let Some(fingerprint) = step.fingerprint.clone() else { continue };
            match step.stage {
                Stage::Import => self.imports.insert(step.name.clone(), fingerprint),
                Stage::SolutionVersion => self.solutions.insert(step.name.clone(), fingerprint),
                Stage::Recommender => self.recommenders.insert(step.name.clone(), fingerprint),
                Stage::BatchInferenceJob => self.batches.insert(step.name.clone(), fingerprint),
                _ => None,
            };
        }
        self
    }
}
