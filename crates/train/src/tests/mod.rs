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
