//! A job's graph: read from the JSON of `CodeGenConfigurationNodes`, kept word for word, and checked.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::compile::Column;
use crate::direct::{self, DIRECT_DATABASE, Direct, DirectSource};
use crate::kinds::{self, Kind, Role};
use crate::members::Transform;
use crate::names;
use crate::script::Purpose;
use crate::sql;
use crate::target::{self, TargetSpec};
use crate::transform;

/// As many nodes as a graph may have.
const MAX_NODES: usize = 1000;
const UNSUPPORTED: &str = "JOB_NODE_UNSUPPORTED";
/// How a sentence about a node begins.
const NAMED: &str = "In node ";

/// A job's nodes, every one understood and connected.
#[derive(Debug, Clone)]
pub struct Graph {
    value: Value,
    nodes: BTreeMap<String, Node>,
    /// Node ids, inputs before what reads them.
    order: Vec<String>,
}

/// One node.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub kind: &'static Kind,
    /// Ids of the nodes it reads.
    pub inputs: Vec<String>,
    /// Ours: what its author says about it.
    pub comment: Option<String>,
    /// What the job says its columns are (`OutputSchemas`); mostly empty.
    pub declared: Vec<Column>,
    pub(crate) work: Work,
}

/// What a node does.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Table { database: String, table: String, predicate: Option<String> },
    Direct(Direct),
    Transform(Transform),
    Target(TargetSpec),
}

impl Graph {
    /// Reads and checks everything but that there is a target, so that a half-made graph can be previewed.
    pub fn parse(value: Value) -> Result<Self> {
        let Some(members) = value.as_object() else {
            return Err(invalid("A graph is a map of node ids to nodes; found something else."));
        };
        if members.is_empty() || members.len() > MAX_NODES {
            return Err(invalid(format!("A graph has 1 to {MAX_NODES} nodes, found {}.", members.len())));
        }
        let mut nodes = BTreeMap::new();
        for (id, node) in members {
            nodes.insert(id.clone(), Node::parse(id, node)?);
        }
        check_inputs(&nodes)?;
        let order = order(&nodes)?;
        Ok(Self { value, nodes, order })
    }

    /// The JSON as it was put.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// All nodes, inputs before what reads them.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.order.iter().filter_map(|id| self.nodes.get(id))
    }

    pub fn node(&self, id: &str) -> Result<&Node> {
        self.nodes.get(id).ok_or_else(|| Error::not_found(format!("node {id:?} of the graph")))
    }

    /// The node with this id or, if there is only one, this name.
    pub fn find(&self, word: &str) -> Result<&Node> {
        if let Some(node) = self.nodes.get(word) {
            return Ok(node);
        }
        let mut named = self.nodes.values().filter(|node| node.name == word);
        match (named.next(), named.next()) {
            (Some(node), None) => Ok(node),
            (Some(_), Some(_)) => Err(invalid(format!("Several nodes have the name {word:?}; use the id of one."))),
            (None, _) => {
                let known: Vec<String> = self.nodes().map(|node| format!("{} ({})", node.id, node.name)).collect();
                Err(Error::not_found(format!("Node {word:?} of the graph, which has {},", known.join(", "))))
            }
        }
    }

    /// The first node that writes something.
    ///
    /// # Errors
    /// `InvalidInput` for a graph without one.
    pub fn first_target(&self) -> Result<&Node> {
        let target = self.nodes().find(|node| node.kind.role == Role::Target);
        target.ok_or_else(|| invalid("A job's graph has at least one target; found none."))
    }

    /// What a statement for the node is for, by the node's id; without an id the node is the only target.
    pub fn purpose(&self, id: Option<&str>) -> Result<(String, Purpose)> {
        let node = match id {
            Some(id) => self.find(id)?,
            None => self.first_target()?,
        };
        let purpose = match &node.work {
            Work::Target(spec) => Purpose::Target(spec.clone()),
            Work::Transform(Transform::Spigot(spigot)) => Purpose::Sample(transform::sample_target(spigot)),
            Work::Transform(Transform::EvaluateDataQuality(check)) => {
                Purpose::quality(&check.publishing_options, &check.stop_job_on_failure_options)
            }
            Work::Transform(Transform::EvaluateDataQualityMultiFrame(check)) => {
                Purpose::quality(&check.publishing_options, &check.stop_job_on_failure_options)
            }
            _ => return Err(invalid(format!("Expected a target behind \"-- target:\", found {:?}, a {}.", node.id, node.kind.name))),
        };
        Ok((node.id.clone(), purpose))
    }

    /// The nodes that `id` needs and itself, inputs first.
    pub fn ancestors(&self, id: &str) -> Result<Vec<&Node>> {
        self.node(id)?;
        let mut needed = BTreeSet::from([id.to_owned()]);
        for node in self.order.iter().rev().filter_map(|id| self.nodes.get(id)) {
            if needed.contains(&node.id) {
                needed.extend(node.inputs.iter().cloned());
            }
        }
        Ok(self.nodes().filter(|node| needed.contains(&node.id)).collect())
    }

    /// What is to be registered as tables of the database [`DIRECT_DATABASE`] before the graph is compiled or run.
    pub fn direct_sources(&self) -> Vec<DirectSource> {
        let (names, _) = names::of_nodes(self);
        let found = self.nodes().filter_map(|node| {
            let Work::Direct(direct) = &node.work else { return None };
            let table = names.get(&node.id)?.clone();
            let columns = node.declared.clone();
            Some(DirectSource { node: node.id.clone(), name: node.name.clone(), table, kind: direct.kind.clone(), columns })
        });
        found.collect()
    }

    /// The tables of the catalogue that the graph reads by name: database and table. What a SparkSQL node names itself is not among them.
    pub fn tables(&self) -> Vec<(String, String)> {
        let found: BTreeSet<(String, String)> = self
            .nodes()
            .filter_map(|node| match &node.work {
                Work::Table { database, table, .. } => Some((database.clone(), table.clone())),
                _ => None,
            })
            .collect();
        found.into_iter().collect()
    }
}

impl Node {
    fn parse(id: &str, value: &Value) -> Result<Self> {
        if id.is_empty() || id.len() > 255 || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(invalid(format!("A node's id has letters, digits, - and _; found {id:?}.")));
        }
        let (kind, members) = kind_of(id, value)?;
        let name = members.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut node =
            Self { id: id.to_owned(), name, kind, inputs: Vec::new(), comment: None, declared: Vec::new(), work: Work::Target(empty()) };
        if node.name.is_empty() || node.name.contains(['\r', '\n']) {
            return Err(invalid(format!("Node {id:?} is a {} and is to have a Name of one line.", kind.name)));
        }
        if let Some(why) = kind.refusal {
            let text = format!("Node {:?} ({id}) is a {}, which has no meaning here; {why}.", node.name, kind.name);
            return Err(Error::invalid_input(text).code(UNSUPPORTED));
        }
        let read = node.read(members.clone());
        read.map_err(|error| node.error(error))?;
        Ok(node)
    }

    fn read(&mut self, mut members: Map<String, Value>) -> Result<()> {
        members.remove("Name");
        if let Some(inputs) = members.remove("Inputs") {
            self.inputs = serde_json::from_value(inputs).map_err(|_| Error::invalid_input("expected a list of node ids in Inputs"))?;
        }
        self.comment = members.remove("Comment").and_then(|comment| comment.as_str().map(str::to_owned));
        self.declared = members.remove("OutputSchemas").as_ref().map(declared).unwrap_or_default();
        self.work = work(self.kind, members)?;
        Ok(())
    }

    /// The error with this node before it, as one sentence, if it does not name the node that it is about already.
    pub(crate) fn error(&self, mut error: Error) -> Error {
        if error.message.starts_with(NAMED) {
            return error;
        }
        let message = error.message.trim_end_matches('.');
        error.message = format!("{NAMED}{:?} ({}, {}): {message}.", self.name, self.id, self.kind.name);
        if error.code.is_none() && error.kind == domain::ErrorKind::InvalidInput {
            error.code = Some("JOB_GRAPH_INVALID");
        }
        error
    }

    /// The table that stands for a direct source.
    pub(crate) fn direct_table(name: &str) -> String {
        sql::table(DIRECT_DATABASE, name)
    }
}

fn empty() -> TargetSpec {
    let place = target::TablePlace::Catalog { database: String::new(), table: String::new() };
    TargetSpec::Table { place, mode: target::WriteMode::Append, keys: Vec::new(), partition_keys: Vec::new() }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid_input(message).code("JOB_GRAPH_INVALID")
}

fn kind_of<'a>(id: &str, value: &'a Value) -> Result<(&'static Kind, &'a Map<String, Value>)> {
    // botocore and other clients may write the kinds that a node is not as null.
    let kinds: Vec<(&String, &Value)> = value.as_object().into_iter().flatten().filter(|(_, node)| !node.is_null()).collect();
    let [(name, members)] = kinds.as_slice() else {
        return Err(invalid(format!(
            "Node {id:?} is to be of exactly one kind, such as {{\"Filter\": {{...}}}}; found {} kinds.",
            kinds.len()
        )));
    };
    let Some(kind) = kinds::kind(name) else {
        return Err(
            Error::invalid_input(format!("Node {id:?} is a {name:?}, a kind that neither Glue nor Penchant has.")).code(UNSUPPORTED)
        );
    };
    let Some(members) = members.as_object() else {
        return Err(invalid(format!("Node {id:?} is a {name} and is to have its members in a map.")));
    };
    Ok((kind, members))
}

/// Reads members; a member that the kind does not have is a mistake of spelling.
pub(crate) fn members<T: DeserializeOwned>(mut members: Map<String, Value>) -> Result<T> {
    members.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(members)).map_err(|error| Error::invalid_input(error.to_string()))
}

fn declared(schemas: &Value) -> Vec<Column> {
    let columns = schemas.as_array().into_iter().flatten().filter_map(|schema| schema.get("Columns")?.as_array()).flatten();
    columns
        .filter_map(|column| {
            let data_type = column.get("Type").and_then(Value::as_str).unwrap_or("string").to_owned();
            Some(Column { name: column.get("Name")?.as_str()?.to_owned(), data_type })
        })
        .collect()
}

fn work(kind: &Kind, members: Map<String, Value>) -> Result<Work> {
    Ok(match (kind.role, kind.name) {
        (Role::Target, name) => Work::Target(target::target(name, members)?),
        (Role::Transform, name) => Work::Transform(transform(name, members)?),
        (_, "S3CsvSource" | "S3JsonSource" | "S3ParquetSource") => Work::Direct(direct::files(kind.name, members)?),
        (_, "DirectJDBCSource" | "JDBCConnectorSource") => Work::Direct(direct::jdbc(members)?),
        (_, "ConnectorDataSource") => Work::Direct(direct::connector(members)?),
        (_, "DirectKafkaSource") => Work::Direct(direct::kafka(&members)?),
        (_, "AmazonRedshiftSource") => redshift(&members)?,
        _ => catalog(&members)?,
    })
}

/// Options of how Glue reads (streaming windows, staging folders) change no row and are not asked; those that would are refused.
fn catalog(members: &Map<String, Value>) -> Result<Work> {
    let word = |key: &str| members.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let (Some(database), Some(table)) = (word("Database"), word("Table")) else {
        return Err(Error::invalid_input("expected Database and Table"));
    };
    let options = |key: &str| members.get(key).and_then(Value::as_object);
    direct::check_options(options("AdditionalOptions"))?;
    options("StreamingOptions").map_or(Ok(()), direct::check_streaming)?;
    let predicate = word("PartitionPredicate").map(|text| sql::checked(text, "PartitionPredicate")).transpose()?;
    Ok(Work::Table { database: database.to_owned(), table: table.to_owned(), predicate })
}

fn redshift(members: &Map<String, Value>) -> Result<Work> {
    let data = members.get("Data").cloned().unwrap_or_default();
    let word = |key: &str| match data.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(option) => option.get("Value").and_then(Value::as_str).map(str::to_owned),
        None => None,
    };
    if word("SourceType").as_deref() == Some("query") {
        return Err(Error::invalid_input("expected SourceType table, found query: read the table and put the query into a SparkSQL node"));
    }
    if let (Some(database), Some(table)) = (word("CatalogDatabase"), word("CatalogTable")) {
        return Ok(Work::Table { database, table, predicate: None });
    }
    let (Some(connection), Some(table)) = (word("Connection"), word("Table")) else {
        return Err(Error::invalid_input("expected Connection and Table, or CatalogDatabase and CatalogTable, in Data"));
    };
    let table = word("Schema").map_or_else(|| table.clone(), |schema| format!("{schema}.{table}"));
    Ok(Work::Direct(Direct { kind: direct::DirectKind::Table { connection, database: None, table }, predicate: None }))
}

fn transform(kind: &str, map: Map<String, Value>) -> Result<Transform> {
    Ok(match kind {
        "ApplyMapping" => Transform::ApplyMapping(members(map)?),
        "SelectFields" => Transform::SelectFields(members(map)?),
        "DropFields" => Transform::DropFields(members(map)?),
        "RenameField" => Transform::RenameField(members(map)?),
        "Spigot" => Transform::Spigot(members(map)?),
        "Join" => Transform::Join(members(map)?),
        "SplitFields" => Transform::SplitFields(members(map)?),
        "SelectFromCollection" => Transform::SelectFromCollection(members(map)?),
        "FillMissingValues" => Transform::FillMissingValues(members(map)?),
        "Filter" => Transform::Filter(members(map)?),
        "SparkSQL" => Transform::SparkSql(members(map)?),
        "DropNullFields" => Transform::DropNullFields(members(map)?),
        "Merge" => Transform::Merge(members(map)?),
        "Union" => Transform::Union(members(map)?),
        "PIIDetection" => Transform::PiiDetection(Value::Object(map)),
        "Aggregate" => Transform::Aggregate(members(map)?),
        "DropDuplicates" => Transform::DropDuplicates(members(map)?),
        "Route" => Transform::Route(members(map)?),
        "EvaluateDataQuality" => Transform::EvaluateDataQuality(members(map)?),
        "EvaluateDataQualityMultiFrame" => Transform::EvaluateDataQualityMultiFrame(members(map)?),
        "Flatten" => Transform::Flatten(members(map)?),
        "Relationalize" => Transform::Relationalize(members(map)?),
        "Pivot" => Transform::Pivot(members(map)?),
        "Unpivot" => Transform::Unpivot(members(map)?),
        "CustomFunction" => Transform::CustomFunction(members(map)?),
        other => return Err(Error::internal(format!("the supported kind {other} has no reader"))),
    })
}

fn check_inputs(nodes: &BTreeMap<String, Node>) -> Result<()> {
    for node in nodes.values() {
        let (least, most) = node.kind.inputs;
        let found = node.inputs.len();
        if found < least || found > most {
            let expected = match (least, most) {
                (0, 0) => "no inputs".to_owned(),
                (least, most) if least == most => format!("{least} input{}", if least == 1 { "" } else { "s" }),
                (least, _) => format!("{least} or more inputs"),
            };
            return Err(node.error(Error::invalid_input(format!("expected {expected}, found {found}"))));
        }
        for input in &node.inputs {
            match nodes.get(input) {
                None => return Err(node.error(Error::invalid_input(format!("its input {input:?} is no node of the graph")))),
                Some(read) if read.kind.role == Role::Target => {
                    return Err(node.error(Error::invalid_input(format!("its input {input:?} is a target, which gives no rows"))));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// Each node's inputs right before it, so that the script reads from top to bottom; by id where nothing else decides.
fn order(nodes: &BTreeMap<String, Node>) -> Result<Vec<String>> {
    let mut order = Vec::new();
    let mut done = BTreeSet::new();
    let is_read: BTreeSet<&str> = nodes.values().flat_map(|node| node.inputs.iter().map(String::as_str)).collect();
    // Nodes that nobody reads begin; what is only on a cycle is begun by nobody and comes after.
    let ends = nodes.keys().filter(|id| !is_read.contains(id.as_str()));
    for start in ends.chain(nodes.keys()) {
        // An explicit stack: (node, how many of its inputs were gone into).
        let mut stack = vec![(start.as_str(), 0_usize)];
        if done.contains(start.as_str()) {
            continue;
        }
        while let Some((id, next)) = stack.last_mut() {
            let input = nodes.get(*id).and_then(|node| node.inputs.get(*next));
            *next += 1;
            let Some(input) = input else {
                done.insert(*id);
                order.push((*id).to_owned());
                stack.pop();
                continue;
            };
            if done.contains(input.as_str()) {
                continue;
            }
            if let Some(at) = stack.iter().position(|(id, _)| id == input) {
                let ring: Vec<&str> = stack.iter().skip(at).map(|(id, _)| *id).chain([input.as_str()]).collect();
                return Err(invalid(format!("A graph has no circles; found {}.", ring.join(" reads "))));
            }
            stack.push((input, 0));
        }
    }
    Ok(order)
}
