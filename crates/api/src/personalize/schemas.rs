//! Schemas.

use std::sync::Arc;

use dataset::Schema;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

/// AWS's limit on the text of a schema.
const MAX_SCHEMA_CHARS: usize = 20_000;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.one_of("domain", &["ECOMMERCE", "VIDEO_ON_DEMAND"])?;
    let chars = input.text("schema")?.chars().count();
    if chars > MAX_SCHEMA_CHARS {
        return Err(input.error(format!("takes at most {MAX_SCHEMA_CHARS} characters as \"schema\"; found {chars}.")));
    }
    let schema = app.datasets.create_schema(input.into_type()?).await?;
    Ok(Answer::Json(json!({"schemaArn": schema.schema_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let schema = app.datasets.get_schema(&input.arn("schemaArn")?).await?;
    Ok(Answer::Json(json!({"schema": view(&schema)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for schema in app.datasets.list_schemas().await? {
        items.push((schema.schema_arn.to_string(), summary(view(&schema)?, &["name", "schemaArn", "domain"])));
    }
    paging::personalize(&input, "schemas", items)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.datasets.delete_schema(&input.arn("schemaArn")?).await?;
    Ok(Answer::Empty)
}

/// Schemas have no status.
fn view(schema: &Stored<Schema>) -> Result<Map<String, Value>> {
    let mut members = described(schema, &Standing::active(schema.updated))?;
    members.remove("status");
    Ok(members)
}
