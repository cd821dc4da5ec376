//! The columns of an import under construction.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    StringDictionaryBuilder,
};
use arrow::datatypes::{DataType, Field as ArrowField, Int32Type, Schema as ArrowSchema, SchemaRef};

use super::ImportSettings;
use super::cells::{self, Raw, Why};
use crate::schema::{AvroSchema, Field, FieldType};

/// A field's values: checked one by one into a waiting place, then taken over when the whole row is good.
pub(crate) struct Column {
    pub field: Field,
    check: Check,
    waiting: Waiting,
    builder: Builder,
}

/// What a value must be beyond its type.
#[derive(Debug, Clone, Copy)]
enum Check {
    None,
    Seconds,
    /// At most this many characters.
    Length(usize),
    /// Cut after this many characters.
    Cut(usize),
}

#[derive(Debug, Default)]
struct Waiting {
    null: bool,
    text: String,
    long: i64,
    double: f64,
    boolean: bool,
}

enum Builder {
    Dictionary(StringDictionaryBuilder<Int32Type>),
    Text(StringBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
}

impl Column {
    pub(crate) fn new(field: &Field, settings: &ImportSettings) -> Self {
        Self { field: field.clone(), check: check_of(field, settings), waiting: Waiting::default(), builder: builder_of(field) }
    }

    /// Checks a value and keeps it until [`Column::take`]. An empty text is no value.
    pub(crate) fn offer(&mut self, raw: Raw<'_>) -> Result<(), Why> {
        self.waiting.null = matches!(raw, Raw::Null | Raw::Text(b""));
        if self.waiting.null {
            return if self.field.nullable { Ok(()) } else { Err(Why::Missing) };
        }
        match self.field.field_type {
            FieldType::Text => {
                cells::to_text(raw, &mut self.waiting.text)?;
                self.check_length()
            }
            FieldType::Int => cells::to_int(raw).map(|n| self.waiting.long = i64::from(n)),
            FieldType::Long => {
                let number = if matches!(self.check, Check::Seconds) { cells::to_seconds(raw) } else { cells::to_long(raw) };
                number.map(|n| self.waiting.long = n)
            }
            FieldType::Float | FieldType::Double => cells::to_double(raw).map(|x| self.waiting.double = x),
            FieldType::Boolean => cells::to_boolean(raw).map(|b| self.waiting.boolean = b),
        }
    }

    fn check_length(&mut self) -> Result<(), Why> {
        let text = &mut self.waiting.text;
        match self.check {
            // Bytes are never fewer than characters: most values need no counting.
            Check::Length(most) if text.len() > most && text.chars().count() > most => Err(Why::TooLong(most)),
            Check::Cut(most) if text.len() > most => {
                if let Some((end, _)) = text.char_indices().nth(most) {
                    text.truncate(end);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// As [`Column::offer`], but a value that does not fit is left out; gives whether it was.
    pub(crate) fn offer_or_null(&mut self, raw: Raw<'_>) -> bool {
        let left_out = self.offer(raw).is_err() && !self.waiting.null;
        self.waiting.null |= left_out;
        left_out
    }

    /// Takes over the value offered last.
    pub(crate) fn take(&mut self) {
        let waiting = &self.waiting;
        let some = !waiting.null;
        match &mut self.builder {
            Builder::Dictionary(b) => b.append_option(some.then_some(waiting.text.as_str())),
            Builder::Text(b) => b.append_option(some.then_some(waiting.text.as_str())),
            Builder::Int(b) => b.append_option(some.then_some(waiting.long as i32)),
            Builder::Long(b) => b.append_option(some.then_some(waiting.long)),
            Builder::Float(b) => b.append_option(some.then_some(waiting.double as f32)),
            Builder::Double(b) => b.append_option(some.then_some(waiting.double)),
            Builder::Boolean(b) => b.append_option(some.then_some(waiting.boolean)),
        }
    }

    /// The values so far; the column starts anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        let builder: &mut dyn ArrayBuilder = match &mut self.builder {
            Builder::Dictionary(b) => b,
            Builder::Text(b) => b,
            Builder::Int(b) => b,
            Builder::Long(b) => b,
            Builder::Float(b) => b,
            Builder::Double(b) => b,
            Builder::Boolean(b) => b,
        };
        builder.finish()
    }
}

/// The Arrow schema of a dataset's parts: one column per field, strings but free text as dictionaries.
pub(crate) fn arrow_schema(schema: &AvroSchema) -> SchemaRef {
    let fields = schema.fields.iter().map(|field| ArrowField::new(&field.name, data_type(field), field.nullable));
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

fn data_type(field: &Field) -> DataType {
    match field.field_type {
        FieldType::Text if field.textual => DataType::Utf8,
        FieldType::Text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        FieldType::Int => DataType::Int32,
        FieldType::Long => DataType::Int64,
        FieldType::Float => DataType::Float32,
        FieldType::Double => DataType::Float64,
        FieldType::Boolean => DataType::Boolean,
    }
}

fn builder_of(field: &Field) -> Builder {
    match field.field_type {
        FieldType::Text if field.textual => Builder::Text(StringBuilder::new()),
        FieldType::Text => Builder::Dictionary(StringDictionaryBuilder::new()),
        FieldType::Int => Builder::Int(Int32Builder::new()),
        FieldType::Long => Builder::Long(Int64Builder::new()),
        FieldType::Float => Builder::Float(Float32Builder::new()),
        FieldType::Double => Builder::Double(Float64Builder::new()),
        FieldType::Boolean => Builder::Boolean(BooleanBuilder::new()),
    }
}

fn check_of(field: &Field, settings: &ImportSettings) -> Check {
    match field.field_type {
        FieldType::Long if field.is_named("TIMESTAMP") || field.is_named("CREATION_TIMESTAMP") => Check::Seconds,
        FieldType::Text if field.is_named("USER_ID") || field.is_named("ITEM_ID") => Check::Length(settings.max_id_chars),
        FieldType::Text if field.categorical => Check::Length(settings.max_categorical_chars),
        FieldType::Text if field.textual => Check::Cut(settings.max_textual_chars),
        _ => Check::None,
    }
}
