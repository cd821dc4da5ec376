//! The folder of one attempt: what the script is given, where it works, and what is gone when it has ended.
//!
//! `work/` is where the script runs and its home, `lib/` is on Python's path, `tmp/` takes temporary files. The folder's name is the
//! attempt's, so a later run knows what a process that died left behind.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::{Error, Result, RunState};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use runs::{RunContext, RunId};
use store::{Buckets, Location};
use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::command::{Line, not_started};
use super::plan::{Program, ScriptPlan};

const PREFIX: &str = "script-";
/// Named in the environment of everything that the script starts.
pub(super) const MARK: &str = "PENCHANT_FOLDER";
/// What scripts of Glue import.
const AWSGLUE: [(&str, &str); 2] = [("__init__.py", ""), ("utils.py", include_str!("awsglue/utils.py"))];

/// Dropped, it is removed.
#[derive(Debug)]
pub(super) struct AttemptFolder(PathBuf);

impl AttemptFolder {
    /// Beside the folders that engines spill into.
    pub async fn create(context: &RunContext) -> Result<Self> {
        let parent = std::path::absolute(&context.limits().spill_folder).map_err(|e| unusable(&context.limits().spill_folder, e))?;
        fs::create_dir_all(&parent).await.map_err(|e| unusable(&parent, e))?;
        sweep(&parent, context).await?;
        let folder = Self(parent.join(format!("{PREFIX}{}", context.attempt_name())));
        for path in [folder.0.clone(), folder.work(), folder.library(), folder.temporary(), folder.library().join("awsglue")] {
            fs::create_dir(&path).await.map_err(|e| unusable(&path, e))?;
            fs::set_permissions(&path, Permissions::from_mode(0o700)).await.map_err(|e| unusable(&path, e))?;
        }
        for (name, text) in AWSGLUE {
            let path = folder.library().join("awsglue").join(name);
            fs::write(&path, text).await.map_err(|e| unusable(&path, e))?;
        }
        Ok(folder)
    }

    pub fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    pub fn library(&self) -> PathBuf {
        self.0.join("lib")
    }

    pub fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// The entry of the environment by which what the script started is known.
    pub fn mark(&self) -> String {
        format!("{MARK}={}", self.0.display())
    }

    /// Copies what the plan names, and says how the program is called.
    pub async fn fill(&self, job: &str, buckets: &Buckets, plan: &ScriptPlan) -> Result<Line> {
        let mut python_path = vec![self.library()];
        for module in &plan.python_files {
            let path = self.fetch(job, buckets, module, &self.library()).await?;
            // Archives are themselves on Python's path.
            if path.extension().is_none_or(|ending| ending != "py") {
                python_path.push(path);
            }
        }
        let mut names = BTreeSet::new();
        for file in &plan.files {
            let path = self.fetch(job, buckets, file, &self.work()).await?;
            if !names.insert(path) {
                return Err(Error::invalid_input(format!("Files of job {job:?} need different names; found {file} twice by name.")));
            }
        }
        match &plan.program {
            Program::OnPath(name) => Ok(Line::program(name, python_path)),
            Program::InPlace(location) => Line::file(job, location, buckets.path(location), python_path, false).await,
            Program::Copied(location) => {
                let path = self.fetch(job, buckets, location, &self.work()).await?;
                fs::set_permissions(&path, Permissions::from_mode(0o700)).await.map_err(|e| unusable(&path, e))?;
                Line::file(job, location, path, python_path, true).await
            }
        }
    }

    async fn fetch(&self, job: &str, buckets: &Buckets, location: &Location, into: &Path) -> Result<PathBuf> {
        let missing = || not_started(job, &format!("{location} is not a file"));
        if !buckets.path(location).is_file() {
            return Err(missing());
        }
        let to = into.join(buckets.path(location).file_name().ok_or_else(missing)?);
        let (store, path) = buckets.resolve(location)?;
        let unreadable = |e| Error::unavailable(format!("{location} cannot be read.")).source(e);
        let mut content = store.get(&path).await.map_err(unreadable)?.into_stream();
        let mut file = fs::File::create(&to).await.map_err(|e| unusable(&to, e))?;
        while let Some(bytes) = content.try_next().await.map_err(unreadable)? {
            file.write_all(&bytes).await.map_err(|e| unusable(&to, e))?;
        }
        file.flush().await.map_err(|e| unusable(&to, e))?;
        Ok(to)
    }

    /// Off the threads that others wait for.
    pub async fn remove(self) {
        // What is left of it is swept by a later attempt.
        let _ = fs::remove_dir_all(&self.0).await;
    }
}

impl Drop for AttemptFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes the folders of attempts that are over.
async fn sweep(parent: &Path, context: &RunContext) -> Result<()> {
    let mut entries = fs::read_dir(parent).await.map_err(|e| unusable(parent, e))?;
    while let Some(entry) = entries.next_entry().await.map_err(|e| unusable(parent, e))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = name.strip_prefix(PREFIX).and_then(|name| name.rsplit_once('-')).map(|(run, _)| RunId(run.into())) else { continue };
        let found = context.runs().find(&id).await?;
        if &id == context.id() || found.is_none_or(|run| run.state.is_final() || run.state == RunState::Queued) {
            let _ = fs::remove_dir_all(entry.path()).await;
        }
    }
    Ok(())
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("The working folder of a script cannot be made at {}.", path.display())).source(error)
}
