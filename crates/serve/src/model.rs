//! A model in memory with everything a request needs. Immutable; shared by the campaigns that use the same version.

use bytes::Bytes;
use domain::{Error, Result};
use events::LiveEvent;
use recipes::{HistoryEvent, Model};
use store::Artifacts;
use train::{Bundle, MANIFEST_FILE, MODEL_FILE, Manifest, RecipeInfo, SERVING_FILE, TrainedModel};

/// A user's events: those of the training data, then those since.
pub(crate) type History = Vec<HistoryEvent>;

pub(crate) struct LoadedModel {
    pub manifest: Manifest,
    pub recipe: RecipeInfo,
    pub model: Box<dyn Model>,
    pub bundle: Bundle,
    /// Bytes of the files it was loaded from, about what it holds in memory.
    pub bytes: usize,
}

impl LoadedModel {
    /// Reads and checks the files of a training. Parsing is done off the async threads.
    pub(crate) async fn load(artifacts: &Artifacts, trained: &TrainedModel) -> Result<Self> {
        let read = async |name: &str| artifacts.read(&format!("{}/{name}", trained.artifacts)).await;
        let (manifest, model, serving) = (read(MANIFEST_FILE).await?, read(MODEL_FILE).await?, read(SERVING_FILE).await?);
        let recipe = train::recipe(&trained.recipe_arn)?;
        tokio::task::spawn_blocking(move || Self::parse(recipe, &manifest, &model, &serving))
            .await
            .map_err(|e| Error::internal("The loading of a model broke off.").source(e))?
    }

    fn parse(recipe: RecipeInfo, manifest: &Bytes, model: &Bytes, serving: &Bytes) -> Result<Self> {
        let loaded = Self {
            manifest: Manifest::load(manifest)?,
            recipe,
            model: recipes::load(model).map_err(|e| Error::internal(e.to_string()))?,
            bundle: Bundle::load(serving)?,
            bytes: model.len() + serving.len(),
        };
        let (known, scored) = (loaded.bundle.items.len(), loaded.model.n_items());
        if known != scored {
            return Err(Error::internal(format!("A model scores {scored} items but its file of ids has {known}: train again.")));
        }
        Ok(loaded)
    }

    /// A history of one item, for models that are asked with it; empty for an item that the model does not know.
    pub(crate) fn only(&self, item_id: &str, now: i64) -> History {
        let event = |item| HistoryEvent { item, timestamp: now, weight: 1.0 };
        self.bundle.items.position(item_id).map(event).into_iter().collect()
    }

    /// The user's history in time order; empty for a user nothing is known of. A live event counts when its item is known to
    /// the model, its type was trained on, and it is not in the training data already.
    pub(crate) fn history(&self, user_id: &str, live: &[LiveEvent]) -> History {
        let trained = self.bundle.users.position(user_id);
        let mut history: History = trained.into_iter().flat_map(|user| self.bundle.histories.of_user(user)).collect();
        let before = history.len();
        let since = live.iter().filter(|event| event.sequence > self.manifest.snapshot.events_through);
        history.extend(since.filter_map(|event| {
            let weight = self.manifest.events.weight(&event.event_type, f32::NAN)?;
            let item = self.bundle.items.position(&event.item_id)?;
            Some(HistoryEvent { item, timestamp: event.timestamp, weight })
        }));
        if history.len() > before {
            history.sort_by_key(|event| event.timestamp);
        }
        history
    }
}
