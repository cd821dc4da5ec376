//! The configuration of "maintaining personalized experiences with machine learning": resources in `serviceConfig`, when and how
//! often in `workflowConfig`, campaigns and batch jobs inside their solution.

use dataset::{DatasetType, ImportMode};
use domain::Timestamp;
use serde_json::Value;

use super::parts::{self, Arguments};
use crate::reading::{Node, Object};
use crate::wanted::{Campaign, Choice, Dataset, Form, Group, Solution, Tagged, Wanted};

const SERVICE: &str = "serviceConfig";
const WORKFLOW: &str = "workflowConfig";

pub(super) fn read(root: &Node<'_>, now: Timestamp) -> Wanted {
    let file = root.object(&["tags", "datasetGroup", "datasets", "eventTracker", "filters", "recommenders", "solutions", "qualityGate"]);
    let mut wanted = Wanted {
        form: Form::Maintaining,
        group: Group::default(),
        datasets: Vec::new(),
        import_mode: ImportMode::Full,
        import_schedule: None,
        import_max_age_ms: None,
        event_tracker: None,
        solutions: Vec::new(),
        campaigns: Vec::new(),
        recommenders: Vec::new(),
        filters: Vec::new(),
        gate: parts::gate(&file),
        tags: Tagged::new(),
        left_out: Vec::new(),
    };
    // Before the datasets, whose schemas must have its domain.
    wanted.group = file.need("datasetGroup").and_then(|node| group(&node, now, &mut wanted)).unwrap_or_default();
    if let Some(node) = file.need("datasets") {
        datasets(&node, &mut wanted);
    }
    if let Some(node) = file.get("eventTracker") {
        wanted.event_tracker = service(&node, &["name", "tags"], &[]).and_then(|object| object.need("name")?.name());
    }
    for node in items(&file, "filters") {
        let found = service(&node, &["name", "filterExpression", "tags"], &[]);
        wanted.filters.extend(found.and_then(|object| parts::filter(&object, node.place.clone())));
    }
    for node in items(&file, "recommenders") {
        let found = service(&node, &["name", "recipeArn", "recommenderConfig", "tags"], &[]);
        wanted.recommenders.extend(found.and_then(|object| parts::recommender(&object, node.place.clone())));
    }
    for (index, node) in items(&file, "solutions").into_iter().enumerate() {
        solution(&node, index, now, &mut wanted);
    }
    wanted
}

fn items<'a>(object: &Object<'a>, key: &str) -> Vec<Node<'a>> {
    object.get(key).map(|node| node.items()).unwrap_or_default()
}

/// The members of `serviceConfig`; `beside` are the members that may stand beside it.
fn service<'a>(node: &Node<'a>, known: &[&str], beside: &[&str]) -> Option<Object<'a>> {
    let mut members = vec![SERVICE];
    members.extend(beside);
    let object = node.object(&members).need(SERVICE)?.object(known);
    Some(object)
}

fn group(node: &Node<'_>, now: Timestamp, wanted: &mut Wanted) -> Option<Group> {
    let object = service(node, &["name", "roleArn", "kmsKeyArn", "domain", "tags"], &[WORKFLOW]);
    if let Some(node) = node.any_object().get(WORKFLOW) {
        let workflow = node.object(&["schedules", "maxAge"]);
        wanted.import_max_age_ms = parts::max_age(&workflow);
        let schedules = workflow.get("schedules").map(|node| node.object(&["import"]));
        wanted.import_schedule = schedules.and_then(|object| object.get("import")).and_then(|node| parts::schedule(&node, now));
    }
    let object = object?;
    let text = |key: &str| object.get(key).and_then(|node| node.text());
    let (domain, role_arn, kms_key_arn) = (object.get("domain").and_then(|node| node.parse()), text("roleArn"), text("kmsKeyArn"));
    Some(Group { name: object.need("name")?.name()?, domain, role_arn, kms_key_arn })
}

fn datasets(node: &Node<'_>, wanted: &mut Wanted) {
    let all = node.object(&[SERVICE, "users", "items", "interactions"]);
    if let Some(node) = all.get(SERVICE) {
        let imports = node.object(&["importMode", "tags"]);
        wanted.import_mode = imports.get("importMode").and_then(|node| node.parse()).unwrap_or_default();
    }
    for kind in DatasetType::ALL {
        let found = all.get(&kind.as_str().to_lowercase());
        wanted.datasets.extend(found.and_then(|node| dataset(kind, &node, wanted)));
    }
    wanted.datasets.sort_by_key(|dataset| dataset.kind);
}

fn dataset(kind: DatasetType, node: &Node<'_>, wanted: &Wanted) -> Option<Dataset> {
    let object = node.object(&["dataset", "schema", "dataLocation"]);
    let name = object.need("dataset").and_then(|node| service(&node, &["name", "tags"], &[])?.need("name")?.name());
    let location = object.get("dataLocation").and_then(|node| node.text());
    let schema = object.need("schema").and_then(|node| service(&node, &["name", "domain", "schema", "tags"], &[]))?;
    let schema_name = schema.need("name").and_then(|node| node.name());
    if let Some(node) = schema.get("domain") {
        let domain: Option<dataset::Domain> = node.parse();
        if domain.is_some() && domain != wanted.group.domain {
            let group = wanted.group.domain.map_or("none", dataset::Domain::as_str);
            node.wrong(format!("expected the domain of the dataset group ({group}), found {}.", node.value()));
        }
    }
    let avro = schema.need("schema").map(|node| node.value().clone());
    Some(Dataset { kind, name: name?, schema: avro?, schema_name, location, place: node.place.clone() })
}

fn solution(node: &Node<'_>, index: usize, now: Timestamp, wanted: &mut Wanted) {
    const KNOWN: [&str; 10] = [
        "name",
        "recipeArn",
        "performHPO",
        "performAutoML",
        "performAutoTraining",
        "performIncrementalUpdate",
        "eventType",
        "solutionConfig",
        "tags",
        "solutionVersion",
    ];
    let beside = node.object(&[SERVICE, WORKFLOW, "campaigns", "batchInferenceJobs", "batchSegmentJobs"]);
    let Some(object) = beside.need(SERVICE).map(|node| node.object(&KNOWN)) else { return };
    let mut updates = false;
    if let Some(node) = object.get("solutionVersion") {
        let version = node.object(&["name", "trainingMode", "tags"]);
        version.get("name").and_then(|node| node.name());
        updates = version.get("trainingMode").is_some_and(|node| parts::updates(&node));
    }
    let name = object.need("name").and_then(|node| node.name());
    let workflow = beside.get(WORKFLOW).map(|node| node.object(&["schedules", "maxAge"]));
    let key = name.clone().unwrap_or_else(|| format!("solution-{index}"));
    let campaigns: Vec<Campaign> = items(&beside, "campaigns").iter().filter_map(|node| campaign(node, &key)).collect();
    let batches = items(&beside, "batchInferenceJobs").into_iter().enumerate().map(|(index, node)| {
        let job = node.object(&[SERVICE, WORKFLOW]);
        parts::batch(job.get(SERVICE).as_ref(), job.get(WORKFLOW).as_ref(), index, now, node.place.clone())
    });
    let batch_inference = batches.collect();
    for (index, node) in items(&beside, "batchSegmentJobs").into_iter().enumerate() {
        let job = node.object(&[SERVICE, WORKFLOW]);
        parts::batch(job.get(SERVICE).as_ref(), job.get(WORKFLOW).as_ref(), index, now, node.place.clone());
        wanted.left_out.push((node.place.clone(), "this version has no batch segment jobs.".into()));
    }
    match parts::solution(&object, true) {
        Arguments::LeftOut(reason) => {
            wanted.left_out.push((node.place.clone(), reason));
            let without = campaigns.iter().map(|campaign| (campaign.place.clone(), format!("its solution {key} is left out.")));
            wanted.left_out.extend(without);
        }
        Arguments::Given(arguments) => {
            let recipe = arguments.get("recipeArn").and_then(Value::as_str);
            let schedules = workflow.as_ref().map(|object| parts::training_schedules(object, now, recipe)).unwrap_or_default();
            let max_age_ms = workflow.as_ref().and_then(parts::max_age);
            let Some(name) = name else { return };
            let place = node.place.clone();
            wanted.solutions.push(Solution { key, name, arguments, updates, schedules, max_age_ms, batch_inference, place });
            wanted.campaigns.extend(campaigns);
        }
    }
}

fn campaign(node: &Node<'_>, solution: &str) -> Option<Campaign> {
    let object = service(node, &["name", "minProvisionedTPS", "campaignConfig", "tags"], &[])?;
    Some(Campaign {
        name: object.need("name")?.name()?,
        solution: Choice::Of(solution.into()),
        min_provisioned_tps: object.get("minProvisionedTPS").and_then(|node| node.count()),
        config: object.get("campaignConfig").and_then(|node| node.parse()),
        place: node.place.clone(),
    })
}
