//! Asking a release from inside, on the same way that a visitor's request takes, but past the gate.
//! It is a call, not a header: nothing that comes through the port can pretend to be it.

use super::{
    Body, BodyError, answer::deliver, backend::Backend, entry::Entered, forward::Visit, inside::Inside, route::Front, whole,
};
use crate::environment::{HTTPS, split_location};
use http_body_util::BodyExt as _;
use hyper::{
    Request, Response,
    header::{HeaderValue, USER_AGENT},
};
use silver_plugin_api::plan::Access;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// More than this of a page is not looked at.
const PAGE: usize = 4 << 20;

/// Asks a release for a page and compares it with what is expected: how long it took, or what is
/// wrong, in words. A request takes at most `patience`.
pub(crate) async fn ask(front: &Front, backend: &Arc<Backend>, access: &Access, patience: Duration) -> Result<Duration, String> {
    let entered = Entered { backend: Arc::clone(backend), guards: [Inside::default().enter(), backend.inside.enter()] };
    let started = Instant::now();
    let asking = async {
        let response = get(front, entered, &access.path).await?;
        expect(access, response).await
    };
    match tokio::time::timeout(patience, asking).await {
        Ok(result) => result.map(|()| started.elapsed()),
        Err(_) => Err(format!("GET {} gave no answer within {patience:?}", access.path)),
    }
}

/// The status of a page; what it says does not matter.
pub(crate) async fn status(front: &Front, backend: &Arc<Backend>, path: &str, patience: Duration) -> Result<u16, String> {
    let entered = Entered { backend: Arc::clone(backend), guards: [Inside::default().enter(), backend.inside.enter()] };
    let asking = async { Ok(get(front, entered, path).await?.status().as_u16()) };
    tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| Err(format!("GET {path} gave no answer within {patience:?}")))
}

async fn get(front: &Front, entered: Entered, path: &str) -> Result<Response<Body>, String> {
    let placed = &entered.backend.placed;
    let canonical = placed.locations.first().map_or("localhost", String::as_str);
    let (host, base) = split_location(canonical);
    let host = if matches!(front.port, 80 | HTTPS) { host.to_owned() } else { format!("{host}:{}", front.port) };
    let (host, base) = (HeaderValue::from_str(&host).map_err(|error| error.to_string())?, base.to_owned());
    let target = format!("{base}/{}", path.trim_start_matches('/'));
    let mut request = Request::get(&target).body(whole("")).map_err(|error| format!("`{target}` is no address: {error}"))?;
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("silver-probe"));
    Ok(deliver(front, entered, request, Visit { visitor: None, host, base }).await)
}

/// Compares an answer with what is expected; what is wrong, in words.
pub(crate) async fn expect(access: &Access, response: Response<Body>) -> Result<(), String> {
    let path = &access.path;
    let status = response.status().as_u16();
    let body = read(response.into_body()).await.map_err(|error| format!("GET {path}: the answer broke off: {error}"))?;
    let body = String::from_utf8_lossy(&body);
    if status != access.status {
        return Err(format!("GET {path} answered {status}, expected {}{}", access.status, excerpt(&body)));
    }
    if let Some(wanted) = &access.body_contains
        && !body.contains(wanted)
    {
        return Err(format!("GET {path} answered {status} without `{wanted}`{}", excerpt(&body)));
    }
    if let Some(unwanted) = &access.body_lacks
        && let Some(line) = body.lines().find(|line| line.contains(unwanted))
    {
        return Err(format!("GET {path} answered {status} with `{unwanted}`: {}", short(line)));
    }
    Ok(())
}

/// The beginning of a body. By hand, because the future of `Limited` is not `Send` for boxed errors.
async fn read(mut body: Body) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = PAGE.saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if room == 0 {
                break;
            }
        }
    }
    Ok(bytes)
}

/// The first words of a page, without its markup.
fn excerpt(body: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars().take(20_000) {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { String::new() } else { format!(": {}", short(&words)) }
}

fn short(line: &str) -> String {
    let line = line.trim();
    let cut: String = line.chars().take(200).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}
