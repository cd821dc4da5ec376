//! One table's part of a run: what it reads, and where the bookmark is afterwards.

use std::collections::BTreeMap;

use catalog::crawl::PRIMARY_KEY;
use catalog::{Catalog, Table, below, hive};
use chrono::{DateTime, Utc};
use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys::{Key, KeyColumn, KeyKind, quoted};
use super::mark::{FilesMark, Mark, Stamp};
use super::spec::{KeyOrder, TableBookmark};
use crate::engine::{Engine, Means, Window};

/// A condition for tables of which nothing is read.
const NOTHING: &str = "FALSE";

/// What one run reads of one table, as it is written down before anything is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableWindow {
    pub window: Window,
    /// There is nothing new.
    pub is_empty: bool,
    /// The bookmark once it has been read; none where nothing has ever been read.
    pub mark: Option<Mark>,
    /// By partition the first offset of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_offsets: Option<BTreeMap<i32, i64>>,
}

/// Between which bookmarks a run reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    pub from: Option<&'a Mark>,
    pub to: End<'a>,
}

/// Where a run's reading ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End<'a> {
    /// With what is there now.
    Now(Timestamp),
    /// Where an earlier run ended; none where it had read nothing yet.
    Mark(Option<&'a Mark>),
}

/// Decides windows.
pub(crate) struct Windows<'a> {
    pub catalog: &'a Catalog,
    pub engine: &'a dyn Engine,
    /// What the queries read in place of, or beside, the catalogue's tables: a graph's own sources.
    pub tables: &'a [Table],
    pub means: Means,
}

impl Windows<'_> {
    /// `database.table` as the queries know it.
    async fn table(&self, name: &str) -> Result<Table> {
        let (database, short) = name.split_once('.').unwrap_or_default();
        match self.tables.iter().find(|table| table.database_name == database && table.name == short) {
            Some(given) => Ok(given.clone()),
            None => Ok(self.catalog.store().get::<Table>(&Table::key_of(database, short)).await?.value),
        }
    }

    pub async fn decide(&self, bookmark: &TableBookmark, span: Span<'_>) -> Result<TableWindow> {
        let name = &bookmark.table;
        let table = self.table(name).await?;
        if !bookmark.keys.is_empty() {
            return self.by_key(&key(&table, bookmark, &bookmark.keys)?, bookmark, span).await;
        }
        let Some((connection, path)) = table.source() else { return self.by_file(&table, bookmark, span).await };
        let connection = self.catalog.get_connection(connection).await?.value;
        let source = self.catalog.sources().open(&connection)?;
        let Some(log) = source.log() else {
            let keys = primary_key(&table, name)?;
            return self.by_key(&key(&table, bookmark, &keys)?, bookmark, span).await;
        };
        if bookmark.delay.is_some() {
            return Err(Error::invalid_input(format!("Table {name} is read by offset, where a Delay has no meaning; leave it out.")));
        }
        let empty = BTreeMap::new();
        let offsets = |mark: Option<&'_ Mark>| match mark {
            None => Ok(empty.clone()),
            Some(Mark::Offsets(offsets)) => Ok(offsets.clone()),
            Some(_) => Err(other_kind(name, "offset")),
        };
        let from = offsets(span.from)?;
        let ends = log.ends(&path, &from).await?;
        let to = match span.to {
            End::Now(_) => ends,
            End::Mark(mark) => offsets(mark)?,
        };
        let ranges: Vec<(i32, i64, i64)> = to.iter().map(|(&part, &end)| (part, from.get(&part).copied().unwrap_or(0), end)).collect();
        let ranges: Vec<(i32, i64, i64)> = ranges.into_iter().filter(|(_, first, end)| first < end).collect();
        let (partition, offset) = log.place_columns();
        Ok(TableWindow {
            window: Window::Where(offset_condition(partition, offset, &ranges)),
            is_empty: ranges.is_empty(),
            mark: Some(Mark::Offsets(to)),
            first_offsets: Some(from),
        })
    }

    /// That a window which an earlier attempt decided can still be read.
    pub async fn check(&self, name: &str, window: &TableWindow) -> Result<()> {
        let Some(first) = &window.first_offsets else { return Ok(()) };
        let table = self.table(name).await?;
        let Some((connection, path)) = table.source() else { return Ok(()) };
        let source = self.catalog.sources().open(&self.catalog.get_connection(connection).await?.value)?;
        match source.log() {
            Some(log) => log.ends(&path, first).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn by_file(&self, table: &Table, bookmark: &TableBookmark, span: Span<'_>) -> Result<TableWindow> {
        let name = &bookmark.table;
        let files = |mark: Option<&'_ Mark>| match mark {
            None => Ok(FilesMark::default()),
            Some(Mark::Files(files)) => Ok(files.clone()),
            Some(_) => Err(other_kind(name, "file")),
        };
        let from = files(span.from)?;
        let found = self.catalog.table_files(table).await?;
        let listed: BTreeMap<String, Stamp> = found
            .files
            .iter()
            .map(|file| (below(&found.prefix, &file.location), Stamp { modified: file.last_modified, size: file.size }))
            .collect();
        let (wanted, mark) = match span.to {
            End::Now(now) => {
                let limit = limit(now, bookmark.delay);
                let wanted = pick(&listed, |name, stamp| limit.is_none_or(|limit| stamp.modified <= limit) && !from.has_read(name, stamp));
                let mark = from.after(&wanted);
                (wanted, mark)
            }
            End::Mark(to) => {
                let to = files(to)?;
                (pick(&listed, |name, stamp| to.has_read(name, stamp) && !from.has_read(name, stamp)), to)
            }
        };
        let is_empty = wanted.is_empty();
        Ok(TableWindow {
            window: Window::Files(wanted.into_keys().collect()),
            is_empty,
            mark: Some(Mark::Files(mark)),
            first_offsets: None,
        })
    }

    async fn by_key(&self, key: &Key, bookmark: &TableBookmark, span: Span<'_>) -> Result<TableWindow> {
        let name = &bookmark.table;
        let last = |mark: Option<&'_ Mark>| match mark {
            None => Ok(None),
            Some(Mark::Keys(keys)) if key.fits(keys) => Ok(Some(keys.last.clone())),
            Some(_) => Err(other_kind(name, &key.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "))),
        };
        let from = last(span.from)?;
        let to = match span.to {
            End::Now(now) => {
                let limit = bookmark.delay.map(|seconds| now.plus_ms(-1000 * i64::from(seconds)));
                key.last(self, from.as_deref(), limit).await?
            }
            End::Mark(mark) => last(mark)?.filter(|to| Some(to) != from.as_ref()),
        };
        let (condition, mark) = match &to {
            Some(to) => (key.between(from.as_deref(), to), to),
            None => {
                let mark = from.map(|from| Mark::Keys(key.mark(from)));
                return Ok(TableWindow { window: Window::Where(NOTHING.into()), is_empty: true, mark, first_offsets: None });
            }
        };
        let mark = Some(Mark::Keys(key.mark(mark.clone())));
        Ok(TableWindow { window: Window::Where(condition), is_empty: false, mark, first_offsets: None })
    }
}

fn pick(listed: &BTreeMap<String, Stamp>, wanted: impl Fn(&str, &Stamp) -> bool) -> BTreeMap<String, Stamp> {
    listed.iter().filter(|(name, stamp)| wanted(name, stamp)).map(|(name, stamp)| (name.clone(), *stamp)).collect()
}

fn limit(now: Timestamp, delay: Option<u32>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(now.plus_ms(-1000 * i64::from(delay?)).millis())
}

/// Partition, first offset, and the one after the last.
pub(super) fn offset_condition(partition: &str, offset: &str, ranges: &[(i32, i64, i64)]) -> String {
    let (partition, offset) = (quoted(partition), quoted(offset));
    let one = |(part, first, end): &(i32, i64, i64)| format!("({partition} = {part} AND {offset} >= {first} AND {offset} < {end})");
    let all: Vec<String> = ranges.iter().map(one).collect();
    if all.is_empty() { NOTHING.into() } else { all.join(" OR ") }
}

/// The columns by which a table of a database is read when the job names none.
fn primary_key(table: &Table, name: &str) -> Result<Vec<String>> {
    let keys: Vec<String> = table.parameters.get(PRIMARY_KEY).map(|keys| keys.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let found = match keys.as_slice() {
        [] if table.parameters.get("typeOfData").is_some_and(|kind| kind == "view") => "it is a view".to_owned(),
        [] => "it has no primary key".to_owned(),
        [one] => {
            let column = find(table, one)?;
            match column.as_ref().map(|column| column.kind) {
                Some(KeyKind::Integer | KeyKind::Timestamp | KeyKind::Date) => return Ok(keys),
                _ => format!("its primary key {one:?} is neither a number nor a time, and may not grow"),
            }
        }
        several => format!("its primary key has {} columns ({}), which may not grow together", several.len(), several.join(", ")),
    };
    Err(Error::invalid_input(format!(
        "Table {name} cannot be read by bookmark: {found}; name columns that only grow in the job's Bookmarks: [{{Table: {name}, Keys: [...]}}]."
    )))
}

fn find(table: &Table, name: &str) -> Result<Option<KeyColumn>> {
    let mut columns = table.columns().iter().chain(&table.partition_keys);
    let Some(column) = columns.find(|column| column.name.eq_ignore_ascii_case(name)) else { return Ok(None) };
    let data_type = hive::to_arrow(&column.data_type).map_err(|e| e.with("column", &column.name))?;
    Ok(KeyKind::of(&data_type).map(|kind| KeyColumn { name: column.name.clone(), kind, data_type }))
}

fn key(table: &Table, bookmark: &TableBookmark, keys: &[String]) -> Result<Key> {
    let column = |name: &String| {
        find(table, name)?.ok_or_else(|| {
            let all: Vec<String> = table.columns().iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
            Error::invalid_input(format!(
                "Key {name:?} of the bookmark of {} is to be a column of whole numbers, decimals, dates, times or text; the table has {}.",
                bookmark.table,
                all.join(", ")
            ))
        })
    };
    let columns: Vec<KeyColumn> = keys.iter().map(column).collect::<Result<_>>()?;
    if bookmark.delay.is_some() && columns.first().is_none_or(|first| first.kind != KeyKind::Timestamp) {
        return Err(Error::invalid_input(format!(
            "The bookmark of {} has a Delay, so its first key is to be a timestamp; found {}.",
            bookmark.table,
            columns.first().map(|first| first.data_type.to_string()).unwrap_or_default()
        )));
    }
    let order = if bookmark.keys.is_empty() { KeyOrder::Asc } else { bookmark.order };
    Ok(Key { table: format!("{}.{}", quoted(&table.database_name), quoted(&table.name)), columns, order })
}

fn other_kind(name: &str, now: &str) -> Error {
    Error::invalid_input(format!(
        "The bookmark of {name} was not made by {now}, by which the job reads now; reset the bookmark (ResetJobBookmark) to begin anew."
    ))
}
