//! `[front]`: what a pack says about its addresses.

use super::world::{World, body, header, mirror, status};
use silver_plugin_api::plan::{AppState, Front, Rewrite, Subpath};
use std::fs;

fn rule(from: &str, to: &str, unless_file: bool) -> Rewrite {
    Rewrite { from: from.into(), to: to.into(), unless_file, redirect: None }
}

fn redirect(from: &str, to: &str, status: u16) -> Rewrite {
    Rewrite { redirect: Some(status), ..rule(from, to, false) }
}

#[tokio::test]
async fn what_is_refused_is_refused_however_it_is_spelt() {
    for world in World::both().await {
        let front = Front { deny: vec!["/secret.php".into(), "/**/*.sql".into()], ..Front::default() };
        mirror(&world.socket("a.1"));
        let placed = world.served("a.1", |release| {
            release.front = Front { subpath: Subpath::Strip, ..front };
        });
        world.route_at(AppState::Active, &["a.localhost", "a.localhost/sub"], Some(&placed)).await;
        for path in [
            "/secret.php",
            "//secret.php",
            "/%73ecret.php",
            "/x/%2e%2e/secret.php",
            "/secret.php/more",
            "/d/dump.sql",
            "/sub/secret.php",
        ] {
            let answer = world.get(path).await;
            assert_eq!(status(&answer), 403, "{path}: {answer}");
        }
        for path in ["/secret.phps", "/sql", "/sub/x"] {
            assert_eq!(status(&world.get(path).await), 200, "{path}");
        }
    }
}

#[tokio::test]
async fn rewrites_and_headers_before_and_after_an_app() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        world
            .route(&world.served("a.1", |release| {
                release.front.rewrite = vec![rule("/wiki/*", "/index.php?title=$1", false)];
                release.front.headers = vec![("X-Frame-Options".into(), "DENY".into())];
                release.front.deny = vec!["/index.php".into()];
            }))
            .await;
        let answer = world.get("/wiki/Main?action=edit").await;
        assert!(body(&answer).starts_with("GET /index.php?title=Main&action=edit "), "{answer}");
        // a rewrite leads also to what visitors may not ask for themselves
        let refused = world.get("/index.php").await;
        assert_eq!(status(&refused), 403);
        for answer in [answer, refused] {
            assert_eq!(header(&answer, "x-frame-options"), Some("DENY"), "{answer}");
        }
    }
}

#[tokio::test]
async fn upgrades_are_passed_on_only_where_the_pack_wants_them() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        for (websockets, seen) in [(true, true), (false, false)] {
            world.route(&world.served("a.1", |release| release.front.websockets = websockets)).await;
            let asked = "GET / HTTP/1.1\r\nHost: a.localhost\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n";
            let answer = world.raw(asked).await;
            assert_eq!(answer.contains("upgrade=websocket"), seen, "{answer}");
        }
    }
}

#[tokio::test]
async fn an_application_of_one_page_below_a_path() {
    for world in World::both().await {
        let root = world.dirs.tree("a", "a.1").join("instance");
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("index.html"), "<h1>app</h1>").unwrap();
        fs::write(root.join("style.css"), "css").unwrap();
        fs::write(root.join("404.html"), "<h1>lost</h1>").unwrap();
        let route = async |front: Front| {
            let placed = world.files("a.1", |release| {
                release.runtime = "static".into();
                release.front = front;
            });
            world.route_at(AppState::Active, &["a.localhost/sub"], Some(&placed)).await;
        };
        let one_page = Front { rewrite: vec![rule("/**", "/index.html", true)], ..Front::default() };
        route(one_page).await;
        for (path, content) in [("/sub/", "<h1>app</h1>"), ("/sub/style.css", "css"), ("/sub/any/where?x", "<h1>app</h1>")] {
            let answer = world.get(path).await;
            assert_eq!((status(&answer), body(&answer)), (200, content), "{path}");
        }
        let slash = world.get("/sub?x").await;
        assert_eq!((status(&slash), header(&slash, "location")), (308, Some("/sub/?x")));
        route(Front { not_found: Some("/404.html".into()), ..Front::default() }).await;
        let lost = world.get_with("/sub/none", "Range: bytes=0-1\r\nIf-None-Match: *\r\n").await;
        assert_eq!((status(&lost), body(&lost)), (404, "<h1>lost</h1>"));
        assert_eq!(status(&world.get("/sub/style.css").await), 200);
    }
}

#[tokio::test]
async fn redirects_lead_where_the_pack_says_and_nowhere_else() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        let placed = world.served("a.1", |release| {
            release.front.rewrite = vec![
                redirect("/old/**", "/$1", 301),
                redirect("/search/*", "/find?q=$1", 302),
                redirect("/docs/**", "https://docs.example.org/v1/$1", 308),
            ];
            release.front.subpath = Subpath::Native;
        });
        world.route_at(AppState::Active, &["a.localhost", "a.localhost/sub"], Some(&placed)).await;
        for (path, code, to) in [
            ("/old/x/y?a=b", 301, "/x/y?a=b"),
            ("/old/a%20b", 301, "/a%20b"),
            ("/old//evil.example/", 301, "/evil.example/"),
            ("/old/%5Cevil.example", 301, "/evil.example"),
            ("/docs/intro", 308, "https://docs.example.org/v1/intro"),
            ("/sub/old/x", 301, "/sub/x"),
        ] {
            let answer = world.get(path).await;
            let said = header(&answer, "location").unwrap_or_default();
            assert_eq!((status(&answer), said.replace("%5C", "")), (code, to.to_owned()), "{path}: {answer}");
        }
        let found = world.get("/search/me?page=2").await;
        assert_eq!((status(&found), header(&found, "location")), (302, Some("/find?q=me&page=2")));
        assert_eq!(status(&world.get("/elsewhere").await), 200);
    }
}

#[tokio::test]
async fn all_names_lead_to_the_first_where_that_is_wanted() {
    for world in World::both().await {
        mirror(&world.socket("a.1"));
        let locations = ["a.localhost/x", "a.localhost", "*.a.localhost/y"];
        let at = async |host: &str, path: &str| {
            world.raw(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
        };
        for canonical in [false, true] {
            let placed = world.served("a.1", |release| {
                release.front.canonical = canonical;
                release.front.subpath = Subpath::Native;
            });
            let placed = crate::apps::Placed { locations: locations.map(str::to_owned).into(), ..placed };
            world.route_at(AppState::Active, &locations, Some(&placed)).await;
            let main = format!("http://a.localhost:{}/x", world.port);
            assert_eq!(status(&at("a.localhost", "/x/page").await), 200);
            for (host, path, to) in
                [("a.localhost", "/page?q=1", "/page?q=1"), ("any.a.localhost", "/y/z", "/z"), ("a.localhost", "//b", "/b")]
            {
                let answer = at(host, path).await;
                let to = format!("{main}{to}");
                let expected = if canonical { (308, Some(to.as_str())) } else { (200, None) };
                assert_eq!((status(&answer), header(&answer, "location")), expected, "{host}{path}: {answer}");
            }
            assert_eq!(status(&at("any.a.localhost", "/").await), 404);
            assert_eq!(status(&at("b.any.a.localhost", "/y").await), 404);
        }
    }
}
