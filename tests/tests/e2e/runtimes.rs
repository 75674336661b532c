//! Every runtime, from a directory with a pack.toml to an answer through the front.

use silver_tests::World;

/// Packs `dir` of the working directory and deploys it.
fn deploy(world: &World, dir: &str) {
    world.silver(["pack", dir, "-o", "app.zip"]).ok();
    world.silver(["update", "app.zip", "--yes"]).ok();
}

#[test]
fn static_files() {
    let world = World::new();
    world.write(
        "site/pack.toml",
        r#"format = 1
[pack]
id = "org.example.site"
name = "site"
version = "1.0.0"
app-version = "1"
[runtime]
kind = "static"
root = "public"
"#,
    );
    world.write("site/public/index.html", "<h1>Welcome</h1>");
    world.write("site/public/style.css", "h1 { color: teal }");
    world.write("site/private.txt", "not to be seen");
    deploy(&world, "site");
    let http = world.http();
    assert_eq!(http.page("site.localhost", "/"), "<h1>Welcome</h1>");
    let style = http.get("site.localhost", "/style.css").unwrap();
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!style.header("etag").is_empty() && style.header("last-modified").is_empty(), "{style:?}");
    for outside in ["/private.txt", "/../private.txt", "/%2e%2e/private.txt", "/pack.toml"] {
        assert_ne!(http.get("site.localhost", outside).unwrap().status, 200, "{outside}");
    }
    // an update without processes: nobody is turned away, and the files are the new ones
    world.write("site/public/index.html", "<h1>Welcome back</h1>");
    world.write(
        "site/pack.toml",
        &std::fs::read_to_string(world.work().join("site/pack.toml")).unwrap().replace("1.0.0", "1.0.1"),
    );
    deploy(&world, "site");
    assert_eq!(http.page("site.localhost", "/"), "<h1>Welcome back</h1>");
}

#[test]
fn any_command() {
    let world = World::new();
    world.write(
        "files/pack.toml",
        r#"format = 1
[pack]
id = "org.example.files"
name = "files"
version = "1.0.0"
app-version = "1"
[runtime]
kind = "command"
[processes.web]
command = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "${SILVER_TREE_DIR}/docs", "${PORT}"]
listen = "port"
[health]
ready = { path = "/", status = 200, timeout = "20s" }
"#,
    );
    world.write("files/docs/index.html", "served by a command");
    deploy(&world, "files");
    assert_eq!(world.http().page("files.localhost", "/"), "served by a command");
}

#[test]
fn python_asgi() {
    let world = World::new();
    world.write(
        "asgi/pack.toml",
        r#"format = 1
[pack]
id = "org.example.asgi"
name = "asgi"
version = "1.0.0"
app-version = "1"
[build]
python = { requirements = "requirements.lock", wheels = "wheels/" }
[runtime]
kind = "python"
version = ">=3.9"
[processes.web]
callable = "app:application"
[health]
ready = { path = "/", status = 200, body-contains = "asgi", timeout = "30s" }
"#,
    );
    world.write(
        "asgi/requirements.lock",
        "uvicorn==0.35.0 --hash=sha256:197535216b25ff9b785e29a0b79199f55222193d47f820816e7da751e9bc8d4a
h11==0.16.0 --hash=sha256:63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86
click==8.5.1 --hash=sha256:8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37
typing_extensions==4.16.0 --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8
",
    );
    world.write(
        "asgi/app.py",
        r#"async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"asgi " + scope["path"].encode()})
"#,
    );
    deploy(&world, "asgi");
    assert_eq!(world.http().page("asgi.localhost", "/hello"), "asgi /hello");
}
