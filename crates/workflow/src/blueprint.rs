//! Blueprints: project files with parameters, from which workflows are made with all that they start.
//!
//! Glue's blueprints are zips of Python; ours are JSON or YAML, so that nothing has to run to see what they make. Pure but for the store:
//! a rendered blueprint is a JSON value; what it means is for the composition root, which has the stages.

use std::collections::BTreeMap;

use domain::{Error, ErrorKind, Result};
use runs::{Filter, NewRun, Run, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Resource, Stored};

use crate::workflows::Workflows;

/// The kind of the runs that make what a blueprint describes.
pub const BLUEPRINT_RUN: &str = "blueprint";
/// Those that come with the binary.
const BUILT_IN: &[(&str, &str)] = &[("export-and-train", include_str!("../../../examples/blueprints/export-and-train.yaml"))];
const PLACES: &[&str] = &["jobs", "crawlers", "pipelines", "workflows", "rules", "buckets"];

/// A blueprint under its name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Blueprint {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it was read from.
    pub blueprint_location: String,
    pub definition: Definition,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Resource for Blueprint {
    const KIND: &'static str = "blueprint";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// What a blueprint's file says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Definition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub parameters: BTreeMap<String, Parameter>,
    /// Members of a project file, with `$(Parameter)` in its texts.
    pub template: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Parameter {
    pub r#type: ParameterType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_values: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ParameterType {
    #[default]
    String,
    Integer,
    Double,
    Boolean,
    /// A list of any of these.
    List,
}

/// The input of a run of kind [`BLUEPRINT_RUN`]; the subject is the blueprint's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlueprintInput {
    /// As it was given, for clients to see again.
    pub parameters: Value,
    /// The members of a project file that are to be made.
    pub rendered: Value,
}

impl Definition {
    /// JSON or YAML.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(b"PK\x03\x04") {
            return Err(Error::invalid_input(
                "A blueprint is a JSON or YAML file here; found a zip: Glue's blueprints of Python are not run (see docs/workflows.md).",
            ));
        }
        let definition: Self = serde_norway::from_slice(bytes)
            .map_err(|e| Error::invalid_input(format!("A blueprint has Parameters and a Template: {e}.")))?;
        let unknown = definition.template.keys().find(|name| !PLACES.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(Error::invalid_input(format!("A blueprint's Template has {}; found {name:?}.", PLACES.join(", "))));
        }
        // Every placeholder has a parameter: found now, not when it is used.
        definition.render(definition.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.sample())).collect())?;
        Ok(definition)
    }

    /// The template with every parameter in its place: a text that is one placeholder becomes the value, of whatever type.
    pub fn render(&self, given: Map<String, Value>) -> Result<Value> {
        if let Some(unknown) = given.keys().find(|name| !self.parameters.contains_key(*name)) {
            let known: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
            return Err(Error::invalid_input(format!("The blueprint has the parameters {}; found {unknown:?}.", known.join(", "))));
        }
        let mut values = Map::new();
        for (name, parameter) in &self.parameters {
            let value = given.get(name).or(parameter.default.as_ref());
            let value = value.ok_or_else(|| Error::invalid_input(format!("The blueprint needs the parameter {name:?}; it is missing.")))?;
            values.insert(name.clone(), parameter.read(name, value)?);
        }
        fill(&Value::Object(self.template.clone()), &values)
    }
}

impl Parameter {
    /// Texts are taken for numbers and truths too: that is how a command line gives them.
    fn read(&self, name: &str, value: &Value) -> Result<Value> {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
        let from_text = value.as_str().filter(|_| self.r#type != ParameterType::String).and_then(parsed);
        let value = from_text.unwrap_or_else(|| value.clone());
        let (fits, expected) = match self.r#type {
            ParameterType::String => (value.is_string(), "a text"),
            ParameterType::Integer => (value.is_i64(), "a whole number"),
            ParameterType::Double => (value.is_number(), "a number"),
            ParameterType::Boolean => (value.is_boolean(), "true or false"),
            ParameterType::List => (value.is_array(), "a list"),
        };
        if !fits {
            return Err(Error::invalid_input(format!("The blueprint's parameter {name:?} is {expected}; found {value}.")));
        }
        if self.allowed_values.is_empty() || self.allowed_values.contains(&value) {
            return Ok(value);
        }
        let allowed: Vec<String> = self.allowed_values.iter().map(Value::to_string).collect();
        Err(Error::invalid_input(format!("The blueprint's parameter {name:?} is one of {}; found {value}.", allowed.join(", "))))
    }

    fn sample(&self) -> Value {
        let any = || match self.r#type {
            ParameterType::String => json!("x"),
            ParameterType::Integer => json!(1),
            ParameterType::Double => json!(1.0),
            ParameterType::Boolean => json!(true),
            ParameterType::List => json!([]),
        };
        self.default.clone().or_else(|| self.allowed_values.first().cloned()).unwrap_or_else(any)
    }
}

fn fill(template: &Value, values: &Map<String, Value>) -> Result<Value> {
    Ok(match template {
        Value::String(text) => fill_text(text, values)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, values)).collect::<Result<_>>()?),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| Ok((name.clone(), fill(value, values)?))).collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, values: &Map<String, Value>) -> Result<Value> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        let (name, after) = after.split_once(')').ok_or_else(|| Error::invalid_input(format!("A placeholder has no end: {text:?}.")))?;
        let value = values
            .get(name)
            .ok_or_else(|| Error::invalid_input(format!("The blueprint has no parameter {name:?}, which {text:?} needs.")))?;
        if text.len() == name.len() + 3 {
            return Ok(value.clone());
        }
        filled.push_str(before);
        match value {
            Value::String(value) => filled.push_str(value),
            other => filled.push_str(&other.to_string()),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}

impl Workflows {
    pub async fn create_blueprint(&self, blueprint: Blueprint) -> Result<()> {
        if !(1..=255).contains(&blueprint.name.len()) {
            return Err(Error::invalid_input(format!("A blueprint's name has 1 to 255 characters; found {}.", blueprint.name.len())));
        }
        if BUILT_IN.iter().any(|(name, _)| *name == blueprint.name) {
            return Err(Error::already_exists(format!("blueprint {:?}", blueprint.name)));
        }
        self.store().create(&blueprint).await
    }

    /// Replaces where it comes from, what it says, and its description.
    pub async fn update_blueprint(&self, blueprint: Blueprint) -> Result<()> {
        let name = blueprint.name.clone();
        let change = |old: &mut Blueprint| {
            *old = Blueprint { tags: std::mem::take(&mut old.tags), ..blueprint };
            Ok(())
        };
        self.store().update(&name, change).await.map(|_| ())
    }

    pub async fn delete_blueprint(&self, name: &str) -> Result<()> {
        self.store().delete::<Blueprint>(name).await
    }

    /// One that was created, or one that comes with the binary.
    pub async fn get_blueprint(&self, name: &str) -> Result<Stored<Blueprint>> {
        match (self.store().get(name).await, BUILT_IN.iter().find(|(built_in, _)| *built_in == name)) {
            (Err(error), Some((name, text))) if error.kind == ErrorKind::NotFound => built_in(name, text),
            (found, _) => found,
        }
    }

    /// By name; those that come with the binary first.
    pub async fn list_blueprints(&self) -> Result<Vec<Stored<Blueprint>>> {
        let mut all = BUILT_IN.iter().map(|(name, text)| built_in(name, text)).collect::<Result<Vec<_>>>()?;
        all.extend(self.store().list::<Blueprint>().await?);
        Ok(all)
    }

    /// Queues a run that makes what the blueprint describes; parameters that do not fit are refused before.
    pub async fn start_blueprint_run(&self, name: &str, parameters: Map<String, Value>) -> Result<RunId> {
        let blueprint = self.get_blueprint(name).await?;
        let rendered = blueprint.definition.render(parameters.clone())?;
        let input = BlueprintInput { parameters: parameters.into(), rendered };
        self.runs().submit(NewRun::new(BLUEPRINT_RUN, name).input(&input)?.max_attempts(3)).await
    }

    pub async fn get_blueprint_run(&self, blueprint: &str, id: &RunId) -> Result<Run> {
        let run = self.runs().find(id).await?.filter(|run| run.kind == BLUEPRINT_RUN && run.subject == blueprint);
        run.ok_or_else(|| Error::not_found(format!("Run {:?} of blueprint {blueprint:?}", id.0)))
    }

    /// Newest first.
    pub async fn list_blueprint_runs(&self, blueprint: &str, limit: i64) -> Result<Vec<Run>> {
        let filter = Filter { kind: Some(BLUEPRINT_RUN.into()), subject: Some(blueprint.into()), ..Filter::default() };
        self.runs().list(&filter, limit).await
    }
}

fn built_in(name: &str, text: &str) -> Result<Stored<Blueprint>> {
    let definition = Definition::parse(text.as_bytes())?;
    let description = definition.description.clone();
    let value = Blueprint { name: name.into(), description, definition, blueprint_location: "built in".into(), ..Blueprint::default() };
    let never = domain::Timestamp(0);
    Ok(Stored { value, version: 1, created: never, updated: never })
}
