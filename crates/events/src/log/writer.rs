//! The writing side: one thread, many callers, one sync to disk for all who wait.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Error, Result};
use tokio::sync::{mpsc, oneshot};

use super::frame;
use super::segment::{self, Segment, unusable};
use crate::call::LoggedCall;
use crate::live_history::LiveHistory;

/// Named limits of the log.
#[derive(Debug, Clone)]
pub(crate) struct LogSettings {
    pub segment_bytes: u64,
    pub remembered_events: usize,
    pub calls_per_commit: usize,
    pub waiting_calls: usize,
}

/// A handle to the log; clone it freely. The thread ends with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(super) folder: PathBuf,
    sender: mpsc::Sender<Message>,
    pub(super) closed: Arc<Mutex<Vec<Segment>>>,
    remembered_events: usize,
}

enum Message {
    Put(LoggedCall, oneshot::Sender<Result<()>>),
    /// Closes the segment being written, so that a flush can read it.
    Rotate(oneshot::Sender<Result<()>>),
}

impl Log {
    /// Reads what is there, cuts off what a crash left half-written, and starts to write. Sequence numbers go on after
    /// the last one found and after `at_least`. Blocking.
    pub(crate) fn open(folder: &Path, settings: LogSettings, at_least: u64, live: LiveHistory) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|e| unusable(folder, e))?;
        let mut seen = Seen::new(settings.remembered_events);
        let mut closed = Vec::new();
        let mut last = at_least;
        for path in segment::list(folder)? {
            let calls = segment::recover(&path)?;
            let Some(newest) = calls.last().map(|call| call.sequence) else {
                std::fs::remove_file(&path).map_err(|e| unusable(&path, e))?;
                continue;
            };
            last = last.max(newest);
            for call in &calls {
                seen.insert_all(call);
            }
            live.record(&calls);
            closed.push(Segment { path, last: newest, events: calls.iter().map(|call| call.events.len()).sum() });
        }
        let closed = Arc::new(Mutex::new(closed));
        let (sender, receiver) = mpsc::channel(settings.waiting_calls);
        let remembered_events = settings.remembered_events;
        let open = OpenSegment::create(folder, last + 1)?;
        let writer = Writer { folder: folder.into(), settings, seen, live, open, next: last + 1, closed: closed.clone() };
        std::thread::Builder::new()
            .name("event-log".into())
            .spawn(move || writer.work(receiver))
            .map_err(|e| Error::unavailable("The event log's thread cannot be started.").source(e))?;
        Ok(Self { folder: folder.into(), sender, closed, remembered_events })
    }

    /// Returns when the call is on disk and in the live history, or with the reason why it is not.
    pub(crate) async fn put(&self, call: LoggedCall) -> Result<()> {
        self.ask(|done| Message::Put(call, done)).await
    }

    /// Closes the segment being written, if there is anything in it; gives all closed segments, oldest first.
    pub(crate) async fn rotate(&self) -> Result<Vec<Segment>> {
        self.ask(Message::Rotate).await?;
        Ok(self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn ask(&self, message: impl FnOnce(oneshot::Sender<Result<()>>) -> Message) -> Result<()> {
        let gone = || Error::unavailable("The event log is closed.");
        let (done, answer) = oneshot::channel();
        self.sender.send(message(done)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Removes segments whose calls up to `through` are stored elsewhere, but keeps the newest ones that together hold
    /// as many events as are remembered. Blocking.
    pub(crate) fn forget(&self, through: u64) -> Result<()> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newer: usize = closed.iter().map(|segment| segment.events).sum();
        let mut gone = 0;
        for segment in closed.iter() {
            newer -= segment.events;
            if segment.last > through || newer < self.remembered_events {
                break;
            }
            std::fs::remove_file(&segment.path).map_err(|e| unusable(&segment.path, e))?;
            gone += 1;
        }
        closed.drain(..gone);
        Ok(())
    }
}

/// Event ids of the last so many events, by group.
struct Seen {
    most: usize,
    ids: HashSet<Arc<str>>,
    order: VecDeque<Arc<str>>,
}

impl Seen {
    fn new(most: usize) -> Self {
        Self { most, ids: HashSet::new(), order: VecDeque::new() }
    }

    /// Whether the id is new; it is remembered then.
    fn insert(&mut self, call_group: &str, id: &str) -> bool {
        let key: Arc<str> = format!("{call_group} {id}").into();
        if !self.ids.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        true
    }

    fn insert_all(&mut self, call: &LoggedCall) {
        for id in call.events.iter().filter_map(|event| event.id.as_deref()) {
            self.insert(call.group.as_str(), id);
        }
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }

    /// Takes the newest ids back, down to `len` in all.
    fn undo_to(&mut self, len: usize) {
        while self.order.len() > len {
            if let Some(newest) = self.order.pop_back() {
                self.ids.remove(&newest);
            }
        }
    }
}

/// The segment being written.
struct OpenSegment {
    path: PathBuf,
    file: File,
    bytes: u64,
    events: usize,
}

impl OpenSegment {
    fn create(folder: &Path, first: u64) -> Result<Self> {
        let path = segment::path_of(folder, first);
        let file = File::create(&path).map_err(|e| unusable(&path, e))?;
        segment::sync_folder(folder)?;
        Ok(Self { path, file, bytes: 0, events: 0 })
    }
}

struct Writer {
    folder: PathBuf,
    settings: LogSettings,
    seen: Seen,
    live: LiveHistory,
    open: OpenSegment,
    next: u64,
    closed: Arc<Mutex<Vec<Segment>>>,
}

type Waiting = Vec<(LoggedCall, oneshot::Sender<Result<()>>)>;

impl Writer {
    fn work(mut self, mut receiver: mpsc::Receiver<Message>) {
        while let Some(first) = receiver.blocking_recv() {
            let mut waiting = Waiting::new();
            let mut next = Some(first);
            // Everybody who came while the disk was busy shares the next sync.
            while let Some(message) = next {
                match message {
                    Message::Put(call, done) => waiting.push((call, done)),
                    Message::Rotate(done) => {
                        self.commit(std::mem::take(&mut waiting));
                        answer(done, self.rotate());
                    }
                }
                next = if waiting.len() < self.settings.calls_per_commit { receiver.try_recv().ok() } else { None };
            }
            self.commit(waiting);
        }
    }

    /// Writes the calls, waits for the disk, then tells the live history and the callers.
    fn commit(&mut self, waiting: Waiting) {
        if waiting.is_empty() {
            return;
        }
        let (calls, done): (Vec<LoggedCall>, Vec<_>) = waiting.into_iter().unzip();
        let remembered = self.seen.order.len();
        let outcome = self.write(calls);
        if let Err(error) = &outcome {
            tracing::error!("{error}");
            self.seen.undo_to(remembered);
        }
        self.seen.forget_oldest();
        for done in done {
            answer(done, outcome.as_ref().copied().map_err(|e| Error::new(e.kind, e.to_string())));
        }
        if self.open.bytes >= self.settings.segment_bytes
            && let Err(error) = self.rotate()
        {
            tracing::error!("{error}");
        }
    }

    fn write(&mut self, mut calls: Vec<LoggedCall>) -> Result<()> {
        let mut bytes = Vec::new();
        let mut next = self.next;
        for call in &mut calls {
            let (seen, group) = (&mut self.seen, &call.group);
            call.events.retain(|event| event.id.as_deref().is_none_or(|id| seen.insert(group.as_str(), id)));
            if !call.events.is_empty() {
                call.sequence = next;
                next += 1;
                frame::append(call, &mut bytes)?;
            }
        }
        calls.retain(|call| !call.events.is_empty());
        if calls.is_empty() {
            return Ok(());
        }
        self.append(&bytes)?;
        self.next = next;
        self.open.events += calls.iter().map(|call| call.events.len()).sum::<usize>();
        self.live.record(&calls);
        Ok(())
    }

    /// On failure nothing of `bytes` may be read later: the file is cut back, or else nothing is written any more.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let open = &mut self.open;
        match open.file.write_all(bytes).and_then(|()| open.file.sync_data()) {
            Ok(()) => {
                open.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                let error = unusable(&open.path, error);
                let undone = open.file.set_len(open.bytes).and_then(|()| open.file.seek(SeekFrom::Start(open.bytes)));
                match undone {
                    Ok(_) => Err(error),
                    Err(e) => Err(error.with("cut back", e)),
                }
            }
        }
    }

    fn rotate(&mut self) -> Result<()> {
        if self.open.bytes == 0 {
            return Ok(());
        }
        let new = OpenSegment::create(&self.folder, self.next)?;
        let old = std::mem::replace(&mut self.open, new);
        let segment = Segment { path: old.path, last: self.next - 1, events: old.events };
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(segment);
        Ok(())
    }
}

/// A caller who went away needs no answer.
fn answer(done: oneshot::Sender<Result<()>>, outcome: Result<()>) {
    let _ = done.send(outcome);
}
