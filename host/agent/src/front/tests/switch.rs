//! Switches under constant load.

use super::super::whole;
use super::world::{World, app, body, status};
use http_body_util::BodyExt as _;
use hyper::Response;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// So often the release changes.
const SWITCHES: usize = 100;

/// A request of each kind: the body is sent in one piece, in chunks, or is too large to be kept by a front.
fn requests() -> Vec<String> {
    let post =
        |head: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n{head}\r\n\r\n{body}");
    let large = "x".repeat(1 << 20);
    vec![
        "GET / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /again HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n\r\n".to_owned(),
        post("Content-Length: 5", "hello"),
        post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
        post(&format!("Content-Length: {}", large.len()), &large),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_switches_lose_no_request() {
    for world in World::both().await {
        let world = Arc::new(world);
        let label = |number: usize| format!("a.{number}");
        let start = |number: usize| {
            app(&world.socket(&label(number)), move |request| async move {
                let size = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
                tokio::time::sleep(Duration::from_millis(3)).await;
                Response::new(whole(format!("{number} {size}")))
            })
        };
        let mut old = start(0);
        world.route(&world.served(&label(0), |_| ())).await;
        let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut visitors = Vec::new();
        for request in requests() {
            for _ in 0..2 {
                let (world, done, answered) = (Arc::clone(&world), Arc::clone(&done), Arc::clone(&answered));
                let request = request.clone();
                visitors.push(tokio::spawn(async move {
                    while !done.load(Ordering::SeqCst) {
                        let answer = world.raw(&request).await;
                        assert_eq!(status(&answer), 200, "{answer}");
                        let size: usize = body(&answer).split_once(' ').unwrap().1.parse().unwrap();
                        assert!([0, 5, 1 << 20].contains(&size), "{answer}");
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                }));
            }
        }
        // and one who keeps the connection: no update may cost it
        let (visited, ended) = (Arc::clone(&world), Arc::clone(&done));
        let kept = tokio::spawn(async move {
            let mut stream = visited.connect().await;
            let mut count = 0;
            while !ended.load(Ordering::SeqCst) {
                stream.write_all(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n").await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b" 0") {
                    answer.push(stream.read_u8().await.expect("the connection is kept"));
                }
                count += 1;
            }
            count
        });
        for number in 1..=SWITCHES {
            let new = start(number);
            world.route(&world.served(&label(number), |_| ())).await;
            let before = label(number - 1);
            while world.inside(&before).await > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            old.abort();
            old = new;
        }
        let answer = world.get("/").await;
        assert!(body(&answer).starts_with(&format!("{SWITCHES} ")), "{answer}");
        done.store(true, Ordering::SeqCst);
        for visitor in visitors {
            visitor.await.unwrap();
        }
        assert!(kept.await.unwrap() > SWITCHES / 2);
        assert!(answered.load(Ordering::SeqCst) > SWITCHES);
    }
}
