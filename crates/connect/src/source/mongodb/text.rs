//! Values as text: what a column of mixed types holds, and what errors show.

use mongodb::bson::{Bson, RawBsonRef, raw};

use super::types::is_uuid;

/// Strings as they are, numbers in decimal, ObjectIds and UUIDs in hex digits, dates as RFC 3339; all else (documents, arrays,
/// binary, regular expressions, code, timestamps of the oplog) as relaxed extended JSON.
pub(crate) fn text(value: RawBsonRef<'_>) -> raw::Result<String> {
    Ok(match value {
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => text.to_owned(),
        RawBsonRef::Boolean(value) => value.to_string(),
        RawBsonRef::Int32(value) => value.to_string(),
        RawBsonRef::Int64(value) => value.to_string(),
        RawBsonRef::Double(value) => format!("{value:?}"),
        RawBsonRef::Decimal128(value) => value.to_string(),
        RawBsonRef::ObjectId(value) => value.to_hex(),
        RawBsonRef::Binary(value) if is_uuid(value.subtype, value.bytes) => hyphenated(value.bytes),
        RawBsonRef::DateTime(value) => match value.try_to_rfc3339_string() {
            Ok(text) => text,
            Err(_) => json(value.into()),
        },
        other => json(other.try_into()?),
    })
}

/// Relaxed extended JSON; fields in their order.
pub(crate) fn json(value: Bson) -> String {
    value.into_relaxed_extjson().to_string()
}

/// `00112233-4455-6677-8899-aabbccddeeff`
pub(crate) fn hyphenated(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
