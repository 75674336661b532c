//! The gate, the switch and draining.

use super::super::{Body, whole};
use super::world::{Kind, World, app, body, header, status};
use crate::testing::eventually;
use hyper::Response;
use silver_plugin_api::plan::AppState;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// An app that says its name and counts.
fn named(socket: &Path, name: &'static str, count: Arc<AtomicUsize>) {
    app(socket, move |_| {
        let count = Arc::clone(&count);
        async move {
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::SeqCst);
            Response::new(whole(name))
        }
    });
}

#[tokio::test]
async fn held_requests_go_on_to_the_new_release_and_none_is_lost() {
    for world in World::both().await {
        let world = Arc::new(world);
        let (olds, news) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        named(&world.socket("a.1"), "old", Arc::clone(&olds));
        named(&world.socket("a.2"), "new", Arc::clone(&news));
        let (old, new) = (world.served("a.1", |_| ()), world.served("a.2", |_| ()));
        world.route(&old).await;
        let done = Arc::new(AtomicBool::new(false));
        let visitors: Vec<_> = (0..8)
            .map(|_| {
                let (world, done) = (Arc::clone(&world), Arc::clone(&done));
                tokio::spawn(async move {
                    let mut answers = [0_usize; 2];
                    while !done.load(Ordering::SeqCst) {
                        let answer = world.get("/").await;
                        assert_eq!(status(&answer), 200, "{answer}");
                        answers[usize::from(body(&answer) == "new")] += 1;
                    }
                    answers
                })
            })
            .collect();
        eventually("the old one answers", || async { olds.load(Ordering::SeqCst) > 20 }).await;
        world.close(Duration::from_secs(20), Duration::from_secs(20)).await;
        assert_eq!(world.inside("a.1").await, 0, "nobody is inside when closing has ended");
        let at_checkpoint = olds.load(Ordering::SeqCst);
        eventually("all are held", || async { world.held() == 8 }).await;
        world.route(&new).await;
        eventually("still held", || async { world.held() == 8 }).await;
        assert_eq!((olds.load(Ordering::SeqCst), news.load(Ordering::SeqCst)), (at_checkpoint, 0));
        world.open().await;
        eventually("the new one answers", || async { news.load(Ordering::SeqCst) > 20 }).await;
        assert_eq!(olds.load(Ordering::SeqCst), at_checkpoint, "no write after the checkpoint");
        done.store(true, Ordering::SeqCst);
        let mut answers = [0; 2];
        for visitor in visitors {
            let [old, new] = visitor.await.unwrap();
            answers[0] += old;
            answers[1] += new;
        }
        assert_eq!(answers, [olds.load(Ordering::SeqCst), news.load(Ordering::SeqCst)], "every count was acknowledged");
    }
}

#[tokio::test]
async fn who_is_held_for_too_long_is_told_to_come_back() {
    for world in World::both().await {
        let count = Arc::new(AtomicUsize::new(0));
        named(&world.socket("a.1"), "x", Arc::clone(&count));
        world.route(&world.served("a.1", |_| ())).await;
        world.close(Duration::from_millis(100), Duration::ZERO).await;
        let started = Instant::now();
        let answer = world.get("/").await;
        assert!(started.elapsed() >= Duration::from_millis(100));
        assert_eq!(status(&answer), 503);
        assert_eq!(header(&answer, "retry-after"), Some("10"));
        assert_eq!((count.load(Ordering::SeqCst), world.held()), (0, 0));
        if let Kind::Own { front, .. } = &world.kind {
            assert!(front.entry("a").pass().is_none(), "the agent's own samples wait as well");
        }
        world.open().await;
        if let Kind::Own { front, .. } = &world.kind {
            assert!(front.entry("a").pass().is_some());
        }
        assert_eq!(status(&world.get("/").await), 200);
    }
}

#[tokio::test]
async fn closing_waits_for_who_is_inside_and_cuts_who_does_not_end() {
    for world in World::both().await {
        let world = Arc::new(world);
        let go = Arc::new(Notify::new());
        {
            let go = Arc::clone(&go);
            app(&world.socket("a.1"), move |request| {
                let go = Arc::clone(&go);
                async move {
                    match request.uri().path() {
                        "/ends" => go.notified().await,
                        _ => std::future::pending().await,
                    }
                    Response::new(whole("done"))
                }
            });
        }
        world.route(&world.served("a.1", |_| ())).await;
        let visit = |path: &'static str| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.get(path).await })
        };
        let ends = visit("/ends");
        eventually("it is inside", || async { world.inside("a.1").await == 1 }).await;
        let closing = tokio::spawn({
            let world = Arc::clone(&world);
            async move { world.close(Duration::from_secs(20), Duration::from_secs(20)).await }
        });
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!closing.is_finished(), "somebody is inside");
        go.notify_one();
        closing.await.unwrap();
        assert_eq!(body(&ends.await.unwrap()), "done");

        world.open().await;
        let hangs = visit("/hangs");
        eventually("it is inside", || async { world.inside("a.1").await == 1 }).await;
        world.close(Duration::from_secs(20), Duration::from_millis(50)).await;
        eventually("nobody is inside", || async { world.inside("a.1").await == 0 }).await;
        assert_eq!(status(&hangs.await.unwrap()), 503, "it was not acknowledged");
    }
}

#[tokio::test]
async fn a_disabled_app_says_so_and_a_deactivated_one_is_not_there() {
    for world in World::both().await {
        let count = Arc::new(AtomicUsize::new(0));
        named(&world.socket("a.1"), "x", count);
        let placed = world.served("a.1", |_| ());
        world.route_at(AppState::Disabled, &["a.localhost"], Some(&placed)).await;
        let answer = world.get("/").await;
        assert_eq!((status(&answer), header(&answer, "retry-after")), (503, Some("300")));
        world.route_at(AppState::Deactivated, &["a.localhost"], Some(&placed)).await;
        assert_eq!(status(&world.get("/").await), 404);
    }
}

#[tokio::test]
async fn the_agent_asks_past_the_gate_and_no_header_does() {
    for world in World::both().await {
        app(&world.socket("a.1"), |request| async move {
            assert_eq!(request.headers()["host"].to_str().unwrap().split(':').next(), Some("a.localhost"));
            let text = if request.uri().path() == "/bad" { "<h1>Internal Error</h1>" } else { "<h1>Trac</h1>" };
            Response::<Body>::new(whole(text))
        });
        let placed = world.served("a.1", |_| ());
        world.route(&placed).await;
        world.close(Duration::from_millis(50), Duration::ZERO).await;
        let ask = |path: &str, contains: Option<&str>, lacks: Option<&str>, status: u16| {
            let access = silver_plugin_api::plan::Access {
                path: path.into(),
                status,
                body_contains: contains.map(Into::into),
                body_lacks: lacks.map(Into::into),
            };
            let (world, placed) = (&world, &placed);
            async move { world.ask(placed, &access).await }
        };
        assert_eq!(ask("/good", Some("Trac"), Some("Internal Error"), 200).await, Ok(()));
        let wrong = ask("/bad", None, Some("Internal Error"), 200).await.unwrap_err();
        assert_eq!(wrong, "GET /bad answered 200 with `Internal Error`: <h1>Internal Error</h1>");
        assert_eq!(ask("/good", Some("Wiki"), None, 200).await.unwrap_err(), "GET /good answered 200 without `Wiki`: Trac");
        assert_eq!(ask("/good", None, None, 204).await.unwrap_err(), "GET /good answered 200, expected 204: Trac");
        assert_eq!(status(&world.get_with("/good", "User-Agent: silver-probe\r\n").await), 503);
    }
}
