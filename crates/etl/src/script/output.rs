//! What a script writes, line by line into the run's log, within bounds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runs::{Level, RunContext};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Lines from the beginning that are kept, both streams together.
pub(super) const FIRST_LINES: u64 = 5_000;
/// Lines from the end that are kept beside them: that is where errors are.
pub(super) const LAST_LINES: usize = 200;
/// What is kept of one line.
pub(super) const LINE_BYTES: usize = 2_048;
/// Not a line of the log but the run's progress: `PENCHANT_PROGRESS 3 10 files`.
const PROGRESS: &str = "PENCHANT_PROGRESS ";

/// Writes the log of one attempt.
#[derive(Debug, Clone)]
pub(super) struct Transcript {
    context: RunContext,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: u64,
    dropped: u64,
    /// The newest lines after the first ones.
    last: VecDeque<(Level, String)>,
    last_error: String,
}

impl Transcript {
    pub fn new(context: RunContext) -> Self {
        Self { context, kept: Arc::default() }
    }

    /// Reads until the stream ends, so that the script never waits for us.
    pub async fn read(self, stream: Option<impl AsyncRead + Unpin>, level: Level) {
        let Some(mut stream) = stream else { return };
        let mut chunk = vec![0; 16 * 1024];
        let mut line = Line::default();
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            let mut parts = chunk.get(..count).unwrap_or_default().split(|byte| *byte == b'\n').peekable();
            while let Some(part) = parts.next() {
                line.push(part);
                if parts.peek().is_some() {
                    self.take(level, &std::mem::take(&mut line).text());
                }
            }
        }
        if !line.is_empty() {
            self.take(level, &line.text());
        }
    }

    fn take(&self, level: Level, text: &str) {
        if let Some((done, total, unit)) = text.strip_prefix(PROGRESS).and_then(progress) {
            self.context.progress(done, total, unit);
            return;
        }
        let mut kept = self.kept();
        kept.lines += 1;
        if level == Level::Warn && !text.trim().is_empty() {
            text.trim().clone_into(&mut kept.last_error);
        }
        if kept.lines <= FIRST_LINES {
            self.context.log(level, text);
            return;
        }
        if kept.last.len() == LAST_LINES {
            kept.last.pop_front();
            kept.dropped += 1;
        }
        kept.last.push_back((level, text.to_owned()));
    }

    /// Writes what was kept for the end. Gives the lines that there were, and how many of them are not in the log.
    pub fn close(&self) -> (u64, u64) {
        let mut kept = self.kept();
        if kept.dropped > 0 {
            let bound = format!("a run's log keeps the first {FIRST_LINES} lines and the last {LAST_LINES}");
            self.context.log(Level::Warn, format!("{} lines of the script are left out here: {bound}.", kept.dropped));
        }
        for (level, text) in std::mem::take(&mut kept.last) {
            self.context.log(level, text);
        }
        (kept.lines, kept.dropped)
    }

    pub fn last_error(&self) -> String {
        self.kept().last_error.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that is not complete yet.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    more: u64,
}

impl Line {
    fn push(&mut self, part: &[u8]) {
        let room = LINE_BYTES.saturating_sub(self.bytes.len()).min(part.len());
        let (fits, rest) = part.split_at_checked(room).unwrap_or((part, &[]));
        self.bytes.extend_from_slice(fits);
        self.more += rest.len() as u64;
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        if self.more == 0 { text.to_owned() } else { format!("{text}… ({} more bytes)", self.more) }
    }
}

fn progress(text: &str) -> Option<(u64, u64, &str)> {
    let mut words = text.splitn(3, ' ');
    let (done, total) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((done, total, words.next()?.trim()))
}
