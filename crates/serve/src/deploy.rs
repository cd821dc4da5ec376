//! One deployment run: load the model to prove that it loads, then let the campaign serve it.

use async_trait::async_trait;
use domain::{Arn, Error, Result, RunState};
use runs::{Executor, Finished, Level, RunContext};
use serde::{Deserialize, Serialize};

use crate::campaign::{Campaign, CampaignConfig, CampaignUpdate};
use crate::serving::Serving;

/// The kind of the runs that deploy; their subject is the ARN of the campaign.
pub const DEPLOY: &str = "deploy";

/// Carries out runs of kind [`DEPLOY`].
#[derive(Debug, Clone)]
pub struct DeployExecutor {
    serving: Serving,
}

/// The result of a deployment run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployResult {
    pub campaign_arn: Arn,
    pub solution_version_arn: Arn,
    /// About what the model holds in memory.
    pub bytes: usize,
}

impl DeployExecutor {
    pub fn new(serving: Serving) -> Self {
        Self { serving }
    }

    /// Which update this run carries out; nothing when it creates the campaign.
    fn update(campaign: &Campaign, context: &RunContext) -> Result<Option<CampaignUpdate>> {
        if &campaign.run == context.id() {
            return Ok(None);
        }
        let update = campaign.latest_campaign_update.clone().filter(|update| &update.run == context.id());
        update
            .map(Some)
            .ok_or_else(|| Error::invalid_state(format!("Campaign {:?} was changed by another run meanwhile.", campaign.name.as_str())))
    }
}

/// How many versions one can go back.
const REMEMBERED: usize = 20;

/// What serves until now is what one can go back to; going back takes the way that is left, past versions that were deleted.
fn remember(campaign: &mut Campaign, update: &CampaignUpdate, never_served: bool) {
    if update.rollback {
        if let Some(at) = campaign.served_before.iter().rposition(|version| *version == update.solution_version_arn) {
            campaign.served_before.truncate(at);
        }
    } else if !never_served && update.solution_version_arn != campaign.solution_version_arn {
        campaign.served_before.push(campaign.solution_version_arn.clone());
        let forgotten = campaign.served_before.len().saturating_sub(REMEMBERED);
        campaign.served_before.drain(..forgotten);
    }
}

fn warn_without_effect(config: &CampaignConfig, context: &RunContext) {
    if config.asks_for_exploration() {
        context.log(Level::Warn, "itemExplorationConfig is kept, but exploration is not offered: it has no effect.");
    }
}

#[async_trait]
impl Executor for DeployExecutor {
    fn kind(&self) -> &'static str {
        DEPLOY
    }

    async fn execute(&self, context: &RunContext) -> Result<Finished> {
        let campaign = context.store().get::<Campaign>(&context.run().subject).await?.value;
        let update = Self::update(&campaign, context)?;
        let version = update.as_ref().map_or(&campaign.solution_version_arn, |update| &update.solution_version_arn).clone();
        warn_without_effect(update.as_ref().map_or(&campaign.campaign_config, |update| &update.campaign_config), context);
        let began = context.clock().now();
        // Held until the campaign has it, so that it is loaded once.
        let (_, model) = self.serving.load(&version).await?;
        context.info(format!(
            "Loaded {version}: {} items, {} users, about {} MB, in {} ms.",
            model.bundle.items.len(),
            model.bundle.users.len(),
            model.bytes.div_ceil(1 << 20),
            context.clock().now().since_ms(began)
        ));
        context.point("loaded").await;
        context.check()?;
        let mut tx = context.begin().await?;
        if let Some(update) = update {
            if update.solution_version_arn != campaign.solution_version_arn {
                let training = self.serving.training();
                training.release_version(&mut tx, &campaign.solution_version_arn, &campaign.campaign_arn).await?;
            }
            let never_served = context.runs().get(&campaign.run).await?.state != RunState::Succeeded;
            let flip = |campaign: &mut Campaign| {
                if never_served {
                    // Its creation failed; from now on this run is what made it.
                    campaign.run = context.id().clone();
                }
                remember(campaign, &update, never_served);
                campaign.solution_version_arn = update.solution_version_arn;
                campaign.min_provisioned_tps = update.min_provisioned_tps;
                campaign.campaign_config = update.campaign_config;
                Ok(())
            };
            tx.update(campaign.campaign_arn.as_str(), flip).await?;
        }
        let result = DeployResult { campaign_arn: campaign.campaign_arn, solution_version_arn: version, bytes: model.bytes };
        let finished = context.succeed(tx, &result).await?;
        self.serving.refresh_or_tell().await;
        Ok(finished)
    }
}
