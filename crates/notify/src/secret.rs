//! Secrets are never stored: rules and settings hold `${env:NAME}` or `${file:path}`, read at use.

use domain::{Error, Result};

fn inside<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    text.strip_prefix("${")?.strip_suffix('}')?.strip_prefix(kind)?.strip_prefix(':').filter(|rest| !rest.is_empty())
}

/// Refuses a secret in clear; `what` names the setting.
pub(crate) fn check(what: &str, text: &str) -> Result<()> {
    if inside(text, "env").or_else(|| inside(text, "file")).is_some() {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "{what} is given as ${{env:NAME}} or ${{file:path}}, so that the secret is not stored; found something else."
    )))
}

/// The value behind a reference; a file's without the line end. Errors never hold the secret.
pub(crate) fn resolve(what: &str, text: &str) -> Result<String> {
    check(what, text)?;
    if let Some(name) = inside(text, "env") {
        return std::env::var(name)
            .map_err(|_| Error::invalid_input(format!("{what}: the environment variable {name} should hold a value; it is not set.")));
    }
    let path = inside(text, "file").unwrap_or_default();
    std::fs::read_to_string(path)
        .map(|value| value.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|e| Error::invalid_input(format!("{what}: the file {path} should hold a value; it cannot be read.")).source(e))
}
