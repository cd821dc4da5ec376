//! What a change breaks, asked of the real engine: here, because the crate `impact` must not wait for DataFusion.

use std::sync::Arc;

use catalog::{Catalog, Column, Database, StorageDescriptor, Table, TableUpdate};
use dataset::Datasets;
use domain::ErrorKind;
use domain::arn::Partition;
use engine::DataFusionEngine;
use etl::{Format, Job, JobSpec, Jobs, Target, Workbench};
use impact::{Effect, Impact, Impacts, Kind};
use serde_json::json;
use testkit::Installation;
use workflow::{Action, Trigger, TriggerType, Workflow, Workflows};

/// A shop with three jobs: one reads orders, one reads the first one's result, one reads something else.
struct House {
    installation: Installation,
    catalog: Catalog,
    jobs: Jobs,
    impacts: Impacts,
}

fn table(name: &str, columns: &[(&str, &str)], location: &str) -> Table {
    let columns = columns.iter().map(|(name, data_type)| Column::new(*name, *data_type)).collect();
    let storage_descriptor = StorageDescriptor { columns, location: Some(location.into()), ..StorageDescriptor::default() };
    Table { name: name.into(), database_name: "shop".into(), storage_descriptor, ..Table::default() }
}

const ORDERS: &[(&str, &str)] = &[("id", "bigint"), ("customer", "string"), ("amount", "double"), ("note", "string")];

fn job(name: &str, query: &str, target: &str) -> Job {
    let target = Target::file(target, Format::Csv);
    Job::new(name, JobSpec::Sql { query: Some(query.into()), database: Some("shop".into()), target })
}

impl House {
    async fn new() -> Self {
        let installation = Installation::new().await;
        let (runs, buckets, place) = (installation.runs.clone(), installation.buckets.clone(), Partition::default());
        let catalog = Catalog::new(runs.clone(), buckets.clone(), place.clone());
        let jobs = Jobs::new(runs.clone(), buckets.clone(), place.clone());
        let datasets = Datasets::new(runs.clone(), buckets, installation.artifacts.clone(), place);
        let workflows = Workflows::new(runs);
        let engine = Arc::new(DataFusionEngine::new(catalog.clone(), 1).unwrap());
        catalog.create_database(Database { name: "shop".into(), ..Database::default() }).await.unwrap();
        catalog.create_table("shop", table("orders", ORDERS, "s3://data/orders/")).await.unwrap();
        catalog.create_table("shop", table("totals", &[("customer", "string"), ("total", "double")], "s3://data/totals/")).await.unwrap();
        catalog.create_table("shop", table("items", &[("id", "bigint")], "s3://data/items/")).await.unwrap();
        for made in [
            job("sum", "SELECT customer, sum(amount) AS total FROM orders WHERE id > 0 GROUP BY customer", "s3://data/totals/"),
            job("best", "SELECT customer FROM totals ORDER BY total DESC LIMIT 10", "s3://data/best/"),
            job("other", "SELECT id FROM items", "s3://data/other/"),
        ] {
            jobs.create_job(made).await.unwrap();
        }
        workflows.create_workflow(Workflow { name: "nightly".into(), ..Workflow::default() }).await.unwrap();
        let actions = vec![Action { job_name: Some("best".into()), ..Action::default() }];
        let trigger = Trigger {
            name: "start".into(),
            workflow_name: Some("nightly".into()),
            r#type: TriggerType::OnDemand,
            actions,
            ..Trigger::default()
        };
        workflows.create_trigger(trigger, false).await.unwrap();
        let impacts = Impacts::new(catalog.clone(), Workbench::new(jobs.clone(), catalog.clone(), engine), datasets, workflows);
        Self { installation, catalog, jobs, impacts }
    }
}

fn found(impact: &Impact) -> Vec<(Kind, &str, Effect)> {
    impact.affected.iter().map(|affected| (affected.kind, affected.name.as_str(), affected.effect)).collect()
}

#[tokio::test]
async fn a_column_that_goes_breaks_its_readers_and_what_they_feed() {
    let house = House::new().await;
    let impact = house.impacts.without("shop", "orders", Some("amount")).await.unwrap();
    assert_eq!(
        found(&impact),
        [
            (Kind::Job, "sum", Effect::Breaks),
            (Kind::Job, "best", Effect::Breaks),
            (Kind::Table, "shop.totals", Effect::Breaks),
            (Kind::Workflow, "nightly", Effect::Breaks),
        ]
    );
    assert!(impact.affected[0].reason.contains("amount"), "{impact:?}");
    assert_eq!(impact.affected[0].columns, ["amount"]);
    let unread = house.impacts.without("shop", "orders", Some("note")).await.unwrap();
    assert!(unread.affected.is_empty() && !unread.breaks(), "{unread:?}");
    let gone = house.impacts.without("shop", "orders", None).await.unwrap();
    assert!(gone.breaks() && gone.affected[0].name == "sum", "{gone:?}");
    let unknown = house.impacts.without("shop", "orders", Some("nothing")).await.unwrap_err();
    assert!(unknown.kind == ErrorKind::NotFound && unknown.message.contains("amount"), "{unknown}");
}

#[tokio::test]
async fn a_change_that_happened_is_judged_by_the_versions() {
    let house = House::new().await;
    assert_eq!(house.impacts.since("shop", "orders", None).await.unwrap_err().kind, ErrorKind::InvalidState);
    let retyped = [("id", "bigint"), ("customer", "string"), ("amount", "decimal(12,2)"), ("note", "string")];
    house.catalog.update_table("shop", table("orders", &retyped, "s3://data/orders/"), TableUpdate::default()).await.unwrap();
    let impact = house.impacts.since("shop", "orders", None).await.unwrap();
    assert_eq!(found(&impact)[0], (Kind::Job, "sum", Effect::Reads));
    assert_eq!(impact.changes.len(), 1);
    let text = [("id", "bigint"), ("customer", "string"), ("amount", "array<string>"), ("note", "string")];
    house.catalog.update_table("shop", table("orders", &text, "s3://data/orders/"), TableUpdate::default()).await.unwrap();
    let impact = house.impacts.since("shop", "orders", None).await.unwrap();
    assert_eq!(found(&impact)[0], (Kind::Job, "sum", Effect::Breaks), "{impact:?}");
    let since_first = house.impacts.since("shop", "orders", Some("0")).await.unwrap();
    assert!(since_first.breaks(), "{since_first:?}");
}

#[tokio::test]
async fn jobs_that_cannot_be_judged_are_named() {
    let house = House::new().await;
    house.jobs.create_job(job("late", "SELECT id FROM orders WHERE note = ${note}", "s3://data/late/")).await.unwrap();
    let impact = house.impacts.without("shop", "orders", Some("note")).await.unwrap();
    assert!(impact.affected.is_empty(), "{impact:?}");
    assert_eq!(impact.unknown[0].job_name, "late");
    assert!(impact.unknown[0].reason.contains("note"), "{impact:?}");
}

/// A job whose graph is these nodes.
fn graph(name: &str, nodes: serde_json::Value) -> Job {
    Job { name: name.into(), code_gen_configuration_nodes: Some(nodes), ..Job::default() }
}

fn source(table: &str) -> serde_json::Value {
    json!({"CatalogSource": {"Name": table, "Database": "shop", "Table": table}})
}

fn select(input: &str, column: &str) -> serde_json::Value {
    json!({"SelectFields": {"Name": column, "Inputs": [input], "Paths": [[column]]}})
}

fn files(input: &str, path: &str) -> serde_json::Value {
    json!({"S3DirectTarget": {"Name": "Export", "Inputs": [input], "Path": path, "Format": "csv"}})
}

/// The names of the jobs that break without the column.
async fn broken(house: &House, column: &str) -> Vec<String> {
    let impact = house.impacts.without("shop", "orders", Some(column)).await.unwrap();
    assert!(impact.unknown.is_empty(), "{impact:?}");
    let jobs = impact.affected.iter().filter(|affected| affected.kind == Kind::Job);
    jobs.map(|affected| {
        assert_eq!(affected.effect, Effect::Breaks, "{affected:?}");
        affected.name.clone()
    })
    .collect()
}

#[tokio::test]
async fn a_column_that_only_a_filter_of_a_graph_asks_breaks_it() {
    let house = House::new().await;
    let values = json!([{"Type": "COLUMNEXTRACTED", "Value": ["note"]}, {"Type": "CONSTANT", "Value": ["paid"]}]);
    let filter = json!({"Name": "Paid", "Inputs": ["o"], "LogicalOperator": "AND", "Filters": [{"Operation": "EQ", "Values": values}]});
    let nodes = json!({"o": source("orders"), "f": {"Filter": filter}, "s": select("f", "id"), "t": files("s", "s3://data/paid/")});
    house.jobs.create_job(graph("paid", nodes)).await.unwrap();
    assert_eq!(broken(&house, "note").await, ["paid"]);
    assert_eq!(broken(&house, "customer").await, ["sum", "best"], "a column that the graph drops is not asked");
    let impact = house.impacts.without("shop", "orders", Some("note")).await.unwrap();
    assert_eq!(impact.affected[0].columns, ["note"]);
    assert!(impact.affected[0].reason.contains("Paid"), "{impact:?}");
}

#[tokio::test]
async fn a_graph_that_reads_files_by_itself_is_judged_too() {
    let house = House::new().await;
    house.installation.buckets.create("data").unwrap();
    let file = store::Location::parse("s3://data/raw/1.csv").unwrap();
    house.installation.buckets.write(&file, "customer,city\nanna,Rome\n".into()).await.unwrap();
    let raw = json!({"S3CsvSource": {"Name": "Raw", "Paths": ["s3://data/raw/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": true}});
    let alone = json!({"r": raw, "t": files("r", "s3://data/alone/")});
    house.jobs.create_job(graph("alone", alone)).await.unwrap();
    let keys = json!([{"From": "o", "Keys": [["customer"]]}, {"From": "r", "Keys": [["customer"]]}]);
    let join = json!({"Join": {"Name": "Cities", "Inputs": ["o", "r"], "JoinType": "left", "Columns": keys}});
    let both = json!({"o": source("orders"), "r": raw, "j": join, "s": select("j", "city"), "t": files("s", "s3://data/cities/")});
    house.jobs.create_job(graph("cities", both)).await.unwrap();
    assert_eq!(broken(&house, "customer").await, ["cities", "sum", "best"]);
    assert_eq!(broken(&house, "note").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_graph_of_several_targets_breaks_what_each_of_them_feeds() {
    let house = House::new().await;
    house.jobs.delete_job("sum").await.unwrap();
    let groups = json!({"Aggregate": {"Name": "Sum", "Inputs": ["o"], "Groups": [["customer"]],
        "Aggs": [{"Column": ["amount"], "AggFunc": "sum", "Alias": "total"}]}});
    let nodes = json!({"o": source("orders"), "a": groups, "t1": files("a", "s3://data/totals/"),
        "s": select("o", "note"), "t2": files("s", "s3://data/notes/")});
    house.jobs.create_job(graph("both", nodes)).await.unwrap();
    let impact = house.impacts.without("shop", "orders", Some("amount")).await.unwrap();
    assert_eq!(
        found(&impact),
        [
            (Kind::Job, "both", Effect::Breaks),
            (Kind::Job, "best", Effect::Breaks),
            (Kind::Table, "shop.totals", Effect::Breaks),
            (Kind::Workflow, "nightly", Effect::Breaks),
        ]
    );
    assert_eq!(broken(&house, "note").await[0], "both");
    assert_eq!(broken(&house, "id").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_graph_that_broke_is_still_known_by_what_it_feeds() {
    let house = House::new().await;
    house.jobs.delete_job("sum").await.unwrap();
    let nodes = json!({"o": source("orders"), "s": select("o", "amount"), "t": files("s", "s3://data/totals/")});
    house.jobs.create_job(graph("amounts", nodes)).await.unwrap();
    let without = [("id", "bigint"), ("customer", "string"), ("note", "string")];
    house.catalog.update_table("shop", table("orders", &without, "s3://data/orders/"), TableUpdate::default()).await.unwrap();
    let impact = house.impacts.since("shop", "orders", None).await.unwrap();
    assert_eq!(
        found(&impact),
        [
            (Kind::Job, "amounts", Effect::Breaks),
            (Kind::Job, "best", Effect::Breaks),
            (Kind::Table, "shop.totals", Effect::Breaks),
            (Kind::Workflow, "nightly", Effect::Breaks),
        ]
    );
    assert!(impact.unknown.is_empty(), "{impact:?}");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_source_that_is_away_leaves_the_other_jobs_judged() {
    let house = House::new().await;
    let properties = [
        ("JDBC_CONNECTION_URL", "jdbc:postgresql://127.0.0.1:1/shop".to_owned()),
        ("USERNAME", "nobody".into()),
        ("CONNECT_RETRIES", "0".into()),
    ];
    house.catalog.create_connection(connect::Connection::new("away", "JDBC", properties)).await.unwrap();
    let raw = json!({"JDBCConnectorSource": {"Name": "Raw", "ConnectionName": "away", "ConnectionTable": "t", "ConnectorName": "c",
        "ConnectionType": "jdbc"}});
    house.jobs.create_job(graph("far", json!({"r": raw, "t": files("r", "s3://data/far/")}))).await.unwrap();
    let impact = house.impacts.without("shop", "orders", Some("amount")).await.unwrap();
    assert_eq!(found(&impact)[..2], [(Kind::Job, "sum", Effect::Breaks), (Kind::Job, "best", Effect::Breaks)]);
    let [unknown] = impact.unknown.as_slice() else { panic!("{impact:?}") };
    assert!(unknown.job_name == "far" && unknown.reason.contains("Raw"), "{unknown:?}");
}
