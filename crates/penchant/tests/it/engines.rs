//! The same job on every engine: nothing of it changes but the engine's name.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Sail, Spark, free_port};

use crate::binary::{Server, ask, ask_json, run, text};
use crate::journey_graph::graph;
use crate::real_data::complete_journey;

/// The job as it is, or for a cluster, with targets of its own.
fn job(name: &str, graph: &Value) -> Value {
    let graph: Value = serde_json::from_str(&graph.to_string().replace("s3://data/journey/", &format!("s3://data/{name}/"))).unwrap();
    let mut job = json!({"Name": name, "CodeGenConfigurationNodes": graph});
    if name != "embedded" {
        job["Engine"] = "spark".into();
    }
    job
}

fn project(folder: &Path, source: &Path, port: u16, jobs: &[Value]) {
    let project = json!({
        "buckets": ["data"],
        "engines": {"spark": {
            "endpoint": format!("sc://127.0.0.1:{port}"), "connect_seconds": 120, "settings": {"spark.sql.shuffle.partitions": "2"}}},
        "crawlers": [{"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": source}]}}],
        "jobs": jobs,
    });
    std::fs::write(folder.join("penchant.yaml"), project.to_string()).unwrap();
    ask(folder, &["apply"]);
}

/// Node and rows of each target.
fn rows(result: &Value) -> Vec<(String, u64)> {
    let outputs = result["Sql"]["Outputs"].as_array().unwrap().iter();
    let mut rows: Vec<_> = outputs.map(|o| (o["Node"].as_str().unwrap().to_owned(), o["RowsWritten"].as_u64().unwrap())).collect();
    rows.sort();
    rows
}

/// The lines of the target's one file, sorted: an engine gives rows in an order of its own.
fn lines(folder: &Path, target: &str) -> Vec<String> {
    let path = folder.join(".penchant/buckets/data").join(target).join("part-00000.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// Numbers are compared as such, to the last of the four digits that a price is cast to: a fraction that lies halfway between two of them
/// may become either, and the embedded engine cuts an average of DECIMALs where others round it (see docs/engines.md).
fn same(one: &str, other: &str) -> bool {
    let close = |(one, other): (&str, &str)| match (one.parse::<f64>(), other.parse::<f64>()) {
        _ if one == other => true,
        (Ok(a), Ok(b)) => one.contains('.') && (a - b).abs() < 1.01e-4,
        _ => false,
    };
    one.split(',').count() == other.split(',').count() && one.split(',').zip(other.split(',')).all(close)
}

/// Runs the job on the server, and compares what it writes with what the embedded engine has written.
fn same_on(name: &str, port: u16, folder: &Path, source: &Path, embedded: &Value) {
    project(folder, source, port, &[job("embedded", &graph()), job(name, &graph())]);
    let result = ask_json(folder, &["job", "run", name]);
    assert_eq!(rows(&result), rows(embedded), "{name}");
    for target in ["interactions", "items", "users"] {
        let (theirs, ours) = (lines(folder, &format!("{name}/{target}")), lines(folder, &format!("embedded/{target}")));
        let differing = theirs.iter().zip(&ours).find(|(theirs, ours)| !same(theirs, ours));
        assert_eq!((theirs.len(), differing), (ours.len(), None), "{name}: {target}");
    }
}

#[test]
fn a_job_of_the_complete_journey_gives_the_same_rows_on_spark_and_sail() {
    let (Some(source), folder) = (complete_journey(), TempDir::new().unwrap()) else { return };
    let (source, folder) = (source.canonicalize().unwrap(), folder.path());
    project(folder, &source, 1, &[job("embedded", &graph())]);
    ask(folder, &["crawl", "c"]);
    let embedded = ask_json(folder, &["job", "run", "embedded"]);
    let expected = [("interactions", 1_470_333), ("items", 92_348), ("users", 2_469)];
    assert_eq!(rows(&embedded), expected.map(|(name, rows)| (name.to_owned(), rows)));
    if let Some(spark) = Spark::start() {
        same_on("spark", spark.port(), folder, &source, &embedded);
    }
    if let Some(sail) = Sail::start() {
        same_on("sail", sail.port(), folder, &source, &embedded);
    }
}

/// Sail knows nothing of this machine's disk here: it reads and writes the buckets through this server's own S3.
#[test]
fn a_cluster_reads_and_writes_by_this_servers_s3() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    std::fs::write(folder.join("penchant.yaml"), r#"{"buckets": ["data"]}"#).unwrap();
    ask(folder, &["apply"]);
    let credentials = std::fs::read_to_string(folder.join(".penchant/credentials")).unwrap();
    let member = |name: &str| {
        let found = credentials.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == name));
        found.unwrap_or_else(|| panic!("{name} in the credentials")).1.trim().to_owned()
    };
    let (key, secret) = (member("aws_access_key_id"), member("aws_secret_access_key"));
    let environment = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", &key),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "false"),
    ];
    let Some(sail) = Sail::start_with(&environment) else { return };
    let lines: String = (1..=5000).map(|id| format!("{id},{},2025-03-{:02}\n", id * 7 % 100, id % 3 + 1)).collect();
    for part in ["in/a.csv", "in/deep/b.csv"] {
        let path = folder.join(".penchant/buckets/data").join(part);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("id,qty,day\n{lines}")).unwrap();
    }
    let target = |name: &str, input: &str, format: &str, keys: Value| {
        json!({"S3DirectTarget": {"Name": name, "Inputs": [input], "Path": format!("s3://data/journey/{name}/"), "Format": format,
            "Mode": "overwrite", "PartitionKeys": keys}})
    };
    let graph = json!({
        "in": {"S3CsvSource": {"Name": "Lines", "Paths": ["s3://data/in/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": true}},
        "sums": {"Aggregate": {"Name": "Sums", "Inputs": ["in"], "Groups": [["qty"]], "Aggs": [{"Column": ["id"], "AggFunc": "sum"}]}},
        "sums_out": target("sums", "sums", "csv", json!([])),
        "days_out": target("days", "in", "csv", json!([["day"]])),
        "packed_out": target("packed", "in", "parquet", json!([]))});
    let project = json!({
        "buckets": ["data"],
        "engines": {"spark": {"endpoint": format!("sc://127.0.0.1:{}", sail.port()), "connect_seconds": 120,
            "files": {"s3a": {"endpoint": endpoint, "access_key": key, "secret_key": secret}}}},
        "jobs": [job("embedded", &graph), job("s3", &graph)]});
    std::fs::write(folder.join("penchant.yaml"), project.to_string()).unwrap();
    ask(folder, &["apply"]);
    let _server = Server::start_on(folder, port, None);
    let embedded = ask_json(folder, &["job", "run", "embedded"]);
    let run = run(folder, &["job", "run", "s3"]);
    assert!(run.status.success(), "{}\n{}", text(&run.stderr), sail.log());
    assert_eq!(rows(&serde_json::from_slice(&run.stdout).unwrap()), rows(&embedded));
    assert_eq!(lines_below(folder, "s3/sums"), lines_below(folder, "embedded/sums"));
    assert_eq!(lines_below(folder, "s3/days"), lines_below(folder, "embedded/days"));
}

/// The lines of all files under a prefix with the folders that they are in, sorted.
fn lines_below(folder: &Path, prefix: &str) -> Vec<String> {
    let root = folder.join(".penchant/buckets/data").join(prefix);
    let (mut lines, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(place) = folders.pop() {
        for file in std::fs::read_dir(&place).unwrap_or_else(|e| panic!("{place:?}: {e}")).map(|file| file.unwrap().path()) {
            if file.is_dir() {
                folders.push(file);
            } else {
                let text = std::fs::read_to_string(&file).unwrap();
                let within = place.strip_prefix(&root).unwrap().display().to_string();
                lines.extend(text.lines().skip(1).map(|line| format!("{within}: {line}")));
            }
        }
    }
    lines.sort_unstable();
    assert!(!lines.is_empty(), "{prefix}");
    lines
}

/// A graph that reads files by their path and divides them into folders; and the same with a division by zero in it.
#[test]
fn a_failure_on_a_cluster_names_the_node_and_the_column() {
    let Some(server) = Sail::start() else { return };
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("in")).unwrap();
    std::fs::write(folder.join("in/a.csv"), "id,qty,day\n1,2,2025-03-09\n2,0,2025-03-10\n").unwrap();
    let graph = |expression: &str| {
        json!({
            "in": {"S3CsvSource": {"Name": "Lines", "Paths": [folder.join("in")], "Separator": "comma", "QuoteChar": "quote", "WithHeader": true}},
            "share": {"CustomFunction": {"Name": "Share", "Inputs": ["in"], "Columns": [{"Name": "share", "Expression": expression}]}},
            "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["share"], "Path": "s3://data/journey/", "Format": "json",
                "Mode": "overwrite", "PartitionKeys": [["day"]]}}})
    };
    project(folder, &folder.join("in"), server.port(), &[job("good", &graph("safe_divide(6, qty)")), job("bad", &graph("6 / qty"))]);
    let result = ask_json(folder, &["job", "run", "good"]);
    assert_eq!(rows(&result), [("out".to_owned(), 2)]);
    let read = |day: &str| {
        let place = folder.join(format!(".penchant/buckets/data/good/day={day}"));
        let files = std::fs::read_dir(&place).unwrap_or_else(|e| panic!("{place:?}: {e}")).map(|file| file.unwrap().path());
        files.map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(read("2025-03-09"), ["{\"id\":1,\"qty\":2,\"share\":3.0}\n"]);
    assert_eq!(read("2025-03-10"), ["{\"id\":2,\"qty\":0}\n"]);
    let output = run(folder, &["job", "run", "bad"]);
    let said = text(&output.stderr);
    assert!(!output.status.success());
    for expected in ["\"Share\" (share)", "column \"share\"", "zero"] {
        assert!(said.to_lowercase().contains(&expected.to_lowercase()), "expected {expected:?} in:\n{said}");
    }
}
