//! The registry's event of a finished transition, and of what else is worth remembering.

use crate::{
    checkpoint,
    dirs::Dirs,
    facts,
    journal::{Journal, Start},
    observe, packages,
    recover::is_done,
    resources, secrets, state,
    store::{Store, StoreError},
};
use async_trait::async_trait;
use silver_plugin_api::{
    Digest,
    plan::{Action, Outcome, Publisher, Transition, TransitionKind, TrustRequest},
    setup::{Applied, SetupOrder},
};
use silver_registry::{
    Event, Record, Statement,
    statement::{Lost, NodeIdentity, Operator, Previous, Redacted, Session, SetUp, Trusted},
};
use std::{fs, path::Path, sync::Arc};

/// So many of the newest events are looked at to see whether a transition is recorded already: it can
/// only be when the agent was ended between two lines of its journal.
const LOOK_BACK: u64 = 64;

/// What the journal tells about a transition that has ended.
#[derive(Debug, Clone)]
pub struct Story {
    /// Plan, previous release, drift.
    pub start: Start,
    /// When it began, milliseconds since 1970.
    pub began: i64,
    /// The checkpoint that was taken.
    pub checkpoint: Option<String>,
    /// The checkpoint that was put back as the plan says (not on the way back).
    pub restored: Option<String>,
}

impl Story {
    pub(crate) fn of(journal: &Journal) -> Self {
        let done = |wanted: &dyn Fn(&Action) -> Option<String>| {
            let steps = &journal.transition().steps;
            steps.iter().find_map(|step| wanted(&step.action).filter(|_| is_done(journal.lines(), &step.id)))
        };
        let taken = |action: &Action| if let Action::Checkpoint { id, .. } = action { Some(id.clone()) } else { None };
        let restored = |action: &Action| if let Action::RestoreCheckpoint { id } = action { Some(id.clone()) } else { None };
        Self {
            start: journal.beginning().clone(),
            began: journal.lines().first().map_or(0, |line| line.at),
            checkpoint: done(&taken),
            restored: done(&restored),
        }
    }
}

/// An event could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The registry refused.
    #[error("the event cannot be recorded")]
    Store(#[from] StoreError),
    /// The agent itself failed.
    #[error("recording was ended in the middle")]
    Ended,
}

/// Takes the event of a transition that has ended; the same transition twice gives the same event.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// Its index in the log.
    async fn record(&self, story: &Story, outcome: &Outcome) -> Result<u64, RecordError>;
}

/// Writes to the registry of this node.
#[derive(Debug, Clone)]
pub struct RegistryRecorder {
    dirs: Dirs,
    store: Arc<Store>,
    /// Where programs are found, as in `PATH`.
    path: String,
    /// The SSH key of whoever asks, if it was seen.
    key: Option<String>,
}

impl RegistryRecorder {
    /// Writes to `store`. Interpreters are found in `path`, as in `PATH`.
    pub fn new(dirs: Dirs, store: Arc<Store>, path: impl Into<String>) -> Self {
        Self { dirs, store, path: path.into(), key: None }
    }

    /// The same, for somebody who has logged in with this key.
    #[must_use]
    pub fn seeing(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// Records that a program was run or a shell opened.
    pub async fn session(
        &self,
        app: &str,
        operator: &str,
        reason: Option<&str>,
        session: Session,
        began: i64,
    ) -> Result<u64, RecordError> {
        let event = if session.argv.is_empty() { Event::Shell(session) } else { Event::Run(session) };
        let record = Record { reason: reason.map(Into::into), ..self.event(app, operator, began, event) };
        self.append(record).await
    }

    /// Records that an operator accepts another publisher for an app.
    pub async fn trust(&self, request: &TrustRequest, former: Option<Publisher>, began: i64) -> Result<u64, RecordError> {
        let Publisher { pack, key } = request.publisher.clone();
        let trusted = Trusted { what: "publisher".into(), key, trusted: true, grants: Vec::new(), pack: Some(pack), former };
        let event = Event::Trust(trusted);
        let record = Record { reason: request.reason.clone(), ..self.event(&request.app, &request.operator, began, event) };
        self.append(record).await
    }

    /// Records that content of former releases is about to go.
    pub async fn redacted(&self, app: &str, operator: &str, digests: &[Digest]) -> Result<u64, RecordError> {
        let event = Event::Redact(Redacted { digests: digests.to_vec() });
        let now = jiff::Timestamp::now().as_millisecond();
        let reason = Some("content that no release on the node has any more".to_owned());
        self.append(Record { reason, ..self.event(app, operator, now, event) }).await
    }

    /// Records that the machine was set up, and what of it was changed.
    pub async fn setup(&self, order: &SetupOrder, applied: &Applied, began: i64) -> Result<u64, RecordError> {
        let changed = applied.items.iter().filter(|item| item.is_touched()).map(|item| item.id.clone()).collect();
        let event = Event::Setup(SetUp { plan: Some(applied.version), changed });
        self.append(Record { app: None, reason: order.reason.clone(), ..self.event("", &order.operator, began, event) }).await
    }

    /// An event, with what goes without saying.
    fn event(&self, app: &str, operator: &str, began: i64, event: Event) -> Record {
        Record {
            node: node(&self.dirs),
            app: Some(app.into()),
            by: Operator { claimed: operator.into(), key: self.key.clone(), signature: None },
            reason: None,
            started: time(began),
            ended: jiff::Timestamp::now().to_string(),
            client_time: None,
            silver: env!("CARGO_PKG_VERSION").into(),
            client_silver: None,
            event,
        }
    }

    async fn append(&self, record: Record) -> Result<u64, RecordError> {
        let store = Arc::clone(&self.store);
        let appended = tokio::task::spawn_blocking(move || store.append(&Statement::new(record)));
        Ok(appended.await.map_err(|_| RecordError::Ended)??)
    }

    /// What the node observed, added to what plan and outcome say.
    fn change(&self, story: &Story, outcome: &Outcome) -> silver_registry::Change {
        let transition = &story.start.transition;
        let app = &transition.app;
        let mut change = silver_registry::Change::of(transition, outcome);
        change.drift.clone_from(&story.start.drift);
        change.checkpoint.clone_from(&story.checkpoint);
        change.previous = story.start.previous.as_ref().and_then(|label| self.previous(app, label));
        change.verified = self.verified(transition, outcome);
        change.packages =
            transition.release.as_ref().map(|(_, release)| packages::of(&self.dirs, release, &self.path)).unwrap_or_default();
        if let (Some(release), Some((_, value))) = (&mut change.release, &transition.release)
            && let Ok(generations) = secrets::generations(&self.dirs, app, &value.secrets)
        {
            for secret in &mut release.secrets {
                secret.generation = generations.get(&secret.name).map_or(0, |number| u64::from(*number));
            }
        }
        let lost =
            story.restored.as_ref().filter(|_| transition.kind == TransitionKind::Rollback && outcome.failed_step.is_none());
        change.lost = lost.and_then(|id| {
            let from = checkpoint::read(&self.dirs, app, id).ok()?.created;
            Some(Lost { from, to: time(story.began) })
        });
        change
    }

    fn previous(&self, app: &str, label: &str) -> Option<Previous> {
        let release = state::release(&self.dirs, app, label).ok()?.release;
        Some(Previous { label: label.to_owned(), id: release.id, tree: release.tree })
    }

    /// The digest of the release that is current now, read back from the disk.
    fn verified(&self, transition: &Transition, outcome: &Outcome) -> Option<Digest> {
        let (label, _) = transition.release.as_ref()?;
        if outcome.current.as_ref() != Some(label) {
            return None;
        }
        observe::digest_of(&self.dirs.tree(&transition.app, label)).ok().flatten()
    }

    fn recorded(&self, id: &str) -> Result<Option<u64>, StoreError> {
        let newest = self.store.newest(LOOK_BACK)?;
        let is_it = |event: &Event| event.change().is_some_and(|change| change.transition == id);
        Ok(newest.into_iter().find(|event| is_it(&event.statement.record().event)).map(|event| event.index))
    }
}

#[async_trait]
impl Recorder for RegistryRecorder {
    async fn record(&self, story: &Story, outcome: &Outcome) -> Result<u64, RecordError> {
        let transition = &story.start.transition;
        let (this, story, outcome) = (self.clone(), story.clone(), outcome.clone());
        let told = transition.deployment.clone();
        let (app, kind, id) = (transition.app.clone(), transition.kind, transition.id.clone());
        let work = move || -> Result<u64, StoreError> {
            if let Some(index) = this.recorded(&id)? {
                return Ok(index);
            }
            let event = Event::of_transition(kind, this.change(&story, &outcome));
            let record = Record {
                reason: told.reason,
                client_time: Some(told.client_time).filter(|time| !time.is_empty()),
                client_silver: Some(told.silver).filter(|version| !version.is_empty()),
                by: Operator { claimed: told.operator.clone(), key: story.start.key.clone(), signature: told.signature },
                ..this.event(&app, &told.operator, story.began, event)
            };
            this.store.append(&Statement::new(record))
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(|_| RecordError::Ended)??)
    }
}

/// The node as it knows itself.
fn node(dirs: &Dirs) -> NodeIdentity {
    let name = facts::name(dirs);
    if !dirs.is_server() {
        return NodeIdentity { name, ..NodeIdentity::default() };
    }
    let setup = resources::last(dirs).ok().flatten().map(|last| last.version);
    NodeIdentity { name, host_key: host_key(&dirs.config.with_file_name("ssh/ssh_host_ed25519_key.pub")), setup }
}

/// A public key of sshd, without its comment.
fn host_key(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut words = text.split_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?))
}

fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string()
}
