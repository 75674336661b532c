//! The progress stream: what a command hears while it stages and while a node works.

use silver_plugin_api::plan::{Progress, ProgressKind};

/// Who hears progress. The command line renders it as lines, bars or JSON.
pub trait Listener: Send {
    /// One message; must not block for long.
    fn progress(&mut self, progress: Progress);
}

impl<F: FnMut(Progress) + Send> Listener for F {
    fn progress(&mut self, progress: Progress) {
        self(progress);
    }
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: Progress) {}
}

/// Says things about one step to a listener, with the time since it was made.
pub struct Reporter<'a> {
    listener: &'a mut dyn Listener,
    since: std::time::Instant,
    step: String,
}

impl<'a> Reporter<'a> {
    /// Begins a step; `what` is for people.
    pub fn begin(listener: &'a mut dyn Listener, step: &str, what: &str) -> Self {
        let mut reporter = Self { listener, since: std::time::Instant::now(), step: step.into() };
        reporter.say(ProgressKind::Begin(what.into()));
        reporter
    }

    /// So much is done, of so many.
    pub fn amount(&mut self, done: u64, total: u64) {
        self.say(ProgressKind::Amount { done, total: Some(total) });
    }

    /// The step is done.
    pub fn done(mut self) {
        self.say(ProgressKind::Done);
    }

    fn say(&mut self, kind: ProgressKind) {
        let at_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.listener.progress(Progress { step: self.step.clone(), kind, at_ms });
    }
}
