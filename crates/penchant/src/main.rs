//! The one binary: command line, configuration, composition root.
//!
//! Start reading at `cli.rs` (what can be asked), then `home.rs` (how the stages are put together).

mod apply;
mod cli;
mod commands;
mod follow;
mod home;
mod keys;
mod nodes;
mod project;
mod sessions;
mod starter;
mod words;

use std::process::ExitCode;

use clap::Parser;
use domain::{Error, ErrorKind};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    start_logging(cli.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the asynchronous runtime did not start: {error}");
            return ExitCode::from(4);
        }
    };
    let outcome = runtime.block_on(commands::dispatch(cli));
    // Blocking work that nobody waits for any more must not hold the exit.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// See `penchant --help`.
fn exit_code(error: &Error) -> u8 {
    match error.kind {
        ErrorKind::InvalidInput | ErrorKind::UnknownOperation => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::Unavailable | ErrorKind::InUse | ErrorKind::TooManyRuns | ErrorKind::Conflict => 4,
        _ => 1,
    }
}

fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info,sqlx=warn,datafusion=warn",
        _ => "debug,sqlx=info",
    };
    let filter = EnvFilter::try_from_env("PENCHANT_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
