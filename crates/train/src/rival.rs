//! A version that serves, judged on the hold-out of a new one.
//!
//! Its model was fitted on everything there was then, so it may know what is hidden now. It is therefore asked only for what
//! held-out customers did after its newest event; where too few did anything since, its parameters are fitted again on the
//! new training part, which knows nothing of the hidden events.

use dataset::IdMap;
use domain::{Arn, Error, Result};
use evaluate::{Evaluation, Shares, TestCase, compare};
use recipes::{HistoryEvent, Interactions, Model, Reason, RecipeError};

use crate::bundle::{Bundle, MANIFEST_FILE, MODEL_FILE, SERVING_FILE};
use crate::catalogue;
use crate::judging::{evaluate, named};
use crate::manifest::Manifest;
use crate::report::{RivalJudgement, RivalWay};
use crate::selection::recipe_error;
use crate::setting::{Chosen, How};
use crate::stages::Stages;
use crate::training::Training;

/// Fewer customers than this say nothing about what happened since.
const LEAST_CASES: usize = 30;

pub(crate) struct Rival {
    arn: Arn,
    manifest: Manifest,
    model: Box<dyn Model>,
    bundle: Bundle,
}

/// The new version's fits on the training part.
pub(crate) struct Ours<'a> {
    pub fitted: &'a dyn Model,
    pub baseline: &'a dyn Model,
    pub how: How,
    pub seed: u64,
}

/// What both are judged on.
pub(crate) struct HoldOut<'a> {
    pub train: &'a Interactions,
    pub cases: &'a [TestCase],
    /// Everything, the hidden events too.
    pub all: &'a Interactions,
    pub items: &'a IdMap,
}

impl Rival {
    /// Fails when the version is not ACTIVE or its files cannot be read.
    pub(crate) async fn load(training: &Training, arn: &Arn) -> Result<Self> {
        let folder = training.model(arn).await?.value.artifacts;
        let read = async |name: &str| training.artifacts().read(&format!("{folder}/{name}")).await;
        let (manifest, model, bundle) = (read(MANIFEST_FILE).await?, read(MODEL_FILE).await?, read(SERVING_FILE).await?);
        Ok(Self {
            arn: arn.clone(),
            manifest: Manifest::load(&manifest)?,
            model: recipes::load(&model).map_err(|e| Error::internal(e.to_string()))?,
            bundle: Bundle::load(&bundle)?,
        })
    }

    pub(crate) fn arn(&self) -> &Arn {
        &self.arn
    }

    pub(crate) fn judge(&self, ours: &Ours<'_>, on: &HoldOut<'_>, stages: &Stages<'_>) -> Result<RivalJudgement> {
        let how = self.how()?;
        let since = self.cases_since(on);
        if since.len() >= LEAST_CASES {
            stages.skip(1);
            let served = Translated { model: self.model.as_ref(), theirs: self.items_of(on.items) };
            let rival = evaluate(&served, &since, how)?;
            return self.compared(ours, on, &since, RivalWay::AsItServes, rival);
        }
        let fitted = Chosen::of(&self.manifest)?.fit(on.train, stages)?;
        let rival = evaluate(fitted.as_ref(), on.cases, how)?;
        self.compared(ours, on, on.cases, RivalWay::FittedAgain, rival)
    }

    /// As it was judged when it was trained.
    fn how(&self) -> Result<How> {
        let recipe = catalogue::recipe(&Arn::recipe(&self.manifest.recipe))?;
        Ok(How { exclude_seen: self.manifest.report.exclude_seen, related: recipe.is_related() })
    }

    fn compared(&self, ours: &Ours<'_>, on: &HoldOut<'_>, cases: &[TestCase], way: RivalWay, rival: Evaluation) -> Result<RivalJudgement> {
        let new = evaluate(ours.fitted, cases, ours.how)?;
        let baseline = evaluate(ours.baseline, cases, ours.how)?;
        let shares = Shares::of(on.train);
        let [new, rival, baseline] = [new, rival, baseline].map(|evaluation| evaluation.with_popularity(&shares));
        let difference = compare(&new, &rival, evaluate::NDCG_AT_10, ours.seed).map_err(recipe_error)?.into();
        Ok(RivalJudgement {
            rival_arn: self.arn.clone(),
            way,
            users: new.n_users(),
            metrics: named(&new),
            rival: named(&rival),
            baseline: named(&baseline),
            difference,
        })
    }

    /// The held-out customers with what they did after this model's newest event.
    fn cases_since(&self, on: &HoldOut<'_>) -> Vec<TestCase> {
        let newest = self.bundle.histories.newest();
        let since = on.cases.iter().filter_map(|case| {
            let events: Vec<HistoryEvent> = on.all.history(case.user).collect();
            let known = events.iter().filter(|event| event.timestamp <= newest).count().max(case.history.len());
            let (history, hidden) = events.split_at_checked(known)?;
            let first = hidden.first()?;
            let truth = hidden.iter().map(|event| event.item).collect();
            Some(TestCase { user: case.user, history: history.to_vec(), truth, now: first.timestamp })
        });
        since.collect()
    }

    /// This model's index of every item of the new data.
    fn items_of(&self, items: &IdMap) -> Vec<Option<u32>> {
        items.ids().iter().map(|id| self.bundle.items.position(id)).collect()
    }
}

/// What the log says of a version that could not be judged.
pub(crate) fn left_out(arn: &Arn, error: &Error) -> String {
    format!("{arn} cannot be judged beside the new version: {error}")
}

/// A model that is asked in the items of other data: what it does not know it cannot recommend.
struct Translated<'a> {
    model: &'a dyn Model,
    theirs: Vec<Option<u32>>,
}

impl Model for Translated<'_> {
    fn recipe(&self) -> &'static str {
        self.model.recipe()
    }

    fn n_items(&self) -> usize {
        self.theirs.len()
    }

    fn score(&self, history: &[HistoryEvent], now: i64, scores: &mut [f32]) {
        let theirs = |item: u32| self.theirs.get(item as usize).copied().flatten();
        let history: Vec<HistoryEvent> =
            history.iter().filter_map(|event| Some(HistoryEvent { item: theirs(event.item)?, ..*event })).collect();
        let mut their_scores = vec![0.0; self.model.n_items()];
        self.model.score(&history, now, &mut their_scores);
        for (score, item) in scores.iter_mut().zip(&self.theirs) {
            *score = item.and_then(|item| their_scores.get(item as usize).copied()).unwrap_or(f32::NAN);
        }
    }

    fn explain(&self, _: &[HistoryEvent], _: u32) -> Option<Reason> {
        None
    }

    fn save(&self) -> Result<Vec<u8>, RecipeError> {
        self.model.save()
    }
}
