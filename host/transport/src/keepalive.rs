//! Tells the agent, for as long as a lock is held, that the client is still there.

use crate::connection::Talk;
use silver_agent::protocol::Frame;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, task::JoinHandle, time::sleep};

/// Ends with its owner, in the middle of a frame even: the connection ends with the same owner.
pub(crate) struct Keepalive(JoinHandle<()>);

impl Keepalive {
    /// A frame at every `interval`, between those that say something.
    pub(crate) fn start(talk: Arc<Mutex<Talk>>, interval: Duration) -> Self {
        Self(tokio::spawn(async move {
            loop {
                sleep(interval).await;
                // who waits for an answer notices the end of the connection by itself
                if talk.lock().await.send_frame(&Frame::Alive).await.is_err() {
                    return;
                }
            }
        }))
    }
}

impl Drop for Keepalive {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::shake;
    use silver_agent::protocol::{Hello, MARKER};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn an_idle_client_is_heard() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(ours);
        let hello = serde_json::to_vec(&Hello::new("agent")).unwrap();
        theirs.write_all(MARKER).await.unwrap();
        theirs.write_u32(u32::try_from(hello.len()).unwrap()).await.unwrap();
        theirs.write_u8(0).await.unwrap();
        theirs.write_all(&hello).await.unwrap();
        let (channel, _) = shake(Box::new(reader), Box::new(writer), "ann@home").await.unwrap();
        let talk = Arc::new(Mutex::new(channel.split().1));
        let keepalive = Keepalive::start(talk, Duration::from_millis(1));
        let mut heard = Vec::new();
        while !heard.ends_with(&[0, 0, 0, 0, 3, 0, 0, 0, 0, 3]) {
            heard.push(theirs.read_u8().await.unwrap());
        }
        drop(keepalive); // and with it the last who could say anything
        while theirs.read(&mut [0; 64]).await.unwrap() > 0 {}
    }
}
