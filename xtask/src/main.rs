//! `cargo xtask COMMAND`: the chores of this repository. `tidy` is the only one so far.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "usage: cargo xtask tidy\n\n  tidy   check the rules of the house (ARCHITECTURE.md); one line for each finding";

fn main() -> Result<ExitCode> {
    let commands: Vec<String> = std::env::args().skip(1).collect();
    if commands != ["tidy"] {
        eprintln!("{USAGE}");
        return Ok(ExitCode::from(2));
    }
    // Asked for now, not when it was compiled: two clones may share one target folder.
    let package = std::env::var("CARGO_MANIFEST_DIR").context("expected cargo to start xtask: cargo xtask tidy")?;
    let root = Path::new(&package).parent().context("expected xtask to lie in the workspace's root")?;
    let findings = xtask::tidy(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
