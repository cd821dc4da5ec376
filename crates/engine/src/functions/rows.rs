//! Functions of texts, row by row: each is a name, a type and a closure; null in gives null out.

use std::hash::{Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// Makes a function of `arguments` texts. `compute` gets its arguments and the number of rows, and gives an array of that length.
pub(super) fn function(name: &'static str, arguments: usize, returns: DataType, compute: fn(&[Texts], usize) -> ArrayRef) -> ScalarUDF {
    // A type of the list that fits all arguments is taken as it is, so the usual column is not converted first.
    let texts = vec![DataType::Utf8, DataType::Utf8View, DataType::LargeUtf8];
    let signature = Signature::uniform(arguments, texts, Volatility::Immutable);
    ScalarUDF::from(TextFunction { name, returns, signature, compute })
}

/// As [`function`], of one text: `of` is asked for every text that is there.
macro_rules! of_text {
    ($name:literal, $returns:expr, $array:ty, $of:expr) => {
        crate::functions::rows::function($name, 1, $returns, |texts, rows| {
            std::sync::Arc::new((0..rows).map(|row| texts.first()?.get(row).and_then($of)).collect::<$array>())
        })
    };
}

/// As [`function`], of two texts.
macro_rules! of_texts {
    ($name:literal, $returns:expr, $array:ty, $of:expr) => {
        crate::functions::rows::function($name, 2, $returns, |texts, rows| {
            let pair = |row: usize| Some((texts.first()?.get(row)?, texts.get(1)?.get(row)?));
            std::sync::Arc::new((0..rows).map(|row| pair(row).and_then($of)).collect::<$array>())
        })
    };
}

pub(super) use {of_text, of_texts};

#[derive(Debug)]
struct TextFunction {
    name: &'static str,
    returns: DataType,
    signature: Signature,
    compute: fn(&[Texts], usize) -> ArrayRef,
}

// The name says which function it is.
impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts: Vec<Texts> = args.args.iter().map(|argument| Texts::of(self.name, argument)).collect::<Result<_>>()?;
        if texts.iter().all(|texts| texts.constant) {
            let result = (self.compute)(&texts, 1);
            return ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array((self.compute)(&texts, args.number_rows)))
    }
}

/// The texts of one argument.
pub(super) struct Texts {
    column: Column,
    /// One text stands for all rows.
    constant: bool,
}

enum Column {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl Texts {
    fn of(function: &str, argument: &ColumnarValue) -> Result<Self> {
        let (array, constant) = match argument {
            ColumnarValue::Array(array) => (array.clone(), false),
            ColumnarValue::Scalar(value) => (value.to_array()?, true),
        };
        let column = match array.data_type() {
            DataType::Utf8 => Column::Small(array.as_string().clone()),
            DataType::LargeUtf8 => Column::Large(array.as_string().clone()),
            DataType::Utf8View => Column::View(array.as_string_view().clone()),
            other => return exec_err!("{function} expects texts, found {other}"),
        };
        Ok(Self { column, constant })
    }

    /// The text of the row, where it has one.
    pub fn get(&self, row: usize) -> Option<&str> {
        let row = if self.constant { 0 } else { row };
        match &self.column {
            Column::Small(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Column::Large(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Column::View(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }
}
