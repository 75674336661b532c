use super::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, split};

/// An agent that says back what it hears, over every connection.
fn echo(stream: DuplexStream, noise: Vec<u8>) {
    tokio::spawn(async move {
        let (reader, mut writer) = split(stream);
        if writer.write_all(&noise).await.is_err() {
            return;
        }
        let mut served = Served::new(reader, writer).await.unwrap();
        while let Some(Ok(stream)) = served.next().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = split(stream);
                tokio::io::copy(&mut reader, &mut writer).await.ok();
                writer.shutdown().await.ok();
            });
        }
    });
}

async fn mux(noise: Vec<u8>) -> Mux {
    let (ours, theirs) = duplex(1 << 16);
    echo(theirs, noise);
    let (reader, writer) = split(ours);
    Mux::client(reader, writer).await.unwrap()
}

async fn say(mux: &Mux, bytes: Vec<u8>) -> Vec<u8> {
    let (mut reader, mut writer) = split(mux.open().await.unwrap());
    let expected = bytes.len();
    let sending = tokio::spawn(async move {
        writer.write_all(&bytes).await.unwrap();
        writer.shutdown().await.unwrap();
        writer
    });
    let mut heard = Vec::new();
    reader.read_to_end(&mut heard).await.unwrap();
    drop(sending.await.unwrap());
    assert_eq!(heard.len(), expected);
    heard
}

#[tokio::test]
async fn connections_do_not_disturb_each_other() {
    let mux = mux(Vec::new()).await;
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let idle = mux.open().await.unwrap(); // never read
    let answers = tokio::join!(say(&mux, large.clone()), say(&mux, b"small".to_vec()), say(&mux, vec![7; 300_000]));
    assert!(answers.0 == large && answers.1 == b"small" && answers.2 == vec![7; 300_000]);
    drop(idle);
    assert_eq!(say(&mux, b"after".to_vec()).await, b"after");
    assert!(!mux.has_ended());
}

#[tokio::test]
async fn what_comes_is_taken_while_nobody_takes_what_is_said() {
    let (ours, mut theirs) = duplex(1 << 10);
    let (reader, writer) = split(ours);
    let mux = Mux::client(reader, writer).await.unwrap();
    let mut stream = mux.open().await.unwrap();
    stream.write_all(&vec![7; 100 << 10]).await.unwrap();
    theirs.write_all(MARKER).await.unwrap();
    mux.there().await.unwrap();
    // yamux: version, type, flags, connection, length; a ping wants an answer, for which there is no room
    theirs.write_all(&[0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]).await.unwrap();
    for _ in 0..100 {
        theirs.write_all(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0]).await.unwrap();
        let written = theirs.write_all(&[8; 1 << 10]);
        tokio::time::timeout(Duration::from_mins(1), written).await.expect("it goes on reading").unwrap();
    }
    let (mut reader, _writer) = split(theirs);
    tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.ok() });
    let mut heard = vec![0; 100 << 10];
    stream.read_exact(&mut heard).await.unwrap();
    assert!(heard.iter().all(|byte| *byte == 8));
}

/// Whoever reads a connection tells the other side how much more it may send, by the way that what is written takes: when
/// that is full, both wait for room, and both are woken.
#[tokio::test]
async fn who_writes_is_not_forgotten_because_somebody_reads() {
    let (ours, mut theirs) = duplex(1 << 10);
    let (reader, writer) = split(ours);
    let mux = Mux::client(reader, writer).await.unwrap();
    let (mut reader, mut writer) = split(mux.open().await.unwrap());
    let writing = tokio::spawn(async move {
        for _ in 0..200 {
            writer.write_all(&[7; 1 << 10]).await.unwrap();
        }
        writer
    });
    theirs.write_all(MARKER).await.unwrap();
    // more than half of what a connection may send before it is told to go on
    for _ in 0..200 {
        theirs.write_all(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0]).await.unwrap();
        theirs.write_all(&[8; 1 << 10]).await.unwrap();
    }
    let mut heard = vec![0; 200 << 10];
    reader.read_exact(&mut heard).await.unwrap();
    let waits = tokio::spawn(async move { reader.read(&mut [0; 1]).await });
    tokio::task::yield_now().await;
    let (mut from, _to) = split(theirs);
    tokio::spawn(async move { tokio::io::copy(&mut from, &mut tokio::io::sink()).await.ok() });
    let written = tokio::time::timeout(Duration::from_mins(1), writing).await;
    drop(written.expect("it goes on writing").unwrap());
    waits.abort();
}

#[tokio::test]
async fn the_noise_of_a_login_shell_is_skipped_up_to_its_bound() {
    for (noise, fine) in [(0, true), (1, true), (4095, true), (MAX_NOISE, true), (MAX_NOISE + 1, false)] {
        // the beginning of a marker is noise, too
        let mux = mux(b"SILVER/".iter().copied().cycle().take(noise).collect()).await;
        assert_eq!(mux.there().await.is_ok(), fine, "{noise}");
        if fine {
            assert_eq!(say(&mux, b"hello".to_vec()).await, b"hello");
        } else {
            assert!(matches!(*mux.end().await, ProtocolError::NoMarker(_)));
        }
    }
}

#[tokio::test]
async fn what_came_instead_of_a_marker_is_told() {
    let (ours, mut theirs) = duplex(1 << 10);
    let (reader, writer) = split(ours);
    let mux = Mux::client(reader, writer).await.unwrap();
    let mut stream = mux.open().await.unwrap();
    theirs.write_all(b"bash: silver: not found\x1b[0m\n").await.unwrap();
    drop(theirs);
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or_default(), 0);
    let said = stream.mux().unwrap().end().await.to_string();
    assert_eq!(said, "the other side is no silver agent; it said: bash: silver: not found\u{fffd}[0m");
    assert!(mux.open().await.is_err() && mux.has_ended());
}

#[tokio::test]
async fn hostile_frames_end_it() {
    for frame in [&[9_u8; 12][..], &[0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]] {
        let (ours, mut theirs) = duplex(1 << 10);
        let (reader, writer) = split(ours);
        let mux = Mux::client(reader, writer).await.unwrap();
        theirs.write_all(MARKER).await.unwrap();
        mux.there().await.unwrap();
        theirs.write_all(frame).await.unwrap();
        assert!(matches!(*mux.end().await, ProtocolError::Io(_)), "{frame:?}");
    }
}

#[tokio::test]
async fn the_agent_ends_with_the_last_connection() {
    let (ours, theirs) = duplex(1 << 16);
    let (reader, writer) = split(theirs);
    let serving = tokio::spawn(async move {
        let mut served = Served::new(reader, writer).await.unwrap();
        let mut count = 0;
        while let Some(Ok(_)) = served.next().await {
            count += 1;
        }
        count
    });
    let (reader, writer) = split(ours);
    let mux = Mux::client(reader, writer).await.unwrap();
    let mut stream = mux.open().await.unwrap();
    drop(mux);
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    drop(stream);
    assert_eq!(serving.await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_said_by_whoever_went_at_once_is_heard() {
    let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
    theirs.write_all(b"SILVER-ABSENT\n").await.unwrap();
    drop(theirs); // what is written from now on has no reader
    let (reader, writer) = ours.into_split();
    let error = Mux::client(reader, writer).await.unwrap().there().await.unwrap_err();
    assert!(matches!(&*error, ProtocolError::NoMarker(said) if said.contains("SILVER-ABSENT")), "{error:?}");
}
