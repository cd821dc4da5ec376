//! Everything but Parquet: each file is read by one blocking thread, files are shared among the partitions.
//!
//! Memory: a reader holds one batch under way and at most [`AHEAD`] that were not taken yet, each of up to [`BATCH_ROWS`] rows or
//! about [`BATCH_BYTES`]; one row has up to 64 MiB. Avro and ORC hold the block or stripe that they unpack besides.
//!
//! A large file of delimited text on a disk here is read in pieces ([`split`](super::split)), so that it keeps all partitions busy
//! and its rows come in no order, as those of several files do; with a limit it is not, and its first rows are those that are given.
//! Any other file is one thread's work, whatever its size: packed ones, downloads, and encodings that have to be decoded.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use connect::files::{CsvDialect, Encoding, Format};
use datafusion::catalog::Session;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use domain::{Error, ErrorKind};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::split::{Piece, Start};
use super::{FileTable, TableFile, binary, bytes, csv, grok, json, partitions};
use crate::failure::outward;
use crate::scan::{Open, Rows, ScanExec};

/// Rows in a batch.
pub(super) const BATCH_ROWS: usize = 8192;
/// Text in a batch, whose rows may be long.
pub(super) const BATCH_BYTES: usize = 8 << 20;
/// Batches read ahead of whoever takes them.
const AHEAD: usize = 2;
/// A piece of a file is worth a look through the file from this size on.
const PIECE_BYTES: u64 = 16 << 20;
/// Pieces for each partition, as some are read quicker than others.
const PIECES: u64 = 4;

/// What one scan reads of the table.
#[derive(Clone)]
struct Wanted {
    table: FileTable,
    /// Columns inside the files.
    columns: SchemaRef,
    /// Columns, then keys, as the plan wants them: index into `columns`, or key.
    order: Vec<Place>,
    schema: SchemaRef,
    limit: Option<usize>,
}

#[derive(Clone, Copy)]
enum Place {
    Column(usize),
    Key(usize),
}

/// A file, or a piece of it.
#[derive(Clone)]
struct Part {
    file: TableFile,
    piece: Option<Piece>,
}

impl Part {
    fn bytes(&self) -> u64 {
        self.file.meta.size / self.piece.as_ref().map_or(1, |piece| piece.of.count as u64)
    }
}

pub(super) async fn scan(
    table: &FileTable,
    state: &dyn Session,
    files: Vec<TableFile>,
    projection: Option<&Vec<usize>>,
    on_keys: &[Expr],
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let all: Vec<usize> = (0..table.schema.fields().len()).collect();
    let projection = projection.unwrap_or(&all);
    let width = table.file_schema.fields().len();
    let inside: Vec<usize> = projection.iter().copied().filter(|index| *index < width).collect();
    let mut next = 0..;
    let order = projection
        .iter()
        .map(|index| if *index < width { Place::Column(next.next().unwrap_or_default()) } else { Place::Key(index - width) })
        .collect();
    let wanted = Wanted {
        table: table.clone(),
        columns: Arc::new(table.file_schema.project(&inside)?),
        order,
        schema: Arc::new(table.schema.project(projection)?),
        limit,
    };
    let (count, partitions) = (files.len(), state.config().target_partitions());
    let parts = parts(&wanted, files, partitions).await;
    let label = label(&wanted, count, parts.len(), on_keys);
    let shares = shares(parts, partitions);
    let schema = wanted.schema.clone();
    let partitions = shares.len();
    let open: Open = Arc::new(move |partition| share_rows(wanted.clone(), shares[partition].clone()));
    Ok(Arc::new(ScanExec::new(label, schema, partitions, table.meter.clone(), open)))
}

fn label(wanted: &Wanted, files: usize, parts: usize, on_keys: &[Expr]) -> String {
    let columns: Vec<&str> = wanted.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let format = wanted.table.format.classification();
    let pieces = if parts > files { format!(", pieces={parts}") } else { String::new() };
    let mut label = format!("FileScan: {}, {format}, files={files}{pieces}, columns=[{}]", wanted.table.name, columns.join(", "));
    if !on_keys.is_empty() {
        let filters: Vec<String> = on_keys.iter().map(ToString::to_string).collect();
        label.push_str(&format!(", partition_filters=[{}]", filters.join(", ")));
    }
    if let Some(limit) = wanted.limit {
        label.push_str(&format!(", limit={limit}"));
    }
    label
}

/// Large files in pieces where that can be.
async fn parts(wanted: &Wanted, files: Vec<TableFile>, partitions: usize) -> Vec<Part> {
    let total: u64 = files.iter().map(|file| file.meta.size).sum();
    let piece_bytes = (total / (partitions.max(1) as u64 * PIECES)).max(PIECE_BYTES);
    let mut parts = Vec::with_capacity(files.len());
    for file in files {
        let count = usize::try_from(file.meta.size / piece_bytes).unwrap_or(1);
        if count > 1 && wanted.limit.is_none() && partitions > 1 && can_split(&wanted.table, &file).await {
            parts.extend(Piece::all(count).map(|piece| Part { file: file.clone(), piece: Some(piece) }));
        } else {
            parts.push(Part { file, piece: None });
        }
    }
    parts
}

async fn can_split(table: &FileTable, file: &TableFile) -> bool {
    let Format::Csv(CsvDialect { encoding: Encoding::Utf8, .. }) = table.format else { return false };
    // What cannot be read here is told when it is opened.
    bytes::is_plain_text_here(table.store.as_ref(), &file.meta.location).await.unwrap_or(false)
}

/// Largest first, each to the share that has least.
fn shares(mut parts: Vec<Part>, count: usize) -> Vec<Vec<Part>> {
    // Pieces of one file keep their order.
    parts.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.file.meta.location.cmp(&b.file.meta.location)));
    let mut shares = vec![(0_u64, Vec::new()); count.clamp(1, parts.len().max(1))];
    for part in parts {
        if let Some(least) = shares.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            least.0 += part.bytes();
            least.1.push(part);
        }
    }
    shares.into_iter().map(|(_, parts)| parts).collect()
}

/// The rows of one share, part after part.
fn share_rows(wanted: Wanted, parts: Vec<Part>) -> Rows {
    let mut left = wanted.limit.unwrap_or(usize::MAX);
    let rows = stream::iter(parts).map(move |part| part_rows(wanted.clone(), part)).flatten();
    rows.try_filter_map(move |batch: RecordBatch| {
        let rows = batch.num_rows().min(left);
        left -= rows;
        let kept = (rows > 0).then(|| batch.slice(0, rows));
        async move { Ok(kept) }
    })
    .boxed()
}

/// The rows of one part, from a thread that stops when nobody listens any more.
fn part_rows(wanted: Wanted, Part { file, piece }: Part) -> Rows {
    let start = async move {
        let opened = open(&wanted.table, &file, piece).await.map_err(outward)?;
        let location = file.meta.location.to_string();
        let (sender, mut receiver) = mpsc::channel::<Result<RecordBatch>>(AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            let mut give = |batch: RecordBatch| sender.blocking_send(complete(&wanted, &file, batch)).is_ok();
            let outcome = read(&wanted, &file, opened, &mut give);
            // Whoever dropped the receiver does not want to know.
            outcome.or_else(|e| sender.blocking_send(Err(outward(e))).or(Ok::<(), ()>(())))
        });
        let rows = stream::poll_fn(move |context| receiver.poll_recv(context));
        // A reader that died, as libraries do on damaged files, must not pass for the end of the file.
        let end = stream::once(reading).filter_map(move |joined| {
            let damaged = |died| Error::invalid_data(format!("The file {location} cannot be read: it is damaged.")).source(died);
            std::future::ready(joined.err().map(|died| Err(outward(damaged(died)))))
        });
        Ok::<Rows, DataFusionError>(rows.chain(end).boxed())
    };
    stream::once(start).try_flatten().boxed()
}

/// A file as its reader wants it: from the start on, or by parts.
enum Opened {
    Bytes(Box<dyn Read + Send>),
    /// A piece of delimited text, and the whole file for its header.
    Later(Box<dyn Read + Send>, csv::Later<Box<dyn Read + Send>>),
    #[cfg(feature = "orc")]
    Orc(connect::files::OrcFile),
}

async fn open(table: &FileTable, file: &TableFile, piece: Option<Piece>) -> domain::Result<Opened> {
    #[cfg(feature = "orc")]
    if table.format == Format::Orc {
        table.meter.add_bytes(file.meta.size);
        return Ok(Opened::Orc(connect::files::OrcFile::new(table.store.clone(), &file.meta)));
    }
    let (store, location, meter) = (table.store.clone(), &file.meta.location, table.meter.clone());
    let (Some(piece), Format::Csv(dialect)) = (piece, &table.format) else {
        return Ok(Opened::Bytes(Box::new(bytes::Counted { inner: bytes::open(store, location).await?, meter })));
    };
    let here = bytes::open_here(store.as_ref(), location).await?;
    let unreadable = |e| Error::new(ErrorKind::Unavailable, format!("The file {location} cannot be read.")).source(e);
    let (Start { offset, line }, end) = piece.bounds(&here, file.meta.size, *dialect).await.map_err(unreadable)?;
    let inner = bytes::Range { file: here.clone(), next: offset, end };
    let bytes = Box::new(bytes::Counted { inner, meter });
    if piece.index == 0 {
        return Ok(Opened::Bytes(bytes));
    }
    let whole = bytes::Range { file: here, next: 0, end: file.meta.size };
    Ok(Opened::Later(Box::new(whole), csv::Later { bytes, line }))
}

fn read(wanted: &Wanted, file: &TableFile, opened: Opened, give: &mut dyn FnMut(RecordBatch) -> bool) -> domain::Result<()> {
    let location = file.meta.location.to_string();
    let (columns, problems) = (&wanted.columns, &wanted.table.problems);
    let typed = binary::Reading { location: &location, wanted: columns, problems };
    let (raw, later) = match opened {
        Opened::Bytes(raw) => (raw, None),
        Opened::Later(whole, later) => (whole, Some(later)),
        #[cfg(feature = "orc")]
        Opened::Orc(orc) => return binary::orc(&typed, orc, give),
    };
    let format = &wanted.table.format;
    if *format == Format::Avro {
        return binary::avro(&typed, raw, give);
    }
    let text = connect::files::text(raw, format.encoding())
        .map_err(|e| Error::invalid_data(format!("The file {location} cannot be read or unpacked: {e}.")).source(e))?;
    match format {
        Format::Csv(dialect) => {
            let reading =
                csv::Reading { location: &location, dialect: *dialect, all: &wanted.table.file_schema, wanted: columns, problems };
            csv::read(&reading, text, later, give)
        }
        Format::Json => json::read(&location, columns, None, text, give),
        Format::JsonPath(path) => json::read(&location, columns, Some(path), text, give),
        Format::Xml(form) => json::read_xml(&location, columns, &form.row_tag, text, give),
        Format::Grok(form) => grok::read(&location, columns, form, problems, text, give),
        #[cfg(not(feature = "orc"))]
        Format::Orc => Err(binary::left_out(&typed, "ORC", "orc")),
        other => Err(Error::internal(format!("Files of the kind {} have another reader.", other.classification()))),
    }
}

/// Adds the keys and brings everything into the order of the plan.
fn complete(wanted: &Wanted, file: &TableFile, batch: RecordBatch) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let place = |place: &Place| -> Result<ArrayRef> {
        match place {
            Place::Column(index) => Ok(batch.column(*index).clone()),
            Place::Key(key) => partitions::value(file, *key, wanted.table.keys.field(*key).data_type())?.to_array_of_size(rows),
        }
    };
    let columns = wanted.order.iter().map(place).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(wanted.schema.clone(), columns, &options)?)
}
