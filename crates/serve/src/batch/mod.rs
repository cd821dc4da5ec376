//! Batch inference: answers for a whole file of users, items or lists, without a campaign.
//!
//! Takes a solution version, files of JSON lines, a filter. Gives files of JSON lines. Must not know: the wire.
//! Start reading at `resource` (the job), then `executor` (one run), `line` (one question).

mod executor;
mod line;
mod resource;

pub use executor::{BatchInferenceExecutor, BatchInferenceResult};
pub use resource::{
    BATCH_INFERENCE, BatchInferenceJob, BatchInferenceJobConfig, BatchInferenceJobMode, BatchInferenceJobView, BatchInput, BatchOutput,
    CreateBatchInferenceJob, S3Place,
};

#[cfg(test)]
mod tests;
