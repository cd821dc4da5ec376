#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

async fn with(name: &str, text: &str, classifiers: &[Classifier]) -> Finding {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let path = Path::from(name);
    store.put(&path, text.to_owned().into()).await.unwrap();
    let meta = store.head(&path).await.unwrap();
    inspect_as(store, &meta, SampleLimits::default(), classifiers).await.unwrap()
}

async fn fits(name: &str, text: &str, classifiers: &[Classifier]) -> Inspection {
    match with(name, text, classifiers).await {
        Finding::Usable(found) => found,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn csv(classifier: CsvClassifier) -> Vec<Classifier> {
    vec![Classifier::Csv(CsvClassifier { name: "mine".into(), ..classifier })]
}

#[tokio::test]
async fn a_csv_classifier_decides_what_it_says() {
    let asked = csv(CsvClassifier { delimiter: Some('^'), quote: Some('\''), ..CsvClassifier::default() });
    let found = fits("a.txt", "id^name\n1^'a ^ \n b'\n2^'it''s'\n", &asked).await;
    assert_eq!(dialect(&found), CsvDialect { delimiter: b'^', quote: b'\'', has_header: true, quoted: true, ..CsvDialect::default() });
    assert_eq!(found.rows, Some(2));

    let absent = csv(CsvClassifier { header: HeaderRule::Absent, ..CsvClassifier::default() });
    let found = fits("a.csv", "name,town\nAnna,Ulm\n", &absent).await;
    assert_eq!((dialect(&found).has_header, found.rows), (false, Some(2)));
    let present = csv(CsvClassifier { header: HeaderRule::Present, ..CsvClassifier::default() });
    assert!(dialect(&fits("a.csv", "1,2\n3,4\n", &present).await).has_header);

    let named = csv(CsvClassifier {
        columns: vec!["nr".into(), "ort".into()],
        data_types: vec!["STRING".into(), "decimal(8,2)".into()],
        ..CsvClassifier::default()
    });
    let found = fits("a.csv", "id,value\n1,2\n", &named).await;
    assert_eq!(columns(&found), [("nr".to_owned(), DataType::Utf8), ("ort".to_owned(), DataType::Decimal128(8, 2))]);
    assert!(dialect(&found).has_header && dialect(&found).by_position);

    let single = csv(CsvClassifier { allow_single_column: true, ..CsvClassifier::default() });
    assert_eq!(columns(&fits("a.txt", "word\nAnna\nBernd\nAnna\n", &single).await).len(), 1);
    let trimmed = fits("a.csv", "n_id, x_id\n1, 5\n", &csv(CsvClassifier::default())).await;
    assert_eq!(trimmed.schema.field(1).data_type(), &DataType::Int64);
    let kept = fits("a.csv", "n_id, x_id\n1, 5\n", &csv(CsvClassifier { keep_spaces: true, ..CsvClassifier::default() })).await;
    assert_eq!(kept.schema.field(1).data_type(), &DataType::Utf8);
}

#[tokio::test]
async fn a_classifier_that_does_not_fit_is_passed_over_and_told_at_the_end() {
    let wrong = csv(CsvClassifier { delimiter: Some('^'), ..CsvClassifier::default() });
    assert_eq!(dialect(&fits("a.csv", "a_id;b_id\n1;2\n", &wrong).await).delimiter, b';');
    let mut all = csv(CsvClassifier { columns: vec!["one".into()], ..CsvClassifier::default() });
    all.push(Classifier::Json { name: "paths".into(), json_path: "$.x[*]".into() });
    all.push(Classifier::Grok {
        name: "logs".into(),
        classification: "log".into(),
        pattern: "%{IP:ip} %{NOSUCH:x}".into(),
        custom_patterns: String::new(),
    });
    let Finding::Unusable(reason) = with("prose.txt", "This is prose.\nIt goes on, and on.\nThe end\n", &all).await else {
        panic!("prose")
    };
    for told in ["no delimiter", "\"mine\" does not fit", "\"paths\" does not fit", "\"logs\" does not fit", "NOSUCH"] {
        assert!(reason.contains(told), "{told}: {reason}");
    }
    let late = [wrong, csv(CsvClassifier { header: HeaderRule::Absent, ..CsvClassifier::default() })].concat();
    assert!(!dialect(&fits("a.csv", "a_id;b_id\n1;2\n", &late).await).has_header, "the next one in order");
}

#[tokio::test]
async fn lines_by_a_grok_pattern() {
    let log = "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /a.gif HTTP/1.0\" 200 2326\n               10.0.0.9 - - [10/Oct/2000:13:55:37 -0700] \"POST /b HTTP/1.1\" 404 -\n";
    let grok = |pattern: &str, custom: &str| {
        [Classifier::Grok { name: "logs".into(), classification: "access".into(), pattern: pattern.into(), custom_patterns: custom.into() }]
    };
    let found = fits("access.log", log, &grok("%{COMMONAPACHELOG}", "")).await;
    let names: Vec<String> = columns(&found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["clientip", "ident", "auth", "timestamp", "verb", "request", "httpversion", "rawrequest", "response", "bytes"]);
    assert_eq!((found.format.classification(), found.rows), ("access", Some(2)));
    assert_eq!(found.schema.field_with_name("response").unwrap().data_type(), &DataType::Int64);

    let lines = "7|anna|1.50\n8|bernd|2\nno match at all\n9|carl|3\n10|dora|4\n11|emil|5\n";
    let found = fits("a.log", lines, &grok("^%{NUMBER:id:int}\\|%{WHO:who}\\|%{NUMBER:price:double}$", "WHO [a-z]+\n")).await;
    assert_eq!(
        columns(&found),
        [("id".to_owned(), DataType::Int32), ("who".to_owned(), DataType::Utf8), ("price".to_owned(), DataType::Float64)]
    );
    assert!(found.notes[0].contains("1 of the first 6 lines") && found.notes[0].contains("line 3"), "{:?}", found.notes);
}

#[tokio::test]
async fn an_xml_classifier_names_the_rows() {
    let xml = Classifier::Xml { name: "x".into(), classification: "xml".into(), row_tag: "Row".into() };
    let found = fits("a.xml", "<d><head/><head/><head/><body><Row n=\"1\"/><Row n=\"2\">t</Row></body></d>", &[xml]).await;
    assert_eq!(columns(&found), [("_n".to_owned(), DataType::Int64), ("_VALUE".to_owned(), DataType::Utf8)]);
}

#[tokio::test]
async fn ragged_rows_are_told_with_the_first_line() {
    let found = usable("a.csv", "id,name\n1,a\n2,b\n3\n4,d\n5,e\n6,f,g\n7,h\n8,i\n9,j\n10,k\n11,l\n").await;
    assert!(
        found.notes[0].contains("2 of the first 11 rows do not have 2 fields; the first of them is on line 4 and has 1"),
        "{:?}",
        found.notes
    );
}
