//! Expressions, from the leaves up: what Spark would understand otherwise is written so that it understands us.

use std::collections::BTreeMap;

use domain::Result;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CeilFloorKind, Expr, FunctionArguments, Subscript, TrimWhereField, Value, WindowType,
};

use super::kinds::{Kind, Kinds, arguments};
use super::text::{is_whole_number, literal, literal_of, raw, widen};
use super::{Reference, View, calls, dates, place_nulls, types, unsupported};

/// What was known of an expression's parts before they were translated.
#[derive(Debug, Default)]
pub(super) struct Fact {
    pub parts: Vec<Part>,
}

/// An operand, an argument, an index.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub kind: Kind,
    /// What it stands for, where it is a text literal.
    pub literal: Option<String>,
    pub whole_number: bool,
    /// A number that is not 0.
    pub not_zero: bool,
}

impl Part {
    fn of(expr: &Expr, kinds: &Kinds) -> Self {
        let not_zero = matches!(expr, Expr::Value(value)
            if matches!(&value.value, Value::Number(digits, _) if digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'))));
        Self { kind: kinds.kind(expr), literal: literal_of(expr).map(str::to_owned), whole_number: is_whole_number(expr), not_zero }
    }
}

impl Fact {
    pub fn of(expr: &Expr, kinds: &Kinds) -> Self {
        let parts: Vec<&Expr> = match expr {
            Expr::BinaryOp { left, right, .. } => vec![left, right],
            Expr::Cast { expr, .. } | Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } | Expr::Extract { expr, .. } => vec![expr],
            Expr::Function(function) => arguments(function),
            Expr::CompoundFieldAccess { access_chain, .. } => access_chain.iter().filter_map(index).collect(),
            _ => Vec::new(),
        };
        Self { parts: parts.into_iter().map(|part| Part::of(part, kinds)).collect() }
    }

    pub fn kind(&self, index: usize) -> Kind {
        self.parts.get(index).map_or(Kind::Unknown, |part| part.kind)
    }

    pub fn literal(&self, index: usize) -> Option<&str> {
        self.parts.get(index).and_then(|part| part.literal.as_deref())
    }
}

fn index(access: &AccessExpr) -> Option<&Expr> {
    match access {
        AccessExpr::Subscript(Subscript::Index { index }) => Some(index),
        _ => None,
    }
}

/// Before the parts are looked at.
pub(super) fn prepare(expr: &mut Expr) {
    match expr {
        Expr::BinaryOp { left, right, .. } => {
            widen(left);
            widen(right);
        }
        Expr::Case { conditions, else_result, .. } => {
            conditions.iter_mut().for_each(|when| widen(&mut when.result));
            if let Some(result) = else_result {
                widen(result);
            }
        }
        Expr::Function(function) => {
            if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
                place_nulls(&mut spec.order_by);
            }
            calls::prepare(function);
        }
        _ => {}
    }
}

/// After the parts have been translated.
pub(super) fn translate(expr: &mut Expr, fact: &Fact, views: &BTreeMap<Reference, View>) -> Result<()> {
    if let Some(text) = translated(expr, fact, views)? {
        *expr = raw(text);
    }
    Ok(())
}

fn translated(expr: &Expr, fact: &Fact, views: &BTreeMap<Reference, View>) -> Result<Option<String>> {
    Ok(Some(match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => literal(text),
            Value::Number(digits, _) if digits.contains(['.', 'e', 'E']) => format!("{digits}D"),
            _ => return Ok(None),
        },
        Expr::CompoundIdentifier(names) => {
            let wanted: Vec<String> = names.iter().take(2).map(|name| name.value.clone()).collect();
            if names.len() < 3 || !views.contains_key(&wanted) {
                return Ok(None);
            }
            // `database.table.column`: the view goes by the table's name.
            names.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(".")
        }
        Expr::BinaryOp { left, op, right } => return binary(left, op, right, fact),
        Expr::Cast { kind, expr, data_type, .. } => {
            let Some(spark) = types::spark_type(data_type) else { return Err(unsupported(&format!("a cast to {data_type}"))) };
            cast(matches!(kind, CastKind::TryCast | CastKind::SafeCast), &expr.to_string(), &spark, fact.kind(0))
        }
        Expr::CompoundFieldAccess { root, access_chain } => access(root, access_chain, fact)?,
        Expr::Extract { field, expr, .. } => dates::extract(&field.to_string(), &expr.to_string())?,
        Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(_) } => whole("ceil", &expr.to_string(), fact.kind(0)),
        Expr::Floor { expr, field: CeilFloorKind::DateTimeField(_) } => whole("floor", &expr.to_string(), fact.kind(0)),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let start = substring_from.as_ref().map_or_else(|| "1".to_owned(), ToString::to_string);
            calls::substring(&expr.to_string(), &start, substring_for.as_ref().map(ToString::to_string).as_deref())
        }
        Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
            let which = trim_where.as_ref().unwrap_or(&TrimWhereField::Both);
            let listed = trim_characters.as_ref().and_then(|list| list.first()).map(ToString::to_string);
            match trim_what.as_ref().map(ToString::to_string).or(listed) {
                Some(letters) => format!("TRIM({which} {letters} FROM {expr})"),
                None => format!("TRIM({which} FROM {expr})"),
            }
        }
        Expr::Array(array) => format!("array({})", array.elem.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        Expr::Function(function) => match &function.args {
            FunctionArguments::List(_) | FunctionArguments::None => return calls::translate(function, fact),
            FunctionArguments::Subquery(_) => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr, fact: &Fact) -> Result<Option<String>> {
    Ok(Some(match op {
        BinaryOperator::Divide => divide(left, right, fact),
        BinaryOperator::PGRegexMatch => format!("{left} RLIKE {right}"),
        BinaryOperator::PGRegexNotMatch => format!("NOT ({left} RLIKE {right})"),
        BinaryOperator::PGRegexIMatch => format!("{left} RLIKE concat('(?i)', {right})"),
        BinaryOperator::PGRegexNotIMatch => format!("NOT ({left} RLIKE concat('(?i)', {right}))"),
        BinaryOperator::PGLikeMatch => format!("{left} LIKE {right}"),
        BinaryOperator::PGILikeMatch => format!("{left} ILIKE {right}"),
        _ => return Ok(None),
    }))
}

/// Whole numbers give a whole number; a DOUBLE divided by 0 is infinite or no number; decimals are Spark's.
fn divide(left: &Expr, right: &Expr, fact: &Fact) -> String {
    let not_zero = fact.parts.get(1).is_some_and(|part| part.not_zero);
    match (fact.kind(0), fact.kind(1)) {
        (Kind::Int(a), Kind::Int(b)) => match a.max(b) {
            64 => format!("({left} DIV {right})"),
            32 => format!("CAST({left} DIV {right} AS INT)"),
            16 => format!("CAST({left} DIV {right} AS SMALLINT)"),
            _ => format!("CAST({left} DIV {right} AS TINYINT)"),
        },
        (Kind::Float, _) | (_, Kind::Float) if not_zero => format!("({left} / {right})"),
        (Kind::Float, _) | (_, Kind::Float) => {
            format!("(CASE WHEN {right} = 0 THEN {left} * double('Infinity') ELSE {left} / {right} END)")
        }
        (Kind::Decimal, _) | (_, Kind::Decimal) => format!("({left} / {right})"),
        // The server knows the types, and drops the branch that is not taken while it plans.
        _ => {
            let whole = "IN ('tinyint', 'smallint', 'int', 'bigint')";
            format!("(CASE WHEN typeof({left}) {whole} AND typeof({right}) {whole} THEN {left} DIV {right} ELSE {left} / {right} END)")
        }
    }
}

fn cast(is_try: bool, value: &str, spark: &str, from: Kind) -> String {
    let verb = if is_try { "TRY_CAST" } else { "CAST" };
    match (from, spark) {
        (Kind::Timestamp, "STRING") => format!("replace(CAST({value} AS STRING), ' ', 'T')"),
        _ => format!("{verb}({value} AS {spark})"),
    }
}

/// DOUBLE for us, BIGINT for Spark; decimals keep their kind on both sides.
pub(super) fn whole(function: &str, value: &str, kind: Kind) -> String {
    if kind == Kind::Decimal { format!("{function}({value})") } else { format!("CAST({function}({value}) AS DOUBLE)") }
}

/// `x['member']` and `x[1]`; places of a list count from 1, and one that is not there is null.
fn access(root: &Expr, chain: &[AccessExpr], fact: &Fact) -> Result<String> {
    let mut text = root.to_string();
    let mut parts = fact.parts.iter();
    for step in chain {
        text = match step {
            AccessExpr::Dot(member) => format!("{text}.{member}"),
            AccessExpr::Subscript(Subscript::Index { index }) => match parts.next() {
                Some(part) if part.literal.is_some() => format!("{text}[{index}]"),
                Some(part) if part.whole_number => format!("try_element_at({text}, {index})"),
                Some(Part { kind: Kind::Int(_), .. }) => format!("try_element_at({text}, CAST({index} AS INT))"),
                _ => format!("{text}[{index}]"),
            },
            AccessExpr::Subscript(Subscript::Slice { .. }) => return Err(unsupported("a slice of a list")),
        };
    }
    Ok(text)
}
