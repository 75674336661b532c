//! The steps that deployments, rollbacks and changes of state have in common.

use silver_plugin_api::plan::{Action, Check, CheckTarget, HookTarget, Listen, Probe, Process, Release, StatePath, Step};

/// The step at which the members of a group wait for each other.
pub(crate) const BARRIER: &str = "barrier";
/// The step after which nothing is reverted by itself.
pub(crate) const OPEN: &str = "open";

/// A release under its label.
#[derive(Clone, Copy)]
pub(super) struct Labelled<'a> {
    pub(super) label: &'a str,
    pub(super) release: &'a Release,
}

impl Labelled<'_> {
    /// Does it answer HTTP by a process of its own?
    pub(super) fn has_web(self) -> bool {
        self.release.processes.iter().any(|process| process.listen != Listen::None)
    }

    /// Does anything of it run?
    pub(super) fn runs(self) -> bool {
        !self.release.processes.is_empty() || !self.release.cron.is_empty()
    }

    /// Is there something of it that stops when another release starts beside it?
    fn gives_way(self) -> bool {
        !self.release.cron.is_empty() || self.release.processes.iter().any(|process| process.singleton)
    }

    fn ready(self, check: bool) -> Option<Action> {
        let probe = self.ready_probe().filter(|_| self.has_web())?;
        Some(Action::Ready { label: self.label.into(), probe, check })
    }

    fn ready_probe(self) -> Option<Probe> {
        self.release.probes.iter().find(|probe| probe.id == "ready").cloned()
    }

    fn start(self, check: bool) -> Action {
        Action::Start { label: self.label.into(), check }
    }

    fn stop(self, check: bool) -> Action {
        Action::Stop { label: self.label.into(), check }
    }

    fn drain(self, timeout_ms: u64) -> Action {
        Action::Drain { label: self.label.into(), timeout_ms }
    }
}

/// Steps in order, under construction.
#[derive(Default)]
pub(super) struct Steps {
    list: Vec<Step>,
    closed: bool,
}

impl Steps {
    pub(super) fn add(
        &mut self,
        id: impl Into<String>,
        why: impl Into<String>,
        action: Action,
        undo: impl IntoIterator<Item = Action>,
    ) {
        self.list.push(Step { id: id.into(), action, undo: undo.into_iter().collect(), why: why.into() });
    }

    /// Nothing reaches the application from here to [`Steps::open`], or to the end of the undo list.
    pub(super) fn close(&mut self, hold_ms: u64) {
        self.closed = true;
        self.add("close-writes", "hold requests", Action::CloseWrites { hold_ms }, [Action::OpenWrites]);
    }

    /// The release that serves is stopped. Undone, it answers again before requests are let through.
    pub(super) fn stop_serving(&mut self, old: Labelled<'_>) {
        let undo = [Some(old.start(false)), old.ready(false)].into_iter().flatten();
        self.add("stop-old", format!("stop {}", old.label), old.stop(false), undo);
    }

    /// Owned keys of the configs that the application also writes.
    pub(super) fn set_keys(&mut self, state: &[StatePath]) {
        for path in state {
            let Some((format, owned)) = &path.owned else { continue };
            let action =
                Action::SetKeys { file: path.path.clone(), format: *format, owned: owned.clone(), set: path.set.clone() };
            let why = format!("set our {} of {}", count(path.set.len() as u64, "key"), path.path);
            self.add(format!("set-keys:{}", path.path), why, action, [Action::RestoreKeys { file: path.path.clone() }]);
        }
    }

    /// Runs a hook, if the release has it.
    pub(super) fn hook(&mut self, release: &Release, name: &str, why: &str, undo: impl IntoIterator<Item = Action>) {
        if let Some(hook) = release.hooks.get(name) {
            self.add(name, why, Action::Run { name: name.into(), hook: hook.clone() }, undo);
        }
    }

    /// The release is started where nobody sees it, looked at, and stopped again.
    pub(super) fn verify(&mut self, new: Labelled<'_>) {
        let web = new.has_web();
        if web {
            let why = format!("start {}, unseen", new.label);
            self.add("start-check", why, new.start(true), [new.stop(true)]);
        }
        if let Some(ready) = new.ready(true) {
            self.add("ready-check", "wait until it answers", ready, []);
        }
        for check in before_switch(new) {
            self.add(format!("check:{}", check.name), check_words(check), Action::Check(check.clone()), []);
        }
        if web {
            self.add("stop-check", "stop it again", new.stop(true), []);
        }
    }

    /// The release is started to serve. `beside` is the one that still serves: its singletons and timers give
    /// way to the new ones, and come back on the way back. On that way, requests that the new release
    /// has taken since the switch are answered before it is stopped; while requests are held it has taken none.
    pub(super) fn start(&mut self, new: Labelled<'_>, beside: Option<Labelled<'_>>, drain_ms: u64) {
        if new.runs() {
            let back = beside.filter(|old| old.gives_way());
            let stop = if self.closed { new.stop(false) } else { new.drain(drain_ms) };
            let undo = std::iter::once(stop).chain(back.map(|old| old.start(false)));
            self.add("start", format!("start {} to serve", new.label), new.start(false), undo);
        }
        if let Some(ready) = new.ready(false) {
            self.add("ready", "wait until it answers", ready, []);
        }
        self.hook(new.release, "warm", "warm it up", []);
    }

    /// Everything that can fail before the switch is done: the others of the group are waited for.
    pub(super) fn barrier(&mut self, timeout_ms: u64) {
        self.add(BARRIER, "wait until all nodes are ready to switch", Action::Barrier { timeout_ms }, []);
    }

    /// The locations change.
    pub(super) fn locations(&mut self, after: &[String], before: &[String]) {
        if after != before {
            let undo = Action::SetLocations { locations: before.to_vec() };
            let why = format!("answer at {}", after.join(", "));
            self.add("locations", why, Action::SetLocations { locations: after.to_vec() }, [undo]);
        }
    }

    /// The release becomes current.
    pub(super) fn switch(&mut self, new: Labelled<'_>, old: Option<&str>) {
        let why = old.map_or_else(|| format!("{} becomes current", new.label), |old| format!("{old} → {}", new.label));
        let undo = Action::Switch { label: old.map(Into::into) };
        self.add("switch", why, Action::Switch { label: Some(new.label.into()) }, [undo]);
    }

    /// It is looked at through the front.
    pub(super) fn probe(&mut self, new: Labelled<'_>) {
        if let Some(probe) = new.ready_probe() {
            self.add("probe", "ask through the front", Action::Probe(probe.access), []);
        }
        for check in after_switch(new) {
            if let CheckTarget::Http(access) = &check.target {
                self.add(format!("check:{}", check.name), check_words(check), Action::Probe(access.clone()), []);
            }
        }
    }

    /// The point of no return.
    pub(super) fn open(&mut self) {
        self.add(OPEN, "from here on nothing is reverted by itself", Action::Open, []);
        if self.closed {
            self.add("open-writes", "let requests through", Action::OpenWrites, []);
        }
    }

    /// The release that served until now ends.
    pub(super) fn drain(&mut self, old: Labelled<'_>, timeout_ms: u64) {
        if old.runs() {
            self.add("drain", format!("let requests of {} end, then stop it", old.label), old.drain(timeout_ms), []);
        }
    }

    /// What must be undone last is undone with the first step.
    pub(super) fn undo_last(&mut self, action: Action) {
        if let Some(first) = self.list.first_mut() {
            first.undo.push(action);
        }
    }

    /// Are requests held?
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    /// The longest that requests may be held or refused: the time limits between closing and opening.
    pub(super) fn closed_at_most_ms(&self, releases: &[Labelled<'_>]) -> u64 {
        let stop = |label: &str| {
            let processes =
                releases.iter().filter(|release| release.label == label).flat_map(|release| &release.release.processes);
            processes.map(|process: &Process| process.stop_timeout_ms).max().unwrap_or_default()
        };
        let until_open = self.list.iter().take_while(|step| step.action != Action::OpenWrites);
        until_open
            .map(|step| match &step.action {
                Action::Run { hook, .. } => hook.timeout_ms,
                Action::Ready { probe, .. } => probe.timeout_ms,
                Action::Check(check) => check.timeout_ms,
                Action::Barrier { timeout_ms } => *timeout_ms,
                Action::Stop { label, .. } => stop(label),
                _ => 0,
            })
            .sum()
    }

    pub(super) fn finish(self) -> Vec<Step> {
        self.list
    }
}

/// An application that the front serves by itself has nobody to ask before the switch.
fn before_switch(new: Labelled<'_>) -> impl Iterator<Item = &Check> {
    let web = new.has_web();
    new.release.checks.iter().filter(move |check| web || !matches!(check.target, CheckTarget::Http(_)))
}

fn after_switch(new: Labelled<'_>) -> impl Iterator<Item = &Check> {
    let web = new.has_web();
    new.release.checks.iter().filter(move |check| !web && matches!(check.target, CheckTarget::Http(_)))
}

fn check_words(check: &Check) -> String {
    match &check.target {
        CheckTarget::Http(access) => format!("{} answers {}", access.path, access.status),
        CheckTarget::Command(argv) => format!("`{}` succeeds", argv.join(" ")),
        CheckTarget::LogLacks { file, pattern } => format!("{file} has no `{pattern}`"),
    }
}

/// What a hook runs, for people.
pub(super) fn hook_words(target: &HookTarget) -> String {
    match target {
        HookTarget::Command(argv) => argv.join(" "),
        HookTarget::Url(path) => format!("GET {path}"),
    }
}

/// `1 key`, `3,000 keys`.
pub(super) fn count(number: u64, of: &str) -> String {
    format!("{} {of}{}", super::text::grouped(number), if number == 1 { "" } else { "s" })
}
