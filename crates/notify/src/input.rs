//! What of an event a target gets to see: all, a part, a constant, or a template with parts of the event in it.

use std::collections::BTreeMap;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;
use crate::rule::Target;

/// `<name>` in the template stands for what `$.path` of the event is. Within quotes a text goes in bare, elsewhere as JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct InputTransformer {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub input_paths_map: BTreeMap<String, String>,
    pub input_template: String,
}

/// The target's own input; nothing where it takes the event as it is.
pub(crate) fn transformed(target: &Target, rule: &str, event: &Event) -> Result<Option<Value>> {
    if let Some(constant) = &target.input {
        return Ok(Some(json_or_text(constant)));
    }
    if let Some(path) = &target.input_path {
        return Ok(Some(find(&event.to_value()?, path).cloned().unwrap_or_default()));
    }
    let Some(transformer) = &target.input_transformer else { return Ok(None) };
    let value = event.to_value()?;
    let mut known: BTreeMap<&str, Value> =
        transformer.input_paths_map.iter().map(|(name, path)| (name.as_str(), find(&value, path).cloned().unwrap_or_default())).collect();
    known.insert("aws.events.rule-name", rule.into());
    known.insert("aws.events.event.ingestion-time", event.time.clone().into());
    known.insert("aws.events.event.json", value);
    Ok(Some(json_or_text(&filled(&transformer.input_template, &known))))
}

/// Refuses paths and templates that cannot mean anything.
pub(crate) fn check(target: &Target) -> Result<()> {
    let place = |what: &str| format!("Target {:?}: {what}", target.id);
    let given = [target.input.is_some(), target.input_path.is_some(), target.input_transformer.is_some()];
    if given.iter().filter(|given| **given).count() > 1 {
        return Err(Error::invalid_input(place("one of Input, InputPath and InputTransformer is expected; found several.")));
    }
    let paths = target.input_transformer.iter().flat_map(|transformer| transformer.input_paths_map.values());
    match target.input_path.iter().chain(paths).find(|path| !path.starts_with('$')) {
        Some(path) => Err(Error::invalid_input(place(&format!("a path such as $.detail.tableName is expected; found {path:?}.")))),
        None => Ok(()),
    }
}

/// `$.detail.items[0].name`
fn find<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    let steps = path.strip_prefix('$')?.split(['.', '[']).filter(|step| !step.is_empty());
    steps.into_iter().try_fold(event, |value, step| match step.strip_suffix(']') {
        Some(index) => match index.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(index.trim_matches(['\'', '"'])),
        },
        None => value.get(step),
    })
}

fn filled(template: &str, known: &BTreeMap<&str, Value>) -> String {
    let (mut out, mut rest, mut quoted) = (String::new(), template, false);
    while let Some(next) = rest.chars().next() {
        let end = rest.find('>').filter(|_| next == '<');
        if let Some((end, value)) = end.and_then(|end| Some((end, known.get(&rest[1..end])?))) {
            match (quoted, value) {
                (true, Value::Null) => {}
                // As JSON without its quotes: line ends and quotes stay escaped.
                (true, Value::String(_)) => {
                    let json = value.to_string();
                    out.push_str(&json[1..json.len() - 1]);
                }
                (true, other) => out.push_str(other.to_string().replace('\\', "\\\\").replace('"', "\\\"").as_str()),
                (false, other) => out.push_str(&other.to_string()),
            }
            rest = &rest[end + 1..];
            continue;
        }
        let escaped = next == '\\';
        quoted ^= next == '"';
        let taken = if escaped { rest.chars().take(2).map(char::len_utf8).sum() } else { next.len_utf8() };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
