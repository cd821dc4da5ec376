//! Calls of functions.

use domain::Result;
use sqlparser::ast::{DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, OrderByExpr};

use super::expressions::{Fact, whole};
use super::kinds::Kind;
use super::text::{literal, widen};
use super::{dates, ours, place_nulls, unsupported};

/// A call in pieces, its arguments translated.
pub(super) struct Call<'a> {
    pub args: Vec<String>,
    pub fact: &'a Fact,
    distinct: bool,
    orders: Vec<OrderByExpr>,
    /// FILTER and OVER, which belong to the aggregate inside of whatever is written around it.
    suffix: String,
}

/// Functions whose whole numbers must be BIGINT.
const WIDENED: [&str; 8] = ["coalesce", "nullif", "greatest", "least", "sum", "nvl", "ifnull", "safe_divide"];

/// Before the arguments are looked at.
pub(super) fn prepare(function: &mut Function) {
    let wide = WIDENED.contains(&function.name.to_string().to_lowercase().as_str());
    if let FunctionArguments::List(list) = &mut function.args {
        for clause in &mut list.clauses {
            if let FunctionArgumentClause::OrderBy(orders) = clause {
                place_nulls(orders);
            }
        }
        for argument in list.args.iter_mut().filter(|_| wide) {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                widen(expr);
            }
        }
    }
}

/// What the call is in Spark's words; nothing where it stays as it is.
pub(super) fn translate(function: &Function, fact: &Fact) -> Result<Option<String>> {
    let name = function.name.to_string().to_lowercase();
    let call = Call::of(function, fact);
    if let Some(text) = ours::translate(&name, &call) {
        return text.map(Some);
    }
    let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
    for attempt in [texts, lists, numbers, moments] {
        if let Some(text) = attempt(&name, &args, &call)? {
            return Ok(Some(format!("{text}{}", call.suffix)));
        }
    }
    aggregates(&name, &args, &call)
}

impl<'a> Call<'a> {
    fn of(function: &Function, fact: &'a Fact) -> Self {
        let mut call = Self { args: Vec::new(), fact, distinct: false, orders: Vec::new(), suffix: String::new() };
        if let FunctionArguments::List(list) = &function.args {
            call.args = list.args.iter().map(ToString::to_string).collect();
            call.distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
            for clause in &list.clauses {
                if let FunctionArgumentClause::OrderBy(orders) = clause {
                    call.orders.clone_from(orders);
                }
            }
        }
        if call.orders.is_empty() {
            call.orders.clone_from(&function.within_group);
        }
        if let Some(filter) = &function.filter {
            call.suffix.push_str(&format!(" FILTER (WHERE {filter})"));
        }
        if let Some(treatment) = &function.null_treatment {
            call.suffix.push_str(&format!(" {treatment}"));
        }
        if let Some(over) = &function.over {
            call.suffix.push_str(&format!(" OVER {over}"));
        }
        call
    }

    /// The arguments' texts, where there are so many.
    pub fn exactly<const N: usize>(&self) -> Option<[&str; N]> {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        args.try_into().ok()
    }

    fn distinct(&self) -> &'static str {
        if self.distinct { "DISTINCT " } else { "" }
    }

    fn is_windowed(&self) -> bool {
        self.suffix.contains(" OVER ")
    }
}

/// A function of Spark's with these arguments.
fn call(name: &str, args: &[&str]) -> Option<String> {
    Some(format!("{name}({})", args.join(", ")))
}

fn texts(name: &str, args: &[&str], all: &Call<'_>) -> Result<Option<String>> {
    Ok(match (name, args) {
        // Null is left out, as an empty text would be.
        ("concat", args) => Some(format!("concat_ws('', {})", strings(args).join(", "))),
        ("concat_ws", [separator, rest @ ..]) => Some(format!("concat_ws({separator}, {})", strings(rest).join(", "))),
        ("substr" | "substring", [text, start]) => Some(substring(text, start, None)),
        ("substr" | "substring", [text, start, length]) => Some(substring(text, start, Some(length))),
        ("strpos" | "instr" | "position", [text, part]) => call("instr", &[text, part]),
        ("starts_with", [a, b]) => call("startswith", &[a, b]),
        ("ends_with", [a, b]) => call("endswith", &[a, b]),
        ("ltrim", [text, letters]) => Some(format!("TRIM(LEADING {letters} FROM {text})")),
        ("rtrim", [text, letters]) => Some(format!("TRIM(TRAILING {letters} FROM {text})")),
        ("btrim" | "trim", [text, letters]) => Some(format!("TRIM(BOTH {letters} FROM {text})")),
        ("btrim", [text]) => call("trim", &[text]),
        ("lpad" | "rpad", [text, length]) => call(name, &[text, length, "' '"]),
        ("to_hex", [number]) => Some(format!("lower(hex({number}))")),
        ("sha256", [text]) => Some(format!("unhex(sha2({text}, 256))")),
        ("encode", [bytes, _]) => match all.fact.literal(1) {
            Some("hex") => Some(format!("lower(hex({bytes}))")),
            Some("base64") => Some(format!("replace(base64({bytes}), '=', '')")),
            _ => return Err(unsupported("encode to anything but 'hex' and 'base64'")),
        },
        ("decode", [text, _]) => match all.fact.literal(1) {
            Some("hex") => call("unhex", &[text]),
            Some("base64") => call("unbase64", &[text]),
            _ => return Err(unsupported("decode from anything but 'hex' and 'base64'")),
        },
        ("regexp_like", [text, pattern]) => Some(format!("({text} RLIKE {pattern})")),
        ("regexp_like", [text, pattern, _]) => Some(format!("({text} RLIKE {})", flagged(pattern, all.fact.literal(2))?)),
        ("regexp_replace", [text, pattern, by, rest @ ..]) => Some(replace(text, pattern, by, rest.len(), all.fact)?),
        ("regexp_match", [text, _]) => Some(matched(text, all.fact.literal(1))?),
        _ => None,
    })
}

fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| format!("CAST({arg} AS STRING)")).collect()
}

/// Places before the text's beginning count, but there is nothing there.
pub(super) fn substring(text: &str, start: &str, length: Option<&str>) -> String {
    let plain = start.bytes().all(|byte| byte.is_ascii_digit()) && start != "0";
    match length {
        None if plain => format!("substring({text}, {start})"),
        None => format!("substring({text}, greatest(CAST({start} AS INT), 1))"),
        Some(length) if plain => format!("substring({text}, {start}, CAST({length} AS INT))"),
        Some(length) => format!(
            "substring({text}, greatest(CAST({start} AS INT), 1), greatest(CAST({length} AS INT) - greatest(1 - CAST({start} AS INT), 0), 0))"
        ),
    }
}

/// Flags stand in the pattern: `(?i)`.
fn flagged(pattern: &str, flags: Option<&str>) -> Result<String> {
    let flags = flags.ok_or_else(|| unsupported("flags of a regular expression that are no literal"))?;
    let kept: String = flags.chars().filter(|flag| *flag != 'g').collect();
    if kept.chars().any(|flag| !matches!(flag, 'i' | 's' | 'm' | 'x')) {
        return Err(unsupported(&format!("the flags {flags:?} of a regular expression")));
    }
    Ok(if kept.is_empty() { pattern.to_owned() } else { format!("concat('(?{kept})', {pattern})") })
}

/// Groups are `\1` or `$1` for us and `$1` for Spark. Without the flag `g` the first match alone is replaced.
fn replace(text: &str, pattern: &str, by: &str, more: usize, fact: &Fact) -> Result<String> {
    let flags = if more == 0 { "" } else { fact.literal(3).ok_or_else(|| unsupported("flags that are no literal"))? };
    let pattern = flagged(pattern, Some(flags))?;
    let shift = usize::from(!flags.contains('g'));
    let by = match fact.literal(2) {
        Some(by) => literal(&groups(by, shift)),
        None => by.to_owned(),
    };
    if flags.contains('g') {
        return Ok(format!("regexp_replace({text}, {pattern}, {by})"));
    }
    // What stands before the first match becomes group 1, and is kept.
    let by = format!("concat('$1', {by})");
    let all = r"'(?s)^((?:.)*?)(?-s:'";
    Ok(format!("regexp_replace({text}, concat({all}, {pattern}, ')'), {by})"))
}

/// The replacement with groups in Spark's form, their numbers raised by `shift`.
fn groups(by: &str, shift: usize) -> String {
    let mut out = String::new();
    let mut letters = by.chars().peekable();
    while let Some(c) = letters.next() {
        let digit = letters.peek().and_then(|next| next.to_digit(10));
        match (c, digit) {
            ('\\' | '$', Some(group)) => {
                letters.next();
                out.push_str(&format!("${}", group as usize + if group == 0 { 0 } else { shift }));
            }
            ('$', None) => out.push_str("\\$"),
            ('\\', None) => out.push_str("\\\\"),
            (c, _) => out.push(c),
        }
    }
    out
}

/// The groups of the first match, or the match itself where the pattern has none; null where nothing matches.
fn matched(text: &str, pattern: Option<&str>) -> Result<String> {
    let pattern = pattern.ok_or_else(|| unsupported("regexp_match with a pattern that is no literal"))?;
    let bytes = pattern.as_bytes();
    let opens =
        |at: usize| bytes.get(at) == Some(&b'(') && bytes.get(at + 1) != Some(&b'?') && (at == 0 || bytes.get(at - 1) != Some(&b'\\'));
    let count = (0..bytes.len()).filter(|at| opens(*at)).count();
    let range = if count == 0 { 0..=0 } else { 1..=count };
    let pattern = literal(pattern);
    let found: Vec<String> = range.map(|group| format!("regexp_extract({text}, {pattern}, {group})")).collect();
    Ok(format!("(CASE WHEN {text} RLIKE {pattern} THEN array({}) END)", found.join(", ")))
}

fn lists(name: &str, args: &[&str], all: &Call<'_>) -> Result<Option<String>> {
    Ok(match (name, args) {
        ("make_array", args) => call("array", args),
        ("unnest", [list]) => call("explode", &[list]),
        ("array_length" | "cardinality", [list]) => call("size", &[list]),
        ("array_element" | "list_element", [list, at]) => Some(format!("try_element_at({list}, CAST({at} AS INT))")),
        ("array_has" | "list_contains", [list, item]) => call("array_contains", &[list, item]),
        ("array_to_string" | "list_to_string", [list, separator, rest @ ..]) => {
            let texts = format!("transform({list}, x -> CAST(x AS STRING))");
            let mut args = vec![texts.as_str(), separator];
            args.extend(rest);
            call("array_join", &args)
        }
        ("string_to_array", [text, _]) => {
            let separator = all.fact.literal(1).ok_or_else(|| unsupported("string_to_array with a separator that is no literal"))?;
            Some(format!("split({text}, {})", literal(&quoted_pattern(separator))))
        }
        ("array_concat" | "list_concat" | "array_cat", args) => call("concat", args),
        ("get_field", [value, _]) => {
            let member = all.fact.literal(1).ok_or_else(|| unsupported("get_field with a name that is no literal"))?;
            Some(format!("{value}[{}]", literal(member)))
        }
        ("generate_series", [from, to]) => call("sequence", &[from, to]),
        ("range", [from, to]) => Some(format!("sequence({from}, {to} - 1)")),
        _ => None,
    })
}

fn quoted_pattern(text: &str) -> String {
    let escaped = |c: char| if c.is_alphanumeric() || c.is_whitespace() { c.to_string() } else { format!("\\{c}") };
    text.chars().map(escaped).collect()
}

fn numbers(name: &str, args: &[&str], all: &Call<'_>) -> Result<Option<String>> {
    let kind = all.fact.kind(0);
    Ok(match (name, args) {
        ("ceil" | "floor", [value]) => Some(whole(name, value, kind)),
        ("trunc", [value]) => Some(format!("CAST(CASE WHEN {value} < 0 THEN ceil({value}) ELSE floor({value}) END AS DOUBLE)")),
        ("log", [value]) => call("log10", &[value]),
        ("power" | "pow", [a, b]) => {
            let text = format!("power({a}, {b})");
            let integers = matches!((kind, all.fact.kind(1)), (Kind::Int(_), Kind::Int(_)));
            Some(if integers { format!("CAST({text} AS BIGINT)") } else { text })
        }
        ("signum", [value]) => call("signum", &[value]),
        ("random", []) => call("rand", &[]),
        ("iszero", [value]) => Some(format!("({value} = 0)")),
        ("ifnull", [a, b]) => call("coalesce", &[a, b]),
        ("arrow_cast" | "arrow_typeof" | "date_bin" | "gcd" | "lcm", _) => return Err(unsupported(&format!("the function {name}"))),
        _ => None,
    })
}

fn moments(name: &str, args: &[&str], all: &Call<'_>) -> Result<Option<String>> {
    Ok(match (name, args) {
        ("date_part" | "datepart", [_, value]) => {
            let field = all.fact.literal(0).ok_or_else(|| unsupported("date_part with a field that is no literal"))?;
            Some(dates::extract(field, value)?)
        }
        ("datetrunc", [field, value]) => call("date_trunc", &[field, value]),
        ("now", []) => call("current_timestamp", &[]),
        ("today", []) => call("current_date", &[]),
        ("to_timestamp", [value]) => Some(match all.fact.kind(0) {
            Kind::Int(_) => format!("timestamp_seconds({value})"),
            _ => format!("CAST({value} AS TIMESTAMP)"),
        }),
        ("to_timestamp_seconds" | "from_unixtime", [value]) => call("timestamp_seconds", &[value]),
        ("to_timestamp_millis", [value]) => call("timestamp_millis", &[value]),
        ("to_timestamp_micros", [value]) => call("timestamp_micros", &[value]),
        ("to_unixtime", [value]) => Some(format!("unix_seconds(CAST({value} AS TIMESTAMP))")),
        ("to_date", [value]) => Some(format!("CAST({value} AS DATE)")),
        ("to_char" | "date_format", [value, _]) => {
            let pattern = all.fact.literal(1).and_then(dates::java_pattern);
            let pattern = pattern.ok_or_else(|| unsupported("to_char with this pattern"))?;
            call("date_format", &[value, &literal(&pattern)])
        }
        _ => None,
    })
}

fn aggregates(name: &str, args: &[&str], all: &Call<'_>) -> Result<Option<String>> {
    let suffix = &all.suffix;
    let plain = |text: Option<String>| text.map(|text| format!("{text}{suffix}"));
    Ok(match (name, args) {
        ("approx_distinct", [value]) => plain(call("approx_count_distinct", &[value])),
        ("approx_median", [value]) => plain(call("percentile_approx", &[value, "0.5D"])),
        ("approx_percentile_cont", [value, share, ..]) if all.orders.is_empty() => plain(call("percentile_approx", &[value, share])),
        ("approx_percentile_cont", [share, ..]) => {
            let value = all.orders.first().map(|order| order.expr.to_string()).unwrap_or_default();
            plain(call("percentile_approx", &[&value, share]))
        }
        ("var" | "var_sample", [value]) => plain(call("var_samp", &[value])),
        ("covar", [a, b]) => plain(call("covar_samp", &[a, b])),
        ("median", [value]) if matches!(all.fact.kind(0), Kind::Int(_)) => Some(format!("CAST(median({value}){suffix} AS BIGINT)")),
        ("array_agg", [value]) if !all.is_windowed() => Some(array_agg(value, all)?),
        ("string_agg", [value, separator]) if !all.is_windowed() => Some(string_agg(value, separator, all)),
        ("first_value" | "last_value", [value]) if !all.is_windowed() && !all.orders.is_empty() => Some(edge(name, value, all)?),
        _ => None,
    })
}

/// Nulls are kept, which Spark's own would leave out.
fn array_agg(value: &str, all: &Call<'_>) -> Result<String> {
    let (distinct, suffix) = (all.distinct(), &all.suffix);
    match all.orders.as_slice() {
        [] => Ok(format!("transform(collect_list({distinct}named_struct('v', {value})){suffix}, x -> x.v)")),
        [order] => {
            let collected = format!("collect_list({distinct}named_struct('k', {}, 'v', {value})){suffix}", order.expr);
            let down = order.options.asc == Some(false);
            let (before, after) = if down { (1, -1) } else { (-1, 1) };
            let null = if order.options.nulls_first == Some(true) { -1 } else { 1 };
            Ok(format!(
                "transform(array_sort({collected}, (l, r) -> CASE WHEN l.k IS NULL AND r.k IS NULL THEN 0 WHEN l.k IS NULL THEN {null} \
                 WHEN r.k IS NULL THEN {} WHEN l.k < r.k THEN {before} WHEN l.k > r.k THEN {after} ELSE 0 END), x -> x.v)",
                -null
            ))
        }
        _ => Err(unsupported("array_agg in the order of several values")),
    }
}

fn string_agg(value: &str, separator: &str, all: &Call<'_>) -> String {
    let orders: Vec<String> = all.orders.iter().map(ToString::to_string).collect();
    let within = if orders.is_empty() { String::new() } else { format!(" WITHIN GROUP (ORDER BY {})", orders.join(", ")) };
    format!("string_agg({}CAST({value} AS STRING), {separator}){within}{}", all.distinct(), all.suffix)
}

/// The value of the first or last row in an order.
fn edge(name: &str, value: &str, all: &Call<'_>) -> Result<String> {
    let [order] = all.orders.as_slice() else { return Err(unsupported(&format!("{name} in the order of several values"))) };
    let down = order.options.asc == Some(false);
    let function = if (name == "first_value") == down { "max_by" } else { "min_by" };
    Ok(format!("{function}({value}, {}){}", order.expr, all.suffix))
}
