//! STS, and the little of IAM that every Personalize and Glue sample begins with.
//!
//! Roles are accepted and remembered, so that scripts run unchanged. They have no effect: whoever has the key may do
//! everything, and runs read and write as the server itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Error, Result};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Resource, Stored};

use crate::app::App;
use crate::input::Input;
use crate::wire::{Answer, escape};

/// The members of a form: `Action=GetRole&RoleName=x`.
pub(crate) fn form(body: &[u8]) -> Map<String, Value> {
    let text = String::from_utf8_lossy(body);
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decode(name), Value::String(decode(value)))).collect()
}

pub(crate) async fn get_caller_identity(app: Arc<App>, _: Input) -> Result<Answer> {
    let account = &app.partition.account;
    Ok(Answer::Xml(format!("<Arn>arn:aws:iam::{account}:root</Arn><UserId>{account}</UserId><Account>{account}</Account>")))
}

pub(crate) const GET_SESSION_TOKEN: &str = "GetSessionToken";
/// AWS's bounds and default of a session, in seconds.
const SESSION_SECONDS: std::ops::RangeInclusive<u64> = 900..=129_600;
const DEFAULT_SESSION_SECONDS: u64 = 43_200;

/// Temporary keys that may do what the caller may.
pub(crate) async fn get_session_token(app: Arc<App>, input: Input) -> Result<Answer> {
    let seconds = match input.optional_text("DurationSeconds")? {
        None => DEFAULT_SESSION_SECONDS,
        Some(text) => text.parse().ok().filter(|seconds| SESSION_SECONDS.contains(seconds)).ok_or_else(|| {
            let (least, most) = (SESSION_SECONDS.start(), SESSION_SECONDS.end());
            input.error(format!("takes {least} to {most} as \"DurationSeconds\"; found {text:?}."))
        })?,
    };
    let key = app.sessions.open(seconds)?;
    Ok(Answer::Xml(format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials>",
        key.access_key,
        key.secret,
        key.token,
        time(key.expires)
    )))
}

fn time(at: domain::Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[derive(Debug, Serialize, Deserialize)]
struct Role {
    name: String,
    path: String,
    arn: String,
    description: String,
    assume_role_policy: String,
    /// Inline policies by name.
    policies: BTreeMap<String, String>,
    /// ARNs of managed policies.
    attached: Vec<String>,
}

impl Resource for Role {
    const KIND: &'static str = "role";

    fn key(&self) -> String {
        self.name.clone()
    }
}

pub(crate) async fn create_role(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = role_name(&input)?.to_owned();
    let assume_role_policy = input.text("AssumeRolePolicyDocument")?.to_owned();
    if serde_json::from_str::<Value>(&assume_role_policy).is_err() {
        return Err(input.error("needs a JSON document in \"AssumeRolePolicyDocument\"; found something else."));
    }
    let path = input.optional_text("Path")?.unwrap_or("/").to_owned();
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{name}", app.partition.account),
        description: input.optional_text("Description")?.unwrap_or("").to_owned(),
        policies: BTreeMap::new(),
        attached: Vec::new(),
        assume_role_policy,
        name,
        path,
    };
    app.runs.store().create(&role).await?;
    described(&app.runs.store().get::<Role>(&role.name).await?)
}

pub(crate) async fn get_role(app: Arc<App>, input: Input) -> Result<Answer> {
    described(&app.runs.store().get::<Role>(role_name(&input)?).await?)
}

pub(crate) async fn delete_role(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = role_name(&input)?;
    let role = app.runs.store().get::<Role>(name).await?;
    if !role.attached.is_empty() || !role.policies.is_empty() {
        return Err(Error::in_use(format!("Role {name:?} still has policies: detach and delete them first.")));
    }
    app.runs.store().delete::<Role>(name).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn put_role_policy(app: Arc<App>, input: Input) -> Result<Answer> {
    let (policy, document) = (input.text("PolicyName")?.to_owned(), input.text("PolicyDocument")?.to_owned());
    change(&app, &input, |role| {
        role.policies.insert(policy, document);
    })
    .await
}

pub(crate) async fn delete_role_policy(app: Arc<App>, input: Input) -> Result<Answer> {
    let policy = input.text("PolicyName")?.to_owned();
    change(&app, &input, |role| {
        role.policies.remove(&policy);
    })
    .await
}

pub(crate) async fn attach_role_policy(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = input.text("PolicyArn")?.to_owned();
    change(&app, &input, |role| {
        if !role.attached.contains(&arn) {
            role.attached.push(arn);
        }
    })
    .await
}

pub(crate) async fn detach_role_policy(app: Arc<App>, input: Input) -> Result<Answer> {
    let arn = input.text("PolicyArn")?.to_owned();
    change(&app, &input, |role| role.attached.retain(|attached| *attached != arn)).await
}

async fn change(app: &App, input: &Input, change: impl FnOnce(&mut Role) + Send) -> Result<Answer> {
    let apply = |role: &mut Role| {
        change(role);
        Ok(())
    };
    app.runs.store().update::<Role>(role_name(input)?, apply).await?;
    Ok(Answer::Empty)
}

fn role_name(input: &Input) -> Result<&str> {
    let name = input.text("RoleName")?;
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
    if fits { Ok(name) } else { Err(input.error(format!("takes 1 to 64 letters, digits and +=,.@_- as \"RoleName\"; found {name:?}."))) }
}

fn described(role: &Stored<Role>) -> Result<Answer> {
    Ok(Answer::Xml(format!(
        "<Role><Path>{}</Path><RoleName>{}</RoleName><RoleId>AROA{:0>17}</RoleId><Arn>{}</Arn><CreateDate>{}</CreateDate>\
         <Description>{}</Description><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument></Role>",
        escape(&role.path),
        escape(&role.name),
        role.created.millis(),
        escape(&role.arn),
        time(role.created),
        escape(&role.description),
        utf8_percent_encode(&role.assume_role_policy, NON_ALPHANUMERIC),
    )))
}
