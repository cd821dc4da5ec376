//! From rows to a Parquet part: good rows are written, bad rows are counted.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use domain::{Error, Result};
use parquet::arrow::ArrowWriter;

use super::ImportSettings;
use super::cells::{Raw, Why};
use super::columns::{Column, arrow_schema};
use super::report::{ImportReport, Problem, ReasonCount};
use crate::part_file;
use crate::schema::AvroSchema;

/// Rows held as Arrow columns before they are handed to the Parquet writer.
const BATCH_ROWS: usize = 65_536;

/// How often cancelling is looked at and progress is told, in rows.
const PULSE_ROWS: u64 = 10_000;

/// Called every so many rows with the number read so far; an error ends the import.
pub(crate) type OnPulse<'a> = &'a mut dyn FnMut(u64) -> Result<()>;

/// Takes rows, keeps the good ones.
pub(crate) struct Rows<'a> {
    columns: Vec<Column>,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    waiting: usize,
    tally: Tally,
    on_pulse: OnPulse<'a>,
}

/// Counts of what was read and what was wrong.
#[derive(Debug, Default)]
struct Tally {
    report: ImportReport,
    listed: usize,
    /// By column (`usize::MAX`: the whole row) and reason.
    reasons: HashMap<(usize, Why), u64>,
}

/// Where a row is, for the report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub file: &'a str,
    pub line: u64,
}

const WHOLE_ROW: usize = usize::MAX;

impl<'a> Rows<'a> {
    /// Starts the part at `path`.
    pub(crate) fn create(path: &Path, schema: &AvroSchema, settings: &ImportSettings, on_pulse: OnPulse<'a>) -> Result<Self> {
        let arrow = arrow_schema(schema);
        let columns = schema.fields.iter().map(|field| Column::new(field, settings)).collect();
        let writer = part_file::create(path, arrow.clone())?;
        let tally = Tally { listed: settings.listed_problems, ..Tally::default() };
        Ok(Self { columns, schema: arrow, writer, waiting: 0, tally, on_pulse })
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    /// One row; `value` gives what the file has for the field at an index of the schema.
    pub(crate) fn row<'r>(&mut self, place: Place<'_>, value: impl Fn(usize) -> Raw<'r>) -> Result<()> {
        self.read_one()?;
        for (at, column) in self.columns.iter_mut().enumerate() {
            let raw = value(at);
            if let Err(why) = column.offer(raw) {
                let name = column.field.name.clone();
                self.tally.reject(place, at, &name, why, raw);
                return Ok(());
            }
        }
        self.columns.iter_mut().for_each(Column::take);
        self.tally.report.rows_kept += 1;
        self.waiting += 1;
        if self.waiting == BATCH_ROWS { self.write() } else { Ok(()) }
    }

    /// A row that has not as many values as the header.
    pub(crate) fn misshapen_row(&mut self, place: Place<'_>, expected: usize, found: usize) -> Result<()> {
        self.read_one()?;
        let found = Raw::Int(i64::try_from(found).unwrap_or(i64::MAX));
        self.tally.reject(place, WHOLE_ROW, "", Why::FieldCount { expected }, found);
        Ok(())
    }

    fn read_one(&mut self) -> Result<()> {
        self.tally.report.rows_read += 1;
        if self.tally.report.rows_read.is_multiple_of(PULSE_ROWS) {
            (self.on_pulse)(self.tally.report.rows_read)?;
        }
        Ok(())
    }

    pub(crate) fn end_file(&mut self) {
        self.tally.report.files += 1;
    }

    fn write(&mut self) -> Result<()> {
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        self.waiting = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| Error::internal("The columns of an import do not fit together.").source(e))?;
        self.writer.write(&batch).map_err(part_file::unwritable)
    }

    /// Writes what is left and makes the part durable; gives the report and the size of the part.
    pub(crate) fn finish(mut self) -> Result<(ImportReport, u64)> {
        self.write()?;
        let names: Vec<String> = self.columns.iter().map(|column| column.field.name.clone()).collect();
        let bytes = part_file::finish(self.writer)?;
        Ok((self.tally.into_report(&names), bytes))
    }
}

impl Tally {
    fn reject(&mut self, place: Place<'_>, column: usize, name: &str, why: Why, found: Raw<'_>) {
        self.report.rows_rejected += 1;
        *self.reasons.entry((column, why)).or_default() += 1;
        if self.report.problems.len() < self.listed {
            self.report.problems.push(Problem {
                file: place.file.into(),
                line: place.line,
                column: name.into(),
                reason: with_column(name, &why.about(found)),
            });
        }
    }

    fn into_report(mut self, names: &[String]) -> ImportReport {
        let mut reasons: Vec<ReasonCount> = self
            .reasons
            .iter()
            .map(|((column, why), rows)| {
                let name = names.get(*column).map_or("", String::as_str);
                ReasonCount { reason: with_column(name, &why.in_general()), rows: *rows }
            })
            .collect();
        reasons.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.reason.cmp(&b.reason)));
        self.report.reasons = reasons;
        self.report
    }
}

fn with_column(name: &str, reason: &str) -> String {
    if name.is_empty() { reason.into() } else { format!("{name}: {reason}") }
}
