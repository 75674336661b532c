//! What a manifest declares about settings, secrets and checks.

use silver_tests::{World, wait_for};

const APP: &str = r#"import http.server, os, pathlib, socketserver

BROKEN = pathlib.Path(os.environ["SILVER_DATA_DIR"], "broken")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = "|".join(os.environ[name] for name in ("TITLE", "MAIL_HOST", "ADMIN_HASH")).encode()
        self.send_response(500 if self.path == "/queue" and BROKEN.exists() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "front"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(os.environ["SILVER_SOCKET"], Handler).serve_forever()
"#;

const PACK: &str = r#"format = 1
[pack]
id = "org.example.declared"
name = "declared"
version = "1.0.0"
[runtime]
kind = "command"
[processes.web]
command = ["python3", "app.py"]
[health]
ready = { path = "/", status = 200, timeout = "20s" }
[settings.title]
default = "first"
when = "init"
[settings.mail]
type = "choice"
choices = ["none", "smtp"]
default = "none"
[settings.mail-host]
visible-if = "mail = smtp"
[secrets.admin-password]
on-clone = "ask"
[secrets.admin-hash]
bcrypt-of = "admin-password"
[[bind]]
from = "setting.title"
to = "env:TITLE"
[[bind]]
from = "setting.mail-host"
to = "env:MAIL_HOST"
[[bind]]
from = "secret.admin-hash"
to = "env:ADMIN_HASH"
[commands]
init = { command = ["true"] }
after-clone = { command = ["true"] }
[[check]]
name = "queue"
when = "periodic"
url = "/queue"
every = "300ms"
"#;

#[test]
fn settings_secrets_and_periodic_checks() {
    let world = World::new();
    world.write("declared/pack.toml", PACK);
    world.write("declared/app.py", APP);
    world.silver(["pack", "declared", "-o", "declared.zip"]).ok();
    let mine = |more: &str| {
        let text = format!(
            "[pack]\nid = \"org.example.declared\"\n[secrets]\nadmin-password = \"file:{}\"\n[settings]\n{more}",
            world.work().join("password").display()
        );
        world.write("mine/customize.toml", &text);
    };
    world.write("password", "open sesame");
    mine("mail = \"smtp\"\n");
    let update = ["update", "declared.zip", "--customize=mine", "--yes"];
    let refused = world.silver(update);
    assert!(refused.code() != 0 && refused.stderr().contains("mail-host"), "{}", refused.stderr());
    mine("");
    world.silver(update).ok();
    let page = world.http().page("declared.localhost", "/");
    let (start, hash) = page.rsplit_once('|').unwrap();
    assert!(start == "first|" && hash.starts_with("$2b$12$") && hash.len() == 60, "{page}");

    // the same password keeps its hash, another value of an `init` setting is remarked on
    mine("title = \"second\"\n");
    let updated = world.silver(update).ok().stdout();
    assert!(updated.contains("setting `title` is used when the first data are made"), "{updated}");
    assert_eq!(world.http().page("declared.localhost", "/"), format!("second||{hash}"));

    // what a periodic check finds is told by status, and nothing is reverted
    let health = || world.json(&["status"])[0]["health"].as_str().unwrap().to_owned();
    wait_for("the application to be up", || (health() == "up").then_some(()));
    std::fs::write(world.home().join("data/nodes/local/data/declared/broken"), "").unwrap();
    wait_for("the check to fail", || (health() == "degraded").then_some(()));
    let status = world.silver(["status", "declared"]).ok().stdout();
    assert!(status.contains("queue"), "{status}");

    // who compares files needs no secret, nor the program that would tell it
    std::fs::remove_file(world.work().join("password")).unwrap();
    world.silver(["diff", "declared.zip", "declared", "--customize=mine"]).ok();
    let refused = world.silver(update);
    assert!(refused.stderr().contains("secret `admin-password`"), "{}", refused.stderr());
}
