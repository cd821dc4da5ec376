//! Answers as bytes: awsJson1.1, rest-json and the query protocol's XML, with the headers their clients look at.

use axum::body::Body;
use domain::{Error, ErrorKind, Timestamp};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::errors::{self, Exception};
use crate::operations::Service;
use crate::sigv4::Refusal;

const JSON_TARGET: &str = "application/x-amz-json-1.1";
const JSON: &str = "application/json";
const XML: &str = "text/xml";
const REQUEST_ID: &str = "x-amzn-requestid";

/// What a handler answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A JSON object.
    Json(Value),
    /// JSON that is already written; what the hot path sends.
    Bytes(Vec<u8>),
    /// The inside of a query operation's result element.
    Xml(String),
    /// Nothing: `{}` for JSON targets, no body for the others.
    Empty,
}

/// Seconds since 1970 with fraction, as AWS JSON writes times.
pub(crate) fn time(at: Timestamp) -> Value {
    json!(at.epoch())
}

/// The answer of an operation that went well.
pub(crate) fn success(service: Service, operation: &str, status: u16, answer: Answer, id: &str) -> Response<Body> {
    let bytes = match answer {
        Answer::Json(value) => value.to_string().into_bytes(),
        Answer::Bytes(bytes) => bytes,
        Answer::Empty if service.is_json_target() => b"{}".to_vec(),
        Answer::Empty | Answer::Xml(_) if matches!(service, Service::Sts | Service::Iam) => {
            let inside = if let Answer::Xml(inside) = answer { inside } else { String::new() };
            result_xml(service, operation, &inside, id).into_bytes()
        }
        Answer::Xml(inside) => inside.into_bytes(),
        Answer::Empty => Vec::new(),
    };
    response(service, status, bytes, id)
}

/// The answer of an operation that failed. Faults of ours are logged with all they know.
pub(crate) fn failure(service: Service, operation: &str, error: &Error, id: &str) -> Response<Body> {
    if error.kind == ErrorKind::Internal {
        tracing::error!(operation, request = id, "{error}");
    } else {
        tracing::debug!(operation, request = id, "{error}");
    }
    exception(service, errors::exception(service, error), &error.to_string(), id)
}

pub(crate) fn refused(service: Service, refusal: &Refusal, id: &str) -> Response<Body> {
    let (name, message) = errors::refusal(service, refusal);
    exception(service, name, &message, id)
}

pub(crate) fn exception(service: Service, (name, status): Exception, message: &str, id: &str) -> Response<Body> {
    let body = match service {
        Service::Sts | Service::Iam => error_xml(service, name, status, message, id),
        // Glue's model spells the member `Message`; every SDK reads `message` as well, and older ones only their own.
        Service::Glue => json!({"__type": name, "Message": message, "message": message}).to_string(),
        Service::Personalize | Service::EventBridge => json!({"__type": name, "message": message}).to_string(),
        Service::Runtime | Service::Events => json!({"message": message}).to_string(),
    };
    let mut response = response(service, status, body.into_bytes(), id);
    if matches!(service, Service::Runtime | Service::Events)
        && let Ok(value) = HeaderValue::from_str(name)
    {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
}

fn response(service: Service, status: u16, body: Vec<u8>, id: &str) -> Response<Body> {
    let content_type = match service {
        Service::Personalize | Service::Glue | Service::EventBridge => JSON_TARGET,
        Service::Runtime | Service::Events => JSON,
        Service::Sts | Service::Iam => XML,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    set_request_id(&mut response, id);
    response
}

/// Every answer carries the id by which the log knows its request.
pub(crate) fn set_request_id<B>(response: &mut Response<B>, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
}

fn result_xml(service: Service, operation: &str, inside: &str, id: &str) -> String {
    let namespace = namespace(service);
    format!(
        "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{inside}</{operation}Result>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn error_xml(service: Service, name: &str, status: u16, message: &str, id: &str) -> String {
    let whose = if status >= 500 { "Receiver" } else { "Sender" };
    format!(
        "<ErrorResponse xmlns=\"{}\"><Error><Type>{whose}</Type><Code>{name}</Code><Message>{}</Message></Error>\
         <RequestId>{id}</RequestId></ErrorResponse>",
        namespace(service),
        escape(message)
    )
}

fn namespace(service: Service) -> &'static str {
    if service == Service::Iam { "https://iam.amazonaws.com/doc/2010-05-08/" } else { "https://sts.amazonaws.com/doc/2011-06-15/" }
}

/// Text as XML holds it.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An object without the members that are null: AWS leaves them out.
pub(crate) fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}
