//! Pages of lists, and the tokens that lead from one to the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::Page;
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
const EVENTBRIDGE: Spelling = Spelling { max: "Limit", token: "NextToken", limit: 100 };

/// One page as Personalize sends it: `{member: [...], "nextToken": ...}`. `key` names an item for good.
pub(crate) fn personalize(input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    page(&PERSONALIZE, input, member, items)
}

/// One page as Glue sends it: `{member: [...], "NextToken": ...}`.
pub(crate) fn glue(input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    page(&GLUE, input, member, items)
}

/// The page that Glue's members ask for, of a list that is read from the store a page at a time.
pub(crate) fn range(input: &Input) -> Result<Page> {
    let limit = limit(&GLUE, input)?;
    let after = match input.optional_text(GLUE.token)? {
        None => String::new(),
        Some(token) => read_token(input.operation, token)?.1,
    };
    Ok(Page { after, limit })
}

/// The answer to [`range`]. `next` is what the next page comes after.
pub(crate) fn ranged(input: &Input, member: &str, items: Vec<Value>, next: Option<String>) -> Answer {
    answer(&GLUE, member, items, next.map(|last| token(input.operation, &last, 0)))
}

fn limit(spelling: &Spelling, input: &Input) -> Result<usize> {
    let limit = input.optional_number(spelling.max, 1, spelling.limit)?.unwrap_or(spelling.limit);
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

fn answer(spelling: &Spelling, member: &str, items: Vec<Value>, next: Option<String>) -> Answer {
    let mut answer = Map::new();
    answer.insert(member.into(), items.into());
    if let Some(next) = next {
        answer.insert(spelling.token.into(), next.into());
    }
    Answer::Json(answer.into())
}

/// One page as EventBridge sends it: `{member: [...], "NextToken": ...}`. `key` names an item for good.
pub(crate) fn eventbridge(input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    page(&EVENTBRIDGE, input, member, items)
}

fn page(spelling: &Spelling, input: &Input, member: &str, items: Vec<(String, Value)>) -> Result<Answer> {
    let limit = limit(spelling, input)?;
    let start = match input.optional_text(spelling.token)? {
        None => 0,
        Some(token) => start(input.operation, token, &items)?,
    };
    let end = items.len().min(start.saturating_add(limit));
    let next = (end < items.len()).then(|| token(input.operation, &items[end - 1].0, end));
    let page: Vec<Value> = items.into_iter().take(end).skip(start).map(|(_, value)| value).collect();
    Ok(answer(spelling, member, page, next))
}

/// Opaque to clients: the operation, how many items came so far, and the last one's key.
fn token(operation: &str, last: &str, count: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{operation}\n{count}\n{last}"))
}

/// Where the page behind the token begins. The last item may be gone since: then its place counts.
fn start(operation: &str, token: &str, items: &[(String, Value)]) -> Result<usize> {
    let (count, last) = read_token(operation, token)?;
    let after_last = items.iter().position(|(key, _)| *key == last).map(|index| index + 1);
    Ok(after_last.unwrap_or(count.saturating_sub(1)).min(items.len()))
}

/// How many items came so far, and the last one's key.
fn read_token(operation: &str, token: &str) -> Result<(usize, String)> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut fields = text.splitn(3, '\n');
        let of = fields.next()?;
        let count = fields.next()?.parse().ok()?;
        (of == operation).then_some(())?;
        Some((count, fields.next()?.to_owned()))
    };
    read().ok_or_else(|| {
        Error::invalid_input(format!("The next token {token:?} is not one that {operation} gave out.")).code("INVALID_NEXT_TOKEN")
    })
}

#[cfg(test)]
mod tests;
