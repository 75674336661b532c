//! The front of a server: Caddy, steered through its admin API.
//!
//! Caddy's configuration holds *rules*; what is served under them is found through links (`places`). An update whose rules
//! are those of the release before is one rename of a link, and Caddy is not told: its taking a new
//! configuration closes idle connections and WebSockets of all apps. When the rules change, the new configuration leads through a link of
//! its own to the new release, so every request is answered by old rules from the old release or by new rules from the new one.
//!
//! Nothing is kept in memory but the gates that this agent has closed. Agents take turns by a lock; a change of
//! one app leaves what all others have as it is.

mod access_log;
mod api;
mod ask;
mod config;
mod gate;
mod inside;
mod json;
mod links;
mod outside;
mod places;
mod settings;
mod site;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use access_log::{access_line, access_log};
pub use api::ApiError;
pub use config::ConfigError;
pub use settings::{Settings, SettingsError, Tls};

use crate::{
    apps::{AppFailure, Placed, Route},
    dirs::Dirs,
    disk::{DiskError, read_optional, write_atomic},
    failure::because,
    front::{Directory, Source, directories, place},
    lock::{self, LockError},
    state,
    systemd::Door,
};
use api::Api;
use async_trait::async_trait;
use gate::{Closed, Gate};
use links::Links;
use places::Places;
use serde_json::Value;
use silver_plugin_api::{
    TreePath,
    plan::{Access, AppState},
};
use site::{Assets, Ground, Shown, Site};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// An agent has the configuration for moments; Caddy gets a minute for one.
const TURN: Duration = Duration::from_mins(2);
/// When a gate closes, those who are inside get so long to end; streams that have no end would otherwise use up the time
/// for which new requests are held.
const PATIENCE: Duration = Duration::from_secs(10);
/// A page is waited for so long.
const PAGE: Duration = Duration::from_secs(10);

/// Caddy.
#[derive(Debug)]
pub struct Caddy {
    dirs: Dirs,
    places: Places,
    settings: Settings,
    api: Api,
    /// Gates that this agent has closed.
    closed: Mutex<BTreeMap<String, Closed>>,
}

/// What Caddy is configured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    /// With what silver has made, which may be nothing yet.
    Ours,
    /// With what somebody else wants, which is left alone.
    Others,
    /// It is away.
    Nothing,
}

/// The front could not be made to do it.
#[derive(Debug, thiserror::Error)]
enum CaddyError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    State(#[from] state::StateError),
    #[error("the front's configuration")]
    Lock(#[from] LockError),
    #[error(transparent)]
    Location(#[from] crate::front::RouteError),
}

impl CaddyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Api(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Disk(error) => error.hint(),
            Self::State(_) | Self::Location(_) | Self::Lock(_) => None,
        }
    }
}

impl Caddy {
    /// The front of the server with these directories.
    pub fn new(dirs: Dirs, settings: Settings) -> Self {
        let places = Places::of(&dirs);
        let api = Api::new(places.admin.clone());
        Self { dirs, places, settings, api, closed: Mutex::default() }
    }

    async fn do_route(&self, route: &Route) -> Result<(), CaddyError> {
        let _turn = self.turn().await?;
        let app = route.app.as_str();
        let links = Links::of(&self.places, app);
        let routed = matches!(route.state, AppState::Active | AppState::Disabled);
        let locations = route.locations.iter().filter(|_| routed).map(|location| place(location));
        let shown = match (route.state, &route.current) {
            (AppState::Disabled, _) => Shown::Disabled,
            (_, Some(placed)) => {
                Shown::Release { release: &placed.release, assets: self.assets(placed)?, outside: self.outside(placed) }
            }
            (_, None) => Shown::Nothing,
        };
        let site = Site { app, places: locations.collect::<Result<_, _>>()?, shown };
        let (front, releases) = (self.places.app(app), self.dirs.releases(app));
        let ground = Ground { front: &front, releases: &releases, settings: &self.settings };
        let rules = site.rules(ground);
        let (existing, caddy) = match self.api.config().await {
            Err(ApiError::Away { path, source }) => (self.starts_with()?.ok_or(ApiError::Away { path, source })?, Has::Nothing),
            config => {
                let config = config?;
                match config::own(&config) {
                    Err(foreign) if route.undoing => (self.starts_with()?.ok_or(foreign)?, Has::Others),
                    _ => (config, Has::Ours),
                }
            }
        };
        let wanted = config::with(&existing, &site, &rules, ground, &self.places)?;

        let gate = Gate::of(&self.dirs, &self.places, app);
        let served = route.current.as_ref().filter(|_| route.state == AppState::Active);
        let open = gate.is_open();
        if routed && open {
            gate.open(None)?;
        }
        if let Some(placed) = served {
            links.place(&self.dirs, &self.places.public, placed)?;
            // rules that nobody follows yet; those that are followed change with the link, below
            if links.current().as_ref() != Some(&rules) {
                links.switch(&rules, &placed.label, open)?;
            }
        }
        if wanted != existing && caddy == Has::Ours {
            self.api.load(&wanted).await?;
        }
        // also when Caddy has it already: whoever was killed in between has left the file behind
        if self.starts_with()?.as_ref() != Some(&wanted) {
            let text = serde_json::to_vec_pretty(&wanted).unwrap_or_default();
            write_atomic(&self.places.config, &text, 0o644)?;
        }
        if let Some(placed) = served {
            links.switch(&rules, &placed.label, open)?;
            links.configured(&self.dirs, app, &rules)?;
            if open {
                links.lead_late(&placed.label, |other| self.answers_for(placed, other))?;
            } else {
                links.switch_all(&placed.label)?;
            }
        } else if !routed {
            links.remove()?;
        }
        if caddy == Has::Nothing {
            // it may have started meanwhile, with what was there before
            match self.api.config().await {
                Err(ApiError::Away { .. }) => {}
                config => {
                    if config? != wanted {
                        self.api.load(&wanted).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The configuration that Caddy starts with. While it is away, changes are made there: whoever undoes one, or starts
    /// applications before it, need not wait for it. So it is when one is undone that what somebody else has configured was in
    /// the way of.
    fn starts_with(&self) -> Result<Option<Value>, CaddyError> {
        let Some(bytes) = read_optional(&self.places.config)? else { return Ok(None) };
        // half of one is none: then it is for Caddy to say what is wrong
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Can it answer for a former release, under the rules of that one? They name directories by number.
    fn answers_for(&self, placed: &Placed, former: &str) -> bool {
        let former = state::release(&self.dirs, placed.app(), former);
        former.is_ok_and(|former| directories(&former.release) == directories(&placed.release))
    }

    /// Links that lead out of its static directories, for each.
    fn outside(&self, placed: &Placed) -> Vec<Vec<String>> {
        let tree = self.dirs.tree(placed.app(), &placed.label);
        let links = |directory: &Directory| match &directory.source {
            Source::Tree(path) => outside::links(&tree.join(path.as_str())),
            Source::State(_) => Vec::new(), // the mount follows none
        };
        directories(&placed.release).iter().map(links).collect()
    }

    /// The asset directories of the release, and those of former ones that have others: pages that were served
    /// before the switch still ask for them.
    fn assets(&self, placed: &Placed) -> Result<Vec<Assets>, CaddyError> {
        let outside = |label: &str, dirs: &[TreePath]| {
            let tree = self.dirs.tree(placed.app(), label);
            let mut links = Vec::new();
            for dir in dirs {
                links.extend(outside::links(&tree.join(dir.as_str())).iter().map(|link| format!("{dir}/{link}")));
            }
            links
        };
        let dirs = &placed.release.assets;
        let ours = outside(&placed.label, dirs);
        let mut others: BTreeMap<String, Assets> = BTreeMap::new();
        for kept in state::load(&self.dirs, placed.app())?.releases.iter().filter(|kept| kept.label != placed.label) {
            let Ok(file) = state::release(&self.dirs, placed.app(), &kept.label) else { continue }; // it is gone
            let theirs = file.release.assets;
            let links = outside(&kept.label, &theirs);
            if theirs != *dirs || links != ours {
                let key = format!("{theirs:?} {links:?}");
                let assets = Assets { labels: Vec::new(), dirs: theirs, outside: links };
                others.entry(key).or_insert(assets).labels.push(kept.label.clone());
            }
        }
        let mut all: Vec<Assets> = others.into_values().collect();
        all.push(Assets { labels: Vec::new(), dirs: dirs.clone(), outside: ours });
        Ok(all)
    }

    /// Closes a gate; who is inside gets so long to end.
    pub(crate) async fn shut(&self, app: &str, hold: Duration, patience: Duration) -> Result<(), AppFailure> {
        let closed = Gate::of(&self.dirs, &self.places, app).close(hold, patience).await?;
        self.closed().insert(app.to_owned(), closed);
        Ok(())
    }

    /// How many wait at a gate that was closed here.
    #[cfg(test)]
    pub(crate) fn held(&self, app: &str) -> usize {
        self.closed().get(app).map_or(0, Closed::held)
    }

    /// As if the process that closed it had been killed.
    #[cfg(test)]
    pub(crate) fn forget(&self, app: &str) {
        self.closed().remove(app);
    }

    /// One agent at a time changes the configuration.
    async fn turn(&self) -> Result<lock::Lock, CaddyError> {
        let path = self.dirs.short_lock("front");
        let until = Instant::now() + TURN;
        loop {
            match lock::take(&path, "an agent") {
                Err(LockError::Busy(_)) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(10)).await,
                taken => return Ok(taken?),
            }
        }
    }

    fn closed(&self) -> MutexGuard<'_, BTreeMap<String, Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Door for Caddy {
    async fn route(&self, route: &Route) -> Result<(), AppFailure> {
        let failed = |error: CaddyError| because(&format!("the front of `{}`", route.app), &error, error.hint());
        self.do_route(route).await.map_err(failed)
    }

    async fn close(&self, app: &str, hold: Duration) -> Result<(), AppFailure> {
        self.shut(app, hold, hold.min(PATIENCE)).await
    }

    async fn open(&self, app: &str) -> Result<(), AppFailure> {
        let closed = self.closed().remove(app);
        let opened = Gate::of(&self.dirs, &self.places, app).open(closed.as_ref());
        opened.map_err(|error| because(&format!("the gate of `{app}`"), &error, error.hint()))
    }

    async fn probe(&self, release: &Placed, access: &Access) -> Result<(), AppFailure> {
        ask::ask(&self.places.inside, &self.settings, release, access, PAGE).await.map_err(AppFailure::new)
    }

    async fn inside(&self, _app: &str, label: &str) -> usize {
        inside::count(&gate::web(&self.dirs, label)).unwrap_or_else(|error| {
            tracing::error!(label, %error, "cannot see who is inside");
            0
        })
    }
}
