//! The disk's side of a publication; everything here blocks.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::parts;

/// What lies below a folder, as paths with `/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Files and links, which are not followed.
    pub files: BTreeSet<String>,
    pub folders: BTreeSet<String>,
}

/// Looks through the folder, but not into `without`, a folder directly in it.
pub(super) fn tree(root: &Path, without: &str) -> io::Result<Tree> {
    let mut tree = Tree::default();
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|name| {
                let path = root.join(&folder).join(name);
                io::Error::new(io::ErrorKind::InvalidData, format!("{} has a name that is not UTF-8", path.display()))
            })?;
            let relative = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if relative == without {
                continue;
            }
            if entry.file_type()?.is_dir() {
                tree.folders.insert(relative.clone());
                open.push(relative);
            } else {
                tree.files.insert(relative);
            }
        }
    }
    Ok(tree)
}

/// Puts together in `staging` what `place` is to be: the files of before without those of `replaced`, by hard links, and the new
/// ones, which move there from `hidden`.
pub(super) fn build(
    place: &Path,
    staging: &Path,
    old: &Tree,
    replaced: &BTreeSet<String>,
    hidden: &Path,
    moves: &[(String, String)],
) -> io::Result<()> {
    if staging.exists() {
        fs::remove_dir_all(staging)?;
    }
    fs::create_dir(staging)?;
    fs::set_permissions(staging, fs::metadata(place)?.permissions())?;
    // Folders of partition keys come with their files; others may be somebody's who is about to write there.
    for folder in old.folders.iter().filter(|folder| !parts::is_of_keys(folder)) {
        fs::create_dir_all(staging.join(folder))?;
    }
    for file in old.files.difference(replaced) {
        let to = with_parent(staging, file)?;
        match fs::hard_link(place.join(file), to) {
            // Its owner removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => linked?,
        }
    }
    for (from, to) in moves {
        fs::rename(hidden.join(from), with_parent(staging, to)?)?;
    }
    sync_all(staging)
}

/// Brings over what strangers put into the old folder after its files had been looked through, and what they replaced.
pub(super) fn rescue(old: &Path, place: &Path, known: &Tree, without: &str) -> io::Result<u64> {
    let mut rescued = 0;
    for file in tree(old, without)?.files {
        let (from, to) = (old.join(&file), place.join(&file));
        let newer = match (fs::symlink_metadata(&from), fs::symlink_metadata(&to)) {
            (Ok(from), Ok(to)) => {
                known.files.contains(&file) && parts::parse(&file).is_none() && from.ino() != to.ino() && later(&from, &to)
            }
            (Ok(_), Err(_)) => !known.files.contains(&file),
            (Err(_), _) => false,
        };
        if newer {
            with_parent(place, &file)?;
            fs::rename(from, to)?;
            rescued += 1;
        }
    }
    Ok(rescued)
}

/// After a process that died between the exchange and the tidying: what the old folder has of strangers and the new one lacks.
pub(super) fn rescue_unknown(old: &Path, place: &Path, without: &str) -> io::Result<u64> {
    let results = tree(old, without)?.files.into_iter().filter(|file| parts::parse(file).is_some()).collect();
    rescue(old, place, &Tree { files: results, folders: BTreeSet::new() }, without)
}

fn later(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.mtime(), one.mtime_nsec()) > (other.mtime(), other.mtime_nsec())
}

fn with_parent(root: &Path, relative: &str) -> io::Result<PathBuf> {
    let path = root.join(relative);
    if let (Some(parent), true) = (path.parent(), relative.contains('/')) {
        fs::create_dir_all(parent)?;
    }
    Ok(path)
}

/// What has been published survives a power cut too. One call for the whole file system, as files may be many.
fn sync_all(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(folder)?)?)
}

/// The names in a folder are on disk.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
