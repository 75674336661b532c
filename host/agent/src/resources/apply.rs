//! Brings a plan about: what waits for nothing side by side, what waits for something after it.
//!
//! Packages that are due together go to apt together, and all rules of the firewall are one thing. What can cut
//! the operator off comes when nothing else can go on, in rounds that are confirmed or undone ([`super::guard`]).
//! Each item is looked at again before it is touched and after it: what is in place is left alone, and what
//! did not get in place is a failure, whatever the programs say.

use super::{
    ResourceError, command, directory, file, firewall, group,
    guard::Guard,
    ini_keys, link,
    machine::{Machine, Step},
    observe::{observe_some, rules},
    package,
    record::{Record, RecordFile},
    repository, sysctl, unit, user,
};
use crate::{
    disk::{DiskError, words},
    feed::Feed,
};
use silver_pack::hash;
use silver_plugin_api::{
    plan::ProgressKind,
    setup::{Applied, Difference, Fate, Found, Item, ItemResult, OnChange, Package, Plan, Resource, Standing, standing},
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc, task::JoinSet};

/// What a plan is brought about with.
pub(crate) struct Applying {
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) feed: Arc<Feed>,
    pub(crate) record: RecordFile,
    /// Where it is kept how everything was.
    pub(crate) undo: PathBuf,
    /// The program that undoes.
    pub(crate) agent: PathBuf,
    /// Who asks for a confirmation: they are told its name.
    pub(crate) confirm: mpsc::Sender<String>,
}

/// Shared by all who work.
struct Work {
    machine: Machine,
    plan: Plan,
    feed: Arc<Feed>,
    file: RecordFile,
    record: Mutex<Record>,
}

/// How far an item is.
#[derive(Clone, PartialEq)]
enum State {
    Waits,
    Runs,
    Ended(ItemResult),
}

impl Applying {
    /// Brings it about. An error is one of the record only; what goes wrong with an item is its fate.
    pub(crate) async fn apply(self) -> Result<Applied, DiskError> {
        let version = self.plan.version(hash::sha256);
        let former = self.record.read()?;
        let all: Vec<&Item> = self.plan.items.iter().collect();
        let found = observe_some(&self.machine, &self.plan, &all, former.as_ref()).await;
        let stand: Vec<Standing> =
            all.iter().zip(&found).map(|(item, found)| standing(&item.resource, found, hash::sha256)).collect();
        let pending = former.as_ref().map(|record| record.pending.clone()).unwrap_or_default();
        let record = Record {
            version,
            complete: false,
            at: jiff::Timestamp::now().to_string(),
            pending: pending.into_iter().filter(|(id, _)| self.plan.item(id).is_some()).collect(),
            ran: former.as_ref().map(|record| record.ran.clone()).unwrap_or_default(),
            plan: self.plan.clone(),
        };
        let nothing = record.pending.is_empty() && stand.iter().all(|stand| *stand == Standing::InPlace);
        if nothing && former.is_some_and(|former| former.complete && former.version == version) {
            let items = all.iter().map(|item| ended(item, Fate::InPlace)).collect();
            return Ok(Applied { version, items, event: None });
        }
        self.record.write(&record)?;
        let edges = self.plan.edges();
        let work = Arc::new(Work {
            machine: self.machine,
            plan: self.plan,
            feed: self.feed,
            file: self.record,
            record: Mutex::new(record),
        });
        let states = settled(&work, &edges, &stand);
        let guarded = work.plan.items.iter().zip(&found).map(|(item, found)| item.is_guarded_at(found)).collect();
        let mut run = Run { work, edges, guarded, states, undo: self.undo, agent: self.agent, confirm: self.confirm, rounds: 0 };
        run.all().await;
        run.finish().await
    }
}

/// What is in place, and comes after nothing that is not, need not be looked at again.
fn settled(work: &Work, edges: &[Vec<usize>], stand: &[Standing]) -> Vec<State> {
    let mut states = vec![State::Waits; stand.len()];
    for &at in &work.plan.order().unwrap_or_default() {
        let item = &work.plan.items[at];
        let after_settled = edges[at].iter().all(|&before| states[before] != State::Waits);
        if stand[at] == Standing::InPlace && after_settled && work.pending(&item.id).is_none() {
            states[at] = State::Ended(ended(item, Fate::InPlace));
        }
    }
    states
}

struct Run {
    work: Arc<Work>,
    edges: Vec<Vec<usize>>,
    /// Which items can cut the operator off.
    guarded: Vec<bool>,
    states: Vec<State>,
    undo: PathBuf,
    agent: PathBuf,
    confirm: mpsc::Sender<String>,
    rounds: usize,
}

impl Run {
    async fn all(&mut self) {
        let mut tasks: JoinSet<Vec<(usize, ItemResult)>> = JoinSet::new();
        let mut dpkg_works = false;
        loop {
            self.skip();
            let ready: Vec<usize> = (0..self.states.len()).filter(|&at| self.is_ready(at)).collect();
            let (packages, others): (Vec<usize>, Vec<usize>) =
                ready.into_iter().filter(|&at| !self.guarded[at]).partition(|&at| is_package(self.item(at)));
            for at in others {
                self.states[at] = State::Runs;
                let work = Arc::clone(&self.work);
                tasks.spawn(async move { vec![(at, work.bring(at).await)] });
            }
            if !dpkg_works && !packages.is_empty() {
                dpkg_works = true;
                for &at in &packages {
                    self.states[at] = State::Runs;
                }
                let work = Arc::clone(&self.work);
                tasks.spawn(async move { work.bring_packages(&packages).await });
            }
            let Some(done) = tasks.join_next().await else {
                if !self.guarded_round().await {
                    return;
                }
                continue;
            };
            for (at, result) in done.unwrap_or_default() {
                dpkg_works &= !is_package(self.item(at));
                self.states[at] = State::Ended(result);
            }
        }
    }

    /// Everything guarded that can be done now; false when there is nothing.
    async fn guarded_round(&mut self) -> bool {
        let mut guard: Option<Guard> = None;
        let mut round: Vec<usize> = Vec::new();
        loop {
            self.skip();
            let mut ready: Vec<usize> = (0..self.states.len()).filter(|&at| self.is_ready(at) && self.guarded[at]).collect();
            // rules go together: before one of them is to be had, none is touched
            let work = Arc::clone(&self.work);
            let is_rule = |at: usize| matches!(work.plan.items[at].resource, Resource::Firewall(_));
            let all_rules =
                (0..self.states.len()).filter(|&at| is_rule(at)).all(|at| self.states[at] != State::Waits || ready.contains(&at));
            let rules: Vec<usize> = ready.iter().copied().filter(|&at| is_rule(at)).collect();
            ready.retain(|at| !rules.contains(at));
            let batch = if let Some(&first) = ready.first() {
                vec![first]
            } else if all_rules && !rules.is_empty() {
                rules
            } else {
                break;
            };
            let results = match self.prepare(&mut guard, &batch).await {
                Ok(true) if is_rule(batch[0]) => self.work.bring_rules(&batch).await,
                Ok(true) => vec![(batch[0], self.work.bring(batch[0]).await)],
                Ok(false) => batch.iter().map(|&at| (at, ended(self.item(at), Fate::InPlace))).collect(),
                Err(error) => batch.iter().map(|&at| (at, ended(self.item(at), failed(&error)))).collect(),
            };
            for (at, result) in results {
                self.states[at] = State::Ended(result);
                round.push(at);
            }
        }
        if let Some(guard) = guard {
            self.confirmed(guard, &round).await;
        }
        !round.is_empty()
    }

    /// Makes sure that what is about to be changed can be undone; false when nothing is to be changed.
    async fn prepare(&mut self, guard: &mut Option<Guard>, batch: &[usize]) -> Result<bool, ResourceError> {
        let mut touched = false;
        for &at in batch {
            let item = &self.work.plan.items[at];
            let pending = self.work.pending(&item.id);
            if pending.is_none() && self.work.stands(item).await == Standing::InPlace {
                continue;
            }
            touched = true;
            if guard.is_none() {
                self.rounds += 1;
                let id = format!("{}-{}-{}", jiff::Timestamp::now().as_millisecond(), std::process::id(), self.rounds);
                *guard = Some(Guard::arm(&self.work.machine, &self.undo, &id, &self.agent).await?);
            }
            if let Some(guard) = guard.as_mut() {
                guard.keep(&self.work.machine, item).await?;
                if let Some(how) = pending {
                    guard.keep_poke(item, how)?;
                }
            }
        }
        Ok(touched)
    }

    async fn confirmed(&mut self, guard: Guard, round: &[usize]) {
        let failed_one = round.iter().any(|&at| matches!(&self.states[at], State::Ended(result) if !result.is_in_place()));
        if failed_one {
            return self.taken_back(guard, round, "one of these failed").await;
        }
        if !guard.is_armed() {
            return self.taken_back(guard, round, "these took too long").await;
        }
        self.work.feed.say("confirm", ProgressKind::Begin("a fresh connection has to come through".into()));
        // who asked may be gone: then nobody confirms, and everything is undone
        let _ = self.confirm.send(guard.id().to_owned()).await;
        let (fate, said) = match guard.wait(&self.work.machine).await {
            Ok(true) => (None, ProgressKind::Done),
            Ok(false) => (Some(Fate::Undone), ProgressKind::Failed("no fresh connection came: it was undone".into())),
            Err(error) => (Some(failed(&error)), ProgressKind::Failed(words(&error))),
        };
        self.work.feed.say("confirm", said);
        if let Some(fate) = fate {
            self.spoilt(round, &fate);
        }
    }

    /// Half of such a round is not for keeping, and nothing has to be tried to know it.
    async fn taken_back(&mut self, guard: Guard, round: &[usize], why: &str) {
        self.work.feed.say("undo", ProgressKind::Begin(format!("{why}: all of them are undone")));
        let fate = match guard.take_back(&self.work.machine).await {
            Ok(errors) if errors.is_empty() => Fate::Undone,
            Ok(errors) => failed_because(&errors.join("; ")),
            Err(error) => failed(&error),
        };
        self.work.feed.say("undo", ProgressKind::Done);
        self.spoilt(round, &fate);
    }

    fn spoilt(&mut self, round: &[usize], fate: &Fate) {
        for &at in round {
            let State::Ended(result) = &mut self.states[at] else { continue };
            if result.is_in_place() && result.is_touched() {
                result.fate = fate.clone();
            }
        }
    }

    fn item(&self, at: usize) -> &Item {
        &self.work.plan.items[at]
    }

    fn is_ready(&self, at: usize) -> bool {
        let in_place = |state: &State| matches!(state, State::Ended(result) if is_good(&result.fate));
        self.states[at] == State::Waits && self.edges[at].iter().all(|&before| in_place(&self.states[before]))
    }

    /// What comes after something that is not in place is not tried; nor is any rule when one is not.
    fn skip(&mut self) {
        loop {
            let mut more = Vec::new();
            for at in 0..self.states.len() {
                let bad = |before: &&usize| matches!(&self.states[**before], State::Ended(result) if !is_good(&result.fate));
                if self.states[at] == State::Waits
                    && let Some(&before) = self.edges[at].iter().find(bad)
                {
                    more.push((at, before));
                }
            }
            if let Some(&(skipped, before)) = more.iter().find(|(at, _)| matches!(self.item(*at).resource, Resource::Firewall(_)))
            {
                let rules = (0..self.states.len()).filter(|&at| at != skipped && self.states[at] == State::Waits);
                more.extend(rules.filter(|&at| matches!(self.item(at).resource, Resource::Firewall(_))).map(|at| (at, before)));
            }
            if more.is_empty() {
                return;
            }
            for (at, before) in more {
                let after = self.item(before).id.clone();
                self.states[at] = State::Ended(ended(self.item(at), Fate::Skipped { after }));
            }
        }
    }

    /// Looks at everything once more, when anything was changed: one item may have spoilt another.
    async fn finish(self) -> Result<Applied, DiskError> {
        let Self { work, states, .. } = self;
        let mut items: Vec<ItemResult> = work
            .plan
            .items
            .iter()
            .zip(states)
            .map(|(item, state)| match state {
                State::Ended(result) => result,
                State::Waits | State::Runs => ended(item, failed_because("it was not come to")),
            })
            .collect();
        if items.iter().any(|result| result.fate == Fate::Changed) {
            let all: Vec<&Item> = work.plan.items.iter().collect();
            let record = work.record().clone();
            let found = observe_some(&work.machine, &work.plan, &all, Some(&record)).await;
            for (result, (item, found)) in items.iter_mut().zip(all.iter().zip(&found)) {
                if let Standing::Differs(differences) = standing(&item.resource, found, hash::sha256)
                    && is_good(&result.fate)
                {
                    result.fate = failed_because(&format!("it was in place and is not any more: {}", said(&differences)));
                }
            }
        }
        let mut record = work.record().clone();
        record.complete = items.iter().all(|result| is_good(&result.fate));
        record.at = jiff::Timestamp::now().to_string();
        work.file.write(&record)?;
        Ok(Applied { version: record.version, items, event: None })
    }
}

impl Work {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self, id: &str) -> Option<OnChange> {
        self.record().pending.get(id).copied()
    }

    async fn stands(&self, item: &Item) -> Standing {
        let record = self.record().clone();
        let found = observe_some(&self.machine, &self.plan, &[item], Some(&record)).await;
        let found = found.into_iter().next().unwrap_or_else(|| Found::Unknown("it was not looked at".into()));
        standing(&item.resource, &found, hash::sha256)
    }

    /// One item: looks, puts right, looks again, pokes.
    async fn bring(&self, at: usize) -> ItemResult {
        let item = &self.plan.items[at];
        let (fate, fresh) = match self.stands(item).await {
            Standing::InPlace => (Fate::InPlace, false),
            Standing::Unknown(why) => (failed_because(&format!("it cannot be looked at: {why}")), false),
            Standing::Differs(differences) => {
                self.begin(item, &differences);
                let fate = match self.change(item).await {
                    Ok(fresh) => (self.verify(item).await, fresh),
                    Err(error) => (failed(&error), false),
                };
                self.end(item, &fate.0);
                fate
            }
        };
        self.poke(item, fate, fresh).await
    }

    /// Several packages. Where apt refuses them together, each is tried by itself, so that one does not
    /// stand for all.
    async fn bring_packages(&self, batch: &[usize]) -> Vec<(usize, ItemResult)> {
        let mut results = Vec::new();
        let mut due: Vec<(usize, &Item, &Package)> = Vec::new();
        for &at in batch {
            let item = &self.plan.items[at];
            let Resource::Package(package) = &item.resource else { continue };
            match self.stands(item).await {
                Standing::InPlace => results.push((at, ended(item, Fate::InPlace))),
                Standing::Unknown(why) => {
                    results.push((at, ended(item, failed_because(&format!("it cannot be looked at: {why}")))));
                }
                Standing::Differs(differences) => {
                    self.begin(item, &differences);
                    due.push((at, item, package));
                }
            }
        }
        let together: Vec<&Package> = due.iter().map(|(_, _, package)| *package).collect();
        let step = |id| Step { id, feed: &self.feed };
        let whole = match due.first() {
            Some((_, first, _)) => package::apply(&self.machine, step(&first.id), &together).await,
            None => Ok(()),
        };
        for &(at, item, package) in &due {
            let done = match &whole {
                Err(_) if due.len() > 1 => {
                    package::apply(&self.machine, step(&item.id), &[package]).await.map_err(|error| failed(&error))
                }
                Err(error) => Err(failed(error)),
                Ok(()) => Ok(()),
            };
            let fate = match done {
                Ok(()) => self.verify(item).await,
                Err(fate) => fate,
            };
            self.end(item, &fate);
            results.push((at, ended(item, fate)));
        }
        results
    }

    /// All rules.
    async fn bring_rules(&self, batch: &[usize]) -> Vec<(usize, ItemResult)> {
        let items: Vec<(usize, &Item)> = batch.iter().map(|&at| (at, &self.plan.items[at])).collect();
        let mut due = Vec::new();
        for (at, item) in &items {
            if let Standing::Differs(differences) = self.stands(item).await {
                self.begin(item, &differences);
                due.push(*at);
            }
        }
        let Some((_, first)) = items.first() else { return Vec::new() };
        let done = firewall::apply(&self.machine, Step { id: &first.id, feed: &self.feed }, &rules(&self.plan)).await;
        let mut results = Vec::new();
        for (at, item) in items {
            let fate = match &done {
                Err(error) => failed(error),
                Ok(()) => match self.verify(item).await {
                    Fate::Changed if !due.contains(&at) => Fate::InPlace,
                    fate => fate,
                },
            };
            if due.contains(&at) {
                self.end(item, &fate);
            }
            results.push((at, ended(item, fate)));
        }
        results
    }

    /// Puts one item right; true when a unit was started by it.
    async fn change(&self, item: &Item) -> Result<bool, ResourceError> {
        let (machine, step) = (&self.machine, Step { id: &item.id, feed: &self.feed });
        let accounts = machine.accounts()?;
        match &item.resource {
            Resource::Package(it) => package::apply(machine, step, &[it]).await?,
            Resource::Repository(it) => repository::apply(machine, it)?,
            Resource::File(it) => file::apply(machine, &accounts, it)?,
            Resource::Directory(it) => directory::apply(machine, &accounts, it)?,
            Resource::Link(it) => link::apply(machine, it)?,
            Resource::Group(it) => group::apply(machine, step, it).await?,
            Resource::User(it) => user::apply(machine, step, it).await?,
            Resource::Unit(it) => return unit::apply(machine, step, it).await,
            Resource::IniKeys(it) => ini_keys::apply(machine, it)?,
            Resource::Sysctl(it) => sysctl::apply(machine, it)?,
            Resource::Firewall(_) => firewall::apply(machine, step, &rules(&self.plan)).await?,
            Resource::Command(it) => {
                command::apply(machine, step, it).await?;
                self.remember_run(item)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn verify(&self, item: &Item) -> Fate {
        match self.stands(item).await {
            Standing::InPlace => Fate::Changed,
            Standing::Unknown(why) => failed_because(&format!("it cannot be looked at: {why}")),
            Standing::Differs(differences) => failed_because(&format!("it still is not as it shall be: {}", said(&differences))),
        }
    }

    /// Does what changes elsewhere mean for it, unless it has just been started anew anyhow.
    async fn poke(&self, item: &Item, fate: Fate, fresh: bool) -> ItemResult {
        let mut result = ended(item, fate);
        let Some(how) = self.pending(&item.id).filter(|_| is_good(&result.fate)) else { return result };
        let step = Step { id: &item.id, feed: &self.feed };
        if !fresh {
            self.feed.say(
                &item.id,
                ProgressKind::Begin(format!("{} {} {}", how.as_str(), item.resource.kind(), item.resource.name())),
            );
            let done = match &item.resource {
                Resource::Unit(it) => unit::poke(&self.machine, step, it, how).await,
                Resource::Command(it) => command::apply(&self.machine, step, it).await,
                _ => Ok(()),
            };
            match done {
                Ok(()) => result.poked = Some(how),
                Err(error) => result.fate = failed(&error),
            }
            self.end(item, &result.fate);
        }
        if is_good(&result.fate) {
            let mut record = self.record();
            record.pending.remove(&item.id);
            if let Err(error) = self.file.write(&record) {
                result.fate = failed_because(&words(&error));
            }
        }
        result
    }

    /// Says that it is changed, and remembers whom that concerns before anything happens.
    fn begin(&self, item: &Item, differences: &[Difference]) {
        let what = format!("{} {}: {}", item.resource.kind(), item.resource.name(), said(differences));
        self.feed.say(&item.id, ProgressKind::Begin(what));
        if item.notify.is_empty() {
            return;
        }
        let mut record = self.record();
        for notify in &item.notify {
            let how = record.pending.entry(notify.item.clone()).or_insert(notify.how);
            *how = (*how).max(notify.how);
        }
        if let Err(error) = self.file.write(&record) {
            tracing::warn!("whom a change concerns cannot be remembered: {}", words(&error));
        }
    }

    fn end(&self, item: &Item, fate: &Fate) {
        let kind = match fate {
            Fate::Failed { causes, .. } => ProgressKind::Failed(causes.join(": ")),
            _ => ProgressKind::Done,
        };
        self.feed.say(&item.id, kind);
    }

    fn remember_run(&self, item: &Item) -> Result<(), ResourceError> {
        let mut record = self.record();
        record.ran.insert(item.id.clone(), hash::sha256(item.canonical(hash::sha256).as_bytes()));
        Ok(self.file.write(&record)?)
    }
}

fn ended(item: &Item, fate: Fate) -> ItemResult {
    ItemResult { id: item.id.clone(), fate, poked: None }
}

fn is_package(item: &Item) -> bool {
    matches!(item.resource, Resource::Package(_))
}

fn is_good(fate: &Fate) -> bool {
    matches!(fate, Fate::InPlace | Fate::Changed)
}

fn failed(error: &ResourceError) -> Fate {
    let mut causes = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    Fate::Failed { causes, hint: error.hint(), log: error.log() }
}

fn failed_because(why: &str) -> Fate {
    Fate::Failed { causes: vec![why.to_owned()], hint: None, log: Vec::new() }
}

/// Differences in one line.
fn said(differences: &[Difference]) -> String {
    let one = |it: &Difference| format!("{} {} → {}", it.what, it.is, it.shall);
    differences.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
