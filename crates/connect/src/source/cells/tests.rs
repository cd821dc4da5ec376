#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int8Type, Schema, TimeUnit, UInt64Type};
use futures::TryStreamExt;

use super::{Cell, Rows, ranges, stream_of};
use crate::source::{Literal, Predicate, Scan, TablePath};

fn rows(kind: DataType) -> Rows {
    Rows::new("table t", Arc::new(Schema::new(vec![Field::new("c", kind, true)])), 10)
}

fn number(digits: &str) -> Cell<'_> {
    Cell::Number(Cow::Borrowed(digits))
}

#[test]
fn what_fits_is_kept_and_what_does_not_is_named() {
    let fits = [
        (DataType::Int8, Cell::Integer(-128)),
        (DataType::Int64, number("42.000")),
        (DataType::Boolean, Cell::Integer(5)),
        (DataType::Float32, Cell::Double(0.5)),
        (DataType::Float64, number("0.1")),
        (DataType::Decimal128(5, 2), number("-999.99")),
        (DataType::Decimal128(20, 0), Cell::Integer(i128::from(u64::MAX))),
        (DataType::UInt64, Cell::Integer(i128::from(u64::MAX))),
        (DataType::Utf8, number("1.50")),
        (DataType::Utf8View, Cell::Text("x".into())),
        (DataType::Date32, Cell::Timestamp(86_400_000_000)),
        (DataType::Timestamp(TimeUnit::Nanosecond, None), Cell::Timestamp(1)),
        (DataType::Int32, Cell::Null),
    ];
    for (kind, cell) in fits {
        let mut rows = rows(kind.clone());
        rows.push(0, &cell).unwrap_or_else(|e| panic!("{kind} holds {cell}: {e}"));
        assert!(rows.end_row().is_none());
        let batch = rows.rest().unwrap().unwrap();
        assert_eq!((batch.num_rows(), batch.column(0).data_type()), (1, &kind));
    }
    let unfit = [
        (DataType::Int8, Cell::Integer(128)),
        (DataType::Int64, number("0.5")),
        (DataType::Int64, Cell::Text("1".into())),
        (DataType::Float64, Cell::Integer(i128::from(i64::MAX))),
        (DataType::Float32, Cell::Double(0.1)),
        (DataType::Decimal128(5, 2), number("1000.00")),
        (DataType::Decimal128(5, 2), number("0.001")),
        (DataType::Decimal128(38, 0), number("123456789012345678901234567890123456789")),
        (DataType::Utf8, Cell::Binary(&[0xff])),
        (DataType::Date32, Cell::Timestamp(1)),
    ];
    for (kind, cell) in unfit {
        let error = rows(kind.clone()).push(0, &cell).expect_err(&format!("{kind} does not hold {cell}"));
        assert_eq!(error.code, Some("SOURCE_VALUE_UNFIT"));
        assert!(
            error.message.contains("\"c\"") && error.message.contains("table t") && error.message.contains(&cell.to_string()),
            "{error}"
        );
    }
}

#[test]
fn values_stay_what_they_are() {
    let mut rows = rows(DataType::Decimal128(12, 2));
    for digits in ["-0.01", "9999999999.99", "7"] {
        rows.push(0, &number(digits)).unwrap();
        rows.end_row();
    }
    let batch = rows.rest().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Decimal128Type>().values().to_vec(), [-1, 999_999_999_999, 700]);
}

#[test]
fn batches_end_at_their_rows_and_at_their_bytes() {
    let mut rows = rows(DataType::Int8);
    for value in 0..9 {
        rows.push(0, &Cell::Integer(value)).unwrap();
        assert!(rows.end_row().is_none());
    }
    rows.push(0, &Cell::Integer(9)).unwrap();
    let batch = rows.end_row().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int8Type>().values().to_vec(), (0..10).collect::<Vec<i8>>());
    assert!(rows.rest().is_none());

    let mut large = self::rows(DataType::Utf8);
    large.push(0, &Cell::Text("x".repeat(super::BATCH_BYTES).into())).unwrap();
    assert_eq!(large.end_row().unwrap().unwrap().num_rows(), 1);
}

#[test]
fn rarer_types_are_cast_to() {
    let mut rows = rows(DataType::UInt64);
    rows.push(0, &Cell::Integer(i128::from(u64::MAX))).unwrap();
    rows.end_row();
    assert_eq!(rows.rest().unwrap().unwrap().column(0).as_primitive::<UInt64Type>().value(0), u64::MAX);
    let mut rows = self::rows(DataType::UInt8);
    rows.push(0, &Cell::Integer(-1)).unwrap();
    rows.end_row();
    assert_eq!(rows.rest().unwrap().unwrap_err().code, Some("SOURCE_VALUE_UNFIT"));
}

#[tokio::test]
async fn an_error_ends_the_stream_after_what_came_before_it() {
    let mut stream = stream_of(|outlet| async move {
        let mut rows = rows(DataType::Int8);
        rows.push(0, &Cell::Integer(1))?;
        rows.end_row();
        outlet.send(rows.rest().unwrap()).await;
        rows.push(0, &Cell::Integer(1000))
    });
    assert_eq!(stream.try_next().await.unwrap().unwrap().num_rows(), 1);
    assert_eq!(stream.try_next().await.unwrap_err().code, Some("SOURCE_VALUE_UNFIT"));
    assert!(stream.try_next().await.unwrap().is_none());
}

#[test]
fn ranges_cover_every_key_once() {
    let scan = Scan::all(TablePath::table("t"));
    for (low, high, parts, expected) in [(1, 10, 3, 3), (i64::MIN, i64::MAX, 8, 8), (5, 5, 4, 1), (1, 2, 4, 2)] {
        let scans = ranges(&scan, "id", low, high, parts);
        assert_eq!(scans.len(), expected);
        let bounds: Vec<i64> = scans
            .iter()
            .flat_map(|scan| &scan.filters)
            .map(|filter| match filter {
                Predicate::Compare { value: Literal::Integer(value), .. } => *value,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(bounds.is_sorted() && bounds.len() == 2 * (expected - 1), "{bounds:?}");
        assert!(bounds.chunks(2).all(|pair| pair[0] == pair[1]), "{bounds:?}");
    }
}
