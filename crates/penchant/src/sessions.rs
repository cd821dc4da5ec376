//! What a script is given to call the server that runs it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use api::SessionKeys;
use domain::Result;
use etl::{Session, Sessions};
use runs::RunId;

/// Opens a session for every attempt of a script.
pub struct ScriptSessions {
    endpoint: String,
    region: String,
    keys: SessionKeys,
}

impl ScriptSessions {
    /// `listening` is the address that this process serves on.
    pub fn new(listening: SocketAddr, region: &str, keys: SessionKeys) -> Self {
        Self { endpoint: format!("http://{}", reachable(listening)), region: region.into(), keys }
    }
}

impl Sessions for ScriptSessions {
    fn open(&self, _: &RunId, lifetime: Duration) -> Result<Session> {
        // A limit of less than a second is a limit all the same.
        let key = self.keys.open(lifetime.as_secs() + 1)?;
        let environment = BTreeMap::from([
            ("AWS_ENDPOINT_URL".to_owned(), self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID".to_owned(), key.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), key.secret),
            ("AWS_SESSION_TOKEN".to_owned(), key.token),
            ("AWS_DEFAULT_REGION".to_owned(), self.region.clone()),
            ("AWS_REGION".to_owned(), self.region.clone()),
        ]);
        Ok(Session::new(environment, Closing { keys: self.keys.clone(), access_key: key.access_key }))
    }
}

/// A server that listens on every address is called on this machine's own.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let own = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(own, listening.port())
}

/// Closes the session when it is dropped.
struct Closing {
    keys: SessionKeys,
    access_key: String,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.keys.close(&self.access_key);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn scripts_call_an_address_of_this_machine() {
        let reached = |listening: &str| format!("http://{}", reachable(listening.parse().unwrap()));
        assert_eq!(reached("0.0.0.0:7440"), "http://127.0.0.1:7440");
        assert_eq!(reached("[::]:7440"), "http://[::1]:7440");
        assert_eq!(reached("192.168.1.5:80"), "http://192.168.1.5:80");
    }
}
