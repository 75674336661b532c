//! What only the front of a server has to do.

use super::super::whole;
use super::world::{Kind, World, app, body, header, mirror, status};
use crate::{
    apps::Route,
    caddy::{Tls, testing::Process},
    systemd::Door as _,
    testing::{self, eventually},
};
use http_body_util::BodyExt as _;
use hyper::Response;
use serde_json::json;
use silver_plugin_api::{
    TreePath,
    plan::{AppState, StaticDir},
};
use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn process(world: &World) -> &Process {
    match &world.kind {
        Kind::Caddy(process) => process,
        Kind::Own { .. } => panic!("it is the front of the local node"),
    }
}

/// An app that says its name and the length of what it got.
fn named(socket: &Path, name: &'static str) {
    app(socket, move |request| async move {
        let size = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
        Response::new(whole(format!("{name} {size}")))
    });
}

#[tokio::test]
async fn an_update_under_the_same_rules_leaves_caddy_alone_and_other_rules_come_with_their_release() {
    let Some(world) = World::caddy().await else { return };
    let dir = |name: &str| vec![StaticDir { prefix: "/css/".into(), dir: TreePath::new(name).unwrap() }];
    for (label, name) in [("a.1", "old"), ("a.2", "new")] {
        named(&world.socket(label), name);
        fs::create_dir_all(world.dirs.tree("a", label).join(name)).unwrap();
        fs::write(world.dirs.tree("a", label).join(name).join("x.css"), name).unwrap();
    }
    world.route(&world.served("a.1", |release| release.statics = dir("old"))).await;
    let configured = fs::metadata(world.dirs.data.join("caddy.json")).unwrap().modified().unwrap();
    world.route(&world.served("a.2", |release| release.statics = dir("new"))).await;
    assert_eq!((body(&world.get("/").await), body(&world.get("/css/x.css").await)), ("new 0", "new"));
    assert_eq!(fs::metadata(world.dirs.data.join("caddy.json")).unwrap().modified().unwrap(), configured);
    world
        .route(&world.served("a.1", |release| {
            release.statics = dir("old");
            release.front.headers = vec![("X-Frame-Options".into(), "{http.request.host}".into())];
        }))
        .await;
    let answer = world.get("/").await;
    assert_eq!((body(&answer), header(&answer, "x-frame-options")), ("old 0", Some("{http.request.host}")));
}

#[tokio::test]
async fn a_restart_comes_back_the_same() {
    let Some(mut world) = World::caddy().await else { return };
    mirror(&world.socket("a.1"));
    world.route(&world.served("a.1", |_| ())).await;
    let Kind::Caddy(process) = &mut world.kind else { unreachable!("it is Caddy") };
    process.restart().await;
    assert_eq!(status(&world.get("/").await), 200);
}

/// An agent was killed, or its disk was full, between the change and the file.
#[tokio::test]
async fn a_file_that_is_behind_is_mended_by_the_next() {
    let Some(mut world) = World::caddy().await else { return };
    named(&world.socket("a.1"), "old");
    let file = world.dirs.data.join("caddy.json");
    world.route(&world.served("a.1", |_| ())).await;
    let before = fs::read(&file).unwrap();
    let placed = world.served("a.1", |release| release.front.headers = vec![("X-New".into(), "1".into())]);
    world.route(&placed).await;
    fs::write(&file, before).unwrap();
    world.route(&placed).await;
    let Kind::Caddy(process) = &mut world.kind else { unreachable!("it is Caddy") };
    process.restart().await;
    assert_eq!(header(&world.get("/").await, "x-new"), Some("1"));
}

/// Undoing a change does not need it, and what is changed without it is there when it comes.
#[tokio::test]
async fn what_changes_while_it_is_away_is_so_when_it_starts() {
    let Some(mut world) = World::caddy().await else { return };
    for (label, name) in [("a.1", "old"), ("a.2", "new")] {
        named(&world.socket(label), name);
    }
    world.route(&world.served("a.1", |_| ())).await;
    let placed = world.served("a.2", |release| release.front.headers = vec![("X-New".into(), "1".into())]);
    let Kind::Caddy(process) = &mut world.kind else { unreachable!("it is Caddy") };
    process.end();
    world.route(&placed).await;
    let asked = world.ask(&placed, &testing::page("/")).await.unwrap_err();
    assert!(asked.contains("systemctl status caddy"), "{asked}");
    let Kind::Caddy(process) = &mut world.kind else { unreachable!("it is Caddy") };
    process.start_again().await;
    let answer = world.get("/").await;
    assert_eq!((body(&answer), header(&answer, "x-new")), ("new 0", Some("1")));
}

#[tokio::test]
async fn who_is_held_gets_through_also_when_rules_change_or_the_agent_dies() {
    let Some(world) = World::caddy().await else { return };
    let world = Arc::new(world);
    named(&world.socket("a.1"), "old");
    named(&world.socket("a.2"), "new");
    world.route(&world.served("a.1", |_| ())).await;
    let visit = |request: String| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.raw(&request).await })
    };
    let head = "Host: a.localhost\r\nConnection: close\r\n";
    let large = "x".repeat(2_000_000);
    let requests = || {
        [
            format!("GET / HTTP/1.1\r\n{head}\r\n"),
            format!("POST / HTTP/1.1\r\n{head}Content-Length: 5\r\n\r\nhello"),
            format!("POST / HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{large}", large.len()),
        ]
    };
    let sizes = [0, 5, 5, large.len()];

    world.close(Duration::from_secs(20), Duration::from_secs(5)).await;
    let visitors: Vec<_> = requests().into_iter().map(visit).collect();
    eventually("all are held", || async { world.held() == 4 }).await;
    world.route(&world.served("a.2", |release| release.front.headers = vec![("X-New".into(), "1".into())])).await;
    world.ask(&world.served("a.2", |_| ()), &testing::page("/")).await.unwrap();
    assert_eq!(world.held(), 4, "a new configuration lets nobody fall");
    world.open().await;
    for (visitor, size) in visitors.into_iter().zip(sizes) {
        assert_eq!(body(&visitor.await.unwrap()), format!("new {size}"));
    }

    world.close(Duration::from_secs(20), Duration::from_secs(5)).await;
    let visitors: Vec<_> = requests().into_iter().map(visit).collect();
    eventually("all are held", || async { world.held() == 4 }).await;
    process(&world).caddy.forget("a"); // as if its process had been killed
    let late = visit(requests()[1].clone());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(visitors.iter().all(|visitor| !visitor.is_finished()), "Caddy goes on asking");
    process(&world).another().open("a").await.unwrap();
    for (visitor, size) in visitors.into_iter().zip(sizes) {
        assert_eq!(body(&visitor.await.unwrap()), format!("new {size}"));
    }
    assert_eq!(body(&late.await.unwrap()), "new 5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_keeps_a_connection_is_told_that_it_ends() {
    let Some(mut world) = World::caddy().await else { return };
    if let Kind::Caddy(process) = &mut world.kind {
        process.overlap(Duration::from_secs(2)); // whoever waits for a processor does not ask meanwhile
    }
    named(&world.socket("a.1"), "app");
    world.route(&world.served("a.1", |_| ())).await;
    let world = Arc::new(world);
    for change in 0..2 {
        let mut stream = world.connect().await;
        let changing = {
            let world = Arc::clone(&world);
            let headers = vec![("X-Change".to_owned(), change.to_string())];
            tokio::spawn(async move { world.route(&world.served("a.1", |release| release.front.headers = headers)).await })
        };
        loop {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\napp 0") {
                answer.push(stream.read_u8().await.expect("it does not end before that was said"));
            }
            if header(&String::from_utf8_lossy(&answer), "connection") == Some("close") {
                break;
            }
        }
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        changing.await.unwrap();
    }
}

#[tokio::test]
async fn a_full_backlog_loses_no_small_body() {
    let Some(world) = World::caddy().await else { return };
    world.route(&world.served("a.1", |_| ())).await;
    let world = Arc::new(world);
    let request = "POST / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    let early = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.raw(request).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    named(&world.socket("a.1"), "up");
    assert_eq!(body(&early.await.unwrap()), "up 5", "it was asked before it listened");
}

#[tokio::test]
async fn what_somebody_else_has_configured_is_refused_or_kept() {
    let Some(world) = World::caddy().await else { return };
    mirror(&world.socket("a.1"));
    let placed = world.served("a.1", |_| ());
    let process = process(&world);
    let mut theirs = process.config().await;
    theirs["apps"]["http"]["servers"]["srv0"] = json!({ "listen": ["127.0.0.1:0"], "routes": [] });
    process.load(&theirs).await;
    let route = Route {
        app: "a".into(),
        state: AppState::Active,
        locations: vec!["a.localhost".into()],
        current: Some(placed.clone()),
        undoing: false,
    };
    let refused = process.caddy.route(&route).await.unwrap_err();
    assert!(refused.message.contains("`srv0`") && refused.message.contains("To go on"), "{}", refused.message);
    process.caddy.route(&Route { undoing: true, ..route.clone() }).await.unwrap();
    assert_eq!(process.config().await, theirs, "untouched");

    theirs["apps"] = json!({});
    process.load(&theirs).await;
    world.route(&placed).await;
    let mut ours = process.config().await;
    let kept = json!({
        "match": [{ "host": ["kept.localhost"] }],
        "handle": [{ "handler": "static_response", "body": "kept" }],
        "terminal": true,
    });
    ours["apps"]["http"]["servers"]["silver"]["routes"].as_array_mut().unwrap().push(kept);
    ours["apps"]["http"]["servers"]["theirs"] = json!({ "listen": ["127.0.0.1:0"] });
    process.load(&ours).await;
    world.route_at(AppState::Active, &["b.localhost"], Some(&placed)).await;
    let at = async |host: &str| world.raw(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    assert_eq!(body(&at("kept.localhost").await), "kept");
    assert_eq!((status(&at("b.localhost").await), status(&at("a.localhost").await)), (200, 404));
    assert!(process.config().await["apps"]["http"]["servers"]["theirs"].is_object());

    // another app cannot take what is taken, and a deeper path of it can be another's
    let other = |location: &str| Route { app: "b".into(), locations: vec![location.into()], current: None, ..route.clone() };
    let taken = process.caddy.route(&other("b.localhost")).await.unwrap_err();
    assert!(taken.message.contains("`b.localhost` is served by `a` already"), "{}", taken.message);
    process.caddy.route(&other("b.localhost/deep")).await.unwrap();
    assert_eq!(status(&world.raw("GET /deep/x HTTP/1.1\r\nHost: b.localhost\r\nConnection: close\r\n\r\n").await), 503);
    assert_eq!(status(&at("b.localhost").await), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_with_certificates_of_its_own() {
    let Some(world) = World::caddy_with(Tls::Internal).await else { return };
    mirror(&world.socket("a.1"));
    let placed = world.served("a.1", |_| ());
    world.route(&placed).await;
    let plain = process(&world).plain;
    let curl = |port: u16, scheme: &str| {
        let resolve = format!("a.localhost:{port}:127.0.0.1");
        let address = format!("{scheme}://a.localhost:{port}/x?y");
        // the certificate is signed when the configuration has been taken: a handshake before that fails
        let patient = ["--retry", "6", "--retry-all-errors", "--retry-connrefused"];
        Command::new("curl").args(["-sik", "--http1.1", "--resolve", &resolve, &address]).args(patient).output().unwrap().stdout
    };
    let secure = curl(world.port, "https");
    let text = String::from_utf8_lossy(&secure);
    for said in ["x-forwarded-proto=https", "x-forwarded-host=a.localhost", &format!("x-forwarded-port={}", world.port)] {
        assert!(text.contains(said), "{said} in {text}");
    }
    let moved = curl(plain, "http");
    let text = String::from_utf8_lossy(&moved);
    assert_eq!(header(&text, "location"), Some(format!("https://a.localhost:{}/x?y", world.port).as_str()), "{text}");
    // an agent's own request looks like a visitor's
    let mut asked = testing::page("/");
    asked.body_contains = Some("x-forwarded-proto=https".into());
    world.ask(&placed, &asked).await.unwrap();
}

#[tokio::test]
async fn a_socket_that_is_a_link_leads_nowhere() {
    let Some(world) = World::caddy().await else { return };
    let socket = world.socket("a.1");
    let admin = world.dirs.run.with_file_name("caddy").join("admin.sock");
    std::os::unix::fs::symlink(&admin, &socket).unwrap();
    world.route(&world.served("a.1", |_| ())).await;
    let answer = world.get("/config/").await;
    assert_eq!(status(&answer), 502, "{answer}");
}
