//! Who links the heavy tree. The lockfile knows all edges, those of tests and of switched-off features included: a crate that waits for DataFusion only in its tests waits too.

use std::collections::{BTreeMap, VecDeque};

use toml::{Table, Value};

use crate::Finding;

/// The crate that costs most of the build.
const HEAVY: &str = "datafusion";
/// The packages that may reach it.
const MAY_REACH: [&str; 2] = ["engine", "penchant"];

/// Checks that no other package of the house reaches the heavy tree.
pub fn check(lock: &Table, names: &[&str]) -> Vec<Finding> {
    let edges = edges(lock);
    let mut findings = Vec::new();
    for name in names.iter().filter(|name| !MAY_REACH.contains(name)) {
        if let Some(way) = way(&edges, name) {
            let text = format!("expected only {} to reach {HEAVY}, found {}", MAY_REACH.join(" and "), way.join(" -> "));
            findings.push(Finding::new("Cargo.lock", 1, text));
        }
    }
    findings
}

/// Each package with what it depends on, both as `name` where the name is unique in the lockfile and `name version` otherwise.
fn edges(lock: &Table) -> BTreeMap<String, Vec<String>> {
    let text = |package: &Value, key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let packages = lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut edges = BTreeMap::new();
    for package in packages {
        let dependencies = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let dependencies: Vec<String> = dependencies.filter_map(Value::as_str).map(str::to_owned).collect();
        let (name, version) = (text(package, "name"), text(package, "version"));
        edges.insert(format!("{name} {version}"), dependencies.clone());
        edges.insert(name, dependencies);
    }
    edges
}

/// The shortest way from a package to the heavy tree.
fn way<'a>(edges: &'a BTreeMap<String, Vec<String>>, from: &'a str) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::from([(from, "")]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at.starts_with(HEAVY) {
            let mut way = vec![at];
            while let Some(previous) = before.get(way[way.len() - 1]).filter(|previous| !previous.is_empty()) {
                way.push(previous);
            }
            way.reverse();
            return Some(way);
        }
        for next in edges.get(at).into_iter().flatten() {
            if !before.contains_key(next.as_str()) {
                before.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}
