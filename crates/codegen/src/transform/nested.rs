//! Structs and lists made flat: Flatten, Relationalize.

use domain::{Error, Result};

use super::{distinct, unfit, unused};
use crate::members::{Flatten, Relationalize};
use crate::sql;
use crate::types::{Field, Input, Type};

/// A column below all structs.
struct Leaf {
    name: String,
    expression: String,
    kind: Type,
}

fn leaves(fields: &[Field], whole: Option<(&str, &str)>, separator: &str, out: &mut Vec<Leaf>) {
    for field in fields {
        let (name, expression) = match whole {
            None => (field.name.clone(), sql::identifier(&field.name)),
            Some((name, expression)) => (format!("{name}{separator}{}", field.name), format!("{expression}[{}]", sql::text(&field.name))),
        };
        match &field.kind {
            Type::Struct(members) => leaves(members, Some((&name, &expression)), separator, out),
            kind => out.push(Leaf { name, expression, kind: kind.clone() }),
        }
    }
}

pub(super) fn flatten(spec: &Flatten, input: &Input) -> Result<String> {
    let chosen = spec.paths.iter().map(|path| input.find(path).map(|found| found.path)).collect::<Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for field in &input.fields {
        if chosen.is_empty() || chosen.iter().any(|path| path.as_slice() == [field.name.clone()]) {
            leaves(std::slice::from_ref(field), None, &spec.separator, &mut found);
        } else {
            found.push(Leaf { name: field.name.clone(), expression: sql::identifier(&field.name), kind: field.kind.clone() });
        }
    }
    distinct(found.iter().map(|leaf| leaf.name.as_str()))?;
    let items: Vec<String> = found.iter().map(|leaf| sql::named(&leaf.expression, &leaf.name)).collect();
    Ok(sql::select(&items, &[format!("FROM {}", input.cte)]))
}

/// `root` and one table per list, named and with columns as Glue's: a list's column holds the number of its row, and the list's own
/// table has that as `id`, the place in the list as `index` from 0, and the element's columns under `list.val`.
pub(super) fn relationalize(spec: &Relationalize, input: &Input) -> Result<Vec<(String, String)>> {
    let keys = spec.keys.iter().map(|path| input.find(path).map(|found| found.sql)).collect::<Result<Vec<_>>>()?;
    let mut found = Vec::new();
    leaves(&input.fields, None, ".", &mut found);
    let has_lists = found.iter().any(|leaf| matches!(leaf.kind, Type::List(_)));
    let number = unused(input, "relational_id");
    let rows = if has_lists {
        // The same number in every table, which are computed apart: the order is by columns, not by chance.
        let numbered = format!("ROW_NUMBER() OVER (ORDER BY {}) AS {number}", input.numbering(&keys));
        sql::derived(&sql::select(&["*".to_owned(), numbered], &[format!("FROM {}", input.cte)]), "numbered")
    } else {
        input.cte.clone()
    };
    let mut tables = Vec::new();
    let walk = Walk { root: spec.root_table_name.as_str(), number };
    walk.table(walk.root, &[], &found, &rows, &mut tables)?;
    Ok(tables)
}

/// What all tables of one node have in common.
struct Walk<'a> {
    root: &'a str,
    /// The column with a row's own number, which the tables of its lists name.
    number: String,
}

impl Walk<'_> {
    /// Adds the table `key` of `rows`, then the tables of the lists in it: `root_items`, `root_items.val.tags`.
    fn table(&self, key: &str, head: &[&str], found: &[Leaf], rows: &str, out: &mut Vec<(String, String)>) -> Result<()> {
        distinct(found.iter().map(|leaf| leaf.name.as_str()))?;
        let mut items: Vec<String> = head.iter().map(|&column| column.to_owned()).collect();
        for leaf in found {
            items.push(match &leaf.kind {
                Type::List(_) => sql::named(&format!("CASE WHEN {} IS NOT NULL THEN {} END", leaf.expression, self.number), &leaf.name),
                Type::Other(kind) if kind.to_ascii_lowercase().starts_with("map") => {
                    return Err(unfit(&leaf.name, "structs and lists (take what you need out of a map with a SparkSQL node before)", kind));
                }
                _ => sql::named(&leaf.expression, &leaf.name),
            });
        }
        if items.is_empty() {
            return Err(Error::invalid_input("expected at least one column, found none"));
        }
        out.push((key.to_owned(), sql::select(&items, &[format!("FROM {rows}")])));
        for leaf in found {
            let Type::List(element) = &leaf.kind else { continue };
            let name = format!("{}.val", leaf.name);
            let mut inner = Vec::new();
            match element.as_ref() {
                Type::Struct(members) => leaves(members, Some((&name, "val")), ".", &mut inner),
                kind => inner.push(Leaf { name, expression: "val".to_owned(), kind: kind.clone() }),
            }
            let numbered = inner.iter().any(|leaf| matches!(leaf.kind, Type::List(_)));
            let own = format!("{}_{}", self.root, leaf.name);
            self.table(&own, &["id", "\"index\""], &inner, &self.elements(leaf, rows, numbered), out)?;
        }
        Ok(())
    }

    /// The elements of a list: `id`, `index`, `val`, and their own number where they have lists in turn.
    fn elements(&self, leaf: &Leaf, rows: &str, numbered: bool) -> String {
        let lists = format!("SELECT\n  {} AS id,\n  {} AS elements\nFROM {rows}", self.number, leaf.expression);
        let places = format!(
            "SELECT\n  id,\n  elements,\n  UNNEST(generate_series(1, CAST(CARDINALITY(elements) AS BIGINT))) AS place\nFROM {}\nWHERE CARDINALITY(elements) > 0",
            sql::derived(&lists, "lists")
        );
        let found = format!("SELECT\n  id,\n  place - 1 AS \"index\",\n  elements[place] AS val\nFROM {}", sql::derived(&places, "places"));
        let found = sql::derived(&found, "found");
        if !numbered {
            return found;
        }
        let query = format!("SELECT\n  *,\n  ROW_NUMBER() OVER (ORDER BY id, \"index\") AS {}\nFROM {found}", self.number);
        sql::derived(&query, "numbered")
    }
}
