#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::{day, decimal, integer, microseconds};

/// What Arrow makes of the text.
fn arrow<T: ArrowPrimitiveType>(text: &str) -> Option<T::Native> {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text]));
    cast(&texts, &T::DATA_TYPE).unwrap().as_primitive::<T>().iter().next().unwrap()
}

fn agrees<T: ArrowPrimitiveType>(read: fn(&[u8]) -> Option<T::Native>, known: &[&str], left: &[&str]) {
    for text in known {
        let value = read(text.as_bytes());
        assert!(value.is_some(), "{text:?} should be known");
        assert_eq!(value, arrow::<T>(text), "{text:?}");
    }
    for text in left {
        assert_eq!(read(text.as_bytes()), None, "{text:?} should be left to Arrow");
    }
}

#[test]
fn numbers_agree_with_arrow() {
    agrees::<Int64Type>(
        integer,
        &["0", "7", "-12", "007", "999999999999999999", "-999999999999999999"],
        &["", "-", "+5", "1.0", "1e3", " 1", "12a", "9999999999999999999"],
    );
    agrees::<Float64Type>(
        decimal,
        &["0", "-0", "1.5", "0.1", "-3.99", "123456789012345", "1234567890.12345", "0.00000000000001"],
        &["", "-", ".", "5.", ".5", "1e3", "1.2.3", "NaN", "inf", "0.1234567890123456", "1234567890123456"],
    );
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let text = format!("{}.{:0width$}", (seed >> 40) as i32, (seed >> 20) % 1000, width = 3 + (seed % 4) as usize);
        assert_eq!(decimal(text.as_bytes()).unwrap().to_bits(), arrow::<Float64Type>(&text).unwrap().to_bits(), "{text}");
    }
}

#[test]
fn days_and_times_agree_with_arrow() {
    agrees::<Date32Type>(
        day,
        &["1970-01-01", "2024-02-29", "1899-12-31", "0001-01-01", "9999-12-31"],
        &["", "2023-02-29", "2024-1-1", "2024-13-01", "2024-00-10", "24-01-01", "2024/01/01", "-024-01-01", "12024-01-01"],
    );
    agrees::<TimestampMicrosecondType>(
        microseconds,
        &["1970-01-01 00:00:00", "2017-01-01 11:53:26", "1950-06-30T23:59:59"],
        &[
            "",
            "2017-01-01",
            "2017-01-01 24:00:00",
            "2017-01-01 11:60:00",
            "2017-01-01 11:00:60",
            "2017-01-01 11:53:26Z",
            "2017-01-01 11:53",
            "2017-02-30 11:53:26",
            "2017-01-01 11:53:26.5",
        ],
    );
}
