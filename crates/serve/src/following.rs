//! Campaigns that serve the newest version of their solution by themselves.

use domain::{Arn, Error, ErrorKind, Result, RunState};

use crate::campaign::{CampaignConfig, CampaignView, UpdateCampaign, solution_of};
use crate::serving::Serving;

/// Stands for the newest version behind the ARN of a solution.
const LATEST: &str = "/$LATEST";

impl Serving {
    /// The version that a request means. `<solution>/$LATEST` and `syncWithLatestSolutionVersion` come together, as in AWS.
    pub(crate) async fn meant(&self, given: Arn, config: &CampaignConfig) -> Result<Arn> {
        let follows = config.sync_with_latest_solution_version == Some(true);
        match given.as_str().strip_suffix(LATEST) {
            Some(solution) if follows => {
                let newest = self.training().newest_full_version(&Arn::parse(solution)?).await?;
                let newest = newest.map(|view| view.version.value.solution_version_arn);
                newest.ok_or_else(|| Error::invalid_input(format!("Solution {solution} has no ACTIVE version yet: train one first.")))
            }
            None if !follows => Ok(given),
            Some(_) => Err(Error::invalid_input(format!(
                "{given} needs campaignConfig.syncWithLatestSolutionVersion true; found false or nothing."
            ))),
            None => Err(Error::invalid_input(format!(
                "With campaignConfig.syncWithLatestSolutionVersion, solutionVersionArn is <solution ARN>{LATEST}; found {given}."
            ))),
        }
    }

    /// Updates every campaign that follows its solution and has a newer version to serve, unless that was judged worse than the one it
    /// serves, by more than chance. Gives how many updates were queued. A campaign that was changed by hand follows from the next training.
    pub async fn follow_solutions(&self) -> Result<usize> {
        let mut begun = 0;
        for view in self.list_campaigns(None).await? {
            if view.campaign.campaign_config.sync_with_latest_solution_version != Some(true) || !is_settled(&view) {
                continue;
            }
            let Some(newer) = self.newer(&view).await? else { continue };
            let request = UpdateCampaign {
                campaign_arn: view.campaign.value.campaign_arn,
                solution_version_arn: Some(newer),
                min_provisioned_tps: None,
                campaign_config: None,
            };
            match self.change(request, false).await {
                Ok(_) => begun += 1,
                // Somebody else was faster, or it is gone.
                Err(error) if matches!(error.kind, ErrorKind::InUse | ErrorKind::NotFound) => {}
                Err(error) => tracing::warn!("a campaign cannot follow its solution: {error}"),
            }
        }
        Ok(begun)
    }

    async fn newer(&self, view: &CampaignView) -> Result<Option<Arn>> {
        let serves = &view.campaign.solution_version_arn;
        let Some(newest) = self.training().newest_full_version(&Arn::parse(solution_of(serves))?).await? else { return Ok(None) };
        let changed = view.update.as_ref().unwrap_or(&view.run).created;
        let arn = newest.version.value.solution_version_arn;
        if &arn == serves || newest.run.ended.is_none_or(|ended| ended <= changed) {
            return Ok(None);
        }
        let report = self.training().report(&arn).await?;
        let is_worse = report.rivals.iter().any(|rival| &rival.rival_arn == serves && rival.difference.high < 0.0);
        Ok((!is_worse).then_some(arn))
    }
}

/// Whether it serves and nothing is under way.
fn is_settled(view: &CampaignView) -> bool {
    view.run.state == RunState::Succeeded && view.update.as_ref().is_none_or(|update| update.state.is_final())
}
