//! The bus: events that callers put on it, and patterns tried out.

use std::sync::Arc;

use domain::{ErrorKind, Result};
use notify::{CustomEvent, Pattern};
use serde_json::{Map, Value, json};

use super::{BUS, arn, check_bus};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

/// EventBridge's limit for one call.
const MOST_ENTRIES: usize = 10;
const ENTRY: &[&str] = &["Source", "DetailType", "Detail", "Resources", "Time"];

/// Each entry succeeds or fails by itself.
pub(crate) async fn put_events(app: Arc<App>, input: Input) -> Result<Answer> {
    let entries: Vec<Map<String, Value>> = input.member("Entries")?;
    if entries.is_empty() || entries.len() > MOST_ENTRIES {
        return Err(input.error(format!("takes 1 to {MOST_ENTRIES} Entries; found {}.", entries.len())));
    }
    let mut events: Vec<CustomEvent> = Vec::new();
    for mut members in entries {
        check_bus(&app, &Input { operation: input.operation, members: members.clone() })?;
        members.retain(|name, value| ENTRY.contains(&name.as_str()) && !value.is_null());
        let event = serde_json::from_value(Value::Object(members)).map_err(|e| input.error(format!("cannot use an entry: {e}.")))?;
        events.push(event);
    }
    let put = app.notify.put_events(events).await?;
    let failed = put.iter().filter(|one| one.is_err()).count();
    let entry = |one: Result<String>| match one {
        Ok(id) => json!({"EventId": id}),
        Err(error) if error.kind == ErrorKind::InvalidInput => json!({"ErrorCode": "InvalidArgument", "ErrorMessage": error.to_string()}),
        Err(error) => json!({"ErrorCode": "InternalFailure", "ErrorMessage": error.to_string()}),
    };
    let entries: Vec<Value> = put.into_iter().map(entry).collect();
    Ok(Answer::Json(json!({"FailedEntryCount": failed, "Entries": entries})))
}

/// The event is in EventBridge's envelope; what is missing of it is no error.
pub(crate) async fn test_pattern(_: Arc<App>, input: Input) -> Result<Answer> {
    let pattern = Pattern::parse(input.text("EventPattern")?)?;
    let event: Value =
        serde_json::from_str(input.text("Event")?).map_err(|e| input.error(format!("takes JSON text as \"Event\": {e}.")))?;
    Ok(Answer::Json(json!({"Result": pattern.matches(&event)})))
}

pub(crate) async fn list_buses(app: Arc<App>, input: Input) -> Result<Answer> {
    let fits = input.optional_text("NamePrefix")?.is_none_or(|prefix| BUS.starts_with(prefix));
    let bus = json!({"Name": BUS, "Arn": arn(&app, "event-bus", BUS)});
    paging::eventbridge(&input, "EventBuses", if fits { vec![(BUS.to_owned(), bus)] } else { Vec::new() })
}
