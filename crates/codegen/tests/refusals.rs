//! What is refused, and in which words; and that nothing a user writes can become SQL that he did not mean.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use codegen::{Column, Graph, KINDS, Planner, Role, Script, compile};
use domain::{Error, Result};
use futures::executor::block_on;
use serde_json::{Value, json};

/// Everything has the columns of one table.
struct Same;

#[async_trait::async_trait]
impl Planner for Same {
    fn now(&self) -> i64 {
        0
    }

    async fn columns(&self, _sql: &str) -> Result<Vec<Column>> {
        let columns =
            [("id", "bigint"), ("text", "string"), ("price", "double"), ("day", "date"), ("lists", "array<int>"), ("m", "map<string,int>")];
        Ok(columns.map(|(name, kind)| Column { name: name.to_owned(), data_type: kind.to_owned() }).to_vec())
    }
}

/// Everything has two columns that are one without regard to case.
struct TwoCases;

#[async_trait::async_trait]
impl Planner for TwoCases {
    fn now(&self) -> i64 {
        0
    }

    async fn columns(&self, _sql: &str) -> Result<Vec<Column>> {
        Ok(["Größe", "GRÖSSE", "größe"].map(|name| Column { name: name.to_owned(), data_type: "string".to_owned() }).to_vec())
    }
}

fn source() -> Value {
    json!({"CatalogSource": {"Name": "Orders", "Database": "shop", "Table": "orders"}})
}

fn target(input: &str) -> Value {
    json!({"S3DirectTarget": {"Name": "Out", "Inputs": [input], "Path": "s3://lake/out/", "Format": "csv"}})
}

fn compiled(graph: Value) -> Result<Script> {
    block_on(compile(&Graph::parse(graph)?, &Same))
}

fn refused(graph: Value) -> Error {
    compiled(graph).expect_err("refused")
}

/// The error of one transform over the table.
fn transform(kind: &str, mut members: Value) -> Error {
    members["Name"] = json!("Node");
    members["Inputs"] = members.get("Inputs").cloned().unwrap_or(json!(["a"]));
    refused(json!({"a": source(), "b": {kind: members}, "c": target("b")}))
}

fn says(error: &Error, code: &str, words: &str) {
    assert_eq!(error.code, Some(code), "{error}");
    assert!(error.message.contains(words), "{error}\nshould say {words}");
    assert!(error.message.ends_with('.') && !error.message.contains('\n'), "{error} is one sentence");
}

#[test]
fn every_kind_without_a_meaning_is_refused_by_name() {
    let kinds: Vec<_> = KINDS.iter().filter(|kind| kind.refusal.is_some()).collect();
    assert_eq!(kinds.len(), 35);
    for kind in kinds {
        let inputs = if kind.role == Role::Source { json!([]) } else { json!(["a"]) };
        let error = refused(json!({"a": source(), "x1": {kind.name: {"Name": "My node", "Inputs": inputs}}}));
        says(&error, "JOB_NODE_UNSUPPORTED", &format!("Node \"My node\" (x1) is a {}, which has no meaning here; ", kind.name));
    }
    says(
        &refused(json!({"x": {"Teleport": {"Name": "x"}}})),
        "JOB_NODE_UNSUPPORTED",
        "\"Teleport\", a kind that neither Glue nor Penchant has",
    );
    let pii = transform("PIIDetection", json!({"PiiType": "RowMasking", "EntityTypesToDetect": ["PERSON_NAME"]}));
    assert!(pii.to_string().starts_with("In node \"Node\" (b, PIIDetection): "), "{pii}");
    let avro = json!({"a": source(), "b": {"S3DirectTarget": {"Name": "Out", "Inputs": ["a"], "Path": "s3://x/", "Format": "avro"}}});
    says(&refused(avro), "JOB_NODE_UNSUPPORTED", "expected Format csv, json or parquet, found \"avro\"");
}

#[test]
fn a_graph_is_checked_before_anything_is_compiled() {
    let filter = |inputs: Value| json!({"DropDuplicates": {"Name": "F", "Inputs": inputs}});
    let cases = [
        (json!([]), "a map of node ids"),
        (json!({}), "1 to 1000 nodes"),
        (json!({"a b": source()}), "letters, digits, - and _"),
        (json!({"a": {"CatalogSource": {}, "Filter": {}}}), "exactly one kind"),
        (json!({"a": {}}), "found 0 kinds"),
        (json!({"a": {"CatalogSource": 1}}), "its members in a map"),
        (json!({"a": {"CatalogSource": {"Database": "d", "Table": "t"}}}), "a Name of one line"),
        (json!({"a": {"CatalogSource": {"Name": "x", "Database": "d"}}}), "expected Database and Table"),
        (json!({"a": source()}), "at least one target"),
        (json!({"a": source(), "b": target("nobody")}), "\"nobody\" is no node"),
        (json!({"a": source(), "b": target("a"), "c": filter(json!(["b"]))}), "is a target, which gives no rows"),
        (json!({"a": source(), "b": filter(json!([])), "c": target("b")}), "expected 1 input, found 0"),
        (json!({"a": source(), "b": filter(json!(["a", "a"])), "c": target("b")}), "expected 1 input, found 2"),
        (json!({"a": filter(json!(["b"])), "b": filter(json!(["a"])), "c": target("b")}), "found b reads a reads b"),
        (json!({"a": filter(json!(["a"]))}), "found a reads a"),
    ];
    for (graph, words) in cases {
        says(&refused(graph), "JOB_GRAPH_INVALID", words);
    }
    let misspelt = transform("DropDuplicates", json!({"Colums": []}));
    says(&misspelt, "JOB_GRAPH_INVALID", "unknown field `Colums`");
    let graph = json!({"a": source(), "b": {"DropDuplicates": null, "SelectFields": {"Name": "S", "Inputs": ["a"], "Paths": [["id"]]}}, "c": target("b")});
    let parsed = Graph::parse(graph.clone()).unwrap();
    assert_eq!(*parsed.value(), graph, "what was put is given back");
}

#[test]
fn a_column_that_is_gone_or_of_another_type_is_named_with_its_node() {
    let gone = transform("SelectFields", json!({"Paths": [["colour"]]}));
    says(
        &gone,
        "JOB_COLUMN_MISSING",
        "In node \"Node\" (b, SelectFields): expected the column \"colour\" in its input orders, found \"id\"",
    );
    says(&transform("DropFields", json!({"Paths": [["text", "inner"]]})), "JOB_COLUMN_MISSING", "\"text.inner\"");
    let filter = |operation: &str, column: &str, constant: &str| {
        let values = json!([{"Type": "COLUMNEXTRACTED", "Value": [column]}, {"Type": "CONSTANT", "Value": [constant]}]);
        transform("Filter", json!({"LogicalOperator": "AND", "Filters": [{"Operation": operation, "Values": values}]}))
    };
    for (column, constant) in [
        ("id", "1 OR TRUE"),
        ("id", "1.5x"),
        ("id", ""),
        ("price", "NaN"),
        ("price", "1e"),
        ("day", "2024-13-01"),
        ("day", "2024-01-01'"),
        ("lists", "1"),
    ] {
        says(&filter("EQ", column, constant), "JOB_COLUMN_TYPE", &format!("{constant:?}"));
    }
    says(&filter("EQ", "nothing", "1"), "JOB_COLUMN_MISSING", "\"nothing\"");
    let keys = |key: &str| {
        let columns = json!([{"From": "a", "Keys": [["id"]]}, {"From": "a", "Keys": [[key]]}]);
        transform("Join", json!({"Inputs": ["a", "a"], "JoinType": "left", "Columns": columns}))
    };
    says(&keys("text"), "JOB_COLUMN_TYPE", "expected BIGINT as in the key \"id\" of orders in the column \"text\", found VARCHAR");
    let sum = transform("Aggregate", json!({"Groups": [], "Aggs": [{"Column": ["text"], "AggFunc": "sum"}]}));
    says(&sum, "JOB_COLUMN_TYPE", "expected a number in the column \"text\", found VARCHAR");
    says(&transform("Relationalize", json!({})), "JOB_COLUMN_TYPE", "take what you need out of a map");
    let cast = |from: &str, to: &str| transform("ApplyMapping", json!({"Mapping": [{"FromPath": [from], "ToKey": "x", "ToType": to}]}));
    says(&cast("lists", "int"), "JOB_COLUMN_TYPE", "found a list");
    let fill = |path: &str| transform("FillMissingValues", json!({"ImputedPath": path}));
    says(&fill("lists"), "JOB_COLUMN_TYPE", "expected a plain value in the column \"lists\"");
    says(&fill("m.city"), "JOB_NODE_UNSUPPORTED", "found \"city\" within \"m\": make it a column by a Flatten node before this one");
    for deep in ["array<".repeat(100_000), format!("{}int{}", "struct<a:".repeat(100_000), ">".repeat(100_000))] {
        says(&cast("id", &deep), "JOB_GRAPH_INVALID", "expected a ToType that a value can be cast to");
    }
    let keys = json!({"a": source(), "b": {"MySQLCatalogTarget": {"Name": "T", "Inputs": ["a"], "Database": "d", "Table": "t", "Mode": "upsert", "Keys": ["nr"]}}});
    says(&refused(keys), "JOB_COLUMN_MISSING", "\"nr\"");
}

#[test]
fn members_that_make_no_sense_are_refused() {
    let aggs = |functions: Value| transform("Aggregate", json!({"Groups": [["id"]], "Aggs": functions}));
    let twice = json!([{"Column": ["price"], "AggFunc": "max", "Alias": "x"}, {"Column": ["price"], "AggFunc": "min", "Alias": "X"}]);
    let route = json!({"GroupFiltersList": [{"GroupName": "g", "LogicalOperator": "AND", "Filters": [{"Operation": "ISNULL", "Values": [{"Type": "COLUMNEXTRACTED", "Value": ["id"]}]}]}]});
    let mapped = |keys: &[&str]| {
        let mapping: Vec<Value> = keys.iter().map(|key| json!({"FromPath": ["id"], "ToKey": key, "ToType": "bigint"})).collect();
        transform("ApplyMapping", json!({"Mapping": mapping}))
    };
    let cases = [
        (mapped(&["a", "a.b"]), "different names"),
        (mapped(&["a.b", "a"]), "different names"),
        (mapped(&["a.b", "a.B"]), "different names"),
        (mapped(&["a..b"]), "with points between them in ToKey, found \"a..b\""),
        (mapped(&["`a`b"]), "in ToKey"),
        (mapped(&[&"a.".repeat(100_000)]), "at most 64 names"),
        (aggs(json!([])), "at least one function"),
        (aggs(twice), "different names"),
        (aggs(json!([{"Column": ["price"], "AggFunc": "product"}])), "unknown variant `product`"),
        (transform("Route", route), "gives several tables (0: g, 1: default_group); put a SelectFromCollection between"),
        (transform("SelectFromCollection", json!({"Index": 0})), "expected an input that gives several tables"),
        (transform("FillMissingValues", json!({"ImputedPath": "price", "Rule": "previous"})), "expected OrderBy"),
        (transform("FillMissingValues", json!({"ImputedPath": "price", "Value": "1"})), "Value has no meaning"),
        (transform("DropFields", json!({"Paths": [["id"], ["text"], ["price"], ["day"], ["lists"], ["m"]]})), "at least one column"),
        (transform("Filter", json!({"LogicalOperator": "AND", "Filters": []})), "at least one condition"),
        (transform("Spigot", json!({"Path": "s3://x/", "Prob": 2.0})), "Prob from 0 to 1"),
        (transform("SparkSQL", json!({"SqlQuery": "select 1", "SqlAliases": [{"From": "z", "Alias": "x"}]})), "one of its inputs"),
    ];
    for (error, words) in cases {
        says(&error, "JOB_GRAPH_INVALID", words);
    }
}

/// Rows are put together by the names of columns, without regard to case: one of two alike would be lost.
#[test]
fn tables_with_two_columns_of_one_name_are_not_put_together() {
    let nodes = [
        json!({"Union": {"Name": "Node", "Inputs": ["a", "z"], "UnionType": "ALL"}}),
        json!({"Merge": {"Name": "Node", "Inputs": ["a", "z"], "Source": "a", "PrimaryKeys": [["GRÖSSE"]]}}),
    ];
    for node in nodes {
        let graph = Graph::parse(json!({"a": source(), "z": source(), "b": node, "c": target("b")})).unwrap();
        let error = block_on(compile(&graph, &TwoCases)).expect_err("refused");
        says(&error, "JOB_GRAPH_INVALID", "expected different names for its columns, found \"größe\" twice");
    }
}

#[test]
fn a_sample_by_chance_needs_something_to_hash() {
    struct Of(&'static str);
    #[async_trait::async_trait]
    impl Planner for Of {
        fn now(&self) -> i64 {
            0
        }

        async fn columns(&self, _sql: &str) -> Result<Vec<Column>> {
            Ok(vec![Column { name: "x".to_owned(), data_type: self.0.to_owned() }])
        }
    }
    let spigot = json!({"Spigot": {"Name": "Node", "Inputs": ["a"], "Path": "s3://x/", "Prob": 0.25}});
    let graph = Graph::parse(json!({"a": source(), "b": spigot, "c": target("b")})).unwrap();
    let script = block_on(compile(&graph, &Of("double"))).unwrap();
    let sample = &script.statements[0].sql;
    assert!(sample.contains("WHERE md5(COALESCE(CAST(x AS VARCHAR), '')) < '40000000'"), "{sample}");
    says(
        &block_on(compile(&graph, &Of("array<int>"))).expect_err("refused"),
        "JOB_GRAPH_INVALID",
        "expected a column of plain values for Prob",
    );
}

#[test]
fn sql_that_a_user_writes_stays_within_its_node() {
    for query in [
        "select 1; drop table x",
        "select 1) as q, (select 2",
        "select (1",
        "select 'open",
        "select \"open",
        "/* open",
        "-- nothing",
        "",
        "select /* a /* b */ */ 1",
        "select E'\\'' --'",
        "select $$;$$",
    ] {
        let error = transform("SparkSQL", json!({"SqlQuery": query, "SqlAliases": []}));
        says(&error, "JOB_GRAPH_INVALID", "In node \"Node\" (b, SparkSQL): SqlQuery");
        let error = transform("CustomFunction", json!({"Columns": [{"Name": "x", "Expression": query}]}));
        says(&error, "JOB_GRAPH_INVALID", "the Expression of \"x\"");
    }
    let columns = json!([{"Name": "x", "Expression": "1 AS extra, price * 2"}, {"Name": "y", "Expression": "price FROM shop.other UNION ALL SELECT 1, 2"}]);
    let graph = json!({"a": source(), "b": {"CustomFunction": {"Name": "Node", "Inputs": ["a"], "Columns": columns}}, "c": target("b")});
    let text = compiled(graph).unwrap().text("job");
    assert!(
        text.contains("(1 AS extra, price * 2) AS x,\n") && text.contains("(price FROM shop.other UNION ALL SELECT 1, 2) AS y\n"),
        "{text}"
    );
    let odd = "x\"; DROP TABLE y; --\u{2028}🦀";
    let graph = json!({"a": source(), "b": {"RenameField": {"Name": odd, "Inputs": ["a"], "SourcePath": ["id"], "TargetPath": [odd]}}, "c": target("b")});
    let script = compiled(graph).unwrap();
    let text = script.text("a\njob; --");
    assert!(text.starts_with("-- Job a job; --: one CTE per node"), "{text}");
    assert!(text.contains("  -- x\"; DROP TABLE y; -- 🦀 (b, RenameField)\n  x_drop_table_y AS ("), "{text}");
    assert!(text.contains("id AS \"x\"\"; DROP TABLE y; --\u{2028}🦀\""), "{text}");
    assert_eq!(Script::parse(&text).unwrap().len(), 1);
}

#[test]
fn a_scripts_text_is_read_as_strictly_as_it_is_written() {
    let parts = |text: &str| Script::parse(text).map(|parts| parts.into_iter().map(|part| (part.target, part.sql)).collect::<Vec<_>>());
    let one = parts("-- mine\nSELECT ';' AS a -- target: no\n;\n").unwrap();
    assert_eq!(one, [(None, "SELECT ';' AS a -- target: no".to_owned())]);
    let two = parts("-- target: a (x)\nSELECT 1;\n\n-- more\n-- target: b\nSELECT 2").unwrap();
    assert_eq!(two, [(Some("a".to_owned()), "SELECT 1".to_owned()), (Some("b".to_owned()), "SELECT 2".to_owned())]);
    for (text, words) in [
        ("", "Expected SQL"),
        ("SELECT 1; SELECT 2", "before statement 1 of several"),
        ("-- target: a\nSELECT 1; SELECT 2", "before statement 2 of several"),
        ("-- target: a\nSELECT 1;\n-- target: a\nSELECT 2", "one statement for the target \"a\", found two"),
        ("-- target: a\n;SELECT 2", "Expected a SELECT under"),
        ("SELECT 'x", "does not close"),
    ] {
        says(&Script::parse(text).unwrap_err(), "JOB_GRAPH_INVALID", words);
    }
}

/// `glue_nodes.json` has every kind of node with every member that Glue's API model (botocore) gives it.
#[test]
fn every_member_of_glues_model_is_known() {
    let nodes: serde_json::Map<String, Value> = serde_json::from_str(include_str!("glue_nodes.json")).unwrap();
    let known: Vec<&str> = KINDS.iter().filter(|kind| !kind.ours).map(|kind| kind.name).collect();
    assert_eq!(nodes.len(), known.len());
    for (name, members) in nodes {
        let kind = KINDS.iter().find(|kind| kind.name == name).unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(members.get("Inputs").is_some(), kind.role != Role::Source, "{name}");
        if kind.refusal.is_some() {
            continue;
        }
        let mut members = members.clone();
        if kind.role != Role::Source {
            members["Inputs"] = json!(vec!["a"; kind.inputs.0]);
        }
        if let Some(options) = members.get_mut("AdditionalOptions").and_then(Value::as_object_mut) {
            options.retain(|name, _| !["BoundedSize", "BoundedFiles", "JobBookmarkKeys"].contains(&name.as_str()));
        }
        // What the model cannot say: which of the values go together, and which are followed.
        match name.as_str() {
            "ConnectorDataSource" => {
                members["ConnectionType"] = json!("mongodb");
                members["Data"] = json!({"connectionName": "c", "collection": "t"});
            }
            "JDBCConnectorSource" => members["Query"] = json!(""),
            "S3CsvSource" => members["Escaper"] = json!(""),
            "DirectKafkaSource" | "CatalogKafkaSource" => {
                let options = members["StreamingOptions"].as_object_mut().unwrap();
                let refused = ["BootstrapServers", "SecurityProtocol", "Assign", "SubscribePattern", "StartingTimestamp"];
                options.retain(|name, _| !refused.contains(&name.as_str()));
                let whole =
                    json!({"StartingOffsets": "earliest", "EndingOffsets": "latest", "Delimiter": ",", "AddRecordTimestamp": "false"});
                options.extend(whole.as_object().unwrap().clone());
            }
            "AmazonRedshiftSource" => members["Data"]["SourceType"] = json!("table"),
            "S3DirectTarget" => members["Format"] = json!("csv"),
            _ => {}
        }
        let graph = Graph::parse(json!({"a": source(), "b": {&name: members}}));
        assert!(graph.is_ok(), "{name}: {}", graph.unwrap_err());
    }
}

#[test]
fn a_member_that_would_change_the_rows_and_is_not_followed_is_refused() {
    let of = |kind: &str, members: Value| Graph::parse(json!({"a": {kind: members}}));
    let csv = |escaper: &str| of("S3CsvSource", json!({"Name": "A", "Paths": ["s3://lake/"], "Escaper": escaper}));
    assert!(csv("").is_ok() && csv("\"").is_ok());
    says(&csv("\\").unwrap_err(), "JOB_NODE_UNSUPPORTED", "expected no Escaper");
    let table = |kind: &str, member: &str, options: Value| of(kind, json!({"Name": "A", "Database": "d", "Table": "t", member: options}));
    let files = of("S3ParquetSource", json!({"Name": "A", "Paths": ["s3://lake/"], "AdditionalOptions": {"BoundedFiles": 5}}));
    says(&files.unwrap_err(), "JOB_NODE_UNSUPPORTED", "expected no BoundedFiles in AdditionalOptions");
    let bounded = table("S3CatalogSource", "AdditionalOptions", json!({"BoundedSize": 5}));
    says(&bounded.unwrap_err(), "JOB_NODE_UNSUPPORTED", "expected no BoundedSize in AdditionalOptions");
    let keys = json!({"Name": "A", "ConnectionName": "c", "ConnectionTable": "t", "AdditionalOptions": {"JobBookmarkKeys": ["id"]}});
    says(&of("JDBCConnectorSource", keys).unwrap_err(), "JOB_NODE_UNSUPPORTED", "name the keys in the job's Bookmarks");
    for (member, value, expected) in [
        ("StartingOffsets", json!("latest"), "expected StartingOffsets earliest in StreamingOptions"),
        ("EndingOffsets", json!("{\"t\":{\"0\":5}}"), "expected EndingOffsets latest"),
        ("IncludeHeaders", json!(true), "expected IncludeHeaders false"),
        ("StartingTimestamp", json!("2025-01-01T00:00:00Z"), "expected no StartingTimestamp"),
    ] {
        let options = json!({"ConnectionName": "c", "TopicName": "t", member: value});
        let error = of("DirectKafkaSource", json!({"Name": "A", "StreamingOptions": options})).unwrap_err();
        says(&error, "JOB_NODE_UNSUPPORTED", expected);
        says(&table("CatalogKafkaSource", "StreamingOptions", options).unwrap_err(), "JOB_NODE_UNSUPPORTED", expected);
    }
}

#[test]
fn a_target_that_is_a_table_has_no_members_of_files() {
    let of = |member: &str, value: Value| {
        let target = json!({"Name": "C", "Inputs": ["a"], "Database": "shop", "Table": "orders", member: value});
        Graph::parse(json!({"a": source(), "c": {"MySQLCatalogTarget": target}})).unwrap_err()
    };
    says(&of("MaxFileRows", json!(5)), "JOB_GRAPH_INVALID", "expected no MaxFileRows");
    says(&of("Compression", json!("gzip")), "JOB_GRAPH_INVALID", "expected no Compression");
    let jdbc = json!({"Name": "C", "Inputs": ["a"], "ConnectionName": "c", "ConnectionTable": "t", "PartitionKeys": [["day"]]});
    let error = Graph::parse(json!({"a": source(), "c": {"JDBCConnectorTarget": jdbc}})).unwrap_err();
    says(&error, "JOB_GRAPH_INVALID", "expected no PartitionKeys");
}
