//! Names of CTEs: each node's own name, made fit for SQL and different from all others.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, Node, Work};
use crate::members::Transform;
use crate::sql::{self, Token};

/// As long as PostgreSQL's and most others' names may be.
const MAX_LENGTH: usize = 60;

/// Gives names, each once. Cases are not told apart, as Spark does not.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    pub fn give(&mut self, wish: &str) -> String {
        let mut name = wish.to_owned();
        let mut number = 2;
        while !self.taken.insert(name.to_lowercase()) {
            name = format!("{wish}_{number}");
            number += 1;
        }
        name
    }
}

/// The CTE's name of every node, by its id.
pub(crate) fn of_nodes(graph: &Graph) -> BTreeMap<String, String> {
    let mut names = Names::default();
    let mut own = BTreeMap::new();
    let aliases = aliases(graph);
    for node in graph.nodes() {
        let wish = wish(node);
        // A query of a SparkSQL node may use the name for something else; then it must not mean this node there.
        let foreign = |name: &str| aliases.iter().any(|(alias, from)| *alias == name.to_lowercase() && from.as_deref() != Some(&node.id));
        let mut name = names.give(&wish);
        while foreign(&name) {
            name = names.give(&wish);
        }
        own.insert(node.id.clone(), name);
    }
    own
}

/// Names with a meaning within SparkSQL nodes: aliases with the node they stand for, and the queries' own CTEs.
fn aliases(graph: &Graph) -> BTreeSet<(String, Option<String>)> {
    let mut found = BTreeSet::new();
    for node in graph.nodes() {
        let Work::Transform(Transform::SparkSql(query)) = &node.work else { continue };
        found.extend(query.sql_aliases.iter().map(|alias| (alias.alias.to_lowercase(), Some(alias.from.clone()))));
        let tokens: Vec<Token<'_>> = sql::tokens(&query.sql_query).unwrap_or_default();
        let tokens: Vec<&Token<'_>> = tokens.iter().filter(|token| !matches!(token, Token::Space(_) | Token::Comment(_))).collect();
        for three in tokens.windows(3) {
            if let [name, Token::Word(word), Token::Symbol('(')] = three
                && word.eq_ignore_ascii_case("as")
            {
                match name {
                    Token::Word(name) => found.insert((name.to_lowercase(), None)),
                    Token::Name(name) => found.insert((sql::unquote(name).to_lowercase(), None)),
                    _ => false,
                };
            }
        }
    }
    found
}

fn wish(node: &Node) -> String {
    let name = fit(&node.name);
    let name = if name.chars().any(char::is_alphanumeric) { name } else { fit(&node.id) };
    let plain = name.chars().next().is_some_and(|c| !c.is_numeric());
    let name = if plain { name } else { format!("node_{name}") };
    // A name that would have to be quoted only because it is a word of SQL.
    if name.is_ascii() && sql::identifier(&name) != name { format!("{name}_node") } else { name }
}

/// Letters and digits of any script, in lower case; every run of anything else is one `_`.
pub(crate) fn fit(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    let out: String = out.trim_end_matches('_').chars().take(MAX_LENGTH).collect();
    out.trim_end_matches('_').to_owned()
}
