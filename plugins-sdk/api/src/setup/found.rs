//! What is there: how a node tells it.

use crate::digest::Digest;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What was found in the place of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoundItem {
    /// The item's id.
    pub id: String,
    /// What is there.
    pub found: Found,
    /// The text of a file that is not as it shall be, if everybody may read it and it is not long.
    #[serde(default)]
    pub text: Option<String>,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// It could not be looked at, and why.
    Unknown(String),
    /// A package.
    Package {
        /// The version that is installed.
        installed: Option<String>,
    },
    /// A repository.
    Repository {
        /// Its description.
        sources: Option<PathState>,
        /// Its key.
        key: Option<PathState>,
    },
    /// A file, directory or link.
    Path(Option<PathState>),
    /// A group.
    Group {
        /// Is it there?
        exists: bool,
    },
    /// A user.
    User(Option<UserState>),
    /// A unit.
    Unit(UnitState),
    /// Keys of a file.
    IniKeys {
        /// Is the file there?
        exists: bool,
        /// Those of the item's keys that it has.
        values: Vec<(String, String)>,
    },
    /// A setting of the kernel.
    Sysctl {
        /// Its value; `None`: this kernel does not have it.
        value: Option<String>,
        /// What is kept for the next start.
        kept: Option<String>,
    },
    /// A rule.
    Firewall {
        /// As it stands for the next start.
        rule: Option<String>,
        /// Does the kernel have it?
        loaded: Loaded,
    },
    /// A command.
    Command {
        /// Is there nothing to do?
        done: bool,
    },
}

/// Does the kernel have the rules as they stand?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loaded {
    /// Exactly these.
    Yes,
    /// None of silver's.
    No,
    /// Others.
    Altered,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PathState {
    /// What it is.
    pub kind: PathKind,
    /// Owner's name, or number where they have none.
    pub owner: String,
    /// Group's name or number.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
    /// Of a file: bytes.
    pub size: u64,
    /// Of a file: the digest of its content.
    pub digest: Option<Digest>,
    /// Of a link: where it leads.
    pub target: Option<String>,
}

/// What can lie at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A socket, a device, …
    Other,
}

/// A user as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UserState {
    /// Home.
    pub home: String,
    /// Shell.
    pub shell: String,
    /// Groups besides the first one.
    pub groups: Vec<String>,
    /// Lines of `~/.ssh/authorized_keys` that are no remarks.
    pub authorized_keys: Vec<String>,
}

/// A unit as it is; the words are systemd's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnitState {
    /// `loaded`, `not-found`, `masked`, …
    pub load: String,
    /// `enabled`, `disabled`, `static`, …; empty when there is no such unit.
    pub enabled: String,
    /// `active`, `inactive`, `failed`, …
    pub active: String,
    /// One of the type `oneshot` that has run without an error since the machine was started.
    pub ran: bool,
    /// The digest of `/etc/systemd/system/<name>`.
    pub content: Option<Digest>,
}
