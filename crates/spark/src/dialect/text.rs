//! Pieces of Spark's text.

use sqlparser::ast::{Expr, Value};

/// A text literal. Spark reads a backslash in a literal as an escape, and `''` not everywhere as a quote.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A name in backticks.
pub(crate) fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// Text of Spark's in the place of an expression.
pub(super) fn raw(text: String) -> Expr {
    Expr::Value(Value::Placeholder(text).into())
}

/// The text that a literal stands for.
pub(super) fn literal_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Expr::Nested(inner) => literal_of(inner),
        _ => None,
    }
}

/// A whole number that stands there as digits, with or without a minus.
pub(super) fn is_whole_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(&value.value, Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit())),
        Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Minus | sqlparser::ast::UnaryOperator::Plus, expr } | Expr::Nested(expr) => {
            is_whole_number(expr)
        }
        _ => false,
    }
}

/// Whole numbers are BIGINT in Penchant's SQL and INT in Spark's, which overflows: `7` becomes `7L`.
pub(super) fn widen(expr: &mut Expr) {
    match expr {
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) if is_whole_number(expr) => widen(expr),
        Expr::Value(value) if matches!(&value.value, Value::Number(..)) => {
            let digits = value.value.to_string();
            if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                *expr = raw(format!("{digits}L"));
            }
        }
        _ => {}
    }
}
