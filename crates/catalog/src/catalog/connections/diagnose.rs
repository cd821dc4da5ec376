//! The way to a source: databases know theirs; that to a store of files is here.

use std::time::Duration;

use connect::connection::Reach;
use connect::{Connection, Diagnosis, Endpoint, Step};
use domain::{Error, Result};
use futures::StreamExt;
use store::Location;

use super::Catalog;
use crate::crawler::Crawler;

/// The property that names a bucket to list in the test of a connection of type S3.
const BUCKET: &str = "BUCKET";

pub(super) async fn diagnose(catalog: &Catalog, connection: &Connection) -> Result<Diagnosis> {
    let mut diagnosis = Diagnosis::default();
    let endpoint = connection.unsealed(catalog.sources().secrets()).and_then(|open| open.endpoint());
    let endpoint = match endpoint {
        Ok(endpoint) => endpoint,
        Err(error) => {
            diagnosis.note::<()>(Step::Configuration, Err(error), |()| String::new());
            return Ok(diagnosis);
        }
    };
    if let Endpoint::S3 { endpoint, region } = endpoint {
        files(catalog, connection, endpoint, &region, &mut diagnosis).await?;
        return Ok(diagnosis);
    }
    let opened_by = if matches!(endpoint, Endpoint::Sqlite { .. }) { Step::File } else { Step::Configuration };
    match catalog.sources().open(connection) {
        Ok(source) => Ok(source.diagnose().await),
        Err(error) => {
            diagnosis.note::<()>(opened_by, Err(error), |()| String::new());
            Ok(diagnosis)
        }
    }
}

/// DNS and TCP to the endpoint, then one bucket is listed: that of the property BUCKET, or one that a crawler reads.
async fn files(
    catalog: &Catalog,
    connection: &Connection,
    endpoint: Option<String>,
    region: &str,
    diagnosis: &mut Diagnosis,
) -> Result<()> {
    let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let Some((host, port)) = diagnosis.note(Step::Configuration, host_and_port(&endpoint), |(host, port)| format!("{host}:{port}")) else {
        return Ok(());
    };
    let timeout = Reach::default().connect_timeout;
    if diagnosis.reach(&host, port, timeout).await.is_none() {
        return Ok(());
    }
    if let Some(location) = bucket_of(catalog, connection).await? {
        list(catalog, connection, &location, timeout, diagnosis).await;
    }
    Ok(())
}

async fn list(catalog: &Catalog, connection: &Connection, location: &Location, timeout: Duration, diagnosis: &mut Diagnosis) {
    let opened = match catalog.sources().files(location, Some(connection)) {
        Ok(opened) => opened,
        Err(error) => {
            diagnosis.note::<()>(Step::Configuration, Err(error), |()| String::new());
            return;
        }
    };
    let (store, path) = opened;
    let first = async { store.list(Some(&path)).next().await.transpose() };
    let (step, outcome) = match tokio::time::timeout(timeout, first).await {
        Ok(Ok(found)) => (Step::Permission, Ok(found.is_some())),
        Ok(Err(error)) => (step_of(&error), Err(Error::invalid_input(format!("{location} cannot be listed.")).source(error))),
        Err(_) => {
            let waited = format!("Listing {location} took longer than {} seconds.", timeout.as_secs());
            (Step::Permission, Err(Error::unavailable(waited)))
        }
    };
    diagnosis.note(step, outcome, |found| format!("{location} can be listed{}", if *found { "" } else { ", it is empty" }));
}

fn step_of(error: &object_store::Error) -> Step {
    let text = error.to_string();
    match error {
        object_store::Error::NotFound { .. } => Step::Database,
        object_store::Error::Unauthenticated { .. } => Step::Authentication,
        _ if text.contains("InvalidAccessKeyId") || text.contains("SignatureDoesNotMatch") => Step::Authentication,
        _ if text.contains("NoSuchBucket") => Step::Database,
        _ => Step::Permission,
    }
}

async fn bucket_of(catalog: &Catalog, connection: &Connection) -> Result<Option<Location>> {
    if let Some(bucket) = connection.property(BUCKET)? {
        return Location::parse(&format!("s3://{bucket}/")).map(Some);
    }
    let crawlers = catalog.store().list::<Crawler>().await?;
    let mut targets = crawlers.iter().flat_map(|crawler| &crawler.targets.s3);
    let target = targets.find(|target| target.connection_name.as_deref() == Some(connection.name.as_str()));
    target.map(|target| Location::parse(&target.path)).transpose()
}

/// `http://host:9000`, `https://host/`, `http://[::1]:9000`
fn host_and_port(endpoint: &str) -> Result<(String, u16)> {
    let wrong = || Error::invalid_input(format!("ENDPOINT is like http://host:9000; found {endpoint:?}."));
    let (scheme, rest) = endpoint.split_once("://").ok_or_else(wrong)?;
    let usual = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(wrong()),
    };
    let place = rest.split('/').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (place, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(wrong()) } else { Ok((host.to_owned(), port)) }
}
