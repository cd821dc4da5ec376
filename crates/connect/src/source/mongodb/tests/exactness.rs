//! What is filtered in MongoDB is what Arrow keeps of the whole.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, RecordBatch, Scalar};
use arrow::array::{BooleanArray as Booleans, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::kernels::boolean::{and_kleene, is_not_null, is_null, or_kleene};
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::bench::{MongoBench, column, read};
use crate::source::{Comparison, Literal, Predicate, Scan, Source};

const COMPARISONS: [Comparison; 6] =
    [Comparison::Equal, Comparison::NotEqual, Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual];

fn documents() -> Vec<Document> {
    let null = Bson::Null;
    let reals: [Bson; 9] = [
        f64::NAN.into(),
        (-f64::NAN).into(),
        (-0.0).into(),
        0.0.into(),
        1_i32.into(),
        2.5.into(),
        f64::INFINITY.into(),
        f64::NEG_INFINITY.into(),
        null.clone(),
    ];
    let integers: [Bson; 6] = [i64::MIN.into(), i64::MAX.into(), 0_i32.into(), 5_i32.into(), 6_i64.into(), null.clone()];
    let texts: [Bson; 7] = ["".into(), "a".into(), "B".into(), "b".into(), "a\0b".into(), "ä🛒".into(), null.clone()];
    let flags: [Bson; 3] = [true.into(), false.into(), null.clone()];
    let dates: [Bson; 4] =
        [DateTime::from_millis(0).into(), DateTime::from_millis(-1).into(), DateTime::from_millis(1_700_000_000_123).into(), null];
    (0..252)
        .map(|id: usize| {
            let mut document = doc! { "id": id as i64 };
            for (name, values) in [("real", &reals[..]), ("integer", &integers), ("text", &texts), ("flag", &flags), ("date", &dates)] {
                // A null is missing now and then.
                if let Some(value) = values.get(id % values.len()).filter(|value| **value != Bson::Null || id.is_multiple_of(2)) {
                    document.insert(name, value.clone());
                }
            }
            let inner = if id.is_multiple_of(3) { Bson::Null } else { Bson::Document(doc! { "x": 1 }) };
            document.insert("inner", inner);
            document
        })
        .collect()
}

fn constants() -> Vec<(&'static str, Literal)> {
    let mut all = Vec::new();
    all.extend([-1, 0, 1, 2, 5, i64::MAX].map(|value| ("integer", Literal::Integer(value))));
    all.extend([0, 1, 2].map(|value| ("real", Literal::Integer(value))));
    all.extend([-1.5, 0.0, 1.0, 2.5, f64::NAN, f64::INFINITY].map(|value| ("real", Literal::Float(value))));
    all.extend(["", "a", "a\0b", "b", "ä", "zz"].map(|value| ("text", Literal::Text(value.into()))));
    all.extend([true, false].map(|value| ("flag", Literal::Boolean(value))));
    all.extend([0, 1, -1_000, 1_700_000_000_123_000].map(|value| ("date", Literal::Timestamp(value))));
    all
}

fn scalar(literal: &Literal, data_type: &DataType) -> Scalar<ArrayRef> {
    use std::sync::Arc;
    let array: ArrayRef = match (literal, data_type) {
        (Literal::Integer(value), DataType::Float64) => Arc::new(Float64Array::from(vec![*value as f64])),
        (Literal::Integer(value), _) => Arc::new(Int64Array::from(vec![*value])),
        (Literal::Float(value), _) => Arc::new(Float64Array::from(vec![*value])),
        (Literal::Text(value), _) => Arc::new(StringArray::from(vec![value.as_str()])),
        (Literal::Boolean(value), _) => Arc::new(Booleans::from(vec![*value])),
        (Literal::Timestamp(value), _) => Arc::new(TimestampMicrosecondArray::from(vec![*value])),
        other => panic!("{other:?}"),
    };
    Scalar::new(array)
}

/// As Arrow's own kernels have it.
fn arrow(rows: &RecordBatch, predicate: &Predicate) -> BooleanArray {
    match predicate {
        Predicate::Compare { column: name, comparison, value } => {
            let values = column(rows, name);
            let value = scalar(value, values.data_type());
            let compare: fn(&dyn Datum, &dyn Datum) -> Result<BooleanArray, arrow::error::ArrowError> = match comparison {
                Comparison::Equal => cmp::eq,
                Comparison::NotEqual => cmp::neq,
                Comparison::Less => cmp::lt,
                Comparison::LessOrEqual => cmp::lt_eq,
                Comparison::Greater => cmp::gt,
                Comparison::GreaterOrEqual => cmp::gt_eq,
            };
            compare(&values, &value).unwrap()
        }
        Predicate::IsNull(name) => is_null(&column(rows, name)).unwrap(),
        Predicate::IsNotNull(name) => is_not_null(&column(rows, name)).unwrap(),
        Predicate::In { column, values } => {
            let one = |value: &Literal| Predicate::compare(column, Comparison::Equal, value.clone());
            arrow(rows, &Predicate::Or(values.iter().map(one).collect()))
        }
        Predicate::And(all) => {
            all.iter().fold(BooleanArray::from(vec![true; rows.num_rows()]), |so_far, one| and_kleene(&so_far, &arrow(rows, one)).unwrap())
        }
        Predicate::Or(all) => {
            all.iter().fold(BooleanArray::from(vec![false; rows.num_rows()]), |so_far, one| or_kleene(&so_far, &arrow(rows, one)).unwrap())
        }
    }
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    column(batch, "id").as_primitive::<Int64Type>().values().to_vec()
}

fn predicates() -> Vec<Predicate> {
    let mut all = Vec::new();
    for (name, value) in constants() {
        all.extend(COMPARISONS.map(|comparison| Predicate::compare(name, comparison, value.clone())));
        all.push(Predicate::In { column: name.into(), values: vec![value] });
    }
    for name in ["integer", "real", "text", "flag", "date", "inner"] {
        all.extend([Predicate::IsNull(name.into()), Predicate::IsNotNull(name.into())]);
        all.push(Predicate::In { column: name.into(), values: Vec::new() });
    }
    let simple = all.clone();
    for (index, one) in simple.iter().enumerate() {
        let other = simple[(index * 7 + 3) % simple.len()].clone();
        all.push(Predicate::And(vec![one.clone(), Predicate::Or(vec![other.clone(), Predicate::IsNull("flag".into())])]));
        all.push(Predicate::Or(vec![one.clone(), other]));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_filtered_in_mongodb_is_what_arrow_keeps() {
    let Some(bench) = MongoBench::start().await else { return };
    let table = bench.insert("exact", documents()).await;
    let source = bench.own_source();
    let schema = source.schema(&table).await.unwrap();
    let whole = read(&source, Scan::all(table.clone())).await;
    let mut accepted = 0;
    for predicate in predicates() {
        if !source.accepts(&predicate, &schema) {
            continue;
        }
        accepted += 1;
        let kept = arrow::compute::filter_record_batch(&whole, &arrow(&whole, &predicate)).unwrap();
        let scan = Scan { columns: Some(vec!["id".into()]), filters: vec![predicate.clone()], ..Scan::all(table.clone()) };
        let found: Vec<RecordBatch> = source.scan(scan).try_collect().await.unwrap();
        let mut found: Vec<i64> = found.iter().flat_map(ids).collect();
        found.sort_unstable();
        assert_eq!(found, ids(&kept), "{predicate:?}");
    }
    assert!(accepted > 300, "{accepted} predicates were accepted");
    let id = ObjectId::new().to_hex();
    let not_sent = [
        Predicate::compare("real", Comparison::Equal, Literal::Float(0.0)),
        Predicate::compare("real", Comparison::Equal, Literal::Float(f64::NAN)),
        Predicate::compare("integer", Comparison::Less, Literal::Float(1.5)),
        Predicate::compare("date", Comparison::Less, Literal::Timestamp(1)),
        Predicate::compare("text", Comparison::Less, Literal::Integer(1)),
        Predicate::compare("_id", Comparison::Less, Literal::Text(id.to_uppercase().replace(|letter: char| letter.is_ascii_digit(), "A"))),
        Predicate::compare("no_such_column", Comparison::Less, Literal::Integer(1)),
    ];
    for predicate in not_sent {
        assert!(!source.accepts(&predicate, &schema), "{predicate:?}");
    }
}
