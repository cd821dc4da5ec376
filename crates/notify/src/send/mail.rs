//! Mail, through lettre. A message's id is the event's: mail systems drop repetitions by it.

use domain::{Error, Result};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};

use super::{Failure, Message, Smtp, SmtpTls};
use crate::secret;

pub(super) async fn send(smtp: &Smtp, to: &str, message: &Message<'_>) -> Result<(), Failure> {
    let mail = compose(smtp, to, message)?;
    let failed = |e: lettre::transport::smtp::Error| Failure {
        is_final: e.is_permanent(),
        ..Failure::new(format!("The mail server {} did not take the message: {e}.", smtp.host))
    };
    transport(smtp)?.send(mail).await.map(|_| ()).map_err(failed)
}

fn compose(smtp: &Smtp, to: &str, message: &Message<'_>) -> Result<Mail> {
    let address = |what: &str, text: &str| {
        text.parse::<Mailbox>().map_err(|e| Error::invalid_input(format!("{what} should be a mail address; found {text:?}.")).source(e))
    };
    let from = address("SMTP's `from`", &smtp.from)?;
    let id = format!("<{}@{}>", message.event.id, from.email.domain());
    let event = message.event;
    let subject = message.target.subject.clone().unwrap_or_else(|| match event.resources.first() {
        Some(resource) => format!("{}: {resource}", event.detail_type),
        None => event.detail_type.clone(),
    });
    let body = match message.input()? {
        Some(serde_json::Value::String(text)) => text,
        Some(value) => format!("{value:#}"),
        None => format!("{:#}", event.to_value()?),
    };
    Mail::builder()
        .from(from)
        .to(address("The target", to)?)
        .subject(subject.replace(['\r', '\n'], " "))
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|e| Error::invalid_data("The mail cannot be written.").source(e))
}

fn transport(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let (tls, port) = match smtp.tls {
        SmtpTls::None => (Tls::None, 25),
        SmtpTls::Starttls => (Tls::Required(parameters(smtp)?), 587),
        SmtpTls::Implicit => (Tls::Wrapper(parameters(smtp)?), 465),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host).port(smtp.port.unwrap_or(port)).tls(tls);
    if let Some(user) = &smtp.user {
        let password = smtp.password.as_deref().map_or(Ok(String::new()), |reference| secret::resolve("SMTP's `password`", reference))?;
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

fn parameters(smtp: &Smtp) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let unusable = || Error::invalid_input(format!("SMTP's `ca_file` {} should be a certificate in PEM.", path.display()));
        let pem = std::fs::read(path).map_err(|e| unusable().source(e))?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| unusable().source(e))?);
    }
    builder.build().map_err(|e| Error::invalid_input("The TLS settings of SMTP cannot be used.").source(e))
}
