//! Buckets (a folder that is also served as S3) and artifacts (models, columns), both through `object_store`.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::{Error, ErrorKind, Result};
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedRwLockReadGuard, RwLock};

use crate::location::{Location, check_bucket};

/// The buckets of this installation: every bucket is a folder under `root`; plain paths are taken relative to `project`.
#[derive(Debug, Clone)]
pub struct Buckets {
    root: PathBuf,
    project: PathBuf,
    turns: Turns,
}

/// Who has to wait for whom, among all that hold clones of the same [`Buckets`].
#[derive(Debug, Clone, Default)]
struct Turns {
    /// Shared by those who walk through folders, taken by whoever exchanges two: a walk goes by paths, so one that an exchange came
    /// between would see a part of the old folder and a part of the new.
    folders: Arc<RwLock<()>>,
    /// Of those who rebuild a folder to exchange it, one at a time: nobody works with a copy that has become old meanwhile.
    rebuilding: Arc<Mutex<()>>,
}

impl Buckets {
    /// Creates `root` where missing. `project` is what relative file locations are relative to.
    pub fn open(root: &FilePath, project: &FilePath) -> Result<Self> {
        create_folder(root)?;
        Ok(Self { root: root.into(), project: project.into(), turns: Turns::default() })
    }

    pub fn root(&self) -> &FilePath {
        &self.root
    }

    /// Creates the bucket where missing.
    pub fn create(&self, bucket: &str) -> Result<()> {
        check_bucket(bucket)?;
        create_folder(&self.root.join(bucket))
    }

    /// The place on this machine's disk that a location stands for.
    pub fn path(&self, location: &Location) -> PathBuf {
        match location {
            Location::S3 { bucket, key } => self.root.join(bucket).join(key),
            Location::File(path) => self.project.join(path),
        }
    }

    /// The store that holds the location, and the path of the location in it. A bucket must exist; a local folder is
    /// not looked for yet.
    pub fn resolve(&self, location: &Location) -> Result<(Arc<dyn ObjectStore>, Path)> {
        match location {
            Location::S3 { bucket, key } => {
                let folder = self.root.join(bucket);
                if !folder.is_dir() {
                    return Err(Error::not_found(format!("Bucket {bucket:?} (of {location})")));
                }
                Ok((open_folder(&folder)?, parse_key(key)?))
            }
            Location::File(path) => {
                let full = self.project.join(path);
                let full = std::path::absolute(&full)
                    .map_err(|e| Error::invalid_input(format!("The path {} cannot be made absolute.", full.display())).source(e))?;
                let path = Path::from_absolute_path(&full)
                    .map_err(|e| Error::invalid_input(format!("The path {} cannot be used.", full.display())).source(e))?;
                Ok((Arc::new(LocalFileSystem::new()), path))
            }
        }
    }

    /// Every file at or under the location, by name; hidden files (first letter `.` or `_`) are left out, as Glue does.
    pub async fn list(&self, location: &Location) -> Result<Vec<ObjectMeta>> {
        let (store, path) = self.resolve(location)?;
        let _still = self.still().await;
        let on_disk = self.path(location);
        if on_disk.is_file() {
            return Ok(vec![store.head(&path).await.map_err(|e| object_error(e, location))?]);
        }
        let mut files: Vec<ObjectMeta> = store.list(Some(&path)).try_collect().await.map_err(|e| object_error(e, location))?;
        files.retain(|file| !is_hidden(&path, &file.location));
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }

    /// Until it is dropped no folder is exchanged: for whoever walks through folders without [`Self::list`].
    pub async fn still(&self) -> OwnedRwLockReadGuard<()> {
        self.turns.folders.clone().read_owned().await
    }

    /// Until it is dropped nobody else rebuilds a folder.
    pub async fn rebuilding(&self) -> OwnedMutexGuard<()> {
        self.turns.rebuilding.clone().lock_owned().await
    }

    /// Two folders change places in one step, between two walks of this process. Programs that read the disk themselves see
    /// either, and one that goes by paths during the step may meet both.
    ///
    /// # Errors
    /// What the file system says: not all can do this, and none does it across a mount point.
    pub async fn exchange(&self, one: &FilePath, other: &FilePath) -> std::io::Result<()> {
        let _alone = self.turns.folders.write().await;
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }

    /// The whole file.
    pub async fn read(&self, location: &Location) -> Result<Bytes> {
        let (store, path) = self.resolve(location)?;
        let found = store.get(&path).await.map_err(|e| object_error(e, location))?;
        found.bytes().await.map_err(|e| object_error(e, location))
    }

    /// Writes the whole file; readers see the old one or the new one.
    pub async fn write(&self, location: &Location, bytes: Bytes) -> Result<()> {
        let (store, path) = self.resolve(location)?;
        store.put(&path, bytes.into()).await.map_err(|e| object_error(e, location))?;
        Ok(())
    }
}

/// Models, columns and snapshots: written once under a new name, never changed.
#[derive(Debug, Clone)]
pub struct Artifacts {
    root: PathBuf,
    store: Arc<dyn ObjectStore>,
}

impl Artifacts {
    pub fn open(root: &FilePath) -> Result<Self> {
        create_folder(root)?;
        Ok(Self { root: root.into(), store: open_folder(root)? })
    }

    /// The file's place on disk, for readers that need one.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub async fn write(&self, name: &str, bytes: Bytes) -> Result<()> {
        self.store.put(&parse_key(name)?, bytes.into()).await.map_err(|e| artifact_error(e, name))?;
        Ok(())
    }

    pub async fn read(&self, name: &str) -> Result<Bytes> {
        let found = self.store.get(&parse_key(name)?).await.map_err(|e| artifact_error(e, name))?;
        found.bytes().await.map_err(|e| artifact_error(e, name))
    }

    /// Removes every artifact under the name; nothing there is no error.
    pub async fn delete(&self, prefix: &str) -> Result<()> {
        let files: Vec<ObjectMeta> =
            self.store.list(Some(&parse_key(prefix)?)).try_collect().await.map_err(|e| artifact_error(e, prefix))?;
        for file in files {
            self.store.delete(&file.location).await.map_err(|e| artifact_error(e, prefix))?;
        }
        Ok(())
    }
}

fn create_folder(path: &FilePath) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| Error::unavailable(format!("The folder {} cannot be created.", path.display())).source(e))
}

fn open_folder(path: &FilePath) -> Result<Arc<dyn ObjectStore>> {
    let store = LocalFileSystem::new_with_prefix(path)
        .map_err(|e| Error::unavailable(format!("The folder {} cannot be opened.", path.display())).source(e))?;
    Ok(Arc::new(store))
}

fn parse_key(key: &str) -> Result<Path> {
    Path::parse(key.trim_end_matches('/')).map_err(|e| Error::invalid_input(format!("The key {key:?} cannot be used.")).source(e))
}

fn is_hidden(prefix: &Path, file: &Path) -> bool {
    file.prefix_match(prefix).is_some_and(|mut parts| parts.any(|part| part.as_ref().starts_with(['.', '_'])))
}

fn object_error(error: object_store::Error, location: &Location) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::not_found(format!("The file {location}")),
        other => Error::new(ErrorKind::Unavailable, format!("{location} cannot be read or written.")).source(other),
    }
}

fn artifact_error(error: object_store::Error, name: &str) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::not_found(format!("The artifact {name}")),
        other => Error::new(ErrorKind::Unavailable, format!("The artifact {name} cannot be read or written.")).source(other),
    }
}
