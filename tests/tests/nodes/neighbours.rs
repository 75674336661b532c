//! Two applications on one server, one of which behaves as badly as it can: its neighbour's visitors notice nothing.

use crate::apps::socket;
use silver_tests::{
    Visitors,
    nodes::{
        Tests,
        server::{HOST, Server},
    },
    wait_for,
};

pub(crate) const TESTS: Tests = &[("a_bad_neighbour_is_noticed_by_nobody", a_bad_neighbour_is_noticed_by_nobody)];

const SPY: &str = "spy.example.org";

/// Starts processes until it may not; how many.
const FORKS: &str = "import os
n = 0
try:
    while n < 3000:
        if os.fork() == 0:
            os.execv('/bin/sleep', ['sleep', '1000'])
        n += 1
except OSError:
    pass
print(n)
";

fn a_bad_neighbour_is_noticed_by_nobody() {
    let server = Server::new();
    server.update("good").ok();
    let visitors = Visitors::start(&server.http(), HOST);
    let mine =
        server.world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n[processes.web]\nmemory = \"96M\"\n");
    let mine = format!("--customize={}", mine.parent().unwrap().display());
    let spy = |edition: &str| {
        let zip = server.world.hello(edition);
        server.silver(["update", zip.to_str().unwrap(), SPY, "--name=spy", &mine, "--yes"]).ok();
    };
    let run = |program: &[&str]| {
        let words = ["run", "spy", "--node", "web1", "--"];
        server.world.silver(words.iter().chain(program)).ok().stdout()
    };
    let pids = || server.node.sh("pgrep -u silver-spy || true").lines().count();

    // it leaves children, and neither it nor they hear SIGTERM: nothing of it is left after an update
    spy("forks");
    assert_eq!(pids(), 2);
    spy("eats");
    assert_eq!(pids(), 1);

    // it takes more memory than it has: it is ended and started again
    let row = |app: &str| {
        let rows = server.json(&["status"]);
        rows.as_array().unwrap().iter().find(|row| row["app"] == app).unwrap().clone()
    };
    assert_eq!(row("spy")["restarts"], 0);
    let eaten = server.http().get(SPY, "/eat");
    assert!(eaten.as_ref().is_ok_and(|answer| answer.status == 502), "{eaten:?}");
    wait_for("its new start", || (row("spy")["restarts"] != 0).then_some(()));
    wait_for("its answer", || server.http().get(SPY, "/who").ok().filter(|answer| answer.status == 200));
    let logs = server.silver(["logs", "spy"]).ok().stdout();
    assert!(logs.contains("web was ended by signal 9"), "{logs}");
    assert_eq!(row("hello")["restarts"], 0);

    // it starts as many processes as it can
    let forked = run(&["python3", "-c", FORKS]);
    let forked: u32 = forked.trim().parse().unwrap();
    assert!((100..1024).contains(&forked), "{forked}");
    wait_for("its processes to end", || (pids() == 1).then_some(()));

    // it looks for what is its neighbour's
    let release = server.node.sh("readlink -f /var/lib/silver/current/hello");
    let label = release.rsplit('/').next().unwrap();
    let socket = socket(label, 0);
    let snoop = format!(
        "for file in /var/lib/silver/data/hello/db/hello.db /var/lib/silver/secrets/hello/token {release}/tree/app.py \
         /run/silver/apps/hello/{label}/conf/conf/hello.ini; do cat $file >/dev/null 2>&1 && echo $file; done; \
         python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{socket}\")' 2>/dev/null && echo socket; true"
    );
    assert_eq!(server.node.sh(&snoop).lines().count(), 5, "it is all there, for root");
    assert_eq!(run(&["sh", "-c", &snoop]), "");

    let seen = visitors.stop();
    seen.assert_all_answered();
    seen.assert_nothing_lost(server.count());
}
