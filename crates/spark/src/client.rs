//! One session of a Spark Connect server: statements go in, Arrow batches and progress come out.

use std::sync::Arc;
use std::time::Duration;

use domain::{Error, Result};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use spark_connect_core::client::ReattachableResponseStream;
use spark_connect_core::{ChannelBuilder, RetryPolicy, SparkConnectClient, SparkError};
use spark_connect_proto as proto;
use spark_connect_proto::ExecutePlanResponse;
use spark_connect_proto::execute_plan_response::ResponseType;
use tokio_util::sync::CancellationToken;

use crate::config::SparkConfig;
use crate::failure;

/// What every session is told. Moments are UTC, names keep their case, and a cast that fails is an error, as in the engine of this process.
const SETTINGS: [(&str, &str); 4] = [
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.caseSensitive", "true"),
    ("spark.sql.ansi.enabled", "true"),
    ("spark.sql.timestampType", "TIMESTAMP_LTZ"),
];
const CLIENT: &str = "penchant";
/// Streams one after the other that may end without a word.
const SILENT_STREAMS: u32 = 3;
/// How long an operation may take to begin; how often, and how long after one another, it is interrupted.
const BEGIN_WAIT: Duration = Duration::from_secs(2);
const INTERRUPT_TRIES: usize = 20;
const INTERRUPT_PAUSE: Duration = Duration::from_millis(250);
/// How long a server is asked to forget a session.
const RELEASE_WAIT: Duration = Duration::from_secs(5);

/// A session of its own, forgotten by the server when the value goes.
pub(crate) struct Session {
    client: Arc<SparkConnectClient>,
    /// As it is told.
    endpoint: String,
}

impl Session {
    /// # Errors
    /// `Unavailable`, naming the endpoint, where nobody answers.
    pub async fn open(config: &SparkConfig) -> Result<Self> {
        let endpoint = config.shown().to_owned();
        let wrong = |e: SparkError| Error::invalid_input(format!("The endpoint of the engine spark is not one: {}", e.message()));
        let mut builder = ChannelBuilder::parse(&config.endpoint).map_err(wrong)?;
        // A session is of a user and a number; the client's own calls must name the same user as ours.
        if builder.user_id().is_none() {
            builder.set("user_id", CLIENT);
        }
        let mut client = SparkConnectClient::connect(&builder).await.map_err(wrong)?;
        // A server that is away is said at once; runs are tried again as a whole.
        let policy = RetryPolicy { max_retries: Some(1), initial_backoff_ms: 200, ..RetryPolicy::default() };
        client.set_retry_policy(policy);
        let session = Self { client: Arc::new(client), endpoint };
        let wait = Duration::from_secs(config.connect_seconds);
        match tokio::time::timeout(wait, session.configure(config)).await {
            Ok(configured) => configured.map(|()| session),
            Err(_) => Err(failure::silent(&session.endpoint, config.connect_seconds)),
        }
    }

    async fn configure(&self, config: &SparkConfig) -> Result<()> {
        let ours = SETTINGS.iter().map(|(name, value)| (*name, *value));
        let theirs = config.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // One request for all: each is a way to the server and back.
        let pairs =
            ours.chain(theirs).map(|(name, value)| proto::KeyValue { key: name.to_owned(), value: Some(value.to_owned()) }).collect();
        let set = proto::config_request::Set { pairs, ..Default::default() };
        let operation = proto::config_request::Operation { op_type: Some(proto::config_request::operation::OpType::Set(set)) };
        let request = proto::ConfigRequest {
            session_id: self.client.session_id().to_owned(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
            operation: Some(operation),
            ..Default::default()
        };
        self.client.config(request).await.map_err(|e| self.failed(&e))?;
        Ok(())
    }

    pub fn failed(&self, error: &SparkError) -> Error {
        failure::ours(error, &self.endpoint)
    }

    fn user(&self) -> Option<proto::UserContext> {
        Some(proto::UserContext { user_id: self.client.user_id().unwrap_or(CLIENT).to_owned(), ..Default::default() })
    }

    /// The columns that a relation would have.
    pub async fn schema(&self, relation: proto::Relation) -> Result<proto::DataType> {
        let plan = proto::Plan { op_type: Some(proto::plan::OpType::Root(relation)) };
        let request = proto::AnalyzePlanRequest {
            session_id: self.client.session_id().to_owned(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
            analyze: Some(proto::analyze_plan_request::Analyze::Schema(proto::analyze_plan_request::Schema { plan: Some(plan) })),
            ..Default::default()
        };
        let answer = self.client.analyze_plan(request).await.map_err(|e| self.failed(&e))?;
        match answer.result {
            Some(proto::analyze_plan_response::Result::Schema(schema)) => schema.schema,
            _ => None,
        }
        .ok_or_else(|| Error::internal(format!("The Spark server at {} did not say which columns a query has.", self.endpoint)))
    }

    /// Starts a command or a query.
    pub async fn execute(self: &Arc<Self>, plan: proto::plan::OpType) -> Result<Execution> {
        let operation = uuid::Uuid::new_v4().to_string();
        let request = proto::ExecutePlanRequest {
            session_id: self.client.session_id().to_owned(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
            operation_id: Some(operation.clone()),
            plan: Some(proto::Plan { op_type: Some(plan) }),
            ..Default::default()
        };
        let stream = self.client.execute_plan_reattachable(request).await.map_err(|e| self.failed(&e))?;
        let guard = Guard { session: self.clone(), operation, heard: false, over: false };
        Ok(Execution { stream, again: None, last: None, is_complete: false, guard })
    }

    /// Carries a command out to its end.
    pub async fn run(self: &Arc<Self>, command: proto::command::CommandType, cancel: &CancellationToken) -> Result<()> {
        let plan = proto::plan::OpType::Command(proto::Command { command_type: Some(command) });
        let work = async {
            let mut execution = self.execute(plan).await?;
            while execution.next().await?.is_some() {}
            Ok(())
        };
        tokio::select! {
            done = work => done,
            () = cancel.cancelled() => Err(Error::stopped()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let client = self.client.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { tokio::time::timeout(RELEASE_WAIT, client.release_session()).await });
        }
    }
}

/// Something that happens in a session. Dropping it before its end interrupts it.
pub(crate) struct Execution {
    stream: ReattachableResponseStream,
    /// What the server says after `stream` has ended before the operation.
    again: Option<BoxStream<'static, Result<ExecutePlanResponse, SparkError>>>,
    /// The id of the last response, and whether it said that nothing will follow.
    last: Option<String>,
    is_complete: bool,
    guard: Guard,
}

struct Guard {
    session: Arc<Session>,
    operation: String,
    /// Whether the server has said anything yet.
    heard: bool,
    over: bool,
}

/// What a server says while it works.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Rows in Arrow's stream format, or a part of them.
    Batch(proto::execute_plan_response::ArrowBatch),
    /// Tasks done, tasks known.
    Progress(u64, u64),
    /// Rows that came out of scans, as the finished plan counted them.
    Metrics(proto::execute_plan_response::Metrics),
    Other,
}

impl Execution {
    /// The next word; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Heard>> {
        match self.response().await {
            Ok(Some(response)) => {
                self.guard.heard = true;
                if let Some(metrics) = response.metrics {
                    return Ok(Some(Heard::Metrics(metrics)));
                }
                Ok(Some(match response.response_type {
                    Some(ResponseType::ArrowBatch(batch)) => Heard::Batch(batch),
                    Some(ResponseType::ExecutionProgress(progress)) => {
                        let count = |of: fn(&proto::execute_plan_response::execution_progress::StageInfo) -> i64| {
                            progress.stages.iter().map(|stage| u64::try_from(of(stage)).unwrap_or_default()).sum()
                        };
                        Heard::Progress(count(|stage| stage.num_completed_tasks), count(|stage| stage.num_tasks))
                    }
                    _ => Heard::Other,
                }))
            }
            Ok(None) if self.is_complete => {
                self.guard.over = true;
                Ok(None)
            }
            Ok(None) => Err(failure::unfinished(&self.guard.session.endpoint)),
            Err(error) => {
                self.guard.over = true;
                Err(self.guard.session.failed(&error))
            }
        }
    }
}

impl Execution {
    /// Spark ends a stream after two minutes, whether the operation has ended or not; it goes on to those who ask again. The client's
    /// library (4.2.0) asks again after errors only, and takes such an end for the operation's.
    async fn response(&mut self) -> Result<Option<ExecutePlanResponse>, SparkError> {
        let mut silent = 0;
        loop {
            let response = match &mut self.again {
                Some(again) => again.try_next().await?,
                None => self.stream.message().await?,
            };
            if let Some(response) = response {
                self.last = Some(response.response_id.clone());
                self.is_complete = matches!(response.response_type, Some(ResponseType::ResultComplete(_)));
                return Ok(Some(response));
            }
            if self.is_complete || silent == SILENT_STREAMS {
                break;
            }
            silent += 1;
            let session = &self.guard.session;
            let request = proto::ReattachExecuteRequest {
                session_id: session.client.session_id().to_owned(),
                user_context: session.user(),
                client_type: Some(CLIENT.into()),
                operation_id: self.guard.operation.clone(),
                last_response_id: self.last.clone(),
                ..Default::default()
            };
            self.again = Some(session.client.reattach_execute(request).await?.map_err(SparkError::from_grpc_status).boxed());
        }
        Ok(None)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (session, operation) = (self.session.clone(), std::mem::take(&mut self.operation));
        let request = proto::InterruptRequest {
            session_id: session.client.session_id().to_owned(),
            user_context: session.user(),
            client_type: Some(CLIENT.into()),
            interrupt_type: proto::interrupt_request::InterruptType::OperationId as i32,
            interrupt: Some(proto::interrupt_request::Interrupt::OperationId(operation)),
            ..Default::default()
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let early = !self.heard;
            runtime.spawn(async move { interrupt(&session, request, early).await });
        }
    }
}

/// Asks until nothing is left to interrupt. Spark takes a request that comes while an operation is about to begin, and loses it: what
/// has said nothing yet is given time to begin. The session is released after this, when its last holder goes.
async fn interrupt(session: &Session, request: proto::InterruptRequest, early: bool) {
    if early {
        tokio::time::sleep(BEGIN_WAIT).await;
    }
    for _ in 0..INTERRUPT_TRIES {
        match tokio::time::timeout(RELEASE_WAIT, session.client.interrupt(request.clone())).await {
            Ok(Ok(answer)) if answer.interrupted_ids.is_empty() => return,
            Ok(_) => tokio::time::sleep(INTERRUPT_PAUSE).await,
            Err(_) => return,
        }
    }
}
