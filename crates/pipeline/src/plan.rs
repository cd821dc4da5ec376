//! What is to be done: the file compared with what there is. Pure; the run carries out exactly these steps.

use std::fmt;

use dataset::DatasetType;
use domain::{Arn, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serve::CampaignView;
use sha2::{Digest, Sha256};
use train::CreateSolution;

use crate::wanted::{Batch, Campaign, Choice, Dataset, Recommender, Solution, Wanted};
use crate::world::World;
use crate::{recommenders, tags};

/// Which part of a file is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "part")]
pub enum Scope {
    #[default]
    All,
    /// The imports, on their schedule.
    Import,
    /// A new version of one solution, on its schedule.
    Train { solution: String },
    /// A version of one solution that keeps the settings of the last full training, on its schedule.
    Update { solution: String },
    /// One batch job of one solution, on its schedule.
    Batch { solution: String, job: String },
}

/// What a step is about, in the order of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Schema,
    DatasetGroup,
    Dataset,
    Import,
    EventTracker,
    Solution,
    SolutionVersion,
    Campaign,
    Recommender,
    Filter,
    BatchInferenceJob,
    Tags,
    /// What this version does not have.
    LeftOut,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Schema => "schema",
            Self::DatasetGroup => "dataset group",
            Self::Dataset => "dataset",
            Self::Import => "import",
            Self::EventTracker => "event tracker",
            Self::Solution => "solution",
            Self::SolutionVersion => "solution version",
            Self::Campaign => "campaign",
            Self::Recommender => "recommender",
            Self::Filter => "filter",
            Self::BatchInferenceJob => "batch inference job",
            Self::Tags => "tags",
            Self::LeftOut => "left out",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Keep,
    Import,
    Train,
    Run,
    Skip,
    Refuse,
}

impl Action {
    /// One character and a word, as `penchant plan` shows it.
    fn mark(self) -> &'static str {
        match self {
            Self::Create => "+ create",
            Self::Update => "~ update",
            Self::Keep => "  keep  ",
            Self::Import => "> import",
            Self::Train => "> train ",
            Self::Run => "> run   ",
            Self::Skip => "  skip  ",
            Self::Refuse => "! refuse",
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    pub stage: Stage,
    pub name: String,
    pub action: Action,
    /// Why, or what differs.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub because: String,
    /// Where an import or a batch job reads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<String>,
    /// What it depends on: the next run that finds the same skips it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fingerprint: Option<String>,
}

impl Step {
    pub(crate) fn new(stage: Stage, name: impl Into<String>, action: Action, because: impl Into<String>) -> Self {
        Self { stage, name: name.into(), action, because: because.into(), location: None, fingerprint: None }
    }

    fn at(mut self, location: Option<String>) -> Self {
        self.location = location;
        self
    }

    pub(crate) fn on(mut self, fingerprint: String) -> Self {
        self.fingerprint = Some(fingerprint);
        self
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {} {}", self.action.mark(), self.stage, self.name)?;
        if self.because.is_empty() { Ok(()) } else { write!(f, ": {}", self.because) }
    }
}

/// Everything that a run does, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub dataset_group: String,
    pub scope: Scope,
    pub steps: Vec<Step>,
}

impl Plan {
    /// All that is refused, as one error; nothing when the plan can be carried out.
    pub fn refused(&self) -> Result<()> {
        let refused: Vec<&Step> = self.steps.iter().filter(|step| step.action == Action::Refuse).collect();
        let Some(first) = refused.first() else { return Ok(()) };
        let code = match first.stage {
            Stage::Dataset => "PIPELINE_SCHEMA_CHANGED",
            Stage::Solution => "PIPELINE_SOLUTION_CHANGED",
            _ => "PIPELINE_REFUSED",
        };
        let sentences: Vec<String> = refused.iter().map(|step| format!("{} {}: {}", step.stage, step.name, step.because)).collect();
        Err(Error::invalid_input(format!("The pipeline cannot do what the file asks for: {}", sentences.join(" "))).code(code))
    }

    pub fn of(&self, stage: Stage) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.stage == stage)
    }

    /// Whether a run would change anything.
    pub fn changes(&self) -> bool {
        self.steps.iter().any(|step| !matches!(step.action, Action::Keep | Action::Skip))
    }
}

/// The comparison. `content` is the fingerprint of the file's text.
pub(crate) fn plan(wanted: &Wanted, world: &World, scope: &Scope, content: &str) -> Plan {
    let making = Making { wanted, world, scope, content };
    let mut steps = Vec::new();
    if matches!(scope, Scope::All | Scope::Import) {
        steps.extend(wanted.datasets.iter().filter_map(|dataset| making.schema(dataset)));
        steps.push(making.group());
        steps.extend(wanted.datasets.iter().map(|dataset| making.dataset(dataset)));
        steps.extend(wanted.datasets.iter().map(|dataset| making.import(dataset)));
    } else if world.group.is_none() {
        let because = "it does not exist yet: run the whole pipeline first.";
        steps.push(Step::new(Stage::DatasetGroup, &wanted.group.name, Action::Refuse, because));
    }
    if *scope == Scope::All {
        steps.extend(making.event_tracker());
    }
    let solutions: Vec<&Solution> = wanted.solutions.iter().filter(|solution| making.is_in_scope(solution)).collect();
    steps.extend(solutions.iter().map(|solution| making.solution(solution)));
    let versions: Vec<Step> = solutions.iter().map(|solution| making.version(solution, &steps)).collect();
    let trained: Vec<&str> = versions.iter().filter(|step| step.action == Action::Train).map(|step| step.name.as_str()).collect();
    let trains = |campaign: &Campaign| match &campaign.solution {
        Choice::Of(key) => wanted.solutions.iter().any(|solution| &solution.key == key && trained.contains(&solution.name.as_str())),
        Choice::Best => !trained.is_empty(),
    };
    let campaigns = wanted.campaigns.iter().filter(|campaign| *scope == Scope::All || trains(campaign));
    let campaigns: Vec<Step> = campaigns.map(|campaign| making.campaign(campaign, trains(campaign))).collect();
    let batches: Vec<Step> = making.batches(&trained);
    steps.extend(versions.iter().cloned());
    steps.extend(campaigns);
    if *scope == Scope::All {
        let of = |wanted: &Recommender| recommenders::step(wanted, world, making.data_of(recommenders::asked(wanted), &steps));
        let recommenders: Vec<Step> = wanted.recommenders.iter().map(of).collect();
        steps.extend(recommenders);
        steps.extend(wanted.filters.iter().map(|filter| making.filter(filter)));
    }
    steps.extend(batches);
    if *scope == Scope::All {
        steps.extend(tags::steps(&wanted.tags, &world.tags));
        steps.extend(wanted.left_out.iter().map(|(place, reason)| Step::new(Stage::LeftOut, place, Action::Skip, reason)));
    }
    Plan { dataset_group: wanted.group.name.clone(), scope: scope.clone(), steps }
}

struct Making<'a> {
    wanted: &'a Wanted,
    world: &'a World,
    scope: &'a Scope,
    content: &'a str,
}

impl Making<'_> {
    fn is_in_scope(&self, solution: &Solution) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Import => false,
            Scope::Train { solution: name } | Scope::Update { solution: name } | Scope::Batch { solution: name, .. } => {
                name == &solution.name
            }
        }
    }

    /// Nothing when the dataset is there: it has its schema.
    fn schema(&self, dataset: &Dataset) -> Option<Step> {
        if self.world.dataset(dataset.kind).is_some() {
            return None;
        }
        let name = schema_name(self.wanted, dataset);
        let found = self.world.schemas.iter().find(|schema| schema.name.as_str() == name);
        Some(match found {
            None => Step::new(Stage::Schema, name, Action::Create, ""),
            Some(schema) if same_json(&schema.schema, &dataset.schema) && schema.domain == self.wanted.group.domain => {
                Step::new(Stage::Schema, name, Action::Keep, "")
            }
            Some(_) => Step::new(Stage::Schema, name, Action::Refuse, "it exists with other content: give the schema another name."),
        })
    }

    fn group(&self) -> Step {
        let wanted = &self.wanted.group;
        let step = |action, because: String| Step::new(Stage::DatasetGroup, &wanted.name, action, because);
        let word = |domain: Option<dataset::Domain>| domain.map_or("no domain", dataset::Domain::as_str);
        match &self.world.group {
            None => step(Action::Create, String::new()),
            Some(found) if found.domain == wanted.domain => step(Action::Keep, String::new()),
            Some(found) => step(
                Action::Refuse,
                format!("it has {}, the file asks for {}: give the dataset group another name.", word(found.domain), word(wanted.domain)),
            ),
        }
    }

    fn dataset(&self, dataset: &Dataset) -> Step {
        let step = |action, because: &str| Step::new(Stage::Dataset, dataset.kind.as_str(), action, because);
        match self.world.dataset(dataset.kind) {
            None => step(Action::Create, ""),
            Some(found) if same_json(&found.schema, &dataset.schema) => step(Action::Keep, ""),
            Some(_) => step(
                Action::Refuse,
                "its schema is not the one that the parameter file describes: delete the dataset to use the new schema, or give the dataset group another name.",
            ),
        }
    }

    fn import(&self, dataset: &Dataset) -> Step {
        let step = |action, because: String| Step::new(Stage::Import, dataset.kind.as_str(), action, because);
        let files = match self.world.files.get(&dataset.kind) {
            Some(Ok(files)) => files,
            Some(Err(looked_at)) => return step(Action::Refuse, format!("expected files at {looked_at}, found none.")),
            None => return step(Action::Refuse, "expected files, found no place to look for them.".into()),
        };
        let done = |step: Step| step.at(Some(files.location.clone())).on(files.fingerprint.clone());
        let kind = dataset.kind.as_str();
        let seen = self.world.seen.as_ref().and_then(|seen| seen.imports.get(kind));
        let found = self.world.dataset(dataset.kind);
        let filled = found.is_some_and(|found| found.rows > 0);
        if filled && seen == Some(&files.fingerprint) {
            return done(step(Action::Skip, format!("the files at {} are those of the last successful run.", files.location)));
        }
        let age = found.and_then(|found| found.imported).map(|at| self.world.now.since_ms(at));
        if let (Scope::All, Some(most), Some(age)) = (self.scope, self.wanted.import_max_age_ms, age)
            && filled
            && age < most
        {
            let because = format!("the last import is {} old, which is less than maxAge.", age_words(age));
            return Step { fingerprint: seen.cloned(), ..step(Action::Skip, because).at(Some(files.location.clone())) };
        }
        let because = match (filled, seen) {
            (false, _) => "nothing was imported yet",
            (true, Some(_)) => "the files changed",
            (true, None) => "no successful run has seen these files",
        };
        done(step(Action::Import, format!("{because} ({} files at {}).", files.count, files.location)))
    }

    fn event_tracker(&self) -> Option<Step> {
        let name = self.wanted.event_tracker.as_ref()?;
        Some(match self.world.tracker.as_ref() {
            None => Step::new(Stage::EventTracker, name, Action::Create, ""),
            Some(found) if found == name => Step::new(Stage::EventTracker, name, Action::Keep, ""),
            Some(found) => {
                Step::new(Stage::EventTracker, name, Action::Keep, format!("the dataset group has its one tracker already: {found}."))
            }
        })
    }

    fn solution(&self, solution: &Solution) -> Step {
        let step = |action, because: String| Step::new(Stage::Solution, &solution.name, action, because);
        let Some(found) = self.world.solutions.iter().find(|found| found.solution.name.as_str() == solution.name) else {
            return step(Action::Create, String::new());
        };
        if found.solution.dataset_group_arn != self.world.group_arn {
            let group = found.solution.dataset_group_arn.id();
            return step(Action::Refuse, format!("a solution of this name belongs to dataset group {group}: give it another name."));
        }
        match arguments(solution, &self.world.group_arn) {
            Err(error) => step(Action::Refuse, error.message),
            Ok(request) => match differences(&request, &found.solution) {
                differences if differences.is_empty() => step(Action::Keep, String::new()),
                differences => step(
                    Action::Refuse,
                    format!(
                        "it exists with other settings, which cannot be changed ({}): give the solution another name.",
                        differences.join("; ")
                    ),
                ),
            },
        }
    }

    /// `before`: the steps before, whose imports bring new data.
    fn version(&self, solution: &Solution, before: &[Step]) -> Step {
        let step = |action, because: String| Step::new(Stage::SolutionVersion, &solution.name, action, because);
        let found = self.world.solutions.iter().find(|found| found.solution.name.as_str() == solution.name);
        let newest = found.and_then(|found| found.newest.as_ref());
        if let Scope::Batch { .. } = self.scope {
            let live = found.and_then(|found| live_version(self.wanted, &self.world.campaigns, solution, &found.solution.solution_arn));
            return match live.or(newest.map(|newest| &newest.arn)) {
                Some(version) => step(Action::Keep, format!("{} answers.", version.id())),
                None => step(Action::Refuse, "it has no trained version: run the whole pipeline first.".into()),
            };
        }
        let fingerprint = self.data_of(serde_json::Value::Object(solution.arguments.clone()).to_string(), before);
        if let Scope::Train { .. } = self.scope {
            return step(Action::Train, "its schedule is due.".into()).on(fingerprint);
        }
        let Some(newest) = newest else { return step(Action::Train, "it was never trained.".into()).on(fingerprint) };
        let seen = self.world.seen.as_ref().and_then(|seen| seen.solutions.get(&solution.name));
        if seen == Some(&fingerprint) {
            let because = format!("data, file and solution are those that {} was trained on.", newest.arn.id());
            return step(Action::Skip, because).on(fingerprint);
        }
        let age = self.world.now.since_ms(newest.created);
        if *self.scope == Scope::All && solution.max_age_ms.is_some_and(|most| age < most) {
            if let Some(because) = self.unjudged(solution, &newest.arn) {
                return step(Action::Train, because).on(fingerprint);
            }
            let because = format!("{} is {} old, which is less than maxAge.", newest.arn.id(), age_words(age));
            return Step { fingerprint: seen.cloned(), ..step(Action::Skip, because) };
        }
        let imports = before.iter().any(|step| step.stage == Stage::Import && step.action == Action::Import);
        let because = match (imports, seen, &self.world.seen) {
            (true, ..) => "there is new data.",
            (false, _, Some(last)) if last.content != self.content => "the parameter file changed.",
            (false, Some(_), _) => "data or events came that it was not trained on.",
            (false, None, _) => "no run of a pipeline has trained it.",
        };
        step(Action::Train, because.into()).on(fingerprint)
    }

    /// Why the newest version, however young, is not what campaigns serve or what the gate refused them: no successful run trained it,
    /// or a campaign has moved here from another solution, so that it was not judged beside what serves.
    fn unjudged(&self, solution: &Solution, newest: &Arn) -> Option<String> {
        let seen = self.world.seen.as_ref();
        if seen.and_then(|seen| seen.versions.get(&solution.name)) != Some(newest) {
            return Some(format!("no successful run of a pipeline has trained {}.", newest.id()));
        }
        let moved =
            self.wanted.campaigns.iter().filter(|campaign| campaign.solution == Choice::Of(solution.key.clone())).find(|campaign| {
                let decided = seen.and_then(|seen| seen.decided.get(&campaign.name)) == Some(newest);
                let found =
                    self.world.campaigns.iter().find(|view| view.campaign.name.as_str() == campaign.name && view.status() == "ACTIVE");
                !decided && found.is_some_and(|view| solution_of(&view.campaign.solution_version_arn) != solution_of(newest))
            });
        moved.map(|campaign| format!("campaign {} serves another solution, beside which {} was not judged.", campaign.name, newest.id()))
    }

    /// Everything that a training depends on; `arguments` are what the file says of it.
    fn data_of(&self, arguments: String, before: &[Step]) -> String {
        let mut parts = vec![self.content.to_owned(), arguments];
        for dataset in &self.wanted.datasets {
            let kind = dataset.kind.as_str();
            let step = before.iter().find(|step| step.stage == Stage::Import && step.name == kind);
            let seen = || self.world.seen.as_ref().and_then(|seen| seen.imports.get(kind));
            parts.extend(step.and_then(|step| step.fingerprint.as_ref()).or_else(seen).cloned());
        }
        parts.push(self.world.dataset(DatasetType::Interactions).map_or(0, |found| found.events_through).to_string());
        fingerprint(parts.iter().map(String::as_str))
    }

    fn campaign(&self, campaign: &Campaign, trains: bool) -> Step {
        let step = |action, because: String| Step::new(Stage::Campaign, &campaign.name, action, because);
        let whose = match &campaign.solution {
            Choice::Of(key) => format!("solution {key}"),
            Choice::Best => "the best solution".into(),
        };
        let Some(found) = self.world.campaigns.iter().find(|view| view.campaign.name.as_str() == campaign.name) else {
            return match (trains, self.has_version(campaign)) {
                (true, _) | (false, true) => step(Action::Create, format!("with the newest version of {whose}.")),
                (false, false) => step(Action::Refuse, format!("{whose} has no trained version.")),
            };
        };
        let foreign = self
            .world
            .solutions
            .iter()
            .find(|solution| is_version_of(&found.campaign.solution_version_arn, &solution.solution.solution_arn));
        if let Some(foreign) = foreign.filter(|solution| solution.solution.dataset_group_arn != self.world.group_arn) {
            let group = foreign.solution.dataset_group_arn.id();
            return step(Action::Refuse, format!("a campaign of this name serves dataset group {group}: give it another name."));
        }
        let mut differences = Vec::new();
        if let Some(tps) = campaign.min_provisioned_tps.filter(|tps| *tps != found.campaign.min_provisioned_tps) {
            differences.push(format!("minProvisionedTPS {} becomes {tps}", found.campaign.min_provisioned_tps));
        }
        if campaign.config.as_ref().is_some_and(|config| *config != found.campaign.campaign_config) {
            differences.push("campaignConfig changes".into());
        }
        if found.status() == "CREATE FAILED" {
            differences.push("its creation failed".into());
        }
        if trains {
            differences.push(format!("the new version of {whose}, if the quality gate lets it"));
        }
        match differences.is_empty() {
            true => step(Action::Keep, String::new()),
            false => step(Action::Update, format!("{}.", differences.join("; "))),
        }
    }

    fn has_version(&self, campaign: &Campaign) -> bool {
        let of_campaign = |solution: &&Solution| match &campaign.solution {
            Choice::Of(key) => &solution.key == key,
            Choice::Best => true,
        };
        let names = self.wanted.solutions.iter().filter(of_campaign).map(|solution| solution.name.as_str());
        let names: Vec<&str> = names.collect();
        self.world.solutions.iter().any(|found| names.contains(&found.solution.name.as_str()) && found.newest.is_some())
    }

    fn filter(&self, filter: &crate::wanted::Filter) -> Step {
        let step = |action, because: &str| Step::new(Stage::Filter, &filter.name, action, because);
        match self.world.filters.iter().find(|found| found.name.as_str() == filter.name) {
            None => step(Action::Create, ""),
            Some(found) if found.dataset_group_arn != self.world.group_arn => {
                step(Action::Refuse, "a filter of this name belongs to another dataset group: give it another name.")
            }
            Some(found) if found.filter_expression == filter.expression => step(Action::Keep, ""),
            Some(_) => step(
                Action::Refuse,
                "it exists with another expression, which cannot be changed: give the filter another name, or delete it.",
            ),
        }
    }

    fn batches(&self, trained: &[&str]) -> Vec<Step> {
        let jobs = self.wanted.solutions.iter().flat_map(|solution| solution.batch_inference.iter().map(move |job| (solution, job)));
        let in_scope = jobs.filter(|(solution, job)| match self.scope {
            Scope::All => true,
            Scope::Batch { solution: name, job: key } => &solution.name == name && &job.key == key,
            _ => false,
        });
        in_scope.map(|(solution, job)| self.batch(solution, job, trained)).collect()
    }

    fn batch(&self, solution: &Solution, job: &Batch, trained: &[&str]) -> Step {
        let step = |action, because: String| Step::new(Stage::BatchInferenceJob, batch_name(solution, job), action, because);
        let input = match self.world.batch_inputs.get(&batch_name(solution, job)) {
            Some(Ok(files)) => files,
            Some(Err(looked_at)) => return step(Action::Skip, format!("there is no file at {looked_at}.")),
            None => return step(Action::Skip, "there is no place to look for its input.".into()),
        };
        let run = |because: &str| step(Action::Run, because.into()).at(Some(input.location.clone())).on(input.fingerprint.clone());
        if *self.scope != Scope::All {
            return run("its schedule is due.");
        }
        if trained.contains(&solution.name.as_str()) {
            return run("a new version is trained.");
        }
        let seen = self.world.seen.as_ref().and_then(|seen| seen.batches.get(&batch_name(solution, job)));
        if seen == Some(&input.fingerprint) {
            return step(Action::Skip, "its input and the solution version are those of the last successful run.".into())
                .on(input.fingerprint.clone());
        }
        run("its input was not answered yet by the version that is to answer it.")
    }
}

/// How a batch job is told from others.
pub(crate) fn batch_name(solution: &Solution, job: &Batch) -> String {
    format!("{}/{}", solution.name, job.key)
}

/// The version of a solution that a campaign of it serves, if one does.
pub(crate) fn live_version<'a>(wanted: &Wanted, campaigns: &'a [CampaignView], solution: &Solution, arn: &Arn) -> Option<&'a Arn> {
    let serves = |campaign: &Campaign| campaigns.iter().find(|view| view.campaign.name.as_str() == campaign.name);
    let live = wanted.campaigns_of(&solution.key).filter_map(serves).filter(|view| view.status() == "ACTIVE");
    live.map(|view| &view.campaign.solution_version_arn).find(|version| is_version_of(version, arn))
}

/// The arguments of CreateSolution in a dataset group.
pub(crate) fn arguments(solution: &Solution, group: &Arn) -> Result<CreateSolution> {
    let mut arguments = solution.arguments.clone();
    arguments.insert("datasetGroupArn".into(), group.as_str().into());
    serde_json::from_value(arguments.into())
        .map_err(|e| Error::invalid_input(format!("{} of the parameter file is not what CreateSolution takes: {e}.", solution.place)))
}

fn differences(request: &CreateSolution, found: &train::Solution) -> Vec<String> {
    let mut differences = Vec::new();
    let wanted = request.wanted_recipe();
    if wanted != found.recipe_arn {
        differences.push(format!("recipe {} there, {} in the file", found.recipe_arn.id(), wanted.id()));
    }
    if request.perform_hpo.unwrap_or(false) != found.perform_hpo {
        differences.push(format!("performHPO {} there", found.perform_hpo));
    }
    if request.event_type != found.event_type {
        differences.push(format!("eventType {} there", found.event_type.as_deref().unwrap_or("none")));
    }
    if request.solution_config != found.solution_config {
        differences.push("solutionConfig".into());
    }
    differences
}

/// The file's own name for the schema, else one of group, type and content, so that an unchanged file finds its schema again.
pub(crate) fn schema_name(wanted: &Wanted, dataset: &Dataset) -> String {
    dataset.schema_name.clone().unwrap_or_else(|| {
        let content = fnv(&dataset.schema.to_string());
        format!("{:.40}-{}-{content:08x}", wanted.group.name, dataset.kind.as_str().to_lowercase())
    })
}

fn is_version_of(version: &Arn, solution: &Arn) -> bool {
    solution_of(version) == Some(solution.as_str())
}

fn solution_of(version: &Arn) -> Option<&str> {
    version.as_str().rsplit_once('/').map(|(solution, _)| solution)
}

/// Whether a stored schema says what the file says, however it is spaced.
fn same_json(stored: &str, wanted: &serde_json::Value) -> bool {
    serde_json::from_str::<serde_json::Value>(stored).is_ok_and(|stored| stored == *wanted)
}

/// FNV-1a, 32 bits: tells contents apart, protects against nothing.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// SHA-256 of texts, in which no two lists look alike.
pub(crate) fn fingerprint<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(format!("{}:", part.len()));
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// `3 days`, in the largest unit of which there is one.
fn age_words(ms: i64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let (unit_ms, unit) = units.into_iter().find(|(unit_ms, _)| ms >= *unit_ms).unwrap_or((1_000, "second"));
    let count = ms / unit_ms;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// When a solution's newest ACTIVE version was made.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub arn: Arn,
    pub created: Timestamp,
}
