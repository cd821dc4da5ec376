//! A load client for GetRecommendations, and the peer its figures are held against.
//!
//! Takes the address of a running `penchant serve`, a credentials file and a campaign; gives p50, p99 and
//! answers per second for each number of clients, as a table and as JSON. It knows nothing of Penchant's crates:
//! it signs and speaks HTTP by itself, so that what it measures is what a customer's client would see.
//!
//! Start reading at [`load::measure`]. `bench/run` is the script that calls this with everything around it.

use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::load::Figures;
use crate::signature::Credentials;

mod client;
mod load;
mod signature;

#[derive(Parser)]
#[command(about = "Measures GetRecommendations against a running server and against a plain handler that gives the same bytes.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask a running server, then the peer, with each number of clients in turn.
    Load(LoadArguments),
    /// Answer every request with the bytes given on standard input; prints its address. The lower bound of any server here.
    Peer,
}

#[derive(Args)]
struct LoadArguments {
    /// Host and port of the server, as in 127.0.0.1:7440.
    #[arg(long)]
    endpoint: String,
    /// Credentials file in AWS profile format.
    #[arg(long)]
    credentials: PathBuf,
    /// ARN of the campaign to ask.
    #[arg(long)]
    campaign: String,
    /// File with one user id a line; the requests go through them in turn.
    #[arg(long)]
    users: PathBuf,
    /// Numbers of clients to measure with.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32])]
    clients: Vec<usize>,
    /// Seconds to measure for each number of clients, after one second of warming up.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Items asked for in each request.
    #[arg(long, default_value_t = 25)]
    results: u32,
    /// Print JSON alone.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Load(arguments) => load_and_compare(&arguments).await,
        Command::Peer => peer().await,
    }
}

async fn load_and_compare(arguments: &LoadArguments) -> Result<()> {
    let credentials = Credentials::read(&arguments.credentials)?;
    let requests = signed_requests(arguments, &credentials)?;
    let answer = first_answer(arguments, &requests).await?;
    let (mut peer, peer_endpoint) = start_peer(&answer).await?;
    let mut rows = Vec::new();
    for &clients in &arguments.clients {
        let seconds = Duration::from_secs_f64(arguments.seconds);
        let server = load::measure(&arguments.endpoint, &requests, clients, seconds).await?;
        let bound = load::measure(&peer_endpoint, &requests, clients, seconds).await?;
        rows.push((clients, server, bound));
    }
    peer.kill().await.context("stopping the peer")?;
    print_rows(arguments, answer.len(), &rows);
    Ok(())
}

/// One request a user, signed before the clock starts: a signature holds for minutes, and making it is the client's work.
fn signed_requests(arguments: &LoadArguments, credentials: &Credentials) -> Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(&arguments.users).with_context(|| format!("reading users from {}", arguments.users.display()))?;
    let users: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if users.is_empty() {
        bail!("expected one user id a line in {}, found none", arguments.users.display());
    }
    let time = load::amz_time();
    let request = |user: &&str| {
        let body = json!({"campaignArn": arguments.campaign, "userId": user, "numResults": arguments.results}).to_string();
        credentials.signed_post(&arguments.endpoint, "/recommendations", "personalize", &time, &body)
    };
    users.iter().map(request).collect()
}

/// Proves that the server answers as expected before anything is measured; its bytes are what the peer repeats.
async fn first_answer(arguments: &LoadArguments, requests: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut connection = client::Connection::open(&arguments.endpoint).await?;
    let answer = connection.ask(&requests[0]).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status != 200 {
        bail!("expected recommendations from {}, found status {}: {text}", arguments.endpoint, answer.status);
    }
    let items = serde_json::from_str::<Value>(&text).ok().and_then(|value| value["itemList"].as_array().map(Vec::len)).unwrap_or(0);
    if items == 0 {
        bail!("expected an itemList with items from {}, found: {text}", arguments.endpoint);
    }
    Ok(answer.body)
}

async fn start_peer(answer: &[u8]) -> Result<(tokio::process::Child, String)> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut child = tokio::process::Command::new(program)
        .arg("peer")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting the peer")?;
    let mut input = child.stdin.take().context("the peer has no standard input")?;
    input.write_all(answer).await.context("giving the peer its answer")?;
    drop(input);
    let output = child.stdout.take().context("the peer has no standard output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).await.context("reading the peer's address")?;
    Ok((child, line.trim().to_owned()))
}

async fn peer() -> Result<()> {
    let mut answer = Vec::new();
    std::io::stdin().read_to_end(&mut answer).context("reading the answer to give")?;
    let router = axum::Router::new().fallback(move |_request: axum::body::Bytes| {
        let answer = answer.clone();
        async move { ([("content-type", "application/json")], answer) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("opening the peer's port")?;
    println!("{}", listener.local_addr().context("reading the peer's port")?);
    axum::serve(listener, router).await.context("serving")
}

fn print_rows(arguments: &LoadArguments, answer_bytes: usize, rows: &[(usize, Figures, Figures)]) {
    let report = json!({
        "endpoint": arguments.endpoint,
        "campaign": arguments.campaign,
        "numResults": arguments.results,
        "answerBytes": answer_bytes,
        "seconds": arguments.seconds,
        "rows": rows.iter().map(|(clients, server, bound)| json!({
            "clients": clients,
            "server": server.json(),
            "peer": bound.json(),
            "p50Ratio": server.p50_us / bound.p50_us,
            "p99Ratio": server.p99_us / bound.p99_us,
        })).collect::<Vec<_>>(),
    });
    if arguments.json {
        println!("{report}");
        return;
    }
    println!("| clients | who | p50 ms | p99 ms | answers/s | failed |\n|---|---|---|---|---|---|");
    for (clients, server, bound) in rows {
        for (who, figures) in [("penchant", server), ("plain handler, same bytes (lower bound)", bound)] {
            let (p50, p99) = (figures.p50_us / 1000.0, figures.p99_us / 1000.0);
            println!("| {clients} | {who} | {p50:.3} | {p99:.3} | {:.0} | {} |", figures.per_second, figures.failed);
        }
    }
}
