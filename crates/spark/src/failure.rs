//! What a Spark Connect server says, as one sentence of ours.

use domain::{Error, ErrorKind};
use spark_connect_core::SparkError;

/// gRPC's own codes.
const DEADLINE: i32 = 4;
const RESOURCES: i32 = 8;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;
const DENIED: i32 = 7;

/// The error classes of mistakes in a query that are about its text and names, by how they begin.
const QUERY: [&str; 23] = [
    "INVALID_WHERE",
    "PARSE_",
    "UNRESOLVED_",
    "TABLE_OR_VIEW_NOT_FOUND",
    "AMBIGUOUS_",
    "MISSING_",
    "DATATYPE_MISMATCH",
    "INCOMPATIBLE_",
    "NUM_COLUMNS_MISMATCH",
    "WRONG_NUM_ARGS",
    "GROUP_BY_",
    "UNSUPPORTED_",
    "INVALID_USAGE",
    "COLUMN_ALREADY_EXISTS",
    "NON_",
    "INVALID_SQL",
    "INVALID_IDENTIFIER",
    "NESTED_AGGREGATE",
    "EXPRESSION_",
    "INVALID_WINDOW",
    "FIELD_NOT_FOUND",
    "UNEXPECTED_INPUT_TYPE",
    "ROUTINE_NOT_FOUND",
];
/// Those of mistakes that the data revealed.
const DATA: [&str; 16] = [
    "CAST_",
    "DIVIDE_BY_ZERO",
    "REMAINDER_BY_ZERO",
    "ARITHMETIC_OVERFLOW",
    "NUMERIC_",
    "BINARY_ARITHMETIC_OVERFLOW",
    "INVALID_ARRAY_INDEX",
    "CANNOT_PARSE",
    "DATETIME_",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS",
    "MALFORMED_",
    "FAILED_READ_FILE",
    "INVALID_REGEXP",
    "INVALID_PARAMETER_VALUE",
    "CONVERSION_",
    "USER_RAISED",
];
/// What Sail, which names no classes for these, says of data.
const DATA_WORDS: [&str; 12] = [
    "divide by zero",
    "division by zero",
    "cannot cast",
    "can't cast",
    "overflow",
    "cast error",
    "json error",
    "parser error",
    "too large to store",
    "regular expression did not compile",
    "patternsyntaxexception",
    "error while parsing value",
];
const QUERY_WORDS: [&str; 10] = [
    "does not support logical expression",
    "cannot resolve",
    "missing from the schema",
    "invalid argument",
    "unknown function",
    "unknown table",
    "not found",
    "analysis",
    "ambiguous",
    "not supported",
];

/// The error as a user should see it: the kind, our code, and the server's first line with its error class.
pub(crate) fn ours(error: &SparkError, endpoint: &str) -> Error {
    let message = error.message();
    let code = error.grpc_code().unwrap_or_default();
    match code {
        UNAVAILABLE if !message.contains("SparkException") => return unreachable(endpoint, &message),
        DEADLINE => return unreachable(endpoint, &message),
        UNAUTHENTICATED | DENIED => {
            let text = format!("The Spark server at {endpoint} does not let us in: {}", first_line(&message));
            return Error::new(ErrorKind::Unavailable, text).code("SPARK_REFUSED");
        }
        _ => {}
    }
    let class = error.get_condition().filter(|class| !class.is_empty()).or_else(|| bracketed(&message)).unwrap_or_default();
    let line = first_line(&message);
    if class.starts_with("OPERATION_CANCELED") || message.contains("OPERATION_CANCELED") {
        return Error::stopped();
    }
    let lower = message.to_lowercase();
    let begins = |known: &[&str]| known.iter().any(|prefix| class.starts_with(prefix) || message.contains(&format!("[{prefix}")));
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if lower.contains("no suitable driver") || lower.contains("classnotfoundexception") {
        let text = format!("The Spark server at {endpoint} lacks a driver that a table needs (a jar on its class path): {line}");
        return Error::invalid_input(text).code("SPARK_DRIVER_MISSING");
    }
    if lower.contains("outofmemory") || code == RESOURCES {
        let text = format!("The Spark server at {endpoint} has not memory enough for the query: {line}");
        return Error::new(ErrorKind::LimitExceeded, text).code("SPARK_QUERY_FAILED");
    }
    if begins(&DATA) || says(&DATA_WORDS) {
        // Without a code: `etl` looks for the node and the column, and gives it the code that such a failure has on every engine.
        return Error::invalid_data(format!("The query failed on the data: {line}"));
    }
    if begins(&QUERY) || says(&QUERY_WORDS) {
        return Error::invalid_input(format!("The query cannot be carried out by Spark: {line}")).code("SPARK_QUERY_INVALID");
    }
    Error::new(ErrorKind::InvalidState, format!("The Spark server at {endpoint} gave up: {line}")).code("SPARK_QUERY_FAILED")
}

/// Nobody answered within the time.
pub(crate) fn silent(endpoint: &str, seconds: u64) -> Error {
    let text = format!("The Spark server at {endpoint} did not answer within {seconds} seconds.");
    Error::unavailable(text).code("SPARK_UNAVAILABLE")
}

/// The server has nothing more to say of an operation, and has not said that it is over.
pub(crate) fn unfinished(endpoint: &str) -> Error {
    Error::unavailable(format!("The Spark server at {endpoint} stopped telling of an operation before its end.")).code("SPARK_UNAVAILABLE")
}

fn unreachable(endpoint: &str, message: &str) -> Error {
    let text = format!("The Spark server at {endpoint} cannot be reached: {}", first_line(message));
    Error::unavailable(text).code("SPARK_UNAVAILABLE")
}

/// The error class that stands before the message: `[DIVIDE_BY_ZERO] Division by zero.`
fn bracketed(message: &str) -> Option<String> {
    let class = message.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(class, _)| class);
    class
        .filter(|class| class.contains('_') && class.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '_' | '.')))
        .map(str::to_owned)
        .next()
}

/// Without stack traces, plans and the text of the query.
fn first_line(message: &str) -> String {
    let text = message.trim();
    let text = text.split("\n").next().unwrap_or(text).split(" == SQL").next().unwrap_or(text);
    let text = text.split("; line ").next().unwrap_or(text).trim();
    // The transport's own label says nothing.
    let text = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .map_or(text, |(label, rest)| if label.chars().any(|c| c.is_ascii_lowercase()) { rest } else { text });
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
