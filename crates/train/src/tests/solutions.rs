use domain::ErrorKind;
use serde_json::{Value, json};

use super::fixture::Shop;
use crate::CreateSolution;

fn with(shop: &Shop, member: &str, value: Value) -> CreateSolution {
    let mut request = serde_json::to_value(shop.request("likes", "aws-user-personalization")).unwrap();
    request[member] = value;
    serde_json::from_value(request).unwrap()
}

async fn refusal(shop: &Shop, member: &str, value: Value) -> String {
    let error = shop.training.create_solution(with(shop, member, value)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_solution_is_created_got_listed_and_holds_its_group() {
    let shop = Shop::empty().await;
    let config = json!({"algorithmHyperParameters": {"lambda": "50", "hidden_dimension": "149"}});
    let solution = shop.training.create_solution(with(&shop, "solutionConfig", config)).await.unwrap();
    assert_eq!(solution.solution_arn.as_str(), "arn:aws:personalize:us-east-1:123456789012:solution/likes");
    let got = shop.training.get_solution(&solution.solution_arn).await.unwrap();
    assert_eq!(got.value, solution);
    assert_eq!(serde_json::to_value(&solution).unwrap()["performHPO"], json!(false));
    assert_eq!(shop.training.list_solutions(Some(&shop.group)).await.unwrap().len(), 1);
    let again = shop.training.create_solution(shop.request("likes", "aws-popularity-count")).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
    let held = shop.datasets.delete_dataset_group(&shop.group).await.unwrap_err();
    assert_eq!(held.kind, ErrorKind::InUse);
    assert!(held.message.contains("solution \"likes\""), "{held}");
    shop.training.delete_solution(&solution.solution_arn).await.unwrap();
    shop.datasets.delete_dataset_group(&shop.group).await.unwrap();
}

#[tokio::test]
async fn wrong_requests_get_a_sentence_that_says_what_is_wrong() {
    let shop = Shop::empty().await;
    let parameters = |name: &str, value: &str| json!({"algorithmHyperParameters": {name: value}});
    let said = refusal(&shop, "solutionConfig", parameters("lambda", "-1")).await;
    assert!(said.contains("lambda must be a number from 0.1 to 1000000, found `-1`"), "{said}");
    let said = refusal(&shop, "solutionConfig", parameters("lambada", "1")).await;
    assert!(said.contains("lambada") && said.contains("lambda, p, xi"), "{said}");
    let said = refusal(&shop, "solutionConfig", parameters("bptt", "99")).await;
    assert!(said.contains("bptt must be a number from 2 to 32, found `99`"), "{said}");
    let said = refusal(&shop, "solutionConfig", json!({"eventValueThreshold": "3"})).await;
    assert!(said.contains("needs eventType"), "{said}");
    let said = refusal(&shop, "solutionConfig", json!({"optimizationObjective": {}})).await;
    assert!(said.contains("solutionConfig.optimizationObjective"), "{said}");
    let said = refusal(&shop, "performAutoML", json!(true)).await;
    assert!(said.contains("recipeArn"), "{said}");
    let said = refusal(&shop, "name", json!("-no")).await;
    assert!(said.contains("letter or digit first"), "{said}");
}

#[tokio::test]
async fn an_unknown_recipe_names_the_known_ones_and_an_unknown_group_is_not_found() {
    let shop = Shop::empty().await;
    let recipe = shop.training.create_solution(shop.request("likes", "aws-semantic-similarity")).await.unwrap_err();
    assert_eq!(recipe.kind, ErrorKind::NotFound);
    assert!(recipe.message.contains("aws-popularity-count, aws-user-personalization"), "{recipe}");
    let mut request = shop.request("likes", "aws-popularity-count");
    request.dataset_group_arn = domain::Arn::recipe("nothing");
    assert_eq!(shop.training.create_solution(request).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn every_recipe_is_backed_and_its_arn_is_aws_shaped() {
    for recipe in crate::recipes() {
        assert!(recipe.backing == "auto" || recipes::NAMES.contains(&recipe.backing), "{}", recipe.name);
        assert_eq!(recipe.recipe_arn.as_str(), format!("arn:aws:personalize:::recipe/{}", recipe.name));
        assert_eq!(crate::recipe(&recipe.recipe_arn).unwrap(), recipe);
    }
}
