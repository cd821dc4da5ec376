//! Whole parts of a query, sent to the database that holds their tables: joins, aggregates, filters, limits.
//!
//! An optimizer rule looks, from the top of the plan, for the largest parts that read one database only and that the database computes
//! exactly as we would (`query.rs` says which nodes, `expression.rs` which expressions); each becomes one SELECT behind a [`QueryTable`].
//! What is left out is computed here. A part that only reads a table is left to [`SourceTable`], which reads it in parallel.
//!
//! Exactness comes first, so these stay here: text compared by order in another collation than bytes, and any comparison of text in MySQL
//! (whose collations ignore case and trailing spaces); averages of decimals (databases round them differently);
//! division; functions; windows; everything in SQL Server (no server could be had to try it). datafusion-federation was looked at for
//! this and left: it sends whatever its plan is made of, whether the database means the same by it or not.

mod expression;
mod query;
mod table;

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Sort};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use query::Rendered;
pub(crate) use table::QueryTable;

/// The name under which a part's rows come back.
const PART: &str = "pushed_down";

/// The optimizer rule; the last one, so that it sees filters and limits where they end up.
#[derive(Debug)]
pub(crate) struct PushDown;

impl OptimizerRule for PushDown {
    fn name(&self) -> &str {
        "push_queries_into_sources"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if let LogicalPlan::Sort(sort) = &plan {
            return first_rows(sort).map(|found| found.map_or_else(|| Transformed::no(plan), Transformed::yes));
        }
        if !does_more_than_read(&plan) {
            return Ok(Transformed::no(plan));
        }
        match query::render(&plan) {
            Some(rendered) => replaced(&plan, rendered).map(Transformed::yes),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The first rows in an order: the database finds them, and they are put in order here once more, since a table has none.
fn first_rows(sort: &Sort) -> Result<Option<LogicalPlan>> {
    let Some(rendered) = query::render_first_rows(sort) else { return Ok(None) };
    let input = replaced(&sort.input, rendered)?;
    Ok(Some(LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input: Arc::new(input), fetch: sort.fetch })))
}

/// A plan that gives the same columns under the same names as `plan`.
fn replaced(plan: &LogicalPlan, rendered: Rendered) -> Result<LogicalPlan> {
    let table = QueryTable::new(rendered, plan.schema().as_arrow());
    let part = TableReference::bare(PART);
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .enumerate()
        .map(|(index, (relation, field))| {
            let inner = Expr::Column(datafusion::common::Column::new(Some(part.clone()), query::name(index)));
            inner.alias_qualified(relation.cloned(), field.name())
        })
        .collect();
    LogicalPlanBuilder::scan(part, provider_as_source(Arc::new(table)), None)?.project(columns)?.build()
}

/// Whether a node would be spared here, other than projections and limits of one table, which its scan takes by itself.
fn does_more_than_read(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Join(_) | LogicalPlan::Filter(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Limit(_) => {
            plan.inputs().into_iter().any(does_more_than_read)
        }
        _ => false,
    }
}
