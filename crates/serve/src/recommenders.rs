//! Recommenders, created, described, changed, stopped, started, deleted; and the run that trains one and lets it answer.

use async_trait::async_trait;
use dataset::DatasetGroup;
use domain::{Arn, Error, ErrorKind, Name, Result, RunState};
use runs::{Executor, Finished, NewRun, RunContext};
use serde::{Deserialize, Serialize};
use store::{Stored, Tx};
use train::{Order, SolutionVersion};

use crate::recommender::{CreateRecommender, Recommender, RecommenderConfig, RecommenderUpdate, RecommenderView, UpdateRecommender};
use crate::serving::Serving;

/// The kind of the runs that train and deploy recommenders; their subject is the ARN of the recommender.
pub const RECOMMENDER: &str = "recommender";

impl Serving {
    /// Queues the training, after which the recommender answers. The recipe must be of the group's domain.
    pub async fn create_recommender(&self, request: CreateRecommender) -> Result<Recommender> {
        let mut tx = self.store().begin().await?;
        let group = tx.get::<DatasetGroup>(request.dataset_group_arn.as_str()).await?;
        request.check(group.domain)?;
        let name = Name::new(request.name)?;
        let recommender_arn = self.partition().personalize("recommender", &name);
        if tx.find::<Recommender>(recommender_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Recommender {:?}", name.as_str())));
        }
        let run = self.runs().submit_in(&mut tx, &NewRun::new(RECOMMENDER, recommender_arn.as_str())).await?;
        let mut recommender = Recommender {
            name,
            solution_version_arn: recommender_arn.clone(),
            recommender_arn,
            dataset_group_arn: request.dataset_group_arn,
            recipe_arn: request.recipe_arn,
            recommender_config: request.recommender_config.unwrap_or_default(),
            stopped: false,
            run,
            latest_recommender_update: None,
        };
        let solution = recommender.solution(&recommender.recommender_config)?;
        let version = self.training().train_in(&mut tx, solution, Order::default()).await?;
        recommender.solution_version_arn = version.solution_version_arn;
        self.training().datasets().hold_group_in(&mut tx, &recommender.dataset_group_arn, &recommender.holder()).await?;
        tx.create(&recommender).await?;
        tx.commit().await?;
        self.runs().wake();
        self.refresh_or_tell().await;
        Ok(recommender)
    }

    pub async fn get_recommender(&self, arn: &Arn) -> Result<RecommenderView> {
        let recommender = self.store().get(arn.as_str()).await?;
        self.view_recommender(recommender).await
    }

    /// As [`Serving::describe_campaign`].
    pub async fn describe_recommender(&self, arn: &Arn) -> Result<RecommenderView> {
        let view = self.get_recommender(arn).await?;
        if view.status() == "ACTIVE" {
            self.answer_by(arn, &view.recommender.solution_version_arn).await?;
        }
        Ok(view)
    }

    /// All recommenders, or those of one dataset group.
    pub async fn list_recommenders(&self, dataset_group_arn: Option<&Arn>) -> Result<Vec<RecommenderView>> {
        let recommenders = match dataset_group_arn {
            Some(group) => self.store().children::<Recommender>(group.as_str()).await?,
            None => self.store().list::<Recommender>().await?,
        };
        let mut views = Vec::with_capacity(recommenders.len());
        for recommender in recommenders {
            views.push(self.view_recommender(recommender).await?);
        }
        Ok(views)
    }

    /// Queues a training on the data as it is now, unless a version is given, and with it these settings; the recommender answers as
    /// before until it has succeeded.
    pub async fn update_recommender(&self, request: UpdateRecommender) -> Result<Recommender> {
        self.renew(request, false).await
    }

    /// What AWS does by itself: every recommender that answers is trained again when its version is that old and the data are others
    /// by now. Gives how many that are.
    pub async fn retrain_recommenders(&self, age_ms: i64) -> Result<usize> {
        let now = self.store().clock().now();
        let mut begun = 0;
        for view in self.list_recommenders(None).await?.into_iter().filter(|view| view.status() == "ACTIVE") {
            let recommender = view.recommender.value;
            let version = self.training().get_solution_version(&recommender.solution_version_arn).await?.version;
            let last = view.update.map_or(version.created, |update| update.created.max(version.created));
            let data = self.training().datasets().snapshot_now(&recommender.dataset_group_arn).await?;
            if now.since_ms(last) < age_ms || data == version.snapshot {
                continue;
            }
            let (recommender_arn, recommender_config) = (recommender.recommender_arn, recommender.recommender_config);
            match self.renew(UpdateRecommender { recommender_arn, recommender_config, version: None }, true).await {
                Ok(_) => begun += 1,
                // Somebody else was faster, or it is gone.
                Err(error) if matches!(error.kind, ErrorKind::InUse | ErrorKind::NotFound) => {}
                Err(error) => tracing::warn!("a recommender cannot be trained again: {error}"),
            }
        }
        Ok(begun)
    }

    async fn renew(&self, request: UpdateRecommender, automatic: bool) -> Result<Recommender> {
        let (arn, recommender_config) = (request.recommender_arn, request.recommender_config);
        let mut tx = self.store().begin().await?;
        let now = self.settled_recommender(&mut tx, &arn).await?;
        let solution_version_arn = match request.version {
            Some(version) => self.training().model(&version).await?.value.solution_version_arn,
            None => self.train_recommender_in(&mut tx, &now, &recommender_config, None).await?.solution_version_arn,
        };
        let run = self.runs().submit_in(&mut tx, &NewRun::new(RECOMMENDER, arn.as_str())).await?;
        let update = RecommenderUpdate { recommender_config, solution_version_arn, run, automatic };
        let updated = tx.update::<Recommender>(arn.as_str(), |recommender| {
            recommender.latest_recommender_update = Some(update);
            Ok(())
        });
        let updated = updated.await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(updated.value)
    }

    /// Queues a training alone, judged beside the version that answers; [`Serving::update_recommender`] makes it answer.
    pub async fn train_recommender(&self, arn: &Arn, config: &RecommenderConfig, name: Option<Name>) -> Result<SolutionVersion> {
        let mut tx = self.store().begin().await?;
        let now = self.settled_recommender(&mut tx, arn).await?;
        let version = self.train_recommender_in(&mut tx, &now, config, name).await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(version)
    }

    async fn train_recommender_in(
        &self,
        tx: &mut Tx,
        now: &Recommender,
        config: &RecommenderConfig,
        name: Option<Name>,
    ) -> Result<SolutionVersion> {
        config.check()?;
        let beside = self.training().model(&now.solution_version_arn).await.map(|model| model.value.solution_version_arn);
        let order = Order { name, judge_beside: beside.into_iter().collect(), ..Order::default() };
        self.training().train_in(tx, now.solution(config)?, order).await
    }

    /// It answers no more, and what it held in memory is free; its model stays.
    pub async fn stop_recommender(&self, arn: &Arn) -> Result<()> {
        self.switch(arn, true).await
    }

    /// It answers again, by the model that it had.
    pub async fn start_recommender(&self, arn: &Arn) -> Result<()> {
        self.switch(arn, false).await
    }

    async fn switch(&self, arn: &Arn, stopped: bool) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let recommender = self.settled_recommender(&mut tx, arn).await?;
        let created = self.runs().get(&recommender.run).await?.state == RunState::Succeeded;
        if !created || recommender.stopped == stopped {
            let status = if created { if stopped { "INACTIVE" } else { "ACTIVE" } } else { "CREATE FAILED" };
            let (deed, from) = if stopped { ("stopped", "ACTIVE") } else { ("started", "INACTIVE") };
            return Err(Error::invalid_input(format!(
                "Recommender {:?} is {status}: only one that is {from} can be {deed}.",
                recommender.name.as_str()
            )));
        }
        let switch = |recommender: &mut Recommender| {
            recommender.stopped = stopped;
            Ok(())
        };
        tx.update(arn.as_str(), switch).await?;
        tx.commit().await?;
        self.refresh_or_tell().await;
        Ok(())
    }

    /// Stops answering at once and takes its models away. Refused while it is trained.
    pub async fn delete_recommender(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let recommender = self.settled_recommender(&mut tx, arn).await?;
        let prefixes = self.training().remove_versions_in(&mut tx, arn, None).await?;
        self.training().datasets().release_group_in(&mut tx, &recommender.dataset_group_arn, &recommender.holder()).await?;
        tx.delete::<Recommender>(arn.as_str()).await?;
        tx.commit().await?;
        self.refresh_or_tell().await;
        self.delete_files(&prefixes).await
    }

    async fn delete_files(&self, prefixes: &[String]) -> Result<()> {
        for prefix in prefixes {
            self.training().artifacts().delete(prefix).await?;
        }
        Ok(())
    }

    async fn view_recommender(&self, recommender: Stored<Recommender>) -> Result<RecommenderView> {
        let run = self.runs().get(&recommender.run).await?;
        let update = match &recommender.latest_recommender_update {
            Some(update) => Some(self.runs().get(&update.run).await?),
            None => None,
        };
        Ok(RecommenderView { recommender, run, update })
    }

    /// The recommender, of which neither a creation nor an update is under way.
    async fn settled_recommender(&self, tx: &mut Tx, arn: &Arn) -> Result<Recommender> {
        let recommender = tx.get::<Recommender>(arn.as_str()).await?.value;
        let update = recommender.latest_recommender_update.as_ref().map(|update| &update.run);
        let mut under_way = None;
        for run in std::iter::once(&recommender.run).chain(update) {
            under_way = Some(self.runs().get(run).await?).filter(|run| !run.state.is_final()).or(under_way);
        }
        // A training outlives the run that wanted it until it has noticed that it is stopped.
        for version in self.training().list_solution_versions(Some(arn)).await? {
            under_way = Some(version.run).filter(|run| !run.state.is_final()).or(under_way);
        }
        match under_way {
            Some(run) => Err(Error::in_use(format!(
                "Recommender {:?} is being trained (run {}): wait until that has ended.",
                recommender.name.as_str(),
                run.id
            ))),
            None => Ok(recommender),
        }
    }
}

/// Carries out runs of kind [`RECOMMENDER`].
#[derive(Debug, Clone)]
pub struct RecommenderExecutor {
    serving: Serving,
}

/// The result of such a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecommenderResult {
    pub recommender_arn: Arn,
    pub solution_version_arn: Arn,
    /// About what the model holds in memory.
    pub bytes: usize,
}

impl RecommenderExecutor {
    pub fn new(serving: Serving) -> Self {
        Self { serving }
    }

    /// Which update this run carries out; nothing when it creates the recommender.
    fn update(recommender: &Recommender, context: &RunContext) -> Result<Option<RecommenderUpdate>> {
        if &recommender.run == context.id() {
            return Ok(None);
        }
        let update = recommender.latest_recommender_update.clone().filter(|update| &update.run == context.id());
        let name = &recommender.name;
        update.map(Some).ok_or_else(|| Error::invalid_state(format!("Recommender \"{name}\" was changed by another run meanwhile.")))
    }

    /// Waits for the training, which is a run of its own.
    async fn trained(&self, version: &Arn, context: &RunContext) -> Result<()> {
        let training = self.serving.training().get_solution_version(version).await?.run;
        context.adopt(&training.id).await?;
        let ended = context.wait_child(&training.id).await?;
        match ended.message.clone().filter(|_| ended.state == RunState::Failed) {
            Some(why) => Err(Error::invalid_data(why)),
            None => ended.succeeded().map(|_| ()),
        }
    }
}

impl RecommenderExecutor {
    /// Fails when the training found the version worse than the one that answers, by more than chance.
    async fn refuse_worse(&self, version: &Arn) -> Result<()> {
        let report = self.serving.training().report(version).await?;
        match report.rivals.iter().find(|rival| rival.difference.high < 0.0) {
            Some(rival) => Err(Error::invalid_data(format!(
                "The new version is worse than {}, which goes on answering: NDCG@10 {:+.4} on {} held-out customers.",
                rival.rival_arn.id(),
                rival.difference.mean,
                rival.users
            ))),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Executor for RecommenderExecutor {
    fn kind(&self) -> &'static str {
        RECOMMENDER
    }

    fn is_coordinator(&self) -> bool {
        true
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let recommender = context.store().get::<Recommender>(&context.run().subject).await?.value;
        let update = Self::update(&recommender, context)?;
        let version = update.as_ref().map_or(&recommender.solution_version_arn, |update| &update.solution_version_arn).clone();
        self.trained(&version, context).await?;
        if update.as_ref().is_some_and(|update| update.automatic) {
            self.refuse_worse(&version).await?;
        }
        // Held until the recommender has it, so that it is loaded once.
        let (_, model) = self.serving.load(&version).await?;
        context.info(format!("Loaded {version}: {} items, about {} MB.", model.bundle.items.len(), model.bytes.div_ceil(1 << 20)));
        context.point("loaded").await;
        context.check()?;
        let mut tx = context.begin().await?;
        let arn = recommender.recommender_arn;
        if let Some(update) = update {
            let never_answered = context.runs().get(&recommender.run).await?.state != RunState::Succeeded;
            let flip = |recommender: &mut Recommender| {
                if never_answered {
                    // Its creation failed; from now on this run is what made it.
                    recommender.run = context.id().clone();
                }
                recommender.solution_version_arn = update.solution_version_arn;
                recommender.recommender_config = update.recommender_config;
                Ok(())
            };
            tx.update(arn.as_str(), flip).await?;
        }
        let over = self.serving.training().remove_versions_in(&mut tx, &arn, Some(&version)).await?;
        let result = RecommenderResult { recommender_arn: arn, solution_version_arn: version, bytes: model.bytes };
        let finished = context.succeed(tx, &result).await?;
        self.serving.refresh_or_tell().await;
        if let Err(error) = self.serving.delete_files(&over).await {
            tracing::warn!("files of a model that no longer answers stay: {error}");
        }
        Ok(finished)
    }
}
