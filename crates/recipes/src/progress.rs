//! Counts the steps of a fit and looks at the cancel flag between them.

use std::cell::Cell;

use crate::{FitContext, RecipeError};

pub(crate) struct Steps<'a> {
    context: &'a FitContext<'a>,
    done: Cell<u64>,
    total: u64,
}

impl<'a> Steps<'a> {
    /// Reports 0 of `total`; fails at once when the caller has already asked to stop.
    pub(crate) fn new(context: &'a FitContext<'a>, total: u64) -> Result<Self, RecipeError> {
        let steps = Self { context, done: Cell::new(0), total };
        steps.advance(0)?;
        Ok(steps)
    }

    /// `count` more steps are done.
    pub(crate) fn advance(&self, count: u64) -> Result<(), RecipeError> {
        if (self.context.cancel)() {
            return Err(RecipeError::Stopped);
        }
        self.done.set((self.done.get() + count).min(self.total));
        (self.context.progress)(self.done.get(), self.total);
        Ok(())
    }
}
