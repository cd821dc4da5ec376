//! What is wrong with a trigger, in one sentence, before anything runs.

use domain::{Error, Result, Timestamp};
use runs::Schedule;
use store::Location;

use crate::model::{Action, Condition, FileArrival, Predicate, Trigger, TriggerType};

const MOST_CONDITIONS: usize = 500;
const MOST_ACTIONS: usize = 500;
const MOST_BATCH: u32 = 100;
const LONGEST_WINDOW_S: u32 = 900;
const LONGEST_DELAY_S: u32 = 86_400;
const JOB_STATES: [&str; 4] = ["SUCCEEDED", "STOPPED", "FAILED", "TIMEOUT"];
const CRAWL_STATES: [&str; 3] = ["SUCCEEDED", "FAILED", "CANCELLED"];
const WORKFLOW_STATES: [&str; 3] = ["SUCCEEDED", "STOPPED", "FAILED"];

impl Trigger {
    /// Says the first thing that is wrong with it; a schedule has to be due some time after `now`.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        self.find_wrong(now).map_err(|e| Error::invalid_input(format!("Trigger {:?}: {}", self.name, e.message)))
    }

    fn find_wrong(&self, now: Timestamp) -> Result<()> {
        if !(1..=255).contains(&self.name.len()) {
            return wrong(format!("a name has 1 to 255 characters; found {}.", self.name.len()));
        }
        if !(1..=MOST_ACTIONS).contains(&self.actions.len()) {
            return wrong(match self.actions.len() {
                0 => "expected at least one action; found none.".to_owned(),
                many => format!("expected at most {MOST_ACTIONS} actions; found {many}."),
            });
        }
        self.actions.iter().try_for_each(|action| Action::target(action).map(|_| ()))?;
        if let Some(delay) = self.start_delay_seconds.filter(|delay| *delay > LONGEST_DELAY_S) {
            return wrong(format!("StartDelaySeconds is 0 to {LONGEST_DELAY_S}; found {delay}."));
        }
        self.check_members()?;
        match self.r#type {
            TriggerType::OnDemand => Ok(()),
            TriggerType::Scheduled => match &self.schedule {
                Some(text) => Schedule::parse_in(text, self.timezone.as_deref())?.check_fires(text, now),
                None => wrong("a SCHEDULED trigger needs a Schedule."),
            },
            TriggerType::Conditional => match &self.predicate {
                Some(predicate) => predicate.check(self.workflow_name.is_some()),
                None => wrong("a CONDITIONAL trigger needs a Predicate."),
            },
            TriggerType::Event => match &self.file_arrival {
                Some(files) => files.check(),
                None if self.workflow_name.is_none() => {
                    wrong("an EVENT trigger begins a workflow or waits for files; found neither WorkflowName nor FileArrival.")
                }
                None => Ok(()),
            },
        }
    }

    /// Members that only one type has a use for.
    fn check_members(&self) -> Result<()> {
        if let Some(batching) = self.event_batching_condition {
            let (size, window) = (batching.batch_size, batching.batch_window);
            if !(1..=MOST_BATCH).contains(&size) || !(1..=LONGEST_WINDOW_S).contains(&window) {
                return wrong(format!(
                    "an EventBatchingCondition has a BatchSize of 1 to {MOST_BATCH} and a BatchWindow of 1 to {LONGEST_WINDOW_S} seconds; \
                     found {size} and {window}."
                ));
            }
        }
        let of_one_type = [
            ("EventBatchingCondition", self.event_batching_condition.is_some(), TriggerType::Event, "EVENT"),
            ("FileArrival", self.file_arrival.is_some(), TriggerType::Event, "EVENT"),
            ("Timezone", self.timezone.is_some(), TriggerType::Scheduled, "SCHEDULED"),
        ];
        match of_one_type.iter().find(|(_, given, fits, _)| *given && self.r#type != *fits) {
            Some((name, _, _, fits)) => wrong(format!("{name} goes with the type {fits} only.")),
            None => Ok(()),
        }
    }
}

impl Predicate {
    fn check(&self, in_workflow: bool) -> Result<()> {
        if let Some(other) = self.logical.as_deref().filter(|l| !["AND", "ANY"].contains(l)) {
            return wrong(format!("Logical is AND or ANY; found {other:?}."));
        }
        match self.conditions.len() {
            0 => wrong("expected at least one condition; found none."),
            1..=MOST_CONDITIONS => self.conditions.iter().try_for_each(|condition| condition.check(in_workflow)),
            many => wrong(format!("expected at most {MOST_CONDITIONS} conditions; found {many}.")),
        }
    }
}

impl Condition {
    fn check(&self, in_workflow: bool) -> Result<()> {
        let named = [&self.job_name, &self.crawler_name, &self.pipeline_name, &self.workflow_name];
        let Some((what, _)) = self.target().filter(|_| named.iter().filter(|name| name.is_some()).count() == 1) else {
            return wrong("a condition names either a JobName or a CrawlerName (or a PipelineName or WorkflowName).");
        };
        if let Some(other) = self.logical_operator.as_deref().filter(|operator| *operator != "EQUALS") {
            return wrong(format!("a condition's LogicalOperator is EQUALS; found {other:?}."));
        }
        let (states, found): (&[&str], _) = match what {
            "crawler" => (&CRAWL_STATES, &self.crawl_state),
            "workflow" if in_workflow => return wrong("a trigger of a workflow waits for what the workflow starts; found a WorkflowName."),
            "workflow" => (&WORKFLOW_STATES, &self.state),
            _ => (&JOB_STATES, &self.state),
        };
        match found.as_deref() {
            Some(state) if states.contains(&state) => Ok(()),
            Some(other) => wrong(format!("a condition's state is one of {}; found {other:?}.", states.join(", "))),
            None => wrong(format!("a condition's state is one of {}; found none.", states.join(", "))),
        }
    }
}

impl FileArrival {
    fn check(&self) -> Result<()> {
        match Location::parse(&self.location)? {
            Location::S3 { .. } => Ok(()),
            Location::File(_) => wrong(format!("a FileArrival's Location is s3://bucket/prefix/; found {:?}.", self.location)),
        }
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::invalid_input(what))
}
