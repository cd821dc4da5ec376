use serde_json::json;

use super::client::Client;

#[tokio::test]
async fn databases_and_tables_keep_versions() {
    let client = Client::new().await;
    client.glue("CreateDatabase", json!({"DatabaseInput": {"Name": "Shop"}})).await.ok();
    let columns = |names: &[&str]| names.iter().map(|name| json!({"Name": name, "Type": "string"})).collect::<Vec<_>>();
    let table = |names: &[&str]| json!({"Name": "Orders", "StorageDescriptor": {"Columns": columns(names), "Location": "s3://shop-data/orders/"}, "PartitionKeys": [{"Name": "day", "Type": "string"}]});
    client.glue("CreateTable", json!({"DatabaseName": "shop", "TableInput": table(&["a"])})).await.ok();
    client.glue("UpdateTable", json!({"DatabaseName": "shop", "TableInput": table(&["a", "b"])})).await.ok();
    let got = client.glue("GetTable", json!({"DatabaseName": "SHOP", "Name": "ORDERS"})).await.ok();
    assert_eq!((&got["Table"]["VersionId"], &got["Table"]["CatalogId"]), (&json!("1"), &json!("123456789012")));
    assert!(got["Table"]["CreateTime"].is_number() && got["Table"]["UpdateTime"].is_number());
    let versions = client.glue("GetTableVersions", json!({"DatabaseName": "shop", "TableName": "orders"})).await.ok();
    let ids: Vec<_> = versions["TableVersions"].as_array().unwrap().iter().map(|v| v["VersionId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1", "0"]);
    let old = client.glue("GetTableVersion", json!({"DatabaseName": "shop", "TableName": "orders", "VersionId": "0"})).await.ok();
    assert_eq!(old["TableVersion"]["Table"]["StorageDescriptor"]["Columns"], json!(columns(&["a"])));
    let (name, _) =
        client.glue("UpdateTable", json!({"DatabaseName": "shop", "TableInput": table(&["a"]), "VersionId": "0"})).await.failed();
    assert_eq!(name, "ConcurrentModificationException");
    let found = client.glue("GetTables", json!({"DatabaseName": "shop", "Expression": "ord.*"})).await.ok();
    assert_eq!(found["TableList"].as_array().unwrap().len(), 1);
    assert_eq!(client.glue("GetPartitions", json!({"DatabaseName": "shop", "TableName": "orders"})).await.ok()["Partitions"], json!([]));
    let reply = client.glue("GetTable", json!({"DatabaseName": "shop", "Name": "nope"})).await;
    let body = reply.json();
    assert_eq!((reply.status.as_u16(), &body["__type"]), (400, &json!("EntityNotFoundException")));
    assert_eq!(body["Message"], body["message"], "Glue's own spelling and everybody's");
    let (name, _) = client.glue("CreateDatabase", json!({"DatabaseInput": {"Name": "shop"}})).await.failed();
    assert_eq!(name, "AlreadyExistsException");
    client.glue("DeleteDatabase", json!({"Name": "shop"})).await.ok();
    assert_eq!(client.glue("GetTable", json!({"DatabaseName": "shop", "Name": "orders"})).await.failed().0, "EntityNotFoundException");
}

#[tokio::test]
async fn connections_never_show_their_secrets() {
    let client = Client::new().await;
    let properties = json!({"ENDPOINT": "http://localhost:9000", "ACCESS_KEY": "k", "SECRET_KEY": "hush"});
    client
        .glue("CreateConnection", json!({"ConnectionInput": {"Name": "minio", "ConnectionType": "S3", "ConnectionProperties": properties}}))
        .await
        .ok();
    for reply in [
        client.glue("GetConnection", json!({"Name": "minio", "HidePassword": false})).await,
        client.glue("GetConnections", json!({})).await,
    ] {
        assert!(reply.text().contains("localhost:9000") && !reply.text().contains("hush"), "{}", reply.text());
    }
    let (name, message) = client
        .glue("CreateConnection", json!({"ConnectionInput": {"Name": "x", "ConnectionType": "TELEX", "ConnectionProperties": {}}}))
        .await
        .failed();
    assert!(name == "InvalidInputException" && message.contains("TELEX"), "{message}");
}

#[tokio::test]
async fn crawlers_run_once_at_a_time() {
    let client = Client::new().await;
    let crawler = json!({"Name": "files", "Role": "r", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "s3://shop-data/"}]}, "TablePrefix": "raw_"});
    client.glue("CreateCrawler", crawler).await.ok();
    let got = client.glue("GetCrawler", json!({"Name": "files"})).await.ok();
    assert_eq!((&got["Crawler"]["State"], &got["Crawler"]["Role"]), (&json!("READY"), &json!("r")));
    assert_eq!(client.glue("StopCrawler", json!({"Name": "files"})).await.failed().0, "CrawlerNotRunningException");
    client.glue("StartCrawler", json!({"Name": "files"})).await.ok();
    assert_eq!(client.glue("StartCrawler", json!({"Name": "files"})).await.failed().0, "CrawlerRunningException");
    assert_eq!(client.glue("GetCrawler", json!({"Name": "files"})).await.ok()["Crawler"]["State"], "RUNNING");
    client.glue("StopCrawler", json!({"Name": "files"})).await.ok();
    let crawls = client.glue("ListCrawls", json!({"CrawlerName": "files"})).await.ok();
    assert_eq!(crawls["Crawls"][0]["State"], "STOPPED");
    client.glue("UpdateCrawler", json!({"Name": "files", "Description": "new"})).await.ok();
    let got = client.glue("GetCrawler", json!({"Name": "files"})).await.ok();
    assert_eq!((&got["Crawler"]["Description"], &got["Crawler"]["TablePrefix"]), (&json!("new"), &json!("raw_")));
    assert_eq!(got["Crawler"]["LastCrawl"]["Status"], "CANCELLED");
    assert_eq!(client.glue("ListCrawlers", json!({})).await.ok()["CrawlerNames"], json!(["files"]));
    client.glue("DeleteCrawler", json!({"Name": "files"})).await.ok();
    assert_eq!(client.glue("DeleteCrawler", json!({"Name": "files"})).await.failed().0, "EntityNotFoundException");
}

#[tokio::test]
async fn jobs_run_and_stop() {
    let client = Client::new().await;
    let job = json!({"Name": "items", "Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://shop-data/items.sql"},
        "DefaultArguments": {"--target": "s3://shop-data/items/"}});
    assert_eq!(client.glue("CreateJob", job.clone()).await.ok(), json!({"Name": "items"}));
    assert_eq!(client.glue("CreateJob", job).await.failed().0, "AlreadyExistsException");
    let run = client.glue("StartJobRun", json!({"JobName": "items"})).await.ok()["JobRunId"].clone();
    let (name, message) = client.glue("StartJobRun", json!({"JobName": "items"})).await.failed();
    assert!(name == "ConcurrentRunsExceededException" && message.contains("items"), "{message}");
    let got = client.glue("GetJobRun", json!({"JobName": "items", "RunId": run})).await.ok();
    assert_eq!((&got["JobRun"]["JobRunState"], &got["JobRun"]["Id"]), (&json!("STARTING"), &run));
    let stopped = client.glue("BatchStopJobRun", json!({"JobName": "items", "JobRunIds": [run, "job-nope"]})).await.ok();
    assert_eq!(stopped["SuccessfulSubmissions"], json!([{"JobName": "items", "JobRunId": run}]));
    assert_eq!(stopped["Errors"][0]["ErrorDetail"]["ErrorCode"], "EntityNotFoundException");
    let runs = client.glue("GetJobRuns", json!({"JobName": "items"})).await.ok();
    assert_eq!(runs["JobRuns"][0]["JobRunState"], "STOPPED");
    assert_eq!(client.glue("ListJobs", json!({})).await.ok()["JobNames"], json!(["items"]));
    client.glue("DeleteJob", json!({"JobName": "items"})).await.ok();
    client.glue("DeleteJob", json!({"JobName": "items"})).await.ok();
    assert_eq!(client.glue("GetJob", json!({"JobName": "items"})).await.failed().0, "EntityNotFoundException");
}

#[tokio::test]
async fn workflows_start_by_their_trigger() {
    let client = Client::new().await;
    client.glue("CreateWorkflow", json!({"Name": "nightly", "DefaultRunProperties": {"day": "today"}})).await.ok();
    let trigger = json!({"Name": "go", "WorkflowName": "nightly", "Type": "ON_DEMAND", "Actions": [{"JobName": "items"}]});
    client.glue("CreateTrigger", trigger).await.ok();
    let got = client.glue("GetTrigger", json!({"Name": "go"})).await.ok();
    assert_eq!(got["Trigger"]["State"], "CREATED");
    assert!(got["Trigger"].get("LookedAt").is_none(), "{got}");
    let (_, message) = client.glue("CreateTrigger", json!({"Name": "x", "Type": "SOMETIMES", "Actions": []})).await.failed();
    assert!(message.contains("SCHEDULED, CONDITIONAL, ON_DEMAND"), "{message}");
    let run = client.glue("StartWorkflowRun", json!({"Name": "nightly", "RunProperties": {"who": "me"}})).await.ok()["RunId"].clone();
    let got = client.glue("GetWorkflowRun", json!({"Name": "nightly", "RunId": run})).await.ok();
    assert_eq!(got["Run"]["Status"], "RUNNING");
    let properties = client.glue("GetWorkflowRunProperties", json!({"Name": "nightly", "RunId": run})).await.ok();
    assert_eq!(properties["RunProperties"], json!({"day": "today", "who": "me"}));
    client.glue("StopWorkflowRun", json!({"Name": "nightly", "RunId": run})).await.ok();
    assert_eq!(client.glue("StopWorkflowRun", json!({"Name": "nightly", "RunId": run})).await.failed().0, "IllegalWorkflowStateException");
    let runs = client.glue("GetWorkflowRuns", json!({"Name": "nightly"})).await.ok();
    assert_eq!(runs["Runs"][0]["Status"], "STOPPED");
    let workflow = client.glue("GetWorkflow", json!({"Name": "nightly", "IncludeGraph": true})).await.ok();
    assert_eq!(workflow["Workflow"]["Graph"]["Nodes"].as_array().unwrap().len(), 2);
    assert_eq!(client.glue("ListWorkflows", json!({})).await.ok()["Workflows"], json!(["nightly"]));
    client.glue("DeleteWorkflow", json!({"Name": "nightly"})).await.ok();
    assert_eq!(client.glue("GetTriggers", json!({})).await.ok()["Triggers"], json!([]));
}
