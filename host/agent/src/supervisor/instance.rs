//! One instance of a process: started, watched, started again, stopped.

use super::{FIRST_PAUSE, Key, LONGEST_PAUSE, LOOP, STEADY};
use crate::{
    endpoint::Endpoint,
    logs::{LogFile, Redactor},
    probes::CrashLoop,
    process::{Launch, Record, Tail, describe, end, members, read_lines, signal},
};
use rustix::process::Signal;
use silver_plugin_api::plan::ProcessReport;
use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{process::Child, sync::watch, task::JoinHandle};

/// What is to be kept running.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) key: Key,
    pub(crate) launch: Launch,
    /// A socket is removed before each start.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) stop_signal: Signal,
    pub(crate) stop_timeout: Duration,
    pub(crate) log: Arc<LogFile>,
    pub(crate) redactor: Redactor,
    /// Where the running process is remembered.
    pub(crate) record: PathBuf,
    /// `SILVER_INSTANCE_DIR`.
    pub(crate) instance: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    pid: Option<u32>,
    since: Option<Instant>,
    restarts: u32,
    quick_ends: u32,
    last_exit: Option<String>,
    tail: Tail,
}

/// An instance under supervision.
#[derive(Debug)]
pub(super) struct Instance {
    key: Key,
    pub(super) endpoint: Option<Endpoint>,
    state: Arc<Mutex<State>>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    _task: JoinHandle<()>,
}

impl Instance {
    pub(super) fn start(spec: Spec) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (done, stopped) = watch::channel(false);
        let state = Arc::new(Mutex::new(State::default()));
        let (key, endpoint) = (spec.key.clone(), spec.endpoint.clone());
        let keeper = Keeper { spec, state: Arc::clone(&state), stopping };
        let task = tokio::spawn(async move {
            keeper.run().await;
            done.send_replace(true);
        });
        Self { key, endpoint, state, stop, stopped, _task: task }
    }

    /// Asks it to stop; the future ends when its group is gone.
    pub(super) fn stop(&self) -> impl Future<Output = ()> + use<> {
        self.stop.send_replace(true);
        let mut stopped = self.stopped.clone();
        async move {
            let _ = stopped.wait_for(|&done| done).await; // the task is gone: so is the process
        }
    }

    pub(super) fn status(&self) -> ProcessReport {
        let state = lock(&self.state);
        ProcessReport {
            name: self.key.process.clone(),
            index: self.key.index,
            label: self.key.label.clone(),
            check: self.key.check,
            pid: state.pid,
            restarts: state.restarts,
            uptime_seconds: state.pid.and(state.since).map_or(0, |since| since.elapsed().as_secs()),
            memory: state.pid.map(memory),
            last_exit: state.last_exit.clone(),
        }
    }

    pub(super) fn crash_loop(&self) -> Option<CrashLoop> {
        let state = lock(&self.state);
        (state.quick_ends >= LOOP).then(|| CrashLoop {
            why: format!(
                "the process `{}` of `{}` does not stay up: it {}, {} times in a row",
                self.key.process,
                self.key.label,
                state.last_exit.as_deref().unwrap_or("ended"),
                state.quick_ends
            ),
            tail: state.tail.lines(),
        })
    }

    pub(super) fn tail(&self) -> Vec<String> {
        lock(&self.state).tail.lines()
    }
}

/// Memory of a process group in bytes: resident pages, shared ones counted in each process.
fn memory(group: u32) -> u64 {
    members(group).iter().map(|member| member.resident_pages).sum::<u64>() * rustix::param::page_size() as u64
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that keeps it running.
struct Keeper {
    spec: Spec,
    state: Arc<Mutex<State>>,
    stopping: watch::Receiver<bool>,
}

impl Keeper {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !*self.stopping.borrow() {
            let started = Instant::now();
            let how = match self.begin() {
                Ok(child) => self.attend(child).await,
                Err(message) => Some(message),
            };
            self.forget();
            let Some(how) = how else { break };
            let quick = started.elapsed() < STEADY;
            if !quick {
                pause = FIRST_PAUSE;
            }
            self.say(&format!("silver: {} {how}; next start in {pause:?}", self.name()));
            {
                let mut state = lock(&self.state);
                state.quick_ends = if quick { state.quick_ends + 1 } else { 1 };
                state.last_exit = Some(how);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stopping.wait_for(|&stop| stop) => break,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            lock(&self.state).restarts += 1;
        }
    }

    fn begin(&self) -> Result<Child, String> {
        if let Some(Endpoint::Socket(path)) = &self.spec.endpoint {
            let _ = std::fs::remove_file(path); // of a former start, if there was one
        }
        let child = self.spec.launch.start(Stdio::null()).map_err(|error| crate::failure::chain(&error))?;
        if let Some(pid) = child.id() {
            if let Err(error) = Record::write(&self.spec.record, pid, &self.spec.instance) {
                tracing::warn!(path = %self.spec.record.display(), %error, "cannot remember a process");
            }
            let mut state = lock(&self.state);
            state.pid = Some(pid);
            state.since = Some(Instant::now());
        }
        Ok(child)
    }

    /// Until it ends; `None` when it was to end.
    async fn attend(&mut self, mut child: Child) -> Option<String> {
        let group = child.id()?;
        let readers =
            [child.stdout.take().map(|stream| self.reader(stream)), child.stderr.take().map(|stream| self.reader(stream))];
        let ended: Option<std::io::Result<ExitStatus>> = tokio::select! {
            status = child.wait() => Some(status),
            _ = self.stopping.wait_for(|&stop| stop) => None,
        };
        let how = match ended {
            Some(Ok(status)) => Some(describe(status)),
            Some(Err(error)) => Some(format!("cannot be waited for: {error}")),
            None => {
                signal(group, self.spec.stop_signal);
                if tokio::time::timeout(self.spec.stop_timeout, child.wait()).await.is_err() {
                    self.say(&format!("silver: {} did not stop in {:?} and is killed", self.name(), self.spec.stop_timeout));
                    signal(group, Signal::KILL);
                    let _ = child.wait().await; // only so that it is reaped
                }
                None
            }
        };
        end(group).await; // whatever it has started
        for reader in readers.into_iter().flatten() {
            // somebody who left the group may hold the pipe: do not wait for him
            let abort = reader.abort_handle();
            if tokio::time::timeout(Duration::from_secs(1), reader).await.is_err() {
                abort.abort();
            }
        }
        how
    }

    fn reader(&self, stream: impl tokio::io::AsyncRead + Send + Unpin + 'static) -> JoinHandle<()> {
        let (log, redactor, state) = (Arc::clone(&self.spec.log), self.spec.redactor.clone(), Arc::clone(&self.state));
        let index = self.spec.key.index;
        tokio::spawn(async move {
            read_lines(stream, |line| {
                let line = redactor.clean(line);
                lock(&state).tail.push(&line);
                if index == 0 { log.line(&line) } else { log.line(&format!("[{index}] {line}")) }
            })
            .await;
        })
    }

    fn forget(&self) {
        lock(&self.state).pid = None;
        let _ = std::fs::remove_file(&self.spec.record); // not there when it ended at once
    }

    fn say(&self, line: &str) {
        self.spec.log.line(line);
    }

    fn name(&self) -> String {
        format!("{}{}", self.spec.key.process, if self.spec.key.check { " (check)" } else { "" })
    }
}
