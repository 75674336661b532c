//! A set-up, and the fresh connections that show that one still can get in.

use crate::{connection::Connection, dial::Dial};
use silver_agent::protocol::{Request, Response};
use silver_core::{node::NodeError, progress::Listener};
use silver_plugin_api::setup::{Applied, SetupOrder};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Between two tries to get in: the server of ssh may just be starting again.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn set_up(
    dial: &Arc<dyn Dial>,
    mut connection: Connection,
    order: &SetupOrder,
    listener: &mut dyn Listener,
) -> Result<Applied, NodeError> {
    connection.send(&Request::ApplyResources(Box::new(order.clone()))).await?;
    let mut confirming = JoinSet::new(); // they end with the answer: what the node says counts
    loop {
        match connection.receive().await? {
            Response::Progress(progress) => listener.progress(progress),
            Response::Confirm { id, seconds } => {
                let until = Instant::now() + Duration::from_secs(seconds.min(600));
                confirming.spawn(confirm(Arc::clone(dial), id, until));
            }
            Response::Applied(applied) => return Ok(*applied),
            Response::Busy { by } => {
                return Err(NodeError::Busy { app: format!("the set-up of {}", connection.node), by });
            }
            other => return Err(connection.unexpected(&other, "`Applied`")),
        }
    }
}

/// Tries to get in until it is too late.
async fn confirm(dial: Arc<dyn Dial>, id: String, until: Instant) {
    while Instant::now() < until {
        if let Ok(channel) = dial.dial_afresh().await
            && Connection::new(dial.node(), channel).order(&Request::ConfirmResources { id: id.clone() }).await.is_ok()
        {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
