//! `[front]` and public state, from a manifest to what a visitor sees.

use silver_tests::World;

/// Tells how it was asked, and keeps what it is sent.
const APP: &str = r#"import http.server, os, pathlib, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/login":
            self.send_response(302)
            self.send_header("Location", "/home")
            self.end_headers()
            return
        body = f"{self.command} {self.path} prefix={self.headers.get('X-Forwarded-Prefix', '')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        uploads = pathlib.Path(os.environ["SILVER_INSTANCE_DIR"], "uploads")
        length = int(self.headers.get("Content-Length", 0))
        (uploads / self.path.rsplit("/", 1)[-1]).write_bytes(self.rfile.read(length))
        os.path.exists(uploads / "out") or os.symlink("/etc/passwd", uploads / "out")
        self.do_GET()

    def address_string(self):
        return "front"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(os.environ["SILVER_SOCKET"], Handler).serve_forever()
"#;

const PACK: &str = r#"format = 1
[pack]
id = "org.example.gallery"
name = "gallery"
version = "1.0.0"
[runtime]
kind = "command"
[processes.web]
command = ["python3", "app.py"]
[health]
ready = { path = "/", status = 200, timeout = "20s" }
[state.uploads]
nature = "public"
serve = "/uploads/"
execute = false
[front]
subpath = "strip"
max-body = "1K"
deny = ["/admin", "/**/*.sql"]
rewrite = [{ from = "/wiki/*", to = "/page?title=$1" }]
[front.headers]
X-Frame-Options = "SAMEORIGIN"
"#;

#[test]
fn rules_and_public_state() {
    let world = World::new();
    world.write("gallery/pack.toml", PACK);
    world.write("gallery/app.py", APP);
    world.silver(["pack", "gallery", "-o", "gallery.zip"]).ok();
    world.silver(["update", "gallery.zip", "pictures.localhost/gallery", "--yes"]).ok();
    let (http, host) = (world.http(), "pictures.localhost");

    let page = http.get(host, "/gallery/wiki/Main?action=edit").unwrap();
    assert_eq!(page.body, "GET /page?title=Main&action=edit prefix=/gallery");
    assert_eq!(page.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(http.get(host, "/gallery/login").unwrap().header("location"), "/gallery/home");
    for (path, status) in
        [("/gallery/admin/users", 403), ("/gallery//%61dmin", 403), ("/gallery/dump.sql", 403), ("/elsewhere", 404)]
    {
        assert_eq!(http.get(host, path).unwrap().status, status, "{path}");
    }
    assert_eq!(http.post(host, "/gallery/send/cat.php", &"x".repeat(2000)).unwrap().status, 413);

    // an upload is served by the front and never seen by the application again
    assert_eq!(http.post(host, "/gallery/send/cat.php", "<?php").unwrap().status, 200);
    let upload = http.get(host, "/gallery/uploads/cat.php").unwrap();
    assert_eq!((upload.body.as_str(), upload.header("x-content-type-options")), ("<?php", "nosniff"));
    for path in ["/gallery/uploads/cat.php/run", "/gallery/uploads/out", "/gallery/uploads/%6fut"] {
        let answer = http.get(host, path).unwrap();
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    assert_eq!(http.post(host, "/gallery/uploads/cat.php", "").unwrap().status, 405);
    assert_eq!(http.get(host, "/gallery/uploads/none").unwrap().body, "GET /uploads/none prefix=/gallery");

    // the data stay with the next release
    world.write("gallery/pack.toml", &PACK.replace("1.0.0", "1.0.1"));
    world.silver(["pack", "gallery", "-o", "gallery.zip"]).ok();
    world.silver(["update", "gallery.zip", "--yes"]).ok();
    assert_eq!(http.get(host, "/gallery/uploads/cat.php").unwrap().body, "<?php");
}

#[test]
fn a_path_is_refused_when_it_is_planned_by_a_pack_that_cannot_live_there() {
    let world = World::new();
    world.write("gallery/pack.toml", &PACK.replace("subpath = \"strip\"", "subpath = \"no\""));
    world.write("gallery/app.py", APP);
    world.silver(["pack", "gallery", "-o", "gallery.zip"]).ok();
    let ran = world.silver(["update", "gallery.zip", "pictures.localhost/gallery", "--dry-run"]).exits(1);
    assert!(ran.stderr().contains("`gallery` cannot answer below a path"), "{}", ran.stderr());
}
