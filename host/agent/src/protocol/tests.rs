use super::{channel::ProtocolError, *};
use silver_plugin_api::plan::RunInput;
use tokio::io::AsyncWriteExt;

type Side = Channel<tokio::io::ReadHalf<tokio::io::DuplexStream>, tokio::io::WriteHalf<tokio::io::DuplexStream>>;

async fn pair() -> (Side, Side) {
    let (left, right) = tokio::io::duplex(1 << 16);
    let ((lr, lw), (rr, rw)) = (tokio::io::split(left), tokio::io::split(right));
    let (client, agent) = (Hello::new("ann@home"), Hello::new("agent"));
    let (one, two) = tokio::join!(connect(lr, lw, &client), accept(rr, rw, &agent));
    (one.unwrap().0, two.unwrap().0)
}

#[tokio::test]
async fn messages_and_data_arrive_as_sent() {
    let (mut client, mut agent) = pair().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let digest = silver_plugin_api::Digest::from_bytes([7; 32]);
    let send = async {
        client.send(&Request::PutBlobs { blobs: vec![(digest, bytes.len() as u64)] }).await.unwrap();
        client.send_data(&mut bytes.as_slice(), bytes.len() as u64, |_| {}).await.unwrap();
    };
    let receive = async {
        let Some(Request::PutBlobs { blobs }) = agent.receive().await.unwrap() else { panic!("another request") };
        let (_, size) = blobs[0];
        let mut got = Vec::new();
        while (got.len() as u64) < size {
            got.extend(agent.receive_data().await.unwrap());
        }
        got
    };
    let ((), got) = tokio::join!(send, receive);
    assert!(got == bytes);
    drop(client);
    assert!(agent.receive::<Request>().await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_packed_already_is_sent_as_it_is() {
    let mut dense = Vec::new();
    let mut state = 1_u64;
    while dense.len() < CHUNK {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        dense.extend_from_slice(&state.to_be_bytes()[..4]);
    }
    let mut text_at_the_end = dense.clone();
    text_at_the_end[CHUNK / 3..].fill(b'x');
    for (bytes, kind) in
        [(dense.clone(), 4), (dense[..100].to_vec(), 1), (vec![b'x'; CHUNK], 1), (text_at_the_end, 1), (Vec::new(), 1)]
    {
        let mut stream = Vec::new();
        frame::write(&mut stream, &Frame::Data(bytes.clone())).await.unwrap();
        assert_eq!(stream[4], kind, "{} bytes", bytes.len());
        assert!(frame::read(&mut stream.as_slice()).await.unwrap() == Some(Frame::Data(bytes)));
    }
    dense.push(0);
    assert!(matches!(frame::write(&mut Vec::new(), &Frame::Data(dense.clone())).await, Err(ProtocolError::TooLong(_))));
    let mut stream = u32::try_from(dense.len()).unwrap().to_be_bytes().to_vec();
    stream.push(4);
    stream.extend(dense);
    assert!(matches!(frame::read(&mut stream.as_slice()).await, Err(ProtocolError::TooLong(_))));
}

#[tokio::test]
async fn a_login_shells_noise_is_skipped_up_to_its_bound() {
    for (noise, fine) in [(0, true), (MAX_NOISE, true), (MAX_NOISE + 1, false)] {
        let mut stream = vec![b'x'; noise];
        stream.extend_from_slice(MARKER);
        let hello = serde_json::to_vec(&Hello::new("node")).unwrap();
        stream.extend_from_slice(&u32::try_from(hello.len()).unwrap().to_be_bytes());
        stream.push(0);
        stream.extend_from_slice(&hello);
        let result = connect(stream.as_slice(), tokio::io::sink(), &Hello::new("me")).await;
        assert_eq!(result.is_ok(), fine, "{noise} bytes");
    }
}

#[tokio::test]
async fn what_is_no_agent_is_named() {
    let said = b"bash: silver: command not found\x1b[0m\n".as_slice();
    let error = connect(said, tokio::io::sink(), &Hello::new("me")).await.unwrap_err();
    assert_eq!(error.to_string(), "the other side is no silver agent; it said: bash: silver: command not found\u{fffd}[0m");
}

#[tokio::test]
async fn hostile_frames_are_refused() {
    let frames: [(&[u8], &str); 5] = [
        (&[0xff, 0xff, 0xff, 0xff, 0], "a frame of 4294967295 bytes is over the limit"),
        (&[0, 0, 0, 1, 9, b'x'], "a frame has the unknown type 9"),
        (&[0, 0, 0, 1, 1, b'x'], "a chunk of data cannot be read"),
        (&[0, 0, 0, 1, 0, b'x'], "a message cannot be read"),
        (&[0, 0, 0, 9, 0, b'{'], "the connection broke"),
    ];
    for (bytes, expected) in frames {
        let (left, right) = tokio::io::duplex(1 << 16);
        let ((lr, lw), (rr, mut rw)) = (tokio::io::split(left), tokio::io::split(right));
        rw.write_all(MARKER).await.unwrap();
        let hello = serde_json::to_vec(&Hello::new("node")).unwrap();
        rw.write_u32(u32::try_from(hello.len()).unwrap()).await.unwrap();
        rw.write_u8(0).await.unwrap();
        rw.write_all(&hello).await.unwrap();
        rw.write_all(bytes).await.unwrap();
        rw.shutdown().await.unwrap();
        let (mut channel, _) = connect(lr, lw, &Hello::new("me")).await.unwrap();
        assert_eq!(channel.receive::<Response>().await.unwrap_err().to_string(), expected);
        drop(rr);
    }
}

#[tokio::test]
async fn a_chunk_never_grows_beyond_its_bound() {
    let bomb = zstd::bulk::compress(&vec![0; CHUNK + 1], 1).unwrap();
    let mut stream = u32::try_from(bomb.len()).unwrap().to_be_bytes().to_vec();
    stream.push(1);
    stream.extend(bomb);
    assert!(matches!(frame::read(&mut stream.as_slice()).await, Err(ProtocolError::BadChunk(_))));
}

#[tokio::test]
async fn another_protocol_is_refused_with_its_version() {
    let mut stream = MARKER.to_vec();
    let hello = serde_json::to_vec(&Hello { silver: "9.0.0".into(), protocol: 9, who: String::new() }).unwrap();
    stream.extend_from_slice(&u32::try_from(hello.len()).unwrap().to_be_bytes());
    stream.push(0);
    stream.extend(hello);
    let error = connect(stream.as_slice(), tokio::io::sink(), &Hello::new("me")).await.unwrap_err();
    assert!(error.to_string().contains("silver 9.0.0"), "{error}");
    assert!(error.hint().unwrap().contains("silver local stop"));
}

#[test]
fn input_for_a_program_is_a_message_unless_it_is_data() {
    for (input, text) in [
        (RunInput::End, r#""end""#),
        (RunInput::Size(80, 24), r#"{"size":[80,24]}"#),
        (RunInput::Signal("INT".into()), r#"{"signal":"INT"}"#),
    ] {
        assert_eq!(serde_json::to_string(&input).unwrap(), text);
        assert_eq!(serde_json::from_str::<RunInput>(text).unwrap(), input);
    }
    assert!(serde_json::to_string(&RunInput::Data(vec![1])).is_err());
    assert!(serde_json::from_str::<RunInput>(r#"{"data":[1]}"#).is_err());
}

#[tokio::test]
async fn who_is_silent_for_too_long_is_gone_and_who_says_so_is_there() {
    let (mut client, mut agent) = pair().await;
    client.send_frame(&Frame::Alive).await.unwrap();
    client.send(&Request::Status).await.unwrap();
    agent.set_patience(Some(Duration::from_mins(1)));
    assert_eq!(agent.receive().await.unwrap(), Some(Request::Status), "being there is no message");
    agent.set_patience(Some(Duration::from_millis(20)));
    let error = agent.receive::<Request>().await.unwrap_err();
    assert!(matches!(error, ProtocolError::Silent(_)), "{error}");
}
