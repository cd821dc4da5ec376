//! Which folders and files make a table. Pure: takes a tree of files that were looked into, gives units.

use std::collections::{BTreeMap, BTreeSet};

use connect::files::{Inspection, SIMILAR, Similarity, merge, similarity};
use object_store::ObjectMeta;

use super::naming::file_stem;

/// More different kinds of folders than this are never partitions of one table.
const MAX_KINDS: usize = 5;

/// Tables that the crawler has under the target, by path (a folder's ends with a slash), and whether they have partitions.
pub(super) type Before = BTreeMap<String, bool>;

/// What makes files and folders one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The share of columns that must be common.
    pub alike: f64,
    /// Folders so many steps below the target are tables, whatever is in them; everything above and below follows from that.
    pub level: Option<usize>,
    /// Asked for folders of which something could not be read.
    pub before: Option<&'a Before>,
}

impl Rules<'_> {
    fn fits(self, a: &Inspection, b: &Inspection) -> bool {
        matches!(similarity(a, b), Similarity::Common(share) if share >= self.alike)
    }

    /// Folders at this depth stand for tables, not for partitions of one.
    fn apart(self, depth: usize) -> bool {
        self.level.is_some_and(|level| depth < level)
    }

    /// Whether the folder was one table (or a part of one) or its `parts` were; nothing where it was neither. Asked where something
    /// cannot be read: what is left would be grouped in another way than the whole, and tables that are there be called gone.
    fn was_one(self, path: &[String], of_files: bool, mut parts: impl Iterator<Item = String>) -> Option<bool> {
        let before = self.before?;
        if parts.any(|part| before.contains_key(&part)) {
            return Some(false);
        }
        let is_one = |depth: usize| {
            let folder: String = path[..depth].iter().map(|name| format!("{name}/")).collect();
            before.get(&folder).is_some_and(|is_parted| *is_parted || of_files && depth == path.len())
        };
        (0..=path.len()).any(is_one).then_some(true)
    }

    /// Folders at this depth belong to a table whose folder was named.
    fn inside(self, depth: usize) -> bool {
        self.level.is_some_and(|level| depth >= level)
    }
}

/// A folder of the target, what is in it, and what was found out about it.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub files: Vec<SeenFile>,
    pub folders: BTreeMap<String, Folder>,
}

impl Folder {
    /// Something in it or below could not be read.
    pub fn hides(&self) -> bool {
        hides(&self.files) || self.folders.values().any(Self::hides)
    }
}

fn hides(files: &[SeenFile]) -> bool {
    files.iter().any(|file| matches!(file.seen, Seen::Useless))
}

#[derive(Debug)]
pub(super) struct SeenFile {
    pub name: String,
    pub meta: ObjectMeta,
    pub seen: Seen,
}

#[derive(Debug)]
pub(super) enum Seen {
    /// Not looked into: it is taken to be like its neighbours.
    Unread,
    Usable(Inspection),
    /// Empty or of no use; already reported.
    Useless,
}

/// Data that becomes one table.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// Folders from the target down; empty for the target itself.
    pub path: Vec<String>,
    /// For a table of one file beside others.
    pub file: Option<String>,
    /// Joined over all files that were looked into.
    pub inspection: Inspection,
    /// Outermost first; a key without a name is called by its number.
    pub keys: Vec<Option<String>>,
    /// Values and folders of each partition, in the order of the keys.
    pub partitions: Vec<(Vec<String>, Vec<String>)>,
    pub files: u64,
    pub bytes: u64,
    /// Rows of the files looked into, and their size; unknown when one of them does not tell.
    pub sampled: Option<(u64, u64)>,
    /// What a reader must leave out: patterns relative to the unit.
    pub exclusions: Vec<String>,
    pub reason: Option<String>,
}

/// Something left out, and why.
pub(super) struct Remark {
    pub path: String,
    pub reason: String,
}

/// The folder's files all belong to one table, but for a few.
pub(super) fn is_uniform(files: &[SeenFile], how: Rules<'_>) -> bool {
    let groups = groups(files, how);
    let (largest, all) = (groups.iter().map(Vec::len).max().unwrap_or(0), groups.iter().map(Vec::len).sum());
    groups.len() <= 1 || rules(largest, all)
}

/// The tables in the folder and below.
pub(super) fn units(folder: &Folder, path: &[String], how: Rules<'_>, remarks: &mut Vec<Remark>) -> Vec<Unit> {
    let children: Vec<(&String, Vec<Unit>)> = folder
        .folders
        .iter()
        .map(|(name, child)| (name, units(child, &[path, std::slice::from_ref(name)].concat(), how, remarks)))
        .filter(|(_, units)| !units.is_empty())
        .collect();
    let mut own = direct(folder, path, how, remarks);
    if own.is_empty()
        && !how.apart(path.len())
        && let Some(whole) = partitioned(folder, &children, path, how, remarks)
    {
        return whole;
    }
    // A table of this folder must not swallow the tables below it.
    if let Some(unit) = own.iter_mut().find(|unit| unit.file.is_none()) {
        unit.exclusions.extend(children.iter().map(|(name, _)| format!("{name}/**")));
    }
    own.extend(children.into_iter().flat_map(|(_, units)| units));
    own
}

/// What is directly in each folder, without regard to the folders around it.
pub(super) fn leaves(folder: &Folder, path: &[String], how: Rules<'_>, remarks: &mut Vec<Remark>) -> Vec<Unit> {
    let mut all = direct(folder, path, how, remarks);
    for (name, child) in &folder.folders {
        all.extend(leaves(child, &[path, std::slice::from_ref(name)].concat(), how, remarks));
    }
    all
}

/// So many of all rule the others.
fn rules(largest: usize, all: usize) -> bool {
    largest >= 2 && largest as f64 >= SIMILAR * all as f64
}

/// Indexes of files that are alike, in the order in which they were met.
fn groups(files: &[SeenFile], how: Rules<'_>) -> Vec<Vec<usize>> {
    let usable = files.iter().enumerate().filter_map(|(index, file)| match &file.seen {
        Seen::Usable(inspection) => Some((index, inspection)),
        _ => None,
    });
    let mut groups: Vec<(Inspection, Vec<usize>)> = Vec::new();
    for (index, inspection) in usable {
        match groups.iter_mut().find(|(first, _)| how.fits(first, inspection)) {
            Some((first, members)) => {
                *first = join(first, inspection);
                members.push(index);
            }
            None => groups.push((inspection.clone(), vec![index])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

/// The form of the first with the columns of both; quotes and Latin-1 met in either hold for both.
fn join(a: &Inspection, b: &Inspection) -> Inspection {
    use connect::files::{Encoding, Format};
    let mut joined = a.clone();
    joined.schema = std::sync::Arc::new(merge(&a.schema, &b.schema));
    joined.is_ascii = a.is_ascii && b.is_ascii;
    if let (Format::Csv(dialect), Format::Csv(other)) = (&mut joined.format, &b.format) {
        dialect.quoted |= other.quoted;
        if other.encoding == Encoding::Latin1 {
            dialect.encoding = Encoding::Latin1;
        }
    }
    joined
}

/// How many files each group has, with those that cannot be read and end as the files of this group alone do: they are taken to be
/// like them, and join them once they can be read.
fn weights(files: &[SeenFile], groups: &[Vec<usize>]) -> Vec<usize> {
    let ending = |file: &SeenFile| match file.name.strip_prefix(file_stem(&file.name)) {
        Some(known) if !known.is_empty() => known.to_lowercase(),
        _ => file.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default(),
    };
    let endings: Vec<BTreeSet<String>> = groups.iter().map(|group| group.iter().map(|index| ending(&files[*index])).collect()).collect();
    let mut weights: Vec<usize> = groups.iter().map(Vec::len).collect();
    for hidden in files.iter().filter(|file| matches!(file.seen, Seen::Useless)) {
        let mut alike = endings.iter().zip(&mut weights).filter(|(endings, _)| endings.contains(&ending(hidden)));
        if let (Some((_, weight)), None) = (alike.next(), alike.next()) {
            *weight += 1;
        }
    }
    weights
}

/// The table, or tables, of the files directly in the folder.
fn direct(folder: &Folder, path: &[String], how: Rules<'_>, remarks: &mut Vec<Remark>) -> Vec<Unit> {
    let groups = groups(&folder.files, how);
    let weights = weights(&folder.files, &groups);
    let all: usize = weights.iter().sum();
    let Some((largest, weight)) = groups.iter().zip(weights).max_by_key(|(_, weight)| *weight) else { return Vec::new() };
    let parts = largest.iter().map(|index| joined(path, &folder.files[*index].name));
    let was_one = if hides(&folder.files) { how.was_one(path, true, parts) } else { None };
    if !was_one.unwrap_or(groups.len() == 1 || rules(weight, all)) {
        let reason = match groups.len() {
            1 => "A file of its own, as before: a file beside it cannot be read.".to_owned(),
            kinds => format!(
                "A file of its own: the files of its folder are of {kinds} kinds, and no kind makes {} % of them.",
                (SIMILAR * 100.0).round()
            ),
        };
        let members = groups.iter().flatten().map(|index| &folder.files[*index]);
        return members.filter_map(|file| of_files(path, Some(file.name.clone()), &[file], Some(reason.clone()))).collect();
    }
    let odd: Vec<&str> =
        groups.iter().filter(|group| !std::ptr::eq(*group, largest)).flatten().map(|index| folder.files[*index].name.as_str()).collect();
    for name in &odd {
        let reason = format!("Its columns or its form differ from the {} files beside it; left out.", largest.len());
        remarks.push(Remark { path: joined(path, name), reason });
    }
    let useless = folder.files.iter().filter(|file| matches!(file.seen, Seen::Useless)).map(|file| file.name.as_str());
    let exclusions: Vec<String> = odd.iter().copied().chain(useless).map(str::to_owned).collect();
    let excluded: BTreeSet<&str> = exclusions.iter().map(String::as_str).collect();
    let members: Vec<&SeenFile> = folder.files.iter().filter(|file| !excluded.contains(file.name.as_str())).collect();
    let Some(mut unit) = of_files(path, None, &members, None) else { return Vec::new() };
    unit.exclusions = exclusions;
    vec![unit]
}

fn of_files(path: &[String], file: Option<String>, members: &[&SeenFile], reason: Option<String>) -> Option<Unit> {
    let looked_into: Vec<&Inspection> = members
        .iter()
        .filter_map(|file| match &file.seen {
            Seen::Usable(inspection) => Some(inspection),
            _ => None,
        })
        .collect();
    let (first, rest) = looked_into.split_first()?;
    let inspection = rest.iter().fold((*first).clone(), |joined, inspection| join(&joined, inspection));
    let rows: Option<u64> = looked_into.iter().map(|inspection| inspection.rows).sum();
    let seen_bytes: u64 = looked_into.iter().map(|inspection| inspection.file_bytes).sum();
    Some(Unit {
        path: path.to_vec(),
        file,
        inspection,
        keys: Vec::new(),
        partitions: Vec::new(),
        files: members.len() as u64,
        bytes: members.iter().map(|file| file.meta.size).sum(),
        sampled: rows.map(|rows| (rows, seen_bytes)),
        exclusions: Vec::new(),
        reason,
    })
}

/// One table whose partitions are the folders, if enough of them are alike; folders that differ stay tables of their own.
fn partitioned(
    folder: &Folder,
    children: &[(&String, Vec<Unit>)],
    path: &[String],
    how: Rules<'_>,
    remarks: &mut Vec<Remark>,
) -> Option<Vec<Unit>> {
    let key = common_key(children.iter().map(|(name, _)| name.as_str()));
    let whole: Vec<(&String, &Unit)> =
        children.iter().filter_map(|(name, units)| Some((*name, whole_folder(units, path.len() + 1)?))).collect();
    let kinds = kinds(&whole, how);
    let largest = kinds.iter().max_by_key(|kind| kind.len())?;
    let hidden = hidden_alike(folder, children, largest.iter().map(|index| whole[*index].0));
    let named = (key.is_some() || how.inside(path.len())) && !largest.is_empty();
    let enough = (largest.len() + hidden) as f64 >= SIMILAR * (children.len() + hidden) as f64 && kinds.len() <= MAX_KINDS;
    let parts = largest.iter().map(|index| format!("{}/", joined(path, whole[*index].0)));
    let was_one = if folder.hides() { how.was_one(path, false, parts) } else { None };
    if !was_one.unwrap_or(enough && (named || largest.len() + hidden >= 2)) {
        return None;
    }
    let members: Vec<(&String, &Unit)> = largest.iter().map(|index| whole[*index]).collect();
    let mut table = join_units(path, key, &members);
    let mut units = Vec::new();
    let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    for (name, others) in children.iter().filter(|(name, _)| !names.contains(name.as_str())) {
        let reason = format!("Its columns or its form differ from the {} folders beside it; a table of its own.", members.len());
        remarks.push(Remark { path: joined(path, name), reason: reason.clone() });
        table.exclusions.push(format!("{name}/**"));
        units.extend(others.iter().cloned().map(|unit| Unit { reason: Some(reason.clone()), ..unit }));
    }
    units.insert(0, table);
    Some(units)
}

/// Folders that nothing can be read of and that are numbered as the `names` are: they are taken to hold the like, and join them once
/// they can be read. Names without numbers tell nothing: they may as well be those of tables.
fn hidden_alike<'a>(folder: &Folder, children: &[(&String, Vec<Unit>)], names: impl Iterator<Item = &'a String>) -> usize {
    let shape = |name: &String| {
        let parts: Vec<&str> = name.split(|c: char| c.is_ascii_digit()).collect();
        (parts.len() > 1).then(|| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("0"))
    };
    let shapes: BTreeSet<String> = names.filter_map(shape).collect();
    let is_hidden = |name: &String, child: &Folder| child.hides() && children.binary_search_by(|(other, _)| (*other).cmp(name)).is_err();
    let hidden = folder.folders.iter().filter(|(name, child)| is_hidden(name, child));
    hidden.filter(|(name, _)| shape(name).is_some_and(|shape| shapes.contains(&shape))).count()
}

/// The key that all names share, if all are `key=value`.
fn common_key<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut key: Option<&str> = None;
    for name in names {
        let (found, _) = name.split_once('=').filter(|(found, _)| !found.is_empty())?;
        if key.is_some_and(|key| !key.eq_ignore_ascii_case(found)) {
            return None;
        }
        key = Some(found);
    }
    key.map(str::to_owned)
}

/// The one table that the folder as a whole makes.
fn whole_folder(units: &[Unit], depth: usize) -> Option<&Unit> {
    match units {
        [unit] if unit.file.is_none() && unit.path.len() == depth => Some(unit),
        _ => None,
    }
}

/// Indexes of folders that are alike and parted in the same way.
fn kinds(folders: &[(&String, &Unit)], how: Rules<'_>) -> Vec<Vec<usize>> {
    let mut kinds: Vec<(Unit, Vec<usize>)> = Vec::new();
    for (index, (_, unit)) in folders.iter().enumerate() {
        let fits = |first: &Unit| first.keys == unit.keys && how.fits(&first.inspection, &unit.inspection);
        match kinds.iter_mut().find(|(first, _)| fits(first)) {
            Some((first, members)) => {
                first.inspection = join(&first.inspection, &unit.inspection);
                members.push(index);
            }
            None => kinds.push(((*unit).clone(), vec![index])),
        }
    }
    kinds.into_iter().map(|(_, members)| members).collect()
}

fn join_units(path: &[String], key: Option<String>, members: &[(&String, &Unit)]) -> Unit {
    let mut table = members[0].1.clone();
    table.path = path.to_vec();
    table.keys = [vec![key.clone()], table.keys].concat();
    table.partitions = Vec::new();
    table.exclusions = Vec::new();
    (table.files, table.bytes, table.sampled) = (0, 0, Some((0, 0)));
    for (name, unit) in members {
        let value = if key.is_some() { name.split_once('=').map_or(name.as_str(), |(_, value)| value) } else { name.as_str() };
        if unit.partitions.is_empty() {
            table.partitions.push((vec![value.to_owned()], unit.path.clone()));
        }
        for (values, folder) in &unit.partitions {
            table.partitions.push(([vec![value.to_owned()], values.clone()].concat(), folder.clone()));
        }
        table.inspection = join(&table.inspection, &unit.inspection);
        table.files += unit.files;
        table.bytes += unit.bytes;
        table.sampled = table.sampled.zip(unit.sampled).map(|((a, b), (c, d))| (a + c, b + d));
        table.exclusions.extend(unit.exclusions.iter().map(|pattern| format!("{name}/{pattern}")));
    }
    table
}

fn joined(path: &[String], name: &str) -> String {
    path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("/")
}
