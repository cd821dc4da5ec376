//! What a disk says about a target, as one sentence of ours.

use std::error::Error as StdError;
use std::io::ErrorKind as Io;

use domain::{Error, ErrorKind};
use store::Location;

use crate::publication::HIDDEN;

/// Codes of errors; explained in `docs/errors/`.
pub const TARGET_FULL: &str = "TARGET_FULL";
pub const TARGET_NOT_WRITABLE: &str = "TARGET_NOT_WRITABLE";
pub const TARGET_TOO_MANY_PARTITIONS: &str = "TARGET_TOO_MANY_PARTITIONS";

/// Why nothing could be written at the place, which is a target or the folder in it where a run writes. Looks for what the
/// operating system said, however deep it lies.
pub fn unwritable(place: &Location, error: impl StdError + Send + Sync + 'static) -> Error {
    let target = target_of(place);
    match said(&error) {
        Some(Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge) => {
            Error::unavailable(format!("The disk has no room for the result under {target}; the old result is still there."))
                .code(TARGET_FULL)
        }
        Some(Io::PermissionDenied | Io::ReadOnlyFilesystem) => not_writable(format!(
            "The result cannot be written under {target}: expected a folder that this process may write, found one that it may not."
        )),
        Some(Io::NotADirectory | Io::AlreadyExists) => {
            not_writable(format!("The result cannot be written under {target}: expected a folder or nothing there, found a file."))
        }
        Some(Io::CrossesDevices | Io::ResourceBusy | Io::Unsupported | Io::InvalidInput) => not_writable(format!(
            "The result cannot be put in place under {target} in one step: expected a folder of a file system that can exchange folders, \
             found a mount point or another file system."
        )),
        _ => Error::unavailable(format!("The result cannot be written under {target}.")),
    }
    .source(error)
}

fn not_writable(message: String) -> Error {
    Error::new(ErrorKind::InvalidState, message).code(TARGET_NOT_WRITABLE)
}

fn said(error: &(dyn StdError + 'static)) -> Option<Io> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind).filter(|kind| *kind != Io::Other) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Without the folder where a run writes.
fn target_of(place: &Location) -> String {
    let text = place.to_string();
    match text.rsplit_once('/') {
        Some((target, hidden)) if hidden.starts_with(HIDDEN) => format!("{target}/"),
        _ => text,
    }
}
