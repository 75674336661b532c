//! On a node: does with `silver_agent::systemd` what the command line says. The test program copies itself there.

use async_trait::async_trait;
use silver_agent::{
    apps::{AppFailure, Apps, Placed, Route},
    caddy::{Caddy, Settings},
    dirs::Dirs,
    systemd::{Door, Systemd},
};
use silver_plugin_api::plan::{Access, AppState, Hook, HookTarget, LogLine, LogQuery, Probe, Release, RunOutput, RunSpec};
use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

/// As the first argument: this is a node.
pub(crate) const ON_A_NODE: &str = "on-a-node";

/// No front: these tests ask the sockets.
struct NoFront;

#[async_trait]
impl Door for NoFront {
    async fn route(&self, _: &Route) -> Result<(), AppFailure> {
        Ok(())
    }

    async fn close(&self, _: &str, _: Duration) -> Result<(), AppFailure> {
        Ok(())
    }

    async fn open(&self, _: &str) -> Result<(), AppFailure> {
        Ok(())
    }

    async fn probe(&self, _: &Placed, _: &Access) -> Result<(), AppFailure> {
        Ok(())
    }

    async fn inside(&self, _: &str, _: &str) -> usize {
        0
    }
}

/// `on-a-node ACTION LABEL [ARGUMENT…]`
pub(crate) fn on_a_node() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(act(&arguments)) {
        Ok(code) => code,
        Err(failure) => {
            let _ = writeln!(stderr(), "{failure}\n{}", failure.log.join("\n")); // whoever reads it looks at the code first
            ExitCode::FAILURE
        }
    }
}

async fn act(arguments: &[String]) -> Result<ExitCode, AppFailure> {
    let [action, label, rest @ ..] = arguments else { panic!("no action and label: {arguments:?}") };
    let dirs = Dirs::server();
    let (app, _) = label.rsplit_once('.').unwrap();
    let release: Release = serde_json::from_slice(&std::fs::read(dirs.release(app, label).join("value")).unwrap()).unwrap();
    let placed = Placed { label: label.clone(), release: Arc::new(release), locations: vec![format!("{app}.example.org")] };
    let door: Arc<dyn Door> = if dirs.config.join("front.toml").exists() {
        Arc::new(Caddy::new(dirs.clone(), Settings::load(&dirs).unwrap()))
    } else {
        Arc::new(NoFront)
    };
    let apps = Systemd::new(dirs, Arc::clone(&door), 443);
    let route = Route {
        app: app.to_owned(),
        state: AppState::Active,
        locations: placed.locations.clone(),
        current: Some(placed.clone()),
        undoing: false,
    };
    let say = |line: &str| say(line);
    match action.as_str() {
        "start" => {
            apps.make_secrets(&placed).await?;
            apps.start(&placed, false).await?;
            let probe = placed.release.probes.first().cloned();
            apps.ready(&placed, false, &probe.unwrap_or_else(ready), &say).await?;
        }
        "start-only" => apps.start(&placed, false).await?,
        "route" => {
            apps.route(route).await?;
            door.probe(&placed, &ready().access).await?;
        }
        "update" => {
            apps.start(&placed, false).await?;
            apps.ready(&placed, false, &ready(), &say).await?;
            apps.route(route).await?;
            apps.drain(app, &rest[0], Duration::from_secs(10)).await?;
        }
        // as a breaking migration does
        "hold" => {
            apps.close(app, Duration::from_mins(1)).await?;
            apps.stop(app, &rest[0], false).await?;
            apps.start(&placed, false).await?;
            apps.ready(&placed, false, &ready(), &say).await?;
            apps.route(route).await?;
            door.probe(&placed, &ready().access).await?;
            apps.open(app).await?;
        }
        "stop" => apps.stop(app, label, false).await?,
        "hook" | "hook-of-2s" => {
            let timeout_ms = if action == "hook" { 60_000 } else { 2_000 };
            let hook = Hook { target: HookTarget::Command(rest.to_vec()), timeout_ms };
            apps.hook(&placed, "migrate", &hook, &say).await?;
        }
        "run" | "run-on-a-terminal" => {
            let (_keyboard, input) = mpsc::channel(1);
            let tty = (action != "run").then_some((80, 24));
            let (_, nothing) = mpsc::channel(1);
            let input = if tty.is_some() { input } else { nothing };
            let (output, mut from) = mpsc::channel(16);
            let spec = RunSpec { argv: rest.to_vec(), tty, phase: "run".into() };
            let printing = async {
                while let Some(piece) = from.recv().await {
                    let _ = match piece {
                        RunOutput::Out(bytes) => stdout().write_all(&bytes),
                        RunOutput::Err(bytes) => stderr().write_all(&bytes),
                    };
                }
            };
            let (code, ()) = tokio::join!(apps.run(&placed, &spec, input, output), printing);
            return Ok(ExitCode::from(u8::try_from(code?).unwrap_or(u8::MAX)));
        }
        "settle" => apps.settle(app).await?,
        "processes" => say(&serde_json::to_string(&apps.processes(app).await).unwrap()),
        "logs" | "requests" => {
            let (to, mut from) = mpsc::channel::<LogLine>(16);
            let process = (action == "requests").then(|| "access".to_owned());
            let query = LogQuery { app: app.into(), process, lines: 100, follow: false };
            let printing = async {
                while let Some(line) = from.recv().await {
                    say(&format!("{} {}", line.process, line.text));
                }
            };
            tokio::join!(apps.logs(&query, to), printing).0?;
        }
        other => panic!("no such action: {other}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}"); // a test that does not listen has ended
}

fn ready() -> Probe {
    let access = Access { path: "/".into(), status: 200, body_contains: None, body_lacks: None };
    Probe { id: "ready".into(), access, every_ms: 50, timeout_ms: 20_000 }
}
