//! The engines that this installation has.

use std::sync::Arc;

use domain::{Error, Result};

use crate::engine::Engine;
use crate::job::Job;

/// Jobs that name no engine are computed by the one in this process.
#[derive(Clone)]
pub struct Engines {
    embedded: Arc<dyn Engine>,
    others: Vec<Arc<dyn Engine>>,
}

impl Engines {
    pub fn new(embedded: Arc<dyn Engine>) -> Self {
        Self { embedded, others: Vec::new() }
    }

    pub fn with(mut self, engine: Arc<dyn Engine>) -> Self {
        self.others.push(engine);
        self
    }

    /// The engine in this process, which also answers all questions that need no data.
    pub fn embedded(&self) -> &Arc<dyn Engine> {
        &self.embedded
    }

    /// The engine that a job names.
    pub fn of(&self, job: &Job) -> Result<&Arc<dyn Engine>> {
        let Some(name) = &job.engine else { return Ok(self.embedded()) };
        let all = || std::iter::once(&self.embedded).chain(&self.others);
        all().find(|engine| engine.name() == name).ok_or_else(|| {
            let known: Vec<&str> = all().map(|engine| engine.name()).collect();
            Error::invalid_input(format!(
                "Job {:?} wants the engine {name:?}, which this installation does not have; it has {}.",
                job.name,
                known.join(", ")
            ))
        })
    }
}
