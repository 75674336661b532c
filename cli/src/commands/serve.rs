//! `silver serve`: the edit, save, reload loop of whoever writes a pack or a customization.

use super::{pack::Pack, state::State, update::Update};
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    node,
};
use notify::{Event, RecursiveMode, Watcher};
use silver_core::{node::Node, plan::StateChange};
use silver_pack::{
    customization,
    manifest::{self, Manifest},
};
use silver_plugin_api::plan::{LogLine, LogQuery};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Editors write a file in several steps; what comes within this time belongs together.
const QUIET: Duration = Duration::from_millis(300);

/// Deploy a directory here for development, show its logs, and deploy it again whenever a file changes
///
/// The application is called NAME-dev, so that it has data and an address of its own. Ctrl-C
/// deactivates it; its data stay for the next time.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Directory with the pack.toml
    dir: PathBuf,
    /// The customization
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// Name of the application; default: NAME-dev
    #[arg(long)]
    name: Option<String>,
}

/// A change that Ctrl-C left to the node may take so long until the application can be deactivated.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two attempts at that.
const PAUSE: Duration = Duration::from_millis(200);

impl Serve {
    pub fn run(self, context: &Context) -> Result {
        context.interrupt.is_awaited()?;
        let app = match &self.name {
            Some(name) => name.clone(),
            None => format!("{}-dev", self.manifest()?.pack.name),
        };
        let (tell, mut changes) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // looking at a file is not a change; nobody listens any more once the command ends
            if event.is_ok_and(|event| !event.kind.is_access()) {
                tell.send(()).ok();
            }
        })
        .map_err(|error| CommandError::new(Exit::Error, error))?;
        let bases = self.customize.as_ref().map(|dir| customization::directories(dir)).transpose()?;
        for dir in bases.iter().flatten().chain([&self.dir]) {
            watcher.watch(dir, RecursiveMode::Recursive).map_err(|error| CommandError::new(Exit::Error, error))?;
        }
        let mut deployed = false;
        loop {
            // a mistake in what is being edited is shown, and the next change may mend it
            match self.deploy(context, &app) {
                Ok(_) => deployed = true,
                Err(error) => {
                    // an update that was interrupted after it was submitted is finished by the node
                    deployed |= error.exit == Exit::Interrupted;
                    context.ui.error(&error);
                }
            }
            context.ui.note("waiting for changes; Ctrl-C ends");
            if !context.block_on(until_changed(context, &app, deployed, &mut changes))? {
                break;
            }
        }
        context.interrupt.forget();
        if deployed {
            deactivate(context, &app)?;
        }
        Ok(Exit::Done)
    }

    fn manifest(&self) -> Result<Manifest> {
        let path = self.dir.join("pack.toml");
        let text = fs::read_to_string(&path).map_err(|error| {
            CommandError::usage(format!("cannot read `{}`: {error}", path.display())).hint("give a directory with a pack.toml")
        })?;
        Ok(manifest::parse(&text, &path.display().to_string())?)
    }

    fn deploy(&self, context: &Context, app: &str) -> Result {
        let folder = context.dirs()?.cache.join("serve");
        fs::create_dir_all(&folder)?;
        let zip = folder.join(format!("{app}.zip"));
        Pack::for_development(&self.dir, &zip).run(context)?;
        Update::for_development(app, &zip, self.customize.as_deref()).run(&context.assuming_yes())
    }
}

/// Waits for a change that is still under way.
fn deactivate(context: &Context, app: &str) -> Result {
    let began = Instant::now();
    loop {
        match State::of(app).run(context, StateChange::Deactivate) {
            Err(error) if error.exit == Exit::Locked && began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            // interrupted before anything was there
            Err(error) if error.exit == Exit::Usage => return Ok(Exit::Done),
            done => return done,
        }
    }
}

/// Shows the logs until a file changes (true) or the person interrupts (false).
async fn until_changed(context: &Context, app: &str, deployed: bool, changes: &mut mpsc::UnboundedReceiver<()>) -> Result<bool> {
    let node = node::connect(context)?;
    let (sender, mut lines) = mpsc::channel::<LogLine>(256);
    let logs = async {
        if deployed {
            let query = LogQuery { app: app.to_owned(), process: None, lines: 0, follow: true };
            node.logs(query, sender).await?;
        }
        std::future::pending::<Result<bool>>().await
    };
    let show = async {
        while let Some(line) = lines.recv().await {
            context.ui.line(&format!("{} | {}", line.process, line.text));
        }
        std::future::pending::<Result<bool>>().await
    };
    tokio::select! {
        failed = logs => failed,
        never = show => never,
        () = context.interrupt.pressed() => Ok(false),
        change = changes.recv() => {
            while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {}
            Ok(change.is_some())
        }
    }
}
