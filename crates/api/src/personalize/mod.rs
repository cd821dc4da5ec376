//! Personalize's control plane. One file per noun; each handler decodes, calls one method of one stage, and encodes.

pub(crate) mod batch_inference_jobs;
pub(crate) mod campaigns;
pub(crate) mod data_deletion_jobs;
pub(crate) mod dataset_groups;
pub(crate) mod datasets;
pub(crate) mod event_trackers;
pub(crate) mod filters;
pub(crate) mod import_jobs;
pub(crate) mod recipes;
pub(crate) mod recommenders;
pub(crate) mod schemas;
pub(crate) mod solution_versions;
pub(crate) mod solutions;
pub(crate) mod tags;
mod view;
