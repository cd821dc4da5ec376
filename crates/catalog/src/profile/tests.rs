#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray};

use super::column::{ColumnProfiler, Profiled};
use super::looks::LooksLike;
use super::sketch::{Distinct, Top, hash};
use super::*;
use crate::hive;
use crate::table::Column;

fn profiled(name: &str, batches: Vec<ArrayRef>) -> Profiled {
    let data_type = hive::from_arrow(batches[0].data_type());
    let mut profiler = ColumnProfiler::default();
    batches.iter().for_each(|batch| profiler.update(batch).unwrap());
    profiler.finish(&Column::new(name, data_type), false).unwrap()
}

fn column(name: &str, array: ArrayRef) -> ColumnProfile {
    profiled(name, vec![array]).profile
}

fn texts(name: &str, values: impl IntoIterator<Item = String>) -> ColumnProfile {
    column(name, Arc::new(StringArray::from_iter_values(values)))
}

fn looks(name: &str, values: impl IntoIterator<Item = String>) -> Option<LooksLike> {
    texts(name, values).looks_like
}

fn looks_whole(name: &str, values: impl IntoIterator<Item = i64>) -> Option<LooksLike> {
    column(name, Arc::new(Int64Array::from_iter_values(values))).looks_like
}

#[test]
fn counts_are_exact_over_batches() {
    let first: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(-3), Some(7)]));
    let second: ArrayRef = Arc::new(Int64Array::from(vec![Some(100), None, Some(7)]));
    let found = profiled("n", vec![first, second]);
    let profile = &found.profile;
    assert_eq!((profile.count, profile.nulls, profile.distinct, profile.distinct_is_exact), (7, 2, 3, true));
    assert_eq!((profile.min.as_deref(), profile.max.as_deref(), profile.mean_length), (Some("-3"), Some("100"), None));
    assert_eq!(profile.top, [TopValue { value: "7".into(), count: 3, error: 0 }]);
}

#[test]
fn extremes_are_those_of_the_type_not_of_the_text() {
    let number = column("n", Arc::new(Int64Array::from(vec![9, 10, 2])));
    assert_eq!((number.min.as_deref(), number.max.as_deref()), (Some("2"), Some("10")));
    let float = column("n", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(-0.5), None, Some(1e9)])));
    assert_eq!((float.min.as_deref(), float.max.as_deref(), float.nulls), (Some("-0.5"), Some("1000000000.0"), 1));
    let date = column("n", Arc::new(Date32Array::from(vec![20_000, -1, 3])));
    assert_eq!((date.min.as_deref(), date.max.as_deref()), (Some("1969-12-31"), Some("2024-10-04")));
    let decimal = Decimal128Array::from(vec![Some(1250), Some(-1), None]).with_precision_and_scale(10, 2).unwrap();
    let decimal = column("n", Arc::new(decimal));
    assert_eq!((decimal.min.as_deref(), decimal.max.as_deref()), (Some("-0.01"), Some("12.50")));
    let nothing = column("n", Arc::new(Int64Array::from(vec![None, None])));
    assert_eq!((nothing.count, nothing.nulls, nothing.distinct, nothing.min, nothing.looks_like), (2, 2, 0, None, None));
}

#[test]
fn lengths_are_characters_of_texts_and_bytes_of_binaries() {
    assert_eq!(texts("t", ["é".to_owned(), "abc".to_owned()]).mean_length, Some(2.0));
    let binary = column("b", Arc::new(BinaryArray::from_vec(vec![b"\x00\x01", b"\xff\xfe\xfd\xfc"])));
    assert_eq!(binary.mean_length, Some(3.0));
}

#[test]
fn many_different_values_are_estimated_within_the_error() {
    for (wanted, exact) in [(0_u64, true), (1, true), (1024, true), (1025, false), (5_000, false), (100_000, false), (1_000_000, false)] {
        let mut distinct = Distinct::default();
        for value in 0..wanted {
            // Twice the same changes nothing.
            distinct.add(hash(&value.to_le_bytes()));
            distinct.add(hash(&value.to_le_bytes()));
        }
        assert_eq!(distinct.is_exact(), exact, "{wanted}");
        let off = distinct.count().abs_diff(wanted) as f64 / wanted.max(1) as f64;
        assert!(if exact { off == 0.0 } else { off < 0.05 }, "{wanted}: {} ({off})", distinct.count());
    }
}

#[test]
fn the_most_frequent_values_are_found_among_many() {
    let mut top = Top::default();
    let mut add = |text: &str| top.add(hash(text.as_bytes()), || text.to_owned());
    for rare in 0..10_000 {
        add(&format!("rare {rare}"));
        if rare % 4 == 0 {
            add("often");
        }
        if rare % 10 == 0 {
            add("sometimes");
        }
    }
    let first = top.first(2);
    let exact = [("often", 2500), ("sometimes", 1000)];
    for (found, (value, count)) in first.iter().zip(exact) {
        assert_eq!(found.value, value);
        assert!(found.count >= count && found.count - found.error <= count, "{found:?}");
    }
}

#[test]
fn columns_look_like_what_they_are() {
    let all = |make: fn(usize) -> String| (0..100).map(make);
    assert_eq!(looks("contact", all(|n| format!("user.{n}@example.com"))), Some(LooksLike::Email));
    assert_eq!(looks("link", all(|n| format!("https://example.com/{n}"))), Some(LooksLike::Url));
    assert_eq!(looks("x", all(|n| format!("2024-05-{:02}T10:{:02}:00Z", n % 28 + 1, n % 60))), Some(LooksLike::Timestamp));
    assert_eq!(looks("x", all(|n| format!("{n}.99 €"))), Some(LooksLike::Price));
    assert_eq!(looks("active", all(|n| if n % 2 == 0 { "yes".into() } else { "no".into() })), Some(LooksLike::Flag));
    assert_eq!(looks("colour", all(|n| ["red", "green", "dark blue"][n % 3].into())), Some(LooksLike::Category));
    assert_eq!(looks("customer_id", all(|n| format!("C{}", n % 40))), Some(LooksLike::Id));
    assert_eq!(looks("article", all(|n| format!("A-{n:05}"))), Some(LooksLike::Id));
    let prose = all(|n| format!("The {n}. review says that the thing works as it should, more or less."));
    assert_eq!(looks("review", prose), Some(LooksLike::FreeText));
    assert_eq!(looks("town", all(|n| format!("Town{}", "a".repeat(n)))), None);
    assert_eq!(looks("mixed", all(|n| if n < 50 { "a@b.de".into() } else { format!("x {n}") })), None);
}

#[test]
fn numbers_look_like_what_they_are() {
    assert_eq!(looks_whole("orderId", (0..100).map(|n| n * 977)), Some(LooksLike::Id));
    assert_eq!(looks_whole("n", 1000..1100), Some(LooksLike::Id), "numbered through");
    assert_eq!(looks_whole("population", (0..100).map(|n| n * n * 977)), None);
    assert_eq!(looks_whole("created_at", (0..100).map(|n| 1_700_000_000 + n * 5000)), Some(LooksLike::Timestamp));
    assert_eq!(looks_whole("amount", (0..100).map(|n| n * n * 31)), Some(LooksLike::Price));
    assert_eq!(looks_whole("is_new", (0..100).map(|n| n % 2)), Some(LooksLike::Flag));
    assert_eq!(looks_whole("stars", (0..100).map(|n| n % 5)), Some(LooksLike::Category));
    let price = column("unit price", Arc::new(Float64Array::from(vec![1.5, 2.25])));
    assert_eq!(price.looks_like, Some(LooksLike::Price));
    assert_eq!(column("x", Arc::new(BooleanArray::from(vec![true, true]))).looks_like, Some(LooksLike::Flag));
    assert_eq!(column("day", Arc::new(Date32Array::from(vec![1]))).looks_like, Some(LooksLike::Timestamp));
}

#[test]
fn glue_gets_the_figures_of_each_family() {
    use crate::statistics::StatisticsData;
    let at = domain::Timestamp(1_700_000_000_000);
    let of = |array: ArrayRef| super::glue::statistics(&profiled("c", vec![array]), at).unwrap();
    let long = of(Arc::new(Int64Array::from(vec![Some(4), None, Some(9)])));
    assert_eq!((long.column_type.as_str(), long.analyzed_time), ("bigint", 1_700_000_000.0));
    let StatisticsData::Long(figures) = long.statistics_data else { panic!("{long:?}") };
    let all = (figures.minimum_value, figures.maximum_value, figures.number_of_nulls, figures.number_of_distinct_values);
    assert_eq!(all, (Some(4), Some(9), 1, 2));
    let flags = of(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])));
    let StatisticsData::Boolean(figures) = flags.statistics_data else { panic!("{flags:?}") };
    assert_eq!((figures.number_of_trues, figures.number_of_falses, figures.number_of_nulls), (2, 1, 1));
    let date = of(Arc::new(Date32Array::from(vec![1, 2])));
    let StatisticsData::Date(figures) = date.statistics_data else { panic!("{date:?}") };
    assert_eq!((figures.minimum_value, figures.maximum_value), (Some(86_400.0), Some(172_800.0)));
    let text = of(Arc::new(StringArray::from(vec!["a", "äöü"])));
    let StatisticsData::String(figures) = text.statistics_data else { panic!("{text:?}") };
    assert_eq!((figures.maximum_length, figures.average_length), (3, 2.0));
    let decimal: ArrayRef = Arc::new(Decimal128Array::from(vec![1250]).with_precision_and_scale(10, 2).unwrap());
    let StatisticsData::Decimal(figures) = of(decimal).statistics_data else { panic!() };
    let number = figures.minimum_value.unwrap();
    assert_eq!((number.unscaled_value.as_str(), number.scale), ("BOI=", 2));
}
