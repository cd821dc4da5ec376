//! Pages of lists, and the tokens that lead from one to the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Error, Result};
use serde_json::{Map, Value};

use crate::input::Input;
use crate::wire::Answer;

/// How a service spells its paging.
struct Spelling {
    max: &'static str,
    token: &'static str,
    limit: u64,
}

const PERSONALIZE: Spelling = Spelling { max: "maxResults", token: "nextToken", limit: 100 };
const GLUE: Spelling = Spelling { max: "MaxResults", token: "NextToken", limit: 1000 };

/// One page as Personalize sends it: `{member: [...], "nextToken": ...}`. `key` names an item for good.
pub(crate) fn personalize(input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    page(&PERSONALIZE, input, member, items)
}

/// One page as Glue sends it: `{member: [...], "NextToken": ...}`.
pub(crate) fn glue(input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    page(&GLUE, input, member, items)
}

fn page(spelling: &Spelling, input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    let limit = input.optional_number(spelling.max, 1, spelling.limit)?.unwrap_or(spelling.limit);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let start = match input.optional_text(spelling.token)? {
        None => 0,
        Some(token) => start(input.operation, token, &items)?,
    };
    let end = items.len().min(start.saturating_add(limit));
    let next = (end < items.len()).then(|| token(input.operation, &items[end - 1].0, end));
    let page: Vec<Value> = items.into_iter().take(end).skip(start).map(|(_, value)| value).collect();
    let mut answer = Map::new();
    answer.insert(member.into(), page.into());
    if let Some(next) = next {
        answer.insert(spelling.token.into(), next.into());
    }
    Ok(Answer::Json(answer.into()))
}

/// Opaque to clients: the operation, how many items came so far, and the last one's key.
fn token(operation: &str, last: &str, count: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{operation}\n{count}\n{last}"))
}

/// Where the page behind the token begins. The last item may be gone since: then its place counts.
fn start(operation: &str, token: &str, items: &[(String, Value)]) -> Result<usize> {
    let wrong =
        || Error::invalid_input(format!("The next token {token:?} is not one that {operation} gave out.")).code("INVALID_NEXT_TOKEN");
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    let mut fields = text.splitn(3, '\n');
    let (of, count, last) = (fields.next(), fields.next(), fields.next());
    let (Some(of), Some(count), Some(last)) = (of, count.and_then(|count| count.parse::<usize>().ok()), last) else { return Err(wrong()) };
    if of != operation {
        return Err(wrong());
    }
    let after_last = items.iter().position(|(key, _)| key == last).map(|index| index + 1);
    Ok(after_last.unwrap_or(count.saturating_sub(1)).min(items.len()))
}

#[cfg(test)]
mod tests;
