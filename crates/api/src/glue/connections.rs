//! Connections. Secrets go in and never come out again.

use std::sync::Arc;

use catalog::ConnectionCheck;
use connect::Connection;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{described, error_detail};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, time};

/// What messages call a connection that is tested without being stored.
const UNNAMED: &str = "to be tested";

/// With ValidateCredentials the connection is tested at once; one that fails is kept all the same, as in Glue.
pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    let (connection, test) = connection_input(&input)?;
    let name = connection.name.clone();
    app.catalog.create_connection(connection).await?;
    if test {
        app.catalog.test_connection(&name).await?;
    }
    let check = app.catalog.connection_check(&name).await?;
    Ok(Answer::Json(json!({"CreateConnectionStatus": status(check.as_ref())})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let connection = app.catalog.get_connection(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Connection": view(&app, connection).await?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let filter = Input { operation: input.operation, members: input.member_object("Filter")? };
    let (wanted_type, criteria) = (filter.optional_text("ConnectionType")?, filter.texts("MatchCriteria")?);
    let mut items = Vec::new();
    for connection in app.catalog.list_connections().await? {
        let wanted = wanted_type.is_none_or(|wanted| wanted == connection.connection_type)
            && criteria.iter().all(|criterion| connection.match_criteria.contains(criterion));
        if wanted {
            items.push((connection.name.clone(), view(&app, connection).await?.into()));
        }
    }
    paging::glue(&input, "ConnectionList", items)
}

/// Replaces the whole, as in Glue: a password that is left out is gone.
pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let name = input.text("Name")?;
    let (connection, test) = connection_input(&input)?;
    app.catalog.update_connection(name, connection).await?;
    if test {
        app.catalog.test_connection(name).await?;
    }
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_connection(input.text("ConnectionName")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete_batch(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut names = input.texts("ConnectionNameList")?;
    let refused = app.catalog.delete_connections(names.clone()).await?;
    names.retain(|name| refused.iter().all(|refused| refused.item != *name));
    let errors: Map<String, Value> = refused.into_iter().map(|refused| (refused.item, error_detail(&refused.error))).collect();
    Ok(Answer::Json(json!({"Succeeded": names, "Errors": errors})))
}

/// Empty when every step went well; else the exception says which did not and why.
pub(crate) async fn test(app: Arc<App>, input: Input) -> Result<Answer> {
    let given = input.member_object("TestConnectionInput")?;
    let (name, diagnosis) = match input.optional_text("ConnectionName")? {
        Some(name) => (name, app.catalog.test_connection(name).await?),
        None if given.is_empty() => return Err(input.error("needs ConnectionName or TestConnectionInput; both are missing.")),
        None => {
            let mut given = given;
            given.insert("Name".into(), UNNAMED.into());
            let given = Input { operation: input.operation, members: given };
            refuse_authentication(&given)?;
            (UNNAMED, app.catalog.diagnose_connection(&given.into_type()?).await?)
        }
    };
    diagnosis.verdict(name).map(|()| Answer::Empty)
}

/// The connection, and whether it is to be tested at once.
fn connection_input(input: &Input) -> Result<(Connection, bool)> {
    let given = Input { operation: input.operation, members: input.member_object("ConnectionInput")? };
    refuse_authentication(&given)?;
    let test = given.flag("ValidateCredentials")?;
    Ok((input.member("ConnectionInput")?, test))
}

/// Taken in silence it would be a connection that cannot come in.
fn refuse_authentication(given: &Input) -> Result<()> {
    match given.get("AuthenticationConfiguration") {
        None => Ok(()),
        Some(_) => Err(given.error(
            "does not offer \"AuthenticationConfiguration\": give USERNAME and PASSWORD in ConnectionProperties, or ${env:NAME} or ${file:path} as their values.",
        )),
    }
}

async fn view(app: &App, connection: Stored<Connection>) -> Result<Map<String, Value>> {
    let check = app.catalog.connection_check(&connection.name).await?;
    let Stored { value, version, created, updated } = connection;
    let shown = Stored { value: value.without_secrets(), version, created, updated };
    let mut members = described(&shown, "CreationTime", "LastUpdatedTime")?;
    members.insert("Status".into(), status(check.as_ref()).into());
    if let Some(check) = check {
        members.insert("LastConnectionValidationTime".into(), time(check.updated));
        if let Some(reason) = check.value.failure {
            members.insert("StatusReason".into(), reason.into());
        }
    }
    Ok(members)
}

/// A connection that was never tested is taken to be ready.
fn status(check: Option<&Stored<ConnectionCheck>>) -> &'static str {
    if check.is_some_and(|check| check.failure.is_some()) { "FAILED" } else { "READY" }
}
