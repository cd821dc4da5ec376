use serde_json::{Value, json};

use super::client::{Ask, Client};

const SCHEMA: &str = r#"{"type":"record","name":"Interactions","namespace":"com.amazonaws.personalize.schema","fields":[
    {"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"}],"version":"1.0"}"#;

async fn group(client: &Client, name: &str) -> String {
    let created = client.personalize("CreateDatasetGroup", json!({"name": name})).await.ok();
    created["datasetGroupArn"].as_str().unwrap().to_owned()
}

async fn dataset(client: &Client, group: &str) -> String {
    let schema = client.personalize("CreateSchema", json!({"name": "events", "schema": SCHEMA})).await.ok();
    let ask = json!({"name": "events", "schemaArn": schema["schemaArn"], "datasetGroupArn": group, "datasetType": "Interactions"});
    client.personalize("CreateDataset", ask).await.ok()["datasetArn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_created_is_described_listed_and_deleted_in_order() {
    let client = Client::new().await;
    let group = group(&client, "shop").await;
    assert_eq!(group, "arn:aws:personalize:us-east-1:123456789012:dataset-group/shop");
    let dataset = dataset(&client, &group).await;
    assert_eq!(dataset, "arn:aws:personalize:us-east-1:123456789012:dataset/shop/INTERACTIONS");

    let described = client.personalize("DescribeDatasetGroup", json!({"datasetGroupArn": group})).await.ok();
    let described = &described["datasetGroup"];
    assert_eq!((&described["status"], &described["name"]), (&json!("ACTIVE"), &json!("shop")));
    let created = described["creationDateTime"].as_f64().unwrap();
    let now = client.installation.store.clock().now().epoch();
    assert!((now - created).abs() < 60.0, "seconds, not milliseconds: {created}");
    assert!(described["lastUpdatedDateTime"].is_number() && described.get("failureReason").is_none());
    let listed = client.personalize("ListDatasets", json!({"datasetGroupArn": group})).await.ok();
    assert_eq!(listed["datasets"][0]["datasetType"], "INTERACTIONS");
    let schemas = client.personalize("ListSchemas", json!({})).await.ok();
    assert!(schemas["schemas"][0].get("schema").is_none(), "lists are short: {schemas}");

    let (name, message) = client.personalize("CreateDatasetGroup", json!({"name": "shop"})).await.failed();
    assert!(name == "ResourceAlreadyExistsException" && message.contains("shop"), "{message}");
    let (name, message) = client.personalize("DeleteDatasetGroup", json!({"datasetGroupArn": group})).await.failed();
    assert!(name == "ResourceInUseException" && message.contains("events"), "{message}");
    assert_eq!(client.personalize("DeleteDataset", json!({"datasetArn": dataset})).await.ok(), json!({}));
    client.personalize("DeleteDatasetGroup", json!({"datasetGroupArn": group})).await.ok();
    let reply = client.personalize("DescribeDatasetGroup", json!({"datasetGroupArn": group})).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (400, "application/x-amz-json-1.1"));
    assert_eq!(reply.failed().0, "ResourceNotFoundException");
}

#[tokio::test]
async fn tags_are_kept_changed_and_gone_with_what_had_them() {
    let client = Client::new().await;
    let tag = |key: &str, value: &str| json!({"tagKey": key, "tagValue": value});
    let twice = json!({"name": "shop", "tags": [tag("team", "a"), tag("team", "b")]});
    let (name, message) = client.personalize("CreateDatasetGroup", twice).await.failed();
    assert!(name == "InvalidInputException" && message.contains("\"team\" twice"), "{message}");
    let created = client.personalize("CreateDatasetGroup", json!({"name": "shop", "tags": [tag("team", "data")]})).await.ok();
    let arn = created["datasetGroupArn"].clone();
    let tags = async || client.personalize("ListTagsForResource", json!({"resourceArn": arn})).await.ok()["tags"].clone();
    assert_eq!(tags().await, json!([tag("team", "data")]));
    client.personalize("TagResource", json!({"resourceArn": arn, "tags": [tag("cost", "7")]})).await.ok();
    client.personalize("UntagResource", json!({"resourceArn": arn, "tagKeys": ["team"]})).await.ok();
    assert_eq!(tags().await, json!([tag("cost", "7")]));
    let many: Vec<Value> = (0..50).map(|n| tag(&format!("k{n}"), "")).collect();
    let (_, message) = client.personalize("TagResource", json!({"resourceArn": arn, "tags": many})).await.failed();
    assert!(message.contains("at most 50 tags; found 51"), "{message}");
    client.personalize("DeleteDatasetGroup", json!({"datasetGroupArn": arn})).await.ok();
    let gone = client.personalize("ListTagsForResource", json!({"resourceArn": arn})).await.failed();
    assert_eq!(gone.0, "ResourceNotFoundException");
    client.personalize("CreateDatasetGroup", json!({"name": "shop"})).await.ok();
    assert_eq!(tags().await, json!([]), "one of the same name begins without");
}

#[tokio::test]
async fn imports_show_where_their_run_stands() {
    let client = Client::new().await;
    let group = group(&client, "shop").await;
    let dataset = dataset(&client, &group).await;
    let ask = json!({"jobName": "first", "datasetArn": dataset, "dataSource": {"dataLocation": "s3://shop-data/x"}, "roleArn": "arn:aws:iam::123456789012:role/r"});
    let job = client.personalize("CreateDatasetImportJob", ask).await.ok()["datasetImportJobArn"].clone();
    let described = client.personalize("DescribeDatasetImportJob", json!({"datasetImportJobArn": job})).await.ok();
    let described = &described["datasetImportJob"];
    assert_eq!(described["status"], "CREATE PENDING");
    assert_eq!(described["dataSource"]["dataLocation"], "s3://shop-data/x");
    assert!(described.get("run").is_none(), "runs are ours: {described}");
    let listed = client.personalize("ListDatasetImportJobs", json!({"datasetArn": dataset})).await.ok();
    assert_eq!(listed["datasetImportJobs"][0]["jobName"], "first");
    let run = client.installation.runs.list(&runs::Filter::default(), 1).await.unwrap().remove(0);
    client.installation.runs.stop(&run.id).await.unwrap();
    let described = client.personalize("DescribeDatasetImportJob", json!({"datasetImportJobArn": job})).await.ok();
    assert_eq!(described["datasetImportJob"]["status"], "CREATE FAILED");
    assert!(described["datasetImportJob"]["failureReason"].is_string(), "{described}");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let client = Client::new().await;
    for name in ["a", "b", "c"] {
        group(&client, name).await;
    }
    let first = client.personalize("ListDatasetGroups", json!({"maxResults": 2})).await.ok();
    let names =
        |page: &Value| page["datasetGroups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&first), ["a", "b"]);
    let second = client.personalize("ListDatasetGroups", json!({"maxResults": 2, "nextToken": first["nextToken"]})).await.ok();
    assert_eq!(names(&second), ["c"]);
    assert!(second.get("nextToken").is_none());
    let (name, _) = client.personalize("ListDatasetGroups", json!({"nextToken": "x"})).await.failed();
    assert_eq!(name, "InvalidNextTokenException");
    let (name, message) = client.personalize("ListDatasetGroups", json!({"maxResults": 101})).await.failed();
    assert!(name == "InvalidInputException" && message.contains("from 1 to 100"), "{message}");
}

#[tokio::test]
async fn what_sdks_leave_to_the_server_is_checked() {
    let client = Client::new().await;
    let cases = [
        ("CreateDatasetGroup", json!({"name": "no spaces"}), "no spaces"),
        ("CreateDatasetGroup", json!({"name": 5}), "name"),
        ("CreateDatasetGroup", json!({"name": "x", "domain": "BANK"}), "ECOMMERCE, VIDEO_ON_DEMAND"),
        ("DescribeDatasetGroup", json!({"datasetGroupArn": "shop"}), "datasetGroupArn"),
        ("CreateSchema", json!({"name": "x", "schema": "{"}), "JSON"),
        ("CreateSchema", json!({"name": "x", "schema": " ".repeat(20_001)}), "20000"),
        (
            "CreateSolutionVersion",
            json!({"solutionArn": "arn:aws:personalize:us-east-1:1:solution/x", "trainingMode": "HALF"}),
            "FULL, UPDATE",
        ),
        ("ListRecipes", json!({"recipeProvider": "ME"}), "SERVICE"),
    ];
    for (operation, body, expected) in cases {
        let (name, message) = client.personalize(operation, body.clone()).await.failed();
        assert_eq!(name, "InvalidInputException", "{operation} {body}");
        assert!(message.contains(expected), "{operation} {body}: {message}");
    }
}

#[tokio::test]
async fn recipes_are_built_in() {
    let client = Client::new().await;
    let listed = client.personalize("ListRecipes", json!({"recipeProvider": "SERVICE"})).await.ok();
    let arn = "arn:aws:personalize:::recipe/aws-user-personalization";
    assert!(listed["recipes"].as_array().unwrap().iter().any(|recipe| recipe["recipeArn"] == arn), "{listed}");
    let recipe = client.personalize("DescribeRecipe", json!({"recipeArn": arn})).await.ok();
    assert_eq!(recipe["recipe"]["recipeType"], "USER_PERSONALIZATION");
    let (name, _) = client.personalize("DescribeRecipe", json!({"recipeArn": "arn:aws:personalize:::recipe/aws-nope"})).await.failed();
    assert_eq!(name, "ResourceNotFoundException");
}

#[tokio::test]
async fn trackers_take_events_and_hold_their_group() {
    let client = Client::new().await;
    let group = group(&client, "shop").await;
    dataset(&client, &group).await;
    let tracker = client.personalize("CreateEventTracker", json!({"name": "web", "datasetGroupArn": group})).await.ok();
    let described = client.personalize("DescribeEventTracker", json!({"eventTrackerArn": tracker["eventTrackerArn"]})).await.ok();
    assert_eq!(described["eventTracker"]["trackingId"], tracker["trackingId"]);
    assert_eq!(described["eventTracker"]["accountId"], "123456789012");
    let event = json!({"eventType": "view", "itemId": "i1", "sentAt": 1_769_860_800});
    let put = |tracking: Value| {
        client.send(Ask::post("/events", &json!({"trackingId": tracking, "userId": "u", "sessionId": "s", "eventList": [event]})))
    };
    let reply = put(tracker["trackingId"].clone()).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, ""));
    let reply = put(json!("nope")).await;
    assert!(reply.status.is_client_error() && !reply.header("x-amzn-errortype").is_empty(), "{}", reply.text());
    assert!(reply.json()["message"].is_string());
    let (name, _) = client.personalize("DeleteDatasetGroup", json!({"datasetGroupArn": group})).await.failed();
    assert_eq!(name, "ResourceInUseException");
    client.personalize("DeleteEventTracker", json!({"eventTrackerArn": tracker["eventTrackerArn"]})).await.ok();
    assert_eq!(client.personalize("ListEventTrackers", json!({})).await.ok()["eventTrackers"], json!([]));
}

#[tokio::test]
async fn the_runtime_says_404_and_refuses_what_it_does_not_offer() {
    let client = Client::new().await;
    let arn = "arn:aws:personalize:us-east-1:123456789012:campaign/nope";
    let reply = client.send(Ask::post("/recommendations", &json!({"campaignArn": arn, "userId": "1"}))).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-amzn-errortype")), (404, "ResourceNotFoundException"));
    assert!(reply.json()["message"].as_str().unwrap().contains("nope"));
    let ask = json!({"campaignArn": arn, "userId": "1", "metadataColumns": {"ITEMS": ["TITLE"]}});
    let reply = client.send(Ask::post("/recommendations", &ask)).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-amzn-errortype")), (400, "InvalidInputException"));
    assert!(reply.text().contains("metadataColumns"), "{}", reply.text());
}

#[tokio::test]
async fn filters_have_the_shapes_of_aws() {
    let client = Client::new().await;
    let group = group(&client, "shop").await;
    let ask = |expression: &str| json!({"name": "dear", "datasetGroupArn": group, "filterExpression": expression});
    let expression = "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (*)";
    let (name, message) = client.personalize("CreateFilter", ask(expression)).await.failed();
    assert_eq!(name, "InvalidInputException");
    assert!(message.contains("column 22") && message.contains("it has no Interactions dataset"), "{message}");
    dataset(&client, &group).await;
    let (_, message) = client.personalize("CreateFilter", ask(expression)).await.failed();
    assert!(message.ends_with("found EVENT_TYPE; there are TIMESTAMP."), "{message}");
    let expression = "EXCLUDE ItemID WHERE Interactions.TIMESTAMP > now() - 1 day";
    let arn = client.personalize("CreateFilter", ask(expression)).await.ok()["filterArn"].clone();
    assert_eq!(arn, "arn:aws:personalize:us-east-1:123456789012:filter/dear");
    let described = client.personalize("DescribeFilter", json!({"filterArn": arn})).await.ok()["filter"].clone();
    assert_eq!((&described["status"], &described["filterExpression"]), (&json!("ACTIVE"), &json!(expression)));
    assert!(described["creationDateTime"].is_number() && described["datasetGroupArn"] == group.as_str());
    let listed = client.personalize("ListFilters", json!({"datasetGroupArn": group})).await.ok();
    assert!(listed["Filters"][0]["name"] == "dear" && listed["Filters"][0].get("filterExpression").is_none(), "{listed}");
    let (name, _) = client.personalize("CreateFilter", ask(expression)).await.failed();
    assert_eq!(name, "ResourceAlreadyExistsException");
    let (name, message) = client.personalize("DeleteDatasetGroup", json!({"datasetGroupArn": group})).await.failed();
    assert!(name == "ResourceInUseException" && message.contains("filter \"dear\""), "{message}");
    client.personalize("DeleteFilter", json!({"filterArn": arn})).await.ok();
    assert_eq!(client.personalize("DescribeFilter", json!({"filterArn": arn})).await.failed().0, "ResourceNotFoundException");
    assert_eq!(client.personalize("ListBatchInferenceJobs", json!({})).await.ok()["batchInferenceJobs"], json!([]));
}
