//! Names under which an application answers, where their visitors are sent, and who has seen them.

use silver_tests::{
    nodes::{
        Tests,
        server::{HOST, Server},
    },
    wait_for,
};
use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

pub(crate) const TESTS: Tests = &[
    ("names_stand_for_many_or_lead_to_the_first", names_stand_for_many_or_lead_to_the_first),
    ("what_is_said_is_in_the_journal_in_files_and_on_the_screen", what_is_said_is_in_the_journal_in_files_and_on_the_screen),
];

fn deploy(server: &Server, front: &str) -> silver_tests::Ran {
    let zip = server.world.hello("good");
    let text = format!(
        "[pack]\nid = \"org.silver.hello\"\n{front}\n[[deploy]]\nnode = \"web1\"\nlocations = [\"{HOST}\", \"*.{HOST}\"]\n"
    );
    let mine = server.world.write("mine/customize.toml", &text);
    let mine = format!("--customize={}", mine.parent().unwrap().display());
    server.silver(["update", zip.to_str().unwrap(), &mine, "--yes"])
}

fn names_stand_for_many_or_lead_to_the_first() {
    let server = Server::new();
    let http = server.http();
    // a name that stands for many is none that an application could call itself by
    let zip = server.world.hello("good");
    let refused = server.silver(["update", zip.to_str().unwrap(), &format!("*.{HOST}"), "--yes"]);
    assert_ne!(refused.code(), 0);
    assert!(refused.stderr().contains("name a host"), "{}", refused.stderr());

    deploy(&server, "").ok();
    for host in [HOST, "any.hello.example.org"] {
        assert_eq!(http.page(host, "/health"), "healthy", "{host}");
    }
    assert_eq!(http.get("a.any.hello.example.org", "/health").unwrap().status, 404);

    deploy(&server, "[front]\ncanonical = true").ok();
    assert_eq!(http.page(HOST, "/health"), "healthy");
    let moved = http.get("any.hello.example.org", "/health?x=y").unwrap();
    assert_eq!((moved.status, moved.header("location")), (308, "http://hello.example.org/health?x=y"));
}

fn what_is_said_is_in_the_journal_in_files_and_on_the_screen() {
    let server = Server::new();
    deploy(&server, "").ok();
    let http = server.http();
    let logs = server.node.disk().join("var/log/silver/apps/hello");
    let label = server.node.sh("basename $(readlink -f /var/lib/silver/current/hello)");
    let file = |name: &str| std::fs::read_to_string(logs.join(name)).unwrap_or_default();
    let web = format!("{label}.web.log");
    wait_for("the first line", || file(&web).contains("serving, version 1.0.0").then_some(()));

    // what comes is on the screen at once, and in the file
    let mut screen = server.world.command(["logs", "hello", "-f", "--node", "web1"]);
    let mut screen = screen.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(screen.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("serving, version")));
    assert_eq!(http.get(HOST, "/slow?seconds=soon").unwrap().status, 500);
    assert!(lines.any(|line| line.unwrap().contains("could not convert string to float: 'soon'")));
    screen.kill().unwrap();
    screen.wait().unwrap();
    wait_for("the line in the file", || file(&web).contains("'soon'").then_some(()));

    // nobody else looks into them, and a restart of what copies them repeats nothing
    assert!(!server.node.try_sh(&format!("runuser -u nobody -- ls {}", "/var/log/silver/apps/hello")).status.success());
    let copied = || server.node.sh("cat /var/log/silver/copied || true");
    let before = copied();
    assert_eq!(http.get(HOST, "/slow?seconds=then").unwrap().status, 500);
    wait_for("how far it was copied", || (copied() != before).then_some(()));
    server.node.sh("systemctl restart silver-logs");
    assert_eq!(http.get(HOST, "/slow?seconds=later").unwrap().status, 500);
    wait_for("a line after it", || file(&web).contains("'later'").then_some(()));
    assert_eq!(file(&web).matches("'soon'").count(), 1, "{}", file(&web));

    // requests are there with the name that was asked for
    assert_eq!(http.page("any.hello.example.org", "/health"), "healthy");
    let access = wait_for("the request", || {
        let text = server.node.sh("cat /var/log/silver/apps/hello/access.log");
        text.contains("any.hello.example.org").then_some(text)
    });
    assert!(access.lines().all(|line| !line.contains("seconds=soon")), "queries are nobody's business: {access}");
    let shown = server.silver(["logs", "hello", "--process", "access"]).ok();
    assert!(shown.stdout().contains("any.hello.example.org") && shown.stdout().contains("GET /health 200"), "{}", shown.stdout());
}
