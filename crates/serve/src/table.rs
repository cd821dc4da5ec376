//! What serves right now: one immutable table of campaigns and recommenders, replaced as a whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use domain::{Arn, Error, ErrorKind, Result};
use store::Artifacts;
use train::TrainedModel;

use crate::model::LoadedModel;

/// A campaign or recommender that answers.
pub(crate) struct Deployed {
    pub dataset_group_arn: Arn,
    pub exclude_seen: bool,
    /// The filter that holds whatever a request asks for: what a recommender leaves out by itself.
    pub always: Option<Arn>,
    pub model: Arc<LoadedModel>,
}

/// The same as the request path knows it.
#[derive(Clone)]
pub(crate) enum Slot {
    Ready(Arc<Deployed>),
    /// Exists, but does not answer: its status, and why.
    Waiting {
        status: &'static str,
        reason: Option<String>,
    },
}

impl Slot {
    /// The group and the model of what answers.
    pub(crate) fn model(&self) -> Option<(Arn, Arc<LoadedModel>)> {
        match self {
            Self::Ready(deployed) => Some((deployed.dataset_group_arn.clone(), deployed.model.clone())),
            Self::Waiting { .. } => None,
        }
    }
}

pub(crate) type Slots = HashMap<Arn, Slot>;

/// Readers take the whole table at once and hold no lock while they compute.
#[derive(Default)]
pub(crate) struct Table {
    slots: RwLock<Arc<Slots>>,
    /// Models that somebody holds, by the prefix of their files.
    models: Mutex<HashMap<String, Weak<LoadedModel>>>,
}

impl Table {
    pub(crate) fn slots(&self) -> Arc<Slots> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn replace(&self, slots: Slots) {
        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(slots);
    }

    /// The campaign or recommender, ready to answer. The error says what is wrong and which there are.
    pub(crate) fn deployed(&self, arn: &Arn) -> Result<Arc<Deployed>> {
        let slots = self.slots();
        let what = if arn.kind() == "recommender" { "Recommender" } else { "Campaign" };
        match slots.get(arn) {
            Some(Slot::Ready(deployed)) => Ok(deployed.clone()),
            Some(Slot::Waiting { status, reason }) => {
                let reason = reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
                Err(Error::new(ErrorKind::NotFound, format!("{what} {arn} is {status} and cannot answer.{reason}")))
            }
            None => Err(Error::new(ErrorKind::NotFound, format!("{what} {arn} does not exist; {}.", known(&slots, arn.kind())))),
        }
    }

    /// The model of a training, loaded at most once while somebody holds it.
    pub(crate) async fn model(&self, artifacts: &Artifacts, trained: &TrainedModel) -> Result<Arc<LoadedModel>> {
        let held = self.models.lock().unwrap_or_else(PoisonError::into_inner).get(&trained.artifacts).and_then(Weak::upgrade);
        if let Some(model) = held {
            return Ok(model);
        }
        let model = Arc::new(LoadedModel::load(artifacts, trained).await?);
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.retain(|_, model| model.strong_count() > 0);
        models.insert(trained.artifacts.clone(), Arc::downgrade(&model));
        Ok(model)
    }
}

fn known(slots: &Slots, kind: &str) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<&str> = slots.keys().filter(|arn| arn.kind() == kind).map(Arn::id).collect();
    names.sort_unstable();
    match names.len() {
        0 => format!("there are no {kind}s"),
        1 => format!("there is {}", names[0]),
        more if more > SHOWN => format!("there are {} and {} more", names[..SHOWN].join(", "), more - SHOWN),
        _ => format!("there are {}", names.join(", ")),
    }
}
