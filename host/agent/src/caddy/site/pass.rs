//! Passing a request on to a process of the release.

use super::{Making, Side, always, ending, literal, page, route};
use crate::caddy::json::forget;
use hyper::StatusCode;
use serde_json::{Value, json};

/// Neither a byte of the request nor the head of the answer for so long: the app is given up.
const SILENCE_MS: u64 = 120_000;
/// A process that is just being started gets so long to listen.
const CONNECT: &str = "5s";

/// What only the front may say about a visitor, and `Proxy`, which CGI turns into `HTTP_PROXY`. Names with an underscore
/// too: WSGI and CGI do not tell them from those with a hyphen.
const FROM_FRONT: [&str; 6] = ["Forwarded", "X-Forwarded-*", "X-Real-Ip", "Proxy", "Expect", "*_*"];

impl Making<'_> {
    /// The end where a process is asked.
    pub(super) fn pass(&self) -> Vec<Value> {
        let mut routes = Vec::new();
        if !self.base.is_empty() && !self.strips() {
            routes.push(always(vec![json!({ "handler": "rewrite", "path_regexp": [{ "find": "^", "replace": self.base }] })]));
        }
        let upgrade = forget(&["Upgrade"]);
        routes.push(if self.release.front.websockets {
            // a connection that speaks HTTP/2 would go past the front
            route(json!({ "header_regexp": { "Upgrade": { "name": "h2", "pattern": r"(?i)^\s*h2" } } }), vec![upgrade])
        } else {
            always(vec![upgrade])
        });
        if let Some(limit) = self.release.front.max_body {
            let mut large = page(StatusCode::PAYLOAD_TOO_LARGE, &self.at_most());
            large["close"] = json!(true);
            let over = json!({ "header_regexp": { "Content-Length": { "name": "large", "pattern": more_than(limit) } } });
            routes.push(ending(route(over, vec![large])));
            if limit > 0 {
                routes.push(always(vec![json!({ "handler": "request_body", "max_size": limit })]));
            }
        }
        routes.push(ending(always(vec![forget(&FROM_FRONT), self.proxy()])));
        routes
    }

    fn proxy(&self) -> Value {
        let count = self.release.processes.iter().find(|process| process.name == "web").map_or(1, |process| process.count);
        let upstreams: Vec<Value> =
            (0..count.max(1)).map(|index| json!({ "dial": format!("unix/{}/web.{index}.sock", self.served) })).collect();
        let silence = self.release.front.timeout_ms.unwrap_or(SILENCE_MS);
        json!({
            "handler": "reverse_proxy",
            "upstreams": upstreams,
            "headers": self.headers(),
            // one connection for each request: none can be dead, or lead to a former release
            "transport": {
                "protocol": "http",
                "keep_alive": { "enabled": false },
                "compression": false,
                "versions": ["1.1"],
                "response_header_timeout": format!("{silence}ms"),
            },
            "load_balancing": {
                "selection_policy": { "policy": "round_robin" },
                "try_duration": CONNECT,
                "try_interval": "25ms",
                // only what was certainly not sent yet is tried again: this matches nothing
                "retry_match": [{ "not": [{}] }],
            },
        })
    }

    fn headers(&self) -> Value {
        let mut set = json!({ "X-Forwarded-Port": [self.settings.port().to_string()] });
        let below = self.strips() && !self.base.is_empty();
        if below {
            set["X-Forwarded-Prefix"] = json!([literal(self.base)]);
        }
        if self.side == Side::Agents {
            set["X-Forwarded-For"] = json!(["127.0.0.1"]);
            set["X-Forwarded-Proto"] = json!([self.settings.scheme()]);
            set["X-Forwarded-Host"] = json!(["{http.request.hostport}"]);
        }
        let mut headers = json!({ "request": { "set": set } });
        if below {
            headers["response"] = json!({ "replace": { "Location": relocated(self.base) } });
        }
        headers
    }
}

/// A redirect of an application that does not know its path leads to where it is. What is below it
/// already is marked, and left alone.
fn relocated(base: &str) -> Value {
    let quoted = super::quoted(base);
    json!([
        { "search_regexp": format!("^({quoted}(?:[/?].*)?)$"), "replace": ":$1" },
        { "search_regexp": "^/([^/].*)?$", "replace": format!("{base}/$1") },
        { "search_regexp": "^:(/.*)$", "replace": "$1" },
    ])
}

/// The numbers above `limit`, as a regular expression: for each digit those above it, whatever follows, and all that
/// have more digits.
fn more_than(limit: u64) -> String {
    let digits = limit.to_string();
    let mut ways = vec![format!("[1-9][0-9]{{{},}}", digits.len())];
    for (at, digit) in digits.bytes().enumerate().filter(|(_, digit)| *digit < b'9') {
        let (same, above, rest) = (&digits[..at], char::from(digit + 1), digits.len() - at - 1);
        ways.push(format!("{same}[{above}-9][0-9]{{{rest}}}"));
    }
    format!("^0*(?:{})$", ways.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_over_a_limit() {
        let above = |limit, pattern: &str| assert_eq!(more_than(limit), pattern);
        above(10, "^0*(?:[1-9][0-9]{2,}|[2-9][0-9]{1}|1[1-9][0-9]{0})$");
        above(99, "^0*(?:[1-9][0-9]{2,})$");
        above(0, "^0*(?:[1-9][0-9]{1,}|[1-9][0-9]{0})$");
    }
}
