//! Datasets.

use std::sync::Arc;

use dataset::Dataset;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::{Standing, described, summary};
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    input.arn("schemaArn")?;
    input.arn("datasetGroupArn")?;
    let dataset = app.datasets.create_dataset(input.into_type()?).await?;
    Ok(Answer::Json(json!({"datasetArn": dataset.dataset_arn})))
}

pub(crate) async fn describe(app: Arc<App>, input: Input) -> Result<Answer> {
    let dataset = app.datasets.get_dataset(&input.arn("datasetArn")?).await?;
    Ok(Answer::Json(json!({"dataset": view(&dataset)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let group = input.optional_arn("datasetGroupArn")?;
    let mut items = Vec::new();
    for dataset in app.datasets.list_datasets(group.as_ref()).await? {
        items.push((dataset.dataset_arn.to_string(), summary(view(&dataset)?, &["name", "datasetArn", "datasetType"])));
    }
    paging::personalize(&input, "datasets", items)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.datasets.delete_dataset(&input.arn("datasetArn")?).await?;
    Ok(Answer::Empty)
}

fn view(dataset: &Stored<Dataset>) -> Result<Map<String, Value>> {
    described(dataset, &Standing::active(dataset.updated))
}
