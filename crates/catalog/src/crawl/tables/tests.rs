#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::*;

fn matches(path: &str, exclusions: &[&str], table: [&str; 3]) -> bool {
    let exclusions: Vec<String> = exclusions.iter().map(|glob| (*glob).to_owned()).collect();
    let target = DatabaseTarget { connection: "c", path, exclusions: &exclusions, raw_types: false, scan_all: false };
    let part = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let table = TablePath { database: part(table[0]), schema: part(table[1]), table: table[2].into() };
    Wanted::new(target).unwrap().has(&table)
}

#[test]
fn paths_mean_database_schema_and_table() {
    let orders = ["Shop", "public", "Orders"];
    for path in ["%", "orders", "shop/%", "public/%", "shop/public/%", "shop/%/orders", "SHOP/PUBLIC/ord%", "/shop/%/%"] {
        assert!(matches(path, &[], orders), "{path}");
    }
    for path in ["items", "other/%", "shop/private/%", "shop/orders", "shop/public/o"] {
        assert!(!matches(path, &[], orders), "{path}");
    }
    // MySQL and MongoDB have no schemas, Kafka has tables only.
    assert!(matches("shop/%", &[], ["shop", "", "orders"]) && !matches("other/%", &[], ["shop", "", "orders"]));
    assert!(matches("ord%", &[], ["", "", "orders"]));
}

#[test]
fn exclusions_take_the_whole_path_or_the_name_in_either_case() {
    let orders = ["Shop", "public", "Orders"];
    for glob in ["shop/public/*", "Shop/public/Orders", "Ord*", "**/orders", "shop/**"] {
        assert!(!matches("%", &[glob], orders), "{glob}");
    }
    assert!(matches("%", &["shop/private/*"], orders));
}

#[test]
fn remarks_and_native_types_stand_with_the_columns() {
    let metadata = HashMap::from([(COMMENT.to_owned(), "the number".to_owned()), (NATIVE_TYPE.to_owned(), "numeric(8,0)".to_owned())]);
    let fields = vec![Field::new("id", DataType::Int64, true).with_metadata(metadata), Field::new("x", DataType::Utf8, true)];
    let found = Description::of(Arc::new(Schema::new(fields)));
    let plain = columns(&found, false);
    assert_eq!(plain[0].comment.as_deref(), Some("the number"));
    assert_eq!(plain[0].parameters.get("rawType"), None);
    assert_eq!((plain[1].comment.as_ref(), plain[1].parameters.len()), (None, 0));
    assert_eq!(columns(&found, true)[0].parameters["rawType"], "numeric(8,0)");
}

/// Shows nothing in its views; what it holds besides is told by the tables' names.
#[derive(Debug)]
struct Reticent;

#[async_trait::async_trait]
impl Source for Reticent {
    fn classification(&self) -> &'static str {
        "mysql"
    }

    async fn tables(&self) -> Result<Vec<TablePath>> {
        Ok(Vec::new())
    }

    async fn describe(&self, tables: &[TablePath]) -> Result<Vec<Result<Description>>> {
        let described = tables.iter().map(|path| match path.table.as_str() {
            "refused" => Err(Error::invalid_input("The schema may not be entered.").code(PERMISSION_DENIED)),
            "odd" => Err(Error::invalid_data("It cannot be described.")),
            "excluded" => Ok(Description::of(Arc::new(Schema::empty()))),
            _ => Err(Error::not_found(path).code(TABLE_GONE)),
        });
        Ok(described.collect())
    }

    async fn count(&self, table: &TablePath) -> Result<Option<u64>> {
        Err(match table.table.as_str() {
            "unseen" => Error::invalid_input("It may not be read.").code(PERMISSION_DENIED),
            "silent" => Error::unavailable("The server hung up."),
            "unknown" => Error::invalid_input("There is no such database."),
            _ => Error::not_found(table).code(TABLE_GONE),
        })
    }

    fn accepts(&self, _: &connect::Predicate, _: &arrow::datatypes::SchemaRef) -> bool {
        false
    }

    fn scan(&self, _: connect::Scan) -> stream::BoxStream<'static, Result<arrow::array::RecordBatch>> {
        stream::empty().boxed()
    }

    async fn diagnose(&self) -> connect::Diagnosis {
        connect::Diagnosis::default()
    }
}

#[tokio::test]
async fn what_may_not_be_read_any_more_is_not_gone() {
    let missing: Vec<TablePath> =
        ["refused", "dropped", "odd", "unseen", "excluded", "unknown", "silent"].into_iter().map(TablePath::table).collect();
    let hidden: Vec<String> = hidden(&Reticent, missing).await.unwrap().into_iter().map(|(path, _)| path.table).collect();
    assert_eq!(hidden, ["refused", "odd", "unseen", "silent"]);
}

#[test]
fn many_tables_are_few_questions() {
    let questions = |tables: usize| tables.div_ceil(super::per_question(tables));
    assert_eq!([1, 1000, 1001, 4000, 17_000, 100_000].map(questions), [1, 1, 2, 4, 4, 4]);
}
