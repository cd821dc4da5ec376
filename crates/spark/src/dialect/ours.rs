//! Functions of ours, out of functions that Spark and Sail both have.
//!
//! A value that is needed often is bound by `transform` over a list of one, so that texts do not grow with the depth of calls.

use std::fmt::Write as _;
use std::sync::LazyLock;

use domain::{Error, Result};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::calls::Call;
use super::text::literal;

/// Functions of ours, and how many arguments they take.
const ARGUMENTS: [(&str, usize); 10] = [
    ("normalize_text", 1),
    ("sha256_hex", 1),
    ("md5", 1),
    ("epoch_seconds", 1),
    ("parse_timestamp", 1),
    ("parse_date", 1),
    ("json_get", 2),
    ("safe_divide", 2),
    ("jaro_winkler", 2),
    ("levenshtein", 2),
];

/// The call of a function of ours; nothing for a function that is not.
pub(super) fn translate(name: &str, call: &Call<'_>) -> Option<Result<String>> {
    let (_, count) = ARGUMENTS.iter().find(|(known, _)| *known == name)?;
    if *count != call.args.len() {
        let found = call.args.len();
        let text = format!("The query cannot be carried out: the function {name} takes {count} arguments; found {found}.");
        return Some(Err(Error::invalid_input(text)));
    }
    let one = call.exactly::<1>();
    let two = call.exactly::<2>();
    let text = match (name, one, two) {
        ("normalize_text", Some([text]), _) => normalize_text(text),
        ("sha256_hex", Some([text]), _) => format!("sha2({text}, 256)"),
        ("md5", Some([text]), _) => format!("md5(CAST({text} AS STRING))"),
        ("epoch_seconds", Some([text]), _) => with(text, "m", &epoch_micros("m"), seconds),
        ("parse_timestamp", Some([text]), _) => with(text, "m", &epoch_micros("m"), in_common_era),
        ("parse_date", Some([text]), _) => with(text, "m", &epoch_micros("m"), |micros| format!("CAST({} AS DATE)", in_common_era(micros))),
        ("json_get", _, Some([text, path])) => json_get(text, path, call),
        ("safe_divide", _, Some([a, b])) => format!("(CAST({a} AS DOUBLE) / NULLIF(CAST({b} AS DOUBLE), 0D))"),
        ("jaro_winkler", _, Some([a, b])) => jaro_winkler(a, b),
        ("levenshtein", _, Some([a, b])) => format!("levenshtein({a}, {b})"),
        _ => return None,
    };
    Some(Ok(text))
}

/// `body` over the value of `inner`, which is an expression over `variable`, which is `value`.
fn with(value: &str, variable: &str, inner: &str, body: impl FnOnce(&str) -> String) -> String {
    bind(value, variable, &bind(inner, "u", &body("u")))
}

/// `body` with `variable` in the place of `value`.
fn bind(value: &str, variable: &str, body: &str) -> String {
    format!("element_at(transform(array({value}), {variable} -> {body}), 1)")
}

/// Of the second that has begun, before 1970 too; not every server's own function looks down.
fn seconds(micros: &str) -> String {
    format!("CASE WHEN {micros} < 0 THEN ({micros} - 999999L) DIV 1000000L ELSE {micros} DIV 1000000L END")
}

/// JSON's null is null for Spark where it is a member's value, and the text `null` where it is an item or the whole.
fn json_get(text: &str, path: &str, call: &Call<'_>) -> String {
    let found = format!("get_json_object({text}, {path})");
    let is_item = |path: &str| path == "$" || (path.ends_with(']') && !path.ends_with("']") && !path.ends_with("\"]"));
    if call.fact.literal(1).is_some_and(is_item) { format!("nullif({found}, 'null')") } else { found }
}

/// The years 1 to 9999, in microseconds.
fn in_common_era(micros: &str) -> String {
    format!("CASE WHEN {micros} >= -62135596800000000L AND {micros} < 253402300800000000L THEN timestamp_micros({micros}) END")
}

/// Letters that are one letter without their marks, and that letter. Unicode has more of them: these are Latin, Greek, Cyrillic, raised
/// and lowered digits, and the wide forms of ASCII.
static PLAIN: LazyLock<(String, String)> = LazyLock::new(|| {
    let ranges = ['\u{a0}'..='\u{24f}', '\u{370}'..='\u{4ff}', '\u{1e00}'..='\u{1fff}', '\u{2070}'..='\u{209c}', '\u{ff01}'..='\u{ff5e}'];
    let (mut marked, mut plain) = (String::new(), String::new());
    for letter in ranges.into_iter().flatten() {
        let mut parts = letter.nfkd().filter(|c| !is_combining_mark(*c));
        if let (Some(only), None) = (parts.next(), parts.next())
            && only != letter
            && letter.is_alphanumeric()
        {
            marked.push(letter);
            plain.push(only);
        }
    }
    (literal(&marked), literal(&plain))
});

/// Signs that are several letters.
const SIGNS: [&str; 12] = ["№", "™", "℡", "ﬀ", "ﬁ", "ﬂ", "ﬃ", "ﬄ", "ĳ", "Ĳ", "½", "¼"];

fn normalize_text(text: &str) -> String {
    let (marked, plain) = &*PLAIN;
    let mut inner = format!("regexp_replace(translate({text}, {marked}, {plain}), '\\\\p{{M}}+', '')");
    for sign in SIGNS {
        let parts: String = sign.nfkd().collect();
        inner = format!("replace({inner}, {}, {})", literal(sign), literal(&parts));
    }
    format!("trim(regexp_replace(lower({inner}), '[^\\\\p{{L}}\\\\p{{N}}]+', ' '))")
}

/// A day, then perhaps a time, then perhaps a zone.
const MOMENT: &str = r"^\s*(?:([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})|([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})|([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}))(?:[T ]\s*(?:([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,9}))?)?)?\s*(?:[Zz]|([+-])([0-9]{1,2})(?::?([0-9]{2}))?)?)?\s*$";
/// Its parts: day, hour, minute, second, fraction, sign, hours and minutes of the zone.
const PARTS: &str = "$1$6$9-$2$5$7-$3$4$8|$10|$11|$12|$13|$14|$15|$16|";
/// The last part is empty, so that it is never mistaken for something else.
const COUNT: usize = 9;

/// Microseconds since 1970 of the text `text`, a name; null where it cannot be read.
fn epoch_micros(text: &str) -> String {
    let digits = format!("regexp_replace({text}, {}, '')", literal(r"^\s+|\s+$"));
    let number = format!("TRY_CAST({digits} AS BIGINT)");
    let seconds_or_millis = format!(
        "CASE WHEN length(replace({digits}, '-', '')) >= 12 THEN CASE WHEN abs({number}) < 900000000000000000L THEN {number} * 1000L END \
         WHEN true THEN {number} * 1000000L END"
    );
    let split = format!("split(regexp_replace({text}, {}, {}), '[|]')", literal(MOMENT), literal(PARTS));
    // Places in this list count from 0.
    let whole = |at: usize| format!("coalesce(TRY_CAST(p[{at}] AS INT), 0)");
    let day = "TRY_CAST(concat(lpad(split(p[0], '-')[0], 4, '0'), '-', lpad(split(p[0], '-')[1], 2, '0'), '-', lpad(split(p[0], '-')[2], 2, '0')) AS DATE)";
    let mut seconds = format!("CAST(datediff({day}, DATE '1970-01-01') AS BIGINT) * 86400L");
    let _ = write!(seconds, " + {} * 3600L + {} * 60L + {}", whole(1), whole(2), whole(3));
    let _ = write!(seconds, " - CASE WHEN p[5] = '-' THEN -1L ELSE 1L END * ({} * 3600L + {} * 60L)", whole(6), whole(7));
    let fits = format!("{} < 24 AND {} < 60 AND {} < 60 AND {} <= 14 AND {} < 60", whole(1), whole(2), whole(3), whole(6), whole(7));
    let fraction = "CAST(rpad(substring(p[4], 1, 6), 6, '0') AS BIGINT)";
    let moment = format!("CASE WHEN size(p) = {COUNT} THEN CASE WHEN {fits} THEN ({seconds}) * 1000000L + {fraction} END END");
    format!(
        "CASE WHEN {text} RLIKE {} THEN {seconds_or_millis} WHEN {text} RLIKE {} THEN {} END",
        literal(r"^\s*-?[0-9]+\s*$"),
        literal(MOMENT),
        bind(&split, "p", &moment)
    )
}

/// Jaro's similarity raised by up to four common first letters, always.
fn jaro_winkler(a: &str, b: &str) -> String {
    // Letters match when they are equal and not further apart than the window; each letter of b matches once.
    let window = "greatest(greatest(length(w.a), length(w.b)) DIV 2 - 1, 0)";
    let candidates = format!(
        "filter(sequence(1, length(w.b)), j -> substring(w.b, j, 1) = substring(w.a, i, 1) AND abs(j - i) <= {window} AND NOT array_contains(s.u, j))"
    );
    let step = format!(
        "element_at(transform(array(try_element_at({candidates}, 1)), j -> CASE WHEN j IS NULL THEN s ELSE \
         named_struct('u', concat(s.u, array(j)), 'm', concat(s.m, array(substring(w.a, i, 1)))) END), 1)"
    );
    let empty = "named_struct('u', CAST(array() AS ARRAY<INT>), 'm', CAST(array() AS ARRAY<STRING>))";
    let matches = format!("aggregate(sequence(1, length(w.a)), {empty}, (s, i) -> {step})");
    let swapped =
        "size(filter(sequence(1, size(v.m)), k -> element_at(v.m, k) <> substring(w.b, element_at(array_sort(v.u), k), 1))) DIV 2";
    let count = "CAST(size(v.m) AS DOUBLE)";
    let jaro = format!(
        "CASE WHEN size(v.m) = 0 THEN 0D ELSE ({count} / length(w.a) + {count} / length(w.b) + ({count} - {swapped}) / {count}) / 3D END"
    );
    let same = |letters: usize| {
        format!("substring(w.a, 1, {letters}) = substring(w.b, 1, {letters}) AND least(length(w.a), length(w.b)) >= {letters}")
    };
    let prefix = format!("CASE WHEN {} THEN 4 WHEN {} THEN 3 WHEN {} THEN 2 WHEN {} THEN 1 ELSE 0 END", same(4), same(3), same(2), same(1));
    let raised = bind(&bind(&matches, "v", &jaro), "q", &format!("q + ({prefix}) * 0.1D * (1D - q)"));
    let whole = format!(
        "CASE WHEN w.a IS NULL OR w.b IS NULL THEN NULL WHEN w.a = w.b THEN 1D WHEN w.a = '' OR w.b = '' THEN 0D ELSE {raised} END"
    );
    bind(&format!("named_struct('a', {a}, 'b', {b})"), "w", &whole)
}
