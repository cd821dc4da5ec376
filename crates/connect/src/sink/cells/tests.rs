#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, DurationSecondArray, LargeStringArray, RecordBatch, Time64MicrosecondArray, TimestampSecondArray,
    UInt64Array,
};
use arrow::datatypes::Int32Type;

use super::{Cell, Cells};

fn only(array: ArrayRef) -> domain::Result<Cells> {
    Cells::of(&RecordBatch::try_from_iter([("x", array)]).unwrap(), 0)
}

#[test]
fn values_are_shown_with_every_digit() {
    let shown = |cell: Cell<'_>| cell.to_string();
    assert_eq!(shown(Cell::Decimal(-5, 3)), "-0.005");
    assert_eq!(shown(Cell::Decimal(12_345, 2)), "123.45");
    assert_eq!(shown(Cell::Decimal(-12, -3)), "-12000");
    assert_eq!(shown(Cell::Decimal(0, -3)), "0");
    assert_eq!(shown(Cell::Double(1e300)), "1e300");
    assert_eq!(shown(Cell::Date(-719_162)), "0001-01-01");
    assert_eq!(shown(Cell::Timestamp(-1)), "1969-12-31 23:59:59.999999");
    assert_eq!(shown(Cell::Timestamp(i64::MAX)), "9223372036854775807 microseconds after 1970-01-01");
}

#[test]
fn many_types_become_few() {
    let words: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    assert_eq!(only(Arc::new(words)).unwrap().get(2), Cell::Text("a"));
    assert_eq!(only(Arc::new(LargeStringArray::from(vec![None, Some("x")]))).unwrap().get(0), Cell::Null);
    assert_eq!(only(Arc::new(UInt64Array::from(vec![u64::MAX]))).unwrap().get(0), Cell::Decimal(i128::from(u64::MAX), 0));
    let zoned = TimestampSecondArray::from(vec![3_600]).with_timezone("+01:00");
    assert_eq!(only(Arc::new(zoned)).unwrap().get(0), Cell::Timestamp(3_600_000_000), "the zone is how it is shown, not when it is");
    assert_eq!(only(Arc::new(Time64MicrosecondArray::from(vec![61_000_000]))).unwrap().get(0), Cell::Text("00:01:01"));
    let error = only(Arc::new(DurationSecondArray::from(vec![1]))).unwrap_err();
    assert_eq!((error.code, error.message.contains("\"x\"")), (Some("SINK_COLUMN_TYPE"), true), "{error}");
}
