//! A visitor of the front: connects to 127.0.0.1 (or a node) and names the host, since plain Debian does not
//! resolve `*.localhost`.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use ureq::Agent;

/// A connection that nothing was asked on for so long is not used again: a front that takes a new configuration closes those that
/// are idle for a second (docs/nodes.md), and a test has to wait for a processor now and then.
const IDLE: Duration = Duration::from_millis(300);

/// A client with a pool of connections.
#[derive(Debug, Clone)]
pub struct Http {
    agent: Agent,
    address: SocketAddr,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl Answer {
    /// The header's value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(header, _)| header == name).map_or("", |(_, value)| value)
    }
}

impl Http {
    /// A client of the front on this machine's port.
    pub fn new(port: u16) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, port)
    }

    /// A client of a front elsewhere.
    pub fn at(address: impl Into<IpAddr>, port: u16) -> Self {
        Self::keeping(SocketAddr::new(address.into(), port), 3)
    }

    /// Another client of the same front, with connections of its own.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::keeping(self.address, 3)
    }

    /// A client of the same front that keeps no connection.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::keeping(self.address, 0)
    }

    fn keeping(address: SocketAddr, connections: usize) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .max_idle_age(IDLE)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Self { agent: config.into(), address }
    }

    /// GET; the error says why there is no answer.
    pub fn get(&self, host: &str, path: &str) -> Result<Answer, String> {
        let request = self.agent.get(self.url(path)).header("host", host);
        answer(request.call())
    }

    /// POST with a body.
    pub fn post(&self, host: &str, path: &str, body: &str) -> Result<Answer, String> {
        let request = self.agent.post(self.url(path)).header("host", host);
        answer(request.send(body))
    }

    /// GET that must give 200; its body.
    ///
    /// # Panics
    /// When it does not.
    pub fn page(&self, host: &str, path: &str) -> String {
        let answer = self.get(host, path).unwrap_or_else(|error| panic!("{host}{path}: {error}"));
        assert_eq!(answer.status, 200, "{host}{path}: {}", answer.body);
        answer.body
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut response = result.map_err(|error| error.to_string())?;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok(Answer { status, headers, body })
}
