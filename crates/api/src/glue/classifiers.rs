//! Custom classifiers of files.

use std::sync::Arc;

use catalog::Classifier;
use domain::Result;
use serde_json::{Map, Value, json};
use store::Stored;

use super::view::members;
use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::{Answer, time};

const KINDS: [&str; 4] = ["GrokClassifier", "XMLClassifier", "JsonClassifier", "CsvClassifier"];

pub(crate) async fn create(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.create_classifier(read(&input, Map::new())?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn get(app: Arc<App>, input: Input) -> Result<Answer> {
    let classifier = app.catalog.get_classifier(input.text("Name")?).await?;
    Ok(Answer::Json(json!({"Classifier": view(&classifier)?})))
}

pub(crate) async fn list(app: Arc<App>, input: Input) -> Result<Answer> {
    let mut items = Vec::new();
    for classifier in app.catalog.list_classifiers().await? {
        items.push((classifier.name().to_owned(), view(&classifier)?.into()));
    }
    paging::glue(&input, "Classifiers", items)
}

/// Members left out stay as they are.
pub(crate) async fn update(app: Arc<App>, input: Input) -> Result<Answer> {
    let (kind, given) = given(&input)?;
    let name = Input { operation: input.operation, members: given }.text("Name")?.to_owned();
    let old = app.catalog.get_classifier(&name).await?;
    let known = if old.kind() == kind { of_kind(&old)? } else { Map::new() };
    app.catalog.update_classifier(read(&input, known)?).await?;
    Ok(Answer::Empty)
}

pub(crate) async fn delete(app: Arc<App>, input: Input) -> Result<Answer> {
    app.catalog.delete_classifier(input.text("Name")?).await?;
    Ok(Answer::Empty)
}

/// The one kind that is given, and its members.
fn given(input: &Input) -> Result<(&'static str, Map<String, Value>)> {
    let kinds: Vec<&'static str> = KINDS.into_iter().filter(|kind| input.get(kind).is_some()).collect();
    match kinds[..] {
        [kind] => Ok((kind, input.member_object(kind)?)),
        _ => Err(input.error(format!("takes one of {}; found {}.", KINDS.join(", "), kinds.len()))),
    }
}

/// `known` are members that hold unless others are given.
fn read(input: &Input, mut known: Map<String, Value>) -> Result<Classifier> {
    let (kind, given) = given(input)?;
    known.extend(given);
    let members = Map::from_iter([(kind.to_owned(), Value::from(known))]);
    Input { operation: input.operation, members }.into_type()
}

fn of_kind(classifier: &Classifier) -> Result<Map<String, Value>> {
    match members(classifier)?.remove(classifier.kind()) {
        Some(Value::Object(of_kind)) => Ok(of_kind),
        _ => Ok(Map::new()),
    }
}

fn view(classifier: &Stored<Classifier>) -> Result<Map<String, Value>> {
    let mut shown = of_kind(classifier)?;
    shown.insert("CreationTime".into(), time(classifier.created));
    shown.insert("LastUpdated".into(), time(classifier.updated));
    shown.insert("Version".into(), classifier.version.into());
    Ok(Map::from_iter([(classifier.kind().to_owned(), shown.into())]))
}
