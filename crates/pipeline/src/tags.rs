//! Tags of what a file names: those that differ are a step of the plan. A tag that the file does not have is left alone, as all is
//! that nobody asked to delete.

use std::collections::BTreeMap;

use dataset::{DatasetType, Datasets};
use domain::{Arn, Result};

use crate::plan::{Action, Stage, Step};
use crate::wanted::{Tagged, Tags, Wanted};

/// How a step is named that is about the tags of something.
fn name(stage: Stage, of: &str) -> String {
    format!("of {stage} {of}")
}

/// The tags that things of the file have, as far as they are there and the file has tags for them.
pub(crate) async fn found(datasets: &Datasets, wanted: &Wanted) -> Result<Tagged> {
    let mut found = BTreeMap::new();
    for (stage, name) in wanted.tags.keys() {
        if let Some(arn) = arn(datasets, wanted, *stage, name).await? {
            found.insert((*stage, name.clone()), datasets.tags(&arn).await?);
        }
    }
    Ok(found)
}

/// What lasts and has other tags than wanted. Imports, versions and batch jobs have theirs from the beginning.
pub(crate) fn steps(wanted: &Tagged, found: &Tagged) -> Vec<Step> {
    let none = Tags::new();
    let differing = wanted.iter().filter(|((stage, _), _)| lasts(*stage)).filter_map(|(key, tags)| {
        let has = found.get(key).unwrap_or(&none);
        let differ: Vec<String> =
            tags.iter().filter(|(tag, value)| has.get(*tag) != Some(value)).map(|(tag, value)| format!("{tag}={value}")).collect();
        let action = if has.is_empty() { Action::Create } else { Action::Update };
        (!differ.is_empty()).then(|| Step::new(Stage::Tags, name(key.0, &key.1), action, differ.join(", ")))
    });
    differing.collect()
}

/// Carries out one of [`steps`].
pub(crate) async fn carry_out(datasets: &Datasets, wanted: &Wanted, step: &Step) -> Result<()> {
    for ((stage, of), tags) in wanted.tags.iter().filter(|((stage, of), _)| step.name == name(*stage, of)) {
        if let Some(arn) = arn(datasets, wanted, *stage, of).await? {
            datasets.change_tags(&arn, tags.clone(), &[]).await?;
        }
    }
    Ok(())
}

/// Those of something that a run has just made.
pub(crate) async fn give(datasets: &Datasets, wanted: &Wanted, stage: Stage, name: &str, arn: &Arn) -> Result<()> {
    let tags = wanted.tags.get(&(stage, name.to_owned())).cloned().unwrap_or_default();
    datasets.set_tags(arn, tags).await
}

fn lasts(stage: Stage) -> bool {
    !matches!(stage, Stage::Import | Stage::SolutionVersion | Stage::BatchInferenceJob)
}

async fn arn(datasets: &Datasets, wanted: &Wanted, stage: Stage, name: &str) -> Result<Option<Arn>> {
    let partition = datasets.partition();
    let group = partition.personalize("dataset-group", &wanted.group.name);
    Ok(match stage {
        Stage::DatasetGroup => Some(group),
        Stage::Dataset => datasets.find_dataset(&group, DatasetType::parse(name)?).await?.map(|found| found.value.dataset_arn),
        // A group has one, whatever its name is.
        Stage::EventTracker => events::trackers_of(datasets, &group).await?.into_iter().next().map(|found| found.value.event_tracker_arn),
        Stage::Solution => Some(partition.personalize("solution", name)),
        Stage::Campaign => Some(partition.personalize("campaign", name)),
        Stage::Recommender => Some(partition.personalize("recommender", name)),
        Stage::Filter => Some(partition.personalize("filter", name)),
        _ => None,
    })
}
