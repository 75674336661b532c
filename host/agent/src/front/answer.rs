//! From a request to its answer.

use super::{
    Body,
    access_log::Access,
    backend::Backend,
    entry::{Entered, Refused},
    forward::{Visit, forward},
    headers,
    pages::{come_back, page, unknown},
    route::{Front, host_name, place},
    rules::{self, Led},
    static_files::{self, Asked},
};
use crate::environment::url;
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{CONTENT_LENGTH, HOST, HeaderValue, LOCATION, TRANSFER_ENCODING},
    http::request::Parts,
};
use std::net::IpAddr;

/// Answers a visitor.
pub(super) async fn answer(front: &Front, request: Request<Incoming>, visitor: IpAddr) -> Response<Body> {
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    let host = match judge(&request) {
        Ok(host) => host,
        Err(why) => return page(StatusCode::BAD_REQUEST, why),
    };
    let Some(name) = host.to_str().ok().and_then(host_name) else { return unknown() };
    let Some((entry, base)) = front.find(&name, request.uri().path()) else { return unknown() };
    let access = Access::new(&entry, visitor, &name, &request);
    let response = match entry.enter().await {
        Ok(entered) if entered.backend.placed.release.front.canonical && !is_canonical(&entered, &name, &base) => {
            to_canonical(front, &entered, request.uri(), &base)
        }
        Ok(entered) => deliver(front, entered, request, Visit { visitor: Some(visitor), host, base }).await,
        Err(Refused::Disabled) => come_back(&format!("{} is switched off for the moment.", entry.app), 300),
        Err(Refused::Closed) => come_back(&format!("{} is being updated.", entry.app), 10),
        Err(Refused::Nothing) => come_back(&format!("{} has no release that could answer.", entry.app), 60),
    };
    access.follow(response)
}

/// What hyper lets pass and a front must not: a request whose target or whose end could be read in
/// two ways. The host is that of the target if it has one (RFC 9112 §3.2.2).
fn judge<B>(request: &Request<B>) -> Result<HeaderValue, &'static str> {
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err("The request has both a length and a transfer encoding.");
    }
    if request.method() == Method::CONNECT || !request.uri().path().starts_with('/') {
        return Err("The request has no path.");
    }
    let named = one_host(headers)?;
    match request.uri().authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).map_err(|_| "The request names no host."),
        None => named.ok_or("The request names no host."),
    }
}

fn one_host(headers: &HeaderMap) -> Result<Option<HeaderValue>, &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err("The request names more than one host.");
    }
    Ok(first.cloned())
}

/// Answers a request that has come in, by the pack's rules for the front.
pub(super) async fn deliver(front: &Front, entered: Entered, request: Request<Body>, visit: Visit) -> Response<Body> {
    let rules = std::sync::Arc::clone(&entered.backend.rules);
    let mut response = by_rules(front, entered, request, visit).await;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        rules.dress(response.headers_mut());
    }
    response
}

async fn by_rules(front: &Front, entered: Entered, mut request: Request<Body>, visit: Visit) -> Response<Body> {
    let backend = std::sync::Arc::clone(&entered.backend);
    let rules = &backend.rules;
    // only the path: the target may have been absolute
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    *request.uri_mut() = target.parse().unwrap_or_else(|_| Uri::from_static("/"));
    let (mut parts, body) = request.into_parts();
    let below = rules::below(&parts.uri, &visit.base);
    if below.is_empty() && (rules.strips || backend.only_files) {
        return with_slash(&parts.uri);
    }
    if rules.denies(below) {
        return page(StatusCode::FORBIDDEN, "This address is not for visitors.");
    }
    for unless_file in [false, true] {
        let below = rules::below(&parts.uri, &visit.base);
        match rules.led(below, parts.uri.query(), unless_file) {
            Some(Led::Away(status, to)) => {
                let to = if to.starts_with('/') { format!("{}{to}", visit.base) } else { to };
                return elsewhere(status, &to);
            }
            Some(Led::Inside(to)) => match format!("{}{to}", visit.base).parse() {
                Ok(uri) => parts.uri = uri,
                Err(_) if unless_file => continue,
                Err(_) => {}
            },
            None if unless_file => continue, // nothing has changed since it was looked for
            None => {}
        }
        if parts.reads()
            && let Some(response) = files(front, &backend, &parts, &visit.base).await
        {
            return entered.keep(response);
        }
        if backend.holds(rules::below(&parts.uri, &visit.base)).await {
            return nothing(parts.reads());
        }
    }
    if backend.only_files {
        let shown = if parts.reads() { not_found(front, &backend, &parts, &visit.base).await } else { None };
        return shown.map_or_else(|| nothing(parts.reads()), |response| entered.keep(response));
    }
    let upgrade = headers::upgrade(&parts.headers).filter(|_| rules.upgrades);
    forward(front, entered, Request::from_parts(parts, body), visit, upgrade).await
}

/// Does it want to see something, and change nothing?
trait Reads {
    fn reads(&self) -> bool;
}

impl Reads for Parts {
    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

fn nothing(reads: bool) -> Response<Body> {
    let status = if reads { StatusCode::NOT_FOUND } else { StatusCode::METHOD_NOT_ALLOWED };
    page(status, "There is no such page.")
}

/// Relative addresses of the page that is asked for would lead out of the location.
fn with_slash(uri: &Uri) -> Response<Body> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = page(StatusCode::PERMANENT_REDIRECT, "It has a slash at its end.");
    if let Ok(to) = HeaderValue::from_str(&format!("/{}/{query}", uri.path().trim_matches('/'))) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// The visitor is to ask there.
fn elsewhere(status: StatusCode, to: &str) -> Response<Body> {
    let mut response = page(status, "It is elsewhere.");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn is_canonical(entered: &Entered, host: &str, base: &str) -> bool {
    let first = entered.backend.placed.locations.first().and_then(|location| place(location).ok());
    first.is_none_or(|(canonical, path)| canonical == host && path == base)
}

/// The same address below the first location.
fn to_canonical(front: &Front, entered: &Entered, uri: &Uri, base: &str) -> Response<Body> {
    let canonical = entered.backend.placed.locations.first().map_or_else(String::new, |location| url(location, front.port));
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let below = rules::below(uri, base).trim_start_matches('/');
    elsewhere(StatusCode::PERMANENT_REDIRECT, &format!("{canonical}/{below}{query}"))
}

/// The page of the pack for what is not there.
async fn not_found(front: &Front, backend: &Backend, request: &Parts, base: &str) -> Option<Response<Body>> {
    let mut asked = request.clone();
    asked.uri = format!("{base}{}", backend.rules.not_found.as_ref()?).parse().ok()?;
    asked.headers.clear(); // the conditions and ranges of the visitor are for another page
    let mut response = files(front, backend, &asked, base).await.filter(|response| response.status() == StatusCode::OK)?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    Some(response)
}

/// What is answered without asking the app.
async fn files(front: &Front, backend: &Backend, request: &Parts, base: &str) -> Option<Response<Body>> {
    let below = rules::below(&request.uri, base);
    let asked = |root, path: &str, directory, forever, public| Asked { root, path: path.to_owned(), directory, forever, public };
    if let Some((label, rest)) = below.strip_prefix("/static/").and_then(|rest| rest.split_once('/'))
        && let Some(assets) = static_files::assets(&front.dirs, backend, label)
    {
        let root = front.dirs.tree(backend.placed.app(), label);
        let decoded = static_files::decode(rest);
        let served =
            decoded.is_some_and(|rest| assets.iter().any(|dir| dir.is_root() || rest.starts_with(format!("{dir}/").as_bytes())));
        let found = if served { static_files::answer(front, request, asked(root, rest, false, true, false)).await } else { None };
        return Some(found.unwrap_or_else(|| page(StatusCode::NOT_FOUND, "There is no such file.")));
    }
    for dir in &backend.directories {
        if let Some(rest) = below.strip_prefix(dir.prefix.as_str()) {
            let asked = asked(dir.root.clone(), rest, !dir.public, false, dir.public);
            if let Some(response) = static_files::answer(front, request, asked).await {
                return Some(response);
            }
        }
    }
    None
}
