//! What a client sent: the members of a JSON object, with the checks that SDKs leave to the server.

use domain::{Arn, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The body of one call.
#[derive(Debug)]
pub(crate) struct Input {
    /// For messages.
    pub operation: &'static str,
    pub members: Map<String, Value>,
}

impl Input {
    /// An empty body counts as `{}`.
    pub fn parse(operation: &'static str, body: &[u8]) -> Result<Self> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { operation, members: Map::new() });
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { operation, members }),
            Ok(other) => Err(Error::invalid_input(format!("The body of {operation} is a JSON object; found {}.", word(&other)))),
            Err(e) => Err(Error::invalid_input(format!("The body of {operation} is not JSON: {e}."))),
        }
    }

    /// Fails with the names of all that are missing.
    pub fn require(&self, names: &[&str]) -> Result<()> {
        let missing: Vec<String> = names.iter().filter(|name| self.get(name).is_none()).map(|name| format!("{name:?}")).collect();
        match missing.len() {
            0 => Ok(()),
            1 => Err(self.error(format!("needs the member {}; it is missing.", missing[0]))),
            _ => Err(self.error(format!("needs the members {}; they are missing.", missing.join(", ")))),
        }
    }

    /// A member that is given and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&self, name: &str) -> Result<&str> {
        self.optional_text(name)?.ok_or_else(|| self.error(format!("needs the member {name:?}; it is missing.")))
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(name, "text", value))
    }

    pub fn flag(&self, name: &str) -> Result<bool> {
        let Some(value) = self.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.wrong(name, "true or false", value))
    }

    /// A whole number from `least` to `most`.
    pub fn optional_number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| self.wrong(name, &format!("a whole number from {least} to {most}"), value))
    }

    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| self.wrong(name, "a list of texts", value))?;
        items.iter().map(|item| item.as_str().map(Into::into).ok_or_else(|| self.wrong(name, "a list of texts", item))).collect()
    }

    /// A member that is an object; empty where it is left out.
    pub fn member_object(&self, name: &str) -> Result<Map<String, Value>> {
        match self.get(name) {
            None => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members.clone()),
            Some(other) => Err(self.wrong(name, "an object", other)),
        }
    }

    pub fn arn(&self, name: &str) -> Result<Arn> {
        let arn = Arn::parse(self.text(name)?).map_err(|e| self.error(format!("needs an ARN as {name:?}: {}", e.message)))?;
        match kind_of(name) {
            Some(kind) if kind != arn.kind() => {
                Err(self.error(format!("needs the ARN of a {kind} as {name:?}; found {:?}.", arn.as_str())))
            }
            _ => Ok(arn),
        }
    }

    pub fn optional_arn(&self, name: &str) -> Result<Option<Arn>> {
        if self.get(name).is_some() { self.arn(name).map(Some) } else { Ok(None) }
    }

    /// Fails unless the member is absent or one of `values`.
    pub fn one_of(&self, name: &str, values: &[&str]) -> Result<()> {
        match self.optional_text(name)? {
            Some(found) if !values.contains(&found) => {
                Err(self.error(format!("takes one of {} as {name:?}; found {found:?}.", values.join(", "))))
            }
            _ => Ok(()),
        }
    }

    /// The whole body as a stage's type.
    pub fn into_type<T: DeserializeOwned>(self) -> Result<T> {
        let Self { operation, members } = self;
        let value = Value::Object(members);
        Self { operation, members: Map::new() }.read("", value)
    }

    /// One member as a stage's type.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self.get(name).ok_or_else(|| self.error(format!("needs the member {name:?}; it is missing.")))?;
        self.read(name, value.clone())
    }

    fn read<T: DeserializeOwned>(&self, place: &str, value: Value) -> Result<T> {
        // The reader does not say where it stopped: kept for the search below, which only errors pay for.
        T::deserialize(&value).map_err(|e| {
            let text = e.to_string();
            if let Some(name) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
                let within = if place.is_empty() { String::new() } else { format!(" in {place:?}") };
                return self.error(format!("needs the member {name:?}{within}; it is missing."));
            }
            let path: Vec<&str> = [place].into_iter().chain(culprit::<T>(&value, &text)).filter(|part| !part.is_empty()).collect();
            self.error(format!("cannot use what it found as {:?}: {text}.", path.join(".")))
        })
    }

    /// `operation` and the rest of the sentence.
    pub fn error(&self, rest: impl std::fmt::Display) -> Error {
        Error::invalid_input(format!("{} {rest}", self.operation))
    }

    fn wrong(&self, name: &str, expected: &str, found: &Value) -> Error {
        self.error(format!("takes {expected} as {name:?}; found {}.", word(found)))
    }
}

/// The member without which the complaint would be another one.
fn culprit<'a, T: DeserializeOwned>(value: &'a Value, complaint: &str) -> Option<&'a str> {
    let members = value.as_object()?;
    let without = |name: &str| {
        let rest: Map<String, Value> = members.iter().filter(|(other, _)| *other != name).map(|(n, v)| (n.clone(), v.clone())).collect();
        T::deserialize(Value::Object(rest)).err().map(|e| e.to_string())
    };
    members.keys().find(|name| without(name).as_deref() != Some(complaint)).map(String::as_str)
}

/// Short, for messages.
fn word(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        other => {
            let text = other.to_string();
            if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
        }
    }
}

/// What the ARN in a member names: `dataset-group` for `datasetGroupArn`. Members that may name several kinds have none.
fn kind_of(member: &str) -> Option<&'static str> {
    Some(match member {
        "campaignArn" => "campaign",
        "datasetArn" => "dataset",
        "datasetGroupArn" => "dataset-group",
        "datasetImportJobArn" => "dataset-import-job",
        "eventTrackerArn" => "event-tracker",
        "recipeArn" => "recipe",
        "recommenderArn" => "recommender",
        "schemaArn" => "schema",
        "solutionArn" | "solutionVersionArn" => "solution",
        _ => return None,
    })
}
