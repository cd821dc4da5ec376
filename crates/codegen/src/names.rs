//! Names of CTEs: each node's own name, made fit for SQL and different from all others.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, Node, Work};
use crate::members::Transform;
use crate::quality::Ruleset;
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

/// The CTE's name of every node, by its id; and names for the CTEs that nodes have beside those.
pub(crate) fn of_nodes(graph: &Graph) -> (BTreeMap<String, String>, Names) {
    let mut names = Names::default();
    let mut own = BTreeMap::new();
    let aliases = aliases(graph);
    for node in graph.nodes() {
        let wish = wish(node);
        // SQL within a node may use the name for something else; then it must not mean this node there, and engines refuse a CTE whose
        // name is visible already.
        let foreign = |name: &str| aliases.iter().any(|(alias, from)| *alias == name.to_lowercase() && from.as_deref() != Some(&node.id));
        let mut name = names.give(&wish);
        while foreign(&name) {
            name = names.give(&wish);
        }
        own.insert(node.id.clone(), name);
    }
    names.taken.extend(aliases.into_iter().map(|(alias, _)| alias));
    (own, names)
}

/// Names with a meaning within single nodes, in lower case: aliases with the node they stand for, and the CTEs of users' SQL.
fn aliases(graph: &Graph) -> BTreeSet<(String, Option<String>)> {
    let mut found = BTreeSet::new();
    for node in graph.nodes() {
        if let Work::Transform(Transform::SparkSql(query)) = &node.work {
            found.extend(query.sql_aliases.iter().map(|alias| (alias.alias.to_lowercase(), Some(alias.from.clone()))));
        }
        if let Work::Transform(Transform::EvaluateDataQualityMultiFrame(check)) = &node.work {
            found.extend(check.additional_data_sources.iter().map(|(alias, from)| (alias.to_lowercase(), Some(from.clone()))));
        }
        found.extend(own_sql(&node.work).iter().flat_map(|sql| ctes(sql)).map(|name| (name.to_lowercase(), None)));
    }
    found
}

/// The SQL that users wrote into a node.
fn own_sql(work: &Work) -> Vec<String> {
    match work {
        Work::Table { predicate, .. } => predicate.iter().cloned().collect(),
        Work::Direct(direct) => direct.predicate.iter().cloned().collect(),
        Work::Transform(Transform::SparkSql(query)) => vec![query.sql_query.clone()],
        Work::Transform(Transform::CustomFunction(spec)) => spec.columns.iter().map(|column| column.expression.clone()).collect(),
        Work::Transform(Transform::EvaluateDataQuality(check)) => of_rules(&check.ruleset),
        Work::Transform(Transform::EvaluateDataQualityMultiFrame(check)) => of_rules(&check.ruleset),
        Work::Transform(_) | Work::Target(_) => Vec::new(),
    }
}

/// Rules that cannot be read are refused when they are compiled.
fn of_rules(ruleset: &str) -> Vec<String> {
    Ruleset::parse(ruleset).map(|ruleset| ruleset.own_sql().into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

/// The names that a user's SQL may give to CTEs: what stands before `AS (`, also with a list of columns (`name (a, b) AS (`).
pub(crate) fn ctes(text: &str) -> Vec<String> {
    let tokens: Vec<Token<'_>> = sql::tokens(text).unwrap_or_default();
    let tokens: Vec<&Token<'_>> = tokens.iter().filter(|token| !matches!(token, Token::Space(_) | Token::Comment(_))).collect();
    let (mut names, mut open, mut list) = (Vec::new(), Vec::new(), None);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(') => open.push(at),
            // The list that has just ended: where it began.
            Token::Symbol(')') => list = open.pop().map(|from| (from, at)),
            Token::Word(word) if word.eq_ignore_ascii_case("as") && matches!(tokens.get(at + 1), Some(Token::Symbol('('))) => {
                let end = list.filter(|(_, to)| to + 1 == at).map_or(at, |(from, _)| from);
                match end.checked_sub(1).and_then(|before| tokens.get(before)) {
                    Some(Token::Word(name)) => names.push((*name).to_owned()),
                    Some(Token::Name(name)) => names.push(sql::unquote(name)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    names
}

fn wish(node: &Node) -> String {
    let name = fit(&node.name);
    let name = if name.chars().any(char::is_alphanumeric) { name } else { fit(&node.id) };
    // Judging quality and looking for personal data give CTEs names that begin so.
    let plain = name.chars().next().is_some_and(|c| !c.is_numeric()) && !name.starts_with("dq_") && !name.starts_with("pii_");
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
