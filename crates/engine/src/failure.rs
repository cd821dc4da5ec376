//! What DataFusion says, as one sentence of ours.

use std::error::Error as StdError;
use std::io;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use domain::{Error, ErrorKind, near};
use etl::MEMORY_EXCEEDED;

/// Codes of errors; explained in `docs/errors/`.
const SPILL_FULL: &str = "JOB_SPILL_FULL";
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
    if let Some(full) = full_disk(error) {
        let message = format!("The disk has no room for what the query puts aside in the spill folder: {}", essence(&full.to_string()));
        return Error::unavailable(message).code(SPILL_FULL);
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

/// An error of ours, however deep.
fn domain_error(error: &DataFusionError) -> Option<&Error> {
    causes(error).find_map(|error| error.downcast_ref::<Error>())
}

/// What the operating system said of a full disk, however deep. All that is written inside of a query is what it spills.
fn full_disk(error: &DataFusionError) -> Option<&io::Error> {
    let is_full = |error: &&io::Error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    causes(error).filter_map(|error| error.downcast_ref::<io::Error>()).find(is_full)
}

/// The error and what it came of, outermost first.
fn causes(error: &DataFusionError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    fn next<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            // Its source would be that of what it wraps.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error as &(dyn StdError + 'static)), next)
}

fn unknown_column(error: &SchemaError) -> Error {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return Error::invalid_input(format!("The query cannot be carried out: {}", essence(&error.to_string())));
    };
    let known: Vec<String> = valid_fields.iter().map(|column| column.flat_name()).collect();
    let known: Vec<(&str, &str)> = known.iter().map(|name| (name.rsplit('.').next().unwrap_or(name), name.as_str())).collect();
    let hint = near::hint_of(&field.name, &known);
    Error::invalid_input(format!("The query uses column {:?}, which does not exist there; {hint}", field.flat_name())).code(COLUMN_MISSING)
}

/// The first paragraph, without the library's own label and advice to its developers.
fn essence(message: &str) -> String {
    let first = message.split("\n\n").next().unwrap_or(message).split("\nThis issue was likely").next().unwrap_or(message);
    let text = first.trim().trim_start_matches("Error during planning: ").replace('\n', " ");
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}
