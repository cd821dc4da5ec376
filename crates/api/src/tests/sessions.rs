use serde_json::json;

use super::client::{Ask, Client, KEY, Reply, SECRET};
use crate::TemporaryKey;

/// One harmless call of each protocol, with this token.
async fn calls(client: &Client, token: Option<&str>) -> [(&'static str, Reply); 4] {
    let with = |ask: Ask| match token {
        Some(token) => ask.with("x-amz-security-token", token),
        None => ask,
    };
    [
        ("glue", client.send(with(Ask::target("AWSGlue.GetDatabases", "glue", &json!({})))).await),
        ("personalize", client.send(with(Ask::target("AmazonPersonalize.ListRecipes", "personalize", &json!({})))).await),
        ("sts", client.send(with(Ask::form("sts", "Action=GetCallerIdentity&Version=2011-06-15"))).await),
        ("s3", client.send(with(Ask::s3("GET", "/", b""))).await),
    ]
}

fn use_key(client: &mut Client, key: &TemporaryKey) {
    (client.key, client.secret) = (key.access_key.clone(), key.secret.clone());
}

fn all_taken(replies: [(&str, Reply); 4]) {
    for (service, reply) in replies {
        assert_eq!(reply.status, 200, "{service}: {}", reply.text());
    }
}

/// In the order of `calls`.
fn all_refused(replies: [(&str, Reply); 4], expected: [(u16, &str); 4]) {
    for ((service, reply), (status, code)) in replies.into_iter().zip(expected) {
        assert!(reply.status == status && reply.text().contains(code), "{service}: {} {}", reply.status, reply.text());
    }
}

#[tokio::test]
async fn a_temporary_key_is_taken_with_its_token_and_no_other() {
    let mut client = Client::new().await;
    let (key, other) = (client.sessions.open(60).unwrap(), client.sessions.open(60).unwrap());
    assert!(key.access_key.starts_with("ASIA") && key.access_key.len() == 20 && key.secret.len() == 40);
    use_key(&mut client, &key);
    all_taken(calls(&client, Some(&key.token)).await);
    let foreign =
        [(400, "UnrecognizedClientException"), (400, "UnrecognizedClientException"), (403, "InvalidClientTokenId"), (400, "InvalidToken")];
    all_refused(calls(&client, Some(&other.token)).await, foreign);
    all_refused(calls(&client, None).await, foreign);
    client.secret.clone_from(&other.secret);
    let wrong = [
        (400, "InvalidSignatureException"),
        (400, "InvalidSignatureException"),
        (403, "SignatureDoesNotMatch"),
        (403, "SignatureDoesNotMatch"),
    ];
    all_refused(calls(&client, Some(&key.token)).await, wrong);
    (client.key, client.secret) = (KEY.into(), SECRET.into());
    all_taken(calls(&client, None).await);
    all_refused(calls(&client, Some(&key.token)).await, foreign);
}

#[tokio::test]
async fn an_expired_key_and_a_closed_one_are_told_apart() {
    let mut client = Client::new().await;
    let (expired, closed) = (client.sessions.open(0).unwrap(), client.sessions.open(60).unwrap());
    use_key(&mut client, &expired);
    let expected = [(400, "ExpiredTokenException"), (400, "ExpiredTokenException"), (403, "ExpiredToken"), (400, "ExpiredToken")];
    all_refused(calls(&client, Some(&expired.token)).await, expected);
    use_key(&mut client, &closed);
    // The second time the signing key is remembered.
    all_taken(calls(&client, Some(&closed.token)).await);
    client.sessions.close(&closed.access_key);
    let expected = [
        (400, "UnrecognizedClientException"),
        (400, "UnrecognizedClientException"),
        (403, "InvalidClientTokenId"),
        (403, "InvalidAccessKeyId"),
    ];
    all_refused(calls(&client, Some(&closed.token)).await, expected);
}

#[tokio::test]
async fn sts_gives_temporary_keys_to_holders_of_the_lasting_one() {
    let mut client = Client::new().await;
    let ask = |more: &str| Ask::form("sts", &format!("Action=GetSessionToken&Version=2011-06-15{more}"));
    let reply = client.send(ask("&DurationSeconds=899")).await;
    assert!(reply.status == 400 && reply.text().contains("900 to 129600"), "{}", reply.text());
    let reply = client.send(ask("&DurationSeconds=900")).await;
    let text = reply.text();
    assert_eq!(reply.status, 200, "{text}");
    let member = |name: &str| text.split_once(&format!("<{name}>")).unwrap().1.split('<').next().unwrap().to_owned();
    assert!(member("Expiration").ends_with('Z') && text.contains("<GetSessionTokenResult><Credentials>"), "{text}");
    (client.key, client.secret) = (member("AccessKeyId"), member("SecretAccessKey"));
    let token = member("SessionToken");
    all_taken(calls(&client, Some(&token)).await);
    let again = client.send(ask("").with("x-amz-security-token", &token)).await;
    assert!(again.status == 403 && again.text().contains("<Code>AccessDenied</Code>"), "{}", again.text());
}
