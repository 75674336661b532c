use super::*;
use crate::{
    logs::{LogFile, Redactor},
    process::{Launch, members},
    testing::eventually,
};
use rustix::process::Signal;
use std::{fs, path::Path, sync::Arc, time::Instant};

fn key(process: &str) -> Key {
    Key { app: "a".into(), label: "a.1".into(), check: false, process: process.into(), index: 0 }
}

fn spec(home: &Path, process: &str, script: &str) -> Spec {
    Spec {
        key: key(process),
        launch: Launch {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("HOME_DIR".into(), home.display().to_string())],
            directory: home.to_owned(),
        },
        endpoint: None,
        stop_signal: Signal::TERM,
        stop_timeout: Duration::from_millis(300),
        log: Arc::new(LogFile::new(home.join(format!("{process}.log")))),
        redactor: Redactor::new(&BTreeMap::from([("key".to_owned(), "topsecret".to_owned())])),
        record: home.join(format!("{process}.pid")),
        instance: home.to_owned(),
    }
}

fn log(home: &Path, process: &str) -> String {
    fs::read_to_string(home.join(format!("{process}.log"))).unwrap_or_default()
}

#[tokio::test]
async fn a_process_that_ends_is_started_again_and_a_crash_loop_tells_why() {
    let home = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let started = Instant::now();
    supervisor.start(spec(home.path(), "web", "echo the topsecret reason >&2; exit 3"));
    supervisor.start(spec(home.path(), "web", "echo never"));
    eventually("a crash loop", || async { supervisor.crash_loop("a", "a.1", false).await.is_some() }).await;
    // two pauses lie between three ends: a quarter and half a second
    assert!(started.elapsed() >= FIRST_PAUSE * 3, "{:?}", started.elapsed());
    let found = supervisor.crash_loop("a", "a.1", false).await.unwrap();
    assert!(found.why.contains("`web` of `a.1`") && found.why.contains("exited with 3"), "{}", found.why);
    assert_eq!(found.tail[0], "the *** reason");
    assert!(supervisor.crash_loop("a", "a.2", false).await.is_none());
    assert_eq!(supervisor.status("a")[0].last_exit.as_deref(), Some("exited with 3"));
    supervisor.stop(|_| true).await;
    assert!(supervisor.status("a").is_empty());
    assert!(!log(home.path(), "web").contains("never") && log(home.path(), "web").contains("next start in"));
}

#[tokio::test]
async fn stopping_ends_the_whole_group_even_against_its_will() {
    let home = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let script = "trap '' TERM; (trap '' TERM; sleep 600) & echo ready; while :; do sleep 600; done";
    supervisor.start(spec(home.path(), "web", script));
    eventually("it runs", || async { log(home.path(), "web").contains("ready") }).await;
    let pid = supervisor.status("a")[0].pid.unwrap();
    assert!(members(pid).len() >= 2, "a grandchild");
    assert!(home.path().join("web.pid").exists());
    assert!(supervisor.status("a")[0].memory.unwrap() > 0);
    supervisor.stop(|key| key.process == "web").await;
    assert!(members(pid).is_empty());
    assert!(!home.path().join("web.pid").exists());
    assert!(log(home.path(), "web").contains("is killed"));
}

#[tokio::test]
async fn the_signal_is_the_one_asked_for_and_ends_are_clean() {
    let home = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    let mut wanted = spec(home.path(), "worker", "trap 'echo got USR1; exit 0' USR1; echo ready; while :; do sleep 0.05; done");
    wanted.stop_signal = Signal::USR1;
    wanted.stop_timeout = Duration::from_secs(20);
    supervisor.start(wanted);
    eventually("it runs", || async { log(home.path(), "worker").contains("ready") }).await;
    supervisor.stop(|_| true).await;
    assert!(log(home.path(), "worker").contains("got USR1"));
    assert!(!log(home.path(), "worker").contains("is killed"));
}

#[tokio::test]
async fn what_a_crashed_leader_left_in_its_group_ends_before_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::default();
    supervisor.start(spec(home.path(), "web", "sleep 600 & echo child $!; exit 1"));
    eventually("two starts", || async { log(home.path(), "web").matches("child").count() >= 2 }).await;
    let first: u32 = log(home.path(), "web").split("child ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    // gone, or a zombie that nobody reaps
    assert!(fs::read(format!("/proc/{first}/environ")).unwrap_or_default().is_empty());
    supervisor.stop(|_| true).await;
}
