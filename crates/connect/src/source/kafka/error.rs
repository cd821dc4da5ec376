//! What librdkafka says, as errors of ours.

use domain::{Error, ErrorKind};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, DNS_FAILED, PERMISSION_DENIED, TABLE_GONE, TCP_FAILED, TLS_FAILED};

/// Messages that were asked for are no longer kept.
pub const OFFSET_GONE: &str = "SOURCE_OFFSET_GONE";
/// A message does not fit what its topic was found to hold.
pub const VALUE_UNFIT: &str = "SOURCE_VALUE_UNFIT";

/// Where on the way something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Reading,
}

/// The broker can be asked again: it is electing a leader, or does not know yet what it will know soon.
pub(super) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::BrokerTransportFailure
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::WaitingForCoordinator
            | Code::NotCoordinator
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
    )
}

/// The connection is refused for good: another try is no use.
pub(super) fn is_refusal(code: Code) -> bool {
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism | Code::SSL)
}

/// `reason` is what librdkafka said last about its connections; `servers` are those of the connection.
pub(super) fn of_code(code: Code, reason: &str, servers: &str, phase: Phase) -> Error {
    let because = if reason.is_empty() { code.to_string() } else { format!("{code}: {reason}") };
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism | Code::IllegalSASLState => {
            Error::invalid_input(format!("The Kafka brokers at {servers} refuse the user or the password: {because}."))
                .code(AUTHENTICATION_FAILED)
        }
        Code::SSL => Error::unavailable(format!("No encrypted connection to the Kafka brokers at {servers} comes about: {because}."))
            .code(TLS_FAILED),
        Code::Resolve => Error::unavailable(format!("A Kafka broker of {servers} has no address: {because}.")).code(DNS_FAILED),
        Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            Error::invalid_input(format!("The Kafka brokers at {servers} do not allow this to the connection's user: {because}."))
                .code(PERMISSION_DENIED)
        }
        Code::AutoOffsetReset | Code::OffsetOutOfRange => {
            Error::new(ErrorKind::Conflict, format!("Messages were removed by retention before they were read: {because}."))
                .code(OFFSET_GONE)
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            Error::new(ErrorKind::NotFound, format!("The topic is no longer there: {because}.")).code(TABLE_GONE)
        }
        Code::UnknownMemberId | Code::IllegalGeneration | Code::RebalanceInProgress | Code::AssignmentLost => {
            Error::new(ErrorKind::Conflict, format!("The partitions went to another member of the group: {because}."))
        }
        Code::BadMessage | Code::BadCompression => {
            Error::invalid_data(format!("What the Kafka brokers at {servers} sent cannot be read: {because}."))
        }
        _ if phase == Phase::Reading => lost(servers, &because),
        _ => Error::unavailable(format!("The Kafka brokers at {servers} do not answer: {because}.")).code(TCP_FAILED),
    }
}

/// The connection broke, or nothing came for too long, while it was in use.
pub(super) fn lost(servers: &str, because: &str) -> Error {
    Error::unavailable(format!("The connection to the Kafka brokers at {servers} was lost: {because}.")).code(CONNECTION_LOST)
}

/// What a call of the library gave.
pub(super) fn of(error: &KafkaError, reason: &str, servers: &str, phase: Phase) -> Error {
    match (error, error.rdkafka_error_code()) {
        (_, Some(code)) => of_code(code, reason, servers, phase),
        (KafkaError::ClientConfig(_, why, name, value), _) => {
            Error::invalid_input(format!("The Kafka setting {name:?} cannot be {value:?}: {why}."))
        }
        _ => Error::internal(format!("librdkafka refused a call for {servers}: {error}.")),
    }
}

pub(super) fn gone(topic: &str) -> Error {
    Error::not_found(format!("Topic {topic:?}")).code(TABLE_GONE)
}

/// A message that cannot be read as the others of its topic.
pub(super) fn unfit(topic: &str, partition: i32, offset: i64, why: &str) -> Error {
    Error::invalid_data(format!("Topic {topic:?}, partition {partition}, offset {offset}: {why}.")).code(VALUE_UNFIT)
}
