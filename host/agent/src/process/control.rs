//! Ending what was started, by whoever can: a process group by its signals, a unit by systemd.

use super::{describe, end, signal};
use async_trait::async_trait;
use rustix::process::Signal;
use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code, 128 + signal where one ended it.
    pub(crate) code: i32,
    /// In words; `None` when all is well.
    pub(crate) how: Option<String>,
}

/// Power over a program that runs, and over all that it has started.
#[async_trait]
pub(crate) trait Control: Send + Sync {
    /// Sends a signal.
    async fn signal(&self, wanted: Signal);
    /// Ends what it has left running. `status` is that of the process that was started here.
    async fn end(&self, status: ExitStatus) -> Ended;
}

/// A process group. When nobody waits for it any more, it is killed.
#[derive(Debug)]
pub(crate) struct Group(pub(crate) u32);

#[async_trait]
impl Control for Group {
    async fn signal(&self, wanted: Signal) {
        signal(self.0, wanted);
    }

    async fn end(&self, status: ExitStatus) -> Ended {
        end(self.0).await;
        Ended::of(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !super::members(self.0).is_empty() {
            signal(self.0, Signal::KILL);
        }
    }
}

impl Ended {
    /// As the system tells it.
    pub(crate) fn of(status: ExitStatus) -> Self {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        Self { code, how: (!status.success()).then(|| describe(status)) }
    }
}
