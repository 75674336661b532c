//! Which headers are passed on.

use crate::environment::HTTPS;
use hyper::{
    HeaderMap,
    header::{CONNECTION, HOST, HeaderName, HeaderValue, UPGRADE},
};
use std::net::IpAddr;

/// Headers that belong to one connection (RFC 9110 §7.6.1), and those that frame a message: hyper
/// writes these anew.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What only the front may say about a visitor, and `Proxy`, which CGI turns into `HTTP_PROXY`.
const FROM_FRONT: [&str; 10] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-real-ip",
    "proxy",
    "expect",
];

/// Removes what ends at this hop.
pub(super) fn strip_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| name != HOST)
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// What a request asks to become: `websocket`. HTTP/2 is not offered: a connection that speaks it
/// would go past the front.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let asked = asked.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("upgrade"));
    let to = headers.get(UPGRADE)?;
    let h2 = to.to_str().is_ok_and(|to| to.trim().to_ascii_lowercase().starts_with("h2"));
    (asked && !h2).then(|| to.clone())
}

/// Makes the headers of a request those that the app gets: nothing of this hop, nothing that a
/// visitor could invent about himself, also not under a name with an underscore, which WSGI and CGI
/// do not tell from the one with a hyphen.
pub(super) fn prepare(headers: &mut HeaderMap, visitor: Option<IpAddr>, host: &HeaderValue, port: u16, prefix: &str) {
    strip_hop(headers);
    headers.remove("content-length");
    for name in FROM_FRONT {
        headers.remove(name);
    }
    let underscored: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in underscored {
        headers.remove(name);
    }
    let mut set = |name: &'static str, value: Result<HeaderValue, hyper::header::InvalidHeaderValue>| {
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    };
    let visitor = visitor.map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string());
    set("x-forwarded-for", HeaderValue::from_str(&visitor));
    set("x-forwarded-proto", Ok(HeaderValue::from_static(if port == HTTPS { "https" } else { "http" })));
    set("x-forwarded-host", Ok(host.clone()));
    set("x-forwarded-port", HeaderValue::from_str(&port.to_string()));
    if !prefix.is_empty() {
        set("x-forwarded-prefix", HeaderValue::from_str(prefix));
    }
    set("host", Ok(host.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn nothing_of_the_hop_and_nothing_invented_passes() {
        let mut headers = map(&[
            ("connection", "close, X-Secret, host"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x_forwarded_for", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
            ("proxy", "evil"),
            ("cookie", "a=b"),
            ("host", "other"),
        ]);
        prepare(&mut headers, Some([10, 0, 0, 1].into()), &HeaderValue::from_static("a.localhost:8484"), 8484, "/sub");
        let mut left: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        let expected = [
            ("cookie", "a=b"),
            ("host", "a.localhost:8484"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "a.localhost:8484"),
            ("x-forwarded-port", "8484"),
            ("x-forwarded-prefix", "/sub"),
            ("x-forwarded-proto", "http"),
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn upgrades_are_asked_for_twice_and_never_to_http2() {
        for (connection, to, expected) in [
            ("Upgrade", "websocket", true),
            ("keep-alive, UPGRADE", "websocket", true),
            ("keep-alive", "websocket", false),
            ("Upgrade", "h2c", false),
            ("Upgrade", "H2", false),
        ] {
            assert_eq!(upgrade(&map(&[("connection", connection), ("upgrade", to)])).is_some(), expected, "{connection} {to}");
        }
    }
}
