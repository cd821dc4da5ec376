//! Expressions that a database computes exactly as we do, in its words.

use connect::Dialect;
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{AggregateFunction, InList, Sort};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

/// Longer lists make queries that databases refuse.
const MAX_IN_VALUES: usize = 1000;

/// A piece of SQL and the type of its value here.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub sql: String,
    pub data_type: DataType,
}

/// Which columns there are, and how they are written.
pub(super) struct Scope<'a> {
    dialect: Dialect,
    columns: Columns<'a>,
}

enum Columns<'a> {
    /// Of a table: by name; nothing for those that queries cannot use.
    Table(&'a [(String, Option<String>)], SchemaRef),
    /// Of the SELECT below, by place.
    Below(&'a DFSchema),
    /// Of the two sides of a join.
    Join(&'a DFSchema, &'a DFSchema),
}

impl<'a> Scope<'a> {
    pub fn table(dialect: Dialect, columns: &'a [(String, Option<String>)], schema: SchemaRef) -> Self {
        Self { dialect, columns: Columns::Table(columns, schema) }
    }

    pub fn below(dialect: Dialect, schema: &'a DFSchema) -> Self {
        Self { dialect, columns: Columns::Below(schema) }
    }

    pub fn join(dialect: Dialect, left: &'a DFSchema, right: &'a DFSchema) -> Self {
        Self { dialect, columns: Columns::Join(left, right) }
    }

    /// A table's column by its name.
    pub fn raw(&self, name: &str) -> Option<String> {
        match &self.columns {
            Columns::Table(columns, _) => columns.iter().find(|(own, _)| own == name)?.1.clone(),
            _ => None,
        }
    }

    fn column(&self, column: &Column) -> Option<Made> {
        let found = |schema: &DFSchema, side: &str| {
            let index = schema.maybe_index_of_column(column)?;
            Some(Made { sql: format!("{side}.c{index}"), data_type: schema.field(index).data_type().clone() })
        };
        match &self.columns {
            Columns::Table(_, schema) => {
                Some(Made { sql: self.raw(&column.name)?, data_type: schema.field_with_name(&column.name).ok()?.data_type().clone() })
            }
            Columns::Below(schema) => found(schema, "q"),
            Columns::Join(left, right) => found(left, "l").or_else(|| found(right, "r")),
        }
    }
}

/// The expression in the database's words, or nothing.
pub(super) fn expression(expr: &Expr, scope: &Scope<'_>) -> Option<Made> {
    match expr {
        Expr::Alias(alias) => expression(&alias.expr, scope),
        Expr::Column(column) => scope.column(column),
        Expr::Literal(value, _) => literal(value, scope.dialect),
        Expr::BinaryExpr(binary) => self::binary(binary, scope),
        Expr::Not(inner) => Some(boolean(format!("(NOT {})", condition(inner, scope)?))),
        Expr::IsNull(inner) => Some(boolean(format!("({} IS NULL)", expression(inner, scope)?.sql))),
        Expr::IsNotNull(inner) => Some(boolean(format!("({} IS NOT NULL)", expression(inner, scope)?.sql))),
        Expr::Between(Between { expr, negated, low, high }) => {
            let parts = [(&**expr, Operator::GtEq, &**low), (&**expr, Operator::LtEq, &**high)];
            let parts: Vec<String> = parts.into_iter().map(|(a, op, b)| compare(a, op, b, scope)).collect::<Option<_>>()?;
            Some(boolean(format!("({}({}))", if *negated { "NOT " } else { "" }, parts.join(" AND "))))
        }
        Expr::InList(list) => in_list(list, scope),
        Expr::Cast(cast) => self::cast(expression(&cast.expr, scope)?, cast.field.data_type(), scope.dialect),
        _ => None,
    }
}

fn boolean(sql: String) -> Made {
    Made { sql, data_type: DataType::Boolean }
}

/// A condition: an expression that is true or false by itself.
fn condition(expr: &Expr, scope: &Scope<'_>) -> Option<String> {
    expression(expr, scope).filter(|made| made.data_type == DataType::Boolean).map(|made| made.sql)
}

fn binary(binary: &BinaryExpr, scope: &Scope<'_>) -> Option<Made> {
    let BinaryExpr { left, op, right } = binary;
    match op {
        Operator::And | Operator::Or => {
            let word = if *op == Operator::And { "AND" } else { "OR" };
            Some(boolean(format!("({} {word} {})", condition(left, scope)?, condition(right, scope)?)))
        }
        Operator::Plus | Operator::Minus | Operator::Multiply => arithmetic(binary, scope),
        _ => compare(left, *op, right, scope).map(boolean),
    }
}

/// Decimals in PostgreSQL only: whole numbers that grow too large wrap here, fail in one database and become inexact in another,
/// and MySQL has unsigned ones.
fn arithmetic(binary: &BinaryExpr, scope: &Scope<'_>) -> Option<Made> {
    let (left, right) = (expression(&binary.left, scope)?, expression(&binary.right, scope)?);
    let exact = |data_type: &DataType| matches!(data_type, DataType::Decimal128(..));
    if scope.dialect != Dialect::PostgreSql || !exact(&left.data_type) || !exact(&right.data_type) {
        return None;
    }
    let types = datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer::new(&left.data_type, &binary.op, &right.data_type);
    let data_type = types.get_result_type().ok()?;
    Some(Made { sql: format!("({} {} {})", left.sql, binary.op, right.sql), data_type })
}

fn compare(left: &Expr, op: Operator, right: &Expr, scope: &Scope<'_>) -> Option<String> {
    let word = match op {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        _ => return None,
    };
    let with_literal = matches!(left, Expr::Literal(..)) || matches!(right, Expr::Literal(..));
    let (left, right) = (expression(left, scope)?, expression(right, scope)?);
    if left.data_type != right.data_type {
        return None;
    }
    // Of two floats that are equal here one may be -0; a finite literal is not 0 and no NaN.
    if left.data_type.is_floating() && !with_literal {
        return None;
    }
    let is_equality = matches!(op, Operator::Eq | Operator::NotEq);
    let left = match &left.data_type {
        DataType::Boolean if !is_equality => return None,
        _ if is_equality => key(scope.dialect, &left)?,
        _ => can_order(scope.dialect, &left)?,
    };
    Some(format!("({left} {word} {})", right.sql))
}

fn in_list(list: &InList, scope: &Scope<'_>) -> Option<Made> {
    let tested = expression(&list.expr, scope)?;
    let all_literal = list.list.iter().all(|value| matches!(value, Expr::Literal(value, _) if !value.is_null()));
    if !all_literal || list.list.len() > MAX_IN_VALUES || !can_group(scope.dialect, &tested.data_type) {
        return None;
    }
    let values = list.list.iter().map(|value| expression(value, scope)).collect::<Option<Vec<_>>>()?;
    if values.iter().any(|value| value.data_type != tested.data_type) {
        return None;
    }
    let values: Vec<String> = values.into_iter().map(|value| value.sql).collect();
    let word = if list.negated { "NOT IN" } else { "IN" };
    Some(boolean(format!("({} {word} ({}))", key(scope.dialect, &tested)?, values.join(", "))))
}

/// Casts that lose nothing.
fn cast(inner: Made, to: &DataType, dialect: Dialect) -> Option<Made> {
    use DataType::{Decimal128, Float64, Int8, Int16, Int32, Int64};
    let sql = match (&inner.data_type, to) {
        (from, to) if from == to => inner.sql,
        (Int8 | Int16 | Int32, Int16 | Int32 | Int64) if inner.data_type.primitive_width() < to.primitive_width() => match dialect {
            Dialect::PostgreSql => format!("CAST({} AS {})", inner.sql, if *to == Int64 { "bigint" } else { "integer" }),
            Dialect::MySql => format!("CAST({} AS SIGNED)", inner.sql),
            _ => inner.sql,
        },
        (Int8 | Int16 | Int32 | Int64, Decimal128(precision, scale)) if i16::from(*precision) - i16::from(*scale) >= 19 => {
            decimal(&inner.sql, *precision, *scale, dialect)?
        }
        (Int8 | Int16 | Int32, Decimal128(precision, scale)) if i16::from(*precision) - i16::from(*scale) >= 10 => {
            decimal(&inner.sql, *precision, *scale, dialect)?
        }
        (Decimal128(p, s), Decimal128(precision, scale))
            if scale >= s && i16::from(*precision) - i16::from(*scale) >= i16::from(*p) - i16::from(*s) =>
        {
            decimal(&inner.sql, *precision, *scale, dialect)?
        }
        (Int8 | Int16 | Int32 | Int64, Float64) => match dialect {
            Dialect::PostgreSql => format!("CAST({} AS double precision)", inner.sql),
            Dialect::Sqlite => format!("CAST({} AS REAL)", inner.sql),
            _ => return None,
        },
        _ => return None,
    };
    Some(Made { sql, data_type: to.clone() })
}

fn decimal(sql: &str, precision: u8, scale: i8, dialect: Dialect) -> Option<String> {
    match dialect {
        Dialect::PostgreSql => Some(format!("CAST({sql} AS numeric({precision}, {scale}))")),
        Dialect::MySql if (0..=30).contains(&scale) => Some(format!("CAST({sql} AS DECIMAL({precision}, {scale}))")),
        _ => None,
    }
}

/// Whether two values are one group there exactly when they are one here. Floats have -0 and NaN; MySQL's texts their collations.
pub(super) fn can_group(dialect: Dialect, data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 => dialect != Dialect::MySql,
        DataType::Boolean | DataType::Decimal128(..) | DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, None) => true,
        other => other.is_integer(),
    }
}

/// The value in a form whose equality is that of the bytes. PostgreSQL's deterministic collations are so by themselves (others were left
/// out at the table), and there a key must be written as what is selected.
pub(super) fn key(dialect: Dialect, made: &Made) -> Option<String> {
    match (&made.data_type, dialect) {
        (DataType::Utf8, Dialect::PostgreSql) => Some(made.sql.clone()),
        _ => can_order(dialect, made),
    }
}

/// The value in a form that is ordered, and told from others, as here: text by its bytes.
pub(super) fn can_order(dialect: Dialect, made: &Made) -> Option<String> {
    match (&made.data_type, dialect) {
        (DataType::Utf8, Dialect::PostgreSql) => Some(format!("({} COLLATE \"C\")", made.sql)),
        (DataType::Utf8, Dialect::Sqlite) => Some(format!("{} COLLATE BINARY", made.sql)),
        (DataType::Utf8, _) => None,
        _ => Some(made.sql.clone()),
    }
}

/// One key of ORDER BY. Where nulls go is said by a key of its own, which every database understands.
pub(super) fn order(key: &Sort, scope: &Scope<'_>) -> Option<String> {
    let made = expression(&key.expr, scope).filter(|_| !matches!(key.expr, Expr::Literal(..)))?;
    if !can_group(scope.dialect, &made.data_type) && !made.data_type.is_floating() {
        return None;
    }
    let (nulls, direction) = (if key.nulls_first { "DESC" } else { "ASC" }, if key.asc { "ASC" } else { "DESC" });
    Some(format!("({} IS NULL) {nulls}, {} {direction}", made.sql, can_order(scope.dialect, &made)?))
}

/// count, sum, min, max, and avg of floats.
pub(super) fn aggregate(expr: &Expr, scope: &Scope<'_>) -> Option<String> {
    let expr = match expr {
        Expr::Alias(alias) => &alias.expr,
        other => other,
    };
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return None };
    if params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some() || params.args.len() != 1 {
        return None;
    }
    let argument = &params.args[0];
    if func.name() == "count" && !params.distinct && matches!(argument, Expr::Literal(value, _) if !value.is_null()) {
        return Some("count(*)".into());
    }
    let made = expression(argument, scope)?;
    let is_number = made.data_type.is_integer() || made.data_type.is_floating() || matches!(made.data_type, DataType::Decimal128(..));
    match (func.name(), params.distinct) {
        ("count", true) if can_group(scope.dialect, &made.data_type) => Some(format!("count(DISTINCT {})", key(scope.dialect, &made)?)),
        ("count", false) => Some(format!("count({})", made.sql)),
        ("sum", false) if is_number => Some(format!("sum({})", made.sql)),
        ("avg", false) if made.data_type.is_floating() => Some(format!("avg({})", made.sql)),
        ("min" | "max", _) if is_number => Some(format!("{}({})", func.name(), made.sql)),
        ("min" | "max", _) if can_group(scope.dialect, &made.data_type) && made.data_type != DataType::Boolean => {
            Some(format!("{}({})", func.name(), can_order(scope.dialect, &made)?))
        }
        _ => None,
    }
}

fn literal(value: &ScalarValue, dialect: Dialect) -> Option<Made> {
    let sql = match value {
        ScalarValue::Boolean(Some(value)) => match dialect {
            Dialect::Sqlite => return None,
            _ => value.to_string(),
        },
        ScalarValue::Int8(Some(value)) => value.to_string(),
        ScalarValue::Int16(Some(value)) => value.to_string(),
        ScalarValue::Int32(Some(value)) => value.to_string(),
        // The smallest one is no literal in some databases: there it is 2^63 with a sign.
        ScalarValue::Int64(Some(value)) if *value > i64::MIN => value.to_string(),
        ScalarValue::Float64(Some(value)) if value.is_finite() && *value != 0.0 => float(*value, dialect),
        ScalarValue::Decimal128(Some(unscaled), _, scale) if *scale >= 0 => in_digits(*unscaled, usize::from(scale.unsigned_abs())),
        ScalarValue::Utf8(Some(text)) if dialect != Dialect::MySql && !text.contains('\0') => format!("'{}'", text.replace('\'', "''")),
        ScalarValue::Date32(Some(days)) if dialect != Dialect::Sqlite => {
            format!("DATE '{}'", moment(i64::from(*days).checked_mul(86_400_000_000)?)?.format("%Y-%m-%d"))
        }
        ScalarValue::TimestampMicrosecond(Some(micros), None) if dialect != Dialect::Sqlite => {
            format!("TIMESTAMP '{}'", moment(*micros)?.format("%Y-%m-%d %H:%M:%S%.6f"))
        }
        _ => return None,
    };
    let sql = if sql.starts_with('-') { format!("({sql})") } else { sql };
    Some(Made { sql, data_type: value.data_type() })
}

/// With an exponent, so that it is no decimal.
fn float(value: f64, dialect: Dialect) -> String {
    match dialect {
        Dialect::PostgreSql => format!("'{value:e}'::double precision"),
        _ => format!("{value:e}"),
    }
}

/// Years of four digits only: others are written in ways of their own.
fn moment(micros: i64) -> Option<chrono::NaiveDateTime> {
    use chrono::Datelike;
    let moment = chrono::DateTime::from_timestamp_micros(micros)?.naive_utc();
    (1000..=9999).contains(&moment.year()).then_some(moment)
}

/// `-12.50` from -1250 and 2.
fn in_digits(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
