use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use catalog::Column;
use connect::{Comparison, Connection, Description, Diagnosis, Literal, Predicate, Scan, Source, TablePath};
use datafusion::prelude::SessionContext;
use domain::Result;
use futures::stream::BoxStream;

use super::{House, outcome};
use crate::source_table::SourceTable;
use etl::Meter;

const ORDERS: &str = "
    CREATE TABLE orders (order_id INTEGER, cust_no TEXT, at TEXT, qty INTEGER, price REAL);
    INSERT INTO orders VALUES (1, 'C1', '2025-01-01', 2, 9.5), (2, NULL, '2025-01-02', 0, 1.0), (3, 'C2', 'x', -1, 2.0), (4, 'c1', 'y', 5, NULL);
";

#[tokio::test]
async fn projection_filters_and_limit_go_down_into_the_source() {
    let house = House::new().await;
    house.sqlite(ORDERS).await;
    let plan = house.explain("SELECT at FROM orders WHERE qty > 0 AND cust_no IS NOT NULL AND cust_no IN ('C1', 'C2') LIMIT 1").await;
    assert!(plan.contains("SourceScan: shop.orders, columns=[at], filters=["), "{plan}");
    assert!(plan.contains("limit=1") && !plan.contains("FilterExec"), "{plan}");
    let run = house.run("SELECT at FROM shop.orders WHERE qty > 0 AND cust_no = 'C1'").await;
    assert_eq!(house.read("out/part-00000.csv").await, "at\n2025-01-01\n");
    assert_eq!(outcome(&run).rows_read(), 1, "the source filtered");
    let kept = house.explain("SELECT at FROM orders WHERE qty * 2 > 3 AND qty < 9").await;
    assert!(kept.contains("FilterExec") && kept.contains("filters=[qty < Int64(9)]"), "{kept}");
    assert_eq!(house.csv("SELECT count(*) AS n, sum(qty) AS q FROM shop.orders").await, "n,q\n4,6\n");
}

/// A source that writes down what it is asked for, around a real one.
#[derive(Debug)]
struct Recording {
    inner: Arc<dyn Source>,
    asked: Arc<Mutex<Vec<Scan>>>,
}

#[async_trait]
impl Source for Recording {
    fn classification(&self) -> &'static str {
        self.inner.classification()
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        self.inner.tables().await
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        self.inner.describe(tables).await
    }

    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        self.inner.count(table).await
    }

    fn accepts(&self, predicate: &Predicate, schema: &SchemaRef) -> bool {
        self.inner.accepts(predicate, schema)
    }

    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch>> {
        self.asked.lock().unwrap().push(scan.clone());
        self.inner.scan(scan)
    }

    async fn diagnose(&self) -> Diagnosis {
        self.inner.diagnose().await
    }
}

#[tokio::test]
async fn the_source_receives_what_explain_shows() {
    let house = House::new().await;
    house.sqlite(ORDERS).await;
    let inner = house.catalog.sources().open(&Connection::sqlite("orders", "orders.db")).unwrap();
    let path = TablePath::table("orders");
    let schema = inner.schema(&path).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let source = Arc::new(Recording { inner, asked: asked.clone() });
    let meter = Meter::default();
    let table = SourceTable::open("shop.orders".into(), source, path.clone(), schema, meter.clone()).await.unwrap();
    let session = SessionContext::new();
    session.register_table("orders", Arc::new(table)).unwrap();
    let query =
        "SELECT price, order_id FROM orders WHERE 3 >= qty AND (cust_no = 'C1' OR cust_no IS NULL) AND price BETWEEN 1 AND 10.5 LIMIT 7";
    let rows: usize = session.sql(query).await.unwrap().collect().await.unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!((rows, meter.rows()), (2, 2));
    let asked = asked.lock().unwrap();
    let [scan] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(scan.table, path);
    assert_eq!(scan.columns, Some(vec!["order_id".to_owned(), "price".to_owned()]));
    assert_eq!(scan.limit, Some(7));
    assert!(scan.filters.contains(&Predicate::compare("qty", Comparison::LessOrEqual, Literal::Integer(3))), "{:?}", scan.filters);
    let either = Predicate::Or(vec![
        Predicate::compare("cust_no", Comparison::Equal, Literal::Text("C1".into())),
        Predicate::IsNull("cust_no".into()),
    ]);
    assert!(scan.filters.contains(&either), "{:?}", scan.filters);
    let price = |comparison, value| Predicate::compare("price", comparison, Literal::Float(value));
    let text = format!("{:?}", scan.filters);
    for expected in [price(Comparison::GreaterOrEqual, 1.0), price(Comparison::LessOrEqual, 10.5)] {
        assert!(text.contains(&format!("{expected:?}")), "{text}");
    }
}

#[tokio::test]
async fn the_catalogues_types_win_over_the_sources() {
    let house = House::new().await;
    house.sqlite(ORDERS).await;
    let columns = vec![Column::new("QTY", "string"), Column::new("order_id", "int")];
    house.catalog.delete_table("shop", "orders").await.unwrap();
    house.source_table("orders", columns).await;
    assert_eq!(house.csv("SELECT QTY || 'x' AS q FROM shop.orders WHERE QTY = '5'").await, "q\n5x\n");
    house.catalog.delete_table("shop", "orders").await.unwrap();
    house.source_table("orders", vec![Column::new("at", "bigint")]).await;
    let failure = house.failure("SELECT at FROM shop.orders").await;
    assert!(failure.contains("A value of shop.orders.at does not fit the type Int64"), "{failure}");
    house.catalog.delete_table("shop", "orders").await.unwrap();
    house.source_table("orders", vec![Column::new("gone", "bigint")]).await;
    let failure = house.failure("SELECT gone FROM shop.orders").await;
    assert!(failure.contains("orders no longer has it; crawl the source again"), "{failure}");
}
