//! What kind of value an expression gives, as far as its text and the catalogue tell.
//!
//! Spark's operators differ from ours by type: `7 / 2` is 3 for us and 3.5 for Spark. A name has a kind when everything of that name in
//! the whole query, column or alias, has it; scopes need not be followed then. What cannot be told is `Unknown`, and asked at run time.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, SchemaRef};
use sqlparser::ast::{
    BinaryOperator, DataType as SqlType, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number of so many bits.
    Int(u8),
    Float,
    Decimal,
    Text,
    Date,
    Timestamp,
    Other,
    Unknown,
}

impl Kind {
    /// Of a value that may be either of two.
    fn either(self, other: Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Self::Int(a.max(b)),
            (a, b) if a == b => a,
            _ => Self::Unknown,
        }
    }

    /// What both become when they meet in arithmetic, CASE or COALESCE.
    fn meeting(self, other: Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Self::Int(a.max(b)),
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Float, Self::Int(_) | Self::Decimal) | (Self::Int(_) | Self::Decimal, Self::Float) => Self::Float,
            (Self::Decimal, Self::Int(_)) | (Self::Int(_), Self::Decimal) => Self::Decimal,
            (a, b) if a == b => a,
            _ => Self::Unknown,
        }
    }

    fn of_arrow(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int8 => Self::Int(8),
            DataType::Int16 => Self::Int(16),
            DataType::Int32 => Self::Int(32),
            DataType::Int64 => Self::Int(64),
            DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Decimal128(..) => Self::Decimal,
            DataType::Utf8 => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(..) => Self::Timestamp,
            _ => Self::Other,
        }
    }

    pub fn of_sql(data_type: &SqlType) -> Self {
        match super::types::spark_type(data_type).unwrap_or_default().as_str() {
            "TINYINT" => Self::Int(8),
            "SMALLINT" => Self::Int(16),
            "INT" => Self::Int(32),
            "BIGINT" => Self::Int(64),
            "FLOAT" | "DOUBLE" => Self::Float,
            "STRING" => Self::Text,
            "DATE" => Self::Date,
            "TIMESTAMP" => Self::Timestamp,
            other if other.starts_with("DECIMAL") => Self::Decimal,
            _ => Self::Other,
        }
    }
}

/// The kinds of all names of a query.
#[derive(Debug, Default)]
pub(super) struct Kinds(BTreeMap<String, Kind>);

/// Definitions refer to one another at most so deeply; beyond that a name stays unknown.
const MAX_ROUNDS: usize = 12;

impl Kinds {
    /// From the columns of the tables and the aliases with their expressions.
    pub fn of<'a>(tables: impl Iterator<Item = &'a SchemaRef>, aliases: &[(String, Option<Expr>)]) -> Self {
        let mut columns = Self::default();
        for field in tables.flat_map(|schema| schema.fields()) {
            columns.add(field.name(), Kind::of_arrow(field.data_type()));
        }
        let mut known = Self(columns.0.clone());
        for _ in 0..MAX_ROUNDS {
            let mut next = Self(columns.0.clone());
            for (name, expr) in aliases {
                next.add(name, expr.as_ref().map_or(Kind::Unknown, |expr| known.kind(expr)));
            }
            if next.0 == known.0 {
                return next;
            }
            known = next;
        }
        // What has not come to rest is not known: only the columns that no alias shares a name with are sure.
        for (name, _) in aliases {
            known.0.insert(name.clone(), Kind::Unknown);
        }
        known
    }

    fn add(&mut self, name: &str, kind: Kind) {
        let merged = self.0.get(name).map_or(kind, |known| known.either(kind));
        self.0.insert(name.to_owned(), merged);
    }

    fn name(&self, name: &str) -> Kind {
        self.0.get(name).copied().unwrap_or(Kind::Unknown)
    }

    pub fn kind(&self, expr: &Expr) -> Kind {
        match expr {
            Expr::Identifier(name) => self.name(&name.value),
            Expr::CompoundIdentifier(parts) => parts.last().map_or(Kind::Unknown, |name| self.name(&name.value)),
            Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => self.kind(inner),
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Kind::Int(64),
                Value::Number(..) => Kind::Float,
                Value::SingleQuotedString(_) => Kind::Text,
                Value::Boolean(_) => Kind::Other,
                _ => Kind::Unknown,
            },
            Expr::Cast { data_type, .. } => Kind::of_sql(data_type),
            Expr::TypedString(typed) => Kind::of_sql(&typed.data_type),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Extract { field, .. } => {
                if *field == DateTimeField::Epoch {
                    Kind::Float
                } else {
                    Kind::Int(32)
                }
            }
            Expr::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
                self.meeting(results)
            }
            Expr::Function(function) => self.function(function),
            Expr::Ceil { .. } | Expr::Floor { .. } => Kind::Float,
            Expr::Trim { .. } | Expr::Substring { .. } | Expr::Overlay { .. } => Kind::Text,
            Expr::Position { .. } => Kind::Int(32),
            Expr::Interval(_) => Kind::Other,
            _ => Kind::Unknown,
        }
    }

    fn meeting<'a>(&self, exprs: impl Iterator<Item = &'a Expr>) -> Kind {
        let null = |expr: &&Expr| matches!(expr, Expr::Value(value) if value.value == Value::Null);
        exprs.filter(|expr| !null(expr)).map(|expr| self.kind(expr)).reduce(Kind::meeting).unwrap_or(Kind::Unknown)
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Kind {
        match op {
            BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => {
                match (self.kind(left), self.kind(right)) {
                    (moment @ (Kind::Date | Kind::Timestamp), Kind::Other) => moment,
                    (a, b) => a.meeting(b),
                }
            }
            BinaryOperator::StringConcat => Kind::Text,
            _ => Kind::Other,
        }
    }

    fn function(&self, function: &Function) -> Kind {
        let name = function.name.to_string().to_lowercase();
        let args: Vec<&Expr> = arguments(function);
        match name.as_str() {
            "count" | "row_number" | "rank" | "dense_rank" | "ntile" | "epoch_seconds" | "approx_distinct" => Kind::Int(64),
            "length" | "char_length" | "character_length" | "octet_length" | "strpos" | "levenshtein" | "ascii" => Kind::Int(32),
            "sum" => match self.meeting(args.into_iter()) {
                Kind::Int(_) => Kind::Int(64),
                other => other,
            },
            "avg" | "mean" => match self.meeting(args.into_iter()) {
                Kind::Int(_) | Kind::Float => Kind::Float,
                other => other,
            },
            "min" | "max" | "median" | "first_value" | "last_value" | "any_value" | "abs" | "nullif" | "coalesce" | "greatest"
            | "least" | "ifnull" | "nvl" => self.meeting(args.into_iter()),
            "lag" | "lead" | "nth_value" => self.meeting(args.into_iter().take(1)),
            "round" | "trunc" => match self.meeting(args.into_iter().take(1)) {
                Kind::Int(_) => Kind::Float,
                other => other,
            },
            "sqrt" | "exp" | "ln" | "log" | "log10" | "log2" | "cbrt" | "stddev" | "stddev_pop" | "stddev_samp" | "var_samp"
            | "var_pop" | "var" | "corr" | "safe_divide" | "jaro_winkler" | "random" | "pi" => Kind::Float,
            "date_trunc"
            | "to_timestamp"
            | "parse_timestamp"
            | "now"
            | "current_timestamp"
            | "to_timestamp_seconds"
            | "to_timestamp_millis"
            | "to_timestamp_micros"
            | "from_unixtime" => Kind::Timestamp,
            "parse_date" | "to_date" | "current_date" | "today" | "make_date" => Kind::Date,
            "date_part" | "datepart" => Kind::Unknown,
            "concat" | "concat_ws" | "lower" | "upper" | "substr" | "substring" | "replace" | "trim" | "btrim" | "ltrim" | "rtrim"
            | "lpad" | "rpad" | "left" | "right" | "reverse" | "repeat" | "initcap" | "md5" | "sha256_hex" | "json_get"
            | "normalize_text" | "split_part" | "regexp_replace" | "translate" | "string_agg" | "array_to_string" | "to_char" | "chr" => {
                Kind::Text
            }
            _ => Kind::Unknown,
        }
    }
}

/// The unnamed arguments of a call.
pub(super) fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let plain = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().filter_map(plain).collect()
}
