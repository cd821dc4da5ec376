//! From the graph to SQL: one CTE per node, the columns asked from a planner.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::graph::{Graph, Node, Work};
use crate::kinds::Role;
use crate::members::{DataQualityOutput, StopOptions, Transform};
use crate::names::{self, Names};
use crate::script::{Purpose, Script, Statement};
use crate::target::TargetSpec;
use crate::transform::{self, Made};
use crate::types::{Field, Input, Type};
use crate::{seam, sql};

/// A column of a SELECT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// In Hive's words: `bigint`, `decimal(10,2)`, `struct<a:int>`, `array<string>`.
    pub data_type: String,
}

/// Who knows the columns of a SELECT: an engine with its catalogue.
#[async_trait]
pub trait Planner: Send + Sync {
    /// The columns of the result of `sql`, from the text and the catalogue alone.
    async fn columns(&self, sql: &str) -> Result<Vec<Column>>;

    /// Runs `sql`, which gives few rows, and says what is in them as text (`true` and `false` for BOOLEAN). `None` where nothing may be
    /// run: what depends on the data (DropNullFields, PIIDetection by column) then follows the types alone.
    async fn rows(&self, _sql: &str) -> Result<Option<Vec<Vec<Option<String>>>>> {
        Ok(None)
    }

    /// What `now()` is in rules of data quality, in seconds since 1970.
    fn now(&self) -> i64;
}

/// A SELECT that ends at one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub sql: String,
    /// Ids of the nodes in it, inputs first, the node itself last.
    pub nodes: Vec<String>,
}

/// Compiles the whole graph: a statement for every target, sample and data quality result.
pub async fn compile(graph: &Graph, planner: &dyn Planner) -> Result<Script> {
    if !graph.nodes().any(|node| node.kind.role == Role::Target) {
        return Err(Error::invalid_input("A job's graph has at least one target; found none.").code("JOB_GRAPH_INVALID"));
    }
    let mut compiler = Compiler::new(graph, planner);
    for node in graph.nodes() {
        compiler.node(node).await.map_err(|error| node.error(error))?;
    }
    Ok(Script { statements: compiler.statements, sources: graph.direct_sources() })
}

/// The SELECTs that end at a node and at what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// One for each input, as the node reads it: of an input that gives several tables the one that is chosen.
    pub inputs: Vec<Query>,
    /// One for each table that the node gives; a target gives what it reads.
    pub outputs: Vec<Query>,
}

/// What the node `id` reads and gives, for a preview; only what it needs is compiled.
pub async fn around(graph: &Graph, planner: &dyn Planner, id: &str) -> Result<Around> {
    let mut compiler = Compiler::new(graph, planner);
    for node in graph.ancestors(id)? {
        compiler.node(node).await.map_err(|error| node.error(error))?;
    }
    let given = match compiler.outputs.get(id) {
        Some(Outputs::One(step)) => vec![*step],
        Some(Outputs::Many(outputs)) => outputs.iter().map(|(_, step)| *step).collect(),
        None => Vec::new(),
    };
    let read = match given.first().and_then(|step| compiler.steps.get(*step)) {
        Some(step) => step.reads.clone(),
        None => compiler.input_steps(graph.node(id)?)?,
    };
    let select = |step: &usize| Query { sql: compiler.query(&[*step], &compiler.all_of(*step)), nodes: compiler.nodes(&[*step]) };
    let outputs = if given.is_empty() { &read } else { &given };
    Ok(Around { inputs: read.iter().map(select).collect(), outputs: outputs.iter().map(select).collect() })
}

/// One CTE.
pub(crate) struct Step {
    pub node: String,
    /// Which table of a node that gives several.
    pub output: Option<String>,
    pub cte: String,
    pub body: String,
    /// The steps whose CTEs the body reads.
    reads: Vec<usize>,
}

/// The steps that hold a node's rows.
enum Outputs {
    One(usize),
    /// By name.
    Many(Vec<(String, usize)>),
}

pub(crate) struct Compiler<'a> {
    graph: &'a Graph,
    planner: &'a dyn Planner,
    names: BTreeMap<String, String>,
    taken: Names,
    pub steps: Vec<Step>,
    outputs: BTreeMap<String, Outputs>,
    columns: BTreeMap<usize, Vec<Column>>,
    pub statements: Vec<Statement>,
}

impl<'a> Compiler<'a> {
    pub fn new(graph: &'a Graph, planner: &'a dyn Planner) -> Self {
        let (names, taken) = names::of_nodes(graph);
        Self { graph, planner, names, taken, steps: Vec::new(), outputs: BTreeMap::new(), columns: BTreeMap::new(), statements: Vec::new() }
    }

    /// Adds the node's CTEs and, where it writes something, its statement.
    pub async fn node(&mut self, node: &Node) -> Result<()> {
        match &node.work {
            Work::Table { database, table, predicate } => {
                self.one(node, transform::source(&sql::table(database, table), predicate.as_deref()), Vec::new());
            }
            Work::Direct(direct) => {
                let table = Node::direct_table(self.names.get(&node.id).map_or("", String::as_str));
                self.one(node, transform::source(&table, direct.predicate.as_deref()), Vec::new());
            }
            Work::Transform(transform) => self.transform(node, transform).await?,
            Work::Target(spec) => {
                let step = self.input_steps(node)?.first().copied().unwrap_or_default();
                self.check_target(step, spec).await?;
                self.state(node, Purpose::Target(spec.clone()), &[step], &self.all_of(step));
            }
        }
        Ok(())
    }

    async fn transform(&mut self, node: &Node, transform: &Transform) -> Result<()> {
        match transform {
            Transform::SelectFromCollection(chosen) => return self.chosen(node, chosen.index, chosen.key.as_deref()),
            Transform::SparkSql(query) => {
                let steps = self.input_steps(node)?;
                let body = transform::spark_sql(node, query, |id| self.cte_of(id))?;
                self.one(node, body, steps);
                return Ok(());
            }
            _ => {}
        }
        let steps = self.input_steps(node)?;
        let mut inputs = Vec::new();
        for (step, id) in steps.iter().zip(&node.inputs) {
            inputs.push(self.input(*step, id).await?);
        }
        match transform {
            Transform::EvaluateDataQuality(check) => {
                let results = self.quality(&steps, &check.ruleset, &[]).await?;
                let stop = &check.stop_job_on_failure_options;
                self.state_quality(node, &results, &steps, &check.publishing_options, stop);
                let whole = check.output == DataQualityOutput::PrimaryInput;
                let body = if whole { self.all_of(steps.first().copied().unwrap_or_default()) } else { results };
                self.one(node, body, steps);
            }
            Transform::EvaluateDataQualityMultiFrame(check) => {
                let references = self.references(node, &check.additional_data_sources)?;
                let results = self.quality(&steps, &check.ruleset, &references).await?;
                self.state_quality(node, &results, &steps, &check.publishing_options, &check.stop_job_on_failure_options);
                let original = self.all_of(steps.first().copied().unwrap_or_default());
                self.many(node, vec![("originalData".to_owned(), original), ("ruleOutcomes".to_owned(), results)], &steps);
            }
            Transform::PiiDetection(spec) => {
                let columns = self.columns(steps.first().copied().unwrap_or_default()).await?;
                let detection = seam::detection(spec)?;
                let cte = self.cte_name(steps.first().copied().unwrap_or_default());
                let body = if detection.pii_type.by_column() {
                    let scan = self.planner.rows(&self.query(&steps, &seam::pii_scan(&cte, &columns, &detection)?)).await?;
                    seam::pii_columns(&cte, &columns, &detection, scan)?
                } else {
                    seam::pii_select(&cte, &columns, &detection)?
                };
                self.one(node, body, steps);
            }
            Transform::DropNullFields(spec) => {
                let Some(input) = inputs.first() else { return Ok(()) };
                let empty = match transform::empty_columns(spec, input)? {
                    Some(test) => self.planner.rows(&self.query(&steps, &test)).await?.map(flags),
                    None => None,
                };
                let body = transform::drop_null_fields(input, empty.as_deref())?;
                self.one(node, body, steps);
            }
            other => match transform::made(node, other, &inputs)? {
                Made::One(body) => {
                    if let (Transform::Spigot(spigot), Some(input)) = (other, inputs.first()) {
                        let (spec, sample) = transform::sample(spigot, input)?;
                        self.state(node, Purpose::Sample(spec), &steps, &sample);
                    }
                    self.one(node, body, steps);
                }
                Made::Many(bodies) => self.many(node, bodies, &steps),
            },
        }
        Ok(())
    }

    /// The steps of a node's inputs; a node that gives several tables has to be chosen from first.
    fn input_steps(&self, node: &Node) -> Result<Vec<usize>> {
        let mut steps = Vec::new();
        for id in &node.inputs {
            match self.outputs.get(id) {
                Some(Outputs::One(step)) => steps.push(*step),
                Some(Outputs::Many(outputs)) => {
                    let text = format!("its input {id:?} gives several tables ({}); put a SelectFromCollection between", listed(outputs));
                    return Err(Error::invalid_input(text));
                }
                None => return Err(Error::internal(format!("the input {id:?} was not compiled"))),
            }
        }
        Ok(steps)
    }

    fn chosen(&mut self, node: &Node, index: Option<usize>, key: Option<&str>) -> Result<()> {
        let id = node.inputs.first().map_or("", String::as_str);
        let step = match (self.outputs.get(id), index, key) {
            (Some(Outputs::Many(outputs)), _, Some(key)) => pick(outputs, key)?,
            (Some(Outputs::Many(outputs)), Some(index), None) => match outputs.get(index) {
                Some((_, step)) => *step,
                None => {
                    let text = format!("expected an Index below {}, found {index}; the tables are {}", outputs.len(), listed(outputs));
                    return Err(Error::invalid_input(text));
                }
            },
            (Some(Outputs::Many(_)), None, None) => return Err(Error::invalid_input("expected Index or Key, found neither")),
            _ => return Err(Error::invalid_input(format!("expected an input that gives several tables, found {id:?}, which gives one"))),
        };
        let body = self.all_of(step);
        self.one(node, body, vec![step]);
        Ok(())
    }

    fn references(&self, node: &Node, named: &BTreeMap<String, String>) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for (alias, id) in named {
            if !node.inputs.contains(id) {
                return Err(Error::invalid_input(format!("expected inputs in AdditionalDataSources, found {id:?} for {alias:?}")));
            }
            found.push((alias.clone(), self.cte_name_of(id)));
        }
        Ok(found)
    }

    async fn quality(&mut self, steps: &[usize], ruleset: &str, references: &[(String, String)]) -> Result<String> {
        let first = steps.first().copied().unwrap_or_default();
        let columns = self.columns(first).await?;
        seam::quality_results_select(&self.cte_name(first), &columns, ruleset, references, self.planner.now())
    }

    fn state_quality(&mut self, node: &Node, results: &str, steps: &[usize], publishing: &Value, stop: &StopOptions) {
        self.state(node, Purpose::quality(publishing, stop), steps, results);
    }

    async fn check_target(&mut self, step: usize, spec: &TargetSpec) -> Result<()> {
        let (TargetSpec::Files { partition_keys, .. } | TargetSpec::Table { partition_keys, .. }) = spec;
        let keys = if let TargetSpec::Table { keys, .. } = spec { keys.as_slice() } else { &[] };
        if partition_keys.is_empty() && keys.is_empty() {
            return Ok(());
        }
        let input = self.input(step, "").await?;
        for key in partition_keys.iter().chain(keys) {
            input.find(std::slice::from_ref(key))?;
        }
        Ok(())
    }

    fn one(&mut self, node: &Node, body: String, reads: Vec<usize>) {
        let cte = self.names.get(&node.id).cloned().unwrap_or_default();
        self.steps.push(Step { node: node.id.clone(), output: None, cte, body, reads });
        self.outputs.insert(node.id.clone(), Outputs::One(self.steps.len() - 1));
    }

    fn many(&mut self, node: &Node, bodies: Vec<(String, String)>, reads: &[usize]) {
        let own = self.names.get(&node.id).cloned().unwrap_or_default();
        let mut outputs = Vec::new();
        for (key, body) in bodies {
            let cte = self.taken.give(&format!("{own}_{}", names::fit(&key)));
            self.steps.push(Step { node: node.id.clone(), output: Some(key.clone()), cte, body, reads: reads.to_vec() });
            outputs.push((key, self.steps.len() - 1));
        }
        self.outputs.insert(node.id.clone(), Outputs::Many(outputs));
    }

    fn state(&mut self, node: &Node, purpose: Purpose, steps: &[usize], last: &str) {
        let sql = self.query(steps, last);
        let mut nodes = self.nodes(steps);
        nodes.push(node.id.clone());
        self.statements.push(Statement { node: node.id.clone(), name: node.name.clone(), purpose, sql, last: last.to_owned(), nodes });
    }

    async fn input(&mut self, step: usize, node: &str) -> Result<Input> {
        let columns = self.columns(step).await?;
        let fields = columns.iter().map(|column| Field { name: column.name.clone(), kind: Type::parse(&column.data_type) }).collect();
        Ok(Input { node: node.to_owned(), cte: self.cte(step), fields })
    }

    async fn columns(&mut self, step: usize) -> Result<Vec<Column>> {
        if let Some(known) = self.columns.get(&step) {
            return Ok(known.clone());
        }
        let columns = match self.planner.columns(&self.query(&[step], &self.all_of(step))).await {
            Ok(columns) => columns,
            Err(error) => return Err(self.place(step, error).await),
        };
        self.columns.insert(step, columns.clone());
        Ok(columns)
    }

    /// The error, named after the first step on the way to `last` that the planner does not understand.
    async fn place(&self, last: usize, error: Error) -> Error {
        for step in self.needed(&[last]) {
            let Some(node) = self.steps.get(step).and_then(|step| self.graph.node(&step.node).ok()) else { continue };
            if let Err(error) = self.planner.columns(&self.query(&[step], &self.all_of(step))).await {
                return node.error(error);
            }
        }
        error
    }

    fn cte_name(&self, step: usize) -> String {
        self.steps.get(step).map(|step| step.cte.clone()).unwrap_or_default()
    }

    /// The CTE's name as SQL.
    fn cte(&self, step: usize) -> String {
        self.steps.get(step).map(|step| sql::identifier(&step.cte)).unwrap_or_default()
    }

    fn cte_name_of(&self, node: &str) -> String {
        match self.outputs.get(node) {
            Some(Outputs::One(step)) => self.cte_name(*step),
            _ => String::new(),
        }
    }

    fn cte_of(&self, node: &str) -> String {
        match self.outputs.get(node) {
            Some(Outputs::One(step)) => self.cte(*step),
            _ => String::new(),
        }
    }

    fn all_of(&self, step: usize) -> String {
        format!("SELECT *\nFROM {}", self.cte(step))
    }

    /// The steps that `steps` need and themselves, inputs first.
    fn needed(&self, steps: &[usize]) -> Vec<usize> {
        let mut needed: BTreeSet<usize> = steps.iter().copied().collect();
        for at in (0..self.steps.len()).rev() {
            if needed.contains(&at)
                && let Some(step) = self.steps.get(at)
            {
                needed.extend(&step.reads);
            }
        }
        needed.into_iter().collect()
    }

    fn nodes(&self, steps: &[usize]) -> Vec<String> {
        let mut nodes: Vec<String> = Vec::new();
        for step in self.needed(steps).into_iter().filter_map(|at| self.steps.get(at)) {
            if nodes.last() != Some(&step.node) {
                nodes.push(step.node.clone());
            }
        }
        nodes
    }

    /// `WITH` the CTEs that `steps` need, then `last`.
    fn query(&self, steps: &[usize], last: &str) -> String {
        let ctes: Vec<String> =
            self.needed(steps).into_iter().filter_map(|at| self.steps.get(at)).map(|step| self.definition(step)).collect();
        match (ctes.is_empty(), last.strip_prefix("WITH")) {
            (true, _) => last.to_owned(),
            // CTEs of its own follow those of the nodes, so that its order stays that of the whole.
            (false, Some(own)) => format!("WITH\n{},\n\n{}", ctes.join(",\n\n"), own.trim_start()),
            (false, None) => format!("WITH\n{}\n{last}", ctes.join(",\n\n")),
        }
    }

    fn definition(&self, step: &Step) -> String {
        let text = format!("{}\n{} AS (\n{}\n)", self.remark(step), sql::identifier(&step.cte), sql::indent(&step.body, 2));
        sql::indent(&text, 2)
    }

    /// The comment over a CTE: the node's name, id and kind, and what its author says.
    pub fn remark(&self, step: &Step) -> String {
        let Ok(node) = self.graph.node(&step.node) else { return String::new() };
        let output = step.output.as_ref().map(|output| format!(": {output}")).unwrap_or_default();
        let mut lines = vec![sql::comment(&format!("{}{output} ({}, {})", node.name, node.id, node.kind.name))];
        if let Some(comment) = &node.comment {
            lines.extend(comment.lines().map(sql::comment));
        }
        lines.join("\n")
    }
}

fn pick(outputs: &[(String, usize)], key: &str) -> Result<usize> {
    let found = outputs.iter().find(|(name, _)| name == key).map(|(_, step)| *step);
    found.ok_or_else(|| Error::invalid_input(format!("expected one of the tables {}, found {key:?}", listed(outputs))))
}

/// The first row of a query for BOOLEAN columns.
fn flags(rows: Vec<Vec<Option<String>>>) -> Vec<bool> {
    rows.into_iter().next().unwrap_or_default().into_iter().map(|cell| cell.as_deref() == Some("true")).collect()
}

fn listed(outputs: &[(String, usize)]) -> String {
    outputs.iter().enumerate().map(|(at, (name, _))| format!("{at}: {name}")).collect::<Vec<_>>().join(", ")
}
