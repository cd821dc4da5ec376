//! Who still needs a dataset or a group. Stages above write it here, since this stage cannot look into theirs.

use domain::{Arn, Result};
use runs::RunId;
use serde::{Deserialize, Serialize};
use store::{Resource, Tx};

use crate::datasets::Datasets;
use crate::resources::DatasetGroup;

/// `holder` needs `held`: for ever, or until `run` has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hold {
    held: Arn,
    holder: String,
    run: Option<RunId>,
}

impl Resource for Hold {
    const KIND: &'static str = "dataset_hold";
    fn key(&self) -> String {
        key(&self.held, &self.holder)
    }
    fn parent(&self) -> String {
        self.held.to_string()
    }
}

fn key(held: &Arn, holder: &str) -> String {
    format!("{held} {holder}")
}

impl Datasets {
    /// The group cannot be deleted until [`Datasets::release_group_in`] is called with the same holder: a solution, an
    /// event tracker. `holder` is shown to the user, as in `solution "shop"`. `NotFound` when there is no such group.
    pub async fn hold_group_in(&self, tx: &mut Tx, group_arn: &Arn, holder: &str) -> Result<()> {
        tx.get::<DatasetGroup>(group_arn.as_str()).await?;
        tx.put(Hold { held: group_arn.clone(), holder: holder.into(), run: None }).await
    }

    /// Undoes [`Datasets::hold_group_in`].
    pub async fn release_group_in(&self, tx: &mut Tx, group_arn: &Arn, holder: &str) -> Result<()> {
        tx.delete::<Hold>(&key(group_arn, holder)).await
    }

    pub(crate) async fn hold_while_running_in(&self, tx: &mut Tx, dataset_arn: &Arn, run: &RunId) -> Result<()> {
        tx.put(Hold { held: dataset_arn.clone(), holder: format!("run {run}"), run: Some(run.clone()) }).await
    }

    /// Who holds it now; holds of runs that have ended are removed on the way.
    pub(crate) async fn holders_in(&self, tx: &mut Tx, held: &Arn) -> Result<Vec<String>> {
        let mut holders = Vec::new();
        for hold in tx.children::<Hold>(held.as_str()).await? {
            let over = match &hold.run {
                None => false,
                Some(run) => self.runs().find(run).await?.is_none_or(|run| run.state.is_final()),
            };
            if over {
                tx.delete::<Hold>(&hold.key()).await?;
            } else {
                holders.push(hold.holder.clone());
            }
        }
        Ok(holders)
    }
}
