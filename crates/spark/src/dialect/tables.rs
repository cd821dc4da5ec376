//! Tables of FROM, and the names that a query gives to what it computes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use domain::{Error, Result};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, Select, SelectItem, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::scopes::Scopes;
use super::{Reference, View, parse};

/// The tables that a query names, each once.
#[derive(Default)]
pub(super) struct References {
    pub names: Vec<Reference>,
    scopes: Scopes,
}

impl VisitorMut for References {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.scopes.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            let name = parts(name);
            if !is_local(&name, &self.scopes) && !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn parts(name: &ObjectName) -> Reference {
    name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone())).collect()
}

fn is_local(name: &Reference, scopes: &Scopes) -> bool {
    matches!(name.as_slice(), [only] if scopes.has(only))
}

/// Every name that the query gives to a value, with the expression where there is one.
#[derive(Default)]
pub(super) struct Aliases(pub Vec<(String, Option<Expr>)>);

impl VisitorMut for Aliases {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.columns(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                self.0.push((alias.value.clone(), Some(expr.clone())));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. } => self.columns(alias),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Aliases {
    fn columns(&mut self, alias: &TableAlias) {
        self.0.extend(alias.columns.iter().map(|column| (column.name.value.clone(), None)));
    }
}

/// A table becomes its view under the table's own name; functions that give rows become Spark's.
pub(super) fn translate(factor: &mut TableFactor, views: &BTreeMap<Reference, View>, scopes: &Scopes) -> Result<()> {
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => {
            let reference = parts(name);
            if is_local(&reference, scopes) {
                return Ok(());
            }
            let view = views.get(&reference).ok_or_else(|| Error::internal(format!("Table {name} of a query has no view.")))?;
            if alias.is_none() {
                let own = reference.last().cloned().unwrap_or_default();
                *alias = Some(TableAlias { explicit: true, name: Ident::with_quote('`', own), columns: Vec::new(), at: None });
            }
            *name = ObjectName::from(vec![Ident::with_quote('`', view.name.clone())]);
        }
        TableFactor::Table { name, alias, args: Some(args), .. } => {
            let function = name.to_string().to_lowercase();
            if matches!(function.as_str(), "generate_series" | "range") {
                let alias = alias.take();
                *factor = series(&function, &args.args)?;
                if let TableFactor::Derived { alias: own, .. } = factor {
                    *own = alias.or_else(|| own.take());
                }
            }
        }
        TableFactor::UNNEST { alias, array_exprs, .. } => {
            let [array] = array_exprs.as_slice() else { return Err(super::unsupported("UNNEST of several lists")) };
            let args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(array.clone()))];
            let name = ObjectName::from(vec![Ident::new("explode")]);
            *factor = TableFactor::Function { lateral: true, name, args, with_ordinality: false, alias: alias.take() };
        }
        _ => {}
    }
    Ok(())
}

/// `generate_series(1, 3)` is 1, 2, 3; `range(1, 3)` ends before 3, as Spark's does. The column is called `value`.
fn series(function: &str, args: &[FunctionArg]) -> Result<TableFactor> {
    let texts: Vec<String> = args.iter().map(ToString::to_string).collect();
    // Spark's ends before its end.
    let beyond = |end: &str, step: &str| match (end.parse::<i64>(), step.parse::<i64>()) {
        _ if function == "range" => end.to_owned(),
        (Ok(end), Ok(step)) => end.saturating_add(step.signum()).to_string(),
        _ => format!("{end} + CAST(sign({step}) AS BIGINT)"),
    };
    let call = match texts.as_slice() {
        [end] => format!("0, {}", beyond(end, "1")),
        [start, end] => format!("{start}, {}", beyond(end, "1")),
        [start, end, step] => format!("{start}, {}, {step}", beyond(end, step)),
        _ => return Err(super::unsupported(&format!("{function} with {} arguments", texts.len()))),
    };
    let parsed = parse(&format!("SELECT 1 FROM (SELECT id AS value FROM range({call})) AS {function}"))?;
    let mut found = Factor(None);
    let mut query = parsed.0;
    let _ = query.visit(&mut found);
    found.0.ok_or_else(|| Error::internal("A series of numbers cannot be written for Spark."))
}

/// The first table of a query.
struct Factor(Option<TableFactor>);

impl VisitorMut for Factor {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.0 = Some(factor.clone());
        ControlFlow::Break(())
    }
}
