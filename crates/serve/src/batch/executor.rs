//! One run: every line of every file is answered into hidden files, which become visible when all of them are whole.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::{Error, Result};
use runs::{Executor, Finished, Level, RunContext};
use serde::{Deserialize, Serialize};
use store::Location;

use super::line::{Answers, Line, MOST_LINE_BYTES};
use super::resource::{BATCH_INFERENCE, BatchInferenceJob};
use crate::serving::Serving;

/// As many files as AWS takes.
const MOST_FILES: usize = 1_000;
/// Lines that are in memory at a time.
const LINES_AT_ONCE: usize = 2_048;
/// Bytes of lines that are in memory at a time, but for the line that goes beyond.
pub(super) const BYTES_AT_ONCE: usize = 8 << 20;
/// Faults that the run's log names one by one.
const LOGGED_FAULTS: u64 = 10;
/// What says that all files are there.
const CHECK: &str = "_CHECK";

/// Carries out runs of kind [`BATCH_INFERENCE`].
#[derive(Debug, Clone)]
pub struct BatchInferenceExecutor {
    serving: Serving,
}

/// The result of a batch inference run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchInferenceResult {
    pub files: u64,
    pub lines: u64,
    /// Lines that could not be answered; each says why in the output.
    pub faults: u64,
}

impl BatchInferenceExecutor {
    pub fn new(serving: Serving) -> Self {
        Self { serving }
    }
}

#[async_trait]
impl Executor for BatchInferenceExecutor {
    fn kind(&self) -> &'static str {
        BATCH_INFERENCE
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let job = context.store().get::<BatchInferenceJob>(&context.run().subject).await?.value;
        let answers = Answers::of(self.serving.clone(), &job).await?;
        let buckets = self.serving.training().datasets().buckets();
        let input = Location::parse(&job.job_input.s3_data_source.path)?;
        let (_, root) = buckets.resolve(&input)?;
        let listed = buckets.list(&input).await?;
        if listed.is_empty() || listed.len() > MOST_FILES {
            return Err(Error::invalid_data(format!("Expected 1 to {MOST_FILES} files at or under {input}; found {}.", listed.len())));
        }
        let on_disk = buckets.path(&input);
        let files = listed.iter().map(|file| {
            let below: PathBuf = file.location.prefix_match(&root).into_iter().flatten().map(|part| part.as_ref().to_owned()).collect();
            if below.as_os_str().is_empty() { (on_disk.clone(), file_name(&on_disk)) } else { (on_disk.join(&below), below) }
        });
        let output = Location::parse(&job.job_output.s3_data_destination.path)?;
        buckets.resolve(&output)?;
        let work = Work {
            files: files.collect(),
            bytes: listed.iter().map(|file| file.size).sum(),
            output: buckets.path(&output),
            answers,
            context: context.clone(),
        };
        let result = tokio::task::spawn_blocking(move || work.carry_out())
            .await
            .map_err(|e| Error::internal("The answering of a batch broke off.").source(e))??;
        context.info(format!("Answered {} lines of {} files into {output}; {} could not be.", result.lines, result.files, result.faults));
        let tx = context.begin().await?;
        context.succeed(tx, &result).await
    }
}

fn file_name(path: &Path) -> PathBuf {
    path.file_name().map(PathBuf::from).unwrap_or_default()
}

struct Work {
    /// Where each file is, and its name below the input.
    files: Vec<(PathBuf, PathBuf)>,
    bytes: u64,
    output: PathBuf,
    answers: Answers,
    context: RunContext,
}

impl Work {
    fn carry_out(self) -> Result<BatchInferenceResult> {
        let name = |attempt: u32| self.output.join(format!(".{}-{attempt}", self.context.id()));
        for attempt in 1..=self.context.run().attempt {
            // A crash leaves files that nobody sees.
            remove(&name(attempt))?;
        }
        let hidden = name(self.context.run().attempt);
        let answered = self.answer_all(&hidden);
        let published = answered.and_then(|result| self.publish(&hidden).map(|()| result));
        remove(&hidden)?;
        published
    }

    fn answer_all(&self, hidden: &Path) -> Result<BatchInferenceResult> {
        let mut result = BatchInferenceResult::default();
        let mut read = 0;
        for (path, below) in &self.files {
            let target = with_out(&hidden.join(below));
            make_folder(&target)?;
            let mut reader = BufReader::new(File::open(path).map_err(|e| unreadable(path, e))?);
            let mut writer = BufWriter::new(File::create(&target).map_err(|e| unwritable(&target, e))?);
            loop {
                self.context.check()?;
                let lines = some_lines(&mut reader, &mut read).map_err(|e| unreadable(path, e))?;
                if lines.is_empty() {
                    break;
                }
                self.answer_some(&lines, &mut writer, &mut result).map_err(|e| unwritable(&target, e))?;
                self.context.progress(read.min(self.bytes), self.bytes, "bytes");
            }
            let file = writer.into_inner().map_err(|e| unwritable(&target, e.into_error()))?;
            file.sync_all().map_err(|e| unwritable(&target, e))?;
            result.files += 1;
        }
        Ok(result)
    }

    /// On as many threads as the run may use; the answers stay in the order of the lines.
    fn answer_some(&self, lines: &[Line], writer: &mut impl Write, result: &mut BatchInferenceResult) -> std::io::Result<()> {
        let each = lines.len().div_ceil(self.context.limits().threads.max(1));
        let answered = std::thread::scope(|scope| {
            let started: Vec<_> = lines
                .chunks(each)
                .map(|chunk| scope.spawn(move || chunk.iter().map(|line| self.answers.answer(line)).collect::<Vec<_>>()))
                .collect();
            let ended = started.into_iter().map(|thread| thread.join().map_err(|_| std::io::Error::other("a thread broke off")));
            ended.collect::<std::io::Result<Vec<_>>>()
        })?;
        for (line, fault) in answered.into_iter().flatten() {
            result.lines += 1;
            if let Some(fault) = fault {
                result.faults += 1;
                if result.faults <= LOGGED_FAULTS {
                    self.context.log(Level::Warn, format!("Line {} of all: {}", result.lines, fault.message));
                }
            }
            writeln!(writer, "{line}")?;
        }
        Ok(())
    }

    /// `_CHECK` goes first and comes last: where it is, the files beside it are those of one job and whole.
    fn publish(&self, hidden: &Path) -> Result<()> {
        self.context.check()?;
        let check = self.output.join(CHECK);
        match fs::remove_file(&check) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(&check, error)),
            _ => {}
        }
        for (_, below) in &self.files {
            let (from, to) = (with_out(&hidden.join(below)), with_out(&self.output.join(below)));
            make_folder(&to)?;
            fs::rename(&from, &to).map_err(|e| unwritable(&to, e))?;
        }
        File::create(&check).and_then(|file| file.sync_all()).map_err(|e| unwritable(&check, e))
    }
}

/// The next lines without those that are empty; none at the end.
pub(super) fn some_lines(reader: &mut impl BufRead, read: &mut u64) -> std::io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut held = 0;
    while lines.len() < LINES_AT_ONCE && held < BYTES_AT_ONCE {
        let mut bytes = Vec::new();
        // One byte more: the end of a line that is as long as it may be.
        let taken = reader.by_ref().take(MOST_LINE_BYTES as u64 + 1).read_until(b'\n', &mut bytes)?;
        if taken == 0 {
            break;
        }
        *read += taken as u64;
        let whole = taken <= MOST_LINE_BYTES || bytes.last() == Some(&b'\n');
        if !whole {
            *read += skip_line(reader)?;
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        if !whole {
            lines.push(Line::begins(text));
        } else if !text.is_empty() {
            held += text.len();
            lines.push(Line::Whole(text.to_owned()));
        }
    }
    Ok(lines)
}

fn skip_line(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let (end, found) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(end);
        skipped += end as u64;
        if found {
            return Ok(skipped);
        }
    }
}

fn with_out(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".out");
    name.into()
}

fn make_folder(file: &Path) -> Result<()> {
    file.parent().map_or(Ok(()), |folder| fs::create_dir_all(folder).map_err(|e| unwritable(folder, e)))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritable(folder, error)),
        _ => Ok(()),
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("The file {} cannot be read.", path.display())).source(error)
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("{} cannot be written.", path.display())).source(error)
}
