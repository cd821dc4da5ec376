//! Documents of every form, written by the driver and read back.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use domain::ErrorKind;
use futures::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Binary, Bson, DateTime, Document, Regex, doc, spec::BinarySubtype};

use super::bench::{MongoBench, column, path, read};
use crate::source::{Comparison, Literal, NATIVE_TYPE, Predicate, Scan, Source};

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_every_form_are_read() {
    let Some(bench) = MongoBench::start().await else { return };
    nested_documents_and_arrays_keep_their_form(&bench).await;
    values_of_every_type_have_a_column(&bench).await;
    mixed_types_are_text_and_nothing_is_lost(&bench).await;
    ten_thousand_keys_are_columns_and_a_rest(&bench).await;
    a_map_inside_a_document_is_json(&bench).await;
    a_type_that_changes_after_the_sample_is_an_error(&bench).await;
    both_ends_of_a_large_collection_are_met(&bench).await;
    names_that_are_no_paths_are_columns(&bench).await;
    a_collation_is_not_arrows_order(&bench).await;
    columns_are_found_in_any_case(&bench).await;
}

async fn nested_documents_and_arrays_keep_their_form(bench: &MongoBench) {
    let table = bench
        .insert(
            "nested",
            vec![
                doc! { "_id": 1, "who": { "name": "Anna", "home": { "town": "Ulm", "zip": 89073 } }, "tags": ["a", Bson::Null, "b"],
                "items": [{ "sku": "x", "n": 1 }, { "sku": "y", "n": 2.5 }], "grid": [[1, 2], [], [3]] },
                doc! { "_id": 2, "who": { "name": Bson::Null }, "tags": [], "items": [] },
                doc! { "_id": 3, "who": Bson::Null, "items": [{ "n": 7_i64, "late": true }] },
            ],
        )
        .await;
    let source = bench.own_source();
    let rows = read(&source, Scan::all(table)).await;
    assert_eq!(rows.num_rows(), 3);
    let who = column(&rows, "who");
    assert_eq!((who.is_null(1), who.is_null(2)), (false, true), "a document of nulls is no null");
    let home = who.as_struct().column_by_name("home").unwrap();
    assert_eq!(home.as_struct().column_by_name("zip").unwrap().as_primitive::<Int64Type>().value(0), 89073);
    assert!(home.is_null(1));
    let tags = column(&rows, "tags");
    let tags = tags.as_list::<i32>();
    assert_eq!((tags.value(0).len(), tags.value(0).null_count(), tags.value(1).len(), tags.is_null(2)), (3, 1, 0, true));
    let items = column(&rows, "items");
    let items = items.as_list::<i32>();
    assert_eq!(items.value_length(0) + items.value_length(1) + items.value_length(2), 3);
    let counts = items.values().as_struct().column_by_name("n").unwrap().as_primitive::<Float64Type>();
    assert_eq!(counts.values().to_vec(), [1.0, 2.5, 7.0]);
    let late = items.values().as_struct().column_by_name("late").unwrap();
    assert_eq!((late.is_null(0), late.as_boolean().value(2)), (true, true));
    let grid = column(&rows, "grid");
    assert_eq!(grid.as_list::<i32>().value(0).as_list::<i32>().value(2).as_primitive::<Int64Type>().value(0), 3);
}

async fn values_of_every_type_have_a_column(bench: &MongoBench) {
    let id = ObjectId::parse_str("65f0a1b2c3d4e5f60718293a").unwrap();
    let uuid = Binary { subtype: BinarySubtype::Uuid, bytes: (0..16).collect() };
    let raw = Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255] };
    let table = bench
        .insert(
            "every_type",
            vec![
                doc! { "_id": id, "when": DateTime::from_millis(1_709_251_199_123), "price": Bson::Decimal128("12.50".parse().unwrap()),
                "uuid": uuid, "raw": raw, "pattern": Regex { pattern: "^a".into(), options: "i".into() },
                "stamp": mongodb::bson::Timestamp { time: 5, increment: 1 }, "born": DateTime::from_millis(-6_846_768_000_000), "hollow": Bson::Null },
                doc! { "when": Bson::Null, "price": Bson::Decimal128("3".parse().unwrap()) },
            ],
        )
        .await;
    let source = bench.own_source();
    let schema = source.schema(&table).await.unwrap();
    let native = |name: &str| schema.field_with_name(name).unwrap().metadata()[NATIVE_TYPE].clone();
    assert_eq!(
        ["_id", "when", "price", "uuid", "raw", "pattern", "hollow"].map(native),
        ["objectId", "date", "decimal", "uuid", "binData", "mixed", "mixed"]
    );
    let by_id = Predicate::compare("_id", Comparison::Equal, Literal::Text(id.to_hex()));
    assert!(source.accepts(&by_id, &schema));
    let row = read(&source, Scan { filters: vec![by_id], ..Scan::all(table.clone()) }).await;
    assert_eq!(row.schema(), schema, "batches have the schema that was described");
    let text = |name: &str| column(&row, name).as_string::<i32>().value(0).to_owned();
    assert_eq!(text("_id"), "65f0a1b2c3d4e5f60718293a");
    assert_eq!(text("uuid"), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    assert_eq!(text("pattern"), r#"{"$regularExpression":{"pattern":"^a","options":"i"}}"#);
    assert_eq!(text("stamp"), r#"{"$timestamp":{"t":5,"i":1}}"#);
    assert_eq!(column(&row, "raw").as_binary::<i32>().value(0), [0, 255]);
    assert_eq!(column(&row, "when").data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    assert_eq!(column(&row, "when").as_primitive::<TimestampMicrosecondType>().value(0), 1_709_251_199_123_000);
    assert_eq!(column(&row, "born").as_primitive::<TimestampMicrosecondType>().value(0), -6_846_768_000_000_000);
    assert_eq!(column(&row, "price").data_type(), &DataType::Decimal128(38, 2));
    let prices: i128 = column(&read(&source, Scan::all(table)).await, "price").as_primitive::<Decimal128Type>().values().iter().sum();
    assert_eq!(prices, 1550);
}

async fn mixed_types_are_text_and_nothing_is_lost(bench: &MongoBench) {
    let table = bench
        .insert(
            "mixed",
            vec![
                doc! { "_id": 1, "a": 5, "number": 1, "large": (1_i64 << 53) + 1, "deep": { "x": 1 } },
                doc! { "_id": 2, "a": "five", "number": 2.5, "large": 0.5, "deep": "flat" },
                doc! { "_id": 3, "a": { "b": [1, "x"] }, "number": 3_i64, "deep": 7 },
            ],
        )
        .await;
    let source = bench.own_source();
    let rows = read(&source, Scan::all(table)).await;
    let texts =
        |name: &str| -> Vec<Option<String>> { column(&rows, name).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect() };
    let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
    assert_eq!(texts("a"), some(&["5", "five", r#"{"b":[1,"x"]}"#]));
    assert_eq!(texts("deep"), some(&[r#"{"x":1}"#, "flat", "7"]));
    assert_eq!(texts("large")[0].as_deref(), Some("9007199254740993"), "not rounded to a double");
    assert_eq!(column(&rows, "number").as_primitive::<Float64Type>().values().to_vec(), [1.0, 2.5, 3.0]);
}

async fn ten_thousand_keys_are_columns_and_a_rest(bench: &MongoBench) {
    let documents: Vec<Document> = (0..10)
        .map(|row| {
            let mut document = doc! { "_id": row, "name": format!("row {row}") };
            document.extend((0..1_000).map(|key| (format!("key{}", row * 1_000 + key), Bson::Int32(row * 1_000 + key))));
            document
        })
        .collect();
    let table = bench.insert("ten_thousand_keys", documents).await;
    let source = bench.own_source();
    let described = source.describe(std::slice::from_ref(&table)).await.unwrap().remove(0).unwrap();
    assert_eq!(described.schema.fields().len(), 1_000);
    let comment = described.comment.unwrap();
    assert!(comment.contains("10002 different fields") && comment.contains("_other_fields"), "{comment}");
    let rows = read(&source, Scan::all(table.clone())).await;
    let mut values = BTreeSet::new();
    for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
        if field.name().starts_with("key") {
            values.extend(array.as_primitive::<Int64Type>().iter().flatten());
        }
    }
    for text in column(&rows, "_other_fields").as_string::<i32>().iter().flatten() {
        let others: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        values.extend(others.into_iter().map(|(name, value)| {
            assert_eq!(name, format!("key{value}"));
            value.as_i64().unwrap()
        }));
    }
    assert_eq!(values, (0..10_000).collect::<BTreeSet<i64>>(), "every value is in a column or in the rest");
    let names = read(&source, Scan { columns: Some(vec!["name".into()]), ..Scan::all(table) }).await;
    assert_eq!((names.num_rows(), names.num_columns()), (10, 1));
}

async fn a_map_inside_a_document_is_json(bench: &MongoBench) {
    let map: Document = (0..1_500).map(|key| (format!("key{key}"), Bson::Int32(key))).collect();
    let table = bench.insert("map", vec![doc! { "map": map }]).await;
    let rows = read(&bench.own_source(), Scan::all(table)).await;
    let text = column(&rows, "map").as_string::<i32>().value(0).to_owned();
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!((map.len(), map["key1499"].as_i64()), (1_500, Some(1_499)));
}

async fn a_type_that_changes_after_the_sample_is_an_error(bench: &MongoBench) {
    let table = bench.insert("changing", (0..5_000).map(|id| doc! { "_id": id, "deep": { "list": [{ "n": id }] } }).collect()).await;
    let source = bench.own_source();
    source.schema(&table).await.unwrap();
    let collection = bench.database.collection::<Document>("changing");
    let change = doc! { "$set": { "deep.list": [{ "n": "not a number" }] } };
    collection.update_one(doc! { "_id": 4_321 }, change).await.unwrap();
    let error = source.scan(Scan::all(table.clone())).try_collect::<Vec<RecordBatch>>().await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidData, Some("SOURCE_VALUE_UNFIT")));
    let said = error.to_string();
    for part in ["bench.changing", "deep.list[].n", "not a number", "4321"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    let others = Scan { columns: Some(vec!["_id".into()]), ..Scan::all(table) };
    assert_eq!(read(&source, others).await.num_rows(), 5_000, "columns without such values are still read");
}

async fn both_ends_of_a_large_collection_are_met(bench: &MongoBench) {
    let mut documents: Vec<Document> = (0..20_000).map(|id| doc! { "_id": id, "same": id }).collect();
    documents[3].insert("oldest", 1);
    documents[19_990].insert("newest", true);
    let table = bench.insert("aged", documents).await;
    let schema = bench.own_source().schema(&table).await.unwrap();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["_id", "same", "oldest", "newest"]);
}

async fn names_that_are_no_paths_are_columns(bench: &MongoBench) {
    let table = bench.insert("named", vec![doc! { "_id": 1, "a.b": 1, "$c": 2, "": 3, "a": { "b": 4 }, "ä 🛒 \"q\"": 5 }]).await;
    let source = bench.own_source();
    let schema = source.schema(&table).await.unwrap();
    let rows = read(&source, Scan::all(table.clone())).await;
    let value = |name: &str| column(&rows, name).as_primitive::<Int64Type>().value(0);
    assert_eq!(["a.b", "$c", "", "ä 🛒 \"q\""].map(value), [1, 2, 3, 5]);
    let one = read(&source, Scan { columns: Some(vec!["a.b".into()]), ..Scan::all(table) }).await;
    assert_eq!((one.num_columns(), column(&one, "a.b").as_primitive::<Int64Type>().value(0)), (1, 1));
    let equals = |name: &str| Predicate::compare(name, Comparison::Equal, Literal::Integer(4));
    assert!(!source.accepts(&equals("a.b"), &schema), "it would mean the field b inside a");
    assert!(source.accepts(&equals("ä 🛒 \"q\""), &schema));
}

async fn a_collation_is_not_arrows_order(bench: &MongoBench) {
    let collation = doc! { "locale": "en", "strength": 1 };
    bench.database.run_command(doc! { "create": "loose", "collation": &collation }).await.unwrap();
    let table = bench.insert("loose", vec![doc! { "name": "Anna" }, doc! { "name": "anna" }]).await;
    bench.database.run_command(doc! { "create": "loose_view", "viewOn": "loose", "pipeline": [], "collation": collation }).await.unwrap();
    let source = bench.own_source();
    let anna = Predicate::compare("name", Comparison::Equal, Literal::Text("anna".into()));
    assert!(source.accepts(&anna, &source.schema(&table).await.unwrap()));
    let found = read(&source, Scan { filters: vec![anna.clone()], ..Scan::all(table) }).await;
    assert_eq!(found.num_rows(), 1, "the collection's own collation finds both");
    assert!(!source.accepts(&anna, &source.schema(&path("loose_view")).await.unwrap()));
    assert_eq!(read(&source, Scan::all(path("loose_view"))).await.num_rows(), 2);
}

async fn columns_are_found_in_any_case(bench: &MongoBench) {
    let table = bench.insert("cases", vec![doc! { "Name": "x", "name": "y", "Other": "z" }]).await;
    let source = bench.own_source();
    let asked = Scan { columns: Some(vec!["other".into(), "name".into()]), ..Scan::all(table.clone()) };
    let rows = read(&source, asked).await;
    let names: Vec<&str> = rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!((names, column(&rows, "name").as_string::<i32>().value(0)), (vec!["Other", "name"], "y"));
    let twice = Scan { columns: Some(vec!["Other".into(), "other".into()]), ..Scan::all(table) };
    let error = source.scan(twice).try_collect::<Vec<RecordBatch>>().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}
