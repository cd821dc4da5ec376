//! One attempt to hand one event to one target.

mod command;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "mail")]
mod mail;
mod smtp;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Error, Result};
use serde_json::{Value, json};

pub use smtp::{Smtp, SmtpTls};
pub use webhook::verify_signature;

use crate::event::Event;
use crate::input;
use crate::rule::{Address, Target};

/// Who begins workflows when events come. Implemented by the composition root: what a workflow is, is not known here.
#[async_trait]
pub trait TakesEvents: std::fmt::Debug + Send + Sync {
    /// Takes the event for the workflow, durably, and once however often it is given.
    async fn take(&self, workflow: &str, event: &Event) -> Result<()>;
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub message: String,
    /// When the target wants to be asked again.
    pub retry_after: Option<Duration>,
    /// No further attempt has a chance.
    pub is_final: bool,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_after: None, is_final: false }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

/// What is said to whom, and the moment it is said.
pub(crate) struct Message<'a> {
    pub rule: &'a str,
    pub target: &'a Target,
    pub event: &'a Event,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    pub now: domain::Timestamp,
}

/// The ways out; connections are kept between messages.
#[derive(Debug, Clone)]
pub(crate) struct Senders {
    workflows: Option<Arc<dyn TakesEvents>>,
    http: reqwest::Client,
    #[cfg_attr(not(feature = "mail"), allow(dead_code, reason = "settings are taken all the same"))]
    smtp: Option<Smtp>,
    #[cfg(feature = "kafka")]
    kafka: Arc<kafka::Producers>,
}

impl Senders {
    pub fn new(smtp: Option<Smtp>) -> Result<Self> {
        let http = webhook::client()?;
        Ok(Self {
            workflows: None,
            http,
            smtp,
            #[cfg(feature = "kafka")]
            kafka: Arc::default(),
        })
    }

    pub fn with_workflows(self, workflows: Arc<dyn TakesEvents>) -> Self {
        Self { workflows: Some(workflows), ..self }
    }

    /// Returns within the target's time limit.
    pub async fn send(&self, message: &Message<'_>) -> Result<(), Failure> {
        let limit = message.target.timeout();
        let attempt = async {
            match message.target.address()? {
                Address::Webhook(url) => webhook::post(&self.http, url, message).await,
                Address::Command(program) => command::run(&program, message).await,
                Address::Mail(to) => self.mail(&to, message).await,
                Address::Workflow(name) => self.workflow(&name, message).await,
                Address::Kafka { servers, topic } => self.kafka(&servers, &topic, message).await,
            }
        };
        // Without what follows the path, which may be a token.
        let place = message.target.arn.split('?').next().unwrap_or_default();
        let late = || Failure::new(format!("{place} did not take the event within {} s.", limit.as_secs()));
        tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(late()))
    }

    /// A workflow that is gone, or takes no events now, may be there again before the event is too old.
    async fn workflow(&self, name: &str, message: &Message<'_>) -> Result<(), Failure> {
        match &self.workflows {
            Some(workflows) => Ok(workflows.take(name, message.event).await?),
            None => Err(Failure::new("This process begins no workflows.")),
        }
    }

    #[cfg(feature = "mail")]
    async fn mail(&self, to: &str, message: &Message<'_>) -> Result<(), Failure> {
        match &self.smtp {
            Some(smtp) => mail::send(smtp, to, message).await,
            None => Err(Failure::new("Mail needs the settings of an SMTP server; there are none.")),
        }
    }

    #[cfg(not(feature = "mail"))]
    async fn mail(&self, _: &str, _: &Message<'_>) -> Result<(), Failure> {
        Err(Failure { is_final: true, ..Failure::new("This penchant was built without mail: build it with the feature `mail`.") })
    }

    #[cfg(feature = "kafka")]
    async fn kafka(&self, servers: &str, topic: &str, message: &Message<'_>) -> Result<(), Failure> {
        self.kafka.send(servers, topic, message).await
    }

    #[cfg(not(feature = "kafka"))]
    async fn kafka(&self, _: &str, _: &str, _: &Message<'_>) -> Result<(), Failure> {
        Err(Failure { is_final: true, ..Failure::new("This penchant was built without Kafka: build it with the feature `kafka`.") })
    }
}

impl Message<'_> {
    /// What the target asked to see instead of the event, if anything.
    fn input(&self) -> Result<Option<Value>> {
        input::transformed(self.target, self.rule, self.event)
    }

    /// CloudEvents 1.0 in structured mode; `data` is the event's detail, or the target's own input.
    fn cloud_event(&self) -> Result<Value> {
        let event = self.event;
        let data = self.input()?.unwrap_or_else(|| event.detail.clone());
        let mut cloud = json!({
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": event.detail_type,
            "time": event.time,
            "datacontenttype": if data.is_string() { "text/plain" } else { "application/json" },
            "account": event.account,
            "region": event.region,
            "data": data,
        });
        if let Some(subject) = event.resources.first() {
            cloud["subject"] = json!(subject);
        }
        Ok(cloud)
    }

    /// The event in its envelope, or the target's own input, as text.
    fn text(&self) -> Result<String> {
        Ok(match self.input()? {
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
            None => self.event.to_value()?.to_string(),
        })
    }
}
