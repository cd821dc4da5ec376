//! Penchant's SQL (docs/sql.md) in Spark's words.
//!
//! The text is parsed, its tree changed from the leaves up, and written down again. What both dialects say alike stays as it is; what
//! has no counterpart is refused by name. Takes the text and the views that its tables have become; must not know servers.
//!
//! Start reading at [`translate`], then `expressions.rs`.

mod calls;
mod dates;
mod expressions;
mod kinds;
mod ours;
mod scopes;
mod tables;
mod text;
mod types;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use arrow::datatypes::SchemaRef;
use domain::{Error, Result};
use sqlparser::ast::{
    Distinct, Expr, NamedWindowExpr, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Values,
    VisitMut, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

pub(crate) use text::{literal, name};
pub(crate) use types::column_type;

use expressions::Fact;
use kinds::Kinds;
use scopes::Scopes;

/// A table's name as a query writes it, part by part.
pub(crate) type Reference = Vec<String>;

/// What a table has become in the session.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub name: String,
    pub columns: SchemaRef,
}

/// One step of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Its place among the result's columns.
    pub column: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A query that has been understood as far as its grammar goes.
pub(crate) struct Parsed(Box<Query>);

/// # Errors
/// `InvalidInput` for text that is not one SELECT.
pub(crate) fn parse(sql: &str) -> Result<Parsed> {
    let wrong = |why: String| Error::invalid_input(format!("The query is not valid SQL: {}.", why.trim_end_matches('.')));
    let mut tokens = Tokenizer::new(&GenericDialect, sql).tokenize().map_err(|e| wrong(e.to_string()))?;
    // Spark takes names in backticks; this dialect's parser takes them too.
    for token in &mut tokens {
        if let Token::Word(word) = token
            && word.quote_style == Some('"')
        {
            word.quote_style = Some('`');
        }
    }
    let parsed = Parser::new(&GenericDialect).with_tokens(tokens).parse_statements();
    let mut statements = parsed.map_err(|e| wrong(e.to_string().replace("sql parser error: ", "")))?;
    match (statements.pop(), statements.len()) {
        (Some(Statement::Query(query)), 0) => Ok(Parsed(query)),
        (None, _) => Err(Error::invalid_input("A job's query is one SELECT; found an empty text.")),
        (Some(other), 0) => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default().to_owned();
            Err(Error::invalid_input(format!("A job's query is one SELECT; found {word}.")))
        }
        (Some(_), more) => Err(Error::invalid_input(format!("A job's query is one SELECT; found {} statements.", more + 1))),
    }
}

/// A condition over a table's columns in Spark's words.
///
/// # Errors
/// `InvalidInput` for what is no condition, or has no counterpart.
pub(crate) fn condition(text: &str, columns: &SchemaRef) -> Result<String> {
    let view = View { name: "t".into(), columns: columns.clone() };
    let views = BTreeMap::from([(vec!["t".to_owned()], view)]);
    let query = parse(&format!("SELECT 1 FROM t WHERE {text}"))?.translate(&views)?;
    let found = query.split_once(" WHERE ").map(|(_, condition)| condition.to_owned());
    found.ok_or_else(|| Error::invalid_input(format!("Expected a condition over a table's columns, found {text:?}.")))
}

impl Parsed {
    /// The tables that it reads, each once, as it writes them.
    pub fn references(&mut self) -> Vec<Reference> {
        let mut found = tables::References::default();
        let _ = self.0.visit(&mut found);
        found.names
    }

    /// Whether the rows come in an order that the query asks for.
    pub fn is_ordered(&self) -> bool {
        self.0.order_by.is_some()
    }

    /// The order of the rows by columns of the result, where it can be said so.
    pub fn order(&self) -> Option<Vec<Order>> {
        let OrderByKind::Expressions(orders) = &self.0.order_by.as_ref()?.kind else { return None };
        let SetExpr::Select(select) = self.0.body.as_ref() else { return None };
        let order = |order: &OrderByExpr| {
            let column = select.projection.iter().position(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } => *expr == order.expr || order.expr == Expr::Identifier(alias.clone()),
                SelectItem::UnnamedExpr(expr) => *expr == order.expr,
                _ => false,
            })?;
            let descending = order.options.asc == Some(false);
            Some(Order { column, descending, nulls_first: order.options.nulls_first.unwrap_or(descending) })
        };
        let plain = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { .. } | SelectItem::UnnamedExpr(_));
        select.projection.iter().all(plain).then(|| orders.iter().map(order).collect()).flatten()
    }

    /// The query over these views, in Spark's dialect.
    ///
    /// # Errors
    /// `InvalidInput` for what has no counterpart there.
    pub fn translate(mut self, views: &BTreeMap<Reference, View>) -> Result<String> {
        let mut aliases = tables::Aliases::default();
        let _ = self.0.visit(&mut aliases);
        let kinds = Kinds::of(views.values().map(|view| &view.columns), &aliases.0);
        let mut translator = Translator { views, kinds, scopes: Scopes::default(), facts: Vec::new() };
        match self.0.visit(&mut translator) {
            ControlFlow::Continue(()) => Ok(self.0.to_string()),
            ControlFlow::Break(error) => Err(error),
        }
    }
}

/// The error for what Spark has no counterpart for.
pub(super) fn unsupported(what: &str) -> Error {
    Error::invalid_input(format!("The engine spark cannot carry out {what}; the embedded engine can.")).code("SPARK_SQL_UNSUPPORTED")
}

struct Translator<'a> {
    views: &'a BTreeMap<Reference, View>,
    kinds: Kinds,
    scopes: Scopes,
    /// What was known of the expressions around the one being looked at before anything in them was changed.
    facts: Vec<Fact>,
}

impl VisitorMut for Translator<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.scopes.enter(query);
        if let Some(OrderBy { kind: OrderByKind::Expressions(orders), .. }) = &mut query.order_by {
            place_nulls(orders);
        }
        if let SetExpr::Values(Values { rows, .. }) = query.body.as_mut() {
            rows.iter_mut().flat_map(|row| row.content.iter_mut()).for_each(text::widen);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if matches!(select.distinct, Some(Distinct::On(_))) {
            return ControlFlow::Break(unsupported("DISTINCT ON"));
        }
        if select.qualify.is_some() {
            return ControlFlow::Break(unsupported("QUALIFY"));
        }
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => text::widen(expr),
                _ => {}
            }
        }
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                place_nulls(&mut spec.order_by);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match tables::translate(factor, self.views, &self.scopes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        self.facts.push(Fact::of(expr, &self.kinds));
        expressions::prepare(expr);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let fact = self.facts.pop().unwrap_or_default();
        match expressions::translate(expr, &fact, self.views) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Nulls are the greatest values for us, and the least for Spark.
pub(super) fn place_nulls(orders: &mut [OrderByExpr]) {
    for order in orders {
        let descending = order.options.asc == Some(false);
        order.options.nulls_first.get_or_insert(descending);
    }
}

#[cfg(test)]
mod tests;
