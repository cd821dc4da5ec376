#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundle;
mod fixture;
mod page;
mod quality;
mod renewal;
mod report;
mod rivals;
mod searching;
mod solutions;
mod versions;

#[test]
fn a_request_describes_a_solution_only_when_nothing_differs() {
    let request = |changed: serde_json::Value| -> crate::CreateSolution {
        let mut members = serde_json::json!({
            "name": "personal",
            "datasetGroupArn": "arn:aws:personalize:us-east-1:123456789012:dataset-group/shop",
            "recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization",
        });
        members.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        serde_json::from_value(members).unwrap()
    };
    let same = serde_json::json!({});
    let arn = domain::arn::Partition::default().personalize("solution", "personal");
    let solution = request(same.clone()).into_solution(arn).unwrap();
    assert!(request(same).describes(&solution));
    for changed in [
        serde_json::json!({"recipeArn": "arn:aws:personalize:::recipe/aws-popularity-count"}),
        serde_json::json!({"performHPO": true}),
        serde_json::json!({"eventType": "Purchase"}),
        serde_json::json!({"solutionConfig": {"algorithmHyperParameters": {"lambda": "200"}}}),
    ] {
        assert!(!request(changed.clone()).describes(&solution), "{changed}");
    }
}

/// With `PENCHANT_WRITE_DOCS=1` writes the page instead.
#[test]
fn the_recipes_page_is_what_the_tables_say() {
    let path = format!("{}/../../docs/reference/recipes.md", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let page = crate::recipes_page();
    if std::env::var_os("PENCHANT_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/reference/recipes.md is old: run this test with PENCHANT_WRITE_DOCS=1");
}
