//! The server.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use api::App;
use domain::{Error, Result};
use tokio::net::TcpListener;

use crate::home::{AtWork, Home, STATE};
use crate::nodes::{Role, Roles};
use crate::project::FILE;
use crate::words::say;

/// How long requests under way may take after the server was told to stop.
const PATIENCE: Duration = Duration::from_secs(10);
const TRIES: usize = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Where a node listens that answers nobody but the scripts of its own jobs.
const OWN_SCRIPTS: &str = "127.0.0.1:0";

pub async fn serve(folder: &Path, listen: &str, roles: Roles) -> Result<()> {
    if !folder.is_dir() {
        return Err(Error::invalid_input(format!("--dir is a folder; found none at {}.", folder.display())));
    }
    // First the port, so that a mistake in it changes nothing.
    let answers = roles.has(Role::Api) || roles.has(Role::Serving);
    let listener = bind(if answers { listen } else { OWN_SCRIPTS }).await?;
    let address = listener.local_addr().map_err(|e| Error::unavailable("The address that is listened on is not known.").source(e))?;
    let at_work = begin(folder, roles, address).await?;
    greet(&at_work.home, &at_work.roles, &address.to_string());
    let router = api::router(app(&at_work)?)?;
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let stopping = async move {
        told_to_stop().await;
        // Nobody listening means that the server has ended already.
        let _ = tell.send(());
    };
    let late = async {
        if told.await.is_ok() {
            tokio::time::sleep(PATIENCE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let served = tokio::select! {
        served = axum::serve(listener, router).with_graceful_shutdown(stopping) => served,
        () = late => Ok(()),
    };
    at_work.end().await?;
    served.map_err(|e| Error::unavailable("The server ended.").source(e))
}

/// Waits a little for the right to work: a command that only looks whether it is free holds it for a moment.
async fn begin(folder: &Path, roles: Roles, address: SocketAddr) -> Result<AtWork> {
    for _ in 0..TRIES {
        if let Some(at_work) = AtWork::begin(folder, roles.clone(), Some(address)).await? {
            return Ok(at_work);
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Err(Error::unavailable(format!(
        "Another penchant is at work on {}: stop it first, or use it; where the metadata is in PostgreSQL, others can join it with --roles api,worker,scheduler.",
        folder.join(STATE).display()
    )))
}

async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            let message = format!("{listen} is in use by another program: stop it, or choose another port with --listen.");
            return Error::unavailable(message);
        }
        Error::invalid_input(format!("--listen is an address of this machine and a port, as in 127.0.0.1:7440; {listen:?} cannot be used."))
            .source(error)
    })
}

fn app(at_work: &AtWork) -> Result<App> {
    let home = &at_work.home;
    Ok(App {
        catalog: home.catalog.clone(),
        jobs: home.jobs.clone(),
        datasets: home.datasets.clone(),
        events: at_work.events.clone(),
        training: home.training.clone(),
        serving: home.serving.clone(),
        workflows: home.workflows.clone(),
        buckets: home.buckets.clone(),
        runs: home.runs.clone(),
        credentials: home.credentials.clone(),
        sessions: home.sessions.clone(),
        partition: home.partition.clone(),
        notify: home.notify.clone(),
        impacts: home.impacts()?,
        workbench: home.workbench()?,
        serves: home.serves(&at_work.roles),
    })
}

fn greet(home: &Home, roles: &Roles, address: &str) {
    say!("listening on http://{address}");
    if *roles != Roles::all() {
        say!("  roles        {roles}");
    }
    say!("  project      {}", home.folder.join(FILE).display());
    say!("  credentials  {} (access key {})", home.state.join("credentials").display(), home.credentials.access_key());
    say!("  AWS clients  export AWS_ENDPOINT_URL=http://{address}");
    say!("               export AWS_SHARED_CREDENTIALS_FILE={}", home.state.join("credentials").display());
    say!("               export AWS_DEFAULT_REGION={}", home.partition.region);
}

/// Ctrl-C or SIGTERM.
async fn told_to_stop() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!("SIGTERM will not stop this server: {error}");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
    eprintln!("Stopping: runs under way go back into the queue.");
}
