//! What a training tells the world while it computes off the async threads: progress, log, times; and whether to stop.

use std::cell::{Cell, RefCell};

use domain::{Error, Result, Timestamp};
use recipes::{FitContext, Interactions};
use runs::{Level, RunContext};

use crate::manifest::StageTime;
use crate::selection::recipe_error;

/// Progress that one fit stands for.
const FIT: u64 = 100;

/// One training's pulse. Lives on the computing thread.
pub(crate) struct Stages<'a> {
    context: &'a RunContext,
    seed: u64,
    total: u64,
    done: Cell<u64>,
    begun: Timestamp,
    /// When nothing more is to be tried.
    late_after_ms: Option<i64>,
    since: Cell<Timestamp>,
    times: RefCell<Vec<StageTime>>,
}

impl<'a> Stages<'a> {
    /// `fits`: how many fits there will be in all; `budget_s`: after how many seconds nothing more is tried.
    pub(crate) fn new(context: &'a RunContext, seed: u64, fits: usize, budget_s: Option<f64>) -> Self {
        let begun = context.clock().now();
        let late_after_ms = budget_s.map(|seconds| (seconds * 1000.0) as i64);
        let (done, since, times) = (Cell::new(0), Cell::new(begun), RefCell::default());
        Self { context, seed, total: FIT * fits as u64, done, begun, late_after_ms, since, times }
    }

    /// Whether the time budget of the search is used up.
    pub(crate) fn is_late(&self) -> bool {
        let spent = self.context.clock().now().since_ms(self.begun);
        self.late_after_ms.is_some_and(|late| spent >= late)
    }

    pub(crate) fn info(&self, line: impl Into<String>) {
        self.context.info(line);
    }

    pub(crate) fn warn(&self, line: impl Into<String>) {
        self.context.log(Level::Warn, line);
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.context.check()
    }

    /// The stage that was under way is over; its time is noted.
    pub(crate) fn ended(&self, stage: &str) {
        let now = self.context.clock().now();
        let seconds = now.since_ms(self.since.replace(now)) as f64 / 1000.0;
        self.times.borrow_mut().push(StageTime { stage: stage.into(), seconds });
    }

    pub(crate) fn times(&self) -> Vec<StageTime> {
        self.times.borrow().clone()
    }

    /// One fit, with its share of the progress.
    pub(crate) fn fit<M>(
        &self,
        interactions: &Interactions,
        fit: impl FnOnce(&FitContext<'_>) -> Result<M, recipes::RecipeError>,
    ) -> Result<M> {
        let cancel = || self.context.cancel().is_cancelled();
        let progress = |done: u64, total: u64| {
            let part = FIT * done / total.max(1);
            self.context.progress((self.done.get() + part).min(self.total), self.total, "steps");
        };
        let reference_time = interactions.newest().ok_or_else(|| Error::invalid_data("Training needs interactions; found none."))?;
        let context = FitContext { seed: self.seed, cancel: &cancel, progress: &progress, reference_time };
        let fitted = fit(&context).map_err(recipe_error)?;
        self.skip(1);
        Ok(fitted)
    }

    /// Fits that were announced but turn out not to be needed.
    pub(crate) fn skip(&self, fits: usize) {
        self.done.set((self.done.get() + FIT * fits as u64).min(self.total));
        self.context.progress(self.done.get(), self.total, "steps");
    }
}

/// `1,000,209`
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
