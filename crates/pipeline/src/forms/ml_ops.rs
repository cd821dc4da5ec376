//! `params.json` of the Personalize samples' ml_ops, the older one of its README too (one `solution`, one `campaign`), with
//! members of ours: `dataLocation` of a dataset, `solution` of a campaign, `recommenders`, `qualityGate`, schedules, batch jobs. Written as YAML
//! under `Parameters` of a pipeline it is Penchant's own form.

use dataset::{DatasetType, ImportMode};
use domain::Timestamp;
use serde_json::Value;

use super::parts::{self, Arguments};
use crate::reading::{Node, Object};
use crate::wanted::{Campaign, Choice, Dataset, Form, Group, Recommender, Solution, Tagged, Wanted};

/// `"solution": "best"` of a campaign.
pub const BEST: &str = "best";
/// The key of the older form's only solution.
const ONLY: &str = "solution";

pub(super) fn read(root: &Node<'_>, now: Timestamp) -> Wanted {
    let file = root.object(&[
        "datasetGroup",
        "datasets",
        "solutions",
        "solution",
        "campaigns",
        "campaign",
        "eventTracker",
        "filters",
        "recommenders",
        "qualityGate",
        "schedules",
        "maxAge",
        "tags",
    ]);
    let mut left_out = Vec::new();
    let group = file.need("datasetGroup").and_then(|node| group(&node));
    let datasets = file.need("datasets").map(|node| datasets(&node)).unwrap_or_default();
    let solutions = solutions(&file, now, &mut left_out);
    let campaigns = campaigns(&file, &solutions, &mut left_out);
    let recommenders = file.get("recommenders").map(|node| node.items()).unwrap_or_default();
    let recommenders = recommenders
        .iter()
        .filter_map(|node| parts::recommender(&node.object(&["name", "recipeArn", "recommenderConfig", "tags"]), node.place.clone()));
    let recommenders: Vec<Recommender> = recommenders.collect();
    if solutions.is_empty()
        && recommenders.is_empty()
        && left_out.is_empty()
        && file.get("solutions").is_none_or(|node| node.value().as_object().is_some_and(serde_json::Map::is_empty))
    {
        file.wrong("solutions needs at least one solution; found none.");
    }
    let event_tracker = file.get("eventTracker").and_then(|node| named(&node));
    let filters = file.get("filters").map(|node| node.items()).unwrap_or_default();
    let filters = filters.iter().filter_map(|node| parts::filter(&node.object(&["name", "filterExpression", "tags"]), node.place.clone()));
    let filters = filters.collect();
    let imports = file.get("schedules").map(|node| node.object(&["import"]));
    Wanted {
        form: Form::MlOps,
        import_schedule: imports.and_then(|object| object.get("import")).and_then(|node| parts::schedule(&node, now)),
        import_max_age_ms: parts::max_age(&file),
        gate: parts::gate(&file),
        group: group.unwrap_or_default(),
        datasets,
        import_mode: ImportMode::Full,
        event_tracker,
        solutions,
        campaigns,
        recommenders,
        filters,
        tags: Tagged::new(),
        left_out,
    }
}

fn group(node: &Node<'_>) -> Option<Group> {
    let object = node.object(&["name", "domain", "roleArn", "kmsKeyArn", "tags"]);
    let text = |key: &str| object.get(key).and_then(|node| node.text());
    let domain = object.get("domain").and_then(|node| node.parse());
    let (role_arn, kms_key_arn) = (text("roleArn"), text("kmsKeyArn"));
    Some(Group { name: object.need("name")?.name()?, domain, role_arn, kms_key_arn })
}

fn named(node: &Node<'_>) -> Option<String> {
    let object = node.object(&["name", "tags"]);
    object.need("name")?.name()
}

fn datasets(node: &Node<'_>) -> Vec<Dataset> {
    let mut datasets: Vec<Dataset> = node.any_object().entries().into_iter().filter_map(|(key, node)| dataset(key, &node)).collect();
    datasets.sort_by_key(|dataset| dataset.kind);
    datasets
}

fn dataset(key: &str, node: &Node<'_>) -> Option<Dataset> {
    let object = node.object(&["name", "schema", "dataLocation", "tags"]);
    let kind = DatasetType::parse(key).map_err(|error| node.wrong(error.message)).ok();
    let name = object.need("name").and_then(|node| node.name());
    let schema = object.need("schema").map(|node| node.value().clone());
    let location = object.get("dataLocation").and_then(|node| {
        let text = node.text()?;
        store::Location::parse(&text).map_err(|error| node.wrong(error.message)).ok().map(|_| text)
    });
    Some(Dataset { kind: kind?, name: name?, schema: schema?, schema_name: None, location, place: node.place.clone() })
}

fn solutions(file: &Object<'_>, now: Timestamp, left_out: &mut Vec<(String, String)>) -> Vec<Solution> {
    let many = file.get("solutions").map(|node| node.any_object().entries()).unwrap_or_default();
    let one = file.get("solution").map(|node| (ONLY, node));
    many.into_iter().chain(one).filter_map(|(key, node)| solution(key, &node, now, left_out)).collect()
}

fn solution(key: &str, node: &Node<'_>, now: Timestamp, left_out: &mut Vec<(String, String)>) -> Option<Solution> {
    let object = node.object(&[
        "name",
        "recipeArn",
        "performHPO",
        "performAutoML",
        "performAutoTraining",
        "performIncrementalUpdate",
        "eventType",
        "solutionConfig",
        "tags",
        "schedules",
        "maxAge",
        "batchInferenceJobs",
    ]);
    let name = object.need("name").and_then(|node| node.name());
    let batches = object.get("batchInferenceJobs").map(|node| node.items()).unwrap_or_default();
    let batch_inference = batches.iter().enumerate().map(|(index, node)| {
        let job = node.object(&["serviceConfig", "workflowConfig"]);
        parts::batch(job.get("serviceConfig").as_ref(), job.get("workflowConfig").as_ref(), index, now, node.place.clone())
    });
    let batch_inference = batch_inference.collect();
    let max_age_ms = parts::max_age(&object);
    match parts::solution(&object, false) {
        Arguments::LeftOut(reason) => {
            left_out.push((node.place.clone(), reason));
            None
        }
        Arguments::Given(arguments) => {
            let schedules = parts::training_schedules(&object, now, arguments.get("recipeArn").and_then(Value::as_str));
            Some(Solution {
                key: key.into(),
                name: name?,
                arguments,
                updates: false,
                schedules,
                max_age_ms,
                batch_inference,
                place: node.place.clone(),
            })
        }
    }
}

fn campaigns(file: &Object<'_>, solutions: &[Solution], left_out: &mut Vec<(String, String)>) -> Vec<Campaign> {
    let many = file.get("campaigns").map(|node| node.any_object().entries()).unwrap_or_default();
    let one = file.get("campaign").map(|node| ("solutionCampaign", node));
    many.into_iter().chain(one).filter_map(|(key, node)| campaign(key, &node, solutions, left_out)).collect()
}

fn campaign(key: &str, node: &Node<'_>, solutions: &[Solution], left_out: &mut Vec<(String, String)>) -> Option<Campaign> {
    let object = node.object(&["name", "minProvisionedTPS", "campaignConfig", "solution", "tags"]);
    let given = object.get("solution").and_then(|node| node.text());
    let solution = given.unwrap_or_else(|| key.strip_suffix("Campaign").unwrap_or(key).to_owned());
    let named = Campaign {
        name: object.need("name").and_then(|node| node.name())?,
        min_provisioned_tps: object.get("minProvisionedTPS").and_then(|node| node.count()),
        config: object.get("campaignConfig").and_then(|node| node.parse()),
        solution: if solution == BEST { Choice::Best } else { Choice::Of(solution.clone()) },
        place: node.place.clone(),
    };
    if named.solution == Choice::Best || solutions.iter().any(|known| known.key == solution) {
        return Some(named);
    }
    if left_out.iter().any(|(place, _)| place == &format!("solutions.{solution}") || place == &solution) {
        left_out.push((node.place.clone(), format!("its solution {solution} is left out.")));
        return None;
    }
    let known: Vec<&str> = solutions.iter().map(|solution| solution.key.as_str()).collect();
    node.wrong(format!("serves solution {solution:?}, which is not among {known:?}."));
    None
}
