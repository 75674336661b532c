//! Where a node is reached.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// `[user@]host[:port]`: a host name, an address, or a `Host` of the operator's ssh configuration. It
/// becomes an argument of `ssh`, so that no part of it may look like an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Who logs in; else ssh decides.
    pub user: Option<String>,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// Else ssh decides.
    pub port: Option<u16>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            let shown: String = text.chars().take(100).collect();
            format!("`{}` is not an address: {why}; write \"user@host\" or \"user@host:port\"", shown.escape_debug())
        };
        if text.contains("://") {
            return Err(wrong("leave out the scheme"));
        }
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (host, port) = match rest.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, port))) => (host, Some(port.strip_prefix(':').ok_or_else(|| wrong("what follows `]`?"))?)),
            Some(None) => return Err(wrong("`]` is missing")),
            // several colons: an IPv6 address
            None if rest.matches(':').count() > 1 => (rest, None),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let plain = |text: &str, more: &str| {
            let fine = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            !text.is_empty() && text.len() <= 253 && text.chars().all(fine) && !text.starts_with('-')
        };
        if !plain(host, ".-_:%") {
            return Err(wrong("a host is made of letters, digits, `.`, `-` and `_`"));
        }
        if user.is_some_and(|user| !plain(user, "._-+")) {
            return Err(wrong("a user is made of letters, digits, `.`, `-`, `_` and `+`"));
        }
        let number = |port: &str| port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("a port is 1 to 65535"));
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port: port.map(number).transpose()? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
