#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use domain::Error;

use super::{AUTHENTICATION_FAILED, CONNECTION_LOST, DATABASE_UNKNOWN, Diagnosis, PERMISSION_DENIED, Step, TLS_FAILED};
use crate::connection::{Reach, Server, Tls, TlsMode};

#[tokio::test]
async fn a_session_that_does_not_open_says_which_step_it_was() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let server = |mode| Server {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
        database: Some("shop".into()),
        user: Some("etl".into()),
        password: None,
        tls: Tls { mode, authority: None },
        reach: Reach { connect_timeout: Duration::from_secs(5), read_timeout: Duration::from_secs(5), retries: 0 },
    };
    let steps = async |mode, outcome: Result<(), &'static str>| {
        let mut diagnosis = Diagnosis::default();
        let opening = async { outcome.map_err(|code| Error::unavailable("No.").code(code)) };
        let opened = diagnosis.open(&server(mode), opening).await;
        assert_eq!(opened, outcome.ok());
        let last = if outcome.is_ok() { None } else { diagnosis.steps.last() };
        assert_eq!(diagnosis.failure(), last);
        diagnosis.steps.iter().map(|step| step.step).skip(2).collect::<Vec<_>>()
    };
    for (outcome, expected) in [
        (Ok(()), vec![Step::Tls, Step::Authentication, Step::Database]),
        (Err(TLS_FAILED), vec![Step::Tls]),
        (Err(AUTHENTICATION_FAILED), vec![Step::Tls, Step::Authentication]),
        (Err(DATABASE_UNKNOWN), vec![Step::Tls, Step::Authentication, Step::Database]),
        (Err(PERMISSION_DENIED), vec![Step::Tls, Step::Authentication, Step::Permission]),
        // Who hangs up tells nothing of the encryption.
        (Err(CONNECTION_LOST), vec![Step::Authentication]),
    ] {
        assert_eq!(steps(TlsMode::Require, outcome).await, expected, "{outcome:?}");
        let plain: Vec<Step> = expected.iter().copied().filter(|step| *step != Step::Tls || outcome == Err(TLS_FAILED)).collect();
        assert_eq!(steps(TlsMode::Disable, outcome).await, plain, "{outcome:?}");
    }
}
