//! Plans without carrying out.

use dataset::Datasets;
use domain::Result;
use serve::Serving;
use store::Buckets;
use train::Training;

use crate::pipelines::Pipeline;
use crate::plan::{Plan, Scope, plan};
use crate::source::{FileVersion, Source};
use crate::wanted::Wanted;
use crate::world::Looking;

/// What a run of a pipeline would do; runs ask it too.
#[derive(Clone)]
pub struct Planner {
    pub buckets: Buckets,
    pub datasets: Datasets,
    pub training: Training,
    pub serving: Serving,
}

impl Planner {
    /// Fails on parameters that cannot be used; what is refused for the sake of what there is stands in the plan.
    pub async fn plan(&self, pipeline: &Pipeline, scope: &Scope) -> Result<(FileVersion, Plan)> {
        let source = Source::read(&self.buckets, pipeline).await?;
        let wanted = source.wanted_from(self.datasets.store().clock().now())?;
        let plan = self.plan_of(&source, &wanted, scope).await?;
        Ok((source.version, plan))
    }

    pub(crate) async fn plan_of(&self, source: &Source, wanted: &Wanted, scope: &Scope) -> Result<Plan> {
        let beside = source.beside();
        let world = self.looking(&beside).look(wanted).await?;
        Ok(plan(wanted, &world, scope, &source.version.content))
    }

    pub(crate) fn looking<'a>(&'a self, beside: &'a str) -> Looking<'a> {
        Looking { buckets: &self.buckets, datasets: &self.datasets, training: &self.training, serving: &self.serving, beside }
    }
}
