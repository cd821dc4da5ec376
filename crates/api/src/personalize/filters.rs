//! Filters. ListFilters names its list with a capital, as AWS does.

use std::sync::Arc;

use domain::Result;
use serde_json::{Map, Value, json};
use serve::Filter;
use store::Stored;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("datasetGroupArn")?;
    let filter = app.serving.create_filter(input.into_type()?).await?;
    Ok(Answer::Json(json!({"filterArn": filter.filter_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let filter = app.serving.get_filter(&input.arn("filterArn")?).await?;
    Ok(Answer::Json(json!({"filter": view(&filter)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = input.optional_arn("datasetGroupArn")?;
    let mut items = Vec::new();
    for filter in app.serving.list_filters(group.as_ref()).await? {
        items.push((filter.filter_arn.to_string(), summary(view(&filter)?, &["name", "filterArn", "datasetGroupArn"])));
    }
    paging::personalize(&input, "Filters", items)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.serving.delete_filter(&input.arn("filterArn")?).await?;
    Ok(Answer::Empty)
}

fn view(filter: &Stored<Filter>) -> Result<Map<String, Value>> {
    described(filter, &Standing::active(filter.updated))
}
