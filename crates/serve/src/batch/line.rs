//! One line in, one line out, as Personalize writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::resource::BatchInferenceJob;
use crate::filter::ReadyFilter;
use crate::request::{GetPersonalizedRanking, GetRecommendations};
use crate::serving::Serving;
use crate::table::Deployed;

/// A longer line is no question, and is not read into memory as a whole.
pub(super) const MOST_LINE_BYTES: usize = 1 << 20;
/// Characters of what was found that are shown.
const SHOWN: usize = 60;

/// A line of a file, without its end.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Whole(String),
    /// The beginning of a line that was too long.
    Cut(String),
}

impl Line {
    pub(super) fn begins(text: &str) -> Self {
        Self::Cut(beginning(text))
    }
}

/// What every line of a job is asked of: the model and the filter as they were at its start, also where they are deleted meanwhile.
pub(super) struct Answers {
    serving: Serving,
    deployed: Arc<Deployed>,
    filter: Option<Arc<ReadyFilter>>,
    num_results: i64,
}

/// The members that are looked at. `context` is taken and has no effect: no recipe uses it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    item_id: Option<String>,
    #[serde(default)]
    item_list: Option<Vec<String>>,
    #[serde(default)]
    filter_values: BTreeMap<String, String>,
}

impl Answers {
    pub(super) async fn of(serving: Serving, job: &BatchInferenceJob) -> Result<Self> {
        let (dataset_group_arn, model) = serving.load(&job.solution_version_arn).await?;
        // The filter may be younger than the last look at the store.
        serving.refresh().await?;
        let exclude_seen = model.manifest.report.exclude_seen;
        let deployed = Arc::new(Deployed { dataset_group_arn, exclude_seen, always: None, model });
        let filter = serving.filter(&deployed, job.filter_arn.as_ref())?;
        Ok(Self { serving, deployed, filter, num_results: job.num_results })
    }

    /// The line that answers, without its end; and what was wrong with the question.
    pub(super) fn answer(&self, line: &Line) -> (String, Option<Error>) {
        let (input, output) = match line {
            Line::Whole(text) => {
                let input = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
                let output = self.output(&input);
                (input, output)
            }
            Line::Cut(text) => {
                let error = Error::invalid_input(format!("A line has at most {MOST_LINE_BYTES} bytes; found more, which begin {text}."));
                (Value::String(text.clone()), Err(error))
            }
        };
        match output {
            Ok(output) => (json!({"input": input, "output": output, "error": null}).to_string(), None),
            Err(error) => (json!({"input": input, "output": null, "error": error.message}).to_string(), Some(error)),
        }
    }

    fn output(&self, input: &Value) -> Result<Value> {
        let recipe = &self.deployed.model.recipe;
        let ranks = recipe.is_ranking();
        let shape = match recipe.is_related() {
            true => r#"{"itemId":"…"}"#,
            false if ranks => r#"{"userId":"…","itemList":["…"]}"#,
            false => r#"{"userId":"…"}"#,
        };
        if !input.is_object() {
            return Err(Error::invalid_input(format!("A line is a JSON object such as {shape}; found {}.", shown(input))));
        }
        let asked =
            Asked::deserialize(input).map_err(|e| Error::invalid_input(format!("A line is {shape}; found {}: {e}.", shown(input))))?;
        let items = if ranks { self.ranked(asked, shape)? } else { self.recommended(asked)? };
        let mut output = Map::new();
        output.insert("recommendedItems".into(), items.iter().map(|(item, _)| item.as_str()).collect());
        if self.deployed.model.recipe.has_scores() {
            // Items that the model does not know have no share; the lists are read side by side.
            output.insert("scores".into(), items.iter().map(|(_, score)| score.unwrap_or(0.0)).collect());
        }
        Ok(output.into())
    }

    fn recommended(&self, asked: Asked) -> Result<Vec<(String, Option<f64>)>> {
        let request = GetRecommendations {
            user_id: asked.user_id,
            item_id: asked.item_id,
            num_results: Some(self.num_results),
            filter_values: asked.filter_values,
            ..GetRecommendations::default()
        };
        let answer = self.serving.recommend_on(self.deployed.clone(), self.filter.as_deref(), &request)?;
        Ok(answer.item_list.into_iter().map(|item| (item.item_id, item.score)).collect())
    }

    fn ranked(&self, asked: Asked, shape: &str) -> Result<Vec<(String, Option<f64>)>> {
        let Some(input_list) = asked.item_list else {
            return Err(Error::invalid_input(format!("A line for a ranking recipe is {shape}; found no itemList.")));
        };
        let request = GetPersonalizedRanking {
            user_id: asked.user_id,
            input_list,
            filter_values: asked.filter_values,
            ..GetPersonalizedRanking::default()
        };
        let answer = self.serving.rank_on(self.deployed.clone(), self.filter.as_deref(), &request)?;
        Ok(answer.personalized_ranking.into_iter().map(|item| (item.item_id, item.score)).collect())
    }
}

/// The beginning of what was found.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| beginning(&value.to_string()), beginning)
}

fn beginning(text: &str) -> String {
    let more = text.chars().nth(SHOWN).map(|_| '…');
    text.chars().take(SHOWN).chain(more).collect()
}
