//! Our own operation: what a change of a table breaks.

use std::sync::Arc;

use domain::{Error, Result};

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

/// `Since`: a version of the table, or `last` for the one before the current. Without it: what would break if `ColumnName`, or
/// the whole table, were gone.
pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let (database, table) = (input.text("DatabaseName")?, input.text("TableName")?);
    let impact = match (input.optional_text("Since")?, input.optional_text("ColumnName")?) {
        (None, column) => app.impacts.without(database, table, column).await?,
        (Some("last"), None) => app.impacts.since(database, table, None).await?,
        (Some(version), None) => app.impacts.since(database, table, Some(version)).await?,
        (Some(_), Some(_)) => {
            return Err(Error::invalid_input("Since compares whole tables: leave out ColumnName."));
        }
    };
    let answer = serde_json::to_value(impact).map_err(|e| Error::internal("The impact cannot be written as JSON.").source(e))?;
    Ok(Answer::Json(answer))
}
