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
use tokio::{
    net::UnixStream,
    time::{Instant, sleep, timeout},
};

/// For so long an answer that is not the expected one is asked for again: Caddy has taken a new configuration when it says
/// so, and its former server may still accept a connection or two that were on their way.
const SETTLE: Duration = Duration::from_secs(1);
/// Between two times.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks for a page of the release and compares it with what is expected; what is wrong, in words.
pub(super) async fn ask(
    socket: &Path,
    settings: &Settings,
    placed: &Placed,
    access: &Access,
    patience: Duration,
) -> Result<(), String> {
    let slow = || Err(format!("GET {} gave no answer within {patience:?}", access.path));
    let settled = Instant::now() + SETTLE;
    loop {
        let asking = async { expect(access, get(socket, settings, placed, &access.path).await?).await };
        let answer = timeout(patience, asking).await.unwrap_or_else(|_| slow());
        if answer.is_ok() || Instant::now() >= settled {
            return answer;
        }
        sleep(PAUSE).await;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::release;
    use std::sync::Arc;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixListener,
    };

    /// What is said of a front that answers so, the last one for good; and how often it was asked.
    async fn asked(answers: &'static [u16]) -> (Result<(), String>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("front.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let front = tokio::spawn(async move {
            let mut count = 0;
            while let Ok(Ok((mut stream, _))) = timeout(SETTLE, listener.accept()).await {
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let status = answers[count.min(answers.len() - 1)];
                count += 1;
                let text = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(text.as_bytes()).await.unwrap();
                if status == 200 {
                    break;
                }
            }
            count
        });
        let placed = Placed { label: "shop.20261122_1".into(), release: Arc::new(release("1.0.0")), locations: Vec::new() };
        let access = Access { path: "/".into(), status: 200, body_contains: None, body_lacks: None };
        let said = ask(&socket, &Settings::default(), &placed, &access, Duration::from_secs(10)).await;
        (said, front.await.unwrap())
    }

    #[tokio::test]
    async fn the_last_answer_of_a_former_configuration_is_not_the_releases() {
        assert_eq!(asked(&[404, 404, 200]).await, (Ok(()), 3));
        assert_eq!(asked(&[200]).await, (Ok(()), 1));
        let (said, count) = asked(&[500]).await;
        assert!(said.unwrap_err().contains("answered 500") && count > 2, "{count}");
    }
}
