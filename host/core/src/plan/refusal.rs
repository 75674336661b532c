//! Why there is no plan.

/// The planner refuses; nothing has changed. Each names the thing and has a way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The name belongs to another application.
    #[error("`{app}` is an application of pack `{theirs}`, not of `{ours}`")]
    OtherPack {
        /// Name on the node.
        app: String,
        /// Pack id that has the name.
        theirs: String,
        /// Pack id that was given.
        ours: String,
    },
    /// The publisher's key is another one.
    #[error("the packs of `{app}` are signed with the key {theirs}, this one with {ours}")]
    OtherKey {
        /// Name on the node.
        app: String,
        /// Key of what runs.
        theirs: String,
        /// Key of what was given.
        ours: String,
    },
    /// The publisher signed so far.
    #[error("the packs of `{app}` are signed with the key {theirs}, this one is not signed")]
    Unsigned {
        /// Name on the node.
        app: String,
        /// Key of what runs.
        theirs: String,
    },
    /// An older version.
    #[error("`{app}` runs {current}, the pack is older: {wanted}")]
    Downgrade {
        /// Name on the node.
        app: String,
        /// Version that runs.
        current: String,
        /// Version that was given.
        wanted: String,
    },
    /// Too old to be updated in one step.
    #[error("`{app}` runs {current}; {wanted} can only replace {least} or later")]
    TooOld {
        /// Name on the node.
        app: String,
        /// Version that runs.
        current: String,
        /// Version that was given.
        wanted: String,
        /// `min-upgradable-version`.
        least: String,
    },
    /// Another application answers there.
    #[error("location `{location}` is taken by `{by}`")]
    LocationTaken {
        /// Location.
        location: String,
        /// The other application.
        by: String,
    },
    /// A location that is not one.
    #[error("`{location}` is not a location: {why}")]
    BadLocation {
        /// As given.
        location: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The application cannot live below a path.
    #[error("`{app}` cannot answer below a path, as `{location}` asks for")]
    Subpath {
        /// Name on the node.
        app: String,
        /// Location.
        location: String,
    },
    /// Another change is under way.
    #[error("a change of `{app}` is under way (`{id}`)")]
    Running {
        /// Name on the node.
        app: String,
        /// Transition.
        id: String,
    },
    /// Not enough room.
    #[error("node `{node}` has {free} bytes free, the release needs {needed}")]
    NoRoom {
        /// Node.
        node: String,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// Unknown application.
    #[error("there is no application `{app}` on node `{node}`")]
    NoApp {
        /// Name.
        app: String,
        /// Node.
        node: String,
    },
    /// Nothing to go back to.
    #[error("`{app}` has no release before {current}")]
    NothingBefore {
        /// Name.
        app: String,
        /// Label.
        current: String,
    },
    /// The release is not on the node, or not one that the current one replaced.
    #[error("`{app}` cannot go back to `{label}`: it is not among the releases that {current} replaced")]
    NotBefore {
        /// Name.
        app: String,
        /// Label asked for.
        label: String,
        /// Label that is current.
        current: String,
    },
    /// The data cannot be put back.
    #[error("`{label}` changed the data so that older releases do not understand them, and its checkpoint is gone")]
    NoCheckpoint {
        /// The release that changed them.
        label: String,
    },
    /// The interpreter's environment of a release is gone.
    #[error("the environment of `{label}` is not on the node any more")]
    NoEnvironment {
        /// The release that would run in it.
        label: String,
    },
    /// The state does not allow it.
    #[error("`{app}` is {state}")]
    State {
        /// Name.
        app: String,
        /// `disabled`, `deactivated`.
        state: &'static str,
        /// The command that comes first.
        first: &'static str,
    },
    /// A plugin could not say what a checkpoint consists of.
    #[error("no checkpoint of `{app}` can be planned: {why}")]
    Backup {
        /// Name.
        app: String,
        /// The plugin's words.
        why: String,
    },
}

impl Refusal {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OtherPack { app, .. } => format!(
                "deploy it under another name: `--name=NAME`; if it is to replace {app}: `silver keys trust PACK --app={app}`"
            ),
            Self::OtherKey { app, .. } | Self::Unsigned { app, .. } => format!(
                "ask the publisher, by another way than the pack came; if it is the publisher's own: `silver keys trust PACK --app={app}`"
            ),
            Self::Downgrade { .. } => {
                "`silver rollback` goes back to what ran before; `--allow-downgrade` deploys the older pack on the newer data"
                    .into()
            }
            Self::TooOld { least, .. } => format!("update to a version from {least} on first"),
            Self::LocationTaken { .. } => "give another location: `silver update PACK HOST[/PATH]`".into(),
            Self::BadLocation { .. } => "a location is HOST[/PATH], for example `trac.localhost` or `example.org/trac`".into(),
            Self::Subpath { .. } => "give it a host of its own".into(),
            Self::Running { app, .. } => format!("`silver status {app}` shows how far it is"),
            Self::NoRoom { .. } => "make room, or prune old releases".into(),
            Self::NoApp { .. } => "`silver status` lists the applications".into(),
            Self::NothingBefore { app, .. } | Self::NotBefore { app, .. } => {
                format!("`silver releases {app}` lists what there is")
            }
            Self::NoEnvironment { .. } => "update to the pack of that release with `--allow-downgrade`: it is built anew".into(),
            Self::NoCheckpoint { .. } => "update to a release that understands the data instead".into(),
            Self::State { app, first, .. } => format!("run `silver {first} {app}` first"),
            Self::Backup { .. } => return None,
        })
    }
}
