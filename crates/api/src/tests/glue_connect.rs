//! Connections, classifiers and what is new of crawlers.

use serde_json::{Value, json};

use super::client::Client;

fn connection(name: &str, connection_type: &str, properties: Value) -> Value {
    json!({"Name": name, "ConnectionType": connection_type, "ConnectionProperties": properties})
}

#[tokio::test]
async fn connections_are_tested() {
    let client = Client::new().await;
    let refused = json!({"HOST": "127.0.0.1", "PORT": "1", "DATABASE": "d", "USERNAME": "u", "PASSWORD": "hush", "CONNECT_RETRIES": "0"});
    let mut input = connection("files", "S3", json!({"ENDPOINT": "http://127.0.0.1:1", "ACCESS_KEY": "k", "SECRET_KEY": "hush"}));
    input["ValidateCredentials"] = true.into();
    input["MatchCriteria"] = json!(["prod"]);
    assert_eq!(client.glue("CreateConnection", json!({"ConnectionInput": input})).await.ok()["CreateConnectionStatus"], "FAILED");
    let got = client.glue("GetConnection", json!({"Name": "files"})).await.ok();
    assert_eq!(got["Connection"]["Status"], "FAILED");
    assert!(
        got["Connection"]["StatusReason"].as_str().unwrap().contains("failed at TCP")
            && got["Connection"]["LastConnectionValidationTime"].is_number()
    );
    let (name, message) = client.glue("TestConnection", json!({"ConnectionName": "files"})).await.failed();
    assert!(name == "FederationSourceException" && message.contains("\"files\"") && message.contains("127.0.0.1:1"), "{message}");
    let (name, message) = client
        .glue("TestConnection", json!({"TestConnectionInput": {"ConnectionType": "SQLITE", "ConnectionProperties": {"PATH": "no.db"}}}))
        .await
        .failed();
    assert!(name == "InvalidInputException" && message.contains("failed at file"), "{message}");
    assert_eq!(client.glue("TestConnection", json!({"ConnectionName": "nobody"})).await.failed().0, "EntityNotFoundException");
    assert_eq!(client.glue("TestConnection", json!({})).await.failed().0, "InvalidInputException");
    std::fs::write(client.installation.folder.path().join("yes.db"), b"").unwrap();
    let input = connection("lite", "SQLITE", json!({"PATH": "yes.db"}));
    assert_eq!(client.glue("CreateConnection", json!({"ConnectionInput": input})).await.ok()["CreateConnectionStatus"], "READY");
    let mut with_authentication = connection("pg", "POSTGRESQL", refused);
    with_authentication["AuthenticationConfiguration"] = json!({"AuthenticationType": "BASIC"});
    let (_, message) = client.glue("CreateConnection", json!({"ConnectionInput": with_authentication})).await.failed();
    assert!(message.contains("AuthenticationConfiguration") && !message.contains("hush"), "{message}");
}

#[tokio::test]
async fn connections_are_filtered_replaced_and_deleted_in_batches() {
    let client = Client::new().await;
    let s3 = |name: &str, criteria: Value| {
        let mut input = connection(name, "S3", json!({"ENDPOINT": "http://localhost:9000", "ACCESS_KEY": "k", "SECRET_KEY": "hush"}));
        input["MatchCriteria"] = criteria;
        json!({"ConnectionInput": input})
    };
    client.glue("CreateConnection", s3("a", json!(["prod", "eu"]))).await.ok();
    client.glue("CreateConnection", s3("b", json!(["prod"]))).await.ok();
    let lite = connection("c", "SQLITE", json!({"PATH": "x.db"}));
    client.glue("CreateConnection", json!({"ConnectionInput": lite})).await.ok();
    for (filter, expected) in [
        (json!({"ConnectionType": "S3"}), vec!["a", "b"]),
        (json!({"MatchCriteria": ["prod", "eu"]}), vec!["a"]),
        (json!({"ConnectionType": "SQLITE", "MatchCriteria": ["prod"]}), vec![]),
        (json!({}), vec!["a", "b", "c"]),
    ] {
        let reply = client.glue("GetConnections", json!({"Filter": filter, "HidePassword": false})).await;
        assert!(!reply.text().contains("hush") && !reply.text().contains("sealed"), "{}", reply.text());
        let found = reply.ok();
        let names: Vec<&str> = found["ConnectionList"].as_array().unwrap().iter().map(|found| found["Name"].as_str().unwrap()).collect();
        assert_eq!(names, expected);
    }
    let replaced = connection("a", "S3", json!({"ENDPOINT": "http://localhost:9001"}));
    client.glue("UpdateConnection", json!({"Name": "a", "ConnectionInput": replaced})).await.ok();
    let got = client.glue("GetConnection", json!({"Name": "a"})).await.ok();
    assert_eq!(got["Connection"]["ConnectionProperties"], json!({"ENDPOINT": "http://localhost:9001"}));
    let done = client.glue("BatchDeleteConnection", json!({"ConnectionNameList": ["a", "nope", "c"]})).await.ok();
    assert_eq!((&done["Succeeded"], &done["Errors"]["nope"]["ErrorCode"]), (&json!(["a", "c"]), &json!("EntityNotFoundException")));
}

#[tokio::test]
async fn connection_types_say_what_they_need() {
    let client = Client::new().await;
    let types = client.glue("ListConnectionTypes", json!({})).await.ok();
    let names: Vec<&str> = types["ConnectionTypes"].as_array().unwrap().iter().map(|of| of["ConnectionType"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    for name in names {
        let described = client.glue("DescribeConnectionType", json!({"ConnectionType": name})).await.ok();
        assert!(!described["ConnectionProperties"].as_object().unwrap().is_empty(), "{name}");
        // What is listed as needed is what a connection without properties is refused for.
        let empty = connection("x", name, json!({}));
        let reply = client.glue("CreateConnection", json!({"ConnectionInput": empty})).await;
        let required = described["ConnectionProperties"].as_object().unwrap().values().filter(|of| of["Required"] == true);
        let required: Vec<&str> = required.map(|of| of["Name"].as_str().unwrap()).collect();
        if !required.is_empty() {
            let (_, message) = reply.failed();
            assert!(required.iter().any(|name| message.contains(name)), "{name}: {message}");
        }
    }
    let (name, message) = client.glue("DescribeConnectionType", json!({"ConnectionType": "SALESFORCE"})).await.failed();
    assert!(name == "InvalidInputException" && message.contains("POSTGRESQL"), "{message}");
}

#[tokio::test]
async fn classifiers_live_their_lives() {
    let client = Client::new().await;
    let grok = json!({"Name": "logs", "Classification": "weblog", "GrokPattern": "%{IP:client} %{NUMBER:bytes:int}"});
    client.glue("CreateClassifier", json!({"GrokClassifier": grok})).await.ok();
    assert_eq!(client.glue("CreateClassifier", json!({"GrokClassifier": grok})).await.failed().0, "AlreadyExistsException");
    client.glue("UpdateClassifier", json!({"GrokClassifier": {"Name": "logs", "Classification": "traffic"}})).await.ok();
    let got = client.glue("GetClassifier", json!({"Name": "logs"})).await.ok()["Classifier"]["GrokClassifier"].clone();
    assert_eq!((&got["Classification"], &got["GrokPattern"], &got["Version"]), (&json!("traffic"), &grok["GrokPattern"], &json!(2)));
    assert!(got["CreationTime"].is_number() && got["LastUpdated"].is_number());
    client
        .glue("CreateClassifier", json!({"CsvClassifier": {"Name": "semicolons", "Delimiter": ";", "ContainsHeader": "PRESENT"}}))
        .await
        .ok();
    client.glue("CreateClassifier", json!({"XMLClassifier": {"Name": "books", "Classification": "xml", "RowTag": "book"}})).await.ok();
    client.glue("CreateClassifier", json!({"JsonClassifier": {"Name": "items", "JsonPath": "$.items[*]"}})).await.ok();
    assert_eq!(client.glue("GetClassifiers", json!({"MaxResults": 3})).await.ok()["Classifiers"].as_array().unwrap().len(), 3);
    for (wrong, word) in [
        (json!({"GrokClassifier": {"Name": "x", "Classification": "c", "GrokPattern": "%{NOSUCH:a}"}}), "NOSUCH"),
        (json!({"JsonClassifier": {"Name": "x", "JsonPath": "$..a"}}), "$..a"),
        (json!({"CsvClassifier": {"Name": "x", "ContainsHeader": "MAYBE"}}), "MAYBE"),
        (json!({}), "found 0"),
    ] {
        let (name, message) = client.glue("CreateClassifier", wrong).await.failed();
        assert!(name == "InvalidInputException" && message.contains(word), "{message}");
    }
    client.glue("DeleteClassifier", json!({"Name": "logs"})).await.ok();
    assert_eq!(client.glue("GetClassifier", json!({"Name": "logs"})).await.failed().0, "EntityNotFoundException");
}

#[tokio::test]
async fn crawlers_have_schedules_metrics_and_filters() {
    let client = Client::new().await;
    let crawler = json!({"Name": "files", "Role": "r", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "s3://shop-data/"}]}, "Schedule": "cron(15 12 * * ? *)"});
    client.glue("CreateCrawler", crawler).await.ok();
    let schedule = async || client.glue("GetCrawler", json!({"Name": "files"})).await.ok()["Crawler"]["Schedule"].clone();
    assert_eq!(schedule().await, json!({"ScheduleExpression": "cron(15 12 * * ? *)", "State": "SCHEDULED"}));
    assert_eq!(client.glue("StartCrawlerSchedule", json!({"CrawlerName": "files"})).await.failed().0, "SchedulerRunningException");
    client.glue("StopCrawlerSchedule", json!({"CrawlerName": "files"})).await.ok();
    assert_eq!(client.glue("StopCrawlerSchedule", json!({"CrawlerName": "files"})).await.failed().0, "SchedulerNotRunningException");
    assert_eq!(schedule().await["State"], "NOT_SCHEDULED");
    client.glue("UpdateCrawlerSchedule", json!({"CrawlerName": "files", "Schedule": ""})).await.ok();
    assert_eq!(client.glue("StartCrawlerSchedule", json!({"CrawlerName": "files"})).await.failed().0, "NoScheduleException");
    let (name, _) = client.glue("UpdateCrawlerSchedule", json!({"CrawlerName": "files", "Schedule": "sometimes"})).await.failed();
    assert_eq!(name, "InvalidInputException");
    let got = client.glue("BatchGetCrawlers", json!({"CrawlerNames": ["files", "nope"]})).await.ok();
    assert_eq!((&got["Crawlers"][0]["Name"], &got["CrawlersNotFound"]), (&json!("files"), &json!(["nope"])));
    client.glue("StartCrawler", json!({"Name": "files"})).await.ok();
    let metrics = client.glue("GetCrawlerMetrics", json!({"CrawlerNameList": ["files"]})).await.ok();
    assert_eq!(metrics["CrawlerMetricsList"][0]["StillEstimating"], true);
    client.glue("StopCrawler", json!({"Name": "files"})).await.ok();
    for (field, operator, value, count) in [
        ("STATE", "EQ", "STOPPED", 1),
        ("STATE", "NE", "STOPPED", 0),
        ("START_TIME", "GT", "0", 1),
        ("END_TIME", "LT", "1000", 0),
        ("DPU_HOUR", "EQ", "0", 1),
    ] {
        let filters = json!([{"FieldName": field, "FilterOperator": operator, "FieldValue": value}]);
        let crawls = client.glue("ListCrawls", json!({"CrawlerName": "files", "Filters": filters})).await.ok();
        assert_eq!(crawls["Crawls"].as_array().unwrap().len(), count, "{field} {operator} {value}");
    }
    let wrong = json!([{"FieldName": "START_TIME", "FilterOperator": "GT", "FieldValue": "noon"}]);
    assert!(client.glue("ListCrawls", json!({"CrawlerName": "files", "Filters": wrong})).await.failed().1.contains("noon"));
}

/// More than one question to the store can hold, and a filter that only the oldest pass.
#[tokio::test]
async fn thousands_of_crawls_come_in_pages() {
    let client = Client::new().await;
    let targets = json!({"S3Targets": [{"Path": "s3://shop-data/"}]});
    client.glue("CreateCrawler", json!({"Name": "a", "Role": "r", "DatabaseName": "shop", "Targets": targets})).await.ok();
    let runs = &client.installation.runs;
    let mut oldest = Vec::new();
    for _ in 0..3 {
        oldest.push(runs.submit(runs::NewRun::new("crawl", "a")).await.unwrap().0);
        client.glue("StopCrawler", json!({"Name": "a"})).await.ok();
    }
    let mut tx = client.installation.store.begin().await.unwrap();
    for _ in 0..2500 {
        runs.submit_in(&mut tx, &runs::NewRun::new("crawl", "a")).await.unwrap();
    }
    tx.commit().await.unwrap();
    oldest.reverse();
    let pages = async |max: u64, filters: Value| {
        let (mut all, mut token) = (Vec::new(), Value::Null);
        for page in 1.. {
            let crawls = client.glue("ListCrawls", json!({"CrawlerName": "a", "MaxResults": max, "Filters": filters, "NextToken": token}));
            let crawls = crawls.await.ok();
            all.extend(crawls["Crawls"].as_array().unwrap().iter().map(|crawl| crawl["CrawlId"].as_str().unwrap().to_owned()));
            token = crawls["NextToken"].clone();
            if token.is_null() {
                return (all, page);
            }
        }
        unreachable!()
    };
    let (all, count) = pages(1000, json!([])).await;
    assert_eq!((all.len(), count, &all[2500..]), (2503, 3, oldest.as_slice()));
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), 2503);
    let stopped = json!([{"FieldName": "STATE", "FilterOperator": "EQ", "FieldValue": "STOPPED"}]);
    assert_eq!(pages(2, stopped).await, (oldest, 2));
}

#[tokio::test]
async fn crawls_and_metrics_come_in_pages() {
    let client = Client::new().await;
    for name in ["a", "b", "c"] {
        let targets = json!({"S3Targets": [{"Path": "s3://shop-data/"}]});
        client.glue("CreateCrawler", json!({"Name": name, "Role": "r", "DatabaseName": "shop", "Targets": targets})).await.ok();
        client.glue("StartCrawler", json!({"Name": "a"})).await.ok();
        client.glue("StopCrawler", json!({"Name": "a"})).await.ok();
    }
    let all = client.glue("ListCrawls", json!({"CrawlerName": "a"})).await.ok();
    let ids =
        |crawls: &Value| -> Vec<Value> { crawls["Crawls"].as_array().unwrap().iter().map(|crawl| crawl["CrawlId"].clone()).collect() };
    assert_eq!((ids(&all).len(), &all["NextToken"]), (3, &Value::Null));
    let stopped = json!([{"FieldName": "STATE", "FilterOperator": "EQ", "FieldValue": "STOPPED"}]);
    for filters in [json!([]), stopped] {
        let ask = |more: Value| json!({"CrawlerName": "a", "MaxResults": 2, "Filters": filters, "NextToken": more});
        let first = client.glue("ListCrawls", ask(Value::Null)).await.ok();
        assert_eq!(ids(&first), ids(&all)[..2]);
        let second = client.glue("ListCrawls", ask(first["NextToken"].clone())).await.ok();
        assert_eq!((ids(&second), &second["NextToken"]), (ids(&all)[2..].to_vec(), &Value::Null));
    }
    let first = client.glue("GetCrawlerMetrics", json!({"MaxResults": 2})).await.ok();
    let names = |metrics: &Value| -> Vec<Value> {
        metrics["CrawlerMetricsList"].as_array().unwrap().iter().map(|of| of["CrawlerName"].clone()).collect()
    };
    assert_eq!(names(&first), [json!("a"), json!("b")]);
    let second = client.glue("GetCrawlerMetrics", json!({"MaxResults": 2, "NextToken": first["NextToken"]})).await.ok();
    assert_eq!((names(&second), &second["NextToken"]), (vec![json!("c")], &Value::Null));
}
