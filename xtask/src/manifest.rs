//! Where versions are pinned: third-party crates in the root manifest only, crates of the house by path only.

use toml::Value;

use crate::Finding;
use crate::workspace::Package;

/// Checks the dependencies of one package; `names` are the packages of the house.
pub fn check(package: &Package, names: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, name, value) in package.dependencies() {
        let has = |key: &str| value.get(key).is_some();
        let ours = names.contains(&name);
        let wrong = if !ours && has("path") {
            Some(format!("expected `{name}` among the members of the workspace, found only its path"))
        } else if ours {
            (!has("path") || has("version")).then(|| format!("expected `{name} = {{ path = ... }}`, found {}", short(value)))
        } else {
            let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
            let pinned = ["version", "git", "registry"].into_iter().any(has);
            (!inherited || pinned)
                .then(|| format!("expected `{name}.workspace = true` and the version in the root manifest, found {}", short(value)))
        };
        findings.extend(wrong.map(|text| Finding::new(&package.path, package.line_of(kind, name), text)));
    }
    findings
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        Value::Table(table) => format!("a table with {}", table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        other => other.type_str().to_owned(),
    }
}
