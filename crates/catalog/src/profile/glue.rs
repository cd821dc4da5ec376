//! A profile as Glue's column statistics.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampSecondType};
use domain::Timestamp;

use super::column::Profiled;
use crate::statistics::{
    BinaryStatistics, BooleanStatistics, ColumnStatistics, DateStatistics, DecimalNumber, DecimalStatistics, DoubleStatistics,
    LongStatistics, StatisticsData, StringStatistics,
};

/// Nothing for types that Glue has no statistics of: lists, structs, maps.
pub(super) fn statistics(profiled: &Profiled, at: Timestamp) -> Option<ColumnStatistics> {
    let profile = &profiled.profile;
    Some(ColumnStatistics {
        column_name: profile.name.clone(),
        column_type: profile.data_type.clone(),
        analyzed_time: (at.millis() / 1000) as f64,
        statistics_data: data(profiled)?,
    })
}

fn data(profiled: &Profiled) -> Option<StatisticsData> {
    let profile = &profiled.profile;
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (number_of_nulls, number_of_distinct_values) = (whole(profile.nulls), whole(profile.distinct));
    let average_length = profile.mean_length.unwrap_or_default();
    let (min, max) = (profiled.min.as_ref(), profiled.max.as_ref());
    Some(match profile.data_type.as_str() {
        "boolean" => {
            let trues = whole(profiled.trues);
            let number_of_falses = whole(profile.count) - number_of_nulls - trues;
            StatisticsData::Boolean(BooleanStatistics { number_of_trues: trues, number_of_falses, number_of_nulls })
        }
        "tinyint" | "smallint" | "int" | "bigint" => StatisticsData::Long(LongStatistics {
            minimum_value: min.and_then(long),
            maximum_value: max.and_then(long),
            number_of_nulls,
            number_of_distinct_values,
        }),
        "float" | "double" => StatisticsData::Double(DoubleStatistics {
            minimum_value: min.and_then(double),
            maximum_value: max.and_then(double),
            number_of_nulls,
            number_of_distinct_values,
        }),
        "date" | "timestamp" => StatisticsData::Date(DateStatistics {
            minimum_value: min.and_then(seconds),
            maximum_value: max.and_then(seconds),
            number_of_nulls,
            number_of_distinct_values,
        }),
        "binary" => {
            StatisticsData::Binary(BinaryStatistics { maximum_length: whole(profiled.max_length), average_length, number_of_nulls })
        }
        "string" => StatisticsData::String(StringStatistics {
            maximum_length: whole(profiled.max_length),
            average_length,
            number_of_nulls,
            number_of_distinct_values,
        }),
        decimal if decimal.starts_with("decimal") => StatisticsData::Decimal(DecimalStatistics {
            minimum_value: min.and_then(decimal_number),
            maximum_value: max.and_then(decimal_number),
            number_of_nulls,
            number_of_distinct_values,
        }),
        _ => return None,
    })
}

fn long(value: &ArrayRef) -> Option<i64> {
    let value = cast(value, &DataType::Int64).ok()?;
    value.is_valid(0).then(|| value.as_primitive::<Int64Type>().value(0))
}

fn double(value: &ArrayRef) -> Option<f64> {
    let value = cast(value, &DataType::Float64).ok()?;
    value.is_valid(0).then(|| value.as_primitive::<Float64Type>().value(0))
}

fn seconds(value: &ArrayRef) -> Option<f64> {
    let value = cast(value, &DataType::Timestamp(TimeUnit::Second, None)).ok()?;
    value.is_valid(0).then(|| value.as_primitive::<TimestampSecondType>().value(0) as f64)
}

fn decimal_number(value: &ArrayRef) -> Option<DecimalNumber> {
    let DataType::Decimal128(_, scale) = value.data_type() else { return None };
    let unscaled = value.as_primitive::<Decimal128Type>().value(0);
    Some(DecimalNumber { unscaled_value: base64(shortest(unscaled)), scale: i32::from(*scale) })
}

/// The fewest bytes that hold the number in two's complement, highest first.
fn shortest(number: i128) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let sign = if number < 0 { 0xff } else { 0 };
    let is_needed = |at: usize| at == 15 || bytes[at] != sign || (bytes[at + 1] ^ sign) & 0x80 != 0;
    let start = (0..16).find(|at| is_needed(*at)).unwrap_or(15);
    bytes[start..].to_vec()
}

fn base64(bytes: Vec<u8>) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([0, 0].iter()).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{base64, shortest};

    #[test]
    fn decimals_are_written_as_glue_does() {
        assert_eq!(shortest(0), [0]);
        assert_eq!(shortest(-1), [0xff]);
        assert_eq!(shortest(127), [0x7f]);
        assert_eq!(shortest(128), [0, 0x80]);
        assert_eq!(shortest(-128), [0x80]);
        assert_eq!(shortest(-129), [0xff, 0x7f]);
        assert_eq!((base64(vec![0]), base64(vec![1, 2]), base64(b"Man".to_vec())), ("AA==".into(), "AQI=".into(), "TWFu".into()));
    }
}
