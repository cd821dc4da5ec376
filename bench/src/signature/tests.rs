#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// The key pair of AWS's published Signature Version 4 test suite.
fn credentials() -> Credentials {
    Credentials::parse("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n")
        .unwrap()
}

#[test]
fn signs_get_vanilla_of_the_published_suite() {
    let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
    let authorization = credentials().authorization("GET", "/", "service", &headers, "").unwrap();
    assert_eq!(
        authorization,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
}

#[test]
fn a_signed_post_carries_its_length_and_its_body() {
    let request = credentials().signed_post("127.0.0.1:1", "/recommendations", "personalize", "20150830T123600Z", "{\"a\":\"ü\"}").unwrap();
    let text = String::from_utf8(request).unwrap();
    assert!(text.starts_with("POST /recommendations HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("\r\ncontent-length: 10\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n{\"a\":\"ü\"}"), "{text}");
}

#[test]
fn a_credentials_file_without_a_secret_is_refused_by_name() {
    let error = Credentials::parse("[default]\naws_access_key_id = A\n").err().unwrap();
    assert!(error.to_string().contains("aws_secret_access_key"), "{error}");
}
