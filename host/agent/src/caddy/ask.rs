//! Asking a release through Caddy, on the same way that a visitor's request takes, but past the gate: on a socket that
//! only root reaches.

use super::settings::Settings;
use crate::{
    apps::Placed,
    environment::split_location,
    front::{Body, expect},
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response,
    body::Bytes,
    client::conn::http1,
    header::{HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use silver_plugin_api::plan::Access;
use std::{path::Path, time::Duration};
use tokio::net::UnixStream;

/// Asks for a page of the release and compares it with what is expected; what is wrong, in words.
pub(super) async fn ask(
    socket: &Path,
    settings: &Settings,
    placed: &Placed,
    access: &Access,
    patience: Duration,
) -> Result<(), String> {
    let asking = async { expect(access, get(socket, settings, placed, &access.path).await?).await };
    let slow = || Err(format!("GET {} gave no answer within {patience:?}", access.path));
    tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| slow())
}

async fn get(socket: &Path, settings: &Settings, placed: &Placed, path: &str) -> Result<Response<Body>, String> {
    let canonical = placed.locations.first().map_or("localhost", String::as_str);
    let (host, base) = split_location(canonical);
    let target = format!("{base}/{}", path.trim_start_matches('/'));
    let request = Request::get(&target)
        .header(HOST, settings.authority(host))
        .header(USER_AGENT, "silver-probe")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("`{target}` is no address: {error}"))?;
    let away = |error: &dyn std::fmt::Display| {
        format!("Caddy does not answer at {}: {error} (see `systemctl status caddy`)", socket.display())
    };
    let stream = UnixStream::connect(socket).await.map_err(|error| away(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| away(&error))?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| away(&error))?;
    Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
}
