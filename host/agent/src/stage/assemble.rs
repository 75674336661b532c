//! `[[assemble]]`: a build step between merge and release, in a sandbox, with the files that it asked
//! for, in the app's environment with the runtime's. What it makes is kept in the registry, and
//! which files those are under a key that covers everything that could make a difference, so that
//! it is run once.
//!
//! In the sandbox `SILVER_TREE_DIR` is `/silver/tree`, a writable copy of the inputs that is thrown
//! away, and the working directory; `SILVER_DATA_DIR` is empty. What is known only later has
//! stand-ins: secrets, the release's label and what contains it. `SOURCE_DATE_EPOCH` is set, and
//! there is no network.

mod cache;
mod interpreter;

use super::{
    Means, StageError, environment,
    program::{self, ProgramError},
    staging, tree,
};
use crate::{
    apps::Placed,
    dirs::Dirs,
    disk::{At, make_dir},
    environment::{Context, Environment, EnvironmentError as NoEnvironment, SANDBOX},
    lock::{self, With},
    store::Store,
    trash,
};
use silver_pack::{
    globs, hash,
    limits::Limits,
    listing::Listing,
    sandbox::{self, Sandbox},
    snapshot::{CaptureError, Snapshot},
};
use silver_plugin_api::{
    Digest, TreePath,
    plan::{Assembly, ProgressKind, Release},
};
use std::{ffi::OsStr, path::Path, sync::Arc, time::Duration};
use tokio::{process::Command, sync::watch};

/// Changed when the way a step is run changes.
const RECIPE: u32 = 1;
/// Times of files are those of zips: 1 January 1980.
const EPOCH: &str = "315532800";
/// What the step is called in progress.
const STEP: &str = "stage:assemble";

/// Why a step was not done. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// This machine cannot sandbox.
    #[error("the build step `{command}` runs in a sandbox, which this machine does not have")]
    NoSandbox {
        /// Program and arguments.
        command: String,
    },
    /// It failed.
    #[error("the build step `{command}` {how}")]
    Failed {
        /// Program and arguments.
        command: String,
        /// How it ended.
        how: String,
        /// The last of what it said: data, to be escaped.
        log: Vec<String>,
    },
    /// It made nothing.
    #[error("the build step `{command}` made no file in `{outputs}`")]
    Nothing {
        /// Program and arguments.
        command: String,
        /// Where it should have.
        outputs: TreePath,
    },
    /// What it made cannot be part of a release.
    #[error("what the build step `{command}` made cannot be part of a release")]
    Capture {
        /// Program and arguments.
        command: String,
        /// Why.
        #[source]
        source: CaptureError,
    },
    /// Its environment cannot be made.
    #[error("the build step `{command}` has no environment")]
    Environment {
        /// Program and arguments.
        command: String,
        /// Why.
        #[source]
        source: NoEnvironment,
    },
    /// The release has no such step, or the files that came with the request are no tree.
    #[error("the request for a build step makes no sense: {0}")]
    Request(String),
}

impl AssembleError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSandbox { .. } => Some(sandbox::HINT.to_owned()),
            Self::Nothing { .. } => Some("the pack's author should look at `outputs` of the step".into()),
            Self::Environment { source, .. } => source.hint(),
            Self::Capture { source, .. } => source.hint(),
            Self::Failed { .. } | Self::Request(_) => None,
        }
    }
}

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The release; its tree may still be without what its steps make.
    pub release: Arc<Release>,
    /// Locations it will have.
    pub locations: Vec<String>,
    /// Which of its steps.
    pub step: usize,
    /// The files of the tree that the step and the environment are made from.
    pub files: Listing,
    /// Port of the front, part of the app's address.
    pub port: u16,
}

/// What the step makes, by path in the release's tree: from an earlier time or, when `run`, made
/// now. `None`: it would have to be run.
pub async fn assemble(means: Means<'_>, parts: &Parts, run: bool) -> Result<Option<Listing>, StageError> {
    let step = parts.release.assemble.get(parts.step);
    let step = step.ok_or_else(|| AssembleError::Request(format!("step {} of {}", parts.step, parts.release.assemble.len())))?;
    let globs = globs::compile(&step.inputs).map_err(|error| AssembleError::Request(error.to_string()))?;
    let mut inputs = Listing::new();
    for (path, node) in parts.files.iter().filter(|(path, _)| globs.is_match(path.as_str())) {
        inputs.insert(path.clone(), *node).map_err(|error| AssembleError::Request(error.to_string()))?;
    }
    let command = step.command.join(" ");
    let environment = environment_of(means.dirs, parts);
    let failed = |source| AssembleError::Environment { command: command.clone(), source };
    let environment = environment.map_err(failed)?;
    let argv = environment.arguments(&step.command).map_err(failed)?;
    let key = key(&inputs, &argv, &environment, step, &parts.release);
    if let Some(found) = cache::find(means.dirs, means.store, &key)? {
        return Ok(Some(found));
    }
    if !run {
        return Ok(None);
    }
    let _staging = staging(means.dirs).await?;
    // one at a time: a step may take all of the machine
    let _one_at_a_time = lock::wait(&means.dirs.short_lock("assembling"), With::Nobody).await?;
    let work = means.dirs.assembled().join(format!(".{}.new", key.hex()));
    let made = make(&means, parts, step, &inputs, &argv, &environment, &work).await;
    trash::discard(means.dirs, &work)?;
    trash::reap(means.dirs)?;
    let made = made?;
    cache::keep(means.dirs, &key, &made)?;
    Ok(Some(made))
}

/// Everything that could make a difference, but for what the machine's own programs do.
fn key(inputs: &Listing, argv: &[String], environment: &Environment, step: &Assembly, release: &Release) -> Digest {
    let variables: Vec<(&str, &str)> = environment.iter().collect();
    let interpreter = release.environment.as_ref().map(|environment| environment.id);
    let all = serde_json::json!([RECIPE, inputs.digest(), argv, variables, interpreter, step.outputs]);
    hash::sha256(all.to_string().as_bytes())
}

fn environment_of(dirs: &Dirs, parts: &Parts) -> Result<Environment, NoEnvironment> {
    let stand_in = |secret: &silver_plugin_api::plan::Secret| (secret.name.clone(), "assemble".to_owned());
    let secrets = parts.release.secrets.iter().map(stand_in).collect();
    let placed = Placed { label: "assemble".into(), release: Arc::clone(&parts.release), locations: parts.locations.clone() };
    let context = Context { dirs, port: parts.port, placed: &placed, secrets: &secrets, phase: SANDBOX, endpoint: None };
    Environment::compose(&context)
}

async fn make(
    means: &Means<'_>,
    parts: &Parts,
    step: &Assembly,
    inputs: &Listing,
    argv: &[String],
    environment: &Environment,
    work: &Path,
) -> Result<Listing, StageError> {
    let (dirs, feed) = (means.dirs, means.feed);
    let command = step.command.join(" ");
    trash::discard(dirs, work)?;
    make_dir(work)?;
    if let Some(spec) = &parts.release.environment
        && !dirs.environment(&spec.id).join(".complete").is_file()
    {
        let source = work.join("source");
        write(means, &parts.files, &source).await?;
        environment::build(dirs, spec, &source, means.path, feed, means.cancel.clone()).await?;
    }
    feed.say(STEP, ProgressKind::Begin(format!("run `{command}`")));
    let (tree, data) = (work.join("tree"), work.join("data"));
    write(means, inputs, &tree).await?;
    make_dir(&data)?;
    make_dir(&tree.join(step.outputs.as_str()))?;
    let mut sandbox = Sandbox::new().write(&tree, "/silver/tree").write(&data, "/silver/data").directory("/silver/tree");
    if let Some(spec) = &parts.release.environment {
        let place = dirs.environment(&spec.id);
        for path in interpreter::outside(&place, &place.join(&spec.bin)) {
            sandbox = sandbox.read(&path, &path);
        }
        sandbox = sandbox.read(&place, &place);
    }
    for (name, value) in environment.iter() {
        sandbox = sandbox.env(name, value);
    }
    sandbox = sandbox.env("SOURCE_DATE_EPOCH", EPOCH);

    let mut cancel = means.cancel.clone();
    demand_sandbox(means, &command, &mut cancel).await?;
    let timeout = Duration::from_millis(step.timeout_ms);
    program::run(&mut prepared(&sandbox.argv(argv), means.path), STEP, timeout, feed, &mut cancel).await.map_err(|error| {
        match error {
            ProgramError::GivenUp => StageError::GivenUp,
            ProgramError::Start(_) => AssembleError::NoSandbox { command: command.clone() }.into(),
            ProgramError::Failed { how, log } => AssembleError::Failed { command: command.clone(), how, log }.into(),
        }
    })?;
    let (store, outputs) = (Arc::clone(means.store), step.outputs.clone());
    let from = tree.join(step.outputs.as_str());
    let taken = tokio::task::spawn_blocking(move || take(&store, &from, &outputs, &command));
    let made = taken.await.unwrap_or(Err(StageError::GivenUp))?;
    feed.say(STEP, ProgressKind::Done);
    Ok(made)
}

/// A step's own failure is told apart from that of a machine that cannot sandbox.
async fn demand_sandbox(means: &Means<'_>, command: &str, cancel: &mut watch::Receiver<bool>) -> Result<(), StageError> {
    let patience = Duration::from_mins(1);
    match program::run(&mut prepared(&sandbox::probe(), means.path), STEP, patience, means.feed, cancel).await {
        Ok(()) => Ok(()),
        Err(ProgramError::GivenUp) => Err(StageError::GivenUp),
        Err(_) => Err(AssembleError::NoSandbox { command: command.to_owned() }.into()),
    }
}

fn prepared(argv: &[std::ffi::OsString], path: &str) -> Command {
    let mut command = Command::new(argv.first().map_or(OsStr::new(sandbox::PROGRAM), std::ffi::OsString::as_os_str));
    command.args(argv.iter().skip(1)).env_clear().env("PATH", path).current_dir("/");
    command
}

/// Writes files of the registry, as a release has them; the directories stay writable.
async fn write(means: &Means<'_>, files: &Listing, to: &Path) -> Result<(), StageError> {
    let (store, files, to, cancel) = (Arc::clone(means.store), files.clone(), to.to_owned(), means.cancel.clone());
    let work = move || tree::write(&files, store.registry().objects(), &to, tree::How::Copy, &|_, _| {}, &|| *cancel.borrow());
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StageError::GivenUp))
}

/// Takes what was made into the registry; its paths in the release's tree.
fn take(store: &Store, from: &Path, outputs: &TreePath, command: &str) -> Result<Listing, StageError> {
    let capture = |source| AssembleError::Capture { command: command.to_owned(), source };
    let made = Snapshot::capture_if(from, &Limits::default(), &|_| true).map_err(capture)?;
    if made.listing().is_empty() {
        return Err(AssembleError::Nothing { command: command.to_owned(), outputs: outputs.clone() }.into());
    }
    let mut listing = Listing::new();
    for (path, node) in made.listing().iter() {
        if !store.registry().objects().has(&node.digest) {
            let mut content = made.blobs().open(&node.digest).at("read what was made in", from)?;
            store.put_blob(&mut content, &node.digest)?;
        }
        let path = outputs.join(path).map_err(|error| AssembleError::Request(error.to_string()))?;
        listing.insert(path, *node).map_err(|error| AssembleError::Request(error.to_string()))?;
    }
    Ok(listing)
}
