//! Parts of a query that a database computes give what we would have given: every query below runs over the tables of a database, and
//! over the same rows in files, where nothing can be pushed down.

use store::Location;

use super::House;

const TABLES: &str = "
    CREATE TABLE customers (id INTEGER, name TEXT COLLATE NOCASE, city TEXT, credit REAL);
    INSERT INTO customers VALUES (1, 'anna', 'Bern', 10.5), (2, 'Anna', 'bern', NULL), (3, NULL, 'Chur', 0.25), (4, 'dora', NULL, -3.5), (5, 'Éva ''x''', 'Bern', 1e300);
    CREATE TABLE orders (id INTEGER, customer INTEGER, qty INTEGER, price REAL, note TEXT);
    INSERT INTO orders VALUES (1, 1, 2, 9.5, 'a'), (2, 1, NULL, 1.5, NULL), (3, 2, -4, 2.25, 'A'), (4, 9, 7, 8.0, 'b'), (5, NULL, 7, 8.0, ''), (6, 3, 7, NULL, 'ä'), (7, 5, 1, 0.5, 'Z');
";

/// Queries whose work goes to the database, with a word of the statement it gets.
const PUSHED: &[(&str, &str)] = &[
    ("SELECT customer, count(*) AS n, sum(qty) AS q, min(price) AS low, max(note) AS high FROM orders GROUP BY customer", "GROUP BY"),
    ("SELECT note, count(*) AS n FROM orders GROUP BY note", "COLLATE BINARY"),
    ("SELECT name, count(DISTINCT city) AS n FROM customers GROUP BY name", "GROUP BY q.c0 COLLATE BINARY, q.c1 COLLATE BINARY"),
    ("SELECT count(*) AS n, count(note) AS notes, sum(price) AS p, avg(qty) AS a FROM orders", "count(*)"),
    ("SELECT c.name, o.id FROM customers c JOIN orders o ON o.customer = c.id WHERE o.qty > 0", "INNER JOIN"),
    ("SELECT c.name, o.id FROM customers c LEFT JOIN orders o ON o.customer = c.id AND o.qty > 0", "LEFT JOIN"),
    ("SELECT c.city, sum(o.qty) AS q FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.city HAVING sum(o.qty) > 1", "WHERE"),
    ("SELECT name FROM customers WHERE id IN (SELECT customer FROM orders WHERE price > 1.5)", "EXISTS"),
    ("SELECT a.id AS a, b.id AS b FROM orders a JOIN orders b ON a.note = b.note AND a.id <= b.id", "INNER JOIN"),
    ("SELECT o.id FROM orders o JOIN customers c ON o.customer = c.id ORDER BY o.price DESC NULLS LAST, o.id LIMIT 3", "ORDER BY"),
    ("SELECT count(*) AS n FROM customers CROSS JOIN orders", "count(*)"),
    ("SELECT count(*) AS n FROM customers WHERE EXISTS (SELECT 1 FROM orders)", "EXISTS"),
    ("SELECT qty, n FROM (SELECT qty, count(*) AS n FROM orders GROUP BY qty) WHERE n > 1 OR qty IS NULL OR NOT (qty >= -4)", "GROUP BY"),
];

/// Queries that must be computed here, or in part.
const KEPT: &[(&str, &str)] = &[
    ("SELECT median(qty) AS m FROM orders", "AggregateExec"),
    ("SELECT upper(note) AS u, count(*) AS n FROM orders GROUP BY upper(note)", "AggregateExec"),
    ("SELECT qty * 3 AS q, count(*) AS n FROM orders GROUP BY qty * 3", "AggregateExec"),
    ("SELECT 1 + 1 AS k, count(*) AS n FROM orders GROUP BY 1 + 1", "AggregateExec"),
    ("SELECT id, row_number() OVER (ORDER BY id) AS place FROM orders", "Window"),
];

/// The rows of the same query over tables `shop.x`, in one order.
async fn rows(house: &House, query: &str) -> Vec<String> {
    let text = house.csv(query).await;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1..].sort();
    lines
}

async fn house() -> House {
    let house = House::new().await;
    house.sqlite(TABLES).await;
    let columns =
        ["id bigint, name string, city string, credit double", "id bigint, customer bigint, qty bigint, price double, note string"];
    for (table, columns) in ["customers", "orders"].into_iter().zip(columns) {
        let id = house.start(&format!("SELECT * FROM shop.{table}"), etl::Format::Parquet).await;
        house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
        let written = Location::parse("s3://data/out/part-00000.parquet").unwrap();
        let bytes = house.installation.buckets.read(&written).await.unwrap();
        house.put(&format!("copies/{table}/rows.parquet"), bytes).await;
        house.table(&format!("{table}_copy"), &format!("s3://data/copies/{table}/"), connect::files::Format::Parquet, columns).await;
    }
    house
}

#[tokio::test]
async fn what_a_database_computes_is_what_we_would_compute() {
    let house = house().await;
    for (query, word) in PUSHED {
        let plan = house.explain(query).await;
        assert!(plan.contains("SourceQuery:") && plan.contains(word), "{query}\n{plan}");
        let again = ["AggregateExec", "HashJoinExec", "FilterExec"].iter().find(|node| plan.contains(**node));
        assert!(again.is_none(), "computed twice: {query}\n{plan}");
        let ours = query.replace("customers", "shop.customers_copy").replace("orders", "shop.orders_copy");
        assert_eq!(rows(&house, query).await, rows(&house, &ours).await, "{query}\n{plan}");
    }
}

#[tokio::test]
async fn what_a_database_might_compute_differently_stays_here() {
    let house = house().await;
    for (query, node) in KEPT {
        let plan = house.explain(query).await;
        assert!(plan.contains(node), "{query}\n{plan}");
        let ours = query.replace("orders", "shop.orders_copy");
        assert_eq!(rows(&house, query).await, rows(&house, &ours).await, "{query}");
    }
}

#[tokio::test]
async fn tables_of_two_databases_are_joined_here() {
    let house = house().await;
    let plan = house.explain("SELECT c.name, o.id FROM shop.customers c JOIN shop.orders_copy o ON o.customer = c.id").await;
    assert!(plan.contains("HashJoinExec") && !plan.contains("SourceQuery"), "{plan}");
}
