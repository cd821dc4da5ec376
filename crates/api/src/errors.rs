//! From our errors to AWS's exceptions: one table.

use domain::{Error, ErrorKind};

use crate::operations::Service;
use crate::sigv4::Refusal;

/// An exception's name and HTTP status.
pub(crate) type Exception = (&'static str, u16);

/// Codes by which a stage names a case that AWS has an exception of its own for.
const BY_CODE: &[(&str, Service, Exception)] = &[
    ("INVALID_NEXT_TOKEN", Service::Personalize, ("InvalidNextTokenException", 400)),
    ("CRAWLER_RUNNING", Service::Glue, ("CrawlerRunningException", 400)),
    ("CRAWLER_NOT_RUNNING", Service::Glue, ("CrawlerNotRunningException", 400)),
    ("CRAWLER_STOPPING", Service::Glue, ("CrawlerStoppingException", 400)),
    ("SCHEDULER_RUNNING", Service::Glue, ("SchedulerRunningException", 400)),
    ("SCHEDULER_NOT_RUNNING", Service::Glue, ("SchedulerNotRunningException", 400)),
    ("NO_SCHEDULE", Service::Glue, ("NoScheduleException", 400)),
    ("COLUMN_STATISTICS_RUNNING", Service::Glue, ("ColumnStatisticsTaskRunningException", 400)),
    ("COLUMN_STATISTICS_NOT_RUNNING", Service::Glue, ("ColumnStatisticsTaskNotRunningException", 400)),
    ("COLUMN_STATISTICS_STOPPING", Service::Glue, ("ColumnStatisticsTaskStoppingException", 400)),
    ("CONNECTION_DNS_FAILED", Service::Glue, ("FederationSourceException", 400)),
    ("CONNECTION_TCP_FAILED", Service::Glue, ("FederationSourceException", 400)),
    ("CONNECTION_TLS_FAILED", Service::Glue, ("FederationSourceException", 400)),
    ("ILLEGAL_WORKFLOW_STATE", Service::Glue, ("IllegalWorkflowStateException", 400)),
];

/// Kind by service: Personalize, its runtime, its events, Glue, the query services.
const BY_KIND: &[(ErrorKind, [Exception; 5])] = &[
    (ErrorKind::InvalidInput, all("InvalidInputException", "ValidationError", 400)),
    (ErrorKind::InvalidData, all("InvalidInputException", "ValidationError", 400)),
    (
        ErrorKind::NotFound,
        [
            ("ResourceNotFoundException", 400),
            ("ResourceNotFoundException", 404),
            ("ResourceNotFoundException", 404),
            ("EntityNotFoundException", 400),
            ("NoSuchEntity", 404),
        ],
    ),
    (
        ErrorKind::AlreadyExists,
        [
            ("ResourceAlreadyExistsException", 400),
            ("InvalidInputException", 400),
            ("InvalidInputException", 400),
            ("AlreadyExistsException", 400),
            ("EntityAlreadyExists", 409),
        ],
    ),
    (
        ErrorKind::InUse,
        [
            ("ResourceInUseException", 400),
            ("InvalidInputException", 400),
            ("ResourceInUseException", 409),
            ("InvalidInputException", 400),
            ("DeleteConflict", 409),
        ],
    ),
    (
        ErrorKind::Conflict,
        [
            ("ResourceInUseException", 400),
            ("ServiceUnavailableException", 503),
            ("ResourceInUseException", 409),
            ("ConcurrentModificationException", 400),
            ("ConcurrentModification", 409),
        ],
    ),
    (
        ErrorKind::InvalidState,
        [
            ("InvalidInputException", 400),
            ("InvalidInputException", 400),
            ("InvalidInputException", 400),
            ("InvalidInputException", 400),
            ("ValidationError", 400),
        ],
    ),
    (
        ErrorKind::TooManyRuns,
        [
            ("LimitExceededException", 400),
            ("LimitExceededException", 400),
            ("LimitExceededException", 400),
            ("ConcurrentRunsExceededException", 400),
            ("LimitExceeded", 409),
        ],
    ),
    (
        ErrorKind::LimitExceeded,
        [
            ("LimitExceededException", 400),
            ("LimitExceededException", 400),
            ("LimitExceededException", 400),
            ("ResourceNumberLimitExceededException", 400),
            ("LimitExceeded", 409),
        ],
    ),
    (ErrorKind::Unauthenticated, all("AccessDeniedException", "AccessDenied", 403)),
    (ErrorKind::UnknownOperation, all("UnknownOperationException", "InvalidAction", 400)),
    (ErrorKind::Stopped, unavailable()),
    (ErrorKind::TimedOut, unavailable()),
    (ErrorKind::Unavailable, unavailable()),
    (
        ErrorKind::Internal,
        [
            ("InternalServerException", 500),
            ("InternalServerException", 500),
            ("InternalServerException", 500),
            ("InternalServiceException", 500),
            ("InternalFailure", 500),
        ],
    ),
];

const fn all(json: &'static str, query: &'static str, status: u16) -> [Exception; 5] {
    [(json, status), (json, status), (json, status), (json, status), (query, status)]
}

/// SDKs try such calls again by themselves.
const fn unavailable() -> [Exception; 5] {
    [
        ("ServiceUnavailableException", 503),
        ("ServiceUnavailableException", 503),
        ("ServiceUnavailableException", 503),
        ("OperationTimeoutException", 503),
        ("ServiceUnavailable", 503),
    ]
}

/// The exception by which `service` tells its client about the error.
pub(crate) fn exception(service: Service, error: &Error) -> Exception {
    let by_code = BY_CODE.iter().find(|(code, of, _)| error.code == Some(code) && *of == service);
    if let Some((_, _, exception)) = by_code {
        return *exception;
    }
    let column = match service {
        Service::EventBridge => return crate::eventbridge::exception(error),
        Service::Personalize => 0,
        Service::Runtime => 1,
        Service::Events => 2,
        Service::Glue => 3,
        Service::Sts | Service::Iam => 4,
    };
    let row = BY_KIND.iter().find(|(kind, _)| *kind == error.kind);
    row.map_or(("InternalFailure", 500), |(_, exceptions)| exceptions[column])
}

/// Name, status and words for a request whose signature is not taken. JSON services answer 400 as AWS's do, those with
/// paths and the query services 403.
pub(crate) fn refusal(service: Service, refusal: &Refusal) -> (Exception, String) {
    let status = if service.is_json_target() { 400 } else { 403 };
    let is_query = matches!(service, Service::Sts | Service::Iam);
    let (json, query, message) = match refusal {
        Refusal::Missing => (
            "MissingAuthenticationTokenException",
            "MissingAuthenticationToken",
            "The request is not signed. Sign it with the access key that this server printed at its first start.".to_owned(),
        ),
        Refusal::Incomplete(message) => ("IncompleteSignatureException", "IncompleteSignature", message.clone()),
        Refusal::UnknownKey => (
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "The security token included in the request is invalid: its access key is not the one of this server.".to_owned(),
        ),
        Refusal::ForeignToken => (
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "The security token included in the request is invalid: it does not belong to the access key.".to_owned(),
        ),
        Refusal::ExpiredToken => {
            ("ExpiredTokenException", "ExpiredToken", "The security token included in the request is expired".to_owned())
        }
        Refusal::Invalid(message) => ("InvalidSignatureException", "SignatureDoesNotMatch", message.clone()),
    };
    ((if is_query { query } else { json }, status), message)
}

#[cfg(test)]
mod tests;
