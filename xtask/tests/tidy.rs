//! `cargo xtask tidy` as a test: the workspace keeps its own rules.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn the_workspace_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let findings: Vec<String> = xtask::tidy(root).unwrap().iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "expected no findings, found {}:\n{}", findings.len(), findings.join("\n"));
}
