//! Connections that speak something else than HTTP from some point on: WebSocket.

use super::{Body, entry::Entered, forward::Task, headers, whole};
use hyper::{
    Response,
    body::Incoming,
    header::{CONNECTION, HeaderValue, UPGRADE},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;

/// Joins the two sides once the visitor has got the 101; until one of them ends or the release is
/// stopped.
pub(super) fn join(entered: Entered, visitor: OnUpgrade, mut response: Response<Incoming>, task: Task) -> Response<Body> {
    let to = response.headers().get(UPGRADE).cloned();
    let app = hyper::upgrade::on(&mut response);
    let stream = entered.into_stream();
    tokio::spawn(async move {
        let _task = task;
        let joined = async {
            let (visitor, app) = futures_util::future::try_join(visitor, app).await?;
            let (mut visitor, mut app) = (TokioIo::new(visitor), TokioIo::new(app));
            tokio::io::copy_bidirectional(&mut visitor, &mut app).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        tokio::select! {
            result = joined => if let Err(error) = result {
                tracing::debug!(%error, "an upgraded connection ended early");
            },
            () = stream.cut() => {}
        }
    });
    headers::strip_hop(response.headers_mut());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(to) = to {
        response.headers_mut().insert(UPGRADE, to);
    }
    response.map(|_| whole(""))
}
