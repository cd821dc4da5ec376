use std::fs;

use store::Location;

use super::client::{Ask, Client};

async fn with_bucket() -> Client {
    let client = Client::new().await;
    let reply = client.s3("PUT", "/shop-data", b"").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    client
}

#[tokio::test]
async fn objects_are_files_that_the_stages_read() {
    let client = with_bucket().await;
    let names = [("a%20b/%C3%A4.csv", "a b/ä.csv"), ("k%3D1/x%25y%2B.csv", "k=1/x%y+.csv")];
    for (encoded, name) in names {
        let reply = client.s3("PUT", &format!("/shop-data/{encoded}"), name.as_bytes()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let location = Location::parse(&format!("s3://shop-data/{name}")).unwrap();
        assert_eq!(client.installation.buckets.read(&location).await.unwrap(), name.as_bytes());
        let reply = client.s3("GET", &format!("/shop-data/{encoded}"), b"").await;
        assert_eq!(reply.text(), name);
    }
    let location = Location::parse("s3://shop-data/").unwrap();
    let listed: Vec<String> =
        client.installation.buckets.list(&location).await.unwrap().iter().map(|file| file.location.to_string()).collect();
    assert_eq!(listed, ["a b/ä.csv", "k=1/x%y+.csv"]);
    // What the endpoint keeps for itself is outside every bucket.
    let mut entries: Vec<_> = fs::read_dir(client.installation.buckets.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, [".unfinished", ".uploads", "shop-data"]);
}

#[tokio::test]
async fn a_broken_upload_leaves_the_old_object() {
    let client = with_bucket().await;
    client.s3("PUT", "/shop-data/x.csv", b"old").await;
    let wrong_hash = Ask::s3("PUT", "/shop-data/x.csv", b"new");
    let wrong_hash = Ask { body: b"bad".to_vec(), ..wrong_hash };
    let mut signed = client.sign(Ask::s3("PUT", "/shop-data/x.csv", b"new"));
    signed.body = wrong_hash.body;
    let reply = client.send_unsigned(signed).await;
    assert!(reply.status.is_client_error(), "{}: {}", reply.status, reply.text());
    let wrong_checksum = Ask::s3("PUT", "/shop-data/x.csv", b"new").with("x-amz-checksum-crc32", "AAAAAA==");
    let reply = client.send(wrong_checksum).await;
    assert!(reply.status == 400 && reply.text().contains("BadDigest"), "{}", reply.text());
    assert_eq!(client.s3("GET", "/shop-data/x.csv", b"").await.text(), "old");
    let unfinished = client.installation.buckets.root().join(".unfinished");
    assert_eq!(fs::read_dir(unfinished).unwrap().count(), 0);
}

#[tokio::test]
async fn no_key_leads_out_of_its_bucket() {
    let client = with_bucket().await;
    client.s3("PUT", "/other-data", b"").await;
    client.s3("PUT", "/other-data/secret", b"secret").await;
    for uri in [
        "/shop-data/../other-data/secret",
        "/shop-data/%2E%2E/other-data/secret",
        "/shop-data/..%2Fother-data%2Fsecret",
        "/shop-data//etc/passwd",
        "/.uploads/x",
        "/..%2F..%2Fetc/passwd",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let reply = client.s3(method, uri, b"").await;
            assert!(reply.status.is_client_error(), "{method} {uri}: {} {}", reply.status, reply.text());
        }
    }
    assert_eq!(client.s3("GET", "/other-data/secret", b"").await.text(), "secret");
}

#[tokio::test]
async fn what_s3_refuses_is_refused() {
    let client = with_bucket().await;
    client.s3("PUT", "/shop-data/d/x", b"x").await;
    let cases = [
        ("GET", "/shop-data/nope", 404, "NoSuchKey"),
        ("GET", "/shop-data/d", 404, "NoSuchKey"),
        ("GET", "/no-bucket/x", 404, "NoSuchBucket"),
        ("PUT", "/no-bucket/x", 404, "NoSuchBucket"),
        ("DELETE", "/shop-data", 409, "BucketNotEmpty"),
        ("PUT", "/shop-data/d", 400, "InvalidRequest"),
        ("PUT", "/shop-data/d/x/y", 400, "InvalidRequest"),
    ];
    for (method, uri, status, code) in cases {
        let reply = client.s3(method, uri, b"").await;
        assert_eq!(reply.status, status, "{method} {uri}: {}", reply.text());
        assert!(reply.text().contains(&format!("<Code>{code}</Code>")), "{method} {uri}: {}", reply.text());
    }
    assert_eq!(client.s3("DELETE", "/shop-data/d/x", b"").await.status, 204);
    assert!(!client.installation.buckets.root().join("shop-data/d").exists(), "folders go with their last file");
    assert_eq!(client.s3("DELETE", "/shop-data/d/x", b"").await.status, 204, "deleting nothing is fine");
    assert_eq!(client.s3("DELETE", "/shop-data", b"").await.status, 204);
}

#[tokio::test]
async fn a_file_that_a_job_rewrote_is_read_as_it_is_now() {
    let client = with_bucket().await;
    let ask = Ask::s3("PUT", "/shop-data/x.json", b"{}").with("content-type", "application/json").with("x-amz-meta-who", "me");
    assert_eq!(client.send(ask).await.status, 200);
    let reply = client.s3("GET", "/shop-data/x.json", b"").await;
    assert_eq!((reply.header("content-type"), reply.header("x-amz-meta-who")), ("application/json", "me"));
    let tag = reply.header("etag").to_owned();
    fs::write(client.installation.buckets.root().join("shop-data/x.json"), "rewritten").unwrap();
    let reply = client.s3("GET", "/shop-data/x.json", b"").await;
    assert_eq!(reply.text(), "rewritten");
    assert_eq!((reply.header("content-type"), reply.header("x-amz-meta-who")), ("binary/octet-stream", ""));
    assert_ne!(reply.header("etag"), tag);
}

#[tokio::test]
async fn parts_become_one_object() {
    let client = with_bucket().await;
    let begun = client.s3("POST", "/shop-data/big?uploads=", b"").await.text();
    let id = begun.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let part = vec![7_u8; 5 * 1024 * 1024];
    let mut list = String::new();
    for (number, bytes) in [(1, &part[..]), (2, b"end")] {
        let reply = client.s3("PUT", &format!("/shop-data/big?partNumber={number}&uploadId={id}"), bytes).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", reply.header("etag"));
    }
    assert_eq!(client.s3("GET", "/shop-data/big", b"").await.status, 404, "not there before it is complete");
    let complete = |list: &str| format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>").into_bytes();
    let uri = format!("/shop-data/big?uploadId={id}");
    let unknown = client.s3("POST", &uri, &complete("<Part><PartNumber>3</PartNumber></Part>")).await;
    assert!(unknown.text().contains("InvalidPart"), "{}", unknown.text());
    let done = client.s3("POST", &uri, &complete(&list)).await;
    assert!(done.status == 200 && done.text().contains("CompleteMultipartUploadResult"), "{}", done.text());
    let reply = client.send(Ask::s3("GET", "/shop-data/big", b"").with("range", "bytes=5242879-")).await;
    assert_eq!((reply.status.as_u16(), &reply.body[..]), (206, &b"\x07end"[..]));
    assert_eq!(reply.header("content-range"), "bytes 5242879-5242882/5242883");
}

#[tokio::test]
async fn only_one_of_two_writers_creates() {
    let client = with_bucket().await;
    let write = |body: &'static [u8]| client.send(Ask::s3("PUT", "/shop-data/lock", body).with("if-none-match", "*"));
    let (one, two) = tokio::join!(write(b"1"), write(b"2"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}
