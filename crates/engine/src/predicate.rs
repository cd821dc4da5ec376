//! DataFusion's conditions as those that a source understands.

use connect::{Comparison, Literal, Predicate};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

/// The same condition, or nothing when a source could not be asked for it.
pub(crate) fn translate(expr: &Expr) -> Option<Predicate> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => Some(Predicate::And(vec![translate(left)?, translate(right)?])),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => Some(Predicate::Or(vec![translate(left)?, translate(right)?])),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (column(left), literal(right)) {
            (Some(column), Some(value)) => Some(Predicate::compare(column, comparison(*op)?, value)),
            _ => Some(Predicate::compare(column(right)?, comparison(op.swap()?)?, literal(left)?)),
        },
        Expr::IsNull(operand) => column(operand).map(Predicate::IsNull),
        Expr::IsNotNull(operand) => column(operand).map(Predicate::IsNotNull),
        Expr::InList(InList { expr, list, negated: false }) => {
            let values = list.iter().map(literal).collect::<Option<_>>()?;
            Some(Predicate::In { column: column(expr)?, values })
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let column = column(expr)?;
            Some(Predicate::And(vec![
                Predicate::compare(column.clone(), Comparison::GreaterOrEqual, literal(low)?),
                Predicate::compare(column, Comparison::LessOrEqual, literal(high)?),
            ]))
        }
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    }
}

fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn literal(expr: &Expr) -> Option<Literal> {
    let Expr::Literal(value, _) = expr else { return None };
    Some(match value {
        ScalarValue::Boolean(Some(value)) => Literal::Boolean(*value),
        ScalarValue::Int8(Some(value)) => Literal::Integer((*value).into()),
        ScalarValue::Int16(Some(value)) => Literal::Integer((*value).into()),
        ScalarValue::Int32(Some(value)) => Literal::Integer((*value).into()),
        ScalarValue::Int64(Some(value)) => Literal::Integer(*value),
        ScalarValue::Float32(Some(value)) => Literal::Float((*value).into()),
        ScalarValue::Float64(Some(value)) => Literal::Float(*value),
        ScalarValue::Utf8(Some(value)) | ScalarValue::LargeUtf8(Some(value)) | ScalarValue::Utf8View(Some(value)) => {
            Literal::Text(value.clone())
        }
        ScalarValue::Date32(Some(days)) => Literal::Date(*days),
        ScalarValue::TimestampMicrosecond(Some(micros), None) => Literal::Timestamp(*micros),
        ScalarValue::Decimal128(Some(unscaled), _, scale) => Literal::Decimal { unscaled: *unscaled, scale: *scale },
        _ => return None,
    })
}
