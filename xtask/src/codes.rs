//! Every error code has a page: `docs/errors/CODE.md`.

use crate::Finding;
use crate::lexer;
use crate::workspace::Source;

/// How a code is given to an error, and to a run's end.
const GIVEN: [&str; 2] = ["code(\"", "code: Some(\""];

/// Checks the codes that a source gives against the names of the pages there are.
pub fn check(source: &Source, pages: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for given in GIVEN {
        for (at, _) in source.text.match_indices(given) {
            let Some((code, _)) = source.text[at + given.len()..].split_once('"') else { continue };
            if is_code(code) && !pages.iter().any(|page| page == code) {
                let line = lexer::line_at(&source.text, at);
                findings.push(Finding::new(&source.path, line, format!("expected a page docs/errors/{code}.md, found none")));
            }
        }
    }
    findings
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
