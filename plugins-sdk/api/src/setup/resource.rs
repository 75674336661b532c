//! The kinds of resources.

use super::Content;
use crate::plan::FileFormat;
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Something that shall be so on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// A package of the distribution.
    Package(Package),
    /// Where packages come from.
    Repository(Repository),
    /// A file.
    File(File),
    /// A directory.
    Directory(Directory),
    /// A symbolic link.
    Link(Link),
    /// A group of users.
    Group(Group),
    /// A user.
    User(User),
    /// A unit of systemd.
    Unit(Unit),
    /// Keys of a file that others write, too.
    IniKeys(IniKeys),
    /// A setting of the kernel.
    Sysctl(Sysctl),
    /// A port that may be reached.
    Firewall(Firewall),
    /// What nothing else can say.
    Command(Command),
}

/// There or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It shall be there.
    #[default]
    Present,
    /// It shall not be there.
    Absent,
}

/// A package of the distribution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// Name.
    pub name: String,
    /// Exact version, if it matters; else any will do.
    pub version: Option<String>,
    /// There or not.
    #[serde(default)]
    pub state: Presence,
}

/// A repository of packages: `/etc/apt/sources.list.d/<name>.sources` and its key in `/etc/apt/keyrings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repository {
    /// Names its files.
    pub name: String,
    /// Address.
    pub uri: String,
    /// `bookworm`; a path that ends with `/` for one without components.
    pub suite: String,
    /// `main`, …
    pub components: Vec<String>,
    /// The key that its lists are signed with, armoured or not.
    pub key: Content,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct File {
    /// Absolute path on the node.
    pub path: String,
    /// Content.
    pub content: Content,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
    /// There or not.
    #[serde(default)]
    pub state: Presence,
}

/// A directory; what is in it is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Directory {
    /// Absolute path on the node. Those above it are made when they are missing, as root's and 0755.
    pub path: String,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    /// Absolute path on the node.
    pub path: String,
    /// Where it leads, as it is written in the link.
    pub target: String,
    /// There or not.
    #[serde(default)]
    pub state: Presence,
}

/// A group of users, in `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// Name.
    pub name: String,
    /// Made as one of the system's? One that exists is taken as it is.
    pub system: bool,
    /// There or not.
    #[serde(default)]
    pub state: Presence,
}

/// A user, in `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct User {
    /// Name.
    pub name: String,
    /// Made as one of the system's? One that exists is taken as it is.
    pub system: bool,
    /// Home; `None`: whatever it is. It is made for users that are not the system's only.
    pub home: Option<String>,
    /// Shell; `None`: whatever it is.
    pub shell: Option<String>,
    /// Groups besides the first one; more than these are left alone.
    pub groups: Vec<String>,
    /// Exactly the lines of `~/.ssh/authorized_keys`, in any order; none: the file is not looked at.
    pub authorized_keys: Vec<String>,
    /// There or not. The home of a user who goes stays.
    #[serde(default)]
    pub state: Presence,
}

/// A unit of systemd.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unit {
    /// With its ending: `caddy.service`.
    pub name: String,
    /// `/etc/systemd/system/<name>`; `None`: a package brings it. When it changes, a unit that runs is restarted.
    pub content: Option<Content>,
    /// Started with the machine?
    pub enabled: bool,
    /// Running now? One of the type `oneshot`: run without an error since the machine was started?
    pub running: bool,
}

/// Keys of a file that others write, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IniKeys {
    /// Absolute path on the node. A file that is missing is made, as root's and 0644.
    pub path: String,
    /// How it is written.
    pub format: FileFormat,
    /// Dotted key, value.
    pub entries: Vec<(String, String)>,
    /// Keys that are removed when `entries` has no value for them.
    pub owned: Vec<String>,
}

/// A setting of the kernel, now and (`/etc/sysctl.d/60-silver-<key>.conf`) after each start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sysctl {
    /// `vm.swappiness`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A port that may be reached. As soon as a plan has one, what no rule allows is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Firewall {
    /// Names the rule.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Addresses and networks that may reach it; none: all.
    pub sources: Vec<String>,
    /// Allowed or not.
    #[serde(default)]
    pub state: Presence,
}

/// What a port belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A command. It is run when `creates` is missing or `unless` fails; with neither, once for each version
/// of it, and when it is poked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Command {
    /// Program and arguments; no shell.
    pub argv: Vec<String>,
    /// As whom; `None`: root.
    pub user: Option<String>,
    /// Ends with 0 where there is nothing to do. It only looks: it is run to see what there is to do.
    pub unless: Option<Vec<String>>,
    /// A path that is there when there is nothing to do.
    pub creates: Option<String>,
    /// Added to a minimal environment.
    pub env: Vec<(String, String)>,
    /// Ended after so long; 0: ten minutes.
    pub timeout_seconds: u32,
}

impl Resource {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Package(_) => "package",
            Self::Repository(_) => "repository",
            Self::File(_) => "file",
            Self::Directory(_) => "directory",
            Self::Link(_) => "link",
            Self::Group(_) => "group",
            Self::User(_) => "user",
            Self::Unit(_) => "unit",
            Self::IniKeys(_) => "ini-keys",
            Self::Sysctl(_) => "sysctl",
            Self::Firewall(_) => "firewall",
            Self::Command(_) => "command",
        }
    }

    /// What it is about: a path, a name, a command line. Of one kind no two items may have the same.
    pub fn name(&self) -> String {
        match self {
            Self::Package(it) => it.name.clone(),
            Self::Repository(it) => it.name.clone(),
            Self::File(it) => it.path.clone(),
            Self::Directory(it) => it.path.clone(),
            Self::Link(it) => it.path.clone(),
            Self::Group(it) => it.name.clone(),
            Self::User(it) => it.name.clone(),
            Self::Unit(it) => it.name.clone(),
            Self::IniKeys(it) => it.path.clone(),
            Self::Sysctl(it) => it.key.clone(),
            Self::Firewall(it) => it.name.clone(),
            Self::Command(it) => it.argv.join(" "),
        }
    }

    /// Shall it be there?
    pub const fn presence(&self) -> Presence {
        match self {
            Self::Package(it) => it.state,
            Self::File(it) => it.state,
            Self::Link(it) => it.state,
            Self::Group(it) => it.state,
            Self::User(it) => it.state,
            Self::Firewall(it) => it.state,
            Self::Repository(_) | Self::Directory(_) | Self::Unit(_) | Self::IniKeys(_) | Self::Sysctl(_) | Self::Command(_) => {
                Presence::Present
            }
        }
    }
}

impl Repository {
    /// Where its key lies.
    pub fn key_path(&self) -> String {
        let armoured = matches!(&self.key, Content::Inline(bytes) if bytes.starts_with(b"-----BEGIN"));
        format!("/etc/apt/keyrings/{}.{}", self.name, if armoured { "asc" } else { "gpg" })
    }

    /// Where its description lies.
    pub fn sources_path(&self) -> String {
        format!("/etc/apt/sources.list.d/{}.sources", self.name)
    }

    /// Its description, in the format of sources.list(5) that is called deb822.
    pub fn sources(&self) -> String {
        let components = match self.components.join(" ") {
            none if none.is_empty() => none,
            some => format!("Components: {some}\n"),
        };
        let (uri, suite, key) = (&self.uri, &self.suite, self.key_path());
        format!("Types: deb\nURIs: {uri}\nSuites: {suite}\n{components}Signed-By: {key}\n")
    }
}

impl Unit {
    /// Where its content lies.
    pub fn path(&self) -> String {
        format!("/etc/systemd/system/{}", self.name)
    }
}

impl Sysctl {
    /// Where it is kept over a start.
    pub fn path(&self) -> String {
        format!("/etc/sysctl.d/60-silver-{}.conf", self.key)
    }

    /// What stands there.
    pub fn line(&self) -> String {
        format!("{} = {}\n", self.key, self.value)
    }
}

impl Firewall {
    /// The rule as nft reads it: a line for each family of addresses that it is about.
    pub fn rule(&self) -> String {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        let line = |from: &str| format!("{from}{protocol} dport {} accept comment \"{}\"\n", self.port, self.name);
        if self.sources.is_empty() {
            return line("");
        }
        let family = |wanted: bool, word: &str| {
            let mut some: Vec<&str> =
                self.sources.iter().map(String::as_str).filter(|source| source.contains(':') == wanted).collect();
            some.sort_unstable();
            some.dedup();
            if some.is_empty() { String::new() } else { line(&format!("{word} saddr {{ {} }} ", some.join(", "))) }
        };
        family(false, "ip") + &family(true, "ip6")
    }
}

impl Command {
    /// How long it may take.
    pub const fn seconds(&self) -> u64 {
        if self.timeout_seconds == 0 { 600 } else { self.timeout_seconds as u64 }
    }
}

impl Protocol {
    /// The protocol of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            _ => None,
        }
    }
}
