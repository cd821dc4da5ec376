//! Mail through a real SMTP server: aiosmtpd, in clear and with STARTTLS and a password.

use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::house::{House, until};
use crate::{Settings, Smtp, SmtpTls};

/// Writes each message as a line of JSON; refuses a recipient called `nobody`. With a certificate and its key it wants STARTTLS and a password.
const SERVER: &str = r#"
import json, ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
port, out = int(sys.argv[1]), sys.argv[2]
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('nobody@'):
            return '550 no such mailbox'
        envelope.rcpt_tos.append(address)
        return '250 OK'
    async def handle_DATA(self, server, session, envelope):
        line = {'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'tls': session.ssl is not None,
                'login': session.authenticated, 'text': envelope.content.decode()}
        with open(out, 'a') as file:
            file.write(json.dumps(line) + '\n')
        return '250 taken'
def check(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b'penchant', b'open sesame'), handled=False)
options = {}
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    options = dict(tls_context=context, require_starttls=True, auth_required=True, authenticator=check)
Controller(Handler(), hostname='127.0.0.1', port=port, **options).start()
print('ready', flush=True)
sys.stdin.read()
"#;

/// Ends when its standard input does.
struct Server(std::process::Child);

impl Server {
    fn start(python: &str, arguments: &[&str]) -> Self {
        use std::io::{BufRead, BufReader};
        let mut child =
            Command::new(python).args(["-c", SERVER]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A Python that has aiosmtpd.
fn python() -> Option<String> {
    let python = std::env::var("PENCHANT_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !found {
        testkit::servers::missing("aiosmtpd (a Python that has it is named by PENCHANT_PYTHON)");
    }
    found.then_some(python)
}

async fn house(smtp: Smtp) -> House {
    House::with(Arc::new(domain::SystemClock), Settings { retry_base_ms: 20, smtp: Some(smtp), ..Settings::default() }).await
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn in_clear(python: &str, folder: &std::path::Path) {
    let (port, out) = (testkit::servers::free_port(), folder.join("clear"));
    let server = Server::start(python, &[&port.to_string(), out.to_str().unwrap()]);
    let house = house(Smtp {
        host: "127.0.0.1".into(),
        port: Some(port),
        tls: SmtpTls::None,
        ca_file: None,
        user: None,
        password: None,
        from: "Penchant <penchant@example.org>".into(),
    })
    .await;
    let paths = json!({"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": "\"Größe <n>\""});
    house
        .rule(
            "r",
            json!([
                {"Id": "plain", "Arn": "mailto:ann@example.org"},
                {"Id": "own", "Arn": "mailto:bob@example.org", "Subject": "Schema changed – look", "InputTransformer": paths},
                {"Id": "refused", "Arn": "mailto:nobody@example.org"},
            ]),
        )
        .await;
    let ids = house.put(1).await;
    let _work = house.work();
    until("sent", async || house.is_idle().await).await;
    let mut got = lines(&out);
    got.sort_by_key(|mail| mail["to"].to_string());
    assert_eq!(got.iter().map(|mail| mail["to"][0].as_str().unwrap()).collect::<Vec<_>>(), ["ann@example.org", "bob@example.org"]);
    let text = got[0]["text"].as_str().unwrap();
    assert!(text.contains("Subject: Order\r\n") && text.contains(&format!("Message-ID: <{}@example.org>", ids[0])), "{text}");
    assert!(text.contains("\"detail-type\": \"Order\""), "{text}");
    // Umlauts travel encoded.
    assert!(got[1]["text"].as_str().unwrap().contains(&STANDARD.encode("Größe 0")), "{}", got[1]["text"]);
    let letters = house.notify.dead_letters().await.unwrap();
    assert_eq!((letters.len(), letters[0].target.as_str(), letters[0].attempts), (1, "refused", 1));
    assert!(letters[0].last_error.contains("no such mailbox"), "{}", letters[0].last_error);
    drop(server);
    let tested = house.notify.test_target("r").await.unwrap();
    assert!(tested[0].1.as_ref().unwrap_err().message.contains("127.0.0.1"), "{tested:?}");
}

async fn with_tls(python: &str, folder: &std::path::Path) {
    let (certificate, key, out) = (folder.join("cert.pem"), folder.join("key.pem"), folder.join("tls"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return testkit::servers::missing("openssl");
    }
    let port = testkit::servers::free_port();
    let _server = Server::start(python, &[&port.to_string(), out.to_str().unwrap(), certificate.to_str().unwrap(), key.to_str().unwrap()]);
    let password = folder.join("password");
    std::fs::write(&password, "open sesame\n").unwrap();
    let smtp = Smtp {
        host: "localhost".into(),
        port: Some(port),
        tls: SmtpTls::Starttls,
        ca_file: Some(certificate),
        user: Some("penchant".into()),
        password: Some(format!("${{file:{}}}", password.display())),
        from: "penchant@example.org".into(),
    };
    let target = json!([{"Id": "ann", "Arn": "mailto:ann@example.org"}]);
    let trusting = house(smtp.clone()).await;
    trusting.rule("r", target.clone()).await;
    let tested = trusting.notify.test_target("r").await.unwrap();
    assert!(tested[0].1.is_ok(), "{tested:?}");
    assert_eq!((&lines(&out)[0]["tls"], &lines(&out)[0]["login"]), (&json!(true), &json!(true)));
    // An unknown certificate and a wrong password are refused, and neither shows the password.
    let suspicious = house(Smtp { ca_file: None, ..smtp.clone() }).await;
    suspicious.rule("r", target.clone()).await;
    let message = suspicious.notify.test_target("r").await.unwrap().remove(0).1.unwrap_err().message;
    assert!(message.to_lowercase().contains("certificate"), "{message}");
    std::fs::write(&password, "open barley\n").unwrap();
    let message = trusting.notify.test_target("r").await.unwrap().remove(0).1.unwrap_err().message;
    assert!(message.contains("535") && !message.contains("barley"), "{message}");
    assert_eq!(lines(&out).len(), 1);
}

#[tokio::test]
async fn a_real_server_takes_the_mail() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    in_clear(&python, folder.path()).await;
    with_tls(&python, folder.path()).await;
}

#[tokio::test]
async fn passwords_in_clear_are_refused() {
    let smtp = Smtp {
        host: "h".into(),
        port: None,
        tls: SmtpTls::default(),
        ca_file: None,
        user: None,
        password: Some("sesame".into()),
        from: "a@b".into(),
    };
    let installation = testkit::Installation::new().await;
    let settings = Settings { smtp: Some(smtp), ..Settings::default() };
    let message = crate::Notify::new(installation.runs.clone(), settings).unwrap_err().message;
    assert!(message.contains("${env:NAME}") && !message.contains("sesame"), "{message}");
}
