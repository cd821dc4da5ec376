#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::{Reference, View, parse};

fn views() -> BTreeMap<Reference, View> {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let columns = Arc::new(Schema::new(vec![
        field("id", DataType::Int32),
        field("big", DataType::Int64),
        field("price", DataType::Float64),
        field("name", DataType::Utf8),
        field("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("tags", DataType::new_list(DataType::Utf8, true)),
    ]));
    BTreeMap::from([(vec!["shop".to_owned(), "orders".to_owned()], View { name: "v0".into(), columns })])
}

fn translated(sql: &str) -> String {
    parse(sql).unwrap().translate(&views()).unwrap()
}

fn value(expression: &str) -> String {
    let text = translated(&format!("SELECT {expression} AS x FROM shop.orders"));
    text.strip_prefix("SELECT ").unwrap().strip_suffix(" AS x FROM `v0` AS `orders`").unwrap().to_owned()
}

#[test]
fn tables_become_views_under_their_own_name() {
    assert_eq!(translated("SELECT orders.id FROM shop.orders"), "SELECT orders.id FROM `v0` AS `orders`");
    assert_eq!(translated("SELECT shop.orders.id FROM shop.orders"), "SELECT orders.id FROM `v0` AS `orders`");
    assert_eq!(translated(r#"SELECT o."a""b" FROM "shop"."orders" AS o"#), "SELECT o.`a\"b` FROM `v0` AS o");
}

#[test]
fn common_table_expressions_are_no_tables() {
    let mut query = parse("WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM b, c, shop.orders").unwrap();
    assert_eq!(query.references(), [vec!["c".to_owned()], vec!["shop".to_owned(), "orders".to_owned()]]);
    // What stands before its own definition is a table.
    let mut query = parse("WITH orders AS (SELECT * FROM orders) SELECT * FROM orders").unwrap();
    assert_eq!(query.references(), [vec!["orders".to_owned()]]);
    let mut query = parse("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT * FROM n").unwrap();
    assert!(query.references().is_empty());
}

#[test]
fn whole_numbers_divide_to_whole_numbers() {
    assert_eq!(value("id / 2"), "(id DIV 2L)");
    assert_eq!(value("id / id"), "CAST(id DIV id AS INT)");
    assert_eq!(value("price / 2.0"), "(price / 2.0D)");
    assert_eq!(value("price / id"), "(CASE WHEN id = 0 THEN price * double('Infinity') ELSE price / id END)");
    let nested = translated("SELECT n / 2 AS h FROM (SELECT COUNT(*) AS n FROM shop.orders) AS c");
    assert!(nested.starts_with("SELECT (n DIV 2L) AS h"), "{nested}");
    let unknown = translated("SELECT n / 2 AS h FROM (SELECT tags[1] AS n FROM shop.orders) AS c");
    assert!(unknown.contains("typeof(n)"), "{unknown}");
}

#[test]
fn literals_are_what_they_were() {
    assert_eq!(value(r"'it''s a\b'"), r"'it\'s a\\b'");
    assert_eq!(value("1.5"), "1.5D");
    assert_eq!(value("-1"), "-1L");
    assert_eq!(value("CASE WHEN true THEN 1 ELSE 0 END"), "CASE WHEN true THEN 1L ELSE 0L END");
    assert_eq!(translated("SELECT id FROM shop.orders LIMIT 3 OFFSET 1"), "SELECT id FROM `v0` AS `orders` LIMIT 3 OFFSET 1");
}

#[test]
fn nulls_are_the_greatest() {
    assert_eq!(
        translated("SELECT id FROM shop.orders ORDER BY id, big DESC, price NULLS FIRST"),
        "SELECT id FROM `v0` AS `orders` ORDER BY id NULLS LAST, big DESC NULLS FIRST, price NULLS FIRST"
    );
    assert_eq!(value("row_number() OVER (ORDER BY id)"), "row_number() OVER (ORDER BY id NULLS LAST)");
}

#[test]
fn an_order_by_columns_of_the_result_is_told() {
    let order = |sql: &str| {
        parse(sql).unwrap().order().map(|orders| orders.iter().map(|order| (order.column, order.descending)).collect::<Vec<_>>())
    };
    assert_eq!(order("SELECT n.id AS \"A,B\", n.x AS c FROM t n ORDER BY n.id, c DESC"), Some(vec![(0, false), (1, true)]));
    assert_eq!(order("SELECT n.id FROM t n ORDER BY n.other"), None);
    assert_eq!(order("SELECT * FROM t n ORDER BY n.id"), None);
}

#[test]
fn members_and_places() {
    assert_eq!(value("tags[1]"), "try_element_at(tags, 1)");
    assert_eq!(value("tags[id]"), "try_element_at(tags, CAST(id AS INT))");
    assert_eq!(value("name['a']['b']"), "name['a']['b']");
}

#[test]
fn casts() {
    assert_eq!(value("CAST(id AS VARCHAR)"), "CAST(id AS STRING)");
    assert_eq!(value("id::BIGINT"), "CAST(id AS BIGINT)");
    assert_eq!(value("TRY_CAST(name AS DECIMAL(10,2))"), "TRY_CAST(name AS DECIMAL(10,2))");
    assert_eq!(value("CAST(at AS VARCHAR)"), "replace(CAST(at AS STRING), ' ', 'T')");
}

#[test]
fn functions() {
    assert_eq!(value("strpos(name, 'a')"), "instr(name, 'a')");
    assert_eq!(value("concat(name, '-')"), "concat_ws('', CAST(name AS STRING), CAST('-' AS STRING))");
    assert_eq!(value("EXTRACT(DOW FROM at)"), "(dayofweek(at) - 1)");
    assert_eq!(value("regexp_replace(name, '([0-9])', '<\\1>', 'g')"), "regexp_replace(name, '([0-9])', '<$1>')");
    assert_eq!(value("COUNT(*) FILTER (WHERE id > 2)"), "COUNT(*) FILTER (WHERE id > 2L)");
    assert_eq!(value("array_agg(id)"), "transform(collect_list(named_struct('v', id)), x -> x.v)");
}

#[test]
fn what_spark_lacks_is_refused_by_name() {
    for (sql, what) in [
        ("SELECT DISTINCT ON (id) id FROM shop.orders", "DISTINCT ON"),
        ("SELECT arrow_cast(id, 'Int8') FROM shop.orders", "arrow_cast"),
        ("SELECT regexp_replace(name, 'a', 'b', name) FROM shop.orders", "flags"),
    ] {
        let error = parse(sql).unwrap().translate(&views()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.code, Some("SPARK_SQL_UNSUPPORTED"));
    }
    for (sql, what) in
        [("DROP TABLE x", "found DROP"), ("SELECT 1; SELECT 2", "2 statements"), ("", "empty"), ("SELEKT 1", "not valid SQL")]
    {
        let error = parse(sql).err().unwrap();
        assert!(error.to_string().contains(what), "{error}");
    }
}
