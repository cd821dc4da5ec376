//! Watching runs: progress bars on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use domain::{Result, RunState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use runs::{Filter, Run, RunId, Runs};

use crate::words;

const LOOK_EVERY: Duration = Duration::from_millis(120);
/// The newest runs that are shown; older ones are waited for all the same.
const SHOWN: i64 = 200;

/// Waits for the runs and shows them and everything that began after the first of them, until all have ended. Gives them in
/// the order they were asked for.
pub async fn follow(runs: &Runs, ids: &[RunId]) -> Result<Vec<Run>> {
    let mut screen = Screen::new();
    let mut since = None;
    let mut first = true;
    loop {
        // These first, so that what ended before the last of them is shown.
        let mut asked = Vec::with_capacity(ids.len());
        for id in ids {
            asked.push(runs.get(id).await?);
        }
        let since = *since.get_or_insert_with(|| asked.iter().map(|run| run.created).min().unwrap_or_default());
        let recent = runs.list(&Filter::default(), SHOWN).await?;
        for run in recent.iter().rev().filter(|run| run.created >= since) {
            // What ended before anybody looked is no news, unless it was asked for.
            if first && run.state.is_final() && !ids.contains(&run.id) { screen.skip(run) } else { screen.show(run) }
        }
        first = false;
        if asked.iter().all(|run| run.state.is_final()) {
            return Ok(asked);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Screen {
    bars: MultiProgress,
    terminal: bool,
    seen: HashMap<RunId, (RunState, Option<ProgressBar>)>,
}

impl Screen {
    fn new() -> Self {
        Self { bars: MultiProgress::new(), terminal: std::io::stderr().is_terminal(), seen: HashMap::new() }
    }

    fn skip(&mut self, run: &Run) {
        self.seen.insert(run.id.clone(), (run.state, None));
    }

    fn show(&mut self, run: &Run) {
        let terminal = self.terminal;
        let bars = &self.bars;
        let (state, bar) = self.seen.entry(run.id.clone()).or_insert_with(|| (RunState::Queued, None));
        if state.is_final() {
            return;
        }
        if run.state == RunState::Running && *state != RunState::Running && terminal {
            *bar = Some(new_bar(bars, run));
        }
        if let Some(bar) = bar.as_ref().filter(|_| run.progress.total > 0) {
            if bar.length().is_none() {
                bar.set_style(style("  {spinner} {msg:<52} [{bar:24}] {human_pos}/{human_len} {prefix}"));
            }
            bar.set_length(run.progress.total);
            bar.set_position(run.progress.done);
            bar.set_prefix(run.progress.unit.clone());
        }
        *state = run.state;
        if !run.state.is_final() {
            return;
        }
        let line = ended(run);
        if terminal {
            // A line that the screen does not take is still in the run's record.
            let _ = bars.println(line);
        } else {
            eprintln!("{line}");
        }
        if let Some(bar) = bar.take() {
            bar.finish_and_clear();
            bars.remove(&bar);
        }
    }
}

/// Added to the others before anything is drawn. Without a known total only the name and a sign of life are shown.
fn new_bar(bars: &MultiProgress, run: &Run) -> ProgressBar {
    let bar = bars.add(ProgressBar::no_length());
    bar.set_style(style("  {spinner} {msg}"));
    bar.set_message(title(run));
    bar.enable_steady_tick(LOOK_EVERY);
    bar
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

/// `crawl shop-orders`
fn title(run: &Run) -> String {
    let subject = run.subject.rsplit_once(":").map_or(run.subject.as_str(), |(_, resource)| resource);
    format!("{} {subject}", run.kind)
}

fn ended(run: &Run) -> String {
    let took = run.started.zip(run.ended).map_or_else(String::new, |(from, to)| format!(" in {}", words::duration(to.since_ms(from))));
    let mark = if run.state == RunState::Succeeded { "done" } else { run.state.as_str() };
    let why = run.message.as_deref().map_or_else(String::new, |message| format!(": {message}"));
    format!("  {mark:<9} {}{took}{why}", title(run))
}
