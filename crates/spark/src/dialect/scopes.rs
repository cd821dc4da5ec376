//! Which names are common table expressions, where in a query.

use sqlparser::ast::Query;

/// The queries around the place that is being looked at, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<Frame>);

#[derive(Debug, Default)]
struct Frame {
    /// Names whose queries have not been passed yet, the next one last.
    pending: Vec<String>,
    known: Vec<String>,
}

impl Scopes {
    /// To be told when a query begins.
    pub fn enter(&mut self, query: &Query) {
        let mut frame = Frame::default();
        if let Some(with) = &query.with {
            let names = with.cte_tables.iter().rev().map(|cte| cte.alias.name.value.clone()).collect();
            *(if with.recursive { &mut frame.known } else { &mut frame.pending }) = names;
        }
        self.0.push(frame);
    }

    /// To be told when it ends: what it was the definition of is known from here on.
    pub fn leave(&mut self) {
        self.0.pop();
        if let Some(outer) = self.0.last_mut()
            && let Some(name) = outer.pending.pop()
        {
            outer.known.push(name);
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|frame| frame.known.iter().any(|known| known == name))
    }
}
