//! The gate, seen by a request.
//!
//! While the gate is open, that is one look at whether a file is there. While it is closed, Caddy asks the socket at
//! `gate` with a request of its own, without the visitor's body, whether the visitor may come in, and goes on when it
//! says so. An agent answers there when it opens the gate. Should it die, Caddy dials until `gate` leads to its own
//! socket again, which says yes at once: nobody who is held depends on a process of silver. Holding by
//! dialling the application itself would not do: Caddy (2.6) closes the body of a request when dialling fails, and forgets
//! whoever dials when its configuration changes.

use super::{Making, always, come_back, file, route};
use serde_json::{Value, json};

/// What is asked at the gate. No visitor's own address: Caddy keeps the body of a request that is not changed.
const ASKED: &str = "/silver-gate?";
/// Longest time at the gate should the agent be gone.
const DIALLED: &str = "30s";
/// Bodies up to some 100 KB (six digits of bytes).
const SMALL: &str = "^[0-9]{1,6}$";

impl Making<'_> {
    /// Waits at a closed gate.
    pub(super) fn hold(&self) -> Value {
        let closed = json!({ "not": [file(&self.front, &["/open".into()])] });
        let ask = json!({
            "handler": "reverse_proxy",
            "rewrite": { "method": "GET", "uri": ASKED },
            "headers": { "request": { "delete": ["Expect"] } },
            "transport": { "protocol": "http", "keep_alive": { "enabled": false }, "compression": false, "versions": ["1.1"] },
            "load_balancing": { "try_duration": DIALLED, "try_interval": "50ms" },
            "upstreams": [{ "dial": format!("unix/{}/gate", self.front) }],
            "handle_response": [
                { "match": { "status_code": [2] }, "routes": [always(vec![json!({ "handler": "vars" })])] },
                { "routes": [always(vec![self.being_updated()])] },
            ],
        });
        route(closed, vec![ask])
    }

    pub(super) fn being_updated(&self) -> Value {
        come_back(&format!("{} is being updated.", self.app), 10)
    }
}

/// Reads a small body of known length before anything else, so that the request can be dialled for again when the
/// application is not there yet or its backlog is full. Looking at the placeholder of the body is
/// what makes Caddy do so; its value does not matter.
pub(super) fn keep_small_bodies() -> Value {
    let look = route(json!({ "vars": { "{http.request.body}": ["\u{0}"] } }), vec![json!({ "handler": "vars" })]);
    route(json!({ "header_regexp": { "Content-Length": { "name": "small", "pattern": SMALL } } }), vec![super::inner(vec![look])])
}
