//! The chores of this repository. Takes the workspace as it lies on the disk, gives a list of findings; it changes nothing and knows no crate of the house.
//!
//! `tidy` checks the rules that neither the compiler nor clippy checks: who imports whom (`imports.rs`), who may link DataFusion (`lockfile.rs`), where versions
//! are pinned (`manifest.rs`), that error codes have a page (`codes.rs`), and how sources look (`source.rs`, on text whose comments and strings `lexer.rs` has blanked). It runs as a test as well.
//! Start reading at [`tidy`].

mod codes;
mod imports;
mod lexer;
mod lockfile;
mod manifest;
mod source;
mod workspace;

use std::fmt;
use std::path::Path;

use anyhow::Result;

pub use crate::workspace::Workspace;

/// Something that is not as the rules want it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the workspace's root.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What was expected, and what was found.
    pub text: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Checks the workspace at `root` and gives what is wrong, sorted by place.
///
/// # Errors
/// When a manifest or a source cannot be read, or a manifest is no TOML.
pub fn tidy(root: &Path) -> Result<Vec<Finding>> {
    Ok(check(&Workspace::read(root)?))
}

/// All checks on a workspace that has been read.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names: Vec<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &workspace.packages {
        findings.extend(imports::check(package, &names));
        findings.extend(manifest::check(package, &names));
        findings.extend(source::check_opening(package));
        for file in &package.sources {
            findings.extend(source::check(&package.name, file));
            findings.extend(codes::check(file, &workspace.error_pages));
        }
    }
    findings.extend(lockfile::check(&workspace.lock, &names));
    findings.extend(check_map(workspace, &names));
    findings.sort();
    findings
}

/// ARCHITECTURE.md, the map, names every package.
fn check_map(workspace: &Workspace, names: &[&str]) -> Vec<Finding> {
    let Some(map) = &workspace.architecture else {
        return vec![Finding::new("ARCHITECTURE.md", 1, "expected a map of the house, found no such file")];
    };
    let missing = names.iter().filter(|name| !map.contains(&format!("`{name}`")) && !map.contains(&format!("{name}/")));
    missing.map(|name| Finding::new("ARCHITECTURE.md", 1, format!("expected it to mention `{name}`, found it nowhere"))).collect()
}

#[cfg(test)]
mod tests;
