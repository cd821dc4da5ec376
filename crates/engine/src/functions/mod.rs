//! SQL functions of ours, for dirty data; `docs/sql.md` says what each means, on every engine.
//!
//! A function is a few lines over one row (`texts.rs`, `moments.rs`, `json.rs`); what it shares with the others, from types and nulls
//! to constant arguments, is in `rows.rs`. `md5` is DataFusion's own, which means the same.

mod division;
mod json;
pub(crate) mod moments;
mod rows;
mod texts;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

/// Makes all functions of ours known; one of the same name as DataFusion's takes its place.
pub(crate) fn register(session: &SessionContext) {
    for function in all() {
        session.register_udf(function);
    }
}

fn all() -> Vec<ScalarUDF> {
    let mut functions = vec![division::safe_divide(), json::json_get()];
    functions.extend(moments::functions());
    functions.extend(texts::functions());
    functions
}

#[cfg(test)]
mod tests;
