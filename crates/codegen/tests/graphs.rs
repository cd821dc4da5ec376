//! Every kind of node as data: `cases/NAME.json` is a graph over the tables of `cases/tables.json`; `NAME.sql` is its script,
//! `NAME.rows` what DataFusion gives for each statement, `NAME.columns` what it says the columns are.
//!
//! `CODEGEN_UPDATE=1` writes the scripts anew; `CODEGEN_RECORD=PYTHON` also asks DataFusion (PyPI `datafusion` 55) through `record.py`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use codegen::{Column, Graph, Planner, Purpose, Query, Script, around, compile, mermaid, pyspark};
use domain::{Error, Result};
use futures::executor::block_on;
use serde_json::{Value, json};

fn cases() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/cases")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(cases())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .filter(|name| name != "tables")
        .collect();
    names.sort();
    assert!(names.len() >= 40, "the cases are there");
    names
}

fn read(file: &str) -> String {
    std::fs::read_to_string(cases().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn graph(name: &str) -> Graph {
    Graph::parse(serde_json::from_str(&read(&format!("{name}.json"))).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// 2026-01-01, for rules that ask for the age of things.
const NOW: i64 = 1_767_225_600;

/// Answers from what was recorded: columns by the CTE that the query ends with, and the rows of the one query that looks at the data.
#[derive(Default)]
struct Recorded {
    columns: BTreeMap<String, Vec<Column>>,
    looked: Option<Vec<Vec<Option<String>>>>,
}

impl Recorded {
    fn of(name: &str) -> Self {
        let value: Value = serde_json::from_str(&read(&format!("{name}.columns"))).unwrap();
        let columns = value["columns"].as_object().unwrap().iter().map(|(cte, columns)| {
            let columns = columns
                .as_array()
                .unwrap()
                .iter()
                .map(|column| Column { name: column[0].as_str().unwrap().to_owned(), data_type: column[1].as_str().unwrap().to_owned() });
            (cte.clone(), columns.collect())
        });
        Self { columns: columns.collect(), looked: serde_json::from_value(value["looked"].clone()).unwrap() }
    }
}

fn last_cte(sql: &str) -> String {
    sql.rsplit("FROM ").next().unwrap().to_owned()
}

#[async_trait::async_trait]
impl Planner for Recorded {
    async fn columns(&self, sql: &str) -> Result<Vec<Column>> {
        let cte = last_cte(sql);
        self.columns.get(&cte).cloned().ok_or_else(|| Error::invalid_data(format!("nothing is recorded for {cte}")))
    }

    async fn rows(&self, _sql: &str) -> Result<Option<Vec<Vec<Option<String>>>>> {
        Ok(self.looked.clone())
    }

    fn now(&self) -> i64 {
        NOW
    }
}

/// DataFusion in a process of its own.
struct Live {
    process: Mutex<(Child, BufReader<std::process::ChildStdout>)>,
    /// What it has answered, to be recorded.
    heard: Mutex<Recorded>,
}

impl Live {
    fn start(python: &str) -> Self {
        let script = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/record.py");
        let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { process: Mutex::new((child, out)), heard: Mutex::default() }
    }

    fn ask(&self, question: &Value) -> Value {
        let mut process = self.process.lock().unwrap();
        writeln!(process.0.stdin.as_mut().unwrap(), "{question}").unwrap();
        let mut line = String::new();
        process.1.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn rows(&self, sql: &str) -> std::result::Result<Vec<String>, String> {
        let answer = self.ask(&json!({"rows": sql}));
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(serde_json::from_value(answer["rows"].clone()).unwrap()),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        drop(process.0.stdin.take());
        let _ = process.0.wait();
    }
}

#[async_trait::async_trait]
impl Planner for Live {
    async fn columns(&self, sql: &str) -> Result<Vec<Column>> {
        let answer = self.ask(&json!({"columns": sql}));
        let columns: Vec<Column> =
            serde_json::from_value(answer["columns"].clone()).map_err(|_| Error::invalid_data(format!("{answer}\n{sql}")))?;
        self.heard.lock().unwrap().columns.insert(last_cte(sql), columns.clone());
        Ok(columns)
    }

    fn now(&self) -> i64 {
        NOW
    }

    async fn rows(&self, sql: &str) -> Result<Option<Vec<Vec<Option<String>>>>> {
        let rows = self.rows(sql).map_err(Error::invalid_data)?;
        let cell = |cell: Value| match cell {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        let row = |row: &String| serde_json::from_str::<Vec<Value>>(row).unwrap().into_iter().map(cell).collect();
        let looked: Vec<Vec<Option<String>>> = rows.iter().map(row).collect();
        assert!(self.heard.lock().unwrap().looked.replace(looked.clone()).is_none(), "a case looks at the data once");
        Ok(Some(looked))
    }
}

fn record(python: &str) {
    let live = Live::start(python);
    let tables: Value = serde_json::from_str(&read("tables.json")).unwrap();
    let mut failures = Vec::new();
    for name in names() {
        *live.heard.lock().unwrap() = Recorded::default();
        assert_eq!(live.ask(&json!({"tables": tables})), json!({}));
        let script = match block_on(compile(&graph(&name), &live)) {
            Ok(script) => script,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut rows = String::new();
        for statement in &script.statements {
            match live.rows(&statement.sql) {
                Ok(found) => rows += &format!("{}\n{}\n\n", statement.node, found.join("\n")),
                Err(error) => failures.push(format!("{name}: {error}\n{}", statement.sql)),
            }
        }
        let heard = live.heard.lock().unwrap();
        let columns: BTreeMap<&String, Vec<[&String; 2]>> = heard
            .columns
            .iter()
            .map(|(cte, columns)| (cte, columns.iter().map(|column| [&column.name, &column.data_type]).collect()))
            .collect();
        std::fs::write(cases().join(format!("{name}.columns")), json!({"columns": columns, "looked": heard.looked}).to_string() + "\n")
            .unwrap();
        std::fs::write(cases().join(format!("{name}.rows")), rows).unwrap();
        std::fs::write(cases().join(format!("{name}.sql")), script.text(&name)).unwrap();
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_kind_of_node_becomes_its_sql() {
    if let Ok(python) = std::env::var("CODEGEN_RECORD") {
        record(&python);
    }
    for name in names() {
        let (graph, planner) = (graph(&name), Recorded::of(&name));
        let script = block_on(compile(&graph, &planner)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = script.text(&name);
        if std::env::var_os("CODEGEN_UPDATE").is_some() {
            std::fs::write(cases().join(format!("{name}.sql")), &text).unwrap();
        }
        assert_eq!(text, read(&format!("{name}.sql")), "{name}");
        let again = block_on(compile(&Graph::parse(graph.value().clone()).unwrap(), &planner)).unwrap();
        assert_eq!(text, again.text(&name), "{name}: the same graph gives the same text");
        let parts = Script::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let back: Vec<(Option<&str>, &str)> = parts.iter().map(|part| (part.target.as_deref(), part.sql.as_str())).collect();
        let written: Vec<(Option<&str>, &str)> =
            script.statements.iter().map(|statement| (Some(statement.node.as_str()), statement.sql.as_str())).collect();
        assert_eq!(back, written, "{name}: the text is read back as it was");
    }
}

#[test]
fn every_supported_transform_has_a_case() {
    let text: String = names().iter().map(|name| read(&format!("{name}.json"))).collect();
    for kind in codegen::KINDS.iter().filter(|kind| kind.role == codegen::Role::Transform && kind.refusal.is_none()) {
        assert!(text.contains(&format!("\"{}\"", kind.name)), "{} has no case", kind.name);
    }
    assert_eq!(codegen::KINDS.iter().filter(|kind| !kind.ours).count(), 79, "all of Glue's kinds");
}

#[test]
fn a_preview_ends_at_any_node_and_has_only_what_it_needs() {
    let (graph, planner) = (graph("route"), Recorded::of("route"));
    let query = block_on(around(&graph, &planner, "n4")).unwrap().outputs.remove(0);
    assert_eq!(query.nodes, ["n1", "n2", "n4"]);
    assert!(query.sql.ends_with("SELECT *\nFROM others") && !query.sql.contains("cheap AS ("), "{}", query.sql);
    let route = block_on(around(&graph, &planner, "n2")).unwrap();
    let ends = |queries: &[Query], expected: &[&str]| {
        let found: Vec<&str> = queries.iter().map(|query| query.sql.rsplit_once("FROM ").unwrap().1).collect();
        assert_eq!(found, expected);
    };
    ends(&route.inputs, &["orders"]);
    ends(&route.outputs, &["route_cheap", "route_figs", "route_default_group"]);
    let target = block_on(around(&graph, &planner, "n6")).unwrap();
    assert_eq!((&target.inputs, &target.outputs), (&vec![query.clone()], &vec![query]));
    assert!(block_on(around(&graph, &planner, "nothing")).is_err());
}

#[test]
fn a_table_that_was_chosen_of_several_is_what_the_choosing_node_reads() {
    let (graph, planner) = (graph("route"), Recorded::of("route"));
    for (id, chosen) in [("n3", "route_cheap"), ("n4", "route_default_group")] {
        let found = block_on(around(&graph, &planner, id)).unwrap();
        let read: Vec<&str> = found.inputs.iter().map(|query| query.sql.rsplit_once("FROM ").unwrap().1).collect();
        assert_eq!(read, [chosen], "{id}");
    }
}

#[test]
fn targets_and_sources_are_given_out_in_neutral_words() {
    let (graph, planner) = (graph("sources"), Recorded::of("sources"));
    let script = block_on(compile(&graph, &planner)).unwrap();
    let value = serde_json::to_value(&script).unwrap();
    assert_eq!(value["sources"][0]["table"], "raw_clicks");
    assert_eq!(value["sources"][0]["Files"]["format"]["Csv"]["separator"], "|");
    assert_eq!(value["sources"][0]["Files"]["format"]["Csv"]["quote"], Value::Null);
    assert_eq!(value["sources"][0]["columns"][1], json!({"name": "at", "data_type": "bigint"}));
    assert_eq!(value["sources"][1]["Table"], json!({"connection": "crm", "database": "crm", "table": "contacts"}));
    assert_eq!(value["sources"][2]["Topic"]["options"]["StartingOffsets"], "earliest");
    let Purpose::Target(spec) = &script.statements[0].purpose else { panic!("a target") };
    assert_eq!(
        serde_json::to_value(spec).unwrap(),
        json!({"Table": {"place": {"Catalog": {"database": "shop", "table": "users"}}, "mode": "upsert", "keys": ["user"], "partition_keys": []}})
    );
}

#[test]
fn pyspark_is_python() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        eprintln!("python3 is absent: whether the PySpark scripts are Python is not checked");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    for name in names() {
        let text = block_on(pyspark(&graph(&name), &Recorded::of(&name), &name)).unwrap();
        std::fs::write(folder.path().join(format!("{name}.py")), text).unwrap();
    }
    let check = "import ast, pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).glob('*.py'):\n    ast.parse(path.read_text(), path.name)";
    let output = Command::new("python3").args(["-c", check]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let relationalize = std::fs::read_to_string(folder.path().join("relationalize.py")).unwrap();
    assert!(relationalize.contains("explode(sequence(1,") && relationalize.contains("elements[place - 1]"), "{relationalize}");
    let filter = std::fs::read_to_string(folder.path().join("filter_or.py")).unwrap();
    assert!(filter.contains(r"status = 'x\\' OR 1=1;--'"), "{filter}");
    if let Some(keep) = std::env::var_os("CODEGEN_KEEP_PYSPARK") {
        std::fs::create_dir_all(&keep).unwrap();
        for name in names() {
            std::fs::copy(folder.path().join(format!("{name}.py")), Path::new(&keep).join(format!("{name}.py"))).unwrap();
        }
    }
}

/// The engine's own test reads the same table.
#[test]
fn pyspark_reads_moments_as_the_engine_does() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        eprintln!("python3 is absent: what the PySpark scripts take for a moment is not checked");
        return;
    };
    assert!(version.status.success());
    let functions = include_str!("../src/functions.py");
    let script = format!(
        "import json, re, sys\n\n{functions}\n\nprint(json.dumps([[text, _micros(text), epoch_seconds(text), str(parse_date(text))] for text, _ in json.load(open(sys.argv[1]))]))"
    );
    let table = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/moments.json");
    let output = Command::new("python3").args(["-c", &script]).arg(&table).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<(String, Option<i64>, Option<i64>, String)> = serde_json::from_slice(&output.stdout).unwrap();
    let expected: Vec<(String, Option<i64>)> = serde_json::from_str(&std::fs::read_to_string(&table).unwrap()).unwrap();
    assert_eq!(found.len(), expected.len());
    for ((text, micros, seconds, day), (_, expected)) in found.into_iter().zip(expected) {
        assert_eq!((micros, seconds), (expected, expected.map(|micros| micros.div_euclid(1_000_000))), "{text}");
        assert!(day != "None" || micros.is_none(), "{text}: {day}");
    }
}

#[test]
fn pyspark_reads_files_as_the_job_says_they_are() {
    let files = |kind: &str, more: Value| {
        let mut members = json!({"Name": "In", "Paths": ["s3://lake/in/"], "OutputSchemas": [{"Columns": [{"Name": "id", "Type": "string"}, {"Name": "a`b", "Type": "decimal(10,2)"}]}]});
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let target = json!({"Name": "Out", "Inputs": ["a"], "Path": "s3://lake/out/", "Format": "csv"});
        let graph = Graph::parse(json!({"a": {kind: members}, "b": {"S3DirectTarget": target}})).unwrap();
        block_on(pyspark(&graph, &Recorded::default(), "job")).unwrap()
    };
    let schema = ".schema(\"`id` string, `a``b` decimal(10,2)\")";
    let csv = files("S3CsvSource", json!({"Separator": "comma", "QuoteChar": "quote", "WithHeader": false, "Exclusions": ["**/old/**"]}));
    assert!(csv.contains(schema) && !csv.contains("inferSchema") && csv.contains("enforceSchema=True"), "{csv}");
    assert!(csv.contains("# The job leaves out **/old/**; this reads them, so move them away.\n"), "{csv}");
    let header = files("S3CsvSource", json!({"Separator": "comma", "QuoteChar": "quote", "WithHeader": true}));
    assert!(header.contains("enforceSchema=False"), "{header}");
    let json = files("S3JsonSource", json!({"JsonPath": "$.records[*]"}));
    assert!(json.contains(schema) && json.contains("# The job reads the records at $.records[*] of each document;"), "{json}");
    let parquet = files("S3ParquetSource", json!({}));
    assert!(parquet.contains(".selectExpr(*[\"CAST(`id` AS string) AS `id`\", \"CAST(`a``b` AS decimal(10,2)) AS `a``b`\"])"), "{parquet}");
    let guessed = files("S3CsvSource", json!({"Separator": "comma", "QuoteChar": "quote", "OutputSchemas": []}));
    assert!(guessed.contains("inferSchema=True") && !guessed.contains(".schema("), "{guessed}");
}

#[test]
fn the_picture_names_every_node_and_cannot_be_broken_out_of() {
    assert_eq!(
        mermaid(&graph("split_fields")),
        "flowchart LR\n    n0([\"Orders<br/>CatalogSource\"])\n    n1[\"Split<br/>SplitFields\"]\n    n2[\"Ids<br/>SelectFromCollection\"]\n    \
         n3[(\"Out<br/>S3DirectTarget\")]\n    n4[\"Rest<br/>SelectFromCollection\"]\n    n5[(\"Out<br/>S3DirectTarget\")]\n    n0 --> n1\n    \
         n1 --> n2\n    n2 --> n3\n    n1 --> n4\n    n4 --> n5\n"
    );
    let odd = mermaid(&graph("names"));
    assert!(odd.contains("#34;#59; -- target: g<br/>") && !odd.contains("quoted\""), "{odd}");
}
