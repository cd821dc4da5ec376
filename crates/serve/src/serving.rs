//! The stage's handle, and campaigns.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::arn::Partition;
use domain::{Arn, Error, ErrorKind, Name, Result, RunState};
use events::LiveHistory;
use runs::{NewRun, Runs};
use store::{Store, Stored, Tx};
use train::Training;

use crate::campaign::{Campaign, CampaignConfig, CampaignUpdate, CampaignView, CreateCampaign, UpdateCampaign};
use crate::deploy::DEPLOY;
use crate::filter::Filters;
use crate::ids::Ids;
use crate::model::LoadedModel;
use crate::recommender::RecommenderView;
use crate::table::{Deployed, Slot, Slots, Table};

/// Stage 6; clone it freely, all clones serve the same.
#[derive(Clone)]
pub struct Serving {
    training: Training,
    live: LiveHistory,
    partition: Partition,
    shared: Arc<Shared>,
}

struct Shared {
    table: Table,
    filters: Filters,
    ids: Ids,
    /// Held while the table is compared with the store, so that an older look never replaces a newer one.
    refreshing: tokio::sync::Mutex<()>,
    /// Whether this process answers requests at all.
    refreshed: AtomicBool,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("answers", &self.shared.table.slots().len()).finish_non_exhaustive()
    }
}

impl Serving {
    /// Serves nothing until [`Serving::refresh`]. `id_seed` makes recommendation ids differ between starts of the process; the
    /// composition root draws it.
    pub fn new(training: Training, live: LiveHistory, partition: Partition, id_seed: u64) -> Self {
        let shared = Shared {
            table: Table::default(),
            filters: Filters::default(),
            ids: Ids::new(id_seed),
            refreshing: tokio::sync::Mutex::default(),
            refreshed: AtomicBool::new(false),
        };
        Self { training, live, partition, shared: Arc::new(shared) }
    }

    pub(crate) fn training(&self) -> &Training {
        &self.training
    }

    pub(crate) fn runs(&self) -> &Runs {
        self.training.runs()
    }

    pub(crate) fn partition(&self) -> &Partition {
        &self.partition
    }

    pub(crate) fn store(&self) -> &Store {
        self.runs().store()
    }

    /// Queues the deployment of a version that is ACTIVE.
    pub async fn create_campaign(&self, request: CreateCampaign) -> Result<Campaign> {
        let name = Name::new(request.name)?;
        let campaign_arn = self.partition.personalize("campaign", &name);
        let campaign_config = request.campaign_config.unwrap_or_default();
        campaign_config.check()?;
        let min_provisioned_tps = check_tps(request.min_provisioned_tps.unwrap_or(1))?;
        let solution_version_arn = self.meant(request.solution_version_arn, &campaign_config).await?;
        self.training.model(&solution_version_arn).await?;
        let mut tx = self.store().begin().await?;
        if tx.find::<Campaign>(campaign_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Campaign {:?}", name.as_str())));
        }
        self.training.hold_version(&mut tx, &solution_version_arn, &campaign_arn).await?;
        let run = self.runs().submit_in(&mut tx, &NewRun::new(DEPLOY, campaign_arn.as_str())).await?;
        let campaign = Campaign {
            name,
            campaign_arn,
            solution_version_arn,
            min_provisioned_tps,
            campaign_config,
            run,
            latest_campaign_update: None,
            served_before: Vec::new(),
        };
        tx.create(&campaign).await?;
        tx.commit().await?;
        self.runs().wake();
        self.refresh_or_tell().await;
        Ok(campaign)
    }

    pub async fn get_campaign(&self, arn: &Arn) -> Result<CampaignView> {
        let campaign = self.store().get(arn.as_str()).await?;
        self.view(campaign).await
    }

    /// The campaign as a client is told of it: whoever hears that it is ACTIVE is answered, at once and by what it says.
    pub async fn describe_campaign(&self, arn: &Arn) -> Result<CampaignView> {
        let view = self.get_campaign(arn).await?;
        if view.run.state == RunState::Succeeded {
            self.answer_by(arn, &view.campaign.solution_version_arn).await?;
        }
        Ok(view)
    }

    /// Where requests are answered here, those to `arn` are by this version from now on.
    pub(crate) async fn answer_by(&self, arn: &Arn, version: &Arn) -> Result<()> {
        let answers_here = self.shared.refreshed.load(Ordering::SeqCst);
        if answers_here && !self.is_served(arn, version).await { self.refresh().await } else { Ok(()) }
    }

    async fn is_served(&self, arn: &Arn, version: &Arn) -> bool {
        let served = self.shared.table.slots().get(arn).and_then(Slot::model);
        let wanted = self.load(version).await;
        matches!((served, wanted), (Some((_, served)), Ok((_, wanted))) if Arc::ptr_eq(&served, &wanted))
    }

    /// All campaigns, or those of one solution.
    pub async fn list_campaigns(&self, solution_arn: Option<&Arn>) -> Result<Vec<CampaignView>> {
        let campaigns = match solution_arn {
            Some(solution) => self.store().children::<Campaign>(solution.as_str()).await?,
            None => self.store().list::<Campaign>().await?,
        };
        let mut views = Vec::with_capacity(campaigns.len());
        for campaign in campaigns {
            views.push(self.view(campaign).await?);
        }
        Ok(views)
    }

    /// Queues the change; the campaign serves as before until it has succeeded.
    pub async fn update_campaign(&self, mut request: UpdateCampaign) -> Result<Campaign> {
        if let Some(given) = request.solution_version_arn.take() {
            let config = match request.campaign_config.clone() {
                Some(config) => config,
                None => self.get_campaign(&request.campaign_arn).await?.campaign.value.campaign_config,
            };
            request.solution_version_arn = Some(self.meant(given, &config).await?);
        }
        self.change(request, false).await
    }

    /// Queues the way back to the version that served before; called again, it goes further back.
    pub async fn rollback_campaign(&self, arn: &Arn) -> Result<Campaign> {
        let campaign = self.get_campaign(arn).await?.campaign.value;
        let Some(before) = self.last_served(&campaign).await? else {
            return Err(Error::invalid_state(format!(
                "Campaign {:?} has served no other version than {} that still exists: there is nothing to go back to.",
                campaign.name.as_str(),
                campaign.solution_version_arn
            ))
            .code("CAMPAIGN_NEVER_CHANGED"));
        };
        let request = UpdateCampaign {
            campaign_arn: arn.clone(),
            solution_version_arn: Some(before),
            min_provisioned_tps: None,
            campaign_config: None,
        };
        self.change(request, true).await
    }

    /// The last version that served before and was not deleted since.
    async fn last_served(&self, campaign: &Campaign) -> Result<Option<Arn>> {
        for version in campaign.served_before.iter().rev() {
            match self.training.model(version).await {
                Ok(_) => return Ok(Some(version.clone())),
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    pub(crate) async fn change(&self, request: UpdateCampaign, rollback: bool) -> Result<Campaign> {
        let arn = request.campaign_arn;
        let view = self.get_campaign(&arn).await?;
        let old = &view.campaign.value;
        let campaign_config = request.campaign_config.unwrap_or_else(|| old.campaign_config.clone());
        campaign_config.check()?;
        let min_provisioned_tps = check_tps(request.min_provisioned_tps.unwrap_or(old.min_provisioned_tps))?;
        let solution_version_arn = request.solution_version_arn.unwrap_or_else(|| old.solution_version_arn.clone());
        self.training.model(&solution_version_arn).await?;
        let mut tx = self.store().begin().await?;
        let now = tx.get::<Campaign>(arn.as_str()).await?.value;
        self.require_settled(&now).await?;
        self.release_pending(&mut tx, &now).await?;
        self.training.hold_version(&mut tx, &solution_version_arn, &arn).await?;
        let run = self.runs().submit_in(&mut tx, &NewRun::new(DEPLOY, arn.as_str())).await?;
        let update = CampaignUpdate { solution_version_arn, min_provisioned_tps, campaign_config, run, rollback };
        let updated = tx.update::<Campaign>(arn.as_str(), |campaign| {
            campaign.latest_campaign_update = Some(update);
            Ok(())
        });
        let updated = updated.await?;
        tx.commit().await?;
        self.runs().wake();
        Ok(updated.value)
    }

    /// Stops serving at once. Refused while a deployment is under way.
    pub async fn delete_campaign(&self, arn: &Arn) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let campaign = tx.get::<Campaign>(arn.as_str()).await?.value;
        self.require_settled(&campaign).await?;
        self.release_pending(&mut tx, &campaign).await?;
        self.training.release_version(&mut tx, &campaign.solution_version_arn, arn).await?;
        tx.delete::<Campaign>(arn.as_str()).await?;
        tx.commit().await?;
        self.refresh_or_tell().await;
        Ok(())
    }

    /// After a change that is done whatever happens here; the timer refreshes again.
    pub(crate) async fn refresh_or_tell(&self) {
        if let Err(error) = self.refresh().await {
            tracing::error!("campaigns could not be refreshed: {error}");
        }
    }

    /// The same where requests are answered here; elsewhere there is nothing to refresh.
    pub(crate) async fn refresh_if_answering(&self) -> Result<()> {
        if self.shared.refreshed.load(Ordering::SeqCst) { self.refresh().await } else { Ok(()) }
    }

    /// Makes what serves equal to what the store says: loads new models, drops what was deleted or stopped. What has a model that
    /// cannot be loaded goes on as before, or says why it does not answer. The same with filters and their data. Called at the start, on a timer and after changes.
    pub async fn refresh(&self) -> Result<()> {
        self.shared.refreshed.store(true, Ordering::SeqCst);
        let _one_at_a_time = self.shared.refreshing.lock().await;
        let before = self.shared.table.slots();
        let mut now = Slots::new();
        for view in self.list_campaigns(None).await? {
            let arn = view.campaign.campaign_arn.clone();
            let waiting = Slot::Waiting { status: view.status(), reason: view.failure_reason().map(str::to_owned) };
            let answers = view.run.state == RunState::Succeeded;
            let slot = if answers { self.slot(self.deploy(&view.campaign.value).await, waiting, before.get(&arn)) } else { waiting };
            now.insert(arn, slot);
        }
        let recommenders = self.list_recommenders(None).await?;
        for view in &recommenders {
            let arn = view.recommender.recommender_arn.clone();
            let waiting = Slot::Waiting { status: view.status(), reason: view.failure_reason().map(str::to_owned) };
            let answers = view.status() == "ACTIVE";
            let slot = if answers { self.slot(self.deploy_recommender(view).await, waiting, before.get(&arn)) } else { waiting };
            now.insert(arn, slot);
        }
        let models: Vec<(Arn, Arc<LoadedModel>)> = now.values().filter_map(Slot::model).collect();
        // A recommender answers only once what it leaves out is known.
        self.refresh_filters(&models, &recommenders).await?;
        self.shared.table.replace(now);
        Ok(())
    }

    fn slot(&self, deployed: Result<Deployed>, waiting: Slot, before: Option<&Slot>) -> Slot {
        match (deployed, before, waiting) {
            (Ok(deployed), ..) => Slot::Ready(Arc::new(deployed)),
            (Err(error), Some(ready @ Slot::Ready(_)), _) => {
                tracing::error!("a model cannot be loaded, the one before goes on: {error}");
                ready.clone()
            }
            (Err(error), _, Slot::Waiting { status, .. }) => Slot::Waiting { status, reason: Some(error.to_string()) },
            (Err(_), _, ready @ Slot::Ready(_)) => ready,
        }
    }

    async fn deploy(&self, campaign: &Campaign) -> Result<Deployed> {
        let model = self.load(&campaign.solution_version_arn).await?;
        Ok(deployed(&campaign.campaign_config, model.0, model.1))
    }

    /// What it leaves out is told by its use case and not by the training.
    async fn deploy_recommender(&self, view: &RecommenderView) -> Result<Deployed> {
        let recommender = &view.recommender;
        let (group, model) = self.load(&recommender.solution_version_arn).await?;
        let leaves_out = model.recipe.use_case.is_some_and(|use_case| use_case.leaves_out.is_some());
        let always = leaves_out.then(|| recommender.recommender_arn.clone());
        Ok(Deployed { exclude_seen: false, always, ..deployed(&recommender.recommender_config.serving(), group, model) })
    }

    /// The model of a version and the dataset group it was trained on; shared with whoever else holds it.
    pub(crate) async fn load(&self, solution_version_arn: &Arn) -> Result<(Arn, Arc<LoadedModel>)> {
        let trained = self.training.model(solution_version_arn).await?.value;
        let model = self.shared.table.model(self.training.artifacts(), &trained).await?;
        Ok((trained.dataset_group_arn, model))
    }

    pub(crate) fn live(&self) -> &LiveHistory {
        &self.live
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.shared.ids
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.shared.filters
    }

    pub(crate) fn deployed(&self, arn: Option<&Arn>) -> Result<Arc<Deployed>> {
        let arn = arn.ok_or_else(|| Error::invalid_input("campaignArn or recommenderArn is required; found none."))?;
        self.shared.table.deployed(arn)
    }

    pub(crate) fn now(&self) -> i64 {
        self.store().clock().now().seconds()
    }

    async fn view(&self, campaign: Stored<Campaign>) -> Result<CampaignView> {
        let run = self.runs().get(&campaign.run).await?;
        let update = match &campaign.latest_campaign_update {
            Some(update) => Some(self.runs().get(&update.run).await?),
            None => None,
        };
        Ok(CampaignView { campaign, run, update })
    }

    async fn require_settled(&self, campaign: &Campaign) -> Result<()> {
        let update = campaign.latest_campaign_update.as_ref().map(|update| &update.run);
        for run in [Some(&campaign.run), update].into_iter().flatten() {
            if !self.runs().get(run).await?.state.is_final() {
                return Err(Error::in_use(format!(
                    "Campaign {:?} is being deployed (run {run}): wait until that has ended.",
                    campaign.name.as_str()
                )));
            }
        }
        Ok(())
    }

    /// Takes back the hold of an update that did not come to serve.
    async fn release_pending(&self, tx: &mut Tx, campaign: &Campaign) -> Result<()> {
        match &campaign.latest_campaign_update {
            Some(update) if update.solution_version_arn != campaign.solution_version_arn => {
                self.training.release_version(tx, &update.solution_version_arn, &campaign.campaign_arn).await
            }
            _ => Ok(()),
        }
    }
}

fn deployed(config: &CampaignConfig, dataset_group_arn: Arn, model: Arc<LoadedModel>) -> Deployed {
    let exclude_seen = config.exclude_seen().unwrap_or(model.manifest.report.exclude_seen);
    Deployed { dataset_group_arn, exclude_seen, always: None, model }
}

fn check_tps(found: u32) -> Result<u32> {
    if found >= 1 { Ok(found) } else { Err(Error::invalid_input("minProvisionedTPS is at least 1; found 0.")) }
}
