//! One file per command, or per handful of small ones.

mod blueprint;
mod campaign;
mod connection;
mod doctor;
mod impact;
mod job;
mod job_show;
mod nodes;
mod plan;
mod quickstart;
mod recommend;
mod report;
mod rule;
mod serve;
mod show;
mod table;
mod work;

use domain::{Error, Result};
use serde::Serialize;

use crate::cli::{BlueprintCommand, CampaignCommand, Cli, Command, ConnectionCommand, JobCommand, RuleCommand, TableCommand};
use crate::home::Home;
use crate::words::say;

/// Runs the command that was asked for.
pub async fn dispatch(cli: Cli) -> Result<()> {
    let folder = cli.dir;
    match cli.command {
        Command::Quickstart(options) => quickstart::quickstart(&folder.join(&options.shop), &options).await,
        Command::Apply { dry_run } => work::apply(&folder, dry_run).await,
        Command::Plan { pipelines, json } => plan::plan(&folder, &pipelines, json).await,
        Command::Run { workflow, skip_crawl } => work::run(&folder, workflow.as_deref(), skip_crawl).await,
        Command::Serve { listen, roles } => serve::serve(&folder, &listen, roles).await,
        Command::Nodes { json } => nodes::nodes(&open(&folder).await?, json).await,
        Command::Crawl { names, json } => work::crawl(&folder, &names, json).await,
        Command::Connection(ConnectionCommand::List { json }) => connection::list(&open(&folder).await?, json).await,
        Command::Connection(ConnectionCommand::Test { names, json }) => connection::test(&open(&folder).await?, &names, json).await,
        Command::Table(command) => match command {
            TableCommand::Find { words, json } => table::find(&open(&folder).await?, &words, json).await,
            TableCommand::Show { name, json } => table::show(&open(&folder).await?, &name, json).await,
            TableCommand::Profile { name, json } => table::profile(&folder, &name, json).await,
        },
        Command::Rule(command) => {
            let home = open(&folder).await?;
            match command {
                RuleCommand::List { json } => rule::list(&home, json).await,
                RuleCommand::Test { name } => rule::test(&home, &name).await,
                RuleCommand::DeadLetters { json } => rule::dead_letters(&home, json).await,
                RuleCommand::Redeliver { id } => home.notify.redeliver(&id).await,
                RuleCommand::Drop { id } => home.notify.drop_dead_letter(&id).await,
            }
        }
        Command::Blueprint(command) => {
            let home = open(&folder).await?;
            match command {
                BlueprintCommand::List { json } => blueprint::list(&home, json).await,
                BlueprintCommand::Show { name, json } => blueprint::show(&home, &name, json).await,
                BlueprintCommand::Apply { name, settings } => blueprint::apply(&home, &name, &settings).await,
            }
        }
        Command::Impact { what, since, json } => impact::impact(&folder, &what, since.as_deref(), json).await,
        Command::Job(command) => match command {
            JobCommand::List { json } => job::list(&open(&folder).await?, json).await,
            JobCommand::Show { name, json } => job_show::show(&open(&folder).await?, &name, json).await,
            JobCommand::Bookmark { name, reset, after, json } => {
                job::bookmark(&open(&folder).await?, &name, reset, after.map(runs::RunId).as_ref(), json).await
            }
            JobCommand::Run { name, arguments } => work::job(&folder, &name, &arguments).await,
            JobCommand::Code { name, language } => job::code(&open(&folder).await?, &name, &language).await,
            JobCommand::Eject { name, to } => job::eject(&open(&folder).await?, &name, to).await,
            JobCommand::Preview { name, node, rows, json } => job::preview(&open(&folder).await?, &name, node.as_deref(), rows, json).await,
        },
        Command::Train { pipeline } => work::train(&folder, pipeline.as_deref()).await,
        Command::Campaign(CampaignCommand::List { json }) => campaign::list(&open(&folder).await?, json).await,
        Command::Campaign(CampaignCommand::Rollback { name }) => campaign::rollback(&folder, &name).await,
        Command::Recommend(options) => recommend::recommend(&open(&folder).await?, &options).await,
        Command::Report(args) => report::report(&open(&folder).await?, &args).await,
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
