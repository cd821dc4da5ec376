//! Division that a zero does not break.

use std::sync::Arc;

use arrow::array::Float64Array;
use arrow::datatypes::DataType;
use datafusion::common::cast::as_float64_array;
use datafusion::common::utils::take_function_args;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// `safe_divide(a, b) -> DOUBLE`: null when `b` is 0.
pub(super) fn safe_divide() -> ScalarUDF {
    ScalarUDF::from(SafeDivide { signature: Signature::uniform(2, vec![DataType::Float64], Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SafeDivide {
    signature: Signature,
}

impl ScalarUDFImpl for SafeDivide {
    fn name(&self) -> &str {
        "safe_divide"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [a, b] = take_function_args("safe_divide", ColumnarValue::values_to_arrays(&args.args)?)?;
        let divide = |(a, b): (Option<f64>, Option<f64>)| a.zip(b).and_then(|(a, b)| (b != 0.0).then(|| a / b));
        let quotients: Float64Array = as_float64_array(&a)?.iter().zip(as_float64_array(&b)?).map(divide).collect();
        Ok(ColumnarValue::Array(Arc::new(quotients)))
    }
}
