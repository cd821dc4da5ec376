//! Which columns a query reads, from its text and the catalogue alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Schema;
use catalog::{Catalog, hive};
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::resolve::resolve_table_references;
use domain::Result;
use etl::{ColumnsRead, SqlQuery};

use crate::failure::ours;
use crate::query::{Opening, full_name, is_function, parse, register};

/// The query over tables without rows, as they are described, and which table each name stands for.
///
/// # Errors
/// As for running the query, as far as its text and the tables' columns decide.
pub(crate) async fn without_rows(
    catalog: &Catalog,
    session: &SessionContext,
    query: &SqlQuery,
) -> Result<(DataFrame, BTreeMap<String, String>)> {
    let statement = parse(&query.text)?;
    let (references, _) = resolve_table_references(&statement, false).map_err(|e| ours(&e))?;
    let opening = Opening::new(catalog, &query.tables);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for reference in references {
        let Some(found) = opening.find(&reference, query.database.as_deref()).await? else {
            if is_function(session, &reference) {
                continue;
            }
            return Err(opening.unknown(&reference).await?);
        };
        let (columns, keys) = (hive::schema(found.columns())?, hive::schema(&found.partition_keys)?);
        let fields: Vec<_> = columns.fields().iter().chain(keys.fields()).cloned().collect();
        names.insert(resolved(session, &reference), full_name(&found));
        register(session, reference, Arc::new(EmptyTable::new(Arc::new(Schema::new(fields)))))?;
    }
    Ok((session.sql(&query.text).await.map_err(|e| ours(&e))?, names))
}

/// The columns that are left in the scans once the plan has been stripped of what it does not need.
pub(crate) async fn columns_read(catalog: &Catalog, session: &SessionContext, query: &SqlQuery) -> Result<Vec<ColumnsRead>> {
    let (frame, names) = without_rows(catalog, session, query).await?;
    let plan = frame.into_optimized_plan().map_err(|e| ours(&e))?;
    let mut read: BTreeMap<String, BTreeSet<String>> = names.values().map(|name| (name.clone(), BTreeSet::new())).collect();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(columns) = names.get(&resolved(session, &scan.table_name)).and_then(|name| read.get_mut(name))
        {
            columns.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
            columns.extend(scan.filters.iter().flat_map(|filter| filter.column_refs()).map(|column| column.name.clone()));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|e| ours(&e))?;
    Ok(read.into_iter().map(|(table, columns)| ColumnsRead { table, columns: columns.into_iter().collect() }).collect())
}

/// The reference with nothing left out.
fn resolved(session: &SessionContext, reference: &TableReference) -> String {
    let options = session.state().config_options().catalog.clone();
    reference.clone().resolve(&options.default_catalog, &options.default_schema).to_string()
}
