//! Routing and passing on.

use super::super::{Body, whole};
use super::world::{World, app, body, header, mirror, status};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Frame},
    header::{CONNECTION, HeaderValue, UPGRADE},
};
use hyper_util::rt::TokioIo;
use silver_plugin_api::plan::{AppState, Subpath};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixListener},
    sync::mpsc,
};

#[tokio::test]
async fn requests_find_their_app_and_nobody_else_is_named() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world.route(&world.served("a.1", |_| ())).await;
        let ask = |host: &'static str| {
            let world = &world;
            async move { world.raw(&format!("GET /x?y=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await }
        };
        for host in ["a.localhost", "A.LocalHost:8484", "a.localhost."] {
            let answer = ask(host).await;
            assert_eq!(status(&answer), 200, "{host}: {answer}");
            assert!(body(&answer).starts_with("GET /x?y=1 HTTP/1.1\n"), "{answer}");
        }
        let unknown = ask("b.localhost").await;
        assert_eq!(status(&unknown), 404);
        assert!(!unknown.contains("a.localhost"), "{unknown}");
        // the absolute form names the host by itself
        let absolute = world.raw("GET http://a.localhost/z HTTP/1.1\r\nHost: b.localhost\r\nConnection: close\r\n\r\n").await;
        assert!(body(&absolute).starts_with("GET /z "), "{absolute}");
        assert!(body(&absolute).contains("host=a.localhost\n"), "{absolute}");
    }
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused_or_written_anew() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world.route(&world.served("a.1", |_| ())).await;
        for (what, request) in [
            ("no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
            ("two hosts", "GET / HTTP/1.1\r\nHost: a.localhost\r\nHost: b\r\nConnection: close\r\n\r\n"),
            ("two lengths", "POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            ("a length that is none", "POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: +1\r\n\r\na"),
            ("chunked not last", "POST / HTTP/1.1\r\nHost: a.localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
            ("a space before the colon", "POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length : 5\r\n\r\nhello"),
            ("connect", "CONNECT a.localhost:80 HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n\r\n"),
        ] {
            let answer = world.raw(request).await;
            assert!(answer.is_empty() || matches!(status(&answer), 400 | 501), "{what}: {answer}");
        }
        // length and chunks: refused, or the length is gone and the app sees what the chunks say
        let both = "POST / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let answer = world.raw(both).await;
        assert!(
            status(&answer) == 400 || (body(&answer).ends_with("--\nhello") && !body(&answer).contains("content-length=3")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn the_app_learns_who_asks_from_the_front_only() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world.route(&world.served("a.1", |_| ())).await;
        let forged =
            "X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_Host: evil\r\nForwarded: for=6.6.6.6\r\nKeep-Alive: 5\r\nX-Mine: 1\r\n";
        let answer = world.get_with("/", forged).await;
        let port = format!("x-forwarded-port={}\n", world.port);
        for line in
            ["x-forwarded-for=127.0.0.1\n", "x-forwarded-host=a.localhost\n", "x-forwarded-proto=http\n", "x-mine=1\n", &port]
        {
            assert!(body(&answer).contains(line), "{line} in {answer}");
        }
        assert!(!answer.contains("6.6.6.6") && !answer.contains("evil") && !body(&answer).contains("keep-alive"), "{answer}");
    }
}

#[tokio::test]
async fn a_path_is_kept_or_taken_off() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        for (how, seen, prefix) in
            [(Subpath::Native, "GET /sub/x?q ", None), (Subpath::Strip, "GET /x?q ", Some("x-forwarded-prefix=/sub\n"))]
        {
            let placed = world.served("a.1", |release| {
                release.front.subpath = how;
            });
            world.route_at(AppState::Active, &["a.localhost/sub"], Some(&placed)).await;
            let answer = world.get("/sub/x?q").await;
            assert!(body(&answer).starts_with(seen), "{how:?}: {answer}");
            assert_eq!(prefix.is_some_and(|line| answer.contains(line)), prefix.is_some());
            assert_eq!(status(&world.get("/other").await), 404);
        }
    }
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world.route(&world.served("a.1", |_| ())).await;
        let mut stream = world.connect().await;
        for number in 0..3 {
            let request = format!("POST /{number} HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 2\r\n\r\nhi");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            while !answer.ends_with("--\nhi") {
                let mut piece = [0; 4096];
                let count = stream.read(&mut piece).await.unwrap();
                assert!(count > 0, "{answer}");
                answer.push_str(std::str::from_utf8(&piece[..count]).unwrap());
            }
            assert!(answer.contains(&format!("POST /{number} ")) && answer.contains("content-length=2\n"), "{answer}");
        }
    }
}

/// Gives each piece back as soon as it comes.
fn echo(socket: &Path) {
    app(socket, |request| async {
        let pieces = request.into_body().into_data_stream().map(|piece| Ok(Frame::data(piece?)));
        Response::new(StreamBody::new(pieces).boxed_unsync())
    });
}

/// Reads until the piece has come.
async fn until(stream: &mut TcpStream, piece: &str) {
    let mut seen = String::new();
    while !seen.contains(piece) {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "{seen}");
        seen.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    // Caddy (2.6) begins an answer when the request's body has come: HTTP/1.1 in Go was half duplex
    let world = World::own().await;
    echo(&world.socket("a.1"));
    world.route(&world.served("a.1", |_| ())).await;
    let mut stream = world.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: a.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // each piece comes back before the next one is sent
    for piece in ["first", "second"] {
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
        until(&mut stream, piece).await;
    }
}

#[tokio::test]
async fn answers_and_uploads_stream() {
    for world in World::both().await {
        let (come, mut seen) = mpsc::unbounded_channel();
        let (go, gone) = tokio::sync::watch::channel(0);
        app(&world.socket("a.1"), move |request| {
            let (come, gone) = (come.clone(), gone.clone());
            async move {
                let mut body = request.into_body().into_data_stream();
                while let Some(piece) = body.next().await {
                    come.send(String::from_utf8(piece.unwrap().to_vec()).unwrap()).unwrap();
                }
                let pieces = futures_util::stream::unfold(1, move |number| {
                    let mut gone = gone.clone();
                    async move {
                        gone.wait_for(|&go| go >= number).await.ok()?;
                        (number < 3).then(|| (Ok(Frame::data(Bytes::from(format!("answer {number}")))), number + 1))
                    }
                });
                Response::new(StreamBody::new(pieces).boxed_unsync())
            }
        });
        world.route(&world.served("a.1", |_| ())).await;
        let mut stream = world.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a.localhost\r\nAccept-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in ["first", "second"] {
            stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
            assert_eq!(seen.recv().await.unwrap(), piece, "before the next one is sent");
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        for number in [1, 2] {
            go.send_replace(number);
            until(&mut stream, &format!("answer {number}")).await;
        }
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world.route(&world.served("a.1", |release| release.front.max_body = Some(10))).await;
        let post = |rest: &'static str| {
            let world = &world;
            async move { world.raw(&format!("POST / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n{rest}")).await }
        };
        assert_eq!(status(&post("Content-Length: 11\r\n\r\nhello world").await), 413);
        assert_eq!(status(&post("Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n").await), 413);
        let fits = post("Content-Length: 10\r\n\r\nhelloworld").await;
        assert!(body(&fits).ends_with("--\nhelloworld"), "{fits}");
    }
}

#[tokio::test]
async fn a_websocket_is_joined_and_is_cut_when_its_release_is_drained() {
    for world in World::both().await {
        app(&world.socket("a.1"), |mut request| async move {
            assert_eq!(request.headers()[UPGRADE], "websocket");
            assert_eq!(request.headers()["sec-websocket-key"], "x");
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgrade.await.unwrap());
                let (mut reader, mut writer) = tokio::io::split(&mut stream);
                let _ = tokio::io::copy(&mut reader, &mut writer).await; // until it is cut
            });
            let mut response = Response::new(whole(""));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            response
        });
        world.route(&world.served("a.1", |_| ())).await;
        let mut stream = world.connect().await;
        let head = "GET /ws HTTP/1.1\r\nHost: a.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(status(&answer), 101);
        assert_eq!(header(&answer, "upgrade"), Some("websocket"));
        for word in ["hello", "again"] {
            stream.write_all(word.as_bytes()).await.unwrap();
            let mut back = vec![0; word.len()];
            stream.read_exact(&mut back).await.unwrap();
            assert_eq!(back, word.as_bytes());
        }
        // nobody waits for a stream for long: it is cut
        world.close(Duration::from_secs(20), Duration::from_millis(50)).await;
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0, "cut");
    }
}

#[tokio::test]
async fn an_app_that_is_away_and_one_that_breaks_off() {
    for world in World::both().await {
        world.route(&world.served("a.1", |_| ())).await;
        let away = world.get("/").await;
        assert_eq!(status(&away), 502);
        assert!(body(&away).contains("a does not answer"), "{away}");

        // it takes the request and hangs up: nothing is sent twice
        let listener = UnixListener::bind(world.socket("a.2")).unwrap();
        let (asked, mut seen) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await; // whatever it was
                asked.send(()).unwrap();
            }
        });
        world.route(&world.served("a.2", |_| ())).await;
        assert_eq!(status(&world.get("/").await), 502);
        seen.recv().await.unwrap();
        assert!(seen.try_recv().is_err(), "asked once");
    }
}

#[tokio::test]
async fn an_app_that_is_just_starting_is_waited_for() {
    for world in World::both().await {
        world.route(&world.served("a.1", |_| ())).await;
        let later = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let listener = UnixListener::bind(world.socket("a.1")).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        };
        let (answer, ()) = tokio::join!(world.get("/"), later);
        assert_eq!((status(&answer), body(&answer)), (200, "hi"));
    }
}

#[tokio::test]
async fn an_app_that_says_nothing_is_given_up() {
    for world in World::both().await {
        app(&world.socket("a.1"), |_| std::future::pending::<Response<Body>>());
        world.route(&world.served("a.1", |release| release.front.timeout_ms = Some(100))).await;
        assert_eq!(status(&world.get("/").await), 504);
    }
}

#[tokio::test]
async fn a_visitor_who_leaves_frees_the_app() {
    for world in World::both().await {
        let (gone, mut seen) = mpsc::unbounded_channel();
        struct Told(mpsc::UnboundedSender<()>);
        impl Drop for Told {
            fn drop(&mut self) {
                let _ = self.0.send(()); // the test may be over
            }
        }
        app(&world.socket("a.1"), move |_| {
            let told = Told(gone.clone());
            async move {
                let told = Arc::new(told);
                std::future::pending::<()>().await;
                drop(told);
                Response::new(whole(Bytes::new()))
            }
        });
        world.route(&world.served("a.1", |_| ())).await;
        let mut stream = world.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n").await.unwrap();
        crate::testing::eventually("it is inside", || async { world.inside("a.1").await == 1 }).await;
        drop(stream);
        seen.recv().await.unwrap();
        crate::testing::eventually("it is out", || async { world.inside("a.1").await == 0 }).await;
    }
}

#[tokio::test]
async fn requests_are_logged_with_the_host_and_without_the_query() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world.route(&world.served("a.1", |_| ())).await;
        world.get("/page?token=hidden").await;
        let lines = || crate::logs::tail(&crate::logs::sources(&world.dirs, "a", None, Some("access")), 10);
        crate::testing::eventually("a line", || async { !lines().is_empty() }).await;
        let log = lines().remove(0).text;
        assert!(log.contains("Z a.localhost 127.0.0.1 GET /page? 200 ") && !log.contains("hidden"), "{log}");
        assert!(!log.contains("broken off"), "{log}");
    }
}
