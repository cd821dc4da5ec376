//! What holds for every operation: names, signatures, required members, limits, headers.

use serde_json::json;

use super::client::{Ask, Client};
use crate::operations::{Operation, Service, all};

fn ask(operation: &Operation) -> Ask {
    match operation.service {
        Service::Personalize => Ask::target(&format!("AmazonPersonalize.{}", operation.name), "personalize", &json!({})),
        Service::Glue => Ask::target(&format!("AWSGlue.{}", operation.name), "glue", &json!({})),
        Service::EventBridge => Ask::target(&format!("AWSEvents.{}", operation.name), "events", &json!({})),
        Service::Runtime | Service::Events => Ask::post(operation.path, &json!({})),
        Service::Sts => Ask::form("sts", &format!("Action={}&Version=2011-06-15", operation.name)),
        Service::Iam => Ask::form("iam", &format!("Action={}&Version=2010-05-08", operation.name)),
    }
}

#[tokio::test]
async fn every_operation_is_reached_and_names_what_is_missing() {
    let client = Client::new().await;
    for operation in all() {
        let reply = client.send(ask(&operation)).await;
        assert!(!reply.header("x-amzn-requestid").is_empty(), "{operation:?}");
        let text = reply.text();
        assert!(!text.contains("UnknownOperation") && !text.contains("InvalidAction"), "{operation:?}: {text}");
        if operation.required.is_empty() {
            // These need one of several members, or say that there is nothing of the kind.
            let has_no_answer = matches!(
                operation.name,
                "GetRecommendations" | "TestConnection" | "CreateClassifier" | "UpdateClassifier" | "GetResourcePolicy"
            );
            assert_eq!(reply.status.as_u16(), if has_no_answer { 400 } else { operation.status }, "{operation:?}: {text}");
            continue;
        }
        assert_eq!(reply.status, 400, "{operation:?}: {text}");
        for member in operation.required {
            assert!(text.contains(member), "{operation:?}: {text}");
        }
        let named = format!("{text}{}", reply.header("x-amzn-errortype"));
        assert!(named.contains("InvalidInputException") || named.contains("Validation"), "{operation:?}: {named}");
    }
}

#[tokio::test]
async fn nothing_is_done_for_who_does_not_sign() {
    let client = Client::new().await;
    for operation in all() {
        let reply = client.send_unsigned(ask(&operation)).await;
        let named = format!("{}{}", reply.text(), reply.header("x-amzn-errortype"));
        assert!(named.contains("MissingAuthenticationToken"), "{operation:?}: {named}");
        assert_eq!(reply.status, if operation.service.is_json_target() { 400 } else { 403 }, "{operation:?}");
    }
    let reply = client.send_unsigned(Ask::s3("GET", "/", b"")).await;
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("AccessDenied"), "{}", reply.text());
}

#[tokio::test]
async fn wrong_keys_get_the_error_of_their_service() {
    let mut client = Client::new().await;
    client.secret = client.secret.replace('a', "b");
    let (name, message) = client.glue("GetDatabases", json!({})).await.failed();
    assert_eq!(name, "InvalidSignatureException");
    assert!(message.contains("does not match the signature"), "{message}");
    let reply = client.send(Ask::post("/events", &json!({}))).await;
    assert_eq!((reply.status.as_u16(), reply.header("x-amzn-errortype")), (403, "InvalidSignatureException"));
    let reply = client.send(Ask::form("sts", "Action=GetCallerIdentity")).await;
    assert!(reply.status == 403 && reply.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", reply.text());
    let reply = client.s3("GET", "/", b"").await;
    assert!(reply.status == 403 && reply.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", reply.text());

    client.key = "AKIASOMEBODYELSE0000".into();
    assert_eq!(client.personalize("ListSchemas", json!({})).await.failed().0, "UnrecognizedClientException");
    let reply = client.send(Ask::form("sts", "Action=GetCallerIdentity")).await;
    assert!(reply.text().contains("<Code>InvalidClientTokenId</Code>"), "{}", reply.text());
    let reply = client.s3("GET", "/", b"").await;
    assert!(reply.text().contains("<Code>InvalidAccessKeyId</Code>"), "{}", reply.text());
}

#[tokio::test]
async fn a_signature_for_one_service_opens_no_other() {
    let client = Client::new().await;
    let mut ask = Ask::target("AWSGlue.GetDatabases", "glue", &json!({}));
    ask.service = "personalize";
    assert_eq!(client.send(ask).await.failed().0, "InvalidSignatureException");
    let mut ask = Ask::s3("GET", "/", b"");
    ask.service = "glue";
    assert_ne!(client.send(ask).await.status, 200);
}

#[tokio::test]
async fn unknown_operations_are_400() {
    let client = Client::new().await;
    let cases = [
        Ask::target("AmazonPersonalize.CreateEverything", "personalize", &json!({})),
        Ask::target("AWSGlue.CreateDevEndpoint", "glue", &json!({})),
        Ask::target("DynamoDB_20120810.ListTables", "dynamodb", &json!({})),
        Ask::target("AWSGlue", "glue", &json!({})),
        Ask::post("/action-recommendations", &json!({})),
    ];
    for case in cases {
        let reply = client.send(case.clone()).await;
        assert_eq!(reply.status, 400, "{case:?}");
        let named = format!("{}{}", reply.text(), reply.header("x-amzn-errortype"));
        assert!(named.contains("UnknownOperationException"), "{named}");
    }
    let reply = client.send(Ask::form("iam", "Action=ListUsers")).await;
    assert!(reply.status == 400 && reply.text().contains("InvalidAction"), "{}", reply.text());
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_so() {
    let client = Client::new().await;
    let mut ask = Ask::target("AWSGlue.GetDatabases", "glue", &json!({}));
    ask.body = b"{\"Name\": ".to_vec();
    let (name, message) = client.send(ask.clone()).await.failed();
    assert!(name == "InvalidInputException" && message.contains("not JSON"), "{message}");
    ask.body = b"[1]".to_vec();
    let (_, message) = client.send(ask.clone()).await.failed();
    assert!(message.contains("JSON object; found a list"), "{message}");
    ask.body = Vec::new();
    assert_eq!(client.send(ask.clone()).await.status, 200, "an empty body counts as an empty object");
    ask.body = vec![b' '; 8 * 1024 * 1024 + 1];
    let reply = client.send(ask).await;
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("8388608 bytes"), "{}", reply.text());
}

#[tokio::test]
async fn browsers_may_put_events() {
    let client = Client::new().await;
    let mut ask = Ask::post("/events", &json!({}));
    ask.method = "OPTIONS";
    ask.body.clear();
    let ask = ask.with("origin", "https://shop.example").with("access-control-request-method", "POST");
    let reply = client.send_unsigned(ask.clone()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    for header in ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-user-agent", "content-type"] {
        assert!(reply.header("access-control-allow-headers").contains(header), "{header}");
    }
    let reply = client.send(Ask::post("/events", &json!({}))).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*", "also on failures, or the page cannot read them");
    let elsewhere = Ask { uri: "/shop-bucket/key".into(), ..ask };
    assert_eq!(client.send_unsigned(elsewhere).await.header("access-control-allow-origin"), "");
}

#[test]
fn no_operation_is_there_twice() {
    let rows = all();
    for row in &rows {
        assert_eq!(rows.iter().filter(|other| other.service == row.service && other.name == row.name).count(), 1, "{row:?}");
    }
}

/// With `PENCHANT_WRITE_DOCS=1` writes the page instead.
#[test]
fn the_compatibility_page_is_what_the_table_says() {
    let path = format!("{}/../../docs/compatibility.md", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let page = crate::compatibility_page();
    if std::env::var_os("PENCHANT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/compatibility.md is old: run this test with PENCHANT_WRITE_DOCS=1"
    );
}
