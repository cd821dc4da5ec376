//! The tags of a file, in either form: what stands at its top is inherited by everything below.

use dataset::{DatasetType, Tag, checked_tags};
use serde_json::Value;

use crate::plan::Stage;
use crate::reading::{Node, Problems};
use crate::wanted::{IMPORTS, Tagged, Tags};

const SERVICE: &str = "serviceConfig";

/// The tags of everything that the file names. What has another shape than expected has none: the form tells of it.
pub(super) fn read(file: &Value, problems: &Problems) -> Tagged {
    let mut found = Reading { problems, inherited: Tags::new(), tagged: Tagged::new() };
    found.inherited = found.tags(file, "");
    found.of(Stage::DatasetGroup, service(&file["datasetGroup"]), "datasetGroup");
    found.keep(Stage::Import, IMPORTS, &file["datasets"][SERVICE], "datasets.serviceConfig");
    for (place, node) in members(&file["datasets"], "datasets") {
        if let Ok(kind) = DatasetType::parse(place.trim_start_matches("datasets.")) {
            found.keep(Stage::Dataset, kind.as_str(), service(node.get("dataset").unwrap_or(node)), &place);
        }
    }
    found.of(Stage::EventTracker, service(&file["eventTracker"]), "eventTracker");
    for (key, node) in members(&file["filters"], "filters") {
        found.of(Stage::Filter, service(node), &key);
    }
    for (key, node) in members(&file["recommenders"], "recommenders") {
        found.of(Stage::Recommender, service(node), &key);
    }
    for (key, node) in members(&file["solutions"], "solutions").chain([("solution".to_owned(), &file["solution"])]) {
        found.solution(node, &key);
    }
    for (key, node) in members(&file["campaigns"], "campaigns").chain([("campaign".to_owned(), &file["campaign"])]) {
        found.of(Stage::Campaign, service(node), &key);
    }
    found.tagged.retain(|_, tags| !tags.is_empty());
    found.tagged
}

struct Reading<'a> {
    problems: &'a Problems,
    inherited: Tags,
    tagged: Tagged,
}

impl Reading<'_> {
    fn solution(&mut self, node: &Value, place: &str) {
        let own = service(node);
        let Some(name) = own["name"].as_str() else { return };
        self.of(Stage::Solution, own, place);
        self.keep(Stage::SolutionVersion, name, &own["solutionVersion"], &format!("{place}.solutionVersion"));
        for (index, (place, job)) in members(&node["batchInferenceJobs"], &format!("{place}.batchInferenceJobs")).enumerate() {
            let own = service(job);
            let key = own["jobName"].as_str().map_or_else(|| format!("batch-{}", index + 1), str::to_owned);
            self.keep(Stage::BatchInferenceJob, &format!("{name}/{key}"), own, &place);
        }
        for (place, campaign) in members(&node["campaigns"], &format!("{place}.campaigns")) {
            self.of(Stage::Campaign, service(campaign), &place);
        }
    }

    /// Of something that is known by its name.
    fn of(&mut self, stage: Stage, bearer: &Value, place: &str) {
        if let Some(name) = bearer["name"].as_str() {
            self.keep(stage, name, bearer, place);
        }
    }

    fn keep(&mut self, stage: Stage, name: &str, bearer: &Value, place: &str) {
        let mut tags = self.inherited.clone();
        tags.extend(self.tags(bearer, place));
        self.tagged.insert((stage, name.to_owned()), tags);
    }

    fn tags(&self, bearer: &Value, place: &str) -> Tags {
        let Some(tags) = bearer.get("tags").filter(|tags| !tags.is_null()) else { return Tags::new() };
        let place = if place.is_empty() { "tags".to_owned() } else { format!("{place}.tags") };
        let mut node = Node::root(tags, self.problems);
        node.place = place;
        let tags = node.parse::<Vec<Tag>>().map(checked_tags);
        match tags {
            Some(Err(error)) => node.wrong(error.message),
            Some(Ok(tags)) => return tags,
            None => {}
        }
        Tags::new()
    }
}

/// Where the arguments of AWS's call stand.
fn service(node: &Value) -> &Value {
    node.get(SERVICE).unwrap_or(node)
}

/// The members of a list or an object, with their places in the file.
fn members<'a>(node: &'a Value, place: &str) -> Box<dyn Iterator<Item = (String, &'a Value)> + 'a> {
    let place = place.to_owned();
    match node {
        Value::Array(items) => Box::new(items.iter().enumerate().map(move |(index, item)| (format!("{place}[{index}]"), item))),
        Value::Object(members) => Box::new(members.iter().map(move |(key, value)| (format!("{place}.{key}"), value))),
        _ => Box::new(std::iter::empty()),
    }
}
