//! Crawling files: list, look into, group, describe.

use std::collections::BTreeMap;
use std::sync::Arc;

use connect::Connection;
use connect::files::{Finding, SampleLimits, inspect};
use domain::{Error, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use runs::RunContext;
use store::Location;

use super::folder::{self, Folder, Remark, Seen, SeenFile, Unit};
use super::naming::{file_stem, table_name};
use super::{DEFAULT_SAMPLE_FILES, Found, FoundTable, MAX_SAMPLE_FILES};
use crate::catalog::Catalog;
use crate::crawler::{Crawler, S3Target};
use crate::glob::Glob;
use crate::hive;
use crate::layout::FileLayout;
use crate::table::{Column, Parameters, Table};

/// Files looked into at once.
const AT_ONCE: usize = 4;

/// One target: where it is and how its files are reached.
struct Target<'a> {
    location: Location,
    store: Arc<dyn ObjectStore>,
    root: Path,
    /// The target is one file, not a folder.
    is_file: bool,
    connection: Option<Connection>,
    sample_files: usize,
    context: &'a RunContext,
}

/// Fails when the place cannot be listed; a file that cannot be used is a problem.
pub(super) async fn crawl(catalog: &Catalog, crawler: &Crawler, target: &S3Target, context: &RunContext, found: &mut Found) -> Result<()> {
    let connection = match &target.connection_name {
        Some(name) => Some(catalog.get_connection(name).await?.value),
        None => None,
    };
    let location = Location::parse(&target.path)?;
    let (store, root) = catalog.sources().files(&location, connection.as_ref())?;
    let sample_files = target.sample_size.unwrap_or(DEFAULT_SAMPLE_FILES);
    let exclusions: Vec<Glob> = target.exclusions.iter().map(|glob| Glob::new(glob)).collect::<Result<_>>()?;
    let files = catalog.sources().list(&location, connection.as_ref()).await?;
    let is_file = matches!(files.as_slice(), [file] if file.location == root);
    let target_at = Target { location, store, root, is_file, connection, sample_files, context };
    let mut tree = Folder::default();
    let mut count = 0_usize;
    for file in files {
        let parts = relative(&target_at.root, &file);
        if !exclusions.iter().any(|glob| glob.matches(&parts.join("/"))) {
            count += 1;
            insert(&mut tree, &parts, file);
        }
    }
    if count == 0 {
        found.problem(context, &target.path, "There are no files here.");
        return Ok(());
    }
    look(&target_at, &mut tree, found).await?;
    let mut remarks: Vec<Remark> = Vec::new();
    let units = folder::units(&tree, &[], &mut remarks);
    for remark in remarks {
        found.problem(context, target_at.place(&remark.path), remark.reason);
    }
    for unit in units {
        for note in &unit.inspection.notes {
            context.info(format!("{}: {note}", target_at.place(&unit.path.join("/"))));
        }
        found.tables.push(target_at.describe(unit, crawler));
    }
    Ok(())
}

/// The parts of the file's path under the target; a target that is the file itself has its name alone.
fn relative(root: &Path, file: &ObjectMeta) -> Vec<String> {
    let parts: Vec<String> =
        file.location.prefix_match(root).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect()).unwrap_or_default();
    if parts.is_empty() { vec![file.location.filename().unwrap_or_default().to_owned()] } else { parts }
}

fn insert(folder: &mut Folder, parts: &[String], meta: ObjectMeta) {
    match parts {
        [name] => folder.files.push(SeenFile { name: name.clone(), meta, seen: Seen::Unread }),
        [first, rest @ ..] => insert(folder.folders.entry(first.clone()).or_default(), rest, meta),
        [] => {}
    }
}

/// Looks into a sample of each folder's files, and into all of a folder whose sample is mixed.
async fn look(target: &Target<'_>, tree: &mut Folder, found: &mut Found) -> Result<()> {
    let folders = count_folders(tree).max(1);
    let per_folder = (MAX_SAMPLE_FILES / folders).clamp(1, target.sample_files);
    let mut path = Vec::new();
    look_into_folder(target, tree, &mut path, per_folder, found).await
}

fn count_folders(folder: &Folder) -> usize {
    usize::from(!folder.files.is_empty()) + folder.folders.values().map(count_folders).sum::<usize>()
}

async fn look_into_folder(
    target: &Target<'_>,
    folder: &mut Folder,
    path: &mut Vec<String>,
    sample: usize,
    found: &mut Found,
) -> Result<()> {
    let mut picked = spread(folder.files.len(), sample);
    picked.extend(odd_endings(&folder.files));
    picked.sort_unstable();
    picked.dedup();
    look_into(target, folder, path, &picked, found).await?;
    let unusable = folder.files.iter().any(|file| matches!(file.seen, Seen::Useless));
    if unusable || !folder::is_uniform(&folder.files) {
        let rest: Vec<usize> = (0..folder.files.len()).filter(|index| matches!(folder.files[*index].seen, Seen::Unread)).collect();
        let (now, never) = rest.split_at(rest.len().min(MAX_SAMPLE_FILES));
        look_into(target, folder, path, now, found).await?;
        if !never.is_empty() {
            let reason =
                format!("The files are of several kinds, and {} of them were not looked into (limit {MAX_SAMPLE_FILES}).", never.len());
            found.problem(target.context, target.place(&path.join("/")), reason);
        }
    }
    for (name, child) in &mut folder.folders {
        path.push(name.clone());
        Box::pin(look_into_folder(target, child, path, sample, found)).await?;
        path.pop();
    }
    Ok(())
}

/// Files whose name ends unlike most of the folder's: the ones that are likely to be something else.
fn odd_endings(files: &[SeenFile]) -> Vec<usize> {
    let ending = |file: &SeenFile| file.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(ending(file)).or_default() += 1;
    }
    let usual = counts.into_iter().max_by_key(|(_, count)| *count).map(|(ending, _)| ending).unwrap_or_default();
    let odd = files.iter().enumerate().filter(|(_, file)| ending(file) != usual).map(|(index, _)| index);
    odd.take(DEFAULT_SAMPLE_FILES).collect()
}

/// At most `wanted` of `count` indexes: the first, the last and what lies evenly between.
fn spread(count: usize, wanted: usize) -> Vec<usize> {
    if count <= wanted {
        return (0..count).collect();
    }
    if wanted == 1 {
        return vec![0];
    }
    (0..wanted).map(|index| index * (count - 1) / (wanted - 1)).collect()
}

async fn look_into(target: &Target<'_>, folder: &mut Folder, path: &[String], picked: &[usize], found: &mut Found) -> Result<()> {
    let work: Vec<(usize, ObjectMeta)> = picked.iter().map(|index| (*index, folder.files[*index].meta.clone())).collect();
    let findings: Vec<(usize, Result<Finding>)> = stream::iter(work)
        .map(|(index, meta)| async move {
            target.context.check()?;
            Ok::<_, Error>((index, inspect(target.store.clone(), &meta, SampleLimits::default()).await))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    for (index, finding) in findings {
        let file = &mut folder.files[index];
        let place = target.place(&path.iter().chain([&file.name]).map(String::as_str).collect::<Vec<_>>().join("/"));
        let (seen, reason) = match finding {
            Ok(Finding::Usable(inspection)) => (Seen::Usable(inspection), None),
            // An empty file may be filled tomorrow; it hides nothing.
            Ok(Finding::Empty) => (Seen::Useless, Some("The file is empty.".to_owned())),
            Ok(Finding::Unusable(reason)) => {
                found.unreadable(target.connection_name(), &place);
                (Seen::Useless, Some(reason))
            }
            Err(error) => {
                found.unreadable(target.connection_name(), &place);
                (Seen::Useless, Some(error.to_string()))
            }
        };
        file.seen = seen;
        if let Some(reason) = reason {
            found.problem(target.context, place, reason);
        }
    }
    Ok(())
}

impl Target<'_> {
    fn connection_name(&self) -> &str {
        self.connection.as_ref().map_or("", |connection| connection.name.as_str())
    }

    /// The place of a path under the target, for people and for tables.
    fn place(&self, path: &str) -> String {
        let base = self.location.to_string();
        let folder = base.trim_end_matches('/');
        match path {
            _ if self.is_file => base,
            "" => format!("{folder}/"),
            path => format!("{folder}/{path}"),
        }
    }

    fn describe(&self, unit: Unit, crawler: &Crawler) -> FoundTable {
        let layout = FileLayout { format: unit.inspection.format, compression: unit.inspection.compression };
        let location = self.unit_location(&unit);
        let keys: Vec<Column> = unit
            .keys
            .iter()
            .enumerate()
            .map(|(index, key)| Column::new(key.clone().unwrap_or_else(|| format!("partition_{index}")), "string"))
            .collect();
        let mut columns = hive::columns(&unit.inspection.schema);
        // What the folder's name says wins over a column of the same name, as in Hive.
        columns.retain(|column| !keys.iter().any(|key| key.name.eq_ignore_ascii_case(&column.name)));
        let mut storage_descriptor = layout.storage(location);
        storage_descriptor.columns = columns;
        let mut parameters = layout.parameters();
        if !unit.exclusions.is_empty() {
            parameters.insert("exclusions".into(), serde_json::Value::from(unit.exclusions.clone()).to_string());
        }
        if let Some(connection) = &self.connection {
            parameters.insert("connectionName".into(), connection.name.clone());
        }
        let partitions =
            unit.partitions.iter().map(|(values, folder)| (values.clone(), format!("{}/", self.place(&folder.join("/"))))).collect();
        let rows = rows(&unit);
        FoundTable {
            name: table_name(&crawler.table_prefix, &self.unit_name(&unit)),
            table: Table {
                storage_descriptor,
                partition_keys: keys,
                table_type: Some("EXTERNAL_TABLE".into()),
                parameters,
                ..Table::default()
            },
            partitions,
            statistics: statistics(&unit, rows),
            files: Some(unit.files),
            bytes: Some(unit.bytes),
            rows,
            reason: unit.reason,
        }
    }

    /// A folder ends with a slash, a file does not.
    fn unit_location(&self, unit: &Unit) -> String {
        let path: Vec<&str> = unit.path.iter().chain(&unit.file).map(String::as_str).collect();
        let place = self.place(&path.join("/"));
        if self.is_file || unit.file.is_some() || place.ends_with('/') { place } else { format!("{place}/") }
    }

    /// The last folder's name, or the file's for a table of one file.
    fn unit_name(&self, unit: &Unit) -> String {
        if let Some(file) = &unit.file {
            return file_stem(file).to_owned();
        }
        if let Some(folder) = unit.path.last() {
            return folder.clone();
        }
        let bucket = match &self.location {
            Location::S3 { bucket, .. } => bucket.clone(),
            Location::File(_) => String::new(),
        };
        let name = self.root.filename().map_or(bucket, str::to_owned);
        if self.is_file { file_stem(&name).to_owned() } else { name }
    }
}

/// Counted, or the sample's rows by size.
fn rows(unit: &Unit) -> Option<u64> {
    let (rows, seen) = unit.sampled?;
    match seen {
        0 => None,
        seen if seen == unit.bytes => Some(rows),
        seen => Some((rows as f64 * unit.bytes as f64 / seen as f64).round() as u64),
    }
}

fn statistics(unit: &Unit, rows: Option<u64>) -> Parameters {
    let mut statistics =
        Parameters::from([("objectCount".to_owned(), unit.files.to_string()), ("sizeKey".to_owned(), unit.bytes.to_string())]);
    if let Some(rows) = rows.filter(|rows| *rows > 0) {
        statistics.insert("recordCount".into(), rows.to_string());
        statistics.insert("averageRecordSize".into(), (unit.bytes / rows).to_string());
    }
    statistics
}
