//! Join: all columns of the left input, then all of the right; a right one whose name is taken gets the prefix `right_`.

use domain::{Error, Result};

use super::unfit;
use crate::graph::Node;
use crate::members::{Join, JoinType, Path};
use crate::sql;
use crate::types::{Input, Type};

pub(super) fn join(spec: &Join, node: &Node, inputs: &[Input]) -> Result<String> {
    let [left, right] = inputs else { return Err(Error::internal("a join has two inputs")) };
    let (left_keys, right_keys) = keys(spec, node)?;
    let mut on = Vec::new();
    for (a, b) in left_keys.iter().zip(right_keys) {
        let (a, b) = (left.find_in(a, "l.")?, right.find_in(b, "r.")?);
        if !comparable(a.kind, b.kind) {
            let expected = format!("{} as in the key {:?} of {}", a.kind.words(), a.path.join("."), left.cte);
            return Err(unfit(&b.path.join("."), &expected, &b.kind.words()));
        }
        on.push(format!("{} = {}", a.sql, b.sql));
    }
    let keyword = match spec.join_type {
        JoinType::Equijoin => "INNER JOIN",
        JoinType::Left => "LEFT JOIN",
        JoinType::Right => "RIGHT JOIN",
        JoinType::Outer => "FULL JOIN",
        JoinType::LeftSemi => "LEFT SEMI JOIN",
        JoinType::LeftAnti => "LEFT ANTI JOIN",
    };
    let semi = matches!(spec.join_type, JoinType::LeftSemi | JoinType::LeftAnti);
    let clauses = [format!("FROM {} AS l", left.cte), format!("{keyword} {} AS r", right.cte), format!("  ON {}", on.join("\n  AND "))];
    Ok(sql::select(&columns(left, right, semi), &clauses))
}

fn comparable(a: &Type, b: &Type) -> bool {
    a.is_scalar() && b.is_scalar() && a.common(b).is_some()
}

/// `Columns` says by node id whose keys are whose; where both sides are one node, by order.
fn keys<'a>(spec: &'a Join, node: &Node) -> Result<(&'a [Path], &'a [Path])> {
    let ([first, second], [left, right]) = (spec.columns.as_slice(), node.inputs.as_slice()) else {
        return Err(Error::invalid_input(format!("expected the keys of two inputs in Columns, found {}", spec.columns.len())));
    };
    let (l, r) = match () {
        () if first.from == *left && second.from == *right => (first, second),
        () if first.from == *right && second.from == *left => (second, first),
        () => {
            let text = format!("expected its inputs {left:?} and {right:?} in Columns, found {:?} and {:?}", first.from, second.from);
            return Err(Error::invalid_input(text));
        }
    };
    if l.keys.is_empty() || l.keys.len() != r.keys.len() {
        return Err(Error::invalid_input(format!("expected as many keys on both sides, found {} and {}", l.keys.len(), r.keys.len())));
    }
    Ok((&l.keys, &r.keys))
}

fn columns(left: &Input, right: &Input, semi: bool) -> Vec<String> {
    let mut items: Vec<String> = left.fields.iter().map(|field| format!("l.{}", sql::identifier(&field.name))).collect();
    if semi {
        return items;
    }
    let mut taken: Vec<String> = left.fields.iter().map(|field| field.name.to_lowercase()).collect();
    // A name that needs no prefix keeps it, whatever a prefixed one would like to be called.
    let free: Vec<String> = right.fields.iter().map(|field| field.name.to_lowercase()).filter(|name| !taken.contains(name)).collect();
    for field in &right.fields {
        let mut name = field.name.clone();
        while taken.contains(&name.to_lowercase()) || (name != field.name && free.contains(&name.to_lowercase())) {
            name = format!("right_{name}");
        }
        taken.push(name.to_lowercase());
        items.push(sql::named(&format!("r.{}", sql::identifier(&field.name)), &name));
    }
    items
}
