//! A graph in penchant.yaml, as its author meets it: shown, looked into, run, made one's own.

use crate::binary::{ask, ask_json, run, text};
use crate::project::walked_shop;

const JOB: &str = r#"jobs:
- Name: sales
  Description: Lines of orders with who ordered
  CodeGenConfigurationNodes:
    orders: {CatalogSource: {Name: Orders, Database: shop, Table: orders}}
    lines: {CatalogSource: {Name: Lines, Database: shop, Table: order_lines}}
    sold:
      Filter: {Name: Sold, Inputs: [lines], LogicalOperator: AND, Filters: [
        {Operation: GT, Values: [{Type: COLUMNEXTRACTED, Value: [qty]}, {Type: CONSTANT, Value: ["0"]}]}]}
    who:
      Join: {Name: Who, Inputs: [sold, orders], JoinType: equijoin, Columns: [
        {From: sold, Keys: [[order_id]]}, {From: orders, Keys: [[order_id]]}]}
    few: {SelectFields: {Name: Few, Inputs: [who], Paths: [[order_id], [sku], [qty], [cust_no]]}}
    export: {S3DirectTarget: {Name: Export, Inputs: [few], Path: "s3://shop/sales/", Format: csv, Mode: overwrite}}
"#;

#[test]
fn a_graph_is_shown_previewed_run_ejected_and_edited() {
    let shop = walked_shop();
    let yaml = std::fs::read_to_string(shop.path().join("penchant.yaml")).unwrap();
    let with = |job: &str| std::fs::write(shop.path().join("penchant.yaml"), yaml.replacen("jobs:\n", job, 1)).unwrap();
    with(JOB);
    assert!(ask(shop.path(), &["apply", "--dry-run"]).contains("+ create  job sales"));
    ask(shop.path(), &["apply"]);

    let preview = ask_json(shop.path(), &["job", "preview", "sales", "--node", "Sold", "--json"]);
    let (into, out) = (preview["Inputs"][0]["Rows"].as_u64().unwrap(), preview["Output"]["Rows"].as_u64().unwrap());
    assert!(into == 1000 && (900..1000).contains(&out), "corrections are filtered: {into} {out}");
    let shown = ask(shop.path(), &["job", "preview", "sales", "--rows", "50"]);
    assert!(
        shown.contains("On the first 50 rows of each table") && shown.contains("Out of export:") && shown.contains("cust_no"),
        "{shown}"
    );

    let many = run(shop.path(), &["job", "preview", "sales", "--rows", "1000001"]);
    assert!(text(&many.stderr).contains("1000001 is not in 1..=1000000"), "{}", text(&many.stderr));

    let result = ask_json(shop.path(), &["job", "run", "sales"]);
    let written = result["Sql"]["Outputs"][0]["RowsWritten"].as_u64().unwrap();
    let shown = ask(shop.path(), &["job", "show", "sales"]);
    for expected in ["a graph of 6 nodes", "shop.orders", "cust_no, order_id", "s3://shop/sales/", "SUCCEEDED", "peak memory"] {
        assert!(shown.contains(expected), "expected {expected:?} in:\n{shown}");
    }
    let json = ask_json(shop.path(), &["job", "show", "sales", "--json"]);
    assert_eq!(json["Runs"][0]["Result"], result);
    assert_eq!((json["Targets"][0].as_str(), json["Problem"].as_str()), (Some("s3://shop/sales/"), None), "{json:#}");

    assert!(ask(shop.path(), &["job", "code", "sales"]).contains("sold AS ("));
    assert!(ask(shop.path(), &["job", "code", "sales", "--language", "mermaid"]).starts_with("flowchart LR"));
    assert!(ask(shop.path(), &["job", "eject", "sales"]).contains("ScriptLocation: jobs/sales.sql"));
    let file = shop.path().join("jobs/sales.sql");
    let code = std::fs::read_to_string(&file).unwrap();
    assert!(code.contains("WHERE qty > 0"), "{code}");
    std::fs::write(&file, code.replace("WHERE qty > 0", "WHERE qty > 1")).unwrap();
    with(&JOB.replacen("  CodeGen", "  Command: {ScriptLocation: jobs/sales.sql}\n  CodeGen", 1));
    assert!(ask(shop.path(), &["apply"]).contains("0 created, 0 updated, 0 deleted"), "what eject changed is what the file says");
    let edited = ask_json(shop.path(), &["job", "run", "sales"])["Sql"]["Outputs"][0]["RowsWritten"].as_u64().unwrap();
    assert!(edited > 0 && edited < written, "{edited} of {written}");
    assert!(ask(shop.path(), &["job", "list"]).contains("Lines of orders with who ordered"));
}

/// Those of docs/scripts.md, and what removes old results.
#[test]
fn scripts_are_shown_as_such() {
    let docs = include_str!("../../../../docs/scripts.md");
    let jobs = docs.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let clean = "  - {Name: clean, Spec: {Clean: {Location: \"s3://shop/old/\"}}}\n";
    std::fs::write(folder.path().join("penchant.yaml"), format!("{jobs}{clean}")).unwrap();
    ask(folder.path(), &["apply"]);
    for (job, kind) in [("weather", "a script"), ("nightly", "a script: dbt"), ("clean", "the removal of what is under s3://shop/old/")] {
        let shown = ask(folder.path(), &["job", "show", job]);
        let is = shown.lines().find_map(|line| line.strip_prefix("is ")).unwrap_or_default().trim();
        assert_eq!(is, kind, "{shown}");
        assert!(!["cannot be said", "reads", "writes"].iter().any(|word| shown.contains(word)), "{shown}");
    }
}

#[test]
fn a_bookmark_is_shown_and_set_back() {
    let shop = walked_shop();
    let none = run(shop.path(), &["job", "bookmark", "users"]);
    assert_eq!(none.status.code(), Some(3), "{}", text(&none.stderr));
    let enable = "job-bookmark-option=job-bookmark-enable";
    let yaml = std::fs::read_to_string(shop.path().join("penchant.yaml")).unwrap();
    let job = JOB.replacen("  CodeGen", "  Bookmarks: [{Table: shop.order_lines, Keys: [order_id, line_no]}]\n  CodeGen", 1);
    std::fs::write(shop.path().join("penchant.yaml"), yaml.replacen("jobs:\n", &job, 1)).unwrap();
    ask(shop.path(), &["apply"]);
    let rows = || {
        let result = ask_json(shop.path(), &["job", "run", "sales", "--argument", enable]);
        result["Sql"]["Outputs"].as_array().unwrap().iter().map(|output| output["RowsWritten"].as_u64().unwrap()).sum::<u64>()
    };
    let (first, second) = (rows(), rows());
    assert!(first > 0 && second == 0, "{first} {second}");
    // A run that finds nothing new moves it too.
    let shown = ask(shop.path(), &["job", "bookmark", "sales"]);
    assert!(shown.contains("left it (version 2)") && shown.contains("shop.order_lines"), "{shown}");
    assert!(ask(shop.path(), &["job", "bookmark", "sales", "--reset"]).contains("at the beginning"));
    assert_eq!(rows(), first);
    let id = ask_json(shop.path(), &["job", "bookmark", "sales", "--json"])["RunId"].as_str().unwrap().to_owned();
    assert!(ask(shop.path(), &["job", "bookmark", "sales", "--reset", "--after", &id]).contains(&id));
}
