use connect::files::Format;

use super::House;

async fn house() -> House {
    let house = House::new().await;
    house.put("o/a.jsonl", "{\"order_id\":1,\"OrderDate\":\"2025-01-01\"}\n").await;
    house.table("orders", "s3://data/o/", Format::Json, "order_id bigint, OrderDate string").await;
    house.table("order_lines", "s3://data/l/", Format::Json, "order_id bigint, sku string").await;
    house
}

#[tokio::test]
async fn tables_are_found_in_any_case_with_or_without_database() {
    let house = house().await;
    for name in ["shop.orders", "Shop.Orders", "orders", "\"ORDERS\"", "AwsDataCatalog.shop.orders"] {
        assert_eq!(house.csv(&format!("SELECT order_id FROM {name}")).await, "order_id\n1\n", "{name}");
    }
    let with = "WITH orders AS (SELECT order_id + 1 AS order_id FROM shop.orders) SELECT order_id FROM orders";
    assert_eq!(house.csv(with).await, "order_id\n2\n");
}

#[tokio::test]
async fn names_keep_the_case_in_which_they_are_written() {
    let house = house().await;
    assert_eq!(house.csv("SELECT order_id AS ITEM_ID, OrderDate FROM shop.orders").await, "ITEM_ID,OrderDate\n1,2025-01-01\n");
}

#[tokio::test]
async fn unknown_names_come_with_near_ones() {
    let house = house().await;
    assert_eq!(
        house.refusal("SELECT 1 FROM shop.order_line").await,
        "The query reads table \"shop.order_line\", which the catalogue does not have; did you mean shop.order_lines?"
    );
    let table = house.refusal("SELECT 1 FROM customers").await;
    assert!(table.ends_with("does not have; there are shop.order_lines, shop.orders."), "{table}");
    assert_eq!(
        house.refusal("SELECT l.skku FROM shop.order_lines l").await,
        "The query uses column \"l.skku\", which does not exist there; did you mean l.sku?"
    );
}

#[tokio::test]
async fn mistakes_are_told_in_a_sentence() {
    let house = house().await;
    let cases = [
        ("SELEKT 1", "The query is not valid SQL: "),
        ("", "A job's query is one SELECT; found an empty text."),
        ("SELECT 1; SELECT 2", "A job's query is one SELECT; found 2 statements."),
        ("DROP TABLE shop.orders", "A job's query is one SELECT; found DROP."),
        ("COPY shop.orders TO '/tmp/x.csv'", "A job's query is one SELECT; found COPY."),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "A job's query is one SELECT; found CREATE."),
        ("SELECT nosuch(1)", "The query cannot be carried out: Invalid function 'nosuch'"),
        ("SELECT order_id FROM shop.orders GROUP BY OrderDate", "The query cannot be carried out: "),
        ("SELECT * FROM '/etc/passwd'", "which the catalogue does not have"),
    ];
    for (query, expected) in cases {
        let message = house.refusal(query).await;
        assert!(message.contains(expected), "{query}: {message}");
        assert!(!message.contains("DataFusion's code") && !message.contains('\n'), "{message}");
    }
}

#[tokio::test]
async fn a_failure_on_the_data_is_told() {
    let house = house().await;
    let failure = house.failure("SELECT CAST(OrderDate AS BIGINT) AS n FROM shop.orders").await;
    assert!(failure.starts_with("The query failed on the data: ") && failure.contains("2025-01-01"), "{failure}");
}
