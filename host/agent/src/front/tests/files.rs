//! Files that the front serves by itself.

use super::world::{World, body, header, mirror, status};
use crate::stage::store_time;
use silver_plugin_api::{
    TreePath,
    plan::{StateNature, StatePath, StaticDir},
};
use std::{fs, os::unix::fs::symlink, path::Path, time::SystemTime};

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

/// A static app with a few files, and some that are not to be had.
async fn site(world: &World) {
    let tree = world.dirs.tree("a", "a.1");
    fs::create_dir_all(tree.join("instance/sub")).unwrap();
    fs::create_dir_all(tree.join("instance/empty")).unwrap();
    fs::write(tree.join("instance/index.html"), "<h1>home</h1>").unwrap();
    fs::write(tree.join("instance/sub/index.html"), "<h1>sub</h1>").unwrap();
    fs::write(tree.join("instance/ü x.txt"), "0123456789").unwrap();
    fs::write(tree.join("instance/.htpasswd"), "secret").unwrap();
    fs::write(tree.join("outside.txt"), "secret").unwrap();
    fs::write(world.home.path().join("outside.txt"), "secret").unwrap();
    symlink("sub/index.html", tree.join("instance/inside-link")).unwrap();
    symlink("../outside.txt", tree.join("instance/outside-link")).unwrap();
    symlink(world.home.path().join("outside.txt"), tree.join("instance/absolute-link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        tree.join("instance/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    world.route(&world.files("a.1", |release| release.runtime = "static".into())).await;
}

#[tokio::test]
async fn a_static_app_needs_no_process() {
    for world in World::both().await {
        site(&world).await;
        for (path, content) in [
            ("/", "<h1>home</h1>"),
            ("/index.html", "<h1>home</h1>"),
            ("/sub/", "<h1>sub</h1>"),
            ("/inside-link", "<h1>sub</h1>"),
        ] {
            let answer = world.get(path).await;
            assert_eq!((status(&answer), body(&answer)), (200, content), "{path}");
        }
        let page = world.get("/").await;
        assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(header(&page, "last-modified"), None);
        assert_eq!(header(&page, "cache-control"), Some("no-cache"));
        let tag = header(&page, "etag").unwrap();
        assert!(tag.starts_with('"') && (tag.len() == 66 || !world.is_own()), "{tag}");
        let sub = world.get("/sub?q=1").await;
        assert_eq!((status(&sub), header(&sub, "location")), (308, Some("/sub/?q=1")));
        assert_eq!(status(&world.get("/nothing").await), 404);
        assert_eq!(status(&world.get("/empty/").await), 404);
        assert_eq!(status(&world.get("/empty").await), 404);
        let post = world.raw("POST / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(status(&post), 405);
        let head = world.raw("HEAD / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n\r\n").await;
        assert_eq!((status(&head), body(&head), header(&head, "content-length")), (200, "", Some("13")));
    }
}

#[tokio::test]
async fn nothing_outside_and_nothing_hidden_is_served() {
    for world in World::both().await {
        site(&world).await;
        for path in [
            "/.htpasswd",
            "/%2ehtpasswd",
            "/../outside.txt",
            "/%2e%2e/outside.txt",
            "/sub/../../outside.txt",
            "/sub/..%2f..%2foutside.txt",
            "/outside-link",
            "/absolute-link",
            "//etc/passwd",
            "/fifo",
            "/sub/index.html/",
            "/index.html%00.txt",
        ] {
            if path == "/fifo" && !world.is_own() {
                continue; // Caddy would wait for somebody to write; a tree has no such files
            }
            let answer = world.get(path).await;
            assert!(matches!(status(&answer), 400 | 404) && !answer.contains("secret"), "{path}: {answer}");
        }
    }
}

/// Gives a file the time that files of the store have on a server, of which Caddy makes tags.
fn settle(path: &Path) {
    let (digest, file) = (silver_pack::hash::sha256(&fs::read(path).unwrap()), fs::File::open(path).unwrap());
    file.set_modified(store_time(&digest, SystemTime::now())).unwrap();
}

/// What the two fronts say of a range that is not there.
const NO_RANGE: [&str; 2] = ["", "invalid range: failed to overlap\n"];

#[tokio::test]
async fn tags_and_ranges() {
    for world in World::both().await {
        site(&world).await;
        let file = "/%C3%BC%20x.txt";
        let path = world.dirs.tree("a", "a.1").join("instance/ü x.txt");
        settle(&path);
        let tag = header(&world.get(file).await, "etag").unwrap().to_owned();
        for (headers, expected, content, range) in [
            (format!("If-None-Match: {tag}\r\n"), 304, "", None),
            (format!("If-None-Match: \"x\", W/{tag}\r\n"), 304, "", None),
            ("If-None-Match: \"x\"\r\n".to_owned(), 200, "0123456789", None),
            ("Range: bytes=2-4\r\n".to_owned(), 206, "234", Some("bytes 2-4/10")),
            (format!("Range: bytes=-2\r\nIf-Range: {tag}\r\n"), 206, "89", Some("bytes 8-9/10")),
            ("Range: bytes=2-4\r\nIf-Range: \"x\"\r\n".to_owned(), 200, "0123456789", None),
            ("Range: bytes=10-\r\n".to_owned(), 416, NO_RANGE[usize::from(!world.is_own())], Some("bytes */10")),
        ] {
            let answer = world.get_with(file, &headers).await;
            assert_eq!((status(&answer), body(&answer)), (expected, content), "{headers}");
            assert_eq!(header(&answer, "content-range"), range, "{headers}");
        }
        // other bytes, another tag, also at the same time and size
        fs::write(&path, "9876543210").unwrap();
        settle(&path);
        assert_ne!(header(&world.get(file).await, "etag").unwrap(), tag);
    }
}

#[tokio::test]
async fn a_large_file_is_passed_on_whole() {
    for world in World::both().await {
        site(&world).await;
        let content = "0123456789abcdef".repeat(20_000);
        fs::write(world.dirs.tree("a", "a.1").join("instance/large.txt"), &content).unwrap();
        assert_eq!(body(&world.get("/large.txt").await), content);
    }
}

#[tokio::test]
async fn public_state_comes_first_its_links_lead_nowhere_and_nothing_of_it_is_run() {
    for world in World::both().await {
        let data = world.dirs.data("a");
        fs::create_dir_all(data.join("uploads")).unwrap();
        fs::create_dir_all(world.dirs.tree("a", "a.1").join("htdocs")).unwrap();
        fs::write(world.dirs.tree("a", "a.1").join("htdocs/x.css"), "css").unwrap();
        fs::write(data.join("uploads/run.php"), "<?php").unwrap();
        fs::write(data.join("private"), "secret").unwrap();
        symlink("../private", data.join("uploads/out")).unwrap();
        symlink("run.php", data.join("uploads/in")).unwrap();
        mirror(&world.socket("a.1"));
        world
            .route(&world.served("a.1", |release| {
                release.statics = vec![StaticDir { prefix: "/css/".into(), dir: path("htdocs") }];
                release.state = vec![StatePath {
                    path: path("uploads"),
                    nature: StateNature::Public,
                    directory: true,
                    seed: None,
                    backup: true,
                    owned: None,
                    set: vec![],
                    serve: Some("/uploads".into()),
                }];
            }))
            .await;
        let php = world.get("/uploads/run.php").await;
        assert_eq!((body(&php), header(&php, "content-type")), ("<?php", Some("application/octet-stream")));
        assert_eq!(header(&php, "x-content-type-options"), Some("nosniff"));
        assert_eq!(body(&world.get("/css/x.css").await), "css");
        // what was uploaded is never the app's to run, whatever is spelt how or asked for below it
        for held in [
            "/uploads/out",
            "/uploads/in",
            "/uploads/run.php/x",
            "//uploads/run.php/",
            "/uploads/%72un.php/x",
            "/x/../uploads/run.php",
            "/uploads/%ff",
        ] {
            let answer = world.get(held).await;
            assert!(status(&answer) == 404 && !answer.contains("secret"), "{held}: {answer}");
        }
        let post = world
            .raw("POST /uploads/run.php HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
        assert_eq!(status(&post), 405);
        // what is not there is the app's affair
        for other in ["/uploads/", "/uploads/none", "/css/none.css", "/page"] {
            let answer = world.get(other).await;
            assert!(body(&answer).starts_with(&format!("GET {other} ")), "{other}: {answer}");
        }
    }
}

#[tokio::test]
async fn assets_last_for_ever_also_those_of_former_releases() {
    for world in World::both().await {
        for (label, content) in [("a.20260101_1", "old"), ("a.20260101_2", "new")] {
            let tree = world.dirs.tree("a", label);
            fs::create_dir_all(tree.join("media")).unwrap();
            fs::write(tree.join("media/x.js"), content).unwrap();
            fs::write(tree.join("pack.toml"), "secret").unwrap();
            let mut release = crate::testing::release("a");
            release.assets = vec![path("media")];
            let file = crate::state::ReleaseFile { label: label.into(), created: "2026-01-01T00:00:00Z".into(), release };
            fs::write(world.dirs.release("a", label).join("release.json"), serde_json::to_vec(&file).unwrap()).unwrap();
        }
        mirror(&world.socket("a.20260101_2"));
        world.route(&world.served("a.20260101_2", |release| release.assets = vec![path("media")])).await;
        for (label, content) in [("a.20260101_1", "old"), ("a.20260101_2", "new")] {
            let answer = world.get(&format!("/static/{label}/media/x.js")).await;
            assert_eq!((status(&answer), body(&answer)), (200, content));
            assert_eq!(header(&answer, "cache-control"), Some("public, max-age=31536000, immutable"));
            for wrong in ["pack.toml", "media/../pack.toml", "media/none.js", "mediax/x.js", "media/"] {
                let answer = world.get(&format!("/static/{label}/{wrong}")).await;
                assert!(status(&answer) == 404 && !answer.contains("secret"), "{wrong}: {answer}");
            }
        }
        // below /static/ the app may have addresses of its own
        let own = world.get("/static/a.20260101_9/x").await;
        assert!(body(&own).starts_with("GET /static/a.20260101_9/x "), "{own}");
    }
}
