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
    for operation in ["GetJobBookmark", "ResetJobBookmark"] {
        let (name, message) = client.glue(operation, json!({"JobName": "items"})).await.failed();
        assert_eq!(
            (name.as_str(), message.as_str()),
            ("EntityNotFoundException", "bookmark of job \"items\" does not exist."),
            "{operation}"
        );
        let (name, message) = client.glue(operation, json!({"JobName": "items", "RunId": "job-1"})).await.failed();
        assert!(name == "EntityNotFoundException" && message.contains("no bookmark of run \"job-1\""), "{operation}: {message}");
        assert_eq!(client.glue(operation, json!({"JobName": "nobody"})).await.failed().0, "EntityNotFoundException");
    }
    client.glue("DeleteJob", json!({"JobName": "items"})).await.ok();
    client.glue("DeleteJob", json!({"JobName": "items"})).await.ok();
    assert_eq!(client.glue("GetJob", json!({"JobName": "items"})).await.failed().0, "EntityNotFoundException");
}

#[tokio::test]
async fn a_run_is_repeated_with_its_arguments_and_jobs_are_fetched_together() {
    let client = Client::new().await;
    let job = json!({"Name": "items", "Role": "r", "Command": {"ScriptLocation": "s3://shop-data/items.sql"}, "WorkerType": "G.1X",
        "NumberOfWorkers": 2, "ExecutionProperty": {"MaxConcurrentRuns": 3}, "DefaultArguments": {"--target": "s3://shop-data/items/"}});
    client.glue("CreateJob", job).await.ok();
    let start = json!({"JobName": "items", "Arguments": {"--day": "1", "--who": "me"}, "Timeout": 9, "NumberOfWorkers": 5, "Unknown": 1});
    let first = client.glue("StartJobRun", start).await.ok()["JobRunId"].clone();
    let again = json!({"JobName": "items", "JobRunId": first, "Arguments": {"--who": "you"}});
    let second = client.glue("StartJobRun", again).await.ok()["JobRunId"].clone();
    assert_ne!(first, second);
    let get = json!({"JobName": "items", "RunId": second, "PredecessorsIncluded": true});
    let run = client.glue("GetJobRun", get).await.ok()["JobRun"].clone();
    assert_eq!((&run["PreviousRunId"], &run["Timeout"]), (&first, &json!(9)), "{run}");
    assert_eq!(run["Arguments"], json!({"--day": "1", "--who": "you"}));
    assert_eq!((&run["WorkerType"], &run["NumberOfWorkers"], &run["PredecessorRuns"]), (&json!("G.1X"), &json!(2), &json!([])));
    let run = client.glue("GetJobRun", json!({"JobName": "items", "RunId": first})).await.ok()["JobRun"].clone();
    assert_eq!((&run["NumberOfWorkers"], run.get("PreviousRunId"), run.get("Unknown")), (&json!(5), None, None), "{run}");
    let (name, message) = client.glue("StartJobRun", json!({"JobName": "items", "JobRunId": "job-nope"})).await.failed();
    assert!(name == "EntityNotFoundException" && message.contains("job-nope"), "{message}");
    let batch = client.glue("BatchGetJobs", json!({"JobNames": ["nobody", "items"]})).await.ok();
    assert_eq!((&batch["Jobs"][0]["Name"], &batch["JobsNotFound"]), (&json!("items"), &json!(["nobody"])));
}

#[tokio::test]
async fn a_mapping_follows_the_tables_and_a_plan_needs_a_place() {
    let client = Client::new().await;
    client.glue("CreateDatabase", json!({"DatabaseInput": {"Name": "shop"}})).await.ok();
    for (name, columns) in [("from", vec![("Id", "bigint"), ("note", "string")]), ("to", vec![("id", "string"), ("more", "int")])] {
        let columns: Vec<_> = columns.iter().map(|(name, kind)| json!({"Name": name, "Type": kind})).collect();
        let table = json!({"Name": name, "StorageDescriptor": {"Columns": columns, "Location": "s3://shop-data/x/"}});
        client.glue("CreateTable", json!({"DatabaseName": "shop", "TableInput": table})).await.ok();
    }
    let entry = |name: &str| json!({"DatabaseName": "shop", "TableName": name});
    let all = client.glue("GetMapping", json!({"Source": entry("from")})).await.ok();
    assert_eq!(all["Mapping"][1]["TargetPath"], "note");
    let met = client.glue("GetMapping", json!({"Source": entry("from"), "Sinks": [entry("to")]})).await.ok();
    let expected = json!([{"SourceTable": "from", "SourcePath": "Id", "SourceType": "bigint", "TargetTable": "to", "TargetPath": "id",
        "TargetType": "string"}]);
    assert_eq!(met["Mapping"], expected);
    let (_, message) = client.glue("GetPlan", json!({"Source": entry("from"), "Mapping": expected})).await.failed();
    assert!(message.contains("Sinks") && message.contains("Location.S3"), "{message}");
    let (name, _) = client.glue("GetPlan", json!({"Source": entry("absent"), "Mapping": expected})).await.failed();
    assert_eq!(name, "EntityNotFoundException");
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
