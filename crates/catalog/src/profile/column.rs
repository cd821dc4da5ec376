//! One column, batch by batch.

use std::cmp::Ordering;
use std::fmt::Write;

use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use domain::{Error, Result};

use super::looks::{Facts, Family, Signs, looks_like};
use super::sketch::{Distinct, Top, hash};
use super::{ColumnProfile, MAX_TOP, TopValue};
use crate::table::Column;

/// Longer values are cut where they are shown.
const SHOWN_CHARS: usize = 200;

/// What was met in a column so far.
#[derive(Debug, Default)]
pub(super) struct ColumnProfiler {
    rows: u64,
    nulls: u64,
    distinct: Distinct,
    top: Top,
    signs: Signs,
    trues: u64,
    /// One value each.
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
    /// Of the values as text, in characters; of binary values in bytes.
    length_sum: u64,
    length_max: u64,
    data_type: Option<DataType>,
}

/// A column's profile, and its extremes as values for those who want to compute with them.
pub(super) struct Profiled {
    pub profile: ColumnProfile,
    pub min: Option<ArrayRef>,
    pub max: Option<ArrayRef>,
    pub trues: u64,
    pub max_length: u64,
}

impl ColumnProfiler {
    pub fn update(&mut self, array: &ArrayRef) -> Result<()> {
        let unshown = |e| Error::invalid_data("A value cannot be shown.").source(e);
        let options = FormatOptions::default();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(unshown)?;
        let nulls = array.logical_nulls();
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let binary = is_binary(array.data_type());
        let mut text = String::new();
        for row in (0..array.len()).filter(|row| !is_null(*row)) {
            text.clear();
            write!(text, "{}", formatter.value(row)).map_err(|e| Error::invalid_data("A value cannot be shown.").source(e))?;
            let hash = hash(text.as_bytes());
            self.distinct.add(hash);
            self.top.add(hash, || shown(&text));
            self.signs.add(&text);
            self.trues += u64::from(text == "true");
            // Bytes are shown as two digits each.
            let length = if binary { text.len() / 2 } else { text.chars().count() } as u64;
            self.length_sum += length;
            self.length_max = self.length_max.max(length);
        }
        self.rows += array.len() as u64;
        self.nulls += nulls.map_or(0, |nulls| nulls.null_count()) as u64;
        self.data_type.get_or_insert_with(|| array.data_type().clone());
        self.extremes(array)
    }

    /// NaN is no extreme.
    fn extremes(&mut self, array: &ArrayRef) -> Result<()> {
        if array.data_type().is_nested() || array.data_type().is_null() {
            return Ok(());
        }
        let unordered = |e| Error::invalid_data("Values cannot be compared.").source(e);
        let compare = make_comparator(array, array, SortOptions::default()).map_err(unordered)?;
        let (mut least, mut most): (Option<usize>, Option<usize>) = (None, None);
        for row in (0..array.len()).filter(|row| array.is_valid(*row) && !is_nan(array, *row)) {
            if least.is_none_or(|least| compare(row, least) == Ordering::Less) {
                least = Some(row);
            }
            if most.is_none_or(|most| compare(row, most) == Ordering::Greater) {
                most = Some(row);
            }
        }
        replace(&mut self.min, array, least, Ordering::Less)?;
        replace(&mut self.max, array, most, Ordering::Greater)
    }

    pub fn finish(self, column: &Column, is_key: bool) -> Result<Profiled> {
        let values = self.rows - self.nulls;
        let mean = |sum: u64| if values == 0 { 0.0 } else { sum as f64 / values as f64 };
        let data_type = self.data_type.unwrap_or(DataType::Null);
        let family = family(&data_type);
        let (min, max) = (text_of(self.min.as_ref())?, text_of(self.max.as_ref())?);
        let whole = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<i64>().ok());
        let facts = Facts {
            name: &column.name,
            family,
            is_key,
            distinct: self.distinct.count(),
            mean_length: mean(self.length_sum),
            span: whole(&max).zip(whole(&min)).map(|(max, min)| max.abs_diff(min)),
        };
        let has_length = family == Family::Text || is_binary(&data_type);
        let profile = ColumnProfile {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            count: self.rows,
            nulls: self.nulls,
            distinct: self.distinct.count(),
            distinct_is_exact: self.distinct.is_exact(),
            min: min.as_deref().map(shown),
            max: max.as_deref().map(shown),
            mean_length: has_length.then(|| mean(self.length_sum)),
            looks_like: looks_like(&facts, &self.signs),
            top: self.top.first(MAX_TOP).into_iter().map(|f| TopValue { value: f.value, count: f.count, error: f.error }).collect(),
        };
        Ok(Profiled { profile, min: self.min, max: self.max, trues: self.trues, max_length: self.length_max })
    }
}

/// Puts the value of `row` in the place of `kept` when it is further out.
fn replace(kept: &mut Option<ArrayRef>, array: &ArrayRef, row: Option<usize>, further: Ordering) -> Result<()> {
    let Some(row) = row else { return Ok(()) };
    let value = array.slice(row, 1);
    let is_further = match kept {
        Some(kept) if kept.data_type() == value.data_type() => {
            let compare = make_comparator(&value, kept, SortOptions::default())
                .map_err(|e| Error::invalid_data("Values cannot be compared.").source(e))?;
            compare(0, 0) == further
        }
        Some(_) => false,
        None => true,
    };
    if is_further {
        // A copy of the one value: a slice would keep the whole batch in memory.
        let data = arrow::compute::take(&value, &arrow::array::UInt32Array::from(vec![0]), None);
        *kept = Some(data.map_err(|e| Error::internal("A value cannot be copied.").source(e))?);
    }
    Ok(())
}

fn is_nan(array: &ArrayRef, row: usize) -> bool {
    use arrow::array::AsArray;
    use arrow::datatypes::{Float32Type, Float64Type};
    match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).is_nan(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).is_nan(),
        _ => false,
    }
}

fn text_of(value: Option<&ArrayRef>) -> Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    arrow::util::display::array_value_to_string(value, 0).map(Some).map_err(|e| Error::invalid_data("A value cannot be shown.").source(e))
}

fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}

pub(super) fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Boolean => Family::Boolean,
        whole if whole.is_integer() => Family::Whole,
        DataType::Decimal128(_, 0) => Family::Whole,
        number if number.is_numeric() => Family::Fraction,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Family::Time,
        DataType::Dictionary(_, values) => family(values),
        _ => Family::Other,
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
