//! Build steps of packs run on servers as they do here: in a sandbox, which the set-up brings.

use silver_tests::nodes::{
    Tests,
    server::{HOST, Server},
};

pub(crate) const TESTS: Tests = &[("a_build_step_runs_in_a_sandbox_of_the_server", a_build_step_runs_in_a_sandbox_of_the_server)];

const PACK: &str = r#"format = 1
[pack]
id = "org.example.book"
name = "book"
version = "1.0.0"
[runtime]
kind = "static"
root = "site"
[[assemble]]
command = ["/bin/sh", "generator.sh"]
inputs = ["pages/**", "generator.sh"]
outputs = "site/"
"#;

/// Whoever can read the machine's keys is in no sandbox.
const GENERATOR: &str =
    "cat pages/index.md > site/index.html; ls /var/lib/silver /etc/shadow > site/seen.txt 2>/dev/null; true\n";

fn a_build_step_runs_in_a_sandbox_of_the_server() {
    let server = Server::new();
    for (path, text) in [("book/pack.toml", PACK), ("book/generator.sh", GENERATOR), ("book/pages/index.md", "first page")] {
        server.world.write(path, text);
    }
    server.world.silver(["pack", "book", "-o", "book.zip"]).ok();
    server.silver(["update", "book.zip", HOST, "--yes"]).ok();
    let http = server.http();
    assert_eq!((http.page(HOST, "/").as_str(), http.page(HOST, "/seen.txt").as_str()), ("first page", ""));
}
