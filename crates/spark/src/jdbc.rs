//! Databases, by a driver that the cluster has.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use connect::{Connection, Endpoint, TablePath};

use crate::dialect::name;

/// Rows that the cluster takes from a database at once; without a number, PostgreSQL's driver takes all there are into its memory.
const FETCHED_ROWS: &str = "10000";
/// What MariaDB's driver is told, the older (2) and the newer (3): moments are UTC on the wire, as they are in this process, and a year is
/// a number.
const MARIADB: [(&str, &str); 4] =
    [("useLegacyDatetimeCode", "false"), ("serverTimezone", "UTC"), ("timezone", "UTC"), ("yearIsDateType", "false")];

/// How the cluster is to read one table.
pub(crate) struct Reader {
    pub options: HashMap<String, String>,
    moments: Moments,
}

/// How moments come. Drivers make them with the clock of the cluster's own zone, in which an hour of every spring does not exist: what a
/// database holds of that hour would be an hour later. As texts, which the database makes, they come as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moments {
    /// PostgreSQL's texts. Infinity is null.
    Texts,
    /// The same of MySQL, where what is no day becomes null.
    LooseTexts,
    /// As the driver makes them.
    Made,
}

/// Spark's reader for one table; or why there is none.
pub(crate) fn reader(connection: &Connection, path: &TablePath, columns: &SchemaRef) -> Result<Reader, String> {
    let endpoint = connection.endpoint().map_err(|e| e.to_string())?;
    let (server, scheme, driver, quote) = match &endpoint {
        Endpoint::Postgres(server) => (server, "postgresql", "org.postgresql.Driver", '"'),
        Endpoint::Redshift(server) => (server, "redshift", "com.amazon.redshift.jdbc42.Driver", '"'),
        // MariaDB's driver under its own scheme would quote names as texts.
        Endpoint::MySql(server) => (server, "mysql", "org.mariadb.jdbc.Driver", '`'),
        Endpoint::SqlServer(server) => (server, "sqlserver", "com.microsoft.sqlserver.jdbc.SQLServerDriver", '"'),
        Endpoint::Sqlite { .. } => return Err("a SQLite file is read by the embedded engine alone".into()),
        Endpoint::Mongo(_) | Endpoint::Kafka(_) | Endpoint::S3 { .. } => {
            return Err(format!("connections of type {} are read by the embedded engine alone", connection.connection_type));
        }
    };
    let parts = [path.schema.as_deref().or(if scheme == "mysql" { path.database.as_deref() } else { None }), Some(path.table.as_str())];
    let quoted = |name: &str| format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")));
    let table: Vec<String> = parts.into_iter().flatten().map(quoted).collect();
    let database = server.database.as_deref().or(path.database.as_deref()).unwrap_or_default();
    let url = match scheme {
        "sqlserver" => format!("jdbc:sqlserver://{}:{};databaseName={database};encrypt=false", server.host, server.port),
        // Without the word the newer driver leaves this scheme to MySQL's own.
        "mysql" => format!("jdbc:mysql://{}:{}/{database}?permitMysqlScheme", server.host, server.port),
        _ => format!("jdbc:{scheme}://{}:{}/{database}", server.host, server.port),
    };
    let moments = match scheme {
        "postgresql" | "redshift" => Moments::Texts,
        "mysql" => Moments::LooseTexts,
        _ => Moments::Made,
    };
    let mut options = HashMap::from([
        ("url".to_owned(), url),
        ("driver".to_owned(), driver.to_owned()),
        ("dbtable".to_owned(), selected(&table.join("."), columns, moments, &quoted)),
        ("preferTimestampNTZ".to_owned(), "true".to_owned()),
        ("fetchsize".to_owned(), FETCHED_ROWS.to_owned()),
    ]);
    if scheme == "mysql" {
        options.extend(MARIADB.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // Spark's own word, since drivers do not all heed theirs: moments are made texts in the session's zone.
        options.insert("sessionInitStatement".into(), "SET time_zone = '+00:00'".into());
    }
    // What the catalogue has as text comes as the text that the database writes: Spark would cut numbers without a declared number of
    // digits, and make moments of times of day.
    let wanted = |field: &Arc<Field>| match field.data_type() {
        _ if is_text(field) => Some("STRING"),
        // Several bits would be bytes, a year a day.
        DataType::Int64 if scheme == "mysql" => Some("BIGINT"),
        DataType::Int32 if scheme == "mysql" => Some("INT"),
        _ => None,
    };
    let wanted = columns.fields().iter().filter_map(|field| Some(format!("{} {}", name(field.name()), wanted(field)?)));
    let wanted: Vec<String> = wanted.collect();
    if !wanted.is_empty() {
        options.insert("customSchema".into(), wanted.join(", "));
    }
    let secrets = [("user", &server.user), ("password", &server.password)];
    options.extend(secrets.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    Ok(Reader { options, moments })
}

/// What is read of the table: all of it, or its columns one by one where some are not as they are.
fn selected(table: &str, columns: &SchemaRef, moments: Moments, quoted: &impl Fn(&str) -> String) -> String {
    let text = match moments {
        Moments::Texts => "text",
        Moments::LooseTexts => "CHAR",
        Moments::Made => return table.to_owned(),
    };
    if !columns.fields().iter().any(|field| is_moment(field)) {
        return table.to_owned();
    }
    let column = |field: &Arc<Field>| {
        let column = quoted(field.name());
        if is_moment(field) { format!("CAST({column} AS {text}) AS {column}") } else { column }
    };
    let columns: Vec<String> = columns.fields().iter().map(column).collect();
    format!("(SELECT {} FROM {table}) penchant", columns.join(", "))
}

impl Reader {
    /// A column as this process would read it, `data_type` in Spark's words. A database compares texts by its collation, often without
    /// regard to case: what is no mere column, Spark compares itself, byte by byte. It sends other comparisons to the database.
    pub fn column(&self, field: &Field, data_type: &str) -> String {
        let column = name(field.name());
        match self.moments {
            _ if is_text(field) => format!("concat({column}, '')"),
            Moments::Texts if is_moment(field) => {
                format!("CAST(CASE WHEN {column} NOT IN ('infinity', '-infinity') THEN {column} END AS {data_type})")
            }
            Moments::LooseTexts if is_moment(field) => format!("TRY_CAST({column} AS {data_type})"),
            _ => format!("CAST({column} AS {data_type})"),
        }
    }
}

fn is_text(field: &Field) -> bool {
    field.data_type() == &DataType::Utf8
}

fn is_moment(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Timestamp(..))
}
