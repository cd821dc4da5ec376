//! A part of a plan as one SELECT. Every node is a SELECT of its own around the ones below it, with columns c0, c1 … by place, so that
//! no name of the plan can clash with another; databases flatten that by themselves.

use std::any::Any;
use std::sync::Arc;

use connect::{Comparison, Dialect, Literal, Predicate, Source};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Aggregate, Expr, FetchType, Filter, Join, Limit, LogicalPlan, Projection, SkipType, Sort, TableScan};

use super::expression::{Scope, aggregate, can_group, expression, key, order};
use crate::source_table::SourceTable;
use etl::Meter;

/// A SELECT and where it goes.
pub(crate) struct Rendered {
    pub sql: String,
    pub source: Arc<dyn Source>,
    pub dialect: Dialect,
    /// Of the tables read, for the label in plans.
    pub tables: Vec<String>,
    pub meter: Meter,
    /// Which server, database and user.
    place: String,
}

/// The name of the column at a place.
pub(super) fn name(index: usize) -> String {
    format!("c{index}")
}

/// The SELECT, or nothing where a database would not do the same.
pub(super) fn render(plan: &LogicalPlan) -> Option<Rendered> {
    match plan {
        LogicalPlan::TableScan(scan) => table(scan),
        LogicalPlan::SubqueryAlias(alias) => render(&alias.input),
        LogicalPlan::Projection(node) => projection(node),
        LogicalPlan::Filter(node) => filter(node),
        LogicalPlan::Aggregate(node) => aggregation(node),
        LogicalPlan::Limit(node) => limit(node),
        LogicalPlan::Join(node) => join(node),
        _ => None,
    }
}

/// `SELECT … ORDER BY … LIMIT …`, for a sort that keeps the first rows only.
pub(super) fn render_first_rows(sort: &Sort) -> Option<Rendered> {
    let fetch = sort.fetch?;
    let inner = render(&sort.input)?;
    let columns = below(inner.dialect, sort.input.schema());
    let keys: Vec<String> = sort.expr.iter().map(|key| order(key, &columns)).collect::<Option<_>>()?;
    let list = kept(sort.input.schema().fields().len());
    let sql = format!("SELECT {list} FROM ({}) AS q ORDER BY {} LIMIT {fetch}", inner.sql, keys.join(", "));
    Some(Rendered { sql, ..inner })
}

fn table(scan: &TableScan) -> Option<Rendered> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = (provider.as_ref() as &dyn Any).downcast_ref::<SourceTable>()?;
    let sql = table.source().sql()?;
    if sql.dialect() == Dialect::SqlServer {
        return None;
    }
    let mut columns = Vec::new();
    for (ours, theirs) in table.fields() {
        // A column that is cast on its way, or compared in another way than by its bytes, is not one that the database can compute with.
        let same = ours.data_type() == theirs.data_type() && is_plain(sql.dialect(), table.source(), theirs);
        columns.push((ours.name().clone(), same.then(|| sql.column(table.path(), theirs)).flatten()));
    }
    let scope = Scope::table(sql.dialect(), &columns, table.schema_ref());
    let wanted: Vec<String> = scan
        .projected_schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| Some(format!("{} AS {}", scope.raw(field.name())?, name(index))))
        .collect::<Option<_>>()?;
    let mut text = format!("SELECT {} FROM {}", or_one(wanted), sql.table_name(table.path()));
    let conditions: Vec<String> =
        scan.filters.iter().map(|filter| expression(filter, &scope).map(|made| made.sql)).collect::<Option<_>>()?;
    if !conditions.is_empty() {
        text.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    if let Some(fetch) = scan.fetch {
        text.push_str(&format!(" LIMIT {fetch}"));
    }
    Some(Rendered {
        sql: text,
        dialect: sql.dialect(),
        place: sql.place(),
        tables: vec![table.name().to_owned()],
        meter: table.meter(),
        source: table.source().clone(),
    })
}

/// Types that every database of ours hands over as they are; text only where the source compares it exactly.
fn is_plain(dialect: Dialect, source: &Arc<dyn Source>, field: &Arc<datafusion::arrow::datatypes::Field>) -> bool {
    match field.data_type() {
        DataType::Utf8 if dialect == Dialect::PostgreSql => {
            let schema = Arc::new(datafusion::arrow::datatypes::Schema::new(vec![field.clone()]));
            source.accepts(&Predicate::compare(field.name(), Comparison::Equal, Literal::Text(String::new())), &schema)
        }
        DataType::Boolean | DataType::Utf8 | DataType::Decimal128(..) | DataType::Date32 | DataType::Timestamp(..) => true,
        other => other.is_integer() || other.is_floating(),
    }
}

fn projection(node: &Projection) -> Option<Rendered> {
    let inner = render(&node.input)?;
    let scope = below(inner.dialect, node.input.schema());
    let made = list(&node.expr, &scope)?;
    Some(Rendered { sql: format!("SELECT {made} FROM ({}) AS q", inner.sql), ..inner })
}

fn filter(node: &Filter) -> Option<Rendered> {
    let inner = render(&node.input)?;
    let scope = below(inner.dialect, node.input.schema());
    let condition = expression(&node.predicate, &scope)?.sql;
    let columns = kept(node.input.schema().fields().len());
    Some(Rendered { sql: format!("SELECT {columns} FROM ({}) AS q WHERE {condition}", inner.sql), ..inner })
}

fn aggregation(node: &Aggregate) -> Option<Rendered> {
    let inner = render(&node.input)?;
    let scope = below(inner.dialect, node.input.schema());
    let keys = node.group_expr.iter().map(|one| expression(one, &scope)).collect::<Option<Vec<_>>>()?;
    // A number there would be taken for the place of a column.
    if node.group_expr.iter().any(|one| matches!(one.clone().unalias(), Expr::Literal(..))) {
        return None;
    }
    if !keys.iter().all(|made| can_group(inner.dialect, &made.data_type)) {
        return None;
    }
    let values = node.aggr_expr.iter().map(|value| aggregate(value, &scope)).collect::<Option<Vec<_>>>()?;
    let all = keys.iter().map(|key| key.sql.clone()).chain(values);
    let selected: Vec<String> = all.enumerate().map(|(index, sql)| format!("{sql} AS {}", name(index))).collect();
    let mut sql = format!("SELECT {} FROM ({}) AS q", selected.join(", "), inner.sql);
    if !keys.is_empty() {
        let groups: Vec<String> = keys.iter().map(|made| key(inner.dialect, made)).collect::<Option<_>>()?;
        sql.push_str(&format!(" GROUP BY {}", groups.join(", ")));
    }
    Some(Rendered { sql, ..inner })
}

fn limit(node: &Limit) -> Option<Rendered> {
    let inner = render(&node.input)?;
    let (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) = (node.get_skip_type().ok()?, node.get_fetch_type().ok()?) else {
        return None;
    };
    let columns = kept(node.input.schema().fields().len());
    let mut sql = format!("SELECT {columns} FROM ({}) AS q LIMIT {fetch}", inner.sql);
    if skip > 0 {
        sql.push_str(&format!(" OFFSET {skip}"));
    }
    Some(Rendered { sql, ..inner })
}

fn join(node: &Join) -> Option<Rendered> {
    if node.null_equality != NullEquality::NullEqualsNothing || node.null_aware {
        return None;
    }
    let (left, right) = (render(&node.left)?, render(&node.right)?);
    if left.place != right.place || left.dialect != right.dialect {
        return None;
    }
    let dialect = left.dialect;
    let scope = Scope::join(dialect, node.left.schema(), node.right.schema());
    let mut conditions = Vec::new();
    for (a, b) in &node.on {
        let (a, b) = (expression(a, &scope)?, expression(b, &scope)?);
        if a.data_type != b.data_type || !can_group(dialect, &a.data_type) {
            return None;
        }
        conditions.push(format!("{} = {}", key(dialect, &a)?, b.sql));
    }
    if let Some(more) = &node.filter {
        conditions.push(expression(more, &scope)?.sql);
    }
    let condition = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
    let (a, b) = (node.left.schema().fields().len(), node.right.schema().fields().len());
    let both = (0..a).map(|index| format!("l.c{index} AS c{index}")).chain((0..b).map(|index| format!("r.c{index} AS c{}", a + index)));
    let sides = |word: &str| format!("FROM ({}) AS l {word} JOIN ({}) AS r ON {condition}", left.sql, right.sql);
    let both = or_one(both.collect());
    let sql = match node.join_type {
        JoinType::Inner => format!("SELECT {both} {}", sides("INNER")),
        JoinType::Left => format!("SELECT {both} {}", sides("LEFT")),
        JoinType::Right => format!("SELECT {both} {}", sides("RIGHT")),
        JoinType::LeftSemi | JoinType::LeftAnti => {
            let word = if node.join_type == JoinType::LeftSemi { "EXISTS" } else { "NOT EXISTS" };
            let own: Vec<String> = (0..a).map(|index| format!("l.c{index} AS c{index}")).collect();
            format!("SELECT {} FROM ({}) AS l WHERE {word} (SELECT 1 FROM ({}) AS r WHERE {condition})", or_one(own), left.sql, right.sql)
        }
        _ => return None,
    };
    let mut tables = left.tables;
    tables.extend(right.tables);
    Some(Rendered { sql, source: left.source, dialect, tables, meter: left.meter, place: left.place })
}

/// The columns of the SELECT below, as `q.c0` ….
fn below(dialect: Dialect, schema: &DFSchema) -> Scope<'_> {
    Scope::below(dialect, schema)
}

fn list(expressions: &[Expr], scope: &Scope<'_>) -> Option<String> {
    let made = expressions.iter().enumerate().map(|(index, one)| Some(format!("{} AS {}", expression(one, scope)?.sql, name(index))));
    let made = made.collect::<Option<Vec<_>>>()?;
    Some(or_one(made))
}

fn kept(columns: usize) -> String {
    or_one((0..columns).map(name).collect())
}

/// A list of columns that may be empty, where only the rows count.
pub(super) fn or_one(columns: Vec<String>) -> String {
    if columns.is_empty() { "1 AS c0".into() } else { columns.join(", ") }
}
