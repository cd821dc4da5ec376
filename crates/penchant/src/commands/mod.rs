//! One file per command, or per handful of small ones.

mod doctor;
mod quickstart;
mod recommend;
mod report;
mod serve;
mod show;
mod work;

use domain::{Error, Result};
use serde::Serialize;

use crate::cli::{Cli, Command, JobCommand};
use crate::home::Home;
use crate::words::say;

/// Runs the command that was asked for.
pub async fn dispatch(cli: Cli) -> Result<()> {
    let folder = cli.dir;
    match cli.command {
        Command::Quickstart(options) => quickstart::quickstart(&folder.join(&options.shop), &options).await,
        Command::Apply { dry_run } => work::apply(&folder, dry_run).await,
        Command::Run { workflow, skip_crawl } => work::run(&folder, workflow.as_deref(), skip_crawl).await,
        Command::Serve { listen } => serve::serve(&folder, &listen).await,
        Command::Crawl { names, json } => work::crawl(&folder, &names, json).await,
        Command::Job(JobCommand::List { json }) => show::jobs(&open(&folder).await?, json).await,
        Command::Job(JobCommand::Run { name, arguments }) => work::job(&folder, &name, &arguments).await,
        Command::Train { pipeline } => work::train(&folder, pipeline.as_deref()).await,
        Command::Recommend(options) => recommend::recommend(&open(&folder).await?, &options).await,
        Command::Report { json } => report::report(&open(&folder).await?, json).await,
        Command::Runs(options) => show::runs(&open(&folder).await?, &options).await,
        Command::Logs { run, follow } => show::logs(&open(&folder).await?, &run, follow).await,
        Command::Credentials { shell } => show::credentials(&open(&folder).await?, shell),
        Command::Doctor { json } => doctor::doctor(&folder, json).await,
    }
}

async fn open(folder: &std::path::Path) -> Result<Home> {
    Home::open(folder).await
}

/// Prints one JSON document on standard output.
fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::internal("The answer cannot be written as JSON.").source(e))?;
    say!("{text}");
    Ok(())
}
