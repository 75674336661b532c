//! Words of Caddy's configuration that are needed everywhere: matchers, handlers, what has to be escaped.

use crate::front::html;
use hyper::StatusCode;
use serde_json::{Value, json};

/// The path of a request, decoded, as it was asked for or rewritten.
pub(super) const PATH: &str = "{http.request.uri.path}";
/// Path and query, still encoded.
pub(super) const URI: &str = "{http.request.uri}";

/// A route: where one of the sets of matchers fits, the handlers are done, then the routes after it.
pub(super) fn route(when: Value, handle: Vec<Value>) -> Value {
    Value::Object([("match".to_owned(), Value::Array(vec![when])), handlers(handle)].into_iter().collect())
}

/// A route that is done always.
pub(super) fn always(handle: Vec<Value>) -> Value {
    Value::Object([handlers(handle)].into_iter().collect())
}

fn handlers(handle: Vec<Value>) -> (String, Value) {
    ("handle".to_owned(), Value::Array(handle))
}

/// Routes in place of a handler. What is matched inside may use what was matched outside; matchers of one
/// set may not, for Caddy asks them in any order.
pub(super) fn inner(routes: Vec<Value>) -> Value {
    let mut subroute = json!({ "handler": "subroute" });
    subroute["routes"] = Value::Array(routes);
    subroute
}

/// Matches a text with placeholders; the groups are `{http.regexp.<name>.<n>}`.
pub(super) fn fits(text: &str, name: &str, pattern: &str) -> Value {
    json!({ "vars_regexp": { text: { "name": name, "pattern": pattern } } })
}

/// Matches a text with placeholders that is exactly this.
pub(super) fn is(text: &str, value: &str) -> Value {
    json!({ "vars": { text: [value] } })
}

/// GET and HEAD.
pub(super) fn reads() -> Value {
    json!({ "method": ["GET", "HEAD"] })
}

/// Matches when one of the files is there and is none but a file (or, with a slash at its end, a directory).
pub(super) fn file(root: &str, tried: &[String]) -> Value {
    json!({ "file": { "root": root, "try_files": tried } })
}

/// Sets and removes headers of the request.
pub(super) fn forget(headers: &[&str]) -> Value {
    json!({ "handler": "headers", "request": { "delete": headers } })
}

/// A short page, as the own front has it.
pub(super) fn page(status: StatusCode, text: &str) -> Value {
    json!({
        "handler": "static_response",
        "status_code": status.as_u16(),
        "headers": { "Content-Type": ["text/html; charset=utf-8"], "Cache-Control": ["no-store"] },
        "body": literal(&html(status, text)),
    })
}

/// 503 with a time to come back.
pub(super) fn come_back(text: &str, seconds: u32) -> Value {
    let mut page = page(StatusCode::SERVICE_UNAVAILABLE, text);
    page["headers"]["Retry-After"] = json!([seconds.to_string()]);
    page
}

/// There is nothing, or nothing that could be changed.
pub(super) fn nothing() -> Vec<Value> {
    let text = "There is no such page.";
    vec![
        ending(route(reads(), vec![page(StatusCode::NOT_FOUND, text)])),
        ending(always(vec![page(StatusCode::METHOD_NOT_ALLOWED, text)])),
    ]
}

/// No route after this one is done.
pub(super) fn ending(mut route: Value) -> Value {
    route["terminal"] = json!(true);
    route
}

/// A text that is no placeholder, whatever is in it.
pub(super) fn literal(text: &str) -> String {
    if text.contains('{') { text.replace('{', "\\{").replace('}', "\\}") } else { text.to_owned() }
}

/// A text that a regular expression takes as it is.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && c != '/' {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_something_else_is_escaped() {
        assert_eq!(literal("max-age=5; {x}"), "max-age=5; \\{x\\}");
        assert_eq!(literal("a}"), "a}");
        assert_eq!(quoted("/a.b~c_d/x"), "/a\\.b\\~c\\_d/x");
    }
}
