//! Databases, by a driver that the cluster has.

use std::collections::HashMap;

use connect::{Connection, Endpoint, TablePath};

/// Options of Spark's reader for one table; or why there are none.
pub(crate) fn options(connection: &Connection, path: &TablePath) -> Result<HashMap<String, String>, String> {
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
        _ => format!("jdbc:{scheme}://{}:{}/{database}", server.host, server.port),
    };
    let mut options = HashMap::from([
        ("url".to_owned(), url),
        ("driver".to_owned(), driver.to_owned()),
        ("dbtable".to_owned(), table.join(".")),
        ("preferTimestampNTZ".to_owned(), "true".to_owned()),
    ]);
    let secrets = [("user", &server.user), ("password", &server.password)];
    options.extend(secrets.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    Ok(options)
}
