//! Personalize's events.

use std::sync::Arc;

use domain::Result;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;

/// Answers once the events are safe.
pub(crate) async fn put_events(app: Arc<App>, input: Input) -> Result<Answer> {
    app.events.put_events(input.into_type()?).await?;
    Ok(Answer::Empty)
}
