//! Recipes: built in, so without a store and older than this installation.

use std::sync::Arc;

use domain::{Result, Timestamp};
use serde_json::{Map, Value, json};
use train::RecipeInfo;

use super::view::{members, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, time};

/// 2024-01-01: built-in things need a time, and it should not move.
const BUILT_IN: Timestamp = Timestamp(1_704_067_200_000);

pub(crate) async fn describe(_: Arc<App>, input: Input) -> Result<Answer> {
    Ok(Answer::Json(json!({"recipe": view(&train::recipe(&input.arn("recipeArn")?)?)?})))
}

pub(crate) async fn list(_: Arc<App>, input: Input) -> Result<Answer> {
    input.one_of("recipeProvider", &["SERVICE"])?;
    input.one_of("domain", &["ECOMMERCE", "VIDEO_ON_DEMAND"])?;
    let domain = input.optional_text("domain")?;
    let mut items = Vec::new();
    for recipe in train::recipes() {
        let of = recipe.use_case.map(|use_case| use_case.domain.as_str());
        if domain.is_some() && of != domain {
            continue;
        }
        let mut shown = view(&recipe)?;
        shown.extend(of.map(|of| ("domain".to_owned(), of.into())));
        items.push((recipe.name.to_owned(), summary(shown, &["name", "recipeArn", "domain"])));
    }
    paging::personalize(&input, "recipes", items)
}

fn view(recipe: &RecipeInfo) -> Result<Map<String, Value>> {
    let mut members = members(recipe)?;
    members.insert("creationDateTime".into(), time(BUILT_IN));
    members.insert("lastUpdatedDateTime".into(), time(BUILT_IN));
    Ok(members)
}
