//! How a source looks: it opens with its purpose, stays short, reads no clock and no global chance, and says why a test is left out.

use crate::Finding;
use crate::lexer::{functions, line_at, masked, without_tests};
use crate::workspace::{Package, Source};

/// Longest file, in lines without tests.
const FILE_LINES: usize = 600;
/// Longest function, in lines.
const FUNCTION_LINES: usize = 70;

/// Calls that read the wall clock or global chance.
const IMPURE: [&str; 9] = [
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "rand::rng(",
    "rand::random",
    "thread_rng",
    "from_os_rng",
    "from_entropy",
];
/// The homes of clock and chance: one file, the composition root, and what only tests and measures.
const IMPURE_FILES: [&str; 1] = ["crates/domain/src/clock.rs"];
const IMPURE_PACKAGES: [&str; 3] = ["penchant", "testkit", "bench"];

/// The crate's first file says what the crate is for.
pub fn check_opening(package: &Package) -> Vec<Finding> {
    let opening =
        |name: &str| package.sources.iter().find(|source| source.path.ends_with(name) && source.path.matches("src/").count() == 1);
    let Some(source) = opening("/src/lib.rs").or_else(|| opening("/src/main.rs")) else {
        return vec![Finding::new(&package.path, 1, "expected src/lib.rs or src/main.rs, found neither")];
    };
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    let first = source.text.lines().next().unwrap_or_default();
    vec![Finding::new(&source.path, 1, format!("expected the crate's purpose in a `//!` comment, found `{first}`"))]
}

/// Checks one file of the package `package`.
pub fn check(package: &str, source: &Source) -> Vec<Finding> {
    let masked = masked(&source.text);
    let mut findings = unexplained_ignores(source, &masked);
    if source.is_test() {
        return findings;
    }
    let code = without_tests(&masked);
    findings.extend(long_file(source, &masked, &code));
    findings.extend(long_functions(source, &code));
    if !IMPURE_PACKAGES.contains(&package) && !IMPURE_FILES.contains(&source.path.as_str()) {
        findings.extend(impure_calls(source, &code));
    }
    findings
}

fn long_file(source: &Source, masked: &str, code: &str) -> Option<Finding> {
    let tests = masked.lines().zip(code.lines()).filter(|(before, after)| before != after).count();
    let lines = source.text.lines().count() - tests;
    let text = format!("expected at most {FILE_LINES} lines without tests, found {lines}");
    (lines > FILE_LINES).then(|| Finding::new(&source.path, FILE_LINES + 1, text))
}

fn long_functions(source: &Source, code: &str) -> Vec<Finding> {
    let long = functions(code).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES);
    let text = |name, lines| format!("expected at most {FUNCTION_LINES} lines in a function, found {lines} in `{name}`");
    long.map(|(name, line, lines)| Finding::new(&source.path, line, text(name, lines))).collect()
}

fn impure_calls(source: &Source, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for call in IMPURE {
        for (at, _) in code.match_indices(call) {
            let text = format!("expected a Clock or a seed that is passed in, found `{call}`");
            findings.push(Finding::new(&source.path, line_at(code, at), text));
        }
    }
    findings
}

fn unexplained_ignores(source: &Source, masked: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, mark) in masked.match_indices("#[ignore") {
        let rest = source.text[at + mark.len()..].trim_start();
        let reason = rest.strip_prefix('=').map(str::trim_start).and_then(|rest| rest.strip_prefix('"'));
        if reason.is_none_or(|reason| reason.starts_with('"')) {
            let text = "expected `#[ignore = \"the reason\"]`, found no reason";
            findings.push(Finding::new(&source.path, line_at(masked, at), text));
        }
    }
    findings
}
