//! One port for all services: tells requests apart as AWS's own clients make them, checks who asks, calls the handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use domain::{Error, ErrorKind, Result};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use s3s::service::S3Service;

use crate::app::App;
use crate::input::Input;
use crate::keyring::Keyring;
use crate::operations::{Operation, Service, Table};
use crate::sigv4::{self, Verifier};
use crate::{s3, sts, wire};

/// The largest body of anything but S3, whose objects stream.
const BODY_BYTES: usize = 8 * 1024 * 1024;

const ALLOWED_HEADERS: &str = "authorization,x-amz-date,x-amz-security-token,x-amz-user-agent,x-amz-content-sha256,content-type,amz-sdk-invocation-id,amz-sdk-request";
const EXPOSED_HEADERS: &str = "x-amzn-requestid,x-amzn-errortype";

/// Everything on one port. Call it once per process: the S3 endpoint cleans up in the buckets' folder when it starts.
pub fn router(app: App) -> Result<Router> {
    let keyring = Keyring { credentials: app.credentials.clone(), sessions: app.sessions.clone() };
    let s3 = s3::service(&app.buckets, app.runs.store(), &keyring)?;
    let verifier = Verifier::new(keyring, Arc::clone(app.runs.store().clock()));
    let server = Server { app: Arc::new(app), table: Table::new(), verifier, s3, count: AtomicU64::new(0) };
    Ok(Router::new().fallback(serve).with_state(Arc::new(server)))
}

struct Server {
    app: Arc<App>,
    table: Table,
    verifier: Verifier,
    s3: S3Service,
    /// Requests so far.
    count: AtomicU64,
}

/// Where a request belongs.
enum Target<'a> {
    Operation(&'a Operation),
    /// The body names the operation of STS or IAM.
    Query,
    /// A browser asks whether it may call.
    Preflight,
    S3,
    Unknown(Service, String),
}

async fn serve(State(server): State<Arc<Server>>, request: Request<Body>) -> Response<Body> {
    let id = server.request_id();
    let (parts, body) = request.into_parts();
    match server.target(&parts) {
        Target::S3 => server.s3(parts, body, &id).await,
        Target::Preflight => preflight(&id),
        Target::Unknown(service, message) => wire::failure(service, "unknown", &Error::new(ErrorKind::UnknownOperation, message), &id),
        Target::Query => match read(Service::Sts, body, &id).await {
            Ok(body) => server.query(&parts, &body, &id).await,
            Err(response) => *response,
        },
        Target::Operation(operation) => {
            let mut response = match read(operation.service, body, &id).await {
                Ok(body) => server.call(operation, &parts, &body, || Input::parse(operation.name, &body), &id).await,
                Err(response) => *response,
            };
            if matches!(operation.service, Service::Runtime | Service::Events) {
                allow_origin(response.headers_mut());
            }
            response
        }
    }
}

impl Server {
    /// The time, and the number of the request since this process started.
    fn request_id(&self) -> String {
        let now = self.app.runs.store().clock().now().millis();
        format!("{now:012x}-{:08x}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// In AWS's order: target header, form with an action, credential scope and path, else S3.
    fn target(&self, parts: &Parts) -> Target<'_> {
        if let Some(target) = parts.headers.get("x-amz-target") {
            return self.json_target(&String::from_utf8_lossy(target.as_bytes()));
        }
        if parts.method == Method::POST && parts.uri.path() == "/" && is_form(&parts.headers) {
            return Target::Query;
        }
        let path = parts.uri.path();
        let by_path = self.table.by_path(path);
        if parts.method == Method::OPTIONS && by_path.is_some() && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return Target::Preflight;
        }
        let service = sigv4::service(parts);
        match (service.as_deref(), by_path) {
            (Some("personalize"), Some(operation)) if parts.method == Method::POST => Target::Operation(operation),
            (Some("personalize"), _) => {
                Target::Unknown(Service::Runtime, format!("Personalize has no operation {} {path} here.", parts.method))
            }
            // Somebody forgot to sign: say so in the words of the service that was meant.
            (None, Some(operation)) if parts.method == Method::POST && !sigv4::is_signed(parts) && is_json(&parts.headers) => {
                Target::Operation(operation)
            }
            (Some("sts" | "iam"), _) => Target::Query,
            _ => Target::S3,
        }
    }

    /// `AWSGlue.CreateJob`
    fn json_target(&self, target: &str) -> Target<'_> {
        let (prefix, name) = target.split_once('.').unwrap_or((target, ""));
        let service = match prefix {
            "AmazonPersonalize" => Service::Personalize,
            "AWSGlue" => Service::Glue,
            "AWSEvents" => Service::EventBridge,
            _ => return Target::Unknown(Service::Personalize, format!("There is no service {prefix:?} here; X-Amz-Target is {target:?}.")),
        };
        match self.table.by_name(service, name) {
            Some(operation) => Target::Operation(operation),
            None => Target::Unknown(service, format!("{} has no operation {name:?} here.", service.client())),
        }
    }

    /// The parameters of STS and IAM come as a form, in the body or (presigned) in the query.
    async fn query(&self, parts: &Parts, body: &[u8], id: &str) -> Response<Body> {
        let form = if body.is_empty() { parts.uri.query().unwrap_or("").as_bytes() } else { body };
        let members = sts::form(form);
        let action = members.get("Action").and_then(serde_json::Value::as_str).unwrap_or("").to_owned();
        // Actions of the two differ; the scope decides only what an unknown one is answered with.
        let known = [Service::Sts, Service::Iam].into_iter().find_map(|service| self.table.by_name(service, &action));
        let Some(operation) = known else {
            let service = if sigv4::service(parts).as_deref() == Some("iam") { Service::Iam } else { Service::Sts };
            let message = format!("{} has no operation {action:?} here.", service.client());
            return wire::failure(service, "unknown", &Error::new(ErrorKind::UnknownOperation, message), id);
        };
        self.call(operation, parts, body, || Ok(Input { operation: operation.name, members }), id).await
    }

    /// Checks the signature, then the required members, then calls.
    async fn call(
        &self,
        operation: &Operation,
        parts: &Parts,
        body: &[u8],
        input: impl FnOnce() -> Result<Input>,
        id: &str,
    ) -> Response<Body> {
        let service = operation.service;
        if let Err(refusal) = self.verifier.verify(parts, body, service.signing_name()) {
            return wire::refused(service, &refusal, id);
        }
        if operation.name == sts::GET_SESSION_TOKEN && self.verifier.is_temporary(parts) {
            // A session that could open the next one would never end.
            let error = Error::new(ErrorKind::Unauthenticated, "Cannot call GetSessionToken with session credentials");
            return wire::failure(service, operation.name, &error, id);
        }
        if !self.app.serves && matches!(service, Service::Runtime | Service::Events) {
            let message = "This node has not the role serving: ask the node of this installation that has it (penchant nodes).";
            return wire::failure(service, operation.name, &Error::unavailable(message), id);
        }
        let answer = match input().and_then(|input| input.require(operation.required).map(|()| input)) {
            Ok(input) => (operation.handler)(Arc::clone(&self.app), input).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => wire::success(service, operation.name, operation.status, answer, id),
            Err(error) => wire::failure(service, operation.name, &error, id),
        }
    }

    async fn s3(&self, parts: Parts, body: Body, id: &str) -> Response<Body> {
        let request = Request::from_parts(parts, s3s::Body::http_body_unsync(body));
        match self.s3.call(request).await {
            Ok(response) => {
                let mut response = response.map(Body::new);
                wire::set_request_id(&mut response, id);
                if let Ok(value) = HeaderValue::from_str(id) {
                    response.headers_mut().insert("x-amz-request-id", value);
                }
                response
            }
            Err(error) => {
                tracing::error!(request = id, "S3: {error:?}");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }
}

/// The whole body, or the answer to one that is too large or broke off.
async fn read(service: Service, body: Body, id: &str) -> Result<bytes::Bytes, Box<Response<Body>>> {
    axum::body::to_bytes(body, BODY_BYTES).await.map_err(|e| {
        let message = format!("A request's body has at most {BODY_BYTES} bytes and must arrive whole: {e}.");
        Box::new(wire::exception(service, ("RequestEntityTooLargeException", 413), &message, id))
    })
}

fn preflight(id: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    allow_origin(headers);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("172800"));
    wire::set_request_id(&mut response, id);
    response
}

/// Any page may call: what protects an operation is its signature, not its origin.
fn allow_origin(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
}

fn is_form(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with("application/x-www-form-urlencoded")
}

fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).contains("json")
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("")
}
