//! The environment of an app: made here and nowhere else, for web, workers, hooks, checks, `run`
//! and `shell`. Nothing is inherited from the agent or the operator.
//!
//! | name | value |
//! |---|---|
//! | `SILVER_APP` | name of the app on this node |
//! | `SILVER_URL` | `http://<canonical location>[:port]`, or `https://…` on a server; no slash at the end; empty without a location |
//! | `SILVER_LOCATIONS` | all locations (`host[/path]`), separated by a space, the canonical one first |
//! | `SILVER_BASE_PATH` | path of the canonical location: empty or `/path`, no slash at the end |
//! | `SILVER_RELEASE` | label of the release |
//! | `SILVER_INSTANCE_DIR` | the release's instance view |
//! | `SILVER_DATA_DIR` | what the app writes |
//! | `SILVER_TREE_DIR` | the release's tree, also the working directory |
//! | `SILVER_ENV_DIR` | the interpreter's environment, where there is one |
//! | `SILVER_PHASE` | `serve`, `check`, `migrate`, `run`, … |
//! | `SILVER_STAGE` | `extra["stage"]` of the release, else `production` |
//! | `SILVER_SOCKET` or `PORT` | where a web process has to listen |
//! | `STATIC_URL` | `<base path>/static/<release>/`: far-future address of the assets |
//! | `HOME`, `TMPDIR` | of the app's own |
//! | `PATH` | the environment's programs first |
//! | `LANG` | `C.UTF-8` |
//! | `PYTHONDONTWRITEBYTECODE`, `PYTHONUNBUFFERED` | `1`: no interpreter writes into a release, and logs come at once |
//!
//! In the phase `assemble` (a build step, in its sandbox) the directories are those of the sandbox, the
//! label is `assemble`, and so is every secret.
//!
//! Then the release's own entries (`[[bind]] to = "env:NAME"` and the operator's `[env]`), which may
//! replace what has no `SILVER_` in its name; their `PATH` is put behind the environment's programs.

use crate::{apps::Placed, dirs::Dirs, endpoint::Endpoint};
use silver_plugin_api::plan::{EnvironmentEntry, Part, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where programs are looked for when nothing else is said.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// The port of a front that speaks HTTPS.
pub(crate) const HTTPS: u16 = 443;

/// The phase of build steps. They run in a sandbox with a tree of its own, before the release has a
/// label: paths are those of the sandbox, what contains the label is a stand-in.
pub(crate) const SANDBOX: &str = "assemble";

/// Why there is no environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A value names a fact that this phase does not have.
    #[error("there is no fact `{name}` here")]
    UnknownFact {
        /// The fact.
        name: String,
    },
    /// A value names a secret that does not exist.
    #[error("the secret `{name}` does not exist on this node")]
    UnknownSecret {
        /// The secret.
        name: String,
    },
    /// The release sets a name that is silver's own.
    #[error("`{name}` is set by silver and cannot be bound")]
    Reserved {
        /// The name.
        name: String,
    },
    /// `${NAME}` with a name that is not in the environment.
    #[error("`${{{name}}}` in `{argument}`: there is no such name in the environment")]
    UnknownName {
        /// The name.
        name: String,
        /// The argument that has it.
        argument: String,
    },
    /// `${NAME}` where the value holds a secret: every user could read it in the process list.
    #[error("`${{{name}}}` in `{argument}` would show a secret in the process list")]
    SecretArgument {
        /// The name.
        name: String,
        /// The argument that has it.
        argument: String,
    },
    /// `${` without `}`.
    #[error("`{argument}` has `${{` without `}}`")]
    Unclosed {
        /// The argument that has it.
        argument: String,
    },
}

impl EnvironmentError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFact { .. } => "bind one of the facts that `silver env` shows".into(),
            Self::UnknownSecret { name } => format!("give `{name}` under [secrets] in customize.toml and update again"),
            Self::Reserved { name } => format!("bind the value to another name than `{name}`"),
            Self::UnknownName { .. } => "`silver env` shows the names".into(),
            Self::SecretArgument { name, .. } => format!("let the program read `{name}` from its environment"),
            Self::Unclosed { .. } => return None,
        })
    }
}

/// What an environment is made from.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The node's directories.
    pub dirs: &'a Dirs,
    /// Port of the front.
    pub port: u16,
    /// The release.
    pub placed: &'a Placed,
    /// The app's secrets by name.
    pub secrets: &'a BTreeMap<String, String>,
    /// `SILVER_PHASE`.
    pub phase: &'a str,
    /// Where the process has to listen.
    pub endpoint: Option<&'a Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    value: String,
    masked: String,
    secret: bool,
    from: String,
}

/// An environment: names are unique and sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    entries: BTreeMap<String, Entry>,
    secrets: BTreeMap<String, String>,
}

impl Environment {
    /// Makes the environment of one process, hook or command.
    pub fn compose(context: &Context<'_>) -> Result<Self, EnvironmentError> {
        let mut made = Self { entries: BTreeMap::new(), secrets: context.secrets.clone() };
        let release = &context.placed.release;
        for (name, value) in facts(context) {
            made.entries.insert(name.into(), Entry { masked: value.clone(), value, secret: false, from: "silver".into() });
        }
        for (name, value) in &release.env {
            if name.starts_with("SILVER_") || name == "PORT" || name == "STATIC_URL" {
                return Err(EnvironmentError::Reserved { name: name.clone() });
            }
            let mut text = made.resolve(value)?;
            if name == "PATH"
                && let Some(bin) = bin(context)
            {
                text = format!("{}:{text}", bin.display());
            }
            let from = release.env_from(name).to_owned();
            let masked = if value.is_secret() { value.masked() } else { text.clone() };
            made.entries.insert(name.clone(), Entry { value: text, masked, secret: value.is_secret(), from });
        }
        Ok(made)
    }

    /// A value with facts and secrets filled in.
    pub fn resolve(&self, value: &Value) -> Result<String, EnvironmentError> {
        let mut text = String::new();
        for part in &value.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Fact(name) => match self.entries.get(name) {
                    Some(entry) if !entry.secret => text.push_str(&entry.value),
                    _ => return Err(EnvironmentError::UnknownFact { name: name.clone() }),
                },
                Part::Secret(name) => match self.secrets.get(name) {
                    Some(secret) => text.push_str(secret),
                    None => return Err(EnvironmentError::UnknownSecret { name: name.clone() }),
                },
            }
        }
        Ok(text)
    }

    /// `argv` with `${NAME}` replaced, and nothing else: there is no shell.
    pub fn arguments(&self, argv: &[String]) -> Result<Vec<String>, EnvironmentError> {
        argv.iter().map(|argument| self.argument(argument)).collect()
    }

    fn argument(&self, argument: &str) -> Result<String, EnvironmentError> {
        let mut text = String::new();
        let mut rest = argument;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| EnvironmentError::Unclosed { argument: argument.to_owned() })?;
            let entry = self
                .entries
                .get(name)
                .ok_or_else(|| EnvironmentError::UnknownName { name: name.to_owned(), argument: argument.to_owned() })?;
            if entry.secret {
                return Err(EnvironmentError::SecretArgument { name: name.to_owned(), argument: argument.to_owned() });
            }
            text.extend([before, &entry.value]);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(|entry| entry.value.as_str())
    }

    /// Names and values, for a process.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.value.as_str()))
    }

    /// For people: secrets masked, with where each comes from.
    pub fn masked(&self) -> Vec<EnvironmentEntry> {
        let shown = |(name, entry): (&String, &Entry)| EnvironmentEntry {
            name: name.clone(),
            value: entry.masked.clone(),
            from: entry.from.clone(),
        };
        self.entries.iter().map(shown).collect()
    }
}

/// `HOME` of an app.
pub fn home(dirs: &Dirs, app: &str) -> PathBuf {
    dirs.cache.join("apps").join(app).join("home")
}

/// `TMPDIR` of an app. Not below `run`, which often is memory.
pub fn temp(dirs: &Dirs, app: &str) -> PathBuf {
    dirs.cache.join("apps").join(app).join("tmp")
}

/// The address of a location, no slash at the end; with the front's port, unless it is the usual one of HTTP, or
/// of HTTPS, which is then meant.
pub fn url(location: &str, port: u16) -> String {
    let (host, path) = split_location(location);
    match port {
        80 => format!("http://{host}{path}"),
        HTTPS => format!("https://{host}{path}"),
        port => format!("http://{host}:{port}{path}"),
    }
}

/// Host and path of a location; the path is empty or `/path` without a slash at the end.
pub fn split_location(location: &str) -> (&str, &str) {
    let at = location.find('/').unwrap_or(location.len());
    let (host, path) = location.split_at(at);
    (host, path.trim_end_matches('/'))
}

fn bin(context: &Context<'_>) -> Option<PathBuf> {
    let spec = context.placed.release.environment.as_ref()?;
    Some(context.dirs.environment(&spec.id).join(&spec.bin))
}

fn facts(context: &Context<'_>) -> Vec<(&'static str, String)> {
    let Context { dirs, port, placed, phase, endpoint, .. } = *context;
    let (app, label, release) = (placed.app(), placed.label.as_str(), &placed.release);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let canonical = placed.locations.first().map_or("", String::as_str);
    let (_, base) = split_location(canonical);
    let mut facts = vec![
        ("SILVER_APP", app.to_owned()),
        ("SILVER_URL", if canonical.is_empty() { String::new() } else { url(canonical, port) }),
        ("SILVER_LOCATIONS", placed.locations.join(" ")),
        ("SILVER_BASE_PATH", base.to_owned()),
        ("SILVER_RELEASE", label.to_owned()),
        ("SILVER_INSTANCE_DIR", text(&dirs.instance(app, label))),
        ("SILVER_DATA_DIR", text(&dirs.data(app))),
        ("SILVER_TREE_DIR", text(&dirs.tree(app, label))),
        ("SILVER_PHASE", phase.to_owned()),
        ("SILVER_STAGE", release.extra.get("stage").map_or("production", String::as_str).to_owned()),
        ("STATIC_URL", format!("{base}/static/{label}/")),
        ("HOME", text(&home(dirs, app))),
        ("TMPDIR", text(&temp(dirs, app))),
        ("LANG", "C.UTF-8".to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("PATH", bin(context).map_or_else(|| SYSTEM_PATH.to_owned(), |bin| format!("{}:{SYSTEM_PATH}", bin.display()))),
    ];
    if phase == SANDBOX {
        let tree = "/silver/tree";
        let root = &release.layout_root;
        let instance = if root.is_root() { tree.to_owned() } else { format!("{tree}/{root}") };
        let here = [
            ("SILVER_TREE_DIR", tree.to_owned()),
            ("SILVER_INSTANCE_DIR", instance),
            ("SILVER_DATA_DIR", "/silver/data".to_owned()),
            ("HOME", "/tmp".to_owned()),
            ("TMPDIR", "/tmp".to_owned()),
        ];
        facts.retain(|(name, _)| here.iter().all(|(other, _)| other != name));
        facts.extend(here);
    }
    if let Some(spec) = &release.environment {
        facts.push(("SILVER_ENV_DIR", text(&dirs.environment(&spec.id))));
    }
    match endpoint {
        Some(Endpoint::Socket(path)) => facts.push(("SILVER_SOCKET", text(path))),
        Some(Endpoint::Port(port)) => facts.push(("PORT", port.to_string())),
        None => {}
    }
    facts
}

#[cfg(test)]
mod tests;
