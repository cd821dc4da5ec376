//! Which files under a prefix are results of jobs: `(key=value/)*part-00000.csv`, and `part-<run>-00000.csv` of a run that appended.

use runs::RunId;

use crate::target::EXTENSIONS;

/// A result's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The run that appended it.
    pub run: Option<RunId>,
}

const STEM: &str = "part-";
const DIGITS: usize = 5;

/// What the path below a prefix says; nothing for files of strangers.
pub(super) fn parse(relative: &str) -> Option<Part> {
    let (folders, name) = relative.rsplit_once('/').unwrap_or(("", relative));
    if !folders.is_empty() && !is_of_keys(folders) {
        return None;
    }
    let (stem, extension) = name.strip_prefix(STEM)?.split_once('.')?;
    let (run, number) = match stem.rsplit_once('-') {
        Some((run, number)) if !run.is_empty() => (Some(RunId(run.into())), number),
        Some(_) => return None,
        None => (None, stem),
    };
    let numbered = number.len() >= DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && EXTENSIONS.contains(&extension)).then_some(Part { run })
}

/// Whether a folder below the prefix stands for values of partition keys.
pub(super) fn is_of_keys(folders: &str) -> bool {
    folders.split('/').all(|folder| folder.contains('=') && !folder.starts_with(['.', '_']))
}

/// The names under which files are published: numbered within each folder in the order in which the engine gave them.
pub(super) fn published(files: &[String], run: Option<&RunId>, extension: &str) -> Vec<String> {
    let mut counts = std::collections::HashMap::new();
    let name = |file: &String| {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let count = counts.entry(folder.to_owned()).or_insert(0_u32);
        let name = name(run, *count, extension);
        *count += 1;
        if folder.is_empty() { name } else { format!("{folder}/{name}") }
    };
    files.iter().map(name).collect()
}

/// `part-00000.csv`
pub(crate) fn name(run: Option<&RunId>, number: u32, extension: &str) -> String {
    let run = run.map(|run| format!("{run}-")).unwrap_or_default();
    format!("{STEM}{run}{number:0DIGITS$}.{extension}")
}
