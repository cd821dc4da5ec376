//! From the text of a parameter file to what it wants.

mod maintaining;
mod ml_ops;
mod parts;
mod tags;

use std::collections::BTreeMap;

use dataset::{AvroSchema, DatasetType};
use domain::{Error, Result, Timestamp};
use serde_json::Value;

use crate::reading::{Node, Problems};
use crate::wanted::{Batch, Choice, Solution, Wanted};

const CODE: &str = "PIPELINE_PARAMETERS";

/// Reads the text (JSON, or YAML in files named so) and says everything that is wrong with it at once. `now` is for schedules:
/// one that will not fire after it is a mistake.
pub(crate) fn parse(text: &str, yaml: bool, now: Timestamp) -> Result<Wanted> {
    let unreadable = |e: String| Error::invalid_input(format!("The parameter file is not what is expected: {e}.")).code(CODE);
    let value: Value = if yaml {
        serde_norway::from_str(text).map_err(|e| unreadable(e.to_string()))?
    } else {
        serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?
    };
    wanted(&value, now)
}

/// The same of a value that was read already.
pub(crate) fn wanted(value: &Value, now: Timestamp) -> Result<Wanted> {
    let problems = Problems::default();
    let root = Node::root(value, &problems);
    let mut wanted = if is_maintaining(value) { maintaining::read(&root, now) } else { ml_ops::read(&root, now) };
    wanted.tags = tags::read(value, &problems);
    if wanted.group.domain.is_none() {
        // The published example has one all the same.
        let without = wanted.recommenders.drain(..).map(|one| (one.place, "recommenders are of dataset groups with a domain.".to_owned()));
        wanted.left_out.extend(without);
    }
    check(&wanted, &problems);
    let problems = problems.into_list();
    if problems.is_empty() { Ok(wanted) } else { Err(refused(&problems)) }
}

/// All problems as one error.
pub(crate) fn refused(problems: &[String]) -> Error {
    Error::invalid_input(format!("The parameter file cannot be used: {}", problems.join(" "))).code(CODE)
}

/// The form's mark: members are kept in `serviceConfig`.
fn is_maintaining(value: &Value) -> bool {
    let marked = |value: &Value| value.get("serviceConfig").is_some();
    value.get("datasetGroup").is_some_and(marked) || value.get("solutions").is_some_and(Value::is_array)
}

/// What can only be told of the whole.
fn check(wanted: &Wanted, problems: &Problems) {
    let kinds: Vec<&str> = wanted.datasets.iter().map(|dataset| dataset.kind.as_str()).collect();
    if !wanted.datasets.iter().any(|dataset| dataset.kind == DatasetType::Interactions) {
        problems.add("datasets", format!("needs Interactions; found {kinds:?}."));
    }
    let schemas: Vec<AvroSchema> = wanted.datasets.iter().filter_map(|dataset| check_schema(wanted, dataset, problems)).collect();
    let solutions = wanted.solutions.iter().map(|solution| (solution.name.as_str(), solution.place.as_str()));
    unique("solution", solutions, problems);
    unique("campaign", wanted.campaigns.iter().map(|campaign| (campaign.name.as_str(), campaign.place.as_str())), problems);
    unique("filter", wanted.filters.iter().map(|filter| (filter.name.as_str(), filter.place.as_str())), problems);
    for solution in &wanted.solutions {
        for job in &solution.batch_inference {
            check_batch(job, problems);
        }
        unique("batch job", solution.batch_inference.iter().map(|job| (job.key.as_str(), job.place.as_str())), problems);
    }
    for filter in &wanted.filters {
        let expression = serve::filter::parse(&filter.expression);
        // What a dataset lacks can only be told where all are known.
        let all_known = schemas.len() == wanted.datasets.len();
        let checked = expression.and_then(|found| if all_known { serve::filter::check(&found, &schemas) } else { Ok(()) });
        if let Err(error) = checked {
            problems.add(&format!("{}.filterExpression", filter.place), error.message);
        }
    }
    for campaign in &wanted.campaigns {
        if let Some(Err(error)) = campaign.config.as_ref().map(serve::CampaignConfig::check) {
            problems.add(&campaign.place, error.message);
        }
    }
    check_recommenders(wanted, problems);
    check_gate(wanted, problems);
    check_best(wanted, problems);
}

/// Figures can be compared only if they were measured on the same events.
fn check_best(wanted: &Wanted, problems: &Problems) {
    let events = |solution: &Solution| {
        let config = solution.arguments.get("solutionConfig");
        let rule = |name: &str| config.and_then(|config| config.get(name)).filter(|rule| !rule.is_null()).cloned();
        (solution.arguments.get("eventType").cloned(), rule("eventValueThreshold"), rule("eventsConfig"))
    };
    let Some((first, others)) = wanted.solutions.split_first() else { return };
    let Some(other) = others.iter().find(|other| events(other) != events(first)) else { return };
    for campaign in wanted.campaigns.iter().filter(|campaign| campaign.solution == Choice::Best) {
        let (one, other) = (&first.key, &other.key);
        let expected = "expected solutions with the same eventType, eventValueThreshold and eventsConfig to choose the best of";
        problems.add(&campaign.place, format!("{expected}, found that {one:?} and {other:?} differ in them."));
    }
}

/// The schema, if it is in order.
fn check_schema(wanted: &Wanted, dataset: &crate::wanted::Dataset, problems: &Problems) -> Option<AvroSchema> {
    let place = format!("{}.schema", dataset.place);
    match AvroSchema::parse(&dataset.schema.to_string(), wanted.group.domain) {
        Ok(schema) if schema.dataset_type == dataset.kind => return Some(schema),
        Ok(schema) => problems.add(&place, format!("expected a record named for {}, found one for {}.", dataset.kind, schema.dataset_type)),
        Err(error) => problems.add(&place, error.message),
    }
    None
}

/// The arguments with what the run adds to them, as CreateBatchInferenceJob will check them.
fn check_batch(job: &Batch, problems: &Problems) {
    let version = domain::arn::Partition::default().personalize("solution", "any/version");
    let place = serde_json::json!({"path": "any/"});
    let mut arguments = job.arguments.clone();
    arguments.entry("jobName").or_insert_with(|| "any".into());
    arguments.insert("solutionVersionArn".into(), version.as_str().into());
    arguments.entry("jobInput").or_insert_with(|| serde_json::json!({"s3DataSource": place}));
    arguments.entry("jobOutput").or_insert_with(|| serde_json::json!({"s3DataDestination": place}));
    let request = serde_json::from_value::<serve::CreateBatchInferenceJob>(arguments.into());
    match request.map(|request| request.check()) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => problems.add(&job.place, error.message),
        Err(error) => problems.add(&job.place, format!("is not what CreateBatchInferenceJob takes: {error}.")),
    }
}

fn check_recommenders(wanted: &Wanted, problems: &Problems) {
    unique("recommender", wanted.recommenders.iter().map(|one| (one.name.as_str(), one.place.as_str())), problems);
    let group = domain::arn::Partition::default().personalize("dataset-group", &wanted.group.name);
    for recommender in &wanted.recommenders {
        if let Err(error) = recommender.request(&group).check(wanted.group.domain) {
            problems.add(&recommender.place, error.message);
        }
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = (&'a str, &'a str)>, problems: &Problems) {
    let mut seen = BTreeMap::new();
    for (name, place) in names {
        if let Some(first) = seen.insert(name, place) {
            problems.add(place, format!("expected names that differ, found {what} {name:?} at {first} too."));
        }
    }
}

fn check_gate(wanted: &Wanted, problems: &Problems) {
    let gate = &wanted.gate;
    if !train::PERSONALIZE_METRICS.contains(&gate.metric.as_str()) {
        let hint = domain::near::hint(&gate.metric, &train::PERSONALIZE_METRICS);
        problems.add("qualityGate.metric", format!("there is no metric {:?}; {hint}", gate.metric));
    }
    if !(0.0..=1.0).contains(&gate.max_drop) {
        problems.add("qualityGate.maxDrop", format!("expected a share from 0 to 1, found {}.", gate.max_drop));
    }
    if !gate.min_lift_over_popularity.is_finite() || gate.min_lift_over_popularity < -1.0 {
        problems
            .add("qualityGate.minLiftOverPopularity", format!("expected a share of at least -1, found {}.", gate.min_lift_over_popularity));
    }
}
