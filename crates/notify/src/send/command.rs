//! Commands: any program, the event on its standard input, an exit code that says whether it went well.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runs::Leash;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::{Failure, Message};

/// So much of what a program says is kept, from the end.
const TAIL_BYTES: usize = 4096;
/// What a program left running may hold its output open; so long is waited for the rest of it.
const GRACE: Duration = Duration::from_millis(200);

/// Runs until the program ends. When this future is dropped (the time is up), the program and all it started are killed.
pub(super) async fn run(program: &str, message: &Message<'_>) -> Result<(), Failure> {
    let input = message.text()?;
    let mut command = Command::new(program);
    command
        .args(&message.target.arguments)
        .env("PENCHANT_EVENT_ID", &message.event.id)
        .env("PENCHANT_EVENT_SOURCE", &message.event.source)
        .env("PENCHANT_EVENT_TYPE", &message.event.detail_type)
        .env("PENCHANT_RULE", message.rule)
        .env("PENCHANT_ATTEMPT", message.attempt.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = &message.target.working_folder {
        command.current_dir(folder);
    }
    let unstarted = |e| Failure::new(format!("{program} cannot be started: {e}."));
    let mut leash = Leash::new(None).map_err(unstarted)?;
    let mut child = leash.start(&mut command).await.map_err(unstarted)?;
    let (out, err) = (Tail::of(child.stdout.take()), Tail::of(child.stderr.take()));
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program need not read its input: it may close it early.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ((), status) = tokio::join!(feed, child.wait());
    let status = status.map_err(|e| Failure::new(format!("{program} cannot be waited for: {e}.")))?;
    if let Err(error) = leash.release().await {
        tracing::warn!(program, "What the command left behind was killed, as it could not be let go: {error}.");
    }
    tracing::debug!(program, event = message.event.id, "{}", out.text().await);
    if status.success() {
        return Ok(());
    }
    let said = err.text().await;
    let said = if said.is_empty() { "nothing".to_owned() } else { format!("{said:?}") };
    Err(Failure::new(format!("{program} ended with {status}, exit status 0 was expected; its standard error ends with {said}.")))
}

/// The end of a stream, read in the background so that the program never waits.
struct Tail {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    fn of(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = tokio::spawn(async move {
            let Some(mut stream) = stream else { return };
            let mut buffer = [0; TAIL_BYTES];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..read]);
                let excess = kept.len().saturating_sub(TAIL_BYTES);
                kept.drain(..excess);
            }
        });
        Self { bytes, reader }
    }

    async fn text(mut self) -> String {
        // Whatever has come until then is the text.
        let _ = tokio::time::timeout(GRACE, &mut self.reader).await;
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
