//! The messages that stand for tables, queries and what is done with them.

use std::collections::HashMap;

use spark_connect_proto as proto;
use spark_connect_proto::relation::RelType;

pub(crate) fn relation(rel_type: RelType) -> proto::Relation {
    proto::Relation { rel_type: Some(rel_type), ..Default::default() }
}

/// What a statement gives.
pub(crate) fn sql(text: String) -> proto::Relation {
    relation(RelType::Sql(proto::Sql { query: text, ..Default::default() }))
}

/// What the cluster's own reader gives.
pub(crate) fn read(format: &str, schema: Option<String>, options: HashMap<String, String>, paths: Vec<String>) -> proto::Relation {
    let source = proto::read::DataSource { format: Some(format.to_owned()), schema, options, paths, ..Default::default() };
    let read = proto::Read { read_type: Some(proto::read::ReadType::DataSource(source)), is_streaming: false };
    relation(RelType::Read(read))
}

/// An expression written in Spark's dialect.
fn expression(text: String) -> proto::Expression {
    let text = proto::expression::ExpressionString { expression: text };
    proto::Expression { expr_type: Some(proto::expression::ExprType::ExpressionString(text)), ..Default::default() }
}

pub(crate) fn filter(input: proto::Relation, condition: String) -> proto::Relation {
    relation(RelType::Filter(Box::new(proto::Filter { input: Some(Box::new(input)), condition: Some(expression(condition)) })))
}

pub(crate) fn limit(input: proto::Relation, rows: u64) -> proto::Relation {
    let limit = i32::try_from(rows).unwrap_or(i32::MAX);
    relation(RelType::Limit(Box::new(proto::Limit { input: Some(Box::new(input)), limit })))
}

/// These expressions under these names.
pub(crate) fn project(input: proto::Relation, columns: Vec<(String, String)>) -> proto::Relation {
    let named = |(text, name): (String, String)| {
        let alias = proto::expression::Alias { expr: Some(Box::new(expression(text))), name: vec![name], metadata: None };
        proto::Expression { expr_type: Some(proto::expression::ExprType::Alias(Box::new(alias))), ..Default::default() }
    };
    let expressions = columns.into_iter().map(named).collect();
    relation(RelType::Project(Box::new(proto::Project { input: Some(Box::new(input)), expressions })))
}

/// In an order: expressions, whether downwards, whether nulls come first. Over all pieces, or within each.
pub(crate) fn sorted(input: proto::Relation, orders: Vec<(String, bool, bool)>, is_global: bool) -> proto::Relation {
    use proto::expression::sort_order::{NullOrdering, SortDirection};
    let order = |(text, descending, nulls_first): (String, bool, bool)| proto::expression::SortOrder {
        child: Some(Box::new(expression(text))),
        direction: if descending { SortDirection::Descending } else { SortDirection::Ascending } as i32,
        null_ordering: if nulls_first { NullOrdering::SortNullsFirst } else { NullOrdering::SortNullsLast } as i32,
    };
    let sort = proto::Sort { input: Some(Box::new(input)), order: orders.into_iter().map(order).collect(), is_global: Some(is_global) };
    relation(RelType::Sort(Box::new(sort)))
}

/// In one piece; with `shuffle` the pieces before it are still worked on side by side, and lose their order.
pub(crate) fn in_one_piece(input: proto::Relation, shuffle: bool) -> proto::Relation {
    let repartition = proto::Repartition { input: Some(Box::new(input)), num_partitions: 1, shuffle: Some(shuffle) };
    relation(RelType::Repartition(Box::new(repartition)))
}

/// Rows that are equal in these expressions in one piece.
pub(crate) fn by(input: proto::Relation, keys: Vec<String>) -> proto::Relation {
    let partition_exprs = keys.into_iter().map(expression).collect();
    let repartition = proto::RepartitionByExpression { input: Some(Box::new(input)), partition_exprs, num_partitions: None };
    relation(RelType::RepartitionByExpression(Box::new(repartition)))
}

/// All rows of all; halved again and again, as messages may be nested so deeply and no deeper.
pub(crate) fn union(mut parts: Vec<proto::Relation>) -> proto::Relation {
    if parts.len() < 2 {
        return parts.pop().unwrap_or_default();
    }
    let right = union(parts.split_off(parts.len() / 2));
    let operation = proto::SetOperation {
        left_input: Some(Box::new(union(parts))),
        right_input: Some(Box::new(right)),
        set_op_type: proto::set_operation::SetOpType::Union as i32,
        is_all: Some(true),
        ..Default::default()
    };
    relation(RelType::SetOp(Box::new(operation)))
}

/// Makes the relation known to the session's statements.
pub(crate) fn view(name: &str, input: proto::Relation) -> proto::command::CommandType {
    let command = proto::CreateDataFrameViewCommand { input: Some(input), name: name.to_owned(), is_global: false, replace: true };
    proto::command::CommandType::CreateDataframeView(command)
}
