//! What is asked of a campaign or recommender and what it answers, with AWS's member names.

use std::collections::BTreeMap;

use domain::{Arn, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The request of GetRecommendations. `context` is taken and has no effect: no recipe uses it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetRecommendations {
    /// This or `recommender_arn`.
    pub campaign_arn: Option<Arn>,
    pub recommender_arn: Option<Arn>,
    /// Required by recipes that recommend for users. An unknown user gets what is popular.
    pub user_id: Option<String>,
    /// Required by recipes for related items, where an unknown one gets what is popular; and what CurrentItem means in a filter.
    pub item_id: Option<String>,
    /// 1 to 500; 25 when absent.
    pub num_results: Option<i64>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub filter_values: BTreeMap<String, String>,
    pub filter_arn: Option<Arn>,
    /// At most one.
    #[serde(deserialize_with = "absent_is_empty")]
    pub promotions: Vec<Promotion>,
    /// Overrides the campaign's `excludeSeen` for this request.
    #[serde(skip)]
    pub exclude_seen: Option<bool>,
    /// What AWS knows besides; see [`check_others`].
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, Value>,
}

impl GetRecommendations {
    /// The plainest request: so many items of a campaign or recommender for a user.
    pub fn for_user(arn: Arn, user_id: impl Into<String>, num_results: i64) -> Self {
        let request = Self { user_id: Some(user_id.into()), num_results: Some(num_results), ..Self::default() };
        match arn.kind() {
            "recommender" => Self { recommender_arn: Some(arn), ..request },
            _ => Self { campaign_arn: Some(arn), ..request },
        }
    }
}

/// The request of GetPersonalizedRanking.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetPersonalizedRanking {
    pub campaign_arn: Option<Arn>,
    pub user_id: Option<String>,
    /// 1 to 500 item ids.
    pub input_list: Vec<String>,
    pub filter_arn: Option<Arn>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub filter_values: BTreeMap<String, String>,
    /// What AWS knows besides; see [`check_others`].
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, Value>,
}

/// Items that get places of their own, whatever the request's own filter says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Promotion {
    pub name: Option<String>,
    /// 1 to 100.
    pub percent_promoted_items: Option<i64>,
    pub filter_arn: Option<Arn>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub filter_values: BTreeMap<String, String>,
}

/// Some clients send null for what they leave out.
fn absent_is_empty<'de, T: Deserialize<'de> + Default, D: serde::Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Members that would change the answer if they were offered: leaving them without effect would mislead.
const REFUSED: [&str; 1] = ["metadataColumns"];

/// Refuses by name what is not offered; empty values are let through.
pub(crate) fn check_others(others: &BTreeMap<String, Value>) -> Result<()> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        _ => false,
    };
    match others.iter().find(|(name, value)| REFUSED.contains(&name.as_str()) && !is_empty(value)) {
        Some((name, _)) => Err(Error::invalid_input(format!("{name} is not offered: leave it out."))),
        None => Ok(()),
    }
}

/// The answer of GetRecommendations.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendations {
    pub item_list: Vec<RecommendedItem>,
    pub recommendation_id: String,
}

/// The answer of GetPersonalizedRanking: the input in order, best first, unknown items last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ranking {
    pub personalized_ranking: Vec<RecommendedItem>,
    pub recommendation_id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecommendedItem {
    pub item_id: String,
    /// Share of a softmax: over the whole catalogue for recommendations, over the known items of the input for rankings.
    /// Absent for popularity and related items, and for items the model does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// AWS's vocabulary: `Popular item`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion_name: Option<String>,
}

/// One line of an explained answer, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    pub item_id: String,
    /// From the items dataset (NAME, TITLE, …), else the id.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// `Because of Merino Hiking Socks`, `Popular with everybody`.
    pub reason: String,
}
