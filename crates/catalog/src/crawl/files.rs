//! Crawling files: list, look into, group, describe.

use std::collections::BTreeMap;
use std::sync::Arc;

use connect::Connection;
use connect::files::{Finding, SIMILAR, SampleLimits, inspect_as};
use domain::{Error, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use store::Location;

use super::apply::{is_deprecated, is_owned};
use super::folder::{self, Before, Folder, Remark, Rules, Seen, SeenFile, Unit};
use super::naming::{file_stem, table_name};
use super::{DEFAULT_SAMPLE_FILES, Found, FoundTable, Look, MAX_SAMPLE_FILES, known};
use crate::crawler::{Grouping, S3Target};
use crate::glob::Glob;
use crate::hive;
use crate::layout::FileLayout;
use crate::table::{Column, Parameters, Table};

/// Files of one target looked into at the same time.
const FILES_AT_ONCE: usize = 8;

/// One target: where it is and how its files are reached.
struct Target<'a> {
    location: Location,
    store: Arc<dyn ObjectStore>,
    root: Path,
    /// The target is one file, not a folder.
    is_file: bool,
    connection: Option<Connection>,
    sample_files: usize,
    rules: Rules<'a>,
    look: &'a Look<'a>,
}

/// Fails when the place cannot be listed; a file that cannot be used is a problem.
pub(super) async fn crawl(look: &Look<'_>, target: &S3Target, found: &mut Found) -> Result<()> {
    let connection = match &target.connection_name {
        Some(name) => Some(look.catalog.get_connection(name).await?.value),
        None => None,
    };
    let location = Location::parse(&target.path)?;
    let (store, root) = look.catalog.sources().files(&location, connection.as_ref())?;
    let sample_files = target.sample_size.unwrap_or(DEFAULT_SAMPLE_FILES);
    let exclusions: Vec<Glob> = target.exclusions.iter().map(|glob| Glob::new(glob)).collect::<Result<_>>()?;
    let files = look.catalog.sources().list(&location, connection.as_ref()).await?;
    let is_file = matches!(files.as_slice(), [file] if file.location == root);
    let rules = rules(&look.configuration.grouping, &location);
    let at = Target { location, store, root, is_file, connection, sample_files, rules, look };
    let mut files: Vec<(Vec<String>, ObjectMeta)> = files.into_iter().map(|file| (relative(&at.root, &file), file)).collect();
    files.retain(|(parts, _)| !exclusions.iter().any(|glob| glob.matches(&parts.join("/"))));
    if files.is_empty() {
        found.problem(look.context, &target.path, "There are no files here.");
        return Ok(());
    }
    let Sorted { mut tree, inside } = at.sort(files);
    sample(&at, &mut tree, found).await?;
    let mut remarks: Vec<Remark> = Vec::new();
    let before = at.before(&tree).await?;
    let units = folder::units(&tree, &[], Rules { before: before.as_ref(), ..rules }, &mut remarks);
    at.keep(units, remarks, found);
    for (table, mut tree) in inside.into_values() {
        sample(&at, &mut tree, found).await?;
        let before = at.before(&tree).await?;
        at.add_to(table, &tree, before.as_ref(), found);
    }
    Ok(())
}

/// What the configuration says about grouping, for a target at this place.
fn rules(grouping: &Grouping, location: &Location) -> Rules<'static> {
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
    let depth = match location {
        Location::S3 { key, .. } => 1 + parts(key),
        Location::File(_) => parts(&location.to_string()),
    };
    let level = grouping.table_level_configuration.map(|level| level.saturating_sub(depth));
    // Folders that are said to be tables are so whatever they hold.
    let loose = grouping.table_grouping_policy.is_some() || level.is_some();
    Rules { alike: if loose { 0.0 } else { SIMILAR }, level, before: None }
}

/// Files that are to be looked at.
struct Sorted<'a> {
    tree: Folder,
    /// New folders inside partitioned tables that are known, by the table's name.
    inside: BTreeMap<&'a str, (&'a Table, Folder)>,
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

/// Looks into a sample of each folder's files, all folders side by side, and into all of a folder whose sample is mixed.
async fn sample(target: &Target<'_>, tree: &mut Folder, found: &mut Found) -> Result<()> {
    let per_folder = (MAX_SAMPLE_FILES / count_folders(tree).max(1)).clamp(1, target.sample_files);
    let mut picked = Vec::new();
    walk(tree, &mut Vec::new(), &mut |path, folder| {
        let mut picks = spread(folder.files.len(), per_folder);
        picks.extend(odd_endings(&folder.files));
        picks.sort_unstable();
        picks.dedup();
        picked.extend(picks.into_iter().map(|index| (path.to_vec(), index)));
    });
    look_into(target, tree, picked, found).await?;
    let (mut rest, mut left) = (Vec::new(), Vec::new());
    walk(tree, &mut Vec::new(), &mut |path, folder| {
        let unusable = folder.files.iter().any(|file| matches!(file.seen, Seen::Useless));
        if !unusable && folder::is_uniform(&folder.files, target.rules) {
            return;
        }
        let unread: Vec<usize> = (0..folder.files.len()).filter(|index| matches!(folder.files[*index].seen, Seen::Unread)).collect();
        let (now, never) = unread.split_at(unread.len().min(MAX_SAMPLE_FILES));
        rest.extend(now.iter().map(|index| (path.to_vec(), *index)));
        if !never.is_empty() {
            left.push((path.join("/"), never.len()));
        }
    });
    for (path, never) in left {
        let reason = format!("The files are of several kinds, and {never} of them were not looked into (limit {MAX_SAMPLE_FILES}).");
        found.problem(target.look.context, target.place(&path), reason);
    }
    look_into(target, tree, rest, found).await
}

fn count_folders(folder: &Folder) -> usize {
    usize::from(!folder.files.is_empty()) + folder.folders.values().map(count_folders).sum::<usize>()
}

/// Every folder with its path, outer ones first.
fn walk(folder: &Folder, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &Folder)) {
    visit(path, folder);
    for (name, child) in &folder.folders {
        path.push(name.clone());
        walk(child, path, visit);
        path.pop();
    }
}

fn file_at<'a>(tree: &'a mut Folder, path: &[String], index: usize) -> Option<&'a mut SeenFile> {
    let folder = path.iter().try_fold(tree, |folder, name| folder.folders.get_mut(name))?;
    folder.files.get_mut(index)
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

/// Looks into the files picked, each a folder's path and the file's number in it.
async fn look_into(target: &Target<'_>, tree: &mut Folder, picked: Vec<(Vec<String>, usize)>, found: &mut Found) -> Result<()> {
    let look = target.look;
    look.progress.expect(picked.len());
    let files: Vec<((Vec<String>, usize), ObjectMeta)> = picked
        .into_iter()
        .filter_map(|(path, index)| file_at(tree, &path, index).map(|file| file.meta.clone()).map(|meta| ((path, index), meta)))
        .collect();
    let mut findings = stream::iter(files)
        .map(|(at, meta)| async move {
            look.context.check()?;
            let finding = inspect_as(target.store.clone(), &meta, SampleLimits::default(), &look.classifiers).await;
            look.progress.did(1);
            Ok::<_, Error>((at, finding))
        })
        .buffered(FILES_AT_ONCE);
    while let Some(((path, index), finding)) = findings.try_next().await? {
        let Some(file) = file_at(tree, &path, index) else { continue };
        let place = target.place(&path.iter().chain([&file.name]).map(String::as_str).collect::<Vec<_>>().join("/"));
        let (seen, reason) = match finding {
            Ok(Finding::Usable(inspection)) => {
                for note in &inspection.notes {
                    found.problem(look.context, place.as_str(), note.as_str());
                }
                (Seen::Usable(inspection), None)
            }
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
            found.problem(look.context, place, reason);
        }
    }
    Ok(())
}

impl<'a> Target<'a> {
    /// Passes over what earlier crawls looked at, where only new folders are wanted, and puts new folders to the table they lie in.
    fn sort(&self, files: Vec<(Vec<String>, ObjectMeta)>) -> Sorted<'a> {
        let known = &self.look.known;
        let mut sorted = Sorted { tree: Folder::default(), inside: BTreeMap::new() };
        let mut passed = 0_usize;
        for (parts, meta) in files {
            let folder = format!("{}/", self.place(&parts[..parts.len() - 1].join("/")).trim_end_matches('/'));
            let connection = self.connection_name();
            if known.has(connection, &folder) || known.has(connection, &self.place(&parts.join("/"))) {
                passed += 1;
                continue;
            }
            let tree = match known.table(connection, &folder) {
                Some(table) => &mut sorted.inside.entry(table.name.as_str()).or_insert_with(|| (table, Folder::default())).1,
                None => &mut sorted.tree,
            };
            insert(tree, &parts, meta);
        }
        if passed > 0 {
            self.look.context.info(format!("{}: {passed} files lie in folders that are known, and were passed over.", self.location));
        }
        sorted
    }

    fn keep(&self, units: Vec<Unit>, remarks: Vec<Remark>, found: &mut Found) {
        for remark in remarks {
            found.problem(self.look.context, self.place(&remark.path), remark.reason);
        }
        found.tables.extend(units.into_iter().map(|unit| self.describe(unit)));
    }

    /// What earlier crawls made of the target, where it matters: only what cannot be read is grouped as it was.
    async fn before(&self, tree: &Folder) -> Result<Option<Before>> {
        if self.is_file || !tree.hides() {
            return Ok(None);
        }
        let base = self.place("");
        let known = self.look.catalog.store().children::<Table>(&self.look.crawler.database_name).await?;
        let connection = |table: &Table| table.parameters.get("connectionName").map_or("", String::as_str) == self.connection_name();
        let known = known.iter().filter(|table| is_owned(table, self.look.crawler) && !is_deprecated(table) && connection(table));
        let parted = |table: &Table| Some((table.location().strip_prefix(&base)?.to_owned(), !table.partition_keys.is_empty()));
        Ok(Some(known.filter_map(|table| parted(table)).collect()))
    }

    /// New folders inside a known table become partitions of it; one that does not fit becomes a table of its own.
    fn add_to(&self, table: &Table, tree: &Folder, before: Option<&Before>, found: &mut Found) {
        let mut remarks = Vec::new();
        let units = folder::leaves(tree, &[], Rules { before, ..self.rules }, &mut remarks);
        let (mut partitions, mut others) = (Vec::new(), Vec::new());
        for unit in units {
            let mut folder = self.describe(unit.clone());
            // ASCII goes with every encoding but UTF-16.
            if let Some(encoding) = table.parameters.get("encoding").filter(|name| unit.inspection.is_ascii && *name == "latin-1") {
                folder.table.parameters.insert("encoding".into(), encoding.clone());
            }
            match known::partition_of(table, &folder) {
                Ok(values) => partitions.push((values, folder.table.location().to_owned())),
                Err(why) => {
                    let reason = format!("A table of its own, no partition of {}: {why}.", table.name);
                    remarks.push(Remark { path: unit.path.join("/"), reason: reason.clone() });
                    others.push(Unit { reason: Some(reason), ..unit });
                }
            }
        }
        if !partitions.is_empty() {
            found.additions.push((table.name.clone(), partitions));
        }
        self.keep(others, remarks, found);
    }

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

    fn describe(&self, unit: Unit) -> FoundTable {
        let layout = FileLayout { format: unit.inspection.format.clone(), compression: unit.inspection.compression };
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
        let storage_descriptor = layout.storage_of(location, columns);
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
            name: table_name(&self.look.crawler.table_prefix, &self.unit_name(&unit)),
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
