//! The stage's handle: campaigns and what they answer.

use std::fmt;
use std::sync::Arc;

use domain::arn::Partition;
use domain::{Arn, Error, Name, Result, RunState};
use events::LiveHistory;
use runs::{NewRun, Runs};
use store::{Store, Stored, Tx};
use train::Training;

use crate::answer;
use crate::campaign::{Campaign, CampaignConfig, CampaignUpdate, CampaignView, CreateCampaign, UpdateCampaign};
use crate::deploy::DEPLOY;
use crate::ids::Ids;
use crate::model::{History, LoadedModel};
use crate::request::{Explained, GetPersonalizedRanking, GetRecommendations, Ranking, Recommendations, check_others};
use crate::table::{Campaigns, Deployed, Slot, Table};
use crate::words;

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
    ids: Ids,
    /// Held while the table is compared with the store, so that an older look never replaces a newer one.
    refreshing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("campaigns", &self.shared.table.campaigns().len()).finish_non_exhaustive()
    }
}

impl Serving {
    /// Serves nothing until [`Serving::refresh`]. `id_seed` makes recommendation ids differ between starts of the process; the
    /// composition root draws it.
    pub fn new(training: Training, live: LiveHistory, partition: Partition, id_seed: u64) -> Self {
        let shared = Shared { table: Table::default(), ids: Ids::new(id_seed), refreshing: tokio::sync::Mutex::default() };
        Self { training, live, partition, shared: Arc::new(shared) }
    }

    pub(crate) fn training(&self) -> &Training {
        &self.training
    }

    fn runs(&self) -> &Runs {
        self.training.runs()
    }

    fn store(&self) -> &Store {
        self.runs().store()
    }

    /// Queues the deployment of a version that is ACTIVE.
    pub async fn create_campaign(&self, request: CreateCampaign) -> Result<Campaign> {
        let name = Name::new(request.name)?;
        let campaign_arn = self.partition.personalize("campaign", &name);
        let campaign_config = request.campaign_config.unwrap_or_default();
        campaign_config.check()?;
        let min_provisioned_tps = check_tps(request.min_provisioned_tps.unwrap_or(1))?;
        self.training.model(&request.solution_version_arn).await?;
        let mut tx = self.store().begin().await?;
        if tx.find::<Campaign>(campaign_arn.as_str()).await?.is_some() {
            return Err(Error::already_exists(format!("Campaign {:?}", name.as_str())));
        }
        self.training.hold_version(&mut tx, &request.solution_version_arn, &campaign_arn).await?;
        let run = self.runs().submit_in(&mut tx, &NewRun::new(DEPLOY, campaign_arn.as_str())).await?;
        let solution_version_arn = request.solution_version_arn;
        let latest_campaign_update = None;
        let campaign =
            Campaign { name, campaign_arn, solution_version_arn, min_provisioned_tps, campaign_config, run, latest_campaign_update };
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
    pub async fn update_campaign(&self, request: UpdateCampaign) -> Result<Campaign> {
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
        let update = CampaignUpdate { solution_version_arn, min_provisioned_tps, campaign_config, run };
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

    /// Makes what serves equal to what the store says: loads new models, drops deleted campaigns. A campaign whose model
    /// cannot be loaded goes on as before, or says why it does not answer. Called at the start, on a timer and after changes.
    pub async fn refresh(&self) -> Result<()> {
        let _one_at_a_time = self.shared.refreshing.lock().await;
        let before = self.shared.table.campaigns();
        let mut now = Campaigns::new();
        for view in self.list_campaigns(None).await? {
            let arn = view.campaign.campaign_arn.clone();
            let slot = self.slot(&view, before.get(&arn)).await;
            now.insert(arn, slot);
        }
        self.shared.table.replace(now);
        Ok(())
    }

    async fn slot(&self, view: &CampaignView, before: Option<&Slot>) -> Slot {
        if view.run.state != RunState::Succeeded {
            return Slot::Waiting { status: view.status(), reason: view.failure_reason().map(str::to_owned) };
        }
        match self.deploy(&view.campaign.value).await {
            Ok(deployed) => Slot::Ready(Arc::new(deployed)),
            Err(error) => {
                tracing::error!(campaign = %view.campaign.campaign_arn, "its model cannot be loaded: {error}");
                match before {
                    Some(ready @ Slot::Ready(_)) => ready.clone(),
                    _ => Slot::Waiting { status: view.status(), reason: Some(error.to_string()) },
                }
            }
        }
    }

    async fn deploy(&self, campaign: &Campaign) -> Result<Deployed> {
        let model = self.load(&campaign.solution_version_arn).await?;
        Ok(deployed(&campaign.campaign_config, model.0, model.1))
    }

    /// The model of a version and the dataset group it was trained on; shared with whoever else holds it.
    pub(crate) async fn load(&self, solution_version_arn: &Arn) -> Result<(Arn, Arc<LoadedModel>)> {
        let trained = self.training.model(solution_version_arn).await?.value;
        let model = self.shared.table.model(self.training.artifacts(), &trained).await?;
        Ok((trained.dataset_group_arn, model))
    }

    /// The best items for a user, as GetRecommendations gives them.
    pub fn get_recommendations(&self, request: &GetRecommendations) -> Result<Recommendations> {
        let (deployed, ranked, _) = self.rank(request)?;
        Ok(Recommendations { item_list: answer::recommended(&deployed.model, ranked), recommendation_id: self.shared.ids.next() })
    }

    /// The same recommendations with names and a reason each, for people.
    pub fn explain(&self, request: &GetRecommendations) -> Result<Vec<Explained>> {
        let (deployed, ranked, history) = self.rank(request)?;
        let model = &deployed.model;
        let explained = ranked.into_iter().map(|ranked| Explained {
            item_id: model.bundle.items.get(ranked.item).to_owned(),
            name: model.bundle.name(ranked.item).to_owned(),
            score: ranked.share,
            reason: words::reason(model, &history, ranked.item),
        });
        Ok(explained.collect())
    }

    /// Works on campaigns of every recipe.
    pub fn get_personalized_ranking(&self, request: &GetPersonalizedRanking) -> Result<Ranking> {
        check_others(&request.others)?;
        let deployed = self.deployed(request.campaign_arn.as_ref())?;
        answer::check_list(&request.input_list)?;
        let history = self.history(&deployed, request.user_id.as_deref())?;
        Ok(Ranking {
            personalized_ranking: answer::ordered(&deployed.model, &history, self.now(), &request.input_list),
            recommendation_id: self.shared.ids.next(),
        })
    }

    fn rank(&self, request: &GetRecommendations) -> Result<(Arc<Deployed>, Vec<answer::Ranked>, History)> {
        check_others(&request.others)?;
        let deployed = self.deployed(request.campaign_arn.as_ref())?;
        let count = answer::check_count(request.num_results)?;
        let history = self.history(&deployed, request.user_id.as_deref())?;
        let exclude_seen = request.exclude_seen.unwrap_or(deployed.exclude_seen);
        let ranked = answer::best(&deployed.model, &history, self.now(), count, exclude_seen);
        Ok((deployed, ranked, history))
    }

    fn deployed(&self, arn: Option<&Arn>) -> Result<Arc<Deployed>> {
        let arn = arn.ok_or_else(|| Error::invalid_input("campaignArn is required; found none."))?;
        self.shared.table.deployed(arn)
    }

    /// Trained history and live events; best-sellers need no user.
    fn history(&self, deployed: &Deployed, user_id: Option<&str>) -> Result<History> {
        match user_id.filter(|user| !user.is_empty()) {
            Some(user) => Ok(deployed.model.history(user, &self.live.get(&deployed.dataset_group_arn, user))),
            None if deployed.model.recipe.has_scores() => {
                Err(Error::invalid_input(format!("userId is required by recipe {}; found none.", deployed.model.recipe.name)))
            }
            None => Ok(History::new()),
        }
    }

    fn now(&self) -> i64 {
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
    Deployed { dataset_group_arn, exclude_seen, model }
}

fn check_tps(found: u32) -> Result<u32> {
    if found >= 1 { Ok(found) } else { Err(Error::invalid_input("minProvisionedTPS is at least 1; found 0.")) }
}
