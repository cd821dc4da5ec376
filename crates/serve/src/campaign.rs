//! A campaign: a solution version that answers requests. Created and updated by runs, so that only a model that loads serves.

use std::collections::BTreeMap;

use domain::{Arn, Error, Name, Result, Timestamp};
use runs::{Run, RunId};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};

/// As DescribeCampaign shows it, with the runs its status follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    pub name: Name,
    pub campaign_arn: Arn,
    /// The version that serves (or will, when the campaign is being created). An update changes it when its run succeeds.
    pub solution_version_arn: Arn,
    #[serde(rename = "minProvisionedTPS")]
    pub min_provisioned_tps: u32,
    #[serde(default)]
    pub campaign_config: CampaignConfig,
    /// The run that creates it.
    pub run: RunId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latest_campaign_update: Option<CampaignUpdate>,
    /// The versions that served before, the last one at the end; not part of AWS's answer.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub served_before: Vec<Arn>,
}

/// The last UpdateCampaign. The campaign serves as before until its run has succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignUpdate {
    pub solution_version_arn: Arn,
    #[serde(rename = "minProvisionedTPS")]
    pub min_provisioned_tps: u32,
    #[serde(default)]
    pub campaign_config: CampaignConfig,
    pub run: RunId,
    /// Whether it goes back to what served before.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub rollback: bool,
}

impl Resource for Campaign {
    const KIND: &'static str = "campaign";
    fn key(&self) -> String {
        self.campaign_arn.to_string()
    }
    fn parent(&self) -> String {
        solution_of(&self.solution_version_arn)
    }
}

/// `arn:…:solution/shop` of `arn:…:solution/shop/1a2b3c4d`.
pub(crate) fn solution_of(solution_version_arn: &Arn) -> String {
    solution_version_arn.as_str().rsplit_once('/').map_or("", |(solution, _)| solution).to_owned()
}

/// AWS's `campaignConfig` with our own part. Exploration is not offered: its settings are kept and shown, without effect.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CampaignConfig {
    /// `explorationWeight`, `explorationItemAgeCutOff`; and [`EXCLUDE_SEEN_KEY`], because AWS's clients refuse members that AWS
    /// does not have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub item_exploration_config: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penchant: Option<PenchantConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_metadata_with_recommendations: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_with_latest_solution_version: Option<bool>,
}

/// What AWS does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PenchantConfig {
    /// Whether items that the user already has are left out of recommendations. Absent: as the training found better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_seen: Option<bool>,
}

/// `excludeSeen` as a key of `itemExplorationConfig`, with `"true"` or `"false"`.
pub const EXCLUDE_SEEN_KEY: &str = "penchant.excludeSeen";

impl CampaignConfig {
    /// What the campaign asks for; `None` leaves it to what the training found.
    pub fn exclude_seen(&self) -> Option<bool> {
        let ours = self.penchant.and_then(|penchant| penchant.exclude_seen);
        ours.or_else(|| self.item_exploration_config.get(EXCLUDE_SEEN_KEY).map(|text| text == "true"))
    }

    /// Whether settings are kept that have no effect.
    pub(crate) fn asks_for_exploration(&self) -> bool {
        self.item_exploration_config.keys().any(|key| key != EXCLUDE_SEEN_KEY)
    }

    /// Refuses settings that are not offered or cannot be.
    pub fn check(&self) -> Result<()> {
        if self.enable_metadata_with_recommendations == Some(true) {
            return Err(Error::invalid_input("enableMetadataWithRecommendations is not offered: leave it out or set it to false."));
        }
        self.item_exploration_config.iter().try_for_each(|(key, value)| check_exploration(key, value))
    }
}

fn check_exploration(key: &str, value: &str) -> Result<()> {
    let number = value.trim().parse::<f64>().ok();
    let (fits, expected) = match key {
        "explorationWeight" => (number.is_some_and(|weight| (0.0..=1.0).contains(&weight)), "a number from 0 to 1"),
        "explorationItemAgeCutOff" => (number.is_some_and(|days| days >= 1.0), "a number of days of at least 1"),
        EXCLUDE_SEEN_KEY => (matches!(value, "true" | "false"), "true or false"),
        _ => {
            let known = format!("explorationWeight, explorationItemAgeCutOff and {EXCLUDE_SEEN_KEY}");
            return Err(Error::invalid_input(format!("itemExplorationConfig knows {known}; found {key:?}.")));
        }
    };
    if fits { Ok(()) } else { Err(Error::invalid_input(format!("{key} is {expected}, as text; found {value:?}."))) }
}

/// The request of CreateCampaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateCampaign {
    pub name: String,
    pub solution_version_arn: Arn,
    #[serde(rename = "minProvisionedTPS", default)]
    pub min_provisioned_tps: Option<u32>,
    #[serde(default)]
    pub campaign_config: Option<CampaignConfig>,
}

/// The request of UpdateCampaign: what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCampaign {
    pub campaign_arn: Arn,
    #[serde(default)]
    pub solution_version_arn: Option<Arn>,
    #[serde(rename = "minProvisionedTPS", default)]
    pub min_provisioned_tps: Option<u32>,
    #[serde(default)]
    pub campaign_config: Option<CampaignConfig>,
}

/// A campaign together with the runs its status follows from.
#[derive(Debug, Clone)]
pub struct CampaignView {
    pub campaign: Stored<Campaign>,
    pub run: Run,
    /// The run of `latest_campaign_update`.
    pub update: Option<Run>,
}

impl CampaignView {
    /// Personalize's word: ACTIVE once the campaign serves, also while it is updated.
    pub fn status(&self) -> &'static str {
        match self.run.state.personalize_status() {
            // Campaigns know no STOPPED.
            "CREATE STOPPED" => "CREATE FAILED",
            status => status,
        }
    }

    pub fn failure_reason(&self) -> Option<&str> {
        self.run.message.as_deref()
    }

    /// Personalize's word for the last update.
    pub fn update_status(&self) -> Option<&'static str> {
        self.update.as_ref().map(|run| match run.state.personalize_status() {
            "CREATE STOPPED" => "CREATE FAILED",
            status => status,
        })
    }

    pub fn last_updated(&self) -> Timestamp {
        let runs = [Some(&self.run), self.update.as_ref()];
        runs.into_iter().flatten().filter_map(|run| run.ended).fold(self.campaign.updated, Timestamp::max)
    }
}
