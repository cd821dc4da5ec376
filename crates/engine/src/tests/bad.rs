//! Jobs that meet what nobody promised them: the run fails with a code, the sentence says where, and the result of before stays.

use catalog::TableUpdate;
use connect::files::Format as FileFormat;
use etl::{Format, Target};
use serde_json::{Value, json};

use super::files::{CSV, csv};
use super::{House, parse_columns};

/// Orders, worked on by `transforms`, of which the node `last` is written.
fn nodes(transforms: Value, last: &str) -> Value {
    let mut nodes = json!({
        "orders": {"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "orders"}},
        "customers": {"CatalogSource": {"Name": "Customers", "Database": "shop", "Table": "customers"}},
        "out": {"S3DirectTarget": {"Name": "Export", "Inputs": [last], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}
    });
    nodes.as_object_mut().unwrap().extend(transforms.as_object().unwrap().clone());
    nodes
}

async fn shop() -> House {
    let house = House::new().await;
    house.put("orders/a.csv", "id,customer,price,parts\n1,7,9.5,2\n2,8,1.0,4\n").await;
    house.table("orders", "s3://data/orders/", csv(CSV), "id bigint, customer bigint, price double, parts bigint").await;
    house.put("customers/a.csv", "customer,name\n7,Ann\n8,Bo\n").await;
    house.table("customers", "s3://data/customers/", csv(CSV), "customer bigint, name string").await;
    house
}

/// As if somebody had changed the table, and a crawl had found it.
async fn change(house: &House, table: &str, columns: &str) {
    let mut known = house.catalog.get_table("shop", table).await.unwrap().value;
    known.storage_descriptor.columns = parse_columns(columns);
    house.catalog.update_table("shop", known, TableUpdate::default()).await.unwrap();
}

/// Succeeds, then fails after the change with this code and sentence; what was published stays.
async fn breaks(house: &House, graph: Value, table: &str, columns: &str, code: &str, sentence: &str) {
    house.graph("job", graph).await;
    house.succeed("job").await;
    let before = house.files().await;
    let kept: Vec<_> = house.catalog.get_table("shop", table).await.unwrap().value.storage_descriptor.columns;
    change(house, table, columns).await;
    assert_eq!(house.fail("job").await, (code.to_owned(), sentence.to_owned()));
    assert!(!before.is_empty() && house.files().await == before, "the old result stays");
    let mut known = house.catalog.get_table("shop", table).await.unwrap().value;
    known.storage_descriptor.columns = kept;
    house.catalog.update_table("shop", known, TableUpdate::default()).await.unwrap();
}

#[tokio::test]
async fn a_column_that_disappeared_is_named_with_its_node() {
    let house = shop().await;
    let mapping = json!({"map": {"ApplyMapping": {"Name": "Columns", "Inputs": ["orders"], "Mapping": [
        {"FromPath": ["id"], "ToKey": "ID", "ToType": "string"}, {"FromPath": ["price"], "ToKey": "PRICE", "ToType": "double"}]}}});
    let gone = "id bigint, customer bigint, parts bigint";
    let sentence = "In node \"Columns\" (map, ApplyMapping): expected the column \"price\" in its input orders, found \"id\", \"customer\", \"parts\".";
    breaks(&house, nodes(mapping, "map"), "orders", gone, "JOB_COLUMN_MISSING", sentence).await;

    // In text that the graph's author wrote: the nodes around it are not to blame.
    let query = "SELECT id, price * 2 AS twice FROM orders";
    let sql = json!({
        "first": {"Filter": {"Name": "First", "Inputs": ["orders"], "LogicalOperator": "AND", "Filters": [
            {"Operation": "GT", "Values": [{"Type": "COLUMNEXTRACTED", "Value": ["id"]}, {"Type": "CONSTANT", "Value": ["0"]}]}]}},
        "sql": {"SparkSQL": {"Name": "Twice", "Inputs": ["first"], "SqlQuery": query, "SqlAliases": [{"From": "first", "Alias": "orders"}]}},
        "all": {"SparkSQL": {"Name": "All", "Inputs": ["sql"], "SqlQuery": "SELECT * FROM t", "SqlAliases": [{"From": "sql", "Alias": "t"}]}},
        "last": {"SelectFields": {"Name": "Last", "Inputs": ["all"], "Paths": [["twice"]]}}});
    let sentence = "In node \"Twice\" (sql, SparkSQL): The query uses column \"price\", which does not exist there; there are orders.id, orders.customer, orders.parts.";
    breaks(&house, nodes(sql.clone(), "last"), "orders", gone, "JOB_COLUMN_MISSING", sentence).await;
    // Where the target is all that reads the text, nothing asks for its columns before the run.
    let sentence = "In node \"Twice\" (sql): The query uses column \"price\", which does not exist there; there are orders.id, orders.customer, orders.parts.";
    let mut unasked = sql;
    unasked.as_object_mut().unwrap().remove("last");
    breaks(&house, nodes(unasked, "all"), "orders", gone, "JOB_COLUMN_MISSING", sentence).await;
}

#[tokio::test]
async fn a_join_key_of_another_type_is_named_with_its_node() {
    let house = shop().await;
    let join = json!({"join": {"Join": {"Name": "With names", "Inputs": ["orders", "customers"], "JoinType": "equijoin", "Columns": [
        {"From": "orders", "Keys": [["customer"]]}, {"From": "customers", "Keys": [["customer"]]}]}}});
    let sentence =
        "In node \"With names\" (join, Join): expected BIGINT as in the key \"customer\" of orders in the column \"customer\", found DATE.";
    breaks(&house, nodes(join, "join"), "customers", "customer date, name string", "JOB_COLUMN_TYPE", sentence).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_division_by_zero_in_the_last_of_a_million_rows_is_found() {
    let house = House::new().await;
    let share = json!({
        "share": {"CustomFunction": {"Name": "Share", "Inputs": ["orders"], "Columns": [
            {"Name": "twice", "Expression": "n * 2"}, {"Name": "share", "Expression": "100 / parts"}]}},
        "sum": {"Aggregate": {"Name": "Sum", "Inputs": ["share"], "Groups": [], "Aggs": [{"Column": ["share"], "AggFunc": "sum"}]}}});
    let condition = json!({
        "sum": {"SparkSQL": {"Name": "Few", "Inputs": ["orders"], "SqlQuery": "SELECT n FROM t WHERE 100 / parts > 50",
            "SqlAliases": [{"From": "orders", "Alias": "t"}]}}});
    let cast = json!({
        "sum": {"CustomFunction": {"Name": "Number", "Inputs": ["orders"], "Columns": [
            {"Name": "number", "Expression": "CAST(word AS BIGINT)"}]}}});
    let rows = "SELECT value AS n, 1000000 - value AS parts, CASE WHEN value = 1000000 THEN 'many' ELSE '1' END AS word
        FROM generate_series(1, 1000000)";
    house.put("customers/a.csv", "n\n1\n").await;
    house.table("customers", "s3://data/customers/", csv(CSV), "n bigint").await;
    let id = house.start_into(rows, Target::file("s3://data/rows/", Format::Parquet)).await;
    house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
    house.table("orders", "s3://data/rows/", FileFormat::Parquet, "n bigint, parts bigint, word string").await;
    house.put("out/part-00000.csv", "old\n1\n").await;
    let cases = [
        (&share, "In node \"Share\" (share), column \"share\": The query failed on the data: Divide by zero error."),
        (&condition, "In node \"Few\" (sum): The query failed on the data: Divide by zero error."),
        (
            &cast,
            "In node \"Number\" (sum), column \"number\": The query failed on the data: Cast error: Cannot cast string 'many' to value of Int64 type.",
        ),
    ];
    for (graph, sentence) in cases {
        house.graph("bad", nodes(graph.clone(), "sum")).await;
        assert_eq!(house.fail("bad").await, ("JOB_DATA".to_owned(), sentence.to_owned()));
        assert_eq!(house.read("out/part-00000.csv").await, "old\n1\n");
    }
}

#[tokio::test]
async fn arguments_fill_the_text_of_a_node() {
    let house = shop().await;
    let sql = json!({
        "sql": {"SparkSQL": {"Name": "Dear", "Inputs": ["orders"], "SqlQuery": "SELECT id, ${WORD} AS word FROM t WHERE price > CAST(${LEAST} AS DOUBLE)",
            "SqlAliases": [{"From": "orders", "Alias": "t"}]}},
        "last": {"SelectFields": {"Name": "Last", "Inputs": ["sql"], "Paths": [["id"], ["word"]]}}});
    house.graph("job", nodes(sql, "last")).await;
    let run = house.run_job("job", &[("--LEAST", "5"), ("--WORD", "it's")]).await;
    assert_eq!(run.message, None);
    assert_eq!(house.read("out/part-00000.csv").await, "id,word\n1,it's\n");
    let (code, message) = house.fail("job").await;
    assert_eq!(code, "JOB_GRAPH_INVALID");
    assert!(
        message.starts_with("In node \"Dear\" (sql, SparkSQL): The query uses ${WORD}, but the run has no argument --WORD;"),
        "{message}"
    );
    assert_eq!(house.read("out/part-00000.csv").await, "id,word\n1,it's\n", "the old result stays");
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_goes_away_half_way_leaves_the_old_result() {
    use testkit::servers::{Postgres, Proxy};
    let Some(server) = Postgres::start() else { return };
    let proxy = Proxy::to(server.port).await;
    let house = House::new().await;
    // Rows flow, until one that is half a minute away.
    let view = |rest: &str| {
        format!(
            "DROP VIEW IF EXISTS orders; CREATE VIEW orders AS
             SELECT g AS id, repeat('x', 500) || {rest} AS note FROM generate_series(1, 40000) AS g"
        )
    };
    server.psql("postgres", &view("g"));
    house.postgres(&server, proxy.port).await;
    let crawler = json!({"Name": "c", "DatabaseName": "shop", "Targets": {"JdbcTargets": [{"ConnectionName": "orders", "Path": "postgres/public/orders"}]}});
    house.crawl(serde_json::from_value(crawler).unwrap()).await;
    let graph = json!({
        "orders": {"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "postgres_public_orders"}},
        "out": {"S3DirectTarget": {"Name": "Export", "Inputs": ["orders"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}});
    house.graph("job", graph).await;
    house.succeed("job").await;
    let before = house.files().await;
    assert_eq!(house.lines("out/").await.1.len(), 40_000);
    server.psql("postgres", &view("CASE WHEN g = 20000 THEN pg_sleep(30)::text ELSE '' END"));
    let id = house.start_job("job", &[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(house.installation.runs.get(&id).await.unwrap().state, domain::RunState::Running, "rows are on their way");
    proxy.cut();
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!((run.state, run.code.as_deref()), (domain::RunState::Failed, Some("CONNECTION_LOST")), "{:?}", run.message);
    let message = run.message.unwrap();
    assert!(message.starts_with("For node \"out\": "), "{message}");
    assert!(house.files().await == before, "the old result stays");
    assert!(house.lines("").await.1.len() == 40_000, "nothing else is left");
    proxy.mend();
    server.psql("postgres", &view("'new'"));
    house.succeed("job").await;
    assert!(house.lines("out/").await.1.iter().all(|line| line.ends_with("new")));
}
