//! Catalog operations beyond databases and tables: partitions, statistics, search, functions, versions.

use serde_json::{Value, json};

use super::client::Client;

async fn with_sales(days: usize) -> Client {
    let client = Client::new().await;
    client.glue("CreateDatabase", json!({"DatabaseInput": {"Name": "shop"}})).await.ok();
    let table = json!({"Name": "sales", "Description": "what was sold",
        "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": "s3://b-b/sales/", "SortColumns": [{"Column": "id", "SortOrder": 1}]},
        "PartitionKeys": [{"Name": "day", "Type": "int"}], "LastAccessTime": 1.5});
    let index = json!([{"IndexName": "by_day", "Keys": ["day"]}]);
    client.glue("CreateTable", json!({"DatabaseName": "shop", "TableInput": table, "PartitionIndexes": index})).await.ok();
    let list: Vec<Value> = (0..days).map(partition).collect();
    let done = client.glue("BatchCreatePartition", of_sales(json!({"PartitionInputList": list}))).await.ok();
    assert_eq!(done, json!({"Errors": []}));
    client
}

fn partition(day: usize) -> Value {
    json!({"Values": [day.to_string()], "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": format!("s3://b-b/sales/day={day}/")}})
}

fn of_sales(mut members: Value) -> Value {
    members["DatabaseName"] = "shop".into();
    members["TableName"] = "sales".into();
    members
}

#[tokio::test]
async fn partitions_in_batches() {
    let client = with_sales(3).await;
    let done = client.glue("BatchCreatePartition", of_sales(json!({"PartitionInputList": [partition(2), partition(3)]}))).await.ok();
    assert_eq!((&done["Errors"][0]["PartitionValues"], &done["Errors"][1]), (&json!(["2"]), &Value::Null));
    assert_eq!(done["Errors"][0]["ErrorDetail"]["ErrorCode"], "AlreadyExistsException");
    client.glue("CreatePartition", of_sales(json!({"PartitionInput": partition(4)}))).await.ok();
    let entries = json!([{"PartitionValueList": ["4"], "PartitionInput": partition(5)}, {"PartitionValueList": ["9"], "PartitionInput": partition(9)}]);
    let done = client.glue("BatchUpdatePartition", of_sales(json!({"Entries": entries}))).await.ok();
    assert_eq!((&done["Errors"][0]["PartitionValueList"], done["Errors"].as_array().unwrap().len()), (&json!(["9"]), 1));
    let got = client.glue("BatchGetPartition", of_sales(json!({"PartitionsToGet": [{"Values": ["5"]}, {"Values": ["4"]}]}))).await.ok();
    assert_eq!((&got["Partitions"][0]["Values"], &got["UnprocessedKeys"]), (&json!(["5"]), &json!([{"Values": ["4"]}])));
    client.glue("UpdatePartition", of_sales(json!({"PartitionValueList": ["5"], "PartitionInput": partition(5)}))).await.ok();
    let done =
        client.glue("BatchDeletePartition", of_sales(json!({"PartitionsToDelete": [{"Values": ["5"]}, {"Values": ["8"]}]}))).await.ok();
    assert_eq!(done["Errors"][0]["ErrorDetail"]["ErrorCode"], "EntityNotFoundException");
    client.glue("DeletePartition", of_sales(json!({"PartitionValues": ["3"]}))).await.ok();
    let (name, _) = client.glue("DeletePartition", of_sales(json!({"PartitionValues": ["3"]}))).await.failed();
    assert_eq!(name, "EntityNotFoundException");
    let many: Vec<Value> = (0..101).map(partition).collect();
    let (name, message) = client.glue("BatchCreatePartition", of_sales(json!({"PartitionInputList": many}))).await.failed();
    assert!(name == "InvalidInputException" && message.contains("at most 100"), "{message}");
}

#[tokio::test]
async fn partitions_by_expression_in_pages() {
    let client = with_sales(30).await;
    let mut ask = of_sales(json!({"Expression": "day >= 10 AND day NOT IN (11, 12)", "MaxResults": 7, "ExcludeColumnSchema": true}));
    let mut days: Vec<i64> = Vec::new();
    loop {
        let page = client.glue("GetPartitions", ask.clone()).await.ok();
        for partition in page["Partitions"].as_array().unwrap() {
            assert!(partition["StorageDescriptor"].get("Columns").is_none() && partition["StorageDescriptor"]["Location"].is_string());
            days.push(partition["Values"][0].as_str().unwrap().parse().unwrap());
        }
        match page.get("NextToken") {
            Some(token) => ask["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(days, std::iter::once(10).chain(13..30).collect::<Vec<_>>());
    let (name, message) = client.glue("GetPartitions", of_sales(json!({"Expression": "day = 'monday'"}))).await.failed();
    assert!(name == "InvalidInputException" && message.contains("at character 7") && message.contains("'monday'"), "{message}");
    let segment = json!({"SegmentNumber": 2, "TotalSegments": 2});
    assert_eq!(client.glue("GetPartitions", of_sales(json!({"Segment": segment}))).await.failed().0, "InvalidInputException");
    let mut all = 0;
    for number in 0..2 {
        let segment = json!({"SegmentNumber": number, "TotalSegments": 2});
        all += client.glue("GetPartitions", of_sales(json!({"Segment": segment}))).await.ok()["Partitions"].as_array().unwrap().len();
    }
    assert_eq!(all, 30);
}

#[tokio::test]
async fn partition_indexes_are_kept() {
    let client = with_sales(0).await;
    let listed = client.glue("GetPartitionIndexes", of_sales(json!({}))).await.ok();
    let index = json!({"IndexName": "by_day", "Keys": [{"Name": "day", "Type": "int"}], "IndexStatus": "ACTIVE"});
    assert_eq!(listed["PartitionIndexDescriptorList"], json!([index]));
    let again = of_sales(json!({"PartitionIndex": {"IndexName": "by_day", "Keys": ["day"]}}));
    assert_eq!(client.glue("CreatePartitionIndex", again.clone()).await.failed().0, "AlreadyExistsException");
    client.glue("DeletePartitionIndex", of_sales(json!({"IndexName": "by_day"}))).await.ok();
    assert_eq!(client.glue("DeletePartitionIndex", of_sales(json!({"IndexName": "by_day"}))).await.failed().0, "EntityNotFoundException");
    client.glue("CreatePartitionIndex", again).await.ok();
}

#[tokio::test]
async fn statistics_of_columns() {
    let client = with_sales(1).await;
    let long = |name: &str| {
        json!({"ColumnName": name, "ColumnType": "bigint", "AnalyzedTime": 1700000000.5, "StatisticsData": {"Type": "LONG",
        "LongColumnStatisticsData": {"MinimumValue": -1, "MaximumValue": 7, "NumberOfNulls": 0, "NumberOfDistinctValues": 9}}})
    };
    let given = of_sales(json!({"ColumnStatisticsList": [long("id"), long("nope")]}));
    let done = client.glue("UpdateColumnStatisticsForTable", given).await.ok();
    assert_eq!((&done["Errors"][0]["ColumnStatistics"]["ColumnName"], done["Errors"].as_array().unwrap().len()), (&json!("nope"), 1));
    assert_eq!(done["Errors"][0]["Error"]["ErrorCode"], "EntityNotFoundException");
    let got = client.glue("GetColumnStatisticsForTable", of_sales(json!({"ColumnNames": ["id", "day"]}))).await.ok();
    assert_eq!((&got["ColumnStatisticsList"], &got["Errors"][0]["ColumnName"]), (&json!([long("id")]), &json!("day")));
    let of_zero = |mut members: Value| {
        members["PartitionValues"] = json!(["0"]);
        of_sales(members)
    };
    client.glue("UpdateColumnStatisticsForPartition", of_zero(json!({"ColumnStatisticsList": [long("id")]}))).await.ok();
    let got = client.glue("GetColumnStatisticsForPartition", of_zero(json!({"ColumnNames": ["id"]}))).await.ok();
    assert_eq!(got["Errors"], json!([]));
    client.glue("DeleteColumnStatisticsForPartition", of_zero(json!({"ColumnName": "id"}))).await.ok();
    client.glue("DeleteColumnStatisticsForTable", of_sales(json!({"ColumnName": "id"}))).await.ok();
    let (name, _) = client.glue("DeleteColumnStatisticsForTable", of_sales(json!({"ColumnName": "id"}))).await.failed();
    assert_eq!(name, "EntityNotFoundException");
    let wrong = json!({"ColumnName": "id", "ColumnType": "x", "AnalyzedTime": 1, "StatisticsData": {"Type": "TRUTH"}});
    let (_, message) = client.glue("UpdateColumnStatisticsForTable", of_sales(json!({"ColumnStatisticsList": [wrong]}))).await.failed();
    assert!(message.contains("TRUTH") && message.contains("BOOLEAN"), "{message}");
}

#[tokio::test]
async fn statistics_have_settings_and_a_schedule() {
    let client = with_sales(0).await;
    let ask = async |operation: &str, members: Value| client.glue(operation, of_sales(members)).await;
    let get = async || ask("GetColumnStatisticsTaskSettings", json!({})).await.ok()["ColumnStatisticsTaskSettings"].clone();
    assert_eq!(ask("GetColumnStatisticsTaskSettings", json!({})).await.failed().0, "EntityNotFoundException");
    let given = json!({"Role": "r", "Schedule": "cron(0 3 * * ? *)", "ColumnNameList": ["ID"], "SampleSize": 50.0});
    ask("CreateColumnStatisticsTaskSettings", given.clone()).await.ok();
    assert_eq!(ask("CreateColumnStatisticsTaskSettings", given).await.failed().0, "AlreadyExistsException");
    let got = get().await;
    assert_eq!(got["Schedule"], json!({"ScheduleExpression": "cron(0 3 * * ? *)", "State": "SCHEDULED"}));
    assert_eq!((&got["SampleSize"], &got["SettingSource"], &got["ScheduleType"]), (&json!(50.0), &json!("TABLE"), &json!("CRON")));
    ask("StopColumnStatisticsTaskRunSchedule", json!({})).await.ok();
    ask("UpdateColumnStatisticsTaskSettings", json!({"SampleSize": 10.0})).await.ok();
    let got = get().await;
    assert_eq!((&got["Schedule"]["State"], &got["SampleSize"], &got["Role"]), (&json!("NOT_SCHEDULED"), &json!(10.0), &json!("r")));
    ask("StartColumnStatisticsTaskRunSchedule", json!({})).await.ok();
    let run = ask("StartColumnStatisticsTaskRun", json!({"Role": "r"})).await.ok()["ColumnStatisticsTaskRunId"].clone();
    let got = get().await;
    assert_eq!((&got["Schedule"]["State"], &got["LastExecutionAttempt"]["ColumnStatisticsTaskRunId"]), (&json!("SCHEDULED"), &run));
    for (members, reason) in [
        (json!({"Schedule": "now and then"}), "now and then"),
        (json!({"SampleSize": 101}), "SampleSize"),
        (json!({"ColumnNameList": ["nope"]}), "nope"),
    ] {
        let (name, message) = ask("UpdateColumnStatisticsTaskSettings", members).await.failed();
        assert!(name == "InvalidInputException" && message.contains(reason), "{name}: {message}");
    }
    ask("UpdateColumnStatisticsTaskSettings", json!({"Schedule": ""})).await.ok();
    assert_eq!(ask("StartColumnStatisticsTaskRunSchedule", json!({})).await.failed().0, "InvalidInputException");
    ask("DeleteColumnStatisticsTaskSettings", json!({})).await.ok();
    assert_eq!(ask("DeleteColumnStatisticsTaskSettings", json!({})).await.failed().0, "EntityNotFoundException");
}

#[tokio::test]
async fn tables_and_functions_are_found_by_regular_expressions() {
    let client = with_sales(0).await;
    for name in ["sales_2023", "sales_2024", "wholesales"] {
        client.glue("CreateTable", json!({"DatabaseName": "shop", "TableInput": {"Name": name}})).await.ok();
        client.glue("CreateUserDefinedFunction", json!({"DatabaseName": "shop", "FunctionInput": {"FunctionName": name}})).await.ok();
    }
    let names = |found: &Value, list: &str, name: &str| -> Vec<String> {
        found[list].as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
    };
    for (expression, expected) in [("sales_20\\d{2}", vec!["sales_2023", "sales_2024"]), ("(whole)?sales", vec!["wholesales"])] {
        let found = client.glue("GetTables", json!({"DatabaseName": "shop", "Expression": expression})).await.ok();
        let found: Vec<String> = names(&found, "TableList", "Name").into_iter().filter(|name| name != "sales").collect();
        assert_eq!(found, expected);
        let found = client.glue("GetUserDefinedFunctions", json!({"DatabaseName": "shop", "Pattern": expression})).await.ok();
        assert_eq!(names(&found, "UserDefinedFunctions", "FunctionName"), expected);
    }
    let (name, message) = client.glue("GetTables", json!({"DatabaseName": "shop", "Expression": "sales_(20"})).await.failed();
    assert!(name == "InvalidInputException" && message.contains("unclosed group"), "{name}: {message}");
}

#[tokio::test]
async fn statistics_runs_are_profiles() {
    let client = with_sales(0).await;
    let start = of_sales(json!({"Role": "r"}));
    let run = client.glue("StartColumnStatisticsTaskRun", start.clone()).await.ok()["ColumnStatisticsTaskRunId"].clone();
    assert_eq!(client.glue("StartColumnStatisticsTaskRun", start).await.failed().0, "ColumnStatisticsTaskRunningException");
    let got = client.glue("GetColumnStatisticsTaskRun", json!({"ColumnStatisticsTaskRunId": run})).await.ok();
    assert_eq!(
        (&got["ColumnStatisticsTaskRun"]["TableName"], &got["ColumnStatisticsTaskRun"]["Status"]),
        (&json!("sales"), &json!("STARTING"))
    );
    client.glue("StopColumnStatisticsTaskRun", of_sales(json!({}))).await.ok();
    assert_eq!(client.glue("StopColumnStatisticsTaskRun", of_sales(json!({}))).await.failed().0, "ColumnStatisticsTaskNotRunningException");
    let runs = client.glue("GetColumnStatisticsTaskRuns", of_sales(json!({}))).await.ok();
    assert_eq!(runs["ColumnStatisticsTaskRuns"][0]["Status"], "STOPPED");
    assert_eq!(client.glue("ListColumnStatisticsTaskRuns", json!({})).await.ok()["ColumnStatisticsTaskRunIds"], json!([run]));
    let (name, _) = client.glue("GetColumnStatisticsTaskRun", json!({"ColumnStatisticsTaskRunId": "nope"})).await.failed();
    assert_eq!(name, "EntityNotFoundException");
}

#[tokio::test]
async fn tables_are_searched_listed_and_deleted_in_batches() {
    let client = with_sales(0).await;
    for name in ["web_orders", "web_visits", "stock"] {
        let table = json!({"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Columns": [{"Name": "amount", "Type": "double", "Comment": "in euros"}]}});
        client.glue("CreateTable", json!({"DatabaseName": "shop", "TableInput": table})).await.ok();
    }
    let names = |answer: &Value| -> Vec<String> {
        answer["TableList"].as_array().unwrap().iter().map(|table| table["Name"].as_str().unwrap().to_owned()).collect()
    };
    let first = client.glue("SearchTables", json!({"SearchText": "eur web", "MaxResults": 1})).await.ok();
    assert_eq!(names(&first), ["web_orders"]);
    let next = json!({"SearchText": "eur web", "MaxResults": 1, "NextToken": first["NextToken"]});
    let second = client.glue("SearchTables", next).await.ok();
    assert_eq!((names(&second), second.get("NextToken")), (vec!["web_visits".to_owned()], None));
    let sorted = json!({"Filters": [{"Key": "Name", "Value": "web"}], "SortCriteria": [{"FieldName": "Name", "Sort": "DESC"}]});
    assert_eq!(names(&client.glue("SearchTables", sorted).await.ok()), ["web_visits", "web_orders"]);
    let (_, message) = client.glue("SearchTables", json!({"SortCriteria": [{"FieldName": "Size", "Sort": "ASC"}]})).await.failed();
    assert!(message.contains("\"Size\""), "{message}");
    let ask = json!({"DatabaseName": "shop", "Expression": "stock|web.*", "MaxResults": 2, "AttributesToGet": ["TABLE_TYPE"]});
    let page = client.glue("GetTables", ask.clone()).await.ok();
    let stock = json!({"Name": "stock", "DatabaseName": "shop", "CatalogId": "123456789012", "TableType": "EXTERNAL_TABLE"});
    assert_eq!((&page["TableList"][0], names(&page).len()), (&stock, 2));
    let mut ask = ask;
    ask["NextToken"] = page["NextToken"].clone();
    assert_eq!(names(&client.glue("GetTables", ask).await.ok()), ["web_visits"]);
    let done = client.glue("BatchDeleteTable", json!({"DatabaseName": "shop", "TablesToDelete": ["stock", "nope"]})).await.ok();
    assert_eq!((&done["Errors"][0]["TableName"], done["Errors"].as_array().unwrap().len()), (&json!("nope"), 1));
    let kept = client.glue("GetTable", json!({"DatabaseName": "shop", "Name": "sales"})).await.ok();
    assert_eq!(kept["Table"]["StorageDescriptor"]["SortColumns"], json!([{"Column": "id", "SortOrder": 1}]), "members are not lost");
    assert_eq!(kept["Table"]["LastAccessTime"], 1.5);
}

#[tokio::test]
async fn versions_are_compared_and_forgotten() {
    let client = with_sales(0).await;
    let table = json!({"Name": "sales", "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "string"}]}, "PartitionKeys": [{"Name": "day", "Type": "int"}]});
    client.glue("UpdateTable", json!({"DatabaseName": "shop", "TableInput": table, "VersionId": "0"})).await.ok();
    let diff = client.glue("PenchantGetTableVersionDiff", of_sales(json!({"FromVersionId": "0", "ToVersionId": "1"}))).await.ok();
    assert_eq!(diff["Changes"][0]["kind"], "column_retyped");
    let silent = json!({"DatabaseName": "shop", "TableInput": table, "VersionId": "1", "SkipArchive": true});
    client.glue("UpdateTable", silent.clone()).await.ok();
    assert_eq!(client.glue("UpdateTable", silent).await.failed().0, "ConcurrentModificationException");
    let done = client.glue("BatchDeleteTableVersion", of_sales(json!({"VersionIds": ["0", "1", "2"]}))).await.ok();
    let ids: Vec<&str> = done["Errors"].as_array().unwrap().iter().map(|error| error["VersionId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[tokio::test]
async fn functions_and_settings() {
    let client = with_sales(0).await;
    let input = json!({"FunctionName": "Clean", "ClassName": "a.B", "OwnerType": "USER", "ResourceUris": [{"ResourceType": "JAR", "Uri": "s3://b-b/x.jar"}]});
    client.glue("CreateUserDefinedFunction", json!({"DatabaseName": "shop", "FunctionInput": input})).await.ok();
    let got = client.glue("GetUserDefinedFunction", json!({"DatabaseName": "shop", "FunctionName": "clean"})).await.ok();
    assert_eq!((&got["UserDefinedFunction"]["ClassName"], &got["UserDefinedFunction"]["DatabaseName"]), (&json!("a.B"), &json!("shop")));
    let list = client.glue("GetUserDefinedFunctions", json!({"Pattern": "cl*"})).await.ok();
    assert_eq!(list["UserDefinedFunctions"][0]["ResourceUris"][0]["ResourceType"], "JAR");
    let update = json!({"DatabaseName": "shop", "FunctionName": "clean", "FunctionInput": {"FunctionName": "clean", "ClassName": "a.C"}});
    client.glue("UpdateUserDefinedFunction", update).await.ok();
    client.glue("DeleteUserDefinedFunction", json!({"DatabaseName": "shop", "FunctionName": "clean"})).await.ok();
    let (name, _) = client.glue("GetUserDefinedFunction", json!({"DatabaseName": "shop", "FunctionName": "clean"})).await.failed();
    assert_eq!(name, "EntityNotFoundException");
    assert_eq!(client.glue("GetCatalogImportStatus", json!({})).await.ok()["ImportStatus"]["ImportCompleted"], true);
    let settings = client.glue("GetDataCatalogEncryptionSettings", json!({})).await.ok();
    assert_eq!(settings["DataCatalogEncryptionSettings"]["EncryptionAtRest"]["CatalogEncryptionMode"], "DISABLED");
    assert_eq!(client.glue("GetResourcePolicy", json!({})).await.failed().0, "EntityNotFoundException");
}
