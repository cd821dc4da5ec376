#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use domain::ErrorKind;

use super::{Connection, Endpoint, Server, TlsMode};
use crate::secrets::{Secrets, is_sealed};

fn jdbc<const N: usize>(url: &str, more: [(&str, &str); N]) -> Connection {
    let mut connection = Connection::new("shop", "JDBC", [("JDBC_CONNECTION_URL", url.to_owned())]);
    connection.connection_properties.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    connection
}

fn server(connection: &Connection) -> Server {
    match connection.endpoint().unwrap() {
        Endpoint::Postgres(server) | Endpoint::Redshift(server) | Endpoint::MySql(server) | Endpoint::SqlServer(server) => server,
        other => panic!("{other:?}"),
    }
}

#[test]
fn urls_of_every_database_are_understood() {
    let cases = [
        ("jdbc:postgresql://db.example:5433/shop", "db.example", 5433, Some("shop")),
        ("jdbc:postgresql://db.example/shop%20one?user=anna", "db.example", 5432, Some("shop one")),
        ("jdbc:redshift://c.example.com/dev", "c.example.com", 5439, Some("dev")),
        ("jdbc:mysql://h", "h", 3306, None),
        ("jdbc:mariadb://h:3307/db", "h", 3307, Some("db")),
        ("jdbc:postgresql://[::1]:5432/db", "::1", 5432, Some("db")),
        ("jdbc:sqlserver://h:1444;databaseName=sales;user=anna", "h", 1444, Some("sales")),
        ("jdbc:sqlserver://h;database=sales", "h", 1433, Some("sales")),
    ];
    for (url, host, port, database) in cases {
        let found = server(&jdbc(url, []));
        assert_eq!((found.host.as_str(), found.port, found.database.as_deref()), (host, port, database), "{url}");
    }
    assert_eq!(server(&jdbc("jdbc:sqlserver://h;database=s;user=anna", [])).user.as_deref(), Some("anna"));
    let told = jdbc("jdbc:postgresql://h/db?user=a", [("USERNAME", "b"), ("PORT", "6000"), ("DATABASE", "other")]);
    let told = server(&told);
    assert_eq!((told.user.as_deref(), told.port, told.database.as_deref()), (Some("b"), 6000, Some("other")), "properties win");
}

#[test]
fn what_cannot_lead_anywhere_is_refused_in_a_sentence() {
    for (connection, words) in [
        (jdbc("jdbc:oracle:thin://@h:1521/x", []), "jdbc:oracle:thin://@h:1521/x"),
        (jdbc("jdbc:postgresql://h:5432", []), "needs a database"),
        (jdbc("jdbc:postgresql:db", []), "jdbc:postgresql://host:5432/database"),
        (jdbc("jdbc:mysql://h/db", [("PORT", "many")]), "whole number"),
        (jdbc("jdbc:mysql://h/db", [("TLS_MODE", "sometimes")]), "verify-full"),
        (Connection::new("shop", "POSTGRESQL", [("JDBC_CONNECTION_URL", "jdbc:mysql://h/db".into())]), "leads to MySQL"),
        (Connection::new("shop", "KAFKA", []), "KAFKA_BOOTSTRAP_SERVERS"),
        (Connection::new("shop", "MONGODB", [("CONNECTION_URL", "http://h".into())]), "mongodb://"),
        (Connection::new("shop", "ORACLE", []), "SQLSERVER"),
    ] {
        let error = connection.validate().unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn tls_and_timeouts_have_names() {
    let usual = server(&jdbc("jdbc:mysql://h/db", []));
    assert_eq!((usual.tls.mode, usual.reach.connect_timeout, usual.reach.retries), (TlsMode::Prefer, Duration::from_secs(10), 2));
    let enforced = server(&jdbc("jdbc:mysql://h/db", [("JDBC_ENFORCE_SSL", "true"), ("CUSTOM_JDBC_CERT", "/ca.pem")]));
    assert_eq!((enforced.tls.mode, enforced.tls.authority), (TlsMode::VerifyFull, Some(PathBuf::from("/ca.pem"))));
    let unchecked = server(&jdbc("jdbc:mysql://h/db", [("JDBC_ENFORCE_SSL", "true"), ("SKIP_CUSTOM_JDBC_CERT_VALIDATION", "true")]));
    assert_eq!(unchecked.tls.mode, TlsMode::Require);
    let hasty =
        server(&jdbc("jdbc:mysql://h/db", [("CONNECT_TIMEOUT_SECONDS", "3"), ("READ_TIMEOUT_SECONDS", "9"), ("CONNECT_RETRIES", "0")]));
    assert_eq!(
        (hasty.reach.connect_timeout, hasty.reach.read_timeout, hasty.reach.retries),
        (Duration::from_secs(3), Duration::from_secs(9), 0)
    );
}

#[test]
fn mongodb_urls_keep_their_hosts_and_take_the_login_from_properties() {
    let connection = Connection::new(
        "shop",
        "MONGODB",
        [("CONNECTION_URL", "mongodb://a:1,b:2/db?replicaSet=r".into()), ("USERNAME", "an/na".into()), ("PASSWORD", "p@ss:word".into())],
    );
    let Endpoint::Mongo(found) = connection.endpoint().unwrap() else { panic!() };
    assert_eq!(found.url, "mongodb://an%2Fna:p%40ss%3Aword@a:1,b:2/db?replicaSet=r");
    assert_eq!((found.shown.as_str(), found.database.as_deref()), ("mongodb://a:1,b:2/db?replicaSet=r", Some("db")));
}

#[test]
fn secrets_are_sealed_with_the_key_and_open_with_no_other() {
    let secrets = Secrets::with_key([7; 32]);
    let given = jdbc("jdbc:postgresql://anna:in%20url@h/db", [("USERNAME", "anna")]);
    let sealed = given.sealed(&secrets).unwrap();
    let stored = serde_json::to_string(&sealed).unwrap();
    assert!(!stored.contains("in url") && !stored.contains("in%20url"), "{stored}");
    assert!(is_sealed(&sealed.connection_properties["PASSWORD"]), "{stored}");
    assert_eq!(sealed, given.sealed(&secrets).unwrap(), "the same secret is sealed the same way");
    assert_eq!(sealed, sealed.sealed(&secrets).unwrap(), "what is sealed stays as it is");
    let open = server(&sealed.unsealed(&secrets).unwrap());
    assert_eq!(open.password.as_deref(), Some("in url"));
    assert!(sealed.endpoint().is_err(), "a sealed secret is never used as it is");
    let error = sealed.unsealed(&Secrets::with_key([8; 32])).unwrap_err();
    assert!(error.to_string().contains("key file") && error.to_string().contains("shop"), "{error}");
    let referred = jdbc("jdbc:mysql://h/db", [("PASSWORD", "${env:SHOP_PASSWORD}")]);
    assert_eq!(referred.sealed(&secrets).unwrap(), referred, "a reference tells nothing");
    assert!(given.sealed(&Secrets::none()).is_err());
    for shown in [format!("{given:?}"), format!("{:?}", given.without_secrets()), format!("{open:?}")] {
        assert!(!shown.contains("in url") && !shown.contains("in%20url"), "{shown}");
    }
    let in_options = jdbc("jdbc:sqlserver://h;database=d;password={s;1};user=a", []);
    assert_eq!(server(&in_options).password.as_deref(), Some("s;1"));
    for leaking in [
        in_options,
        Connection::new("shop", "MONGODB", [("CONNECTION_URL", "mongodb://anna:s;1@h/db".into())]),
        jdbc("jdbc:postgresql://anna:s;1@h/db", []),
        Connection::new("shop", "KAFKA", [("KAFKA_CLIENT_ssl.key.password", "s;1".into())]),
        jdbc("jdbc:mysql://h/db?trustStorePassword=s;1", []),
    ] {
        assert!(!format!("{leaking:?}").contains(";1"), "{leaking:?}");
        let stored = serde_json::to_string(&leaking.sealed(&secrets).unwrap()).unwrap();
        assert!(!stored.contains("s;1") || leaking.validate().is_err(), "{stored}");
    }
    let slash = Connection::new("shop", "MONGODB", [("CONNECTION_URL", "mongodb://anna:pa/ss@h/db".into())]).validate().unwrap_err();
    assert!(slash.to_string().contains("%2F") && !slash.to_string().contains("ss@h"), "{slash}");
    let mode = jdbc("jdbc:postgresql://h/db?sslmode=verify-full", []).validate().unwrap_err();
    assert!(mode.to_string().contains("TLS_MODE"), "{mode}");
}

#[test]
fn a_key_file_holds_64_hex_digits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    assert!(Secrets::read(&path).unwrap_err().to_string().contains("64 hex digits"));
    for wrong in ["", "00", &"g".repeat(64)] {
        std::fs::write(&path, wrong).unwrap();
        assert!(Secrets::read(&path).is_err(), "{wrong:?}");
    }
    std::fs::write(&path, format!("{}\n", "0a".repeat(32))).unwrap();
    let read = Secrets::read(&path).unwrap();
    assert_eq!(read.unseal(&Secrets::with_key([10; 32]).seal("x").unwrap()).unwrap(), "x");
    assert_eq!(format!("{read:?}"), "Secrets(key)");
}
