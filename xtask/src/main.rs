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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("expected xtask to lie in the workspace's root")?;
    let findings = xtask::tidy(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
