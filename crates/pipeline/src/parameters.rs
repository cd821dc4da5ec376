//! The parameter file.

use std::collections::BTreeMap;

use dataset::DatasetType;
use domain::{Error, Name, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// `"solution": "best"` of a campaign: whichever solution version has the highest NDCG@10.
pub const BEST: &str = "best";

/// `params.json` of the Personalize samples' ml_ops, with two members of ours: `dataLocation` of a dataset and `solution` of
/// a campaign.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    pub dataset_group: Named,
    /// By type: `Interactions` (required), `Items`, `Users`.
    pub datasets: BTreeMap<String, DatasetParameters>,
    /// By a key of the writer's choice: the arguments of CreateSolution.
    #[serde(default)]
    pub solutions: BTreeMap<String, Map<String, Value>>,
    /// By key: `<solution's key>Campaign`, or any key with `solution`.
    #[serde(default)]
    pub campaigns: BTreeMap<String, CampaignParameters>,
    #[serde(default)]
    pub event_tracker: Option<Named>,
    /// Read and refused: this version has no filters.
    #[serde(default)]
    pub filters: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    pub name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetParameters {
    pub name: String,
    /// The Avro record itself.
    pub schema: Value,
    /// Where its files are; absent: the folder named like the type beside the parameter file.
    #[serde(default)]
    pub data_location: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CampaignParameters {
    pub name: String,
    #[serde(default, rename = "minProvisionedTPS")]
    pub min_provisioned_tps: Option<u32>,
    #[serde(default)]
    pub campaign_config: Option<serve::CampaignConfig>,
    /// A solution's key, or [`BEST`]; absent: the campaign's key without `Campaign`.
    #[serde(default)]
    pub solution: Option<String>,
}

impl Parameters {
    /// Reads the text and says everything that is wrong with it at once.
    pub fn parse(text: &str) -> Result<Self> {
        let parameters: Self = serde_json::from_str(text)
            .map_err(|e| Error::invalid_input(format!("The parameter file is not what is expected: {e}.")).code("PIPELINE_PARAMETERS"))?;
        let problems = parameters.problems();
        if problems.is_empty() {
            return Ok(parameters);
        }
        Err(Error::invalid_input(format!("The parameter file cannot be used: {}", problems.join(" "))).code("PIPELINE_PARAMETERS"))
    }

    /// The datasets with their types, interactions first.
    pub fn typed_datasets(&self) -> Vec<(DatasetType, &DatasetParameters)> {
        let mut typed: Vec<_> = self.datasets.iter().filter_map(|(key, value)| Some((DatasetType::parse(key).ok()?, value))).collect();
        typed.sort_by_key(|(kind, _)| *kind);
        typed
    }

    /// The key of the solution a campaign serves.
    pub fn solution_of<'a>(&self, key: &'a str, campaign: &'a CampaignParameters) -> &'a str {
        campaign.solution.as_deref().unwrap_or_else(|| key.strip_suffix("Campaign").unwrap_or(key))
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.datasets.keys().filter_map(|key| DatasetType::parse(key).err()).map(|e| e.message).collect();
        let names = [Some(&self.dataset_group.name), self.event_tracker.as_ref().map(|tracker| &tracker.name)];
        let names = names.into_iter().flatten().chain(self.campaigns.values().map(|campaign| &campaign.name));
        problems.extend(names.filter_map(|name| Name::new(name.clone()).err()).map(|e| e.message));
        if !self.typed_datasets().iter().any(|(kind, _)| *kind == DatasetType::Interactions) {
            let found: Vec<&str> = self.datasets.keys().map(String::as_str).collect();
            problems.push(format!("datasets needs Interactions; found {found:?}."));
        }
        if self.solutions.is_empty() {
            problems.push("solutions needs at least one solution; found none.".into());
        }
        for (key, campaign) in &self.campaigns {
            let solution = self.solution_of(key, campaign);
            if solution != BEST && !self.solutions.contains_key(solution) {
                let known: Vec<&str> = self.solutions.keys().map(String::as_str).collect();
                problems.push(format!("campaigns.{key} serves solution {solution:?}, which is not among {known:?}."));
            }
        }
        if !self.filters.is_empty() {
            problems.push(format!("filters are not offered by this version; found {}.", self.filters.len()));
        }
        problems
    }
}
