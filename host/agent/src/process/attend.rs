//! A program that runs to its end, line by line.

use super::{Control, Ended, read_lines};
use rustix::process::Signal;
use std::{io, time::Duration};
use tokio::process::Child;

/// Between the request to stop and the killing of a program that took too long.
const GRACE: Duration = Duration::from_secs(3);

/// Gives what it prints to `take` until it has ended, which it has to within `timeout`.
pub(crate) async fn attend(
    mut child: Child,
    control: &dyn Control,
    timeout: Duration,
    take: impl Fn(&str) + Sync,
) -> io::Result<Ended> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        let out = async {
            if let Some(stream) = stdout {
                read_lines(stream, &take).await;
            }
        };
        let err = async {
            if let Some(stream) = stderr {
                read_lines(stream, &take).await;
            }
        };
        tokio::join!(out, err)
    };
    let waiting = async {
        if let Ok(status) = tokio::time::timeout(timeout, child.wait()).await {
            return Ok(control.end(status?).await); // what it has left running would hold the pipes
        }
        control.signal(Signal::TERM).await;
        let status = if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            status
        } else {
            control.signal(Signal::KILL).await;
            child.wait().await
        };
        let ended = control.end(status?).await;
        Ok(Ended { how: Some(format!("was not done within {timeout:?}")), ..ended })
    };
    // who got away may hold the pipes on: he is not waited for
    let mut reading = std::pin::pin!(reading);
    let mut waiting = std::pin::pin!(waiting);
    tokio::select! {
        ended = &mut waiting => {
            let _ = tokio::time::timeout(Duration::from_secs(1), reading).await;
            ended
        }
        _ = &mut reading => waiting.await,
    }
}
