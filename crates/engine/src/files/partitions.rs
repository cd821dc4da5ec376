//! Folders named `key=value`.

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, internal_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::scalar::ScalarValue;
use object_store::path::Path;

use super::TableFile;

/// What Hive writes for null.
const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The values of the keys in a file's path below the table's prefix: of `key=value` by name, else by position.
pub(super) fn values(prefix: &Path, file: &Path, keys: &[&str]) -> Vec<Option<String>> {
    let mut folders: Vec<String> =
        file.prefix_match(prefix).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect()).unwrap_or_default();
    folders.pop();
    let named = |key: &str| {
        folders.iter().find_map(|folder| {
            let (name, value) = folder.split_once('=')?;
            name.eq_ignore_ascii_case(key).then(|| value.to_owned())
        })
    };
    let find = |(index, key): (usize, &&str)| {
        let value = named(key).or_else(|| folders.get(index).filter(|folder| !folder.contains('=')).cloned())?;
        (value != NULL_VALUE).then(|| unescaped(&value))
    };
    keys.iter().enumerate().map(find).collect()
}

/// Hive writes what a file name cannot hold as `%` and two hex digits.
fn unescaped(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = value.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

/// The values of one key, a row for each file. A value that does not fit the key's type is null.
pub(super) fn column(files: &[TableFile], key: usize, data_type: &DataType) -> Result<ArrayRef> {
    let texts: StringArray = files.iter().map(|file| file.values[key].as_deref()).collect();
    Ok(cast(&texts, data_type)?)
}

/// The value of one key for one file.
pub(super) fn value(file: &TableFile, key: usize, data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::try_from_array(&column(std::slice::from_ref(file), key, data_type)?, 0)
}

/// The files for whose keys all filters hold.
pub(super) fn prune(state: &dyn Session, files: &[TableFile], keys: &SchemaRef, filters: &[Expr]) -> Result<Vec<TableFile>> {
    let Some(filter) = conjunction(filters.iter().cloned().map(unqualified)) else { return Ok(files.to_vec()) };
    let columns: Vec<ArrayRef> =
        keys.fields().iter().enumerate().map(|(index, field)| column(files, index, field.data_type())).collect::<Result<_>>()?;
    let batch = RecordBatch::try_new(keys.clone(), columns)?;
    let schema = DFSchema::try_from(keys.as_ref().clone())?;
    let kept = state.create_physical_expr(filter, &schema)?.evaluate(&batch)?.into_array(files.len())?;
    let kept = kept.as_any().downcast_ref::<BooleanArray>().ok_or_else(|| internal_datafusion_err!("a filter is not boolean"))?;
    Ok(files.iter().enumerate().filter(|(row, _)| kept.is_valid(*row) && kept.value(*row)).map(|(_, file)| file.clone()).collect())
}

/// Columns without the name of their table.
fn unqualified(filter: Expr) -> Expr {
    datafusion::logical_expr::expr_rewriter::unnormalize_col(filter)
}
