//! Which kinds of connections there are, and what each needs.

use std::sync::Arc;

use domain::{Error, Result};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::input::Input;
use crate::paging;
use crate::wire::Answer;

struct ConnectionType {
    name: &'static str,
    title: &'static str,
    vendor: &'static str,
    description: &'static str,
    properties: &'static [&'static [Property]],
}

struct Property {
    name: &'static str,
    description: &'static str,
    required: bool,
    secret: bool,
    default: Option<&'static str>,
}

const fn needed(name: &'static str, description: &'static str) -> Property {
    Property { name, description, required: true, secret: false, default: None }
}

const fn may(name: &'static str, description: &'static str) -> Property {
    Property { name, description, required: false, secret: false, default: None }
}

const fn secret(name: &'static str, description: &'static str) -> Property {
    Property { name, description, required: false, secret: true, default: None }
}

const fn usual(name: &'static str, description: &'static str, default: &'static str) -> Property {
    Property { name, description, required: false, secret: false, default: Some(default) }
}

const LOGIN: &[Property] = &[
    may("USERNAME", "The user."),
    secret("PASSWORD", "The password, kept sealed and never shown; or ${env:NAME} or ${file:path}, read at use."),
];
const REACH: &[Property] = &[
    usual("CONNECT_TIMEOUT_SECONDS", "For DNS, TCP, TLS and authentication together, each time.", "10"),
    usual("READ_TIMEOUT_SECONDS", "How long a scan waits for the next rows.", "300"),
    usual("CONNECT_RETRIES", "Further tries when the server cannot be reached.", "2"),
];
const TLS: &[Property] = &[
    usual("TLS_MODE", "disable, prefer, require, verify-ca or verify-full.", "prefer"),
    may("JDBC_ENFORCE_SSL", "true stands for TLS_MODE verify-full."),
    may("CUSTOM_JDBC_CERT", "The file with the authority to trust, in PEM."),
];
const SERVER: &[Property] = &[
    may("HOST", "The server; not needed with JDBC_CONNECTION_URL."),
    may("PORT", "Its port, unless it is the usual one."),
    may("DATABASE", "The database; wins over that of the URL."),
    may("JDBC_CONNECTION_URL", "jdbc:engine://host:port/database"),
];
const DATABASE: &[&[Property]] = &[SERVER, LOGIN, TLS, REACH];
const MONGO: &[Property] = &[
    may("CONNECTION_URL", "mongodb://host:port/database"),
    may("HOST", "The server; not needed with CONNECTION_URL."),
    usual("PORT", "Its port.", "27017"),
    may("DATABASE", "Only this database."),
];
const KAFKA: &[Property] = &[
    needed("KAFKA_BOOTSTRAP_SERVERS", "host:port, several with commas."),
    usual("KAFKA_SSL_ENABLED", "Whether the way is encrypted.", "true"),
    may("KAFKA_CUSTOM_CERT", "The file with the authority to trust, in PEM."),
    may("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN."),
    may("KAFKA_SASL_SCRAM_USERNAME", "The user for SCRAM."),
    secret("KAFKA_SASL_SCRAM_PASSWORD", "The password for SCRAM."),
    may("KAFKA_SASL_PLAIN_USERNAME", "The user for PLAIN."),
    secret("KAFKA_SASL_PLAIN_PASSWORD", "The password for PLAIN."),
];
const S3: &[Property] = &[
    may("ENDPOINT", "http://host:9000; without it Amazon's own."),
    usual("REGION", "The region that requests are signed for.", "us-east-1"),
    may("ACCESS_KEY", "Without one requests go unsigned."),
    secret("SECRET_KEY", "The key's secret."),
    may("BUCKET", "The bucket that a test lists."),
];
const SQLITE: &[Property] = &[may("PATH", "The file; or JDBC_CONNECTION_URL jdbc:sqlite:path.")];
const JDBC: &[Property] =
    &[needed("JDBC_CONNECTION_URL", "jdbc:postgresql:, jdbc:redshift:, jdbc:mysql:, jdbc:sqlserver: or jdbc:sqlite:")];

const TYPES: &[ConnectionType] = &[
    of("DOCUMENTDB", "Amazon DocumentDB", "Amazon", "Document collections, read as MongoDB's.", &[MONGO, LOGIN, TLS, REACH]),
    of("JDBC", "JDBC", "", "A relational database, said by its URL.", &[JDBC, LOGIN, TLS, REACH]),
    of("KAFKA", "Apache Kafka", "Apache", "Topics of JSON, Avro or CSV messages.", &[KAFKA, REACH]),
    of("MONGODB", "MongoDB", "MongoDB", "Document collections.", &[MONGO, LOGIN, TLS, REACH]),
    of("MYSQL", "MySQL", "Oracle", "MySQL and MariaDB.", DATABASE),
    of("POSTGRESQL", "PostgreSQL", "PostgreSQL", "PostgreSQL.", DATABASE),
    of("REDSHIFT", "Amazon Redshift", "Amazon", "Redshift, over PostgreSQL's wire.", DATABASE),
    of("S3", "Amazon S3", "Amazon", "Buckets of any S3-compatible store.", &[S3]),
    of("SQLITE", "SQLite", "SQLite", "A SQLite file.", &[SQLITE]),
    of("SQLSERVER", "Microsoft SQL Server", "Microsoft", "SQL Server.", DATABASE),
];

const fn of(
    name: &'static str,
    title: &'static str,
    vendor: &'static str,
    description: &'static str,
    properties: &'static [&'static [Property]],
) -> ConnectionType {
    ConnectionType { name, title, vendor, description, properties }
}

pub(crate) async fn list(_: Arc<App>, input: Input) -> Result<Answer> {
    paging::glue(&input, "ConnectionTypes", TYPES.iter().map(|of| (of.name.to_owned(), brief(of))).collect())
}

pub(crate) async fn describe(_: Arc<App>, input: Input) -> Result<Answer> {
    let wanted = input.text("ConnectionType")?;
    let found = TYPES.iter().find(|of| of.name == wanted).ok_or_else(|| {
        let names: Vec<&str> = TYPES.iter().map(|of| of.name).collect();
        Error::invalid_input(format!("The connection types are {}; found {wanted:?}.", names.join(", ")))
    })?;
    let properties: Map<String, Value> =
        found.properties.iter().copied().flatten().map(|property| (property.name.to_owned(), shown(property))).collect();
    Ok(Answer::Json(json!({
        "ConnectionType": found.name,
        "Description": found.description,
        "Capabilities": capabilities(found),
        "ConnectionProperties": properties,
    })))
}

fn brief(of: &ConnectionType) -> Value {
    json!({
        "ConnectionType": of.name,
        "DisplayName": of.title,
        "Vendor": of.vendor,
        "Description": of.description,
        "Capabilities": capabilities(of),
    })
}

fn capabilities(of: &ConnectionType) -> Value {
    let signs_in = of.name != "SQLITE";
    json!({
        "SupportedAuthenticationTypes": if signs_in { vec!["BASIC"] } else { Vec::new() },
        "SupportedDataOperations": ["READ"],
        "SupportedComputeEnvironments": ["SPARK"],
    })
}

fn shown(property: &Property) -> Value {
    let mut members = json!({
        "Name": property.name,
        "Description": property.description,
        "Required": property.required,
        "PropertyTypes": [if property.secret { "SECRET" } else { "USER_INPUT" }],
    });
    if let Some(default) = property.default {
        members["DefaultValue"] = default.into();
    }
    members
}
