#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::datatypes::{DataType, TimeUnit};

use super::{Float, Slot, declared};
use crate::sink::cells::Cell;

const DOUBLE: Slot = Slot::Float(Float { is_double: true, nan: false, infinite: true });
const SINGLE: Slot = Slot::Float(Float { is_double: false, nan: true, infinite: false });
const CLOCK: Slot = Slot::Parsed { digits: Some(2) };

#[test]
fn values_fit_where_nothing_of_them_is_lost() {
    let fits = [
        (Slot::integer(16, false), Cell::Decimal(-32_768, 0)),
        (Slot::integer(16, false), Cell::Decimal(3_276_700, 2)),
        (Slot::integer(64, true), Cell::Decimal(i128::from(u64::MAX), 0)),
        (Slot::decimal(5, 2), Cell::Decimal(999_990, 3)),
        (Slot::decimal(2, 2), Cell::Decimal(99, 2)),
        (Slot::decimal(5, 0), Cell::Decimal(99, -3)),
        (DOUBLE, Cell::Decimal(123_456_789_012_345, 4)),
        (DOUBLE, Cell::Decimal(1 << 53, 0)),
        (DOUBLE, Cell::Double(f64::INFINITY)),
        (SINGLE, Cell::Single(f32::NAN)),
        (Slot::Text { longest: Some(3) }, Cell::Text("äöü")),
        (Slot::Timestamp { digits: 3 }, Cell::Timestamp(-1_000)),
        (Slot::Date, Cell::Date(2_932_896)),
        (Slot::PARSED, Cell::Text("12.345")),
        (CLOCK, Cell::Text("23:59:59")),
        (CLOCK, Cell::Text("23:59:59.120000")),
        (Slot::Numeric, Cell::Text("seven")),
        (Slot::Numeric, Cell::Decimal(i128::from(i64::MIN), 0)),
        (Slot::Numeric, Cell::Decimal(123_456_789_012_345, 4)),
    ];
    for (slot, cell) in fits {
        assert!(slot.fits(&cell), "{cell} into {slot:?}");
    }
    let unfit = [
        (Slot::integer(16, false), Cell::Decimal(32_768, 0)),
        (Slot::integer(16, false), Cell::Decimal(15, 1)),
        (Slot::integer(8, true), Cell::Decimal(-1, 0)),
        (Slot::decimal(5, 2), Cell::Decimal(100_000, 2)),
        (Slot::decimal(5, 2), Cell::Decimal(1_001, 3)),
        (Slot::decimal(4, 0), Cell::Decimal(99, -3)),
        (DOUBLE, Cell::Decimal((1 << 53) + 1, 0)),
        (DOUBLE, Cell::Decimal(1_234_567_890_123_456, 4)),
        (DOUBLE, Cell::Double(f64::NAN)),
        (SINGLE, Cell::Single(f32::INFINITY)),
        (SINGLE, Cell::Decimal((1 << 24) + 1, 0)),
        (Slot::Text { longest: Some(3) }, Cell::Text("äöüß")),
        (Slot::Timestamp { digits: 3 }, Cell::Timestamp(1)),
        (Slot::Timestamp { digits: 6 }, Cell::Timestamp(i64::MIN)),
        (Slot::Date, Cell::Date(2_932_897)),
        (Slot::Any, Cell::Double(f64::NAN)),
        (CLOCK, Cell::Text("23:59:59.123")),
        (CLOCK, Cell::Text("01.02.2003 04:05:06.789 PM")),
        (Slot::Numeric, Cell::Text("007")),
        (Slot::Numeric, Cell::Double(f64::NAN)),
        (Slot::Numeric, Cell::Decimal(i128::from(i64::MAX) + 1, 0)),
        (Slot::Numeric, Cell::Decimal(1_234_567_890_123_456, 4)),
    ];
    for (slot, cell) in unfit {
        assert!(!slot.fits(&cell), "{cell} into {slot:?}");
    }
}

#[test]
fn types_are_taken_where_every_value_might_fit() {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let text = Slot::Text { longest: None };
    for (slot, taken) in [
        (Slot::Boolean, vec![DataType::Boolean]),
        (Slot::integer(32, false), vec![DataType::Boolean, DataType::Int64, DataType::Decimal128(9, 2)]),
        (SINGLE, vec![DataType::Int64, DataType::Float32, DataType::Decimal128(9, 2)]),
        (DOUBLE, vec![DataType::Int64, DataType::Float32, DataType::Float64, DataType::Decimal128(9, 2)]),
        (Slot::decimal(9, 2), vec![DataType::Int64, DataType::Decimal128(9, 2)]),
        (Slot::Date, vec![DataType::Date32]),
        (Slot::Timestamp { digits: 6 }, vec![DataType::Date32, moment.clone()]),
        (Slot::Binary, vec![DataType::Binary]),
        (Slot::PARSED, vec![DataType::Utf8]),
        (CLOCK, vec![DataType::Utf8]),
        (Slot::Rounded, vec![]),
    ] {
        let all = [
            DataType::Boolean,
            DataType::Int64,
            DataType::Float32,
            DataType::Float64,
            DataType::Decimal128(9, 2),
            DataType::Date32,
            moment.clone(),
            DataType::Utf8,
            DataType::Binary,
        ];
        for data_type in &all {
            assert_eq!(slot.takes(data_type, false), taken.contains(data_type), "{data_type} into {slot:?}");
            assert!(Slot::Any.takes(data_type, false) && Slot::Numeric.takes(data_type, false));
            assert!(text.takes(data_type, false) != (*data_type == DataType::Binary));
        }
        assert!(slot.takes(&DataType::Null, false));
    }
}

#[test]
fn decimals_are_declared_as_sql_has_them() {
    assert_eq!([declared(12, 2), declared(5, -2), declared(2, 4)], [(12, 2), (7, 0), (4, 4)]);
}
