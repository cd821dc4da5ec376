//! `cargo xtask tidy` as a test: the workspace keeps its own rules.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn the_workspace_is_tidy() {
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let root = Path::new(&package).parent().unwrap();
    let findings: Vec<String> = xtask::tidy(root).unwrap().iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "expected no findings, found {}:\n{}", findings.len(), findings.join("\n"));
}
