//! From a connection or a location to something that can be read.

use std::sync::Arc;

use domain::{Error, ErrorKind, Result};
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use store::{Buckets, Location};

use crate::connection::{Connection, Endpoint};
use crate::secrets::Secrets;
use crate::sink::sqlite::SqliteSink;
use crate::sink::{Sink, UNSUPPORTED};
use crate::source::Source;
use crate::source::sqlite::SqliteSource;

/// Opens sources and files; clone it freely.
#[derive(Debug, Clone)]
pub struct Sources {
    buckets: Buckets,
    secrets: Secrets,
}

impl Sources {
    /// `buckets` says where our own buckets and the project's folder are.
    pub fn new(buckets: Buckets) -> Self {
        Self { buckets, secrets: Secrets::none() }
    }

    /// With the key that opens sealed secrets.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// What seals the secrets of connections before they are stored.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The database behind the connection. A file that is missing or is no database is refused here; a server is not asked yet.
    pub fn open(&self, connection: &Connection) -> Result<Arc<dyn Source>> {
        match connection.unsealed(&self.secrets)?.endpoint()? {
            Endpoint::Sqlite { path } => {
                let path = self.buckets.path(&Location::parse(&path)?);
                Ok(Arc::new(SqliteSource::open(&path)?))
            }
            #[cfg(feature = "postgres")]
            Endpoint::Postgres(server) => Ok(Arc::new(crate::source::postgres::PostgresSource::new(server))),
            #[cfg(feature = "postgres")]
            Endpoint::Redshift(server) => Ok(Arc::new(crate::source::redshift::RedshiftSource::new(server))),
            #[cfg(feature = "mysql")]
            Endpoint::MySql(server) => Ok(Arc::new(crate::source::mysql::MySqlSource::new(server))),
            #[cfg(feature = "mssql")]
            Endpoint::SqlServer(server) => Ok(Arc::new(crate::source::mssql::MsSqlSource::new(server))),
            #[cfg(feature = "mongodb")]
            Endpoint::Mongo(endpoint) => Ok(Arc::new(crate::source::mongodb::MongoSource::new(endpoint))),
            #[cfg(feature = "kafka")]
            Endpoint::Kafka(endpoint) => Ok(Arc::new(crate::source::kafka::KafkaSource::new(endpoint))),
            #[cfg(not(all(feature = "postgres", feature = "mysql", feature = "mssql", feature = "mongodb", feature = "kafka")))]
            #[allow(unreachable_patterns, reason = "those whose feature is on stand above")]
            Endpoint::Postgres(_)
            | Endpoint::Redshift(_)
            | Endpoint::MySql(_)
            | Endpoint::SqlServer(_)
            | Endpoint::Mongo(_)
            | Endpoint::Kafka(_) => Err(built_without(connection)),
            Endpoint::S3 { .. } => Err(Error::invalid_input(format!(
                "Connection {:?} leads to files (type S3): name it in an S3 target, it holds no database tables.",
                connection.name
            ))),
        }
    }

    /// The database behind the connection, to be written to. Nobody is asked yet; a SQLite file may be missing.
    pub fn sink(&self, connection: &Connection) -> Result<Arc<dyn Sink>> {
        let other = match connection.unsealed(&self.secrets)?.endpoint()? {
            Endpoint::Sqlite { path } => return Ok(Arc::new(SqliteSink::new(&self.buckets.path(&Location::parse(&path)?)))),
            #[cfg(feature = "postgres")]
            Endpoint::Postgres(server) => return Ok(Arc::new(crate::sink::postgres::PostgresSink::new(server))),
            #[cfg(feature = "mysql")]
            Endpoint::MySql(server) => return Ok(Arc::new(crate::sink::mysql::MySqlSink::new(server))),
            #[cfg(not(all(feature = "postgres", feature = "mysql")))]
            #[allow(unreachable_patterns, reason = "those whose feature is on stand above")]
            Endpoint::Postgres(_) | Endpoint::MySql(_) => return Err(built_without(connection)),
            Endpoint::Redshift(_) => "Amazon Redshift",
            Endpoint::SqlServer(_) => "SQL Server",
            Endpoint::Mongo(_) => "MongoDB",
            Endpoint::Kafka(_) => "Kafka",
            Endpoint::S3 { .. } => "files (type S3; a job's file target writes them)",
        };
        Err(Error::invalid_input(format!(
            "Connection {:?} leads to {other}: tables are written in PostgreSQL, MySQL, MariaDB and SQLite only.",
            connection.name
        ))
        .code(UNSUPPORTED))
    }

    /// The object store that holds the location and the location's path in it. Without a connection the location is in
    /// our own buckets or on this machine's disk; with one of type S3 it is in the store that the connection leads to.
    pub fn files(&self, location: &Location, connection: Option<&Connection>) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let Some(connection) = connection else { return self.buckets.resolve(location) };
        let Location::S3 { bucket, key } = location else {
            return Err(Error::invalid_input(format!(
                "Connection {:?} leads to buckets: expected a location like s3://bucket/prefix, found {location}.",
                connection.name
            )));
        };
        let path = Path::parse(key.trim_end_matches('/'))
            .map_err(|e| Error::invalid_input(format!("The key {key:?} cannot be used.")).source(e))?;
        Ok((Arc::new(external_bucket(&connection.unsealed(&self.secrets)?, bucket)?), path))
    }

    /// Every file at or under the location, by name, without hidden ones (first letter `.` or `_`).
    pub async fn list(&self, location: &Location, connection: Option<&Connection>) -> Result<Vec<ObjectMeta>> {
        if connection.is_none() {
            return self.buckets.list(location).await;
        }
        let (store, path) = self.files(location, connection)?;
        let unreachable = |e| Error::new(ErrorKind::Unavailable, format!("{location} cannot be listed.")).source(e);
        if let Some(file) = head(store.as_ref(), &path).await.map_err(unreachable)? {
            return Ok(vec![file]);
        }
        let mut files: Vec<ObjectMeta> = store.list(Some(&path)).try_collect().await.map_err(unreachable)?;
        files.retain(|file| !is_hidden(&path, &file.location));
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }
}

#[cfg(not(all(feature = "postgres", feature = "mysql", feature = "mssql", feature = "mongodb", feature = "kafka")))]
fn built_without(connection: &Connection) -> Error {
    Error::invalid_input(format!(
        "Connection {:?} is of type {}, whose connector this binary was built without: build it with `make release`, or cargo build -p penchant --all-features.",
        connection.name, connection.connection_type
    ))
}

async fn head(store: &dyn ObjectStore, path: &Path) -> object_store::Result<Option<ObjectMeta>> {
    if path.as_ref().is_empty() {
        return Ok(None);
    }
    match store.head(path).await {
        Ok(file) => Ok(Some(file)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_hidden(prefix: &Path, file: &Path) -> bool {
    file.prefix_match(prefix).is_some_and(|mut parts| parts.any(|part| part.as_ref().starts_with(['.', '_'])))
}

/// Path style, because S3-compatible stores rarely have a host name for each bucket; plain HTTP only where the endpoint says so.
/// Without ACCESS_KEY requests go unsigned.
pub(crate) fn external_bucket(connection: &Connection, bucket: &str) -> Result<AmazonS3> {
    let Endpoint::S3 { endpoint, region } = connection.endpoint()? else {
        return Err(Error::invalid_input(format!(
            "Files are read through a connection of type S3; {:?} is of type {}.",
            connection.name, connection.connection_type
        )));
    };
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_region(region);
    if let Some(endpoint) = endpoint {
        let plain = endpoint.starts_with("http://");
        builder = builder.with_endpoint(endpoint).with_allow_http(plain).with_virtual_hosted_style_request(false);
    }
    let secret = match connection.property("SECRET")? {
        None => connection.property("SECRET_KEY")?,
        found => found,
    };
    builder = match (connection.property("ACCESS_KEY")?, secret) {
        (Some(key), Some(secret)) => builder.with_access_key_id(key).with_secret_access_key(secret),
        (None, None) => builder.with_skip_signature(true),
        _ => {
            return Err(Error::invalid_input(format!(
                "Connection {:?} needs both ACCESS_KEY and SECRET, or neither; found one.",
                connection.name
            )));
        }
    };
    builder.build().map_err(|e| {
        Error::invalid_input(format!("Connection {:?} does not describe an S3 endpoint that can be used.", connection.name)).source(e)
    })
}
