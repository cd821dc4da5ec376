//! Recommenders of a file: the steps of the plan, and how a run carries them out. They train beside each other; one that answers already
//! is trained anew first, and answers by the new version if the quality gate lets it.

use domain::{Arn, Error, Name, Result};
use runs::RunId;
use serve::{RecommenderView, UpdateRecommender};

use crate::executor::{Outcome, wait};
use crate::gate::Gate;
use crate::plan::{Action, Stage, Step};
use crate::steps::{Steps, lost};
use crate::wanted::Recommender;
use crate::world::World;

/// What the file says of it, as text.
pub(crate) fn asked(wanted: &Recommender) -> String {
    let config = wanted.config.as_ref().and_then(|config| serde_json::to_string(config).ok()).unwrap_or_default();
    format!("{} {config}", wanted.recipe_arn)
}

/// `fingerprint`: of all that its training depends on.
pub(crate) fn step(wanted: &Recommender, world: &World, fingerprint: String) -> Step {
    let step = |action, because: String| Step::new(Stage::Recommender, &wanted.name, action, because);
    let Some(view) = world.recommenders.iter().find(|view| view.recommender.name.as_str() == wanted.name) else {
        return step(Action::Create, String::new()).on(fingerprint);
    };
    let found = &view.recommender;
    if found.dataset_group_arn != world.group_arn {
        let group = found.dataset_group_arn.id();
        return step(Action::Refuse, format!("a recommender of this name belongs to dataset group {group}: give it another name."));
    }
    if found.recipe_arn != wanted.recipe_arn {
        let (found, wanted) = (found.recipe_arn.id(), wanted.recipe_arn.id());
        return step(Action::Refuse, format!("it exists with recipe {found}, which cannot become {wanted}: give it another name."));
    }
    let seen = world.seen.as_ref().and_then(|seen| seen.recommenders.get(&wanted.name));
    let because = if view.status() == "CREATE FAILED" {
        "its creation failed."
    } else if wanted.config.as_ref().is_some_and(|config| *config != found.recommender_config) {
        "recommenderConfig changes."
    } else if seen != Some(&fingerprint) {
        "data, events or file are not those of the last successful run."
    } else {
        return step(Action::Keep, String::new()).on(fingerprint);
    };
    step(Action::Update, because.into()).on(fingerprint)
}

/// What a step began, and what is to be waited for.
enum Begun {
    Created(RunId),
    /// A version beside the one that answers.
    Trained(Arn, RunId),
}

impl Steps<'_> {
    pub(crate) async fn recommenders(&self, outcome: &mut Outcome) -> Result<()> {
        let mut begun = Vec::new();
        for step in self.of(Stage::Recommender, outcome) {
            let wanted = self.wanted().recommenders.iter().find(|wanted| wanted.name == step.name).ok_or_else(lost)?;
            if matches!(step.action, Action::Create | Action::Update) {
                begun.push((wanted, self.begin(wanted, step.action).await?));
            }
        }
        let mut failure = None;
        for (wanted, begun) in begun {
            if let Err(error) = self.finish(wanted, begun, outcome).await {
                failure = failure.or(Some(error));
            }
        }
        failure.map_or(Ok(()), Err)?;
        for wanted in self.wanted().recommenders.iter().filter(|_| self.begun.plan.of(Stage::Recommender).next().is_some()) {
            let arn = self.recommender_arn(wanted);
            let answers = self.stages.serving.get_recommender(&arn).await?.recommender.value.solution_version_arn;
            self.context.info(format!("Recommender {} answers by {}.", wanted.name, answers.id()));
            outcome.recommenders.push((arn, answers));
        }
        Ok(())
    }

    fn recommender_arn(&self, wanted: &Recommender) -> Arn {
        self.stages.datasets.partition().personalize("recommender", &wanted.name)
    }

    async fn begin(&self, wanted: &Recommender, action: Action) -> Result<Begun> {
        let (serving, arn) = (&self.stages.serving, self.recommender_arn(wanted));
        let begun = match (self.settled_recommender(&arn, action).await?, action) {
            (None, _) => Begun::Created(serving.create_recommender(wanted.request(&self.group)).await?.run),
            // This run made it before it was interrupted.
            (Some(view), Action::Create) => Begun::Created(view.run.id),
            (Some(view), _) => {
                let name = Name::new(self.context.id().to_string())?;
                let versions = self.stages.training.list_solution_versions(Some(&arn)).await?;
                let ours = versions.into_iter().find(|found| found.version.name.as_ref() == Some(&name));
                let version = match ours {
                    Some(found) => found.version.value,
                    None => {
                        let config = wanted.config.as_ref().unwrap_or(&view.recommender.recommender_config);
                        serving.train_recommender(&arn, config, Some(name)).await?
                    }
                };
                Begun::Trained(version.solution_version_arn, version.run)
            }
        };
        // At once: who stops this run stops all that it asked for.
        let (Begun::Created(run) | Begun::Trained(_, run)) = &begun;
        self.context.adopt(run).await?;
        Ok(begun)
    }

    async fn finish(&self, wanted: &Recommender, begun: Begun, outcome: &mut Outcome) -> Result<()> {
        let (version, run) = match begun {
            Begun::Created(run) => return wait(self.context, &run).await.map(|_| ()),
            Begun::Trained(version, run) => (version, run),
        };
        wait(self.context, &run).await?;
        let arn = self.recommender_arn(wanted);
        let view = self.settled_recommender(&arn, Action::Update).await?.ok_or_else(|| Error::not_found(format!("recommender {arn}")))?;
        let answers = view.recommender.solution_version_arn.clone();
        let live = matches!(view.status(), "ACTIVE" | "INACTIVE").then_some(&answers);
        let name = format!("recommender {}", wanted.name);
        let trained = self.judged(name.clone(), version.clone()).await?;
        let decision = self.decision(&name, &trained, live).await?;
        let version = if decision.outcome == Gate::Kept { answers.clone() } else { version };
        outcome.decisions.push(decision);
        let config = wanted.config.clone().unwrap_or_else(|| view.recommender.recommender_config.clone());
        if live == Some(&version) && config == view.recommender.recommender_config {
            return Ok(());
        }
        let request = UpdateRecommender { recommender_arn: arn, recommender_config: config, version: Some(version) };
        let updated = self.stages.serving.update_recommender(request).await?;
        wait(self.context, &updated.latest_recommender_update.map_or(updated.run, |update| update.run)).await.map(|_| ())
    }

    /// The recommender, if it is there, as it is once no update of it is under way any more, whoever asked for that; its creation is
    /// waited for only where this run does not go on with it.
    async fn settled_recommender(&self, arn: &Arn, action: Action) -> Result<Option<RecommenderView>> {
        loop {
            let found =
                self.stages.serving.list_recommenders(None).await?.into_iter().find(|view| &view.recommender.recommender_arn == arn);
            let runs = found.iter().flat_map(|view| [Some(&view.run).filter(|_| action != Action::Create), view.update.as_ref()]).flatten();
            let Some(under_way) = runs.into_iter().find(|run| !run.state.is_final()).map(|run| run.id.clone()) else {
                return Ok(found);
            };
            self.context.info(format!("Waits for run {under_way}, which trains recommender {}.", arn.id()));
            self.context.wait_child(&under_way).await?;
        }
    }
}
