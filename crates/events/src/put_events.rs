//! The PutEvents call and its checks.

use domain::{Arn, Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::call::{LoggedCall, LoggedEvent};

/// Limits of the call, as AWS has them.
const MAX_EVENTS: usize = 10;
const MAX_ID_CHARS: usize = 256;
const MAX_PROPERTIES_CHARS: usize = 1024;
const MAX_IMPRESSION: usize = 25;
const MAX_RECOMMENDATION_ID_CHARS: usize = 40;

/// Epoch seconds from here on (the year 5138) are taken for milliseconds.
const FIRST_MILLISECONDS: f64 = 1e11;

/// The request's body, as Personalize has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutEvents {
    pub tracking_id: String,
    /// Nothing for an anonymous visitor.
    #[serde(default)]
    pub user_id: Option<String>,
    pub session_id: String,
    /// 1 to 10 events.
    pub event_list: Vec<Event>,
}

/// One event.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The same id twice counts once.
    #[serde(default)]
    pub event_id: Option<String>,
    pub event_type: String,
    /// Epoch seconds.
    pub sent_at: f64,
    #[serde(default)]
    pub item_id: Option<String>,
    #[serde(default)]
    pub event_value: Option<f32>,
    /// JSON text of an object; keys are column names in camel case. Older clients put `itemId` and `eventValue` here.
    #[serde(default)]
    pub properties: Option<Value>,
    #[serde(default)]
    pub recommendation_id: Option<String>,
    #[serde(default)]
    pub impression: Option<Vec<String>>,
    #[serde(default)]
    pub metric_attribution: Option<MetricAttribution>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricAttribution {
    pub event_attribution_source: String,
}

impl PutEvents {
    /// The call as it is logged, or what is wrong with it (`InvalidInput`, naming the member).
    pub(crate) fn check(self, group: Arn) -> Result<LoggedCall> {
        check_text("sessionId", &self.session_id, MAX_ID_CHARS)?;
        if let Some(user) = &self.user_id {
            check_text("userId", user, MAX_ID_CHARS)?;
        }
        if self.event_list.is_empty() || self.event_list.len() > MAX_EVENTS {
            return Err(invalid("eventList", format!("1 to {MAX_EVENTS} events"), self.event_list.len()));
        }
        let events = self.event_list.into_iter().enumerate().map(|(at, event)| event.check(at)).collect::<Result<_>>()?;
        Ok(LoggedCall { sequence: 0, group, user: self.user_id, session: self.session_id, events })
    }
}

impl Event {
    fn check(self, at: usize) -> Result<LoggedEvent> {
        let member = |name: &str| format!("eventList[{at}].{name}");
        check_text(&member("eventType"), &self.event_type, MAX_ID_CHARS)?;
        let timestamp = check_time(&member("sentAt"), self.sent_at)?;
        let mut properties = parse_properties(&member("properties"), self.properties)?;
        let item = self.item_id.or_else(|| text_of(take(&mut properties, "itemId")));
        let value = self.event_value.or_else(|| number_of(take(&mut properties, "eventValue")));
        let texts = [
            ("eventId", &self.event_id, MAX_ID_CHARS),
            ("itemId", &item, MAX_ID_CHARS),
            ("recommendationId", &self.recommendation_id, MAX_RECOMMENDATION_ID_CHARS),
        ];
        for (name, text, most) in texts {
            if let Some(text) = text {
                check_text(&member(name), text, most)?;
            }
        }
        if let Some(value) = value
            && !value.is_finite()
        {
            return Err(invalid(&member("eventValue"), "a finite number", value));
        }
        let impression = self.impression.unwrap_or_default();
        if impression.len() > MAX_IMPRESSION {
            return Err(invalid(&member("impression"), format!("at most {MAX_IMPRESSION} items"), impression.len()));
        }
        let source = self.metric_attribution.map(|attribution| attribution.event_attribution_source);
        for text in impression.iter().chain(&source) {
            check_text(&member("impression or eventAttributionSource"), text, MAX_ID_CHARS)?;
        }
        Ok(LoggedEvent {
            id: self.event_id,
            event_type: self.event_type,
            timestamp,
            item,
            value,
            properties,
            impression,
            recommendation: self.recommendation_id,
            source,
        })
    }
}

fn invalid(member: &str, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("{member}: expected {expected}, found {found}."))
}

fn check_text(member: &str, text: &str, most: usize) -> Result<()> {
    let chars = text.chars().count();
    if (1..=most).contains(&chars) {
        return Ok(());
    }
    Err(invalid(member, format!("1 to {most} characters"), chars))
}

fn check_time(member: &str, seconds: f64) -> Result<i64> {
    if seconds >= FIRST_MILLISECONDS {
        return Err(invalid(member, "epoch seconds", format!("{seconds}, which looks like milliseconds")));
    }
    if !(seconds.is_finite() && seconds >= 0.0) {
        return Err(invalid(member, "epoch seconds", seconds));
    }
    Ok(seconds as i64)
}

fn parse_properties(member: &str, properties: Option<Value>) -> Result<Map<String, Value>> {
    let text = match properties {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::String(text)) => text,
        // Some clients send the object itself.
        Some(other) => other.to_string(),
    };
    let chars = text.chars().count();
    if chars > MAX_PROPERTIES_CHARS {
        return Err(invalid(member, format!("at most {MAX_PROPERTIES_CHARS} characters"), chars));
    }
    match serde_json::from_str(&text).map_err(|e| invalid(member, "the JSON text of an object", format!("{text:?} ({e})")))? {
        Value::Object(map) => Ok(map),
        other => Err(invalid(member, "the JSON text of an object", other)),
    }
}

fn take(properties: &mut Map<String, Value>, name: &str) -> Option<Value> {
    properties.shift_remove(name)
}

fn text_of(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number_of(value: Option<Value>) -> Option<f32> {
    match value? {
        Value::Number(number) => number.as_f64().map(|x| x as f32),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
