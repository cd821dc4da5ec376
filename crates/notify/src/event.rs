//! EventBridge's envelope, and how the store's notifications become events.

use chrono::{DateTime, SecondsFormat};
use domain::arn::Partition;
use domain::{Error, Result, RunState, Timestamp};
use runs::Run;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use store::Notification;

use crate::arrivals::OBJECT_CREATED;

/// The notification that [`CustomEvent`]s travel in; its detail is the event.
pub(crate) const CUSTOM: &str = "notify.custom_event";
/// Our own source, for what AWS has no event for.
const PENCHANT: &str = "penchant";
const GLUE: &str = "aws.glue";

/// What happened, in EventBridge's envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Always `0`.
    pub version: String,
    /// The same each time the event is delivered: receivers tell repetitions by it.
    pub id: String,
    pub detail_type: String,
    pub source: String,
    pub account: String,
    /// RFC 3339, in UTC.
    pub time: String,
    pub region: String,
    /// ARNs of what it is about.
    pub resources: Vec<String>,
    pub detail: Value,
}

/// What a caller puts on the bus: `PutEvents`' entry.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomEvent {
    pub source: String,
    pub detail_type: String,
    /// The text of a JSON object.
    pub detail: String,
    pub resources: Vec<String>,
    /// Seconds since 1970; now where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
}

impl Event {
    pub(crate) fn to_value(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| Error::internal("An event cannot be written as JSON.").source(e))
    }
}

impl CustomEvent {
    /// The event under this id; refuses what is incomplete and sources that are not the caller's to use.
    pub(crate) fn into_event(self, id: String, now: Timestamp, at: &Partition) -> Result<Event> {
        let refuse = |what: &str| Error::invalid_input(format!("An event {what}")).code("EVENT_INVALID");
        if self.source.is_empty() || self.source.starts_with("aws.") || self.source == PENCHANT {
            return Err(refuse(&format!(
                "has a Source that does not begin with \"aws.\" and is not {PENCHANT:?}; found {:?}.",
                self.source
            )));
        }
        if self.detail_type.is_empty() {
            return Err(refuse("has a DetailType; it is missing."));
        }
        let detail: Value = serde_json::from_str(&self.detail).map_err(|e| refuse(&format!("has a Detail that is a JSON object; {e}.")))?;
        if !detail.is_object() {
            return Err(refuse(&format!("has a Detail that is a JSON object; found {detail}.")));
        }
        let time = self.time.map_or(now, |seconds| Timestamp((seconds * 1000.0) as i64));
        let what = What { source: &self.source, detail_type: &self.detail_type, resources: self.resources, detail };
        Ok(envelope(id, time, at, what))
    }
}

/// The inside of an envelope.
struct What<'a> {
    source: &'a str,
    detail_type: &'a str,
    resources: Vec<String>,
    detail: Value,
}

fn envelope(id: String, time: Timestamp, at: &Partition, what: What<'_>) -> Event {
    Event {
        version: "0".into(),
        id,
        detail_type: what.detail_type.into(),
        source: what.source.into(),
        account: at.account.clone(),
        time: rfc3339(time),
        region: at.region.clone(),
        resources: what.resources,
        detail: what.detail,
    }
}

/// What the notification says, for rules to match. `run` is the run of a `run.ended`, where it still is on record.
pub(crate) fn event_of(told: &Notification, run: Option<&Run>, at: &Partition) -> Result<Event> {
    if told.kind == CUSTOM {
        return serde_json::from_value(told.detail.clone()).map_err(|e| Error::internal("A stored event cannot be read.").source(e));
    }
    // A file's event has its id from where it was found: triggers that wait for files know it by the same.
    let id = match told.detail["id"].as_str() {
        Some(id) if told.kind == OBJECT_CREATED => id.to_owned(),
        _ => event_id(&format!("{} {} {}", told.id, told.created, told.kind), at),
    };
    let what = match told.kind.as_str() {
        "catalog.table_changed" => table_changed(told, at),
        "run.ended" => run_ended(told, run, at),
        OBJECT_CREATED => object_created(told),
        kind => What { source: PENCHANT, detail_type: kind, resources: Vec::new(), detail: with_subject(told) },
    };
    Ok(envelope(id, told.created, at, what))
}

/// A UUID's shape over a hash: the same seed gives the same id, without any randomness.
pub(crate) fn event_id(seed: &str, at: &Partition) -> String {
    let hex = hex::encode(Sha256::digest(format!("penchant event {} {} {seed}", at.account, at.region)));
    // Version 8: an id made in a way of one's own.
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

pub(crate) fn rfc3339(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A table that comes or goes is a change of its database to AWS; everything else is a change of the table.
fn table_changed<'a>(told: &Notification, at: &Partition) -> What<'a> {
    let mut detail = told.detail.clone();
    let text = |name: &str| told.detail[name].as_str().unwrap_or_default();
    let (database, table) = (text("databaseName"), text("tableName"));
    let of_database = matches!(text("typeOfChange"), "CreateTable" | "DeleteTable");
    let detail_type = if of_database {
        detail["changedTables"] = json!([table]);
        "Glue Data Catalog Database State Change"
    } else {
        "Glue Data Catalog Table State Change"
    };
    let arn = at.glue("table", format_args!("{database}/{table}"));
    What { source: GLUE, detail_type, resources: vec![arn.to_string()], detail }
}

fn object_created<'a>(told: &Notification) -> What<'a> {
    let mut detail = told.detail.clone();
    if let Some(members) = detail.as_object_mut() {
        members.remove("id");
    }
    let bucket = told.detail["bucket"]["name"].as_str().unwrap_or_default();
    What { source: "aws.s3", detail_type: "Object Created", resources: vec![format!("arn:aws:s3:::{bucket}")], detail }
}

fn run_ended<'a>(told: &Notification, run: Option<&Run>, at: &Partition) -> What<'a> {
    let state = told.detail["state"].as_str().and_then(|state| RunState::parse(state).ok()).unwrap_or(RunState::Failed);
    let told = Ended { told, run, state };
    let subject = told.told.subject.as_str();
    let (source, detail_type, resource, detail) = match told.told.detail["kind"].as_str().unwrap_or_default() {
        "crawl" => (GLUE, "Glue Crawler State Change", at.glue("crawler", subject).to_string(), told.crawl(at)),
        "job" => (GLUE, "Glue Job State Change", at.glue("job", subject).to_string(), told.job()),
        "workflow" => (GLUE, "Glue Workflow State Change", at.glue("workflow", subject).to_string(), told.workflow()),
        kind => (PENCHANT, penchant_type(kind), subject.to_owned(), told.of_penchant()),
    };
    let resources = if resource.starts_with("arn:") { vec![resource] } else { Vec::new() };
    What { source, detail_type, resources, detail }
}

fn penchant_type(kind: &str) -> &'static str {
    match kind {
        "import" => "Dataset Import State Change",
        "train" => "Training State Change",
        "deploy" => "Campaign State Change",
        "recommender" => "Recommender State Change",
        "pipeline" => "Pipeline State Change",
        _ => "Run State Change",
    }
}

/// A run's end.
struct Ended<'a> {
    told: &'a Notification,
    run: Option<&'a Run>,
    state: RunState,
}

impl Ended<'_> {
    fn id(&self) -> &Value {
        &self.told.detail["run"]
    }

    fn message(&self) -> &str {
        self.told.detail["message"].as_str().unwrap_or_default()
    }

    /// AWS writes the counts as texts.
    fn crawl(&self, at: &Partition) -> Value {
        let state = match self.state {
            RunState::Succeeded => "Succeeded",
            RunState::Stopped => "Stopped",
            _ => "Failed",
        };
        let mut detail = Map::from_iter([
            ("accountId".to_owned(), json!(at.account)),
            ("crawlerName".to_owned(), json!(self.told.subject)),
            ("state".to_owned(), json!(state)),
            ("message".to_owned(), json!(self.message())),
            ("completionDate".to_owned(), json!(rfc3339(self.told.created))),
            ("crawlId".to_owned(), self.id().clone()),
        ]);
        if let Some(started) = self.run.and_then(|run| run.started) {
            detail.insert("runningTime (sec)".into(), json!((self.told.created.since_ms(started) / 1000).to_string()));
        }
        if state == "Failed" {
            detail.insert("errorMessage".into(), json!(self.message()));
        }
        let counts = [
            ("tablesCreated", "tables_created"),
            ("tablesUpdated", "tables_updated"),
            ("tablesDeleted", "tables_deleted"),
            ("partitionsCreated", "partitions_added"),
            ("partitionsUpdated", "partitions_updated"),
            ("partitionsDeleted", "partitions_deleted"),
        ];
        let result = self.run.and_then(|run| run.result.as_ref());
        for (name, ours) in counts {
            if let Some(count) = result.and_then(|result| result.get(ours)) {
                detail.insert(name.into(), json!(count.to_string()));
            }
        }
        detail.into()
    }

    fn job(&self) -> Value {
        let severity = if self.state == RunState::Succeeded { "INFO" } else { "ERROR" };
        let state = self.state.job_run_state();
        json!({"jobName": self.told.subject, "severity": severity, "state": state, "jobRunId": self.id(), "message": self.message()})
    }

    /// AWS has no such event.
    fn workflow(&self) -> Value {
        let state = match self.state {
            RunState::Succeeded => "COMPLETED",
            RunState::Stopped => "STOPPED",
            _ => "ERROR",
        };
        json!({"workflowName": self.told.subject, "runId": self.id(), "state": state, "message": self.message()})
    }

    fn of_penchant(&self) -> Value {
        let mut detail = with_subject(self.told);
        if let Some(code) = self.run.and_then(|run| run.code.as_ref()) {
            detail["code"] = json!(code);
        }
        detail
    }
}

fn with_subject(told: &Notification) -> Value {
    match &told.detail {
        Value::Object(members) => {
            let mut members = members.clone();
            members.insert("subject".into(), json!(told.subject));
            members.into()
        }
        other => json!({"subject": told.subject, "detail": other}),
    }
}
