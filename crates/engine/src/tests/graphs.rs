//! Every graph of codegen's cases: its SQL, run here, gives the rows that were recorded.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use catalog::Database;
use codegen::Script;
use connect::files::Format as FileFormat;
use etl::{AnalyzerResult, Engine, JobResult, Means, SqlQuery};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::House;
use super::files::{CSV, csv};

fn cases() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../codegen/tests/cases")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(cases().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The tables of the cases, as JSON lines under the catalogue.
async fn lay_out(house: &House) {
    let tables: Value = serde_json::from_str(&read("tables.json")).unwrap();
    for (name, table) in tables.as_object().unwrap() {
        let (database, short) = name.split_once('.').unwrap();
        if house.catalog.get_database(database).await.is_err() {
            house.catalog.create_database(Database { name: database.into(), ..Database::default() }).await.unwrap();
        }
        let columns = table["columns"].as_array().unwrap();
        let lines = table["rows"].as_array().unwrap().iter().map(|row| {
            let cells = columns.iter().zip(row.as_array().unwrap());
            let object: serde_json::Map<String, Value> =
                cells.map(|(column, cell)| (column[0].as_str().unwrap().to_owned(), cell.clone())).collect();
            format!("{}\n", Value::Object(object))
        });
        house.put(&format!("{name}/rows.json"), lines.collect::<String>()).await;
        let list = columns.iter().map(|column| catalog::Column::new(column[0].as_str().unwrap(), column[1].as_str().unwrap())).collect();
        house.table_of(database, short, &format!("s3://data/{name}/"), FileFormat::Json, list).await;
    }
}

async fn rows(house: &House, sql: &str) -> Vec<Value> {
    let spill_folder = house.installation.folder.path().join("graphs");
    let means = Means { memory_bytes: 64 << 20, spill_folder, cancel: CancellationToken::new(), frugal: false };
    let rows = house.engine.rows(SqlQuery::new(sql), means).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let names: Vec<String> = rows.schema.fields().iter().map(|field| field.name().clone()).collect();
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let mut writer = arrow::json::WriterBuilder::new().with_explicit_nulls(true).build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    let text = String::from_utf8(writer.into_inner()).unwrap();
    let row = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        Value::Array(names.iter().map(|name| object[name].clone()).collect())
    };
    text.lines().map(row).collect()
}

/// Numbers as numbers, whether they are written as text or not; objects and lists member by member.
fn alike(found: &Value, expected: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<f64>().ok(),
        _ => None,
    };
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| alike(found, expected))
        }
        (Value::Object(found), Value::Object(expected)) => {
            found.len() == expected.len() && expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| alike(found, value)))
        }
        _ if found == expected => true,
        // A moment, as the one and the other write it.
        (Value::String(found), Value::String(expected)) if found.replace('T', " ") == *expected => true,
        _ => number(found).zip(number(expected)).is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sql_of_graphs_gives_what_was_recorded() {
    let house = House::new().await;
    lay_out(&house).await;
    let names = std::fs::read_dir(cases())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str().and_then(|name| name.strip_suffix(".sql")).map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert!(names.len() >= 40, "the cases are there");
    let mut wrong = Vec::new();
    for name in &names {
        let text = read(&format!("{name}.rows"));
        for (part, recorded) in Script::parse(&read(&format!("{name}.sql"))).unwrap().iter().zip(text.split("\n\n")) {
            let expected: Vec<Value> = recorded.trim().lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
            let mut left = rows(&house, &part.sql).await;
            let all = left.clone();
            let missing = expected.iter().find(|row| match left.iter().position(|found| alike(found, row)) {
                Some(place) => {
                    left.remove(place);
                    false
                }
                None => true,
            });
            if missing.is_some() || !left.is_empty() {
                wrong.push(format!("{name}: missing {missing:?}, too many {left:?} of {all:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn analyzers_are_told_beside_the_rules_and_judge_nothing() {
    let house = House::new().await;
    house.put("orders/a.csv", "id,price\n1,9.5\n2,1.5\n3,\n").await;
    house.table("orders", "s3://data/orders/", csv(CSV), "id bigint, price double").await;
    let judge = |rules: &str| json!({"EvaluateDataQuality": {"Name": "Rules", "Inputs": ["orders"], "Ruleset": rules}});
    let nodes = json!({
        "orders": {"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "orders"}},
        "both": judge("Rules = [ RowCount > 2 ] Analyzers = [ Mean \"price\", Completeness \"price\" where \"id > 9\" ]"),
        "alone": judge("Analyzers = [ RowCount ]"),
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["both"], "Path": "s3://data/out/", "Format": "csv"}}});
    house.graph("job", nodes).await;
    let run = house.succeed("job").await;
    let JobResult::Sql { quality, .. } = run.result().unwrap() else { panic!("{run:?}") };
    let told = |analyzer: &str, metrics: Option<&str>| AnalyzerResult { analyzer: analyzer.into(), metrics: metrics.map(str::to_owned) };
    let of = |node: &str| quality.iter().find(|result| result.node == node).unwrap();
    let both = of("both");
    assert_eq!((both.score, both.rules.len(), both.rules[0].passed), (1.0, 1, true));
    let nothing = told("Completeness \"price\" where \"id > 9\"", None);
    assert_eq!(both.analyzers, [told("Mean \"price\"", Some("Column.price.Mean=5.5")), nothing]);
    let alone = of("alone");
    assert_eq!((alone.score, alone.rules.len()), (1.0, 0));
    assert_eq!(alone.analyzers, [told("RowCount", Some("Dataset.*.RowCount=3"))]);
}
