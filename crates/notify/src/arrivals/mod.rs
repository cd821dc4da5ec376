//! Files that appear or change in buckets, whoever wrote them: over S3, by a job, or copied into the folder by hand.
//!
//! It looks where somebody awaits files and nowhere else, remembers in the store what it has seen there, and tells of what is new by a
//! notification, which rules and triggers hear like any other. A file is told of when it has stayed the same for a while. What is
//! there when a place is first awaited is no news; what comes while no process is at work is told of by the next one.
//!
//! One look goes through at most [`MOST_FILES`] files of a place, and the next goes on from there.

mod awaited;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use domain::arn::Partition;
use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Buckets, Location, Resource, Store};
use tokio::sync::Mutex;

pub use awaited::Awaited;
pub(crate) use awaited::by_pattern;

use crate::event;
use walk::{Found, walk};

/// The notification of one file; its subject is `bucket/key`.
pub(crate) const OBJECT_CREATED: &str = "bucket.object_created";
/// Files of one place that one look goes through.
const MOST_FILES: usize = 10_000;
/// A file is finished when nothing about it has changed for this long.
const SETTLED_MS: i64 = 2000;
/// The clock of files may be behind ours; so much older files count as written since.
const CLOCKS_DIFFER_MS: i64 = 1000;
/// Files written down in one transaction.
const WRITTEN: usize = 500;

/// A file as it was told of.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    /// `bucket/key`
    file: String,
    tag: String,
}

impl Resource for Seen {
    const KIND: &'static str = "seen_file";
    fn key(&self) -> String {
        self.file.clone()
    }
}

/// A place where files are awaited: `bucket/prefix`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    place: String,
    /// All that was there when it was first awaited is known.
    known: bool,
}

impl Resource for Place {
    const KIND: &'static str = "awaited_place";
    fn key(&self) -> String {
        self.place.clone()
    }
}

/// Who looks; there is one in the process that works.
#[derive(Debug)]
pub struct Arrivals {
    store: Store,
    buckets: Buckets,
    partition: Partition,
    /// Nothing before the first look.
    memory: Mutex<Option<Memory>>,
}

/// What the store holds, and what waits to settle.
#[derive(Debug, Default)]
struct Memory {
    /// Tags by `bucket/key`.
    seen: BTreeMap<String, String>,
    /// By `bucket/prefix`, whether what was there first is known.
    places: BTreeMap<String, bool>,
    /// Tag and since when, by `bucket/key`.
    settling: BTreeMap<String, (String, Timestamp)>,
    /// Where the next look at a place goes on.
    resume: BTreeMap<String, String>,
}

/// What a look found out.
#[derive(Debug, Default)]
struct News {
    /// By file, as are the arrived: places may overlap.
    seen: BTreeMap<String, String>,
    arrived: BTreeMap<String, (String, Found)>,
    gone: BTreeSet<String>,
    places: Vec<Place>,
    left: Vec<String>,
}

impl Arrivals {
    pub(crate) fn new(store: Store, buckets: Buckets, partition: Partition) -> Self {
        Self { store, buckets, partition, memory: Mutex::default() }
    }

    /// Looks once; gives how many files it told of.
    pub async fn look(&self, awaited: Vec<Awaited>) -> Result<usize> {
        let mut guard = self.memory.lock().await;
        let mut memory = match guard.take() {
            Some(memory) => memory,
            None if awaited.is_empty() && self.store.range::<Place>(None, "", 1).await?.is_empty() => return Ok(0),
            None => self.recall().await?,
        };
        // Dropped when something fails: then the store says what is so.
        let told = self.look_with(&mut memory, awaited).await?;
        *guard = Some(memory);
        Ok(told)
    }

    async fn recall(&self) -> Result<Memory> {
        let seen = self.store.list::<Seen>().await?.into_iter().map(|seen| (seen.value.file, seen.value.tag)).collect();
        let places = self.store.list::<Place>().await?.into_iter().map(|place| (place.value.place, place.value.known)).collect();
        Ok(Memory { seen, places, ..Memory::default() })
    }

    async fn look_with(&self, memory: &mut Memory, awaited: Vec<Awaited>) -> Result<usize> {
        let mut places: BTreeMap<String, Awaited> = BTreeMap::new();
        for one in awaited.into_iter().flat_map(|one| one.in_buckets(&self.buckets)) {
            let earlier = places.entry(one.place()).or_insert_with(|| one.clone());
            earlier.since = earlier.since.min(one.since);
        }
        let mut news = News::default();
        memory.leave(&places, &mut news);
        for (place, awaited) in &places {
            self.look_at(memory, place, awaited, &mut news).await?;
        }
        let told = news.arrived.len();
        self.write(memory, news).await?;
        Ok(told)
    }

    async fn look_at(&self, memory: &mut Memory, place: &str, awaited: &Awaited, news: &mut News) -> Result<()> {
        let bucket = awaited.bucket.clone().unwrap_or_default();
        let folder = self.buckets.path(&Location::S3 { bucket: bucket.clone(), key: String::new() });
        let (prefix, after) = (awaited.prefix.clone(), memory.resume.remove(place).unwrap_or_default());
        let walked = {
            let _still = self.buckets.still().await;
            let after = after.clone();
            let looked = tokio::task::spawn_blocking(move || walk(&folder, &prefix, &after, MOST_FILES)).await;
            looked.map_err(|e| Error::internal("A look at files broke down.").source(e))?
        };
        let walked = walked.map_err(|e| Error::unavailable(format!("The files of {place} cannot be looked at.")).source(e))?;
        let now = self.store.clock().now();
        let is_known = memory.places.get(place).copied();
        let mut there = BTreeSet::new();
        for found in walked.files {
            let file = format!("{bucket}/{}", found.key);
            there.insert(file.clone());
            if memory.seen.get(&file) == Some(&found.tag) {
                memory.settling.remove(&file);
            } else if is_known != Some(true)
                && !memory.is_awaited_in_another(&file, place)
                && found.changed.plus_ms(CLOCKS_DIFFER_MS) < awaited.since
            {
                news.seen.insert(file, found.tag);
            } else if memory.has_settled(&file, &found.tag, now) {
                news.arrived.insert(file, (bucket.clone(), found));
            }
        }
        let reached = format!("{bucket}/{after}");
        let last = walked.last.as_ref().map(|last| format!("{bucket}/{last}"));
        let is_between = |file: &String| (after.is_empty() || *file > reached) && last.as_ref().is_none_or(|last| file <= last);
        let here = memory.seen.range(place.to_owned()..).map(|(file, _)| file).take_while(|file| file.starts_with(place));
        news.gone.extend(here.filter(|file| is_between(file) && !there.contains(*file)).cloned());
        memory.settling.retain(|file, _| !file.starts_with(place) || !is_between(file) || there.contains(file));
        let known = is_known == Some(true) || walked.last.is_none();
        if is_known != Some(known) {
            news.places.push(Place { place: place.to_owned(), known });
        }
        if let Some(last) = walked.last {
            memory.resume.insert(place.to_owned(), last);
        }
        Ok(())
    }

    /// In transactions of bounded size; each is remembered once it is committed.
    async fn write(&self, memory: &mut Memory, news: News) -> Result<()> {
        let silent = news.seen.into_iter().map(|(file, tag)| (Seen { file, tag }, None));
        let arrived = news.arrived.into_iter().map(|(file, (bucket, found))| {
            let seen = Seen { file, tag: found.tag.clone() };
            (seen, Some((bucket, found)))
        });
        let mut files = silent.chain(arrived).peekable();
        while files.peek().is_some() {
            let mut tx = self.store.begin().await?;
            let mut written = Vec::new();
            for (seen, arrived) in files.by_ref().take(WRITTEN) {
                if let Some((bucket, found)) = arrived {
                    tx.notify(OBJECT_CREATED, &seen.file, &self.detail(&bucket, &found)).await?;
                }
                written.push((seen.file.clone(), seen.tag.clone()));
                tx.put(seen).await?;
            }
            tx.commit().await?;
            for (file, tag) in written {
                memory.settling.remove(&file);
                memory.seen.insert(file, tag);
            }
        }
        for gone in news.gone.into_iter().collect::<Vec<_>>().chunks(WRITTEN) {
            let mut tx = self.store.begin().await?;
            for file in gone {
                tx.delete::<Seen>(file).await?;
                memory.seen.remove(file);
            }
            tx.commit().await?;
        }
        // Last: until all that was there is written down, the place is as good as new.
        if news.places.is_empty() && news.left.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        for place in &news.left {
            tx.delete::<Place>(place).await?;
        }
        for place in news.places {
            memory.places.insert(place.place.clone(), place.known);
            tx.put(place).await?;
        }
        tx.commit().await
    }

    /// As in S3's event, with the id that the event will have.
    fn detail(&self, bucket: &str, found: &Found) -> serde_json::Value {
        let id = event::event_id(&format!("object {bucket}/{} {}", found.key, found.tag), &self.partition);
        let object = json!({"key": found.key, "size": found.size, "etag": found.tag});
        json!({"id": id, "version": "0", "bucket": {"name": bucket}, "object": object, "reason": "PutObject"})
    }
}

impl Memory {
    /// Forgets places that nobody awaits files in any more, and the files that were seen there only.
    fn leave(&mut self, places: &BTreeMap<String, Awaited>, news: &mut News) {
        let left: Vec<String> = self.places.keys().filter(|place| !places.contains_key(*place)).cloned().collect();
        if left.is_empty() {
            return;
        }
        let is_left = |file: &&String| !places.keys().any(|place| file.starts_with(place));
        news.gone.extend(self.seen.keys().filter(is_left).cloned());
        for place in left {
            self.places.remove(&place);
            self.resume.remove(&place);
            news.left.push(place);
        }
    }

    /// Whether a place that is known already has the file too: there it is news.
    fn is_awaited_in_another(&self, file: &str, place: &str) -> bool {
        self.places.iter().any(|(other, known)| *known && other != place && file.starts_with(other))
    }

    /// Whether the file has been like this for long enough; if not, it is looked at again.
    fn has_settled(&mut self, file: &str, tag: &str, now: Timestamp) -> bool {
        match self.settling.get(file) {
            Some((same, since)) if same == tag => now.since_ms(*since) >= SETTLED_MS,
            _ => {
                self.settling.insert(file.to_owned(), (tag.to_owned(), now));
                false
            }
        }
    }
}
