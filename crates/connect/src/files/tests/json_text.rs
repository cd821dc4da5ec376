#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

async fn json(text: &str, classifier: Option<&str>) -> Inspection {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let path = Path::from("a.json");
    store.put(&path, text.to_owned().into()).await.unwrap();
    let meta = store.head(&path).await.unwrap();
    let classifiers: Vec<Classifier> =
        classifier.map(|json_path| Classifier::Json { name: "paths".into(), json_path: json_path.into() }).into_iter().collect();
    match inspect_as(store, &meta, SampleLimits::default(), &classifiers).await.unwrap() {
        Finding::Usable(found) => found,
        other => panic!("{other:?}"),
    }
}

fn rows(text: &str, path: &str) -> domain::Result<Vec<(u64, String)>> {
    let mut rows = Vec::new();
    // A buffer of three bytes: no value may depend on where a buffer ends.
    let mut reader = std::io::BufReader::with_capacity(3, text.as_bytes());
    json_rows("a.json", &mut reader, &JsonPath::parse(path).unwrap(), &mut |line, row| {
        rows.push((line, String::from_utf8(row.to_vec()).unwrap()));
        Ok(true)
    })?;
    Ok(rows)
}

#[tokio::test]
async fn lists_and_objects_over_several_lines_are_rows() {
    let expected = [("id".to_owned(), DataType::Int64), ("town".to_owned(), DataType::Utf8)];
    for text in [
        "[{\"id\": 1, \"town\": \"Köln\"}, {\"id\": 2}]",
        "[\n  {\n    \"id\": 1\n  },\n\n  {\"id\":2,\t\"town\": \"]}\\\" x\"}\n]\n",
        "{\n  \"id\": 1\n}\n{\n  \"id\": 2, \"town\": null\n}{\"id\": 3, \"town\": \"x\"}",
        " [ {\"id\":1} , {\"id\":2,\"town\":\"\"} ] ",
    ] {
        let found = json(text, None).await;
        assert_eq!((columns(&found), &found.format), (expected.to_vec(), &Format::Json), "{text}");
    }
    assert_eq!(json("[{\"id\": 1}, {\"id\": 2}]", None).await.rows, Some(2));
}

#[test]
fn paths_lead_to_rows() {
    let text = "{\"meta\": {\"n\": 2}, \"a\": {\"b\": [{\"x\": 1},\n {\"x\": [2, {\"y\": \"\\\"}\"}]}, 7]},\n\"c\": {\"x\": 3}}";
    let found = |path: &str| rows(text, path).unwrap().into_iter().map(|(line, row)| format!("{line} {row}")).collect::<Vec<_>>();
    assert_eq!(found("$.a.b[*]"), ["1 {\"x\": 1}", "2 {\"x\": [2, {\"y\": \"\\\"}\"}]}"]);
    assert_eq!(found("$['a'].b[0]"), ["1 {\"x\": 1}"]);
    assert_eq!(found("$.a.b"), found("$.a.b[*]"), "a list leads to the objects in it");
    assert_eq!(found("$.c"), ["3 {\"x\": 3}"]);
    assert_eq!(found("$.*").len(), 3);
    assert_eq!(found("$.nowhere[*]"), Vec::<String>::new());
    assert_eq!(rows("[{\"a\":1},{\"a\":2}]", "$[*]").unwrap().len(), 2);
    assert_eq!(rows("[{\"a\":1},{\"a\":2}]", "$[1]").unwrap(), [(1, "{\"a\":2}".to_owned())]);
    for wrong in ["a.b", "$a", "$.", "$..a", "$[?(@.x)]", "$['a]", "$[-1]"] {
        assert!(JsonPath::parse(wrong).unwrap_err().contains("$.items[*]"), "{wrong}");
    }
}

#[test]
fn text_that_is_no_json_is_told_with_its_line() {
    for (text, line) in [
        ("{\"a\": 1}\n{\"a\": {\"b\": 2}\n", "line 3"),
        ("[{\"a\": 1}\n, 5]", "line 2"),
        ("{\"a\": 1}\n:", "line 2"),
        ("{\"a\": \"x", "began on line 1"),
        ("]", "line 1"),
    ] {
        let error = rows(text, "$").unwrap_err().to_string();
        assert!(error.contains(line) && error.contains("a.json"), "{text:?}: {error}");
    }
    let deep = "[".repeat(100_000);
    assert!(rows(&deep, "$").unwrap_err().to_string().contains("nested too deeply"));
}

#[tokio::test]
async fn a_path_of_a_classifier_is_kept() {
    let text = "{\"count\": 2, \"items\": [{\"sku\": \"a\", \"price\": 1.5}, {\"sku\": \"b\"}]}";
    let found = json(text, Some("$.items[*]")).await;
    assert_eq!(found.format, Format::JsonPath("$.items[*]".into()));
    assert_eq!(columns(&found), [("sku".to_owned(), DataType::Utf8), ("price".to_owned(), DataType::Float64)]);
    // One that leads nowhere leaves the file to what is found by looking.
    let other = json("{\"id\": 1}\n", Some("$.items[*]")).await;
    assert_eq!(other.format, Format::Json);
}

#[tokio::test]
async fn a_type_that_changes_in_the_middle_or_at_the_end_is_seen() {
    let line = "{\"v\": 1}\n";
    for odd in [510_000_usize, 999_999] {
        let text: String = (0..1_000_000).map(|row| if row == odd { "{\"v\":\"x\"}\n" } else { line }).collect();
        assert_eq!(json(&text, None).await.schema.field(0).data_type(), &DataType::Utf8, "row {odd}");
    }
    // Elsewhere it is not; the reader of the table stops there and names the place.
    let text: String = (0..1_000_000).map(|row| if row == 400_000 { "{\"v\":\"x\"}\n" } else { line }).collect();
    assert_eq!(json(&text, None).await.schema.field(0).data_type(), &DataType::Int64);
}
