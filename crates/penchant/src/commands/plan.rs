//! What would happen, before it does.

use std::path::Path;

use domain::{Error, Result};
use pipeline::{FileVersion, Plan, Scope};
use serde::Serialize;

use crate::apply::{self, Action, Change};
use crate::commands::{open, print_json};
use crate::home::Home;
use crate::project::Project;
use crate::words::say;

#[derive(Serialize)]
struct Answer {
    project: Vec<Change>,
    pipelines: Vec<Planned>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    pipeline: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    /// Why the parameters cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Shows the plans; parameters that cannot be used are an error once everything is shown.
pub async fn plan(folder: &Path, names: &[String], json: bool) -> Result<()> {
    let home = open(folder).await?;
    let wanted = Project::read_existing(folder)?;
    let pipelines = wanted.pipelines.clone();
    if let Some(unknown) = names.iter().find(|name| !pipelines.iter().any(|pipeline| &&pipeline.name == name)) {
        let known: Vec<&str> = pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        return Err(Error::not_found(format!("pipeline {unknown:?} (there is: {})", known.join(", "))));
    }
    let project = apply::apply(&home, wanted, true).await?;
    let mut planned = Vec::new();
    for pipeline in pipelines.iter().filter(|pipeline| names.is_empty() || names.contains(&pipeline.name)) {
        planned.push(one(&home, pipeline).await);
    }
    let unusable = planned.iter().filter(|planned| planned.error.is_some()).map(|planned| planned.pipeline.clone()).collect::<Vec<_>>();
    if json {
        print_json(&Answer { project, pipelines: planned })?;
    } else {
        show(&project, &planned);
    }
    match unusable.is_empty() {
        true => Ok(()),
        false => Err(Error::invalid_input(format!("The parameters of {} cannot be used; see above.", unusable.join(", ")))),
    }
}

async fn one(home: &Home, pipeline: &pipeline::Pipeline) -> Planned {
    let name = pipeline.name.clone();
    match home.planner().plan(pipeline, &Scope::All).await {
        Ok((file, plan)) => Planned { pipeline: name, file: Some(file), plan: Some(plan), error: None },
        Err(error) => Planned { pipeline: name, file: None, plan: None, error: Some(error.to_string()) },
    }
}

fn show(project: &[Change], planned: &[Planned]) {
    for change in project.iter().filter(|change| change.action != Action::Keep) {
        say!("{change}");
    }
    let kept = project.iter().filter(|change| change.action == Action::Keep).count();
    say!("penchant.yaml: {} to change, {kept} as they are.", project.len() - kept);
    for Planned { pipeline, file, plan, error } in planned {
        let location = file.as_ref().map_or("", |file| file.location.as_str());
        say!("\nPipeline {pipeline} {location}");
        if let Some(error) = error {
            say!("! {error}");
        }
        for step in plan.iter().flat_map(|plan| &plan.steps) {
            say!("{step}");
        }
        if plan.as_ref().is_some_and(|plan| !plan.changes()) {
            say!("Nothing to do.");
        }
    }
}
