//! Dataset groups.

use std::sync::Arc;

use dataset::DatasetGroup;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, object};

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.one_of("domain", &["ECOMMERCE", "VIDEO_ON_DEMAND"])?;
    let group = app.datasets.create_dataset_group(input.into_type()?).await?;
    let domain = group.domain.map_or(Value::Null, |domain| domain.as_str().into());
    Ok(Answer::Json(object([("datasetGroupArn", json!(group.dataset_group_arn)), ("domain", domain)]).into()))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = app.datasets.get_dataset_group(&input.arn("datasetGroupArn")?).await?;
    Ok(Answer::Json(json!({"datasetGroup": view(&group)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for group in app.datasets.list_dataset_groups().await? {
        items.push((group.dataset_group_arn.to_string(), summary(view(&group)?, &["name", "datasetGroupArn", "domain"])));
    }
    paging::personalize(&input, "datasetGroups", items)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.datasets.delete_dataset_group(&input.arn("datasetGroupArn")?).await?;
    Ok(Answer::Empty)
}

fn view(group: &Stored<DatasetGroup>) -> Result<Map<String, Value>> {
    described(group, &Standing::active(group.updated))
}
