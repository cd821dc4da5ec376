//! What DataFusion says, as one sentence of ours.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use domain::{Error, ErrorKind};

use crate::names;

/// Codes of errors; explained in `docs/errors/`.
pub(crate) const MEMORY_EXCEEDED: &str = "JOB_MEMORY_EXCEEDED";
const COLUMN_MISSING: &str = "JOB_COLUMN_MISSING";

/// Wraps our error for a passage through DataFusion; [`ours`] takes it out again.
pub(crate) fn outward(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The error as a user should see it. What one of our own readers said comes through unchanged.
pub(crate) fn ours(error: &DataFusionError) -> Error {
    if let Some(found) = domain_error(error) {
        let mut copy = Error::new(found.kind, found.to_string());
        copy.code = found.code;
        return copy;
    }
    let root = error.find_root();
    match root {
        DataFusionError::SQL(parser, _) => Error::invalid_input(format!("The query is not valid SQL: {}", essence(&parser.to_string()))),
        DataFusionError::SchemaError(schema, _) => unknown_column(schema),
        DataFusionError::Plan(_) | DataFusionError::NotImplemented(_) | DataFusionError::Configuration(_) => {
            Error::invalid_input(format!("The query cannot be carried out: {}", essence(&root.message())))
        }
        // Functions hand on what their own libraries say of an argument, such as a regular expression.
        DataFusionError::External(_) => Error::invalid_input(format!("The query cannot be carried out: {}", essence(&root.message()))),
        DataFusionError::ResourcesExhausted(_) => Error::new(
            ErrorKind::LimitExceeded,
            format!("The query needs more memory or spill space than the limits allow: {}", essence(&root.message())),
        )
        .code(MEMORY_EXCEEDED),
        DataFusionError::Execution(_) | DataFusionError::ArrowError(..) | DataFusionError::ParquetError(_) => {
            Error::invalid_data(format!("The query failed on the data: {}", essence(&root.message())))
        }
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
            Error::unavailable(format!("A file could not be read or written: {}", essence(&root.message())))
        }
        _ => Error::new(ErrorKind::InvalidState, format!("The query engine gave up: {}", essence(&root.message()))),
    }
}

/// Follows the chain of causes to an error of ours.
fn domain_error(error: &DataFusionError) -> Option<&Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn unknown_column(error: &SchemaError) -> Error {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return Error::invalid_input(format!("The query cannot be carried out: {}", essence(&error.to_string())));
    };
    let known: Vec<String> = valid_fields.iter().map(|column| column.flat_name()).collect();
    let short: Vec<&str> = known.iter().map(|name| name.rsplit('.').next().unwrap_or(name)).collect();
    let hint = names::hint(&field.name, &short, &known);
    Error::invalid_input(format!("The query uses column {:?}, which does not exist there; {hint}", field.flat_name())).code(COLUMN_MISSING)
}

/// The first paragraph, without the library's own label and advice to its developers.
fn essence(message: &str) -> String {
    let first = message.split("\n\n").next().unwrap_or(message).split("\nThis issue was likely").next().unwrap_or(message);
    let text = first.trim().trim_start_matches("Error during planning: ").replace('\n', " ");
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}
