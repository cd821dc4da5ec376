//! `penchant blueprint`.

use std::path::Path;

use domain::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use workflow::Definition;

use crate::apply::{self, Change};
use crate::commands::print_json;
use crate::home::Home;
use crate::words;
use crate::words::say;

pub async fn list(home: &Home, json: bool) -> Result<()> {
    let all = home.workflows.list_blueprints().await?;
    if json {
        let plain: Vec<_> = all.iter().map(|stored| &stored.value).collect();
        return print_json(&plain);
    }
    let row = |stored: &store::Stored<workflow::Blueprint>| {
        let about = stored.description.clone().unwrap_or_default();
        vec![stored.name.clone(), stored.blueprint_location.clone(), about]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    say!("{}", words::table(&["blueprint", "from", "what it makes"], &rows));
    Ok(())
}

pub async fn show(home: &Home, name: &str, json: bool) -> Result<()> {
    let definition = definition(home, name).await?;
    if json {
        return print_json(&definition);
    }
    let mut rows = Vec::new();
    for (name, parameter) in &definition.parameters {
        let default = parameter.default.as_ref().map_or_else(|| "(needed)".to_owned(), Value::to_string);
        let about = parameter.description.clone().unwrap_or_default();
        rows.push(vec![name.clone(), format!("{:?}", parameter.r#type), default, about]);
    }
    say!("{}", definition.description.clone().unwrap_or_default());
    say!("{}", words::table(&["parameter", "type", "default", "what it is"], &rows));
    Ok(())
}

/// `settings` are `key=value`.
pub async fn apply(home: &Home, name: &str, settings: &[String]) -> Result<()> {
    let definition = definition(home, name).await?;
    let mut parameters = Map::new();
    for setting in settings {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| Error::invalid_input(format!("A parameter is set as key=value; found {setting:?}.")))?;
        parameters.insert(key.to_owned(), value.into());
    }
    let made: Vec<Change> = apply::instantiate(home, &definition.render(parameters)?).await?;
    for change in &made {
        say!("{change}");
    }
    if made.is_empty() {
        say!("Everything is there already.");
    }
    Ok(())
}

/// A blueprint's name, or the path of its file.
async fn definition(home: &Home, name: &str) -> Result<Definition> {
    match home.workflows.get_blueprint(name).await {
        Err(error) if error.kind == ErrorKind::NotFound && Path::new(name).is_file() => {
            let bytes = std::fs::read(name).map_err(|e| Error::invalid_input(format!("{name} cannot be read.")).source(e))?;
            Definition::parse(&bytes)
        }
        found => Ok(found?.value.definition),
    }
}
