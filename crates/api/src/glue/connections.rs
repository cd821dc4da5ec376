//! Connections. Secrets go in and never come out again.

use std::sync::Arc;

use connect::Connection;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::described;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_connection(input.member("ConnectionInput")?).await?;
    Ok(Answer::Json(json!({"CreateConnectionStatus": "READY"})))
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let connection = app.catalog.get_connection(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Connection": view(connection)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let filter = input.get("Filter").cloned().unwrap_or_default();
    let wanted = filter.get("ConnectionType").and_then(Value::as_str);
    let mut items = Vec::new();
    for connection in app.catalog.list_connections().await? {
        if wanted.is_none_or(|wanted| wanted == connection.connection_type) {
            items.push((connection.name.clone(), view(connection)?.into()));
        }
    }
    paging::glue(&input, "ConnectionList", items)
}

pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.update_connection(input.text("Name")?, input.member("ConnectionInput")?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_connection(input.text("ConnectionName")?).await?;
    Ok(Answer::Empty)
}

fn view(connection: Stored<Connection>) -> Result<Map<String, Value>> {
    let Stored { value, version, created, updated } = connection;
    let shown = Stored { value: value.without_secrets(), version, created, updated };
    let mut members = described(&shown, "CreationTime", "LastUpdatedTime")?;
    members.insert("Status".into(), "READY".into());
    Ok(members)
}
