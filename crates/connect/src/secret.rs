//! References to secrets, read when they are used and not before.

use domain::{Error, Result};

/// Whether the text is `${env:NAME}` or `${file:path}` as a whole.
pub(crate) fn is_reference(text: &str) -> bool {
    parse(text).is_some()
}

/// What the text stands for: itself, unless it is a reference. Errors never hold the secret.
pub(crate) fn resolve(text: &str) -> Result<String> {
    match parse(text) {
        None => Ok(text.to_owned()),
        Some(("env", name)) => std::env::var(name)
            .map_err(|_| Error::invalid_input(format!("The environment variable {name} should hold a value; it is not set."))),
        Some((_, path)) => std::fs::read_to_string(path)
            .map(|value| value.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|e| Error::invalid_input(format!("The file {path} should hold a value; it cannot be read.")).source(e)),
    }
}

fn parse(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix("${")?.strip_suffix('}')?;
    inside.split_once(':').filter(|(kind, name)| matches!(*kind, "env" | "file") && !name.is_empty())
}
