//! An encrypted listener of the real broker, with a certificate made for the test.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::servers::{Kafka, free_port, missing};

use super::{KafkaEndpoint, KafkaSource, Reach, Source, Tls, TlsMode};
use crate::diagnosis::{Step, TLS_FAILED};

fn keytool(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("keytool");
    command.args(arguments).args(["-keystore", "broker.jks", "-storepass", "secret", "-alias", "broker"]).current_dir(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn start(folder: &Path, port: u16) -> Option<Kafka> {
    let made = keytool(
        folder,
        &[
            "-genkeypair",
            "-keyalg",
            "RSA",
            "-storetype",
            "JKS",
            "-keypass",
            "secret",
            "-dname",
            "CN=localhost",
            "-ext",
            "SAN=dns:localhost",
        ],
    ) && keytool(folder, &["-exportcert", "-rfc", "-file", "broker.pem"]);
    if !made {
        missing("Java's keytool");
        return None;
    }
    let store = folder.join("broker.jks");
    let store = store.display();
    let plain = free_port();
    Kafka::start_on(
        plain,
        &format!(
            "listeners=PLAINTEXT://127.0.0.1:{plain},SSL://localhost:{port}\nssl.keystore.location={store}\nssl.keystore.password=secret\n\
             ssl.key.password=secret\nssl.truststore.location={store}\nssl.truststore.password=secret\n"
        ),
    )
}

fn source(port: u16, mode: TlsMode, authority: Option<&Path>) -> KafkaSource {
    KafkaSource::new(endpoint(port, mode, authority))
}

fn endpoint(port: u16, mode: TlsMode, authority: Option<&Path>) -> KafkaEndpoint {
    KafkaEndpoint {
        bootstrap_servers: format!("localhost:{port}"),
        tls: Tls { mode, authority: authority.map(Path::to_path_buf) },
        sasl: None,
        reach: Reach { connect_timeout: Duration::from_secs(8), read_timeout: Duration::from_secs(20), retries: 0 },
        settings: Kafka::client_settings(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let Some(kafka) = tokio::task::block_in_place(|| start(folder.path(), port)) else { return };
    tokio::task::block_in_place(|| kafka.create_topic("sealed", 1));
    let authority = folder.path().join("broker.pem");
    let checked = source(port, TlsMode::VerifyFull, Some(&authority));
    assert_eq!(checked.tables().await.unwrap().len(), 1);
    let steps: Vec<(Step, bool)> = checked.diagnose().await.steps.iter().map(|step| (step.step, step.passed)).collect();
    assert_eq!(steps, [(Step::Dns, true), (Step::Tcp, true), (Step::Tls, true), (Step::Permission, true)]);
    assert_eq!(source(port, TlsMode::Require, None).tables().await.unwrap().len(), 1, "unchecked on request");
    let distrusted = source(port, TlsMode::VerifyFull, None);
    // Another try is no use: that is said at once, not after the time that a connection is given.
    let error = tokio::time::timeout(Duration::from_secs(6), distrusted.tables()).await.expect("an answer at once").unwrap_err();
    assert_eq!(error.code, Some(TLS_FAILED), "{error}");
    let diagnosis = distrusted.diagnose().await;
    assert_eq!(diagnosis.failure().map(|step| step.step), Some(Step::Tls), "{diagnosis:?}");
    // A broker that expects TLS hangs up: no answer comes for as long as the connection is given.
    let mut plain = endpoint(port, TlsMode::Disable, None);
    plain.reach.connect_timeout = Duration::from_secs(2);
    let error = tokio::time::timeout(Duration::from_secs(30), KafkaSource::new(plain).tables()).await.expect("an end").unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains(&port.to_string()), "{error}");
}
