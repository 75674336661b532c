//! Plan files: what `silver plan -o FILE` writes, somebody reads and approves, and `silver apply FILE`
//! carries out.
//!
//! The first line is `silver-plan 1 sha256:…`, the digest of all that follows: JSON with what was to
//! be deployed as it was given on the command line, and the plans. It holds no value of a secret.

use crate::{
    deploying::Deploying,
    error::{CommandError, Result},
    exit::Exit,
    operator,
};
use serde::{Deserialize, Serialize};
use silver_core::plan::{self, Plan};
use silver_pack::hash;
use silver_plugin_api::Digest;
use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

/// The first word of a plan file, and the version of its format.
const MAGIC: &str = "silver-plan 1 ";
/// The longest that is read: a plan that lists half a million files.
const LONGEST: u64 = 128 << 20;

/// What a plan file says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanFile {
    /// Who planned it, as claimed: `user@host`.
    pub planned_by: String,
    /// When, RFC 3339.
    pub planned_at: String,
    /// With which version of silver.
    pub silver: String,
    /// What was to be deployed, as it was given; paths are relative to where commands are run.
    pub deploying: Deploying,
    /// `--node`, as it was given.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// The plans, in the order in which they are carried out. Empty: there was nothing to do.
    pub plans: Vec<Plan>,
}

impl PlanFile {
    /// Who planned it, unless that is who is at the keyboard now.
    pub fn another_planner(&self) -> Option<&str> {
        (self.planned_by != operator::claimed()).then_some(self.planned_by.as_str())
    }

    /// Writes it, whole or not at all; returns the digest that is its first line's.
    pub fn write(&self, path: &Path) -> Result<Digest> {
        let mut body = serde_json::to_vec_pretty(self).map_err(|error| CommandError::new(Exit::Error, error))?;
        body.push(b'\n');
        let digest = hash::sha256(&body);
        let failed = |error: std::io::Error| CommandError::new(Exit::Error, format!("cannot write {}: {error}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(format!("{MAGIC}{digest}\n").as_bytes()).and_then(|()| file.write_all(&body)).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(digest)
    }

    /// Reads it, if it is as it was written.
    pub fn read(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let unreadable = |error| CommandError::usage(format!("cannot read {}: {error}", path.display()));
        let length = fs::metadata(path).map_err(unreadable)?.len();
        let no_plan =
            || CommandError::usage(format!("{} is not a plan file", path.display())).hint("`silver plan … -o FILE` makes one");
        if length > LONGEST {
            return Err(no_plan());
        }
        File::open(path).map_err(unreadable)?.take(LONGEST).read_to_string(&mut text).map_err(|_| no_plan())?;
        let (first, body) = text.split_once('\n').ok_or_else(no_plan)?;
        let stated: Digest = first.strip_prefix(MAGIC).and_then(|digest| digest.parse().ok()).ok_or_else(no_plan)?;
        let altered = || {
            CommandError::new(Exit::Integrity, format!("{} was altered after it was written", path.display()))
                .hint("make a new plan with `silver plan`, and have that approved")
        };
        if hash::sha256(body.as_bytes()) != stated {
            return Err(altered());
        }
        let file: Self = serde_json::from_str(body).map_err(|error| {
            CommandError::usage(format!("{} cannot be read by silver {}: {error}", path.display(), env!("CARGO_PKG_VERSION")))
                .hint("apply it with the version of silver that planned it, or plan again")
        })?;
        if file.plans.iter().any(|plan| plan.format != plan::FORMAT) { Err(altered()) } else { Ok(file) }
    }
}
