//! Users leave: their rows are taken out of every dataset of a group that has a column USER_ID.
//!
//! Parts are written anew without those rows; one transaction makes the datasets point at them and writes down, as
//! [`Deletion`], what was removed and which files hold it still. Those files go next. A run that dies in between reads the
//! record and goes on, so nothing is counted twice and no file stays behind.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use domain::{Arn, Error, ErrorKind, Result};
use runs::RunId;
use serde::{Deserialize, Serialize};
use store::{Location, Resource, Tx};

use crate::append::SESSION_COLUMN;
use crate::contents::{DatasetContents, Part, contents_in};
use crate::datasets::Datasets;
use crate::import::{Opened, column_of_csv, find_files};
use crate::part_file;
use crate::plain_rows::is;
use crate::resources::Dataset;

const USER_COLUMN: &str = "USER_ID";

/// Whose data goes: users, and sessions in which one of them said who they are.
#[derive(Debug, Clone, Default)]
pub struct Leavers {
    pub users: HashSet<String>,
    pub sessions: HashSet<String>,
}

impl Leavers {
    /// Whether a row is theirs. A row without a user is when its session is one of theirs, or is what a user is called by.
    pub fn have(&self, user: Option<&str>, session: Option<&str>) -> bool {
        match user {
            Some(user) => self.users.contains(user),
            None => session.is_some_and(|session| self.named(session)),
        }
    }

    /// The same for places where a visitor whom nobody knows is a user named by the session.
    pub fn named(&self, user_or_session: &str) -> bool {
        self.users.contains(user_or_session) || self.sessions.contains(user_or_session)
    }
}

/// How far a deletion has come, until its run has ended. Key: the run's id; parent: the dataset group's ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    pub run: RunId,
    pub dataset_group_arn: Arn,
    /// Events with a sequence number up to this one are concerned; who comes back later is somebody new.
    pub through: u64,
    /// Sessions of the users.
    pub sessions: BTreeSet<String>,
    /// Rows removed from each dataset, by its type.
    pub rows: BTreeMap<String, u64>,
    /// Events removed from the event log.
    pub logged: u64,
    /// What was removed from each model.
    pub models: Vec<ModelWithout>,
    /// Folders of artifacts that hold removed data and that nothing points at any more.
    pub gone: BTreeSet<String>,
}

/// A trained model whose histories are without the users now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelWithout {
    pub solution_version_arn: Arn,
    pub users: u64,
    pub events: u64,
}

impl Resource for Deletion {
    const KIND: &'static str = "deletion";
    fn key(&self) -> String {
        self.run.to_string()
    }
    fn parent(&self) -> String {
        self.dataset_group_arn.to_string()
    }
}

/// What begins a deletion.
#[derive(Debug, Clone)]
pub struct NewDeletion {
    pub run: RunId,
    /// A name that no other attempt uses.
    pub attempt: String,
    pub group_arn: Arn,
    pub leavers: Leavers,
    pub through: u64,
    pub logged: u64,
}

/// One part before and after.
struct Rewritten {
    before: Part,
    /// The same part when nothing was in it; nothing when all was.
    after: Option<Part>,
}

impl Datasets {
    /// The ids in the column USER_ID of the CSV files at or under the location, and the number of files. A row that names
    /// nobody makes all of it invalid: a deletion that leaves somebody out must not look like one that does not.
    pub async fn user_ids(&self, location: &Location) -> Result<(HashSet<String>, u64)> {
        let files = find_files(self.buckets(), location).await?;
        let count = files.len() as u64;
        let most = self.settings().max_id_chars;
        let read = move || {
            let mut users = HashSet::new();
            for file in &files {
                let Opened::Csv(text) = file.open()? else {
                    return Err(Error::invalid_data(format!("{}: expected a CSV file with the column USER_ID, found Parquet.", file.name)));
                };
                column_of_csv(&file.name, text, USER_COLUMN, |line, value| {
                    let bad = |found: &str| Error::invalid_data(format!("{}, line {line}: expected a USER_ID, found {found}.", file.name));
                    let id = value.ok_or_else(|| bad("another number of fields than in the header"))?;
                    let id = std::str::from_utf8(id).map_err(|_| bad("bytes that are not UTF-8"))?;
                    match id.chars().count() {
                        0 => Err(bad("none")),
                        long if long > most => Err(bad(&format!("{long} characters, more than {most}"))),
                        _ => {
                            users.insert(id.to_owned());
                            Ok(())
                        }
                    }
                })?;
            }
            Ok(users)
        };
        let users = blocking(read).await?;
        if users.is_empty() {
            return Err(Error::invalid_data(format!("Expected ids of users at or under {location}, found a header and nothing below it.")));
        }
        Ok((users, count))
    }

    /// The deletion that the run has begun.
    pub async fn deletion(&self, run: &RunId) -> Result<Option<Deletion>> {
        Ok(self.store().find::<Deletion>(&run.to_string()).await?.map(|stored| stored.value))
    }

    /// Sessions in which one of the users was named, as far as the datasets know, and those of deletions of the group that
    /// came to no end.
    pub async fn sessions_of(&self, group_arn: &Arn, users: &HashSet<String>) -> Result<HashSet<String>> {
        let mut sessions = HashSet::new();
        for deletion in self.store().children::<Deletion>(group_arn.as_str()).await? {
            sessions.extend(deletion.value.sessions);
        }
        let mut paths = Vec::new();
        for dataset in self.list_datasets(Some(group_arn)).await? {
            paths.extend(self.contents(&dataset.dataset_arn).await?.parts.iter().map(|part| self.artifacts().path(&part.name)));
        }
        let users = users.clone();
        let found = blocking(move || {
            let mut sessions = HashSet::new();
            for path in paths {
                rows(&path, |user, session| {
                    if let (Some(user), Some(session)) = (user, session)
                        && users.contains(user)
                    {
                        sessions.insert(session.to_owned());
                    }
                })?;
            }
            Ok(sessions)
        });
        sessions.extend(found.await?);
        Ok(sessions)
    }

    /// How many rows of the group's datasets are theirs right now.
    pub async fn rows_of(&self, group_arn: &Arn, leavers: &Leavers) -> Result<u64> {
        let mut paths = Vec::new();
        for dataset in self.list_datasets(Some(group_arn)).await? {
            paths.extend(self.contents(&dataset.dataset_arn).await?.parts.iter().map(|part| self.artifacts().path(&part.name)));
        }
        let leavers = leavers.clone();
        blocking(move || paths.iter().map(|path| rows_in(path, &leavers)).sum()).await
    }

    /// Takes the rows out of all datasets of the group in one step. `Unavailable` while a training reads the group or an import
    /// writes into it, `Conflict` when a dataset changed meanwhile: try again. No event may be appended meanwhile.
    pub async fn delete_users(&self, new: NewDeletion) -> Result<Deletion> {
        let folder = format!("datasets/deletion-{}", new.attempt);
        let done = self.rewrite_and_publish(&new, &folder).await;
        if done.is_err() {
            self.artifacts().delete(&folder).await?;
        }
        done
    }

    async fn rewrite_and_publish(&self, new: &NewDeletion, folder: &str) -> Result<Deletion> {
        let mut rewritten: Vec<(Dataset, Vec<Rewritten>)> = Vec::new();
        for dataset in self.list_datasets(Some(&new.group_arn)).await? {
            let contents = self.contents(&dataset.dataset_arn).await?;
            let parts = contents.parts.into_iter().enumerate().map(|(at, part)| {
                let name = format!("{folder}/{}-{at}/part.parquet", dataset.dataset_type);
                (self.artifacts().path(&part.name), self.artifacts().path(&name), name, part)
            });
            let (parts, leavers): (Vec<_>, _) = (parts.collect(), new.leavers.clone());
            let parts =
                blocking(move || parts.into_iter().map(|(from, to, name, part)| rewrite(&from, &to, name, part, &leavers)).collect());
            rewritten.push((dataset.value, parts.await?));
        }
        self.publish_deletion(new, &rewritten).await
    }

    async fn publish_deletion(&self, new: &NewDeletion, rewritten: &[(Dataset, Vec<Rewritten>)]) -> Result<Deletion> {
        let mut deletion = Deletion {
            run: new.run.clone(),
            dataset_group_arn: new.group_arn.clone(),
            through: new.through,
            sessions: new.leavers.sessions.iter().cloned().collect(),
            rows: BTreeMap::new(),
            logged: new.logged,
            models: Vec::new(),
            gone: BTreeSet::new(),
        };
        let mut tx = self.store().begin().await?;
        for unfinished in tx.children::<Deletion>(new.group_arn.as_str()).await? {
            deletion.gone.extend(unfinished.value.gone.iter().cloned());
            tx.delete::<Deletion>(&unfinished.value.key()).await?;
        }
        for (dataset, parts) in rewritten {
            self.refuse_while_used(&mut tx, dataset).await?;
            let mut contents = contents_in(&mut tx, &dataset.dataset_arn).await?;
            if !contents.parts.iter().eq(parts.iter().map(|part| &part.before)) {
                let message = format!("{} changed while data of users was removed from it.", dataset.dataset_arn);
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            let rows = contents.without(parts);
            // Nobody reads the group: what was retired earlier is needed no more either.
            deletion.gone.extend(contents.retired.iter().map(|part| part.folder().to_owned()));
            deletion.rows.insert(dataset.dataset_type.to_string(), rows);
            tx.put(contents).await?;
        }
        tx.put(deletion.clone()).await?;
        tx.commit().await?;
        Ok(deletion)
    }

    async fn refuse_while_used(&self, tx: &mut Tx, dataset: &Dataset) -> Result<()> {
        let mut users = self.holders_in(tx, &dataset.dataset_arn).await?;
        users.extend(self.open_import(&dataset.dataset_arn).await?.map(|run| format!("import run {run}")));
        match users.first() {
            None => Ok(()),
            Some(user) => {
                Err(Error::unavailable(format!("Data of users is deleted when nobody works with {}: {user} does.", dataset.dataset_arn)))
            }
        }
    }

    /// Removes the files that still hold what a deletion removed. Asked again, does no harm.
    pub async fn remove_gone(&self, deletion: &Deletion) -> Result<()> {
        for folder in &deletion.gone {
            self.artifacts().delete(folder).await?;
        }
        let mut tx = self.store().begin().await?;
        for dataset in tx.children::<Dataset>(deletion.dataset_group_arn.as_str()).await? {
            let mut contents = contents_in(&mut tx, &dataset.dataset_arn).await?;
            let before = contents.retired.len();
            contents.retired.retain(|part| !deletion.gone.contains(part.folder()));
            if contents.retired.len() < before {
                tx.put(contents).await?;
            }
        }
        tx.commit().await
    }
}

impl DatasetContents {
    /// With the parts as they are now; gives how many rows went.
    fn without(&mut self, parts: &[Rewritten]) -> u64 {
        let before = self.rows();
        let changed = |part: &&Rewritten| part.after.as_ref() != Some(&part.before);
        self.retired.extend(parts.iter().filter(changed).map(|part| part.before.clone()));
        self.parts = parts.iter().filter_map(|part| part.after.clone()).collect();
        let removed = before - self.rows();
        self.deletions += u64::from(removed > 0);
        removed
    }
}

/// Writes the part without their rows to `to`, durably, if it has any.
fn rewrite(from: &Path, to: &Path, name: String, part: Part, leavers: &Leavers) -> Result<Rewritten> {
    let theirs = rows_in(from, leavers)?;
    if theirs == 0 {
        return Ok(Rewritten { after: Some(part.clone()), before: part });
    }
    let rows = part.rows.saturating_sub(theirs);
    if rows == 0 {
        return Ok(Rewritten { before: part, after: None });
    }
    let mut writer = None;
    part_file::read(
        from,
        |_| true,
        |batch| {
            let kept =
                filter_record_batch(&batch, &kept(&batch, leavers)?).map_err(|e| Error::internal("Rows cannot be taken out.").source(e))?;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(part_file::create(to, batch.schema())?),
            };
            writer.write(&kept).map_err(part_file::unwritable)
        },
    )?;
    let writer = writer.ok_or_else(|| Error::internal(format!("The part {} has no rows although {rows} are known.", part.name)))?;
    let bytes = part_file::finish(writer)?;
    for folder in to.ancestors().skip(1).take(2) {
        part_file::sync_folder(folder)?;
    }
    Ok(Rewritten { after: Some(Part { name, rows, bytes, origin: part.origin }), before: part })
}

fn kept(batch: &RecordBatch, leavers: &Leavers) -> Result<BooleanArray> {
    let (users, sessions) = (texts(batch, USER_COLUMN)?, texts(batch, SESSION_COLUMN)?);
    Ok((0..batch.num_rows()).map(|at| Some(!leavers.have(value(users.as_ref(), at), value(sessions.as_ref(), at)))).collect())
}

fn rows_in(path: &Path, leavers: &Leavers) -> Result<u64> {
    let mut theirs = 0;
    rows(path, |user, session| theirs += u64::from(leavers.have(user, session)))?;
    Ok(theirs)
}

/// Hands user and session of every row to `take`; nothing where the part has no users.
fn rows(path: &Path, mut take: impl FnMut(Option<&str>, Option<&str>)) -> Result<()> {
    let wanted = |name: &str| is(name, USER_COLUMN) || is(name, SESSION_COLUMN);
    part_file::read(path, wanted, |batch| {
        let Some(users) = texts(&batch, USER_COLUMN)? else { return Ok(()) };
        let sessions = texts(&batch, SESSION_COLUMN)?;
        for at in 0..batch.num_rows() {
            take(value(Some(&users), at), value(sessions.as_ref(), at));
        }
        Ok(())
    })
}

fn texts(batch: &RecordBatch, column: &str) -> Result<Option<StringArray>> {
    let schema = batch.schema();
    let Some(at) = schema.fields().iter().position(|field| is(field.name(), column)) else {
        return Ok(None);
    };
    let plain = cast(batch.column(at), &DataType::Utf8).map_err(|e| Error::internal("A column of ids is no text.").source(e))?;
    Ok(Some(plain.as_string::<i32>().clone()))
}

fn value(texts: Option<&StringArray>, at: usize) -> Option<&str> {
    texts.filter(|texts| texts.is_valid(at)).map(|texts| texts.value(at))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("The deletion of users broke off.").source(e))?
}
