//! What the forms have in common.

use domain::{Arn, Timestamp};
use runs::Schedule;
use serde_json::{Map, Value};
use train::CreateSolution;

use crate::reading::{Node, Object};
use crate::wanted::{Batch, Filter, QualityGate, Recommender, TrainingSchedules};

/// What CreateSolution takes, and members of it that say nothing here.
const SOLUTION: [&str; 6] = ["name", "recipeArn", "performHPO", "eventType", "solutionConfig", "performAutoML"];
/// AWS's recipes that this version does not have, so that they are told from misspelt ones.
const NOT_OFFERED: [&str; 5] =
    ["aws-item-affinity", "aws-item-attribute-affinity", "aws-next-best-action", "aws-semantic-similarity", "aws-personalized-ranking-v3"];

/// The arguments of a solution, or why it is left out.
pub(super) enum Arguments {
    Given(Map<String, Value>),
    LeftOut(String),
}

/// `recipe_may_lack`: the form's own checks let a solution without a recipe pass.
pub(super) fn solution(object: &Object<'_>, recipe_may_lack: bool) -> Arguments {
    let truth = |key: &str| object.get(key).and_then(|node| node.truth()) == Some(true);
    let automl = truth("performAutoML");
    let mut arguments = Map::new();
    for key in SOLUTION.iter().filter(|key| **key != "performAutoML") {
        if let Some(node) = object.get(key) {
            arguments.insert((*key).into(), node.value().clone());
        }
    }
    match object.get("recipeArn") {
        Some(node) => {
            if let Some(reason) = recipe(&node) {
                return Arguments::LeftOut(reason);
            }
        }
        None if automl => {
            arguments.insert("performAutoML".into(), true.into());
        }
        None if recipe_may_lack => return Arguments::LeftOut("it names no recipeArn, so nothing can be trained.".into()),
        None => object.wrong("expected recipeArn, found nothing."),
    }
    // What AWS would do by itself is done by the pipeline.
    for key in ["performAutoTraining", "performIncrementalUpdate"] {
        object.get(key).and_then(|node| node.truth());
    }
    check_solution(object, &arguments);
    Arguments::Given(arguments)
}

/// Whether a `trainingMode` asks for versions that keep settings.
pub(super) fn updates(mode: &Node<'_>) -> bool {
    if !matches!(mode.value().as_str(), Some("FULL" | "UPDATE")) {
        mode.wrong(format!("expected FULL or UPDATE, found {}.", mode.value()));
    }
    mode.value() == "UPDATE"
}

/// Why the recipe cannot be trained here, when it is one of AWS's; a name that nobody knows is a problem.
fn recipe(node: &Node<'_>) -> Option<String> {
    let arn = match Arn::parse(node.text()?) {
        Ok(arn) => arn,
        Err(error) => {
            node.wrong(error.message);
            return None;
        }
    };
    let error = train::recipe(&arn).err()?;
    if NOT_OFFERED.iter().any(|name| arn == Arn::recipe(name)) {
        return Some(format!("this version does not have the recipe {}.", arn.id()));
    }
    node.wrong(error.message);
    None
}

fn check_solution(object: &Object<'_>, arguments: &Map<String, Value>) {
    let mut arguments = arguments.clone();
    arguments.insert("datasetGroupArn".into(), domain::arn::Partition::default().personalize("dataset-group", "any").as_str().into());
    let known = arguments
        .get("recipeArn")
        .is_none_or(|arn| arn.as_str().is_some_and(|arn| Arn::parse(arn).is_ok_and(|arn| train::recipe(&arn).is_ok())));
    let has_recipe = arguments.contains_key("recipeArn") || arguments.contains_key("performAutoML");
    if !arguments.contains_key("name") || !has_recipe || !known {
        // Said already.
        return;
    }
    match serde_json::from_value::<CreateSolution>(Value::Object(arguments)) {
        Ok(request) => {
            if let Err(error) = request.check() {
                object.wrong(error.message);
            }
        }
        Err(error) => object.wrong(format!("is not what CreateSolution takes: {error}.")),
    }
}

/// A schedule that fires after `now`.
pub(super) fn schedule(node: &Node<'_>, now: Timestamp) -> Option<String> {
    let text = node.text()?;
    match Schedule::parse(&text) {
        Ok(schedule) if schedule.next_after(now).is_some() => return Some(text),
        Ok(_) => node.wrong(format!("expected a schedule that fires, found {text:?}, which never will.")),
        Err(error) => node.wrong(error.message),
    }
    None
}

/// `{"full": "cron(…)", "update": "cron(…)"}`; `updates`: whether the recipe can update.
pub(super) fn training_schedules(object: &Object<'_>, now: Timestamp, recipe_arn: Option<&str>) -> TrainingSchedules {
    let Some(node) = object.get("schedules") else { return TrainingSchedules::default() };
    let schedules = node.object(&["full", "update"]);
    let of = |key: &str| schedules.get(key).and_then(|node| schedule(&node, now));
    let found = TrainingSchedules { full: of("full"), update: of("update") };
    if let (Some(node), Some(arn)) = (schedules.get("update"), recipe_arn)
        && !arn.ends_with("/aws-user-personalization")
        && !arn.ends_with("/aws-hrnn-coldstart")
    {
        node.wrong(format!("expected with a recipe that can update (aws-user-personalization), found {arn}."));
    }
    found
}

/// `365 days`, in milliseconds.
pub(super) fn max_age(object: &Object<'_>) -> Option<i64> {
    let node = object.get("maxAge")?;
    let text = node.text()?;
    let ms = text.trim().split_once(' ').and_then(|(count, unit)| {
        let count: i64 = count.parse().ok().filter(|count| *count >= 0)?;
        let unit_ms = match unit.trim().trim_end_matches('s') {
            "second" => 1_000,
            "minute" => 60_000,
            "hour" => 3_600_000,
            "day" => 86_400_000,
            "week" => 7 * 86_400_000,
            "month" => 30 * 86_400_000,
            "year" => 365 * 86_400_000,
            _ => return None,
        };
        count.checked_mul(unit_ms)
    });
    if ms.is_none() {
        node.wrong(format!("expected an age such as \"365 days\", found {text:?}."));
    }
    ms
}

pub(super) fn filter(object: &Object<'_>, place: String) -> Option<Filter> {
    let name = object.need("name").and_then(|node| node.name());
    let expression = object.need("filterExpression").and_then(|node| node.text());
    Some(Filter { name: name?, expression: expression?, place })
}

/// A recommender; what only its group's domain can tell is checked with the whole.
pub(super) fn recommender(object: &Object<'_>, place: String) -> Option<Recommender> {
    let name = object.need("name").and_then(|node| node.name());
    let recipe = object.need("recipeArn").and_then(|node| Some((Arn::parse(node.text()?), node)));
    let config = object.get("recommenderConfig").and_then(|node| node.parse());
    match recipe? {
        (Ok(recipe_arn), _) => Some(Recommender { name: name?, recipe_arn, config, place }),
        (Err(error), node) => {
            node.wrong(error.message);
            None
        }
    }
}

pub(super) fn gate(object: &Object<'_>) -> QualityGate {
    let Some(node) = object.get("qualityGate") else { return QualityGate::default() };
    node.object(&["metric", "maxDrop", "minLiftOverPopularity"]);
    node.parse().unwrap_or_default()
}

/// Batch inference jobs: arguments as CreateBatchInferenceJob has them, and when they are made.
pub(super) fn batch(service: Option<&Node<'_>>, workflow: Option<&Node<'_>>, index: usize, now: Timestamp, place: String) -> Batch {
    const KNOWN: [&str; 8] =
        ["jobName", "numResults", "filterArn", "batchInferenceJobConfig", "batchInferenceJobMode", "jobInput", "jobOutput", "tags"];
    let mut arguments = Map::new();
    if let Some(node) = service {
        let object = node.object(&KNOWN);
        object.get("numResults").and_then(|node| node.count());
        if let Some(Err(error)) = object.get("filterArn").and_then(|node| node.text()).map(Arn::parse) {
            object.wrong(error.message);
        }
        arguments =
            object.entries().into_iter().filter(|(key, _)| *key != "tags").map(|(key, node)| (key.into(), node.value().clone())).collect();
    }
    let workflow = workflow.map(|node| node.object(&["schedule", "maxAge"]));
    let found = workflow.as_ref().and_then(|object| object.get("schedule")).and_then(|node| schedule(&node, now));
    // Checked, and of no use: a job is carried out again when its input or the solution version is another.
    workflow.as_ref().and_then(max_age);
    Batch {
        key: arguments.get("jobName").and_then(Value::as_str).map_or_else(|| format!("batch-{}", index + 1), str::to_owned),
        arguments,
        schedule: found,
        place,
    }
}
