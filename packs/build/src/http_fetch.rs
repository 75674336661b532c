//! HTTPS for plugins: GET from hosts that were granted, and from nowhere inside.
//!
//! Which host may be asked is decided by who calls (the grants of the plugin). Here is what holds for every request:
//! TLS with the roots of this system; the standard port; each name is resolved once, all of its addresses have to be public
//! ones, and the connection goes to exactly these; redirects are followed on the same host only, each a request of its own with
//! the same rules; sizes, times and numbers are bounded while they grow. No proxy of the environment is used: it would
//! resolve names itself. Nothing is sent but the path and `Accept`.

mod address;
mod redirect;
mod resolve;

use address::is_public;
use resolve::{Lookup, PublicOnly, Refused, system};
use rustls_native_certs::load_native_certs;
use sha2::{Digest as _, Sha256};
use silver_plugin_api::{
    Digest, Failure,
    commands::{HttpFetch, Reply},
    path::plain,
};
use std::{
    cell::{Cell, OnceCell},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use ureq::{
    Agent,
    http::{Response, Uri, header},
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

/// The code of a failure about content that is not what it was said to be.
const OTHER_DIGEST: &str = "other-digest";

/// What all requests of one command may use.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Requests, redirects among them.
    pub requests: u32,
    /// Bytes of one body.
    pub body: u64,
    /// Bytes of all bodies.
    pub total: u64,
    /// Time for one request with all that belongs to it.
    pub time: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { requests: 100, body: 8 << 20, total: 64 << 20, time: Duration::from_secs(30) }
    }
}

/// The client. Nothing happens before the first request.
pub struct HttpClient {
    limits: HttpLimits,
    lookup: Lookup,
    is_public: fn(&IpAddr) -> bool,
    /// Instead of the system's, in tests.
    roots: Option<Vec<Certificate<'static>>>,
    agent: OnceCell<Agent>,
    requests: Cell<u32>,
    received: Cell<u64>,
}

impl HttpClient {
    /// A client with these limits.
    pub fn new(limits: HttpLimits) -> Self {
        let (agent, requests, received) = Default::default();
        Self { limits, lookup: system(), is_public, roots: None, agent, requests, received }
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| {
            let roots = self
                .roots
                .clone()
                .unwrap_or_else(|| load_native_certs().certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect());
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::Specific(Arc::new(roots)))
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .build();
            let config = Agent::config_builder()
                .https_only(true)
                .proxy(None)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .http_status_as_error(false)
                .timeout_global(Some(self.limits.time))
                .user_agent(concat!("silver/", env!("CARGO_PKG_VERSION")))
                .tls_config(tls)
                .build();
            Agent::with_parts(
                config,
                DefaultConnector::default(),
                PublicOnly { lookup: Arc::clone(&self.lookup), is_public: self.is_public },
            )
        })
    }

    /// One request, with what it may still use.
    fn request(&self, url: &Uri, accept: Option<&str>) -> Result<(Response<ureq::Body>, u64), Failure> {
        let made = self.requests.get() + 1;
        if made > self.limits.requests {
            return Err(Failure::Limit(format!("HTTP: {} requests for one command", self.limits.requests)));
        }
        self.requests.set(made);
        let room = self.limits.body.min(self.limits.total.saturating_sub(self.received.get()));
        let request = self.agent().get(url.clone());
        let request = match accept {
            Some(accept) => request.header(header::ACCEPT, accept),
            None => request,
        };
        let reply = request.call().map_err(|error| failed(url, room, &error))?;
        Ok((reply, room))
    }
}

impl HttpFetch for HttpClient {
    fn get(&self, url: &str, accept: Option<&str>, expect: Option<&Digest>) -> Result<Reply, Failure> {
        let mut url = redirect::checked(url)?;
        let (reply, room) = loop {
            let (reply, room) = self.request(&url, accept)?;
            if !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                break (reply, room);
            }
            let Some(location) = reply.headers().get(header::LOCATION) else { break (reply, room) };
            url = redirect::target(&url, location.to_str().unwrap_or_default())?;
        };
        let status = reply.status().as_u16();
        let text = |value: &header::HeaderValue| plain(&String::from_utf8_lossy(value.as_bytes())).into_owned();
        let headers = reply.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = reply.into_body().into_with_config().limit(room).read_to_vec();
        let body = body.map_err(|error| failed(&url, room, &error))?;
        self.received.set(self.received.get() + body.len() as u64);
        if let Some(expected) = expect {
            let found = Digest::from_bytes(Sha256::digest(&body).into());
            if found != *expected {
                let message = format!("{} is not what was expected: its digest is {found}, not {expected}", shown(&url));
                return Err(Failure::invalid(OTHER_DIGEST, message, Some("ask the publisher of the plugin what has changed")));
            }
        }
        Ok(Reply { status, headers, body })
    }
}

fn shown(url: &Uri) -> String {
    plain(&url.to_string()).into_owned()
}

/// What went wrong, in words.
fn failed(url: &Uri, room: u64, error: &ureq::Error) -> Failure {
    let shown = shown(url);
    match error {
        ureq::Error::Other(other) if let Some(refused) = other.downcast_ref::<Refused>() => {
            Failure::Denied(format!("{shown}: {refused}"))
        }
        ureq::Error::HostNotFound => Failure::NotFound(format!("the host of {shown}")),
        ureq::Error::Timeout(_) => Failure::Limit(format!("{shown} took too long")),
        ureq::Error::BodyExceedsLimit(_) => Failure::Limit(format!("{shown} has more than the {room} bytes that are left")),
        other => Failure::Unavailable(format!("{shown}: {}", plain(&other.to_string()))),
    }
}

#[cfg(test)]
mod tests;
