//! Slots of nature `content`: editions of big data.

use silver_tests::{World, wait_for};
use std::fs;

/// Shows databases that an operator publishes, as Datasette does.
const APP: &str = r#"import http.server, os, pathlib, socketserver, sqlite3

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        database = pathlib.Path(os.environ["SILVER_TREE_DIR"], "databases", "facts.sqlite")
        body = b"ok"
        if self.path != "/":
            with sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True) as connection:
                body = str(connection.execute("select edition from facts").fetchone()[0]).encode()
        self.send_response(200)
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
id = "org.example.facts"
name = "facts"
version = "1.0.0"
[runtime]
kind = "command"
[processes.web]
command = ["python3", "app.py"]
[health]
ready = { path = "/", status = 200, timeout = "20s" }
[[slot]]
name = "databases"
from = "databases/*.sqlite"
into = "tree:databases"
mode = "add"
nature = "content"
[[slot]]
name = "notes"
from = "notes/**"
into = "tree:notes"
mode = "add"
"#;

fn database(world: &World, edition: u32) {
    let file = world.write("mine/databases/facts.sqlite", "");
    fs::remove_file(&file).unwrap();
    let script = format!(
        "import sqlite3; c = sqlite3.connect({:?}); c.execute('create table facts (edition)'); \
         c.execute('insert into facts values ({edition})'); c.commit()",
        file.display().to_string()
    );
    assert!(std::process::Command::new("python3").args(["-c", &script]).status().unwrap().success());
}

#[test]
fn bytes_of_old_editions_go_and_their_digests_stay() {
    let world = World::new();
    world.write("facts/pack.toml", PACK);
    world.write("facts/app.py", APP);
    world.silver(["pack", "facts", "-o", "facts.zip"]).ok();
    world.write("mine/customize.toml", "[pack]\nid = \"org.example.facts\"\n");
    let loose = |digest: &str| {
        let hex = digest.trim_start_matches("sha256:");
        world.home().join("data/registry/objects/loose").join(&hex[..2]).join(&hex[2..])
    };
    let mut editions = Vec::new();
    for edition in 1..=6 {
        database(&world, edition);
        world.write("mine/notes/edition.txt", &format!("note {edition}"));
        world.silver(["update", "facts.zip", "--customize=mine", "--yes"]).ok();
        assert_eq!(world.http().page("facts.localhost", "/facts"), edition.to_string());
        let log = world.json(&["registry", "log"]);
        let events = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["kind"] == "deploy")
            .map(|event| event["event"].as_u64().unwrap());
        let files = world.json(&["registry", "files", &events.max().unwrap().to_string()]);
        let digest = |path: &str| {
            let found = files.as_array().unwrap().iter().find(|file| file["path"] == path).unwrap();
            found["digest"].as_str().unwrap().to_owned()
        };
        editions.push((digest("databases/facts.sqlite"), digest("notes/edition.txt")));
    }
    // the current release and three before it are on the node
    wait_for("the old editions to go", || (!loose(&editions[1].0).exists()).then_some(()));
    for (number, (database, note)) in editions.iter().enumerate() {
        assert_eq!(loose(database).exists(), number >= 2, "database of edition {}", number + 1);
        assert!(loose(note).exists(), "code is kept for ever: note of edition {}", number + 1);
    }
    world.silver(["registry", "verify"]).ok();
    let log = world.json(&["registry", "log", "--kind", "redact"]);
    assert_eq!(log.as_array().unwrap().len(), 2, "{log:#}");
    // an edition that comes back is whole again
    world.silver(["rollback", "facts", "--yes"]).ok();
    assert_eq!(world.http().page("facts.localhost", "/facts"), "5");
    database(&world, 1);
    world.silver(["update", "facts.zip", "--customize=mine", "--yes"]).ok();
    assert_eq!(world.http().page("facts.localhost", "/facts"), "1");
    world.silver(["registry", "verify"]).ok();
}
