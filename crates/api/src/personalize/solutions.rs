//! Solutions.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;
use train::Solution;

use super::view::{Standing, described, summary};
use super::{solution_versions, view};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("datasetGroupArn")?;
    input.optional_arn("recipeArn")?;
    let solution = app.training.create_solution(input.into_type()?).await?;
    Ok(Answer::Json(json!({"solutionArn": solution.solution_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = input.arn("solutionArn")?;
    let mut solution = view(&app.training.get_solution(&arn).await?)?;
    if let Some(latest) = app.training.latest_version(&arn).await? {
        let latest = summary(solution_versions::view(&latest)?, solution_versions::SUMMARY);
        solution.insert("latestSolutionVersion".into(), latest);
    }
    if let Some(best) = app.training.best_recipe(&arn).await? {
        solution.insert("autoMLResult".into(), json!({"bestRecipeArn": best}));
    }
    Ok(Answer::Json(json!({"solution": solution})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = input.optional_arn("datasetGroupArn")?;
    let mut items = Vec::new();
    for solution in app.training.list_solutions(group.as_ref()).await? {
        items.push((solution.solution_arn.to_string(), summary(view(&solution)?, &["name", "solutionArn", "recipeArn"])));
    }
    paging::personalize(&input, "solutions", items)
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("solutionArn")?;
    let solution = app.training.update_solution(input.into_type()?).await?;
    Ok(Answer::Json(json!({"solutionArn": solution.solution_arn})))
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.training.delete_solution(&input.arn("solutionArn")?).await?;
    Ok(Answer::Empty)
}

fn view(solution: &Stored<Solution>) -> Result<Map<String, Value>> {
    described(solution, &Standing { status: view::ACTIVE, failure: None, updated: solution.updated })
}
