//! One action of a plan.

use super::{Means, keys};
use crate::{
    apps::{AppFailure, Placed, Route},
    barrier, checkpoint, data,
    disk::{remove_dir, words},
    journal::Journal,
    prune, recover, state, trash,
};
use silver_plugin_api::plan::{Action, AppState, ProgressKind, Release};
use std::{error::Error, sync::Arc, time::Duration};

/// Does an action as a step.
pub(super) async fn act(means: Means<'_>, journal: &Journal, step: &str, action: &Action) -> Result<(), AppFailure> {
    Worker { means, journal, step, undoing: false }.act(action).await
}

/// Does an action of an undo list.
pub(super) async fn undo(means: Means<'_>, journal: &Journal, step: &str, action: &Action) -> Result<(), AppFailure> {
    Worker { means, journal, step, undoing: true }.act(action).await
}

struct Worker<'a> {
    means: Means<'a>,
    journal: &'a Journal,
    step: &'a str,
    undoing: bool,
}

impl Worker<'_> {
    async fn act(&self, action: &Action) -> Result<(), AppFailure> {
        let (dirs, apps, app) = (self.means.dirs, self.means.apps, self.app());
        let says = |line: &str| self.means.feed.say(self.step, ProgressKind::Line(line.to_owned()));
        match action {
            Action::CloseWrites { hold_ms } => apps.close(app, Duration::from_millis(*hold_ms)).await,
            Action::OpenWrites => apps.open(app).await,
            Action::Checkpoint { id, recipe } => {
                let (dirs, app, id, recipe) = (dirs.clone(), app.to_owned(), id.clone(), recipe.clone());
                blocking(move || checkpoint::take(&dirs, &app, &id, &recipe)).await
            }
            Action::RestoreCheckpoint { id } => self.restore(id).await,
            Action::MakeState => {
                let (dirs, placed) = (dirs.clone(), self.new_release()?);
                blocking(move || data::make(&dirs, &placed)).await
            }
            Action::RemoveState => self.remove_state(),
            Action::MakeSecrets => apps.make_secrets(&self.new_release()?).await,
            Action::SetKeys { file, format, owned, set } => {
                keys::set(self.means, self.journal, &self.new_release()?, file, *format, owned, set)
            }
            Action::RestoreKeys { file } => keys::restore(self.means, self.journal, file),
            Action::Run { name, hook } => {
                apps.hook(&self.new_release()?, name, hook, &says).await?;
                if name == "init" { self.has_data() } else { Ok(()) }
            }
            Action::Start { label, check } => apps.start(&self.placed(label)?, *check).await,
            Action::Stop { label, check } => apps.stop(app, label, *check).await,
            Action::Check(check) => apps.check(&self.new_release()?, check, &says).await,
            Action::Ready { label, probe, check } => apps.ready(&self.placed(label)?, *check, probe, &says).await,
            Action::Switch { label } => self.switch(label.as_deref()).await,
            Action::SetLocations { locations } => self.set_locations(locations).await,
            Action::Probe(access) => apps.probe(app, access).await,
            Action::Barrier { timeout_ms } => {
                barrier::wait(dirs, &self.journal.transition().id, Duration::from_millis(*timeout_ms)).await
            }
            Action::Open => Ok(()),
            Action::Drain { label, timeout_ms } => apps.drain(app, label, Duration::from_millis(*timeout_ms)).await,
            Action::SetDisabled(disabled) => self.set_state(if *disabled { AppState::Disabled } else { AppState::Active }).await,
            Action::SetDeactivated(gone) => self.set_state(if *gone { AppState::Deactivated } else { AppState::Active }).await,
            Action::RemoveRelease { label } => self.remove_release(label),
            Action::Prune { keep } => {
                let (dirs, app, keep) = (dirs.clone(), app.to_owned(), *keep);
                let under = self.under();
                blocking(move || prune::prune(&dirs, &app, keep, &under)).await
            }
        }
    }

    fn app(&self) -> &str {
        &self.journal.transition().app
    }

    /// The release that the transition brings; when the release stays, the current one.
    fn new_release(&self) -> Result<Placed, AppFailure> {
        if let Some((label, release)) = &self.journal.transition().release {
            return Ok(self.at(label, Arc::new(release.clone())));
        }
        let current = state::load(self.means.dirs, self.app()).map_err(failure)?.current;
        self.placed(&current.ok_or_else(|| AppFailure::new(format!("{} has no current release", self.app())))?)
    }

    fn placed(&self, label: &str) -> Result<Placed, AppFailure> {
        match &self.journal.transition().release {
            Some((new, release)) if new == label => Ok(self.at(label, Arc::new(release.clone()))),
            _ => {
                let file = state::release(self.means.dirs, self.app(), label).map_err(failure)?;
                Ok(self.at(label, Arc::new(file.release)))
            }
        }
    }

    fn at(&self, label: &str, release: Arc<Release>) -> Placed {
        Placed { label: label.to_owned(), release, locations: self.journal.transition().locations.clone() }
    }

    /// A checkpoint that was never finished was followed by no change of the data.
    async fn restore(&self, id: &str) -> Result<(), AppFailure> {
        let taking = self.journal.transition().steps.iter().find(|step| is_checkpoint(&step.action, id));
        let unfinished = taking.is_some_and(|step| !recover::is_done(self.journal.lines(), &step.id));
        if self.undoing && unfinished {
            return Ok(());
        }
        let (dirs, app, id) = (self.means.dirs.clone(), self.app().to_owned(), id.to_owned());
        blocking(move || checkpoint::restore(&dirs, &app, &id)).await
    }

    fn remove_state(&self) -> Result<(), AppFailure> {
        let dirs = self.means.dirs;
        let mut file = state::load(dirs, self.app()).map_err(failure)?;
        file.has_data = false;
        state::save(dirs, &file).map_err(failure)?;
        trash::discard(dirs, &dirs.data(self.app())).map_err(failure)?;
        trash::discard(dirs, &dirs.secrets(self.app())).map_err(failure)?;
        Ok(())
    }

    fn has_data(&self) -> Result<(), AppFailure> {
        let mut file = state::load(self.means.dirs, self.app()).map_err(failure)?;
        file.has_data = true;
        state::save(self.means.dirs, &file).map_err(failure)
    }

    async fn switch(&self, label: Option<&str>) -> Result<(), AppFailure> {
        let mut file = state::load(self.means.dirs, self.app()).map_err(failure)?;
        file.current = label.map(str::to_owned);
        file.state = match (label, file.state) {
            (None, _) => AppState::Absent,
            (Some(_), AppState::Absent) => AppState::Active,
            (Some(_), state) => state,
        };
        self.publish(&file).await
    }

    async fn set_locations(&self, locations: &[String]) -> Result<(), AppFailure> {
        let mut file = state::load(self.means.dirs, self.app()).map_err(failure)?;
        file.locations = locations.to_vec();
        self.publish(&file).await
    }

    /// Processes are there before requests are let to them, and go after requests are kept from them.
    async fn set_state(&self, state: AppState) -> Result<(), AppFailure> {
        let mut file = state::load(self.means.dirs, self.app()).map_err(failure)?;
        file.state = state;
        let Some(current) = file.current.clone() else { return self.publish(&file).await };
        if state == AppState::Active {
            let placed = self.placed(&current)?;
            self.means.apps.start(&placed, false).await?;
            self.publish(&file).await
        } else {
            self.publish(&file).await?;
            self.means.apps.stop(self.app(), &current, false).await
        }
    }

    /// First the file, which a restart reads, then the front.
    async fn publish(&self, file: &state::AppFile) -> Result<(), AppFailure> {
        state::save(self.means.dirs, file).map_err(failure)?;
        let current = file.current.as_deref().map(|label| self.placed(label)).transpose()?;
        let current = current.map(|placed| Placed { locations: file.locations.clone(), ..placed });
        let (app, locations) = (file.app.clone(), file.locations.clone());
        let route = Route { app, state: file.state, locations, current, undoing: self.undoing };
        self.means.apps.route(route).await
    }

    fn remove_release(&self, label: &str) -> Result<(), AppFailure> {
        let dirs = self.means.dirs;
        let mut file = state::load(dirs, self.app()).map_err(failure)?;
        if file.current.as_deref() == Some(label) {
            return Err(AppFailure::new(format!("{label} is current and cannot be removed")));
        }
        file.releases.retain(|kept| kept.label != label);
        state::save(dirs, &file).map_err(failure)?;
        trash::discard(dirs, &dirs.release(self.app(), label)).map_err(failure)?;
        // sockets and rendered files are made again at every start, and on another file system
        remove_dir(&dirs.run_release(self.app(), label)).map_err(failure)
    }

    fn under(&self) -> prune::Under {
        let new = self.journal.transition().release.as_ref().map(|(label, _)| label.clone());
        prune::Under { new, previous: self.journal.beginning().previous.clone() }
    }
}

fn is_checkpoint(action: &Action, wanted: &str) -> bool {
    matches!(action, Action::Checkpoint { id, .. } if id == wanted)
}

pub(super) fn failure(error: impl Error) -> AppFailure {
    AppFailure::new(words(&error))
}

/// Work on many files does not hold up the others.
async fn blocking<E: Error + Send + 'static>(work: impl FnOnce() -> Result<(), E> + Send + 'static) -> Result<(), AppFailure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(failure),
        Err(error) => Err(AppFailure::new(format!("silver's agent failed: {error}"))),
    }
}
