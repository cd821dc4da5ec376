//! What each kind of transform is in SQL. Every function takes a node's members and its inputs with their columns, and gives the body of
//! the CTE; nothing here knows other nodes.

mod aggregate;
mod condition;
mod empty;
mod fields;
mod fill;
mod join;
mod nested;
mod pivot;
mod sample;
mod sets;

use domain::{Error, Result};

pub(crate) use empty::{drop_null_fields, empty_columns};
pub(crate) use sample::{sample, sample_target};

use crate::graph::Node;
use crate::members::{SparkSql, Transform};
use crate::sql;
use crate::types::Input;

/// The bodies of a node's CTEs.
pub(crate) enum Made {
    One(String),
    /// By the name of the table.
    Many(Vec<(String, String)>),
}

/// A source's rows.
pub(crate) fn source(table: &str, predicate: Option<&str>) -> String {
    match predicate {
        None => format!("SELECT *\nFROM {table}"),
        // The condition may end in a comment, so the parenthesis has a line of its own.
        Some(predicate) => format!("SELECT *\nFROM {table}\nWHERE (\n{}\n)", sql::indent(predicate, 2)),
    }
}

/// The transforms that follow from their members and the columns of their inputs alone.
pub(crate) fn made(node: &Node, transform: &Transform, inputs: &[Input]) -> Result<Made> {
    let Some(input) = inputs.first() else { return Err(Error::internal("a transform without inputs")) };
    Ok(Made::One(match transform {
        Transform::ApplyMapping(spec) => fields::apply_mapping(spec, input)?,
        Transform::SelectFields(spec) => fields::select_fields(spec, input)?,
        Transform::DropFields(spec) => fields::drop_fields(spec, input)?,
        Transform::RenameField(spec) => fields::rename_field(spec, input)?,
        Transform::CustomFunction(spec) => fields::custom_function(spec, input)?,
        Transform::Join(spec) => join::join(spec, node, inputs)?,
        Transform::Union(spec) => sets::union(spec, inputs)?,
        Transform::Merge(spec) => sets::merge(spec, inputs)?,
        Transform::DropDuplicates(spec) => sets::drop_duplicates(spec, input)?,
        Transform::Filter(spec) => condition::filter(spec, input)?,
        Transform::Aggregate(spec) => aggregate::aggregate(spec, input)?,
        Transform::FillMissingValues(spec) => fill::fill(spec, input)?,
        Transform::Spigot(_) => format!("SELECT *\nFROM {}", input.cte),
        Transform::Flatten(spec) => nested::flatten(spec, input)?,
        Transform::Pivot(spec) => pivot::pivot(spec, input)?,
        Transform::Unpivot(spec) => pivot::unpivot(spec, input)?,
        Transform::Route(spec) => return condition::route(spec, input).map(Made::Many),
        Transform::SplitFields(spec) => return fields::split_fields(spec, input).map(Made::Many),
        Transform::Relationalize(spec) => return nested::relationalize(spec, input).map(Made::Many),
        Transform::SelectFromCollection(_)
        | Transform::SparkSql(_)
        | Transform::DropNullFields(_)
        | Transform::PiiDetection(_)
        | Transform::EvaluateDataQuality(_)
        | Transform::EvaluateDataQualityMultiFrame(_) => return Err(Error::internal("this transform is compiled elsewhere")),
    }))
}

/// A user's query: its aliases are CTEs within the node's own.
pub(crate) fn spark_sql(node: &Node, spec: &SparkSql, cte_of: impl Fn(&str) -> String) -> Result<String> {
    let query = sql::checked(&spec.sql_query, "SqlQuery")?;
    let mut ctes: Vec<String> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for alias in &spec.sql_aliases {
        if !node.inputs.contains(&alias.from) {
            return Err(Error::invalid_input(format!("expected one of its inputs in SqlAliases, found {:?}", alias.from)));
        }
        if seen.contains(&alias.alias.to_lowercase()) || alias.alias.is_empty() {
            return Err(Error::invalid_input(format!("expected each alias once, found {:?}", alias.alias)));
        }
        seen.push(alias.alias.to_lowercase());
        let cte = cte_of(&alias.from);
        let name = sql::identifier(&alias.alias);
        // An alias that is the node's own name is visible already.
        if cte != name {
            ctes.push(format!("  {name} AS (SELECT * FROM {cte})"));
        }
    }
    if ctes.is_empty() {
        return Ok(query);
    }
    let begins = sql::tokens(&query)?.into_iter().find(|token| !matches!(token, sql::Token::Space(_) | sql::Token::Comment(_)));
    let is_with = matches!(begins, Some(sql::Token::Word(word)) if word.eq_ignore_ascii_case("with"));
    let query = if is_with { format!("SELECT *\nFROM {}", sql::derived(&query, "query")) } else { query };
    Ok(format!("WITH\n{}\n{query}", ctes.join(",\n")))
}

/// A name (in lower case) that no column of the input has, for a column that only the node itself sees.
fn unused(input: &Input, wish: &str) -> String {
    let mut name = wish.to_owned();
    while input.fields.iter().any(|field| field.name.to_lowercase() == name) {
        name.push('_');
    }
    name
}

/// Fails where two columns of a result have one name; Spark does not tell cases apart, so neither does this.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(Error::invalid_input("expected a name for every column, found an empty one"));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(Error::invalid_input(format!("expected different names for its columns, found {name:?} twice")));
        }
    }
    Ok(())
}

/// The error of a column whose type does not fit.
fn unfit(column: &str, expected: &str, found: &str) -> Error {
    Error::invalid_data(format!("expected {expected} in the column {column:?}, found {found}")).code("JOB_COLUMN_TYPE")
}
