//! What the composition root hands over.

use catalog::Catalog;
use dataset::Datasets;
use domain::arn::Partition;
use etl::{Jobs, Workbench};
use events::Events;
use impact::Impacts;
use notify::Notify;
use runs::Runs;
use serve::Serving;
use store::Buckets;
use train::Training;
use workflow::Workflows;

use crate::{Credentials, SessionKeys};

/// The stages, as the handlers reach them.
#[derive(Clone)]
pub struct App {
    pub partition: Partition,
    pub credentials: Credentials,
    /// The temporary keys that are good beside the credentials.
    pub sessions: SessionKeys,
    pub runs: Runs,
    pub buckets: Buckets,
    pub catalog: Catalog,
    pub jobs: Jobs,
    pub datasets: Datasets,
    pub training: Training,
    pub serving: Serving,
    pub events: Events,
    pub workflows: Workflows,
    pub notify: Notify,
    pub impacts: Impacts,
    pub workbench: Workbench,
    /// Whether recommendations are asked for and events sent here; another node of the installation answers them otherwise.
    pub serves: bool,
}
