use connect::files::HeaderRule;
use domain::ErrorKind;
use serde_json::json;

use super::{House, crawler};
use crate::Classifier;

fn classifier(json: serde_json::Value) -> Classifier {
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn a_crawler_names_classifiers_that_there_are() {
    let house = House::new().await;
    let csv = |name: &str| json!({"CsvClassifier": {"Name": name, "Delimiter": ";"}});
    for name in ["prices", "weblog"] {
        house.catalog.create_classifier(serde_json::from_value(csv(name)).unwrap()).await.unwrap();
    }
    let naming = |names: &[&str]| {
        let targets = json!({"S3Targets": [{"Path": "data"}]});
        crawler(json!({"Name": "c", "DatabaseName": "shop", "Targets": targets, "Classifiers": names}))
    };
    let refused = house.catalog.create_crawler(naming(&["weblog", "prcies"])).await.unwrap_err();
    assert_eq!(refused.kind, domain::ErrorKind::InvalidInput);
    assert_eq!(refused.message, "Crawler \"c\": there is no classifier \"prcies\"; did you mean prices?");
    house.catalog.create_crawler(naming(&["weblog", "prices"])).await.unwrap();
    let refused = house.catalog.update_crawler("c", naming(&["nothing like it"])).await.unwrap_err();
    assert_eq!(refused.message, "Crawler \"c\": there is no classifier \"nothing like it\"; there are prices, weblog.");
    assert_eq!(house.catalog.get_crawler("c").await.unwrap().classifiers, ["weblog", "prices"]);
}

#[tokio::test]
async fn classifiers_are_kept_by_name_and_kind() {
    let house = House::new().await;
    let catalog = &house.catalog;
    let csv = || classifier(json!({"CsvClassifier": {"Name": "mine", "Delimiter": ";", "ContainsHeader": "ABSENT", "Header": ["a", "b"]}}));
    catalog.create_classifier(csv()).await.unwrap();
    assert_eq!(catalog.create_classifier(csv()).await.unwrap_err().kind, ErrorKind::AlreadyExists);
    let other = classifier(json!({"XMLClassifier": {"Name": "mine", "Classification": "x", "RowTag": "row"}}));
    assert!(catalog.update_classifier(other).await.unwrap_err().message.contains("CsvClassifier"));
    catalog.create_classifier(classifier(json!({"JsonClassifier": {"Name": "items", "JsonPath": "$.items[*]"}}))).await.unwrap();
    let rules = catalog.classifiers(&["items".into(), "mine".into()]).await.unwrap();
    assert_eq!(rules.iter().map(connect::files::Classifier::name).collect::<Vec<_>>(), ["items", "mine"]);
    let connect::files::Classifier::Csv(rule) = &rules[1] else { panic!("{rules:?}") };
    assert_eq!((rule.delimiter, rule.header, rule.columns.len()), (Some(';'), HeaderRule::Absent, 2));
    assert_eq!(catalog.classifiers(&["nobody".into()]).await.unwrap_err().kind, ErrorKind::NotFound);
    catalog.delete_classifier("mine").await.unwrap();
    assert_eq!(catalog.list_classifiers().await.unwrap().len(), 1);
}

#[test]
fn what_could_not_work_is_refused_with_its_place() {
    for (wrong, word) in [
        (json!({"GrokClassifier": {"Name": "g", "Classification": "x", "GrokPattern": ""}}), "GrokPattern"),
        (json!({"GrokClassifier": {"Name": "g", "Classification": " ", "GrokPattern": "%{IP:ip}"}}), "Classification"),
        (json!({"GrokClassifier": {"Name": "g", "Classification": "x", "GrokPattern": "%{NOPE:ip}"}}), "NOPE"),
        (json!({"XMLClassifier": {"Name": "x", "Classification": "x", "RowTag": "<row>"}}), "'<'"),
        (json!({"XMLClassifier": {"Name": "x", "Classification": "x"}}), "RowTag"),
        (json!({"JsonClassifier": {"Name": "j", "JsonPath": "items"}}), "\"items\""),
        (json!({"JsonClassifier": {"Name": "j", "JsonPath": "$.a..b"}}), "\"..b\""),
        (json!({"JsonClassifier": {"Name": "j", "JsonPath": "$.a[x]"}}), "\"[x]\""),
        (json!({"JsonClassifier": {"Name": "j", "JsonPath": "$['a b'"}}), "\"['a b'\""),
        (json!({"JsonClassifier": {"Name": "j", "JsonPath": "$a"}}), "\"a\""),
        (json!({"CsvClassifier": {"Name": "c", "Delimiter": "::"}}), "Delimiter is one character"),
        (json!({"CsvClassifier": {"Name": "c", "Delimiter": ";", "QuoteSymbol": ";"}}), "differ"),
        (json!({"CsvClassifier": {"Name": "c", "Header": ["a", "b", "a"]}}), "place 3"),
        (json!({"CsvClassifier": {"Name": "c", "CustomDatatypeConfigured": true}}), "CustomDatatypes"),
        (json!({"CsvClassifier": {"Name": "c", "Serde": "Mine"}}), "OpenCSVSerDe"),
        (json!({"CsvClassifier": {"Name": ""}}), "1 to 255"),
    ] {
        let error = classifier(wrong.clone()).validate().unwrap_err();
        assert!(error.kind == ErrorKind::InvalidInput && error.message.contains(word), "{wrong}: {error}");
    }
    for path in ["$", "$.items[*]", "$[*].lines", "$['a b'][0].c", "$.*.x"] {
        classifier(json!({"JsonClassifier": {"Name": "j", "JsonPath": path}})).validate().unwrap();
    }
}
