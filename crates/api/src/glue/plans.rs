//! Glue's older way to make a script: from a mapping of columns.

use std::sync::Arc;

use catalog::{Column, Table};
use domain::Result;
use etl::{Job, Language};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::view::members;
use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CatalogEntry {
    database_name: String,
    table_name: String,
}

/// Which column becomes which.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MappingEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    source_table: Option<String>,
    source_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<String>,
}

/// Every column of the source, or of it those that the first sink has too, with the sink's types.
pub(crate) async fn mapping(app: Arc<App>, input: Input) -> Result<Answer> {
    let source = table(&app, &input.member("Source")?).await?;
    let sink = match sinks(&input)?.first() {
        Some(sink) => Some(table(&app, sink).await?),
        None => None,
    };
    let mut entries = Vec::new();
    for column in source.columns() {
        let counterpart = match &sink {
            None => Some((&source.name, column)),
            Some(sink) => {
                sink.columns().iter().find(|other| other.name.eq_ignore_ascii_case(&column.name)).map(|other| (&sink.name, other))
            }
        };
        if let Some((target, other)) = counterpart {
            entries.push(Value::Object(members(&entry(&source.name, column, target, other))?));
        }
    }
    Ok(Answer::Json(json!({"Mapping": entries})))
}

fn entry(source: &str, from: &Column, target: &str, to: &Column) -> MappingEntry {
    MappingEntry {
        source_table: Some(source.to_owned()),
        source_path: from.name.clone(),
        source_type: Some(from.data_type.clone()),
        target_table: Some(target.to_owned()),
        target_path: Some(to.name.clone()),
        target_type: Some(to.data_type.clone()),
    }
}

/// The script of a graph: the source, the mapping, the sinks.
pub(crate) async fn plan(app: Arc<App>, input: Input) -> Result<Answer> {
    input.one_of("Language", &["PYTHON"])?;
    let source: CatalogEntry = input.member("Source")?;
    table(&app, &source).await?;
    let mapping: Vec<MappingEntry> = input.member("Mapping")?;
    let mut nodes = Map::new();
    let name = &source.table_name;
    nodes.insert("source".into(), json!({"CatalogSource": {"Name": name, "Database": source.database_name, "Table": name}}));
    let mapping: Vec<Value> = mapping.iter().map(node_entry).collect();
    nodes.insert("mapping".into(), json!({"ApplyMapping": {"Name": "Mapping", "Inputs": ["source"], "Mapping": mapping}}));
    for (number, sink) in sinks(&input)?.iter().enumerate() {
        let target = json!({"Name": sink.table_name, "Inputs": ["mapping"], "Database": sink.database_name, "Table": sink.table_name});
        nodes.insert(format!("sink{}", number + 1), json!({"CatalogTarget": target}));
    }
    if nodes.len() == 2 {
        let target = json!({"Name": "Result", "Inputs": ["mapping"], "Path": path(&input)?, "Format": "parquet"});
        nodes.insert("sink".into(), json!({"S3DirectTarget": target}));
    }
    let job = Job { name: name.clone(), code_gen_configuration_nodes: Some(nodes.into()), ..Job::default() };
    Ok(Answer::Json(json!({"PythonScript": app.workbench.code(&job, Language::PySpark).await?})))
}

/// An entry as a node of the kind ApplyMapping has it.
fn node_entry(entry: &MappingEntry) -> Value {
    let from: Vec<&str> = entry.source_path.split('.').collect();
    let to = entry.target_path.as_ref().unwrap_or(&entry.source_path);
    let mut members = json!({"ToKey": to, "FromPath": from});
    if let Some(to_type) = entry.target_type.as_ref().or(entry.source_type.as_ref()) {
        members["ToType"] = to_type.as_str().into();
    }
    members
}

/// `Location.S3` is a list of names and values.
fn path(input: &Input) -> Result<String> {
    let location = input.member_object("Location")?;
    let arguments = location.get("S3").and_then(Value::as_array).into_iter().flatten();
    let mut paths = arguments.filter(|argument| argument["Name"] == "path").filter_map(|argument| argument["Value"].as_str());
    let path = paths.next().map(|path| path.trim_matches('"').to_owned());
    path.ok_or_else(|| input.error("needs a target: \"Sinks\", or \"path\" in \"Location.S3\"; found neither."))
}

fn sinks(input: &Input) -> Result<Vec<CatalogEntry>> {
    if input.get("Sinks").is_some() { input.member("Sinks") } else { Ok(Vec::new()) }
}

async fn table(app: &App, entry: &CatalogEntry) -> Result<Table> {
    Ok(app.catalog.get_table(&entry.database_name, &entry.table_name).await?.value)
}
