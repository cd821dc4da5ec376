//! The part of JsonPath that Glue's JSON classifiers have.

/// A path from the top of a JSON text to its rows.
///
/// | written | leads to |
/// |---|---|
/// | `$` | the top of the text |
/// | `.name`, `['name']` | the member of an object |
/// | `.*`, `[*]` | every member of an object, every item of a list |
/// | `[3]` | one item of a list, from 0 |
///
/// So `$[*]` leads to the objects in a list, `$.a.b[*]` to those in a list inside, `$.*` to every member that is an object.
/// There are no filters, slices or descents (`..`), as in Glue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Item(usize),
    Any,
}

impl JsonPath {
    /// Reads a path. The error says what was expected and found.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |rest: &str| {
            format!("Expected a path such as $.items[*], made of .name, ['name'], [3], .* and [*]; found {rest:?} in {text:?}.")
        };
        let mut rest = text.trim().strip_prefix('$').ok_or_else(|| wrong(text))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = Self::step(rest).ok_or_else(|| wrong(rest))?;
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    fn step(rest: &str) -> Option<(Step, &str)> {
        if let Some(rest) = rest.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            return match name {
                "" => None,
                "*" => Some((Step::Any, after)),
                name => Some((Step::Member(name.to_owned()), after)),
            };
        }
        let inside = rest.strip_prefix('[')?;
        for quote in ['\'', '"'] {
            if let Some(quoted) = inside.strip_prefix(quote) {
                let (name, after) = quoted.split_once(quote)?;
                return Some((Step::Member(name.to_owned()), after.strip_prefix(']')?));
            }
        }
        let (index, after) = inside.split_once(']')?;
        let step = if index.trim() == "*" { Step::Any } else { Step::Item(index.trim().parse().ok()?) };
        Some((step, after))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}
