//! Who may import whom. The table is the house's plan; a new row or a new word in a row is a decision, and ARCHITECTURE.md says why.

use crate::Finding;
use crate::workspace::Package;

/// A package and the packages of the house that it may import besides [`SPINE`] (where `spine` is true).
struct Row {
    package: &'static str,
    spine: bool,
    imports: &'static [&'static str],
}

/// What every stage stands on.
const SPINE: [&str; 3] = ["domain", "store", "runs"];
/// What tests of every package may import too.
const TEST_ONLY: [&str; 2] = ["testkit", "shop"];

const fn row(package: &'static str, spine: bool, imports: &'static [&'static str]) -> Row {
    Row { package, spine, imports }
}

/// In the order of the way of the data.
const TABLE: &[Row] = &[
    row("domain", false, &[]),
    row("store", false, &["domain"]),
    row("runs", false, &["domain", "store"]),
    row("connect", true, &[]),
    row("catalog", true, &["connect"]),
    row("codegen", false, &["domain"]),
    row("etl", true, &["connect", "catalog", "codegen"]),
    row("engine", true, &["connect", "catalog", "codegen", "etl"]),
    row("spark", true, &["connect", "catalog", "etl"]),
    row("dataset", true, &["connect"]),
    row("recipes", false, &["domain"]),
    row("evaluate", false, &["domain", "recipes"]),
    row("train", true, &["dataset", "recipes", "evaluate"]),
    row("events", true, &["dataset"]),
    row("serve", true, &["dataset", "recipes", "train", "events"]),
    row("workflow", true, &[]),
    row("pipeline", true, &["dataset", "train", "events", "serve"]),
    row("impact", true, &["connect", "catalog", "etl", "dataset", "workflow"]),
    row("notify", true, &[]),
    row(
        "api",
        true,
        &["connect", "catalog", "etl", "dataset", "recipes", "evaluate", "train", "events", "serve", "workflow", "impact", "notify"],
    ),
    row(
        "penchant",
        true,
        &[
            "connect", "catalog", "etl", "engine", "spark", "dataset", "recipes", "evaluate", "train", "events", "serve", "workflow",
            "pipeline", "impact", "notify", "api", "shop",
        ],
    ),
    row("shop", false, &[]),
    row("testkit", true, &[]),
    row("bench", false, &[]),
    row("xtask", false, &[]),
];

/// Checks the dependencies of one package on the others, whose names are `names`.
pub fn check(package: &Package, names: &[&str]) -> Vec<Finding> {
    let Some(row) = TABLE.iter().find(|row| row.package == package.name) else {
        return vec![Finding::new(&package.path, 1, format!("expected a row for `{}` in xtask/src/imports.rs, found none", package.name))];
    };
    let mut findings = Vec::new();
    for (kind, dependency, _) in package.dependencies() {
        let planned = row.imports.contains(&dependency) || (row.spine && SPINE.contains(&dependency));
        let for_tests = kind == "dev-dependencies" && TEST_ONLY.contains(&dependency);
        if names.contains(&dependency) && !planned && !for_tests {
            let text = format!("expected `{}` to import only {}, found `{dependency}` in {kind}", package.name, planned_words(row));
            findings.push(Finding::new(&package.path, package.line_of(kind, dependency), text));
        }
    }
    findings
}

fn planned_words(row: &Row) -> String {
    let spine = if row.spine { &SPINE[..] } else { &[] };
    let words: Vec<String> = spine.iter().chain(row.imports).map(|name| format!("`{name}`")).collect();
    if words.is_empty() { "nothing of the house".to_owned() } else { words.join(", ") }
}
