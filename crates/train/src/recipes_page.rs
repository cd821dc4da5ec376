//! docs/reference/recipes.md, written from the tables that the checks read.

use std::fmt::Write as _;

use recipes::{Parameter, parameters_of};

use crate::auto::AUTO;
use crate::catalogue::{BUDGET, Does, GOAL, INTERVALS, RecipeInfo, USUAL_INTERVAL, recipes};
use crate::use_case::UseCase;

const HEAD: &str = "# Recipes\n\n\
Written by a test from the tables that the server checks requests with (`PENCHANT_WRITE_DOCS=1 cargo nextest run -p train the_recipes_page`).\n\n\
A solution names a recipe as `arn:aws:personalize:::recipe/<name>`. AWS's recipes are names here for models of ours, which take AWS's hyperparameters \
(those that steer networks which are not trained here are checked for their range and have no effect; DescribeSolutionVersion's report says so) \
and the model's own, in `solutionConfig.algorithmHyperParameters`. What is not given has its default, or what the search finds with `performHPO`.\n";

/// The whole page.
pub fn recipes_page() -> String {
    let (solutions, domains): (Vec<_>, Vec<_>) = recipes().into_iter().partition(|recipe| recipe.use_case.is_none());
    let mut page = HEAD.to_owned();
    page.push_str("\n## For solutions\n\n| recipe | type | model | what it recommends |\n|---|---|---|---|\n");
    for recipe in &solutions {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", recipe.name, recipe.recipe_type, model(recipe), recipe.description);
    }
    page.push_str("\n## For recommenders of domain dataset groups\n\n");
    page.push_str(
        "| recipe | domain | model | asked with | trains on | leaves out | what it recommends |\n|---|---|---|---|---|---|---|\n",
    );
    for recipe in &domains {
        page.extend(recipe.use_case.map(|rules| domain_row(recipe, rules)));
    }
    page.push_str("\n## AWS's hyperparameters\n\n| recipe | hyperparameter | range | effect here |\n|---|---|---|---|\n");
    for recipe in &solutions {
        for theirs in recipe.takes() {
            let (range, effect) = does(&theirs.does);
            let _ = writeln!(page, "| `{}` | `{}` | {range} | {effect} |", recipe.name, theirs.name);
        }
    }
    page.push_str("\n## The models' own hyperparameters\n");
    for name in recipes::NAMES {
        page.push_str(&parameters(name, parameters_of(name).unwrap_or_default()));
    }
    let _ = write!(
        page,
        "\n### {AUTO}\n\n| hyperparameter | range | default | what it does |\n|---|---|---|---|\n\
         | `{GOAL}` | next_action, coming_period | next_action | What is judged: what users do next, or what they do in the time to come. |\n\
         | `{BUDGET}` | 1 to 86400 | none | After so many seconds nothing more is tried. |\n"
    );
    page
}

fn model(recipe: &RecipeInfo) -> String {
    format!("[{0}](#{0})", recipe.backing)
}

fn domain_row(recipe: &RecipeInfo, rules: UseCase) -> String {
    let mut asked = vec![];
    asked.extend(recipe.is_related().then_some("item"));
    asked.extend(rules.needs_user.then_some("user"));
    let trains_on = rules.trains_on.map_or("all events".to_owned(), |kind| format!("`{kind}`"));
    let leaves_out = rules.leaves_out.map_or("nothing".to_owned(), |kind| format!("items with a `{kind}` of the user"));
    let needs = if rules.needs_items { ", needs an Items dataset" } else { "" };
    format!(
        "| `{}` | {} | {} | {} | {trains_on}{needs} | {leaves_out} | {} |\n",
        recipe.name,
        rules.domain.as_str(),
        model(recipe),
        if asked.is_empty() { "nothing".to_owned() } else { asked.join(" and ") },
        recipe.description
    )
}

/// The range, and what becomes of a value.
fn does(does: &Does) -> (String, String) {
    match does {
        Does::Nothing(min, max) if min.is_finite() => (range(*min, *max), "none".into()),
        Does::Nothing(..) => ("any text".into(), "none".into()),
        Does::Sets(ours, min, max) => (range(*min, *max), format!("sets `{ours}`")),
        Does::Recency => ("true or false".into(), "`false` trains the model that ignores order: `alpha` 1, `tau_inf` inf".into()),
        Does::Interval => {
            let words: Vec<&str> = INTERVALS.iter().map(|(words, _)| *words).collect();
            (words.join(", "), format!("sets `hours` and `baseline`; without it {USUAL_INTERVAL}"))
        }
    }
}

fn range(min: f64, max: f64) -> String {
    if max.is_finite() { format!("{min} to {max}") } else { format!("{min} and more") }
}

fn parameters(name: &str, table: &[Parameter]) -> String {
    let mut text = format!("\n### {name}\n\n");
    if table.is_empty() {
        text.push_str("None.\n");
        return text;
    }
    text.push_str("| hyperparameter | range | default | what it does |\n|---|---|---|---|\n");
    for parameter in table {
        let whole = if parameter.integer { ", whole" } else { "" };
        let range = range(parameter.min, parameter.max);
        let _ = writeln!(text, "| `{}` | {range}{whole} | {} | {} |", parameter.name, parameter.default, parameter.about);
    }
    text
}
