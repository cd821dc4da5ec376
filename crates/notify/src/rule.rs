//! Rules: a pattern and the targets that get the events it matches. Member names are EventBridge's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use domain::{Arn, Error, Result};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use store::Resource;
use url::Url;

use crate::input::{self, InputTransformer};
use crate::pattern::Pattern;
use crate::secret;

const NAME_CHARS: usize = 64;
const TIMEOUT_SECONDS: u64 = 30;
const MOST_TIMEOUT_SECONDS: u64 = 900;

/// A rule; its pattern is kept as JSON text, as on EventBridge's wire.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    /// Taken as an object too.
    #[serde(deserialize_with = "text_or_object")]
    pub event_pattern: String,
    pub state: RuleState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RuleState {
    #[default]
    Enabled,
    Disabled,
}

/// Where events go and how. `Arn` is one of
///
/// - `https://host/path` (or `http://`): a webhook,
/// - `mailto:somebody@example.org`: mail, through the installation's SMTP settings,
/// - `command:/path/of/program`: a program, its arguments in `Arguments`; the event is on its standard input,
/// - `kafka:host:9092,other:9092/topic`: a topic,
/// - `arn:aws:glue:region:account:workflow/name`: the EVENT trigger of a workflow, which takes each event once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Target {
    pub id: String,
    pub arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_transformer: Option<InputTransformer>,
    #[serde(skip_serializing_if = "RetryPolicy::is_default")]
    pub retry_policy: RetryPolicy,
    /// Webhooks: what signs, as `${env:NAME}` or `${file:path}`. A value `whsec_…` is base64, any other is taken as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
    /// For one attempt; 30 where it is left out, at most 900.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// Commands: after the program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Commands: where the program runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_folder: Option<PathBuf>,
    /// Mail: the subject; the event's detail-type where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Kafka: the client's properties; values may be `${env:NAME}` or `${file:path}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kafka_properties: BTreeMap<String, String>,
}

/// How long a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// After the first attempt, 0 to 185.
    pub maximum_retry_attempts: u32,
    /// From when the rule matched, 60 to 86 400.
    pub maximum_event_age_in_seconds: i64,
}

/// AWS's: up to 185 times within 24 hours.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self { maximum_retry_attempts: 185, maximum_event_age_in_seconds: 86_400 }
    }
}

impl RetryPolicy {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn check(self) -> Result<()> {
        let (retries, age) = (self.maximum_retry_attempts, self.maximum_event_age_in_seconds);
        if retries > 185 || !(60..=86_400).contains(&age) {
            return Err(Error::invalid_input(format!(
                "A RetryPolicy has 0 to 185 MaximumRetryAttempts and 60 to 86400 MaximumEventAgeInSeconds; found {retries} and {age}."
            )));
        }
        Ok(())
    }
}

impl Resource for Rule {
    const KIND: &'static str = "rule";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Rule {
    /// Fails with the first thing that cannot be; gives the pattern.
    pub fn validate(&self) -> Result<Pattern> {
        check_name("A rule's Name", &self.name)?;
        let pattern = Pattern::parse(&self.event_pattern)?;
        self.targets.iter().try_for_each(Target::validate)?;
        for (index, target) in self.targets.iter().enumerate() {
            if self.targets[..index].iter().any(|other| other.id == target.id) {
                return Err(Error::invalid_input(format!("Rule {:?} has two targets {:?}: an Id names one.", self.name, target.id)));
            }
        }
        Ok(pattern)
    }

    pub(crate) fn target(&self, id: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }
}

/// A target's address, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Address {
    Webhook(Url),
    Mail(String),
    Command(String),
    Kafka { servers: String, topic: String },
    Workflow(String),
}

impl Target {
    pub(crate) fn validate(&self) -> Result<()> {
        check_name("A target's Id", &self.id)?;
        let address = self.address()?;
        self.retry_policy.check()?;
        input::check(self)?;
        if let Some(secret) = &self.signing_secret {
            secret::check("SigningSecret", secret)?;
        }
        for (name, value) in &self.kafka_properties {
            if ["password", "secret", "key.pem"].iter().any(|word| name.contains(word)) {
                secret::check(name, value)?;
            }
        }
        let seconds = self.timeout().as_secs();
        if !(1..=MOST_TIMEOUT_SECONDS).contains(&seconds) {
            return Err(self.wrong(format!("TimeoutSeconds is 1 to {MOST_TIMEOUT_SECONDS}; found {seconds}")));
        }
        let others = [
            ("Input, InputPath or InputTransformer", self.has_input(), !matches!(address, Address::Workflow(_))),
            ("SigningSecret", self.signing_secret.is_some(), matches!(address, Address::Webhook(_))),
            ("Arguments", !self.arguments.is_empty(), matches!(address, Address::Command(_))),
            ("WorkingFolder", self.working_folder.is_some(), matches!(address, Address::Command(_))),
            ("Subject", self.subject.is_some(), matches!(address, Address::Mail(_))),
            ("KafkaProperties", !self.kafka_properties.is_empty(), matches!(address, Address::Kafka { .. })),
        ];
        match others.iter().find(|(_, given, fits)| *given && !fits) {
            Some((name, _, _)) => Err(self.wrong(format!("{name} has no meaning for {:?}; leave it out", self.arn))),
            None => Ok(()),
        }
    }

    pub(crate) fn address(&self) -> Result<Address> {
        let expected = || {
            self.wrong(format!(
                "Arn is https://host/path, mailto:somebody@example.org, command:/path/of/program, kafka:host:port/topic or \
                 arn:aws:glue:region:account:workflow/name; found {:?}",
                self.arn
            ))
        };
        let (scheme, rest) = self.arn.split_once(':').ok_or_else(expected)?;
        match scheme {
            "http" | "https" => Url::parse(&self.arn).map(Address::Webhook).map_err(|e| expected().source(e)),
            "mailto" if rest.contains('@') => Ok(Address::Mail(rest.to_owned())),
            "arn" if rest.starts_with("aws:glue:") => {
                let arn = Arn::parse(&self.arn).map_err(|e| expected().source(e))?;
                let is_workflow = arn.kind() == "workflow" && !arn.id().is_empty();
                if is_workflow { Ok(Address::Workflow(arn.id().to_owned())) } else { Err(expected()) }
            }
            "command" if !rest.is_empty() => Ok(Address::Command(rest.to_owned())),
            "kafka" => match rest.rsplit_once('/') {
                Some((servers, topic)) if !servers.is_empty() && !topic.is_empty() => {
                    Ok(Address::Kafka { servers: servers.to_owned(), topic: topic.to_owned() })
                }
                _ => Err(expected()),
            },
            _ => Err(expected()),
        }
    }

    fn has_input(&self) -> bool {
        self.input.is_some() || self.input_path.is_some() || self.input_transformer.is_some()
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.unwrap_or(TIMEOUT_SECONDS))
    }

    fn wrong(&self, what: String) -> Error {
        Error::invalid_input(format!("Target {:?}: {what}.", self.id)).code("TARGET_INVALID")
    }
}

fn text_or_object<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

fn check_name(what: &str, name: &str) -> Result<()> {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if fits && (1..=NAME_CHARS).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("{what} has 1 to {NAME_CHARS} letters, digits, '.', '-' or '_'; found {name:?}.")))
}
