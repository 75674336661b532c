//! The machine that resources are brought about on.

use super::{Accounts, Place, ResourceError};
use crate::{
    feed::Feed,
    stage::program::{self, ProgramError},
    store::Store,
};
use silver_plugin_api::{plan::ProgressKind, setup::Content};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{process::Command, sync::watch, time::timeout};

/// Where programs are found, whatever the environment of who started the agent says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A question to a program takes at most so long.
const QUESTION: Duration = Duration::from_mins(1);
/// So many bytes of a file are read where its text is needed.
pub(crate) const MAX_TEXT: u64 = 8 << 20;

/// The machine: its root and what silver keeps there.
#[derive(Clone)]
pub(crate) struct Machine {
    root: PathBuf,
    store: Option<Arc<Store>>,
}

/// An item whose work is reported.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) id: &'a str,
    pub(crate) feed: &'a Feed,
}

impl Machine {
    /// This machine; contents by digest come from the store.
    pub(crate) fn new(store: Option<Arc<Store>>) -> Self {
        Self { root: "/".into(), store }
    }

    /// One whose files lie below `root`; programs are this machine's all the same.
    #[cfg(test)]
    pub(crate) fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), store: None }
    }

    /// Where its files begin.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path; `None` when its directory is not there.
    pub(crate) fn place(&self, path: &str) -> Result<Option<Place>, ResourceError> {
        Place::find(&self.root, path, false)
    }

    /// A path whose directory is made when it is missing.
    pub(crate) fn made(&self, path: &str) -> Result<Place, ResourceError> {
        let place = Place::find(&self.root, path, true)?;
        place.ok_or_else(|| ResourceError::Other(format!("the directory of {path} cannot be made")))
    }

    /// Users and groups.
    pub(crate) fn accounts(&self) -> Result<Accounts, ResourceError> {
        Ok(Accounts::read(&self.root)?)
    }

    /// The bytes of a content.
    pub(crate) fn bytes<'a>(&self, content: &'a Content) -> Result<Cow<'a, [u8]>, ResourceError> {
        match content {
            Content::Inline(bytes) => Ok(Cow::Borrowed(bytes)),
            Content::Blob(digest) => {
                let read = self.store.as_ref().and_then(|store| store.registry().objects().read(digest).ok());
                read.map(Cow::Owned).ok_or(ResourceError::NoBlob(*digest))
            }
            Content::Asset(_) | Content::Secret(_) => Err(ResourceError::Other("its content is not known here".into())),
        }
    }

    /// What a program answers, however it ends; an error when it cannot be started.
    pub(crate) async fn ask(&self, argv: &[&str]) -> Result<Output, ResourceError> {
        let failed = |ended: String| ResourceError::Program { program: argv.join(" "), ended, log: Vec::new() };
        let mut command = command(argv);
        let asked = timeout(QUESTION, command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
        asked
            .map_err(|_| failed(format!("took longer than {} s", QUESTION.as_secs())))?
            .map_err(|error| failed(format!("cannot be started: {error}")))
    }

    /// What a program prints that has to succeed.
    pub(crate) async fn text(&self, argv: &[&str]) -> Result<String, ResourceError> {
        let output = self.ask(argv).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let log = said.lines().rev().take(20).map(Into::into).collect::<Vec<_>>().into_iter().rev().collect();
        Err(ResourceError::Program { program: argv.join(" "), ended: format!("ended with {}", output.status), log })
    }

    /// Runs a program that does something; what it says is progress.
    pub(crate) async fn run(&self, step: Step<'_>, argv: &[&str]) -> Result<(), ResourceError> {
        self.run_with(step, argv, &[], Duration::from_mins(30)).await
    }

    /// As [`Self::run`], with more of an environment and a bound.
    pub(crate) async fn run_with(
        &self,
        step: Step<'_>,
        argv: &[&str],
        env: &[(String, String)],
        within: Duration,
    ) -> Result<(), ResourceError> {
        let failed = |ended: String, log: Vec<String>| ResourceError::Program { program: argv.join(" "), ended, log };
        let (_never, mut cancel) = watch::channel(false);
        let mut command = command(argv);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        match program::run(&mut command, step.id, within, step.feed, &mut cancel).await {
            Ok(()) => Ok(()),
            Err(ProgramError::Start(error)) => Err(failed(format!("cannot be started: {error}"), Vec::new())),
            Err(ProgramError::Failed { how, log }) => Err(failed(how, log)),
            Err(ProgramError::GivenUp) => Err(failed("was given up".into(), Vec::new())),
        }
    }
}

impl Step<'_> {
    /// Says a line about it.
    pub(crate) fn say(&self, line: impl Into<String>) {
        self.feed.say(self.id, ProgressKind::Line(line.into()));
    }
}

fn command(argv: &[&str]) -> Command {
    let (program, arguments) = argv.split_first().unwrap_or((&"", &[]));
    let found = crate::process::find_program(program, PATH, Path::new("/")).unwrap_or_else(|| PathBuf::from(program));
    let mut command = Command::new(found);
    let env = [("PATH", PATH), ("LC_ALL", "C.UTF-8"), ("HOME", "/root"), ("DEBIAN_FRONTEND", "noninteractive")];
    command.args(arguments).env_clear().envs(env).current_dir("/");
    command
}
