//! Jobs that are looked into, and jobs whose SQL depends on the rows.

use domain::ErrorKind;
use etl::{Format, Job, JobSpec, Language, Preview, Target, Workbench};
use serde_json::{Value, json};
use store::Location;

use super::House;
use super::files::{CSV, csv};

fn bench(house: &House) -> Workbench {
    Workbench::new(house.jobs.clone(), house.catalog.clone(), house.engine.clone())
}

async fn job(house: &House, name: &str) -> Job {
    house.jobs.get_job(name).await.unwrap().value
}

async fn preview(house: &House, node: &str, rows: u64) -> Preview {
    bench(house).preview(&job(house, "job").await, Some(node), rows).await.unwrap()
}

async fn code(house: &House, language: Language) -> String {
    bench(house).code(&job(house, "job").await, language).await.unwrap()
}

/// Notes, masked if they hold e-mails; and `gone`, which has no value.
fn masked() -> Value {
    json!({
        "notes": {"CatalogSource": {"Name": "Notes", "Database": "shop", "Table": "notes"}},
        "hide": {"PIIDetection": {"Name": "Hide", "Inputs": ["notes"], "PiiType": "ColumnMasking", "EntityTypesToDetect": ["EMAIL"]}},
        "full": {"DropNullFields": {"Name": "Full", "Inputs": ["hide"]}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["full"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}})
}

/// 100 rows of a note that holds nothing personal, `last` after them.
async fn notes(house: &House, last: &str) {
    let harmless: String = (0..100).map(|id| format!("{id},fine,kind,\n")).collect();
    house.put("notes/a.csv", format!("id,note,word,gone\n{harmless}{last}")).await;
    house.table("notes", "s3://data/notes/", csv(CSV), "id bigint, note string, word string, gone string").await;
}

#[tokio::test]
async fn what_a_run_by_bookmark_hides_and_drops_is_decided_by_the_rows_that_it_reads() {
    let house = House::new().await;
    notes(&house, "").await;
    house.graph_with("job", masked(), json!([{"Table": "shop.notes"}])).await;
    house.succeed("job").await;
    assert!(house.read("out/part-00000.csv").await.starts_with("id,note,word\n0,fine,kind\n"), "nothing to hide");
    house.put("notes/b.csv", "id,note,word,gone\n200,ann@example.org,,here\n201,bob@example.org,,\n").await;
    house.succeed("job").await;
    assert_eq!(house.read("out/part-00000.csv").await, "id,note,gone\n200,*******,here\n201,*******,\n");
}

#[tokio::test]
async fn a_graph_that_fits_together_only_without_its_empty_columns_goes_by_bookmark_too() {
    let house = House::new().await;
    notes(&house, "").await;
    house.put("more/a.csv", "id,gone\n7,8\n").await;
    house.table("more", "s3://data/more/", csv(CSV), "id bigint, gone array<int>").await;
    let graph = json!({
        "notes": {"CatalogSource": {"Name": "Notes", "Database": "shop", "Table": "notes"}},
        "more": {"CatalogSource": {"Name": "More", "Database": "shop", "Table": "more"}},
        "full": {"DropNullFields": {"Name": "Full", "Inputs": ["notes"]}},
        "all": {"Union": {"Name": "All", "Inputs": ["full", "more"], "UnionType": "ALL"}},
        "few": {"SelectFields": {"Name": "Few", "Inputs": ["all"], "Paths": [["id"]]}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["few"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}});
    house.graph_with("job", graph, json!([{"Table": "shop.notes"}])).await;
    assert!(bench(&house).columns_read(&job(&house, "job").await, &[]).await.is_err(), "without a look at the rows it does not");
    house.succeed("job").await;
    assert_eq!(house.lines("out/").await.1.len(), 101);
}

#[tokio::test]
async fn the_code_of_a_job_is_what_a_run_of_all_rows_does() {
    let house = House::new().await;
    notes(&house, "100,ann@example.org,kind,\n").await;
    house.graph("job", masked()).await;
    house.succeed("job").await;
    let ran = house.files().await;
    let sql = code(&house, Language::Sql).await;
    assert!(!sql.contains("'*******' AS note"), "one note in a hundred: {sql}");
    let (_, full) = sql.split_once("full_node AS (").unwrap();
    assert!(!full.contains("gone"), "no row has it: {sql}");
    let pyspark = code(&house, Language::PySpark).await;
    assert!(!pyspark.contains("'*******'"), "{pyspark}");
    bench(&house).eject("job", &Location::parse("s3://data/code/job.sql").unwrap()).await.unwrap();
    house.succeed("job").await;
    assert_eq!(house.files().await, ran, "what is hidden and what is dropped stays the same");
}

#[tokio::test]
async fn a_preview_decides_by_its_sample_and_reads_no_more() {
    let house = House::new().await;
    let personal: String = (0..90).map(|id| format!("{id},ann@example.org,kind,x\n")).collect();
    house.put("notes/a.csv", format!("id,note,word,gone\n1,fine,kind,\n2,fine,kind,\n{personal}")).await;
    house.table("notes", "s3://data/notes/", csv(CSV), "id bigint, note string, word string, gone string").await;
    house.graph("job", masked()).await;
    let few = preview(&house, "Full", 2).await;
    assert_eq!(few.rows[0], json!({"id": 1, "note": "fine", "word": "kind"}));
    let all = preview(&house, "Full", 1_000).await;
    assert_eq!((all.rows[0]["note"].as_str(), all.rows[2]["gone"].as_str()), (Some("*******"), Some("x")));
}

#[tokio::test]
async fn a_preview_of_too_many_rows_is_refused() {
    let house = House::new().await;
    notes(&house, "").await;
    let query = "SELECT repeat('x', 30000) AS x FROM shop.notes AS a CROSS JOIN shop.notes AS b";
    let target = Target::file("s3://data/out/", Format::Csv);
    let wide = Job::new("wide", JobSpec::Sql { query: Some(query.into()), database: None, target });
    let error = bench(&house).preview(&wide, None, 1_000).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::LimitExceeded, Some("JOB_MEMORY_EXCEEDED")), "{error}");
    assert_eq!(bench(&house).preview(&wide, None, 3).await.unwrap().output.rows, 9);
}

fn split() -> Value {
    json!({
        "notes": {"CatalogSource": {"Name": "Notes", "Database": "shop", "Table": "notes"}},
        "split": {"SplitFields": {"Name": "Split", "Inputs": ["notes"], "Paths": [["id"]]}},
        "rest": {"SelectFromCollection": {"Name": "Rest", "Inputs": ["split"], "Index": 1}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["rest"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}})
}

#[tokio::test]
async fn a_preview_shows_the_table_that_was_chosen_as_what_came_in() {
    let house = House::new().await;
    notes(&house, "").await;
    house.graph("job", split()).await;
    let found = preview(&house, "Rest", 5).await;
    let names = |columns: &[catalog::profile::ColumnProfile]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found.inputs[0].columns), ["note", "word", "gone"]);
    assert_eq!((names(&found.output.columns), found.inputs[0].node.as_deref()), (names(&found.inputs[0].columns), Some("split")));
}

#[tokio::test]
async fn every_table_that_a_node_gives_is_looked_through_for_a_failure() {
    let house = House::new().await;
    house.put("orders/a.csv", "id,list\n1,\"[1]\"\n").await;
    house.table("orders", "s3://data/orders/", csv(CSV), "id bigint, list string").await;
    let is = |operation: &str, value: &str| {
        json!([{"Operation": operation, "Values": [
            {"Type": "COLUMNEXTRACTED", "Value": ["list"]}, {"Type": "CONSTANT", "Value": [value]}]}])
    };
    let graph = json!({
        "orders": {"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "orders"}},
        "route": {"Route": {"Name": "Ways", "Inputs": ["orders"], "GroupFiltersList": [
            {"GroupName": "one", "LogicalOperator": "AND", "Filters": is("EQ", "x")},
            {"GroupName": "two", "LogicalOperator": "AND", "Filters": is("REGEX", "(")}]}},
        "two": {"SelectFromCollection": {"Name": "Two", "Inputs": ["route"], "Index": 1}},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["two"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}});
    house.graph("job", graph).await;
    let (_, message) = house.fail("job").await;
    assert!(message.starts_with("In node \"Ways\" (route)"), "{message}");
}

#[tokio::test]
async fn a_preview_of_edited_code_is_the_codes() {
    let house = House::new().await;
    notes(&house, "").await;
    house.graph("job", split()).await;
    let file = Location::parse("s3://data/code/job.sql").unwrap();
    bench(&house).eject("job", &file).await.unwrap();
    let text = house.read("code/job.sql").await;
    house.put("code/job.sql", text.replace("FROM rest", "FROM rest\nLIMIT 2")).await;
    for node in [None, Some("Out")] {
        let found = bench(&house).preview(&job(&house, "job").await, node, 5).await.unwrap();
        assert_eq!((found.node.as_deref(), found.output.rows), (Some("out"), 2));
    }
    let error = bench(&house).preview(&job(&house, "job").await, Some("split"), 5).await.unwrap_err();
    assert_eq!(
        error.message,
        "Node \"split\" of job \"job\" is not computed any more, as the job runs its own code, s3://data/code/job.sql; \
         a preview is there for out."
    );
}

#[tokio::test]
async fn ejecting_goes_on_where_it_ended_and_leaves_other_files_alone() {
    let house = House::new().await;
    notes(&house, "").await;
    house.graph("job", split()).await;
    let file = Location::parse("s3://data/code/job.sql").unwrap();
    // As it was left when the process ended after the file was written.
    house.put("code/job.sql", code(&house, Language::Sql).await).await;
    bench(&house).eject("job", &file).await.unwrap();
    assert_eq!(job(&house, "job").await.command.script_location.as_deref(), Some("s3://data/code/job.sql"));
    house.graph("job", split()).await;
    house.put("code/job.sql", "SELECT 1 AS mine").await;
    let error = bench(&house).eject("job", &file).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists, "{error}");
    assert_eq!(house.read("code/job.sql").await, "SELECT 1 AS mine");
}

async fn columns_of(house: &House, members: Value) -> Result<Vec<String>, String> {
    let mut source = json!({"Name": "Raw", "Paths": ["s3://data/raw/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": true});
    source.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    house
        .graph(
            "job",
            json!({"raw": {"S3CsvSource": source},
        "out": {"S3DirectTarget": {"Name": "Out", "Inputs": ["raw"], "Path": "s3://data/out/", "Format": "csv", "Mode": "overwrite"}}}),
        )
        .await;
    let found = bench(house).preview(&job(house, "job").await, Some("raw"), 100).await.map_err(|error| error.message)?;
    // Files are read beside each other, so which comes first is a matter of luck.
    let mut ids: Vec<_> = found.rows.iter().map(|row| row["id"].to_string()).collect();
    ids.sort_unstable();
    Ok(found.output.columns.iter().map(|column| column.name.clone()).chain([ids.join(" ")]).collect())
}

#[tokio::test]
async fn a_source_of_files_reads_those_that_its_members_leave() {
    let house = House::new().await;
    house.put("raw/README.csv", "what,this,is\nall,of,it\n").await;
    house.put("raw/b.csv", "id,who\n1,ann\n").await;
    house.put("raw/deep/er/c.csv", "id,who\n2,bob\n").await;
    let all = columns_of(&house, json!({"Exclusions": ["README*"]})).await.unwrap();
    assert_eq!(all, ["id", "who", "1 2"], "what is left out says nothing about the others");
    let flat = columns_of(&house, json!({"Exclusions": ["README*"], "Recurse": false})).await.unwrap();
    assert_eq!(flat, ["id", "who", "1"]);
    let packed = columns_of(&house, json!({"Exclusions": ["README*"], "CompressionType": "gzip"})).await.unwrap_err();
    assert_eq!(packed, "In node \"Raw\" (raw): CompressionType is \"gzip\", and the file raw/b.csv has \"none\".");
    let none = columns_of(&house, json!({"Exclusions": ["**"]})).await.unwrap_err();
    assert!(none.contains("A file with rows under s3://data/raw/"), "{none}");
}

#[tokio::test]
async fn a_source_of_files_has_paths_with_patterns() {
    let house = House::new().await;
    for (file, id) in
        [("raw/2024/01/a.csv", 1), ("raw/2024/02/a.csv", 2), ("raw/2025/01/a.csv", 3), ("raw/2025/01/deep/b.csv", 4), ("more.csv", 5)]
    {
        house.put(file, format!("id,who\n{id},ann\n")).await;
    }
    house.put("raw/2024/README.md", "id,who\n9,nobody\n").await;
    let path = |path: &str| format!("s3://data/{path}");
    for (paths, others, expected) in [
        (vec!["raw/2024/01/", "raw/2025/"], json!({}), "1 3 4"),
        (vec!["raw/2024/01/a.csv", "more.csv", "raw/2024/01/"], json!({}), "1 5"),
        (vec!["raw/*/01/"], json!({}), "1 3 4"),
        (vec!["raw/*/01"], json!({"Recurse": false}), "1 3"),
        (vec!["raw/20{24,25}/0[2-9]/*.csv", "mo?e.csv"], json!({}), "2 5"),
        (vec!["raw/"], json!({"Exclusions": ["**.md", "2025/**"]}), "1 2"),
        (vec!["raw/*/", "more.csv"], json!({"Exclusions": ["*/README.md", "**/deep/**"]}), "1 2 3 5"),
    ] {
        let mut members = others.clone();
        members["Paths"] = paths.iter().map(|text| path(text)).collect();
        let found = columns_of(&house, members).await.unwrap_or_else(|e| panic!("{paths:?}: {e}"));
        assert_eq!(found[2], expected, "{paths:?} {others}");
    }
    let error = columns_of(&house, json!({"Paths": ["s3://data/raw/", "s3://other/raw/"]})).await.unwrap_err();
    assert!(error.contains("Expected Paths within one bucket, found s3://data/raw/, s3://other/raw/"), "{error}");
    let error = columns_of(&house, json!({"Paths": ["s3://data/raw/20*/*", "s3://data/raw/2*"], "Recurse": false})).await.unwrap_err();
    assert!(error.contains("Without Recurse the patterns in Paths go equally deep"), "{error}");
}

#[tokio::test]
async fn the_partition_keys_of_a_tables_target_are_the_tables() {
    let house = House::new().await;
    notes(&house, "").await;
    house.partitioned_table("kept", "s3://data/kept/", csv(CSV), "id bigint, note string, gone string", "word string").await;
    for (table, keys, refusal) in [
        ("kept", json!([["word"]]), None),
        ("kept", json!([["note"]]), Some("which has [\"word\"]; found [\"note\"]")),
        ("notes", json!([["word"]]), Some("which has []; found [\"word\"]")),
    ] {
        let graph = json!({
            "notes": {"CatalogSource": {"Name": "Notes", "Database": "shop", "Table": "notes"}},
            "out": {"S3CatalogTarget": {"Name": "Out", "Inputs": ["notes"], "Database": "shop", "Table": table, "PartitionKeys": keys}}});
        house.graph("job", graph).await;
        match refusal {
            None => _ = house.succeed("job").await,
            Some(expected) => {
                let message = house.fail("job").await.1;
                assert!(message.contains(expected), "{message}");
            }
        }
    }
}
