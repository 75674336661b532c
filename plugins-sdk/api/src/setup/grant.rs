//! What a foreign plugin's plan may hold. A plan is brought about as root, so each item of it needs a
//! grant: its kind, and where the kind has places, a pattern of them.
//!
//! | grant | allows |
//! |---|---|
//! | `package`, `package:NAME` | packages of the distribution |
//! | `repository:NAME` | a source of packages, whose packages then are installed as root |
//! | `file:PATH` | files, directories, links and keys of files at these paths |
//! | `group:NAME`, `user:NAME` | groups, also the membership in them; users |
//! | `login:NAME` | keys that this user logs in with |
//! | `unit`, `unit:NAME` | units that packages bring |
//! | `sysctl`, `sysctl:KEY` | settings of the kernel |
//! | `firewall`, `firewall:PORT/PROTOCOL` | ports that may be reached |
//! | `secret:NAME` | a secret of the node, in a file |
//! | `command` | commands, units of the plugin's own and files with the bits setuid or setgid: anything, in short |
//!
//! In a pattern `*` stands for what has no slash, `**` for anything. A grant without a place is for what shall
//! be there: what shall go, or be stopped, has to be named.

use super::{Content, File, Firewall, Item, Plan, Presence, Protocol, Resource, Unit, User};
use alloc::{borrow::ToOwned, collections::BTreeSet, format, string::String, vec::Vec};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Kinds of grants; with a `true` those that need no place.
const KINDS: [(&str, bool); 11] = [
    ("package", true),
    ("repository", false),
    ("file", false),
    ("group", false),
    ("user", false),
    ("login", false),
    ("unit", true),
    ("sysctl", true),
    ("firewall", true),
    ("secret", false),
    ("command", true),
];

/// What an operator allows a plugin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    kind: &'static str,
    pattern: Option<String>,
}

/// What an item of a plan needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    kind: &'static str,
    /// What it is about.
    place: String,
    /// Does something go, so that a grant has to name it?
    goes: bool,
}

/// A text that is no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Not a kind.
    #[error(
        "`{0}` is no grant: the kinds are package, repository, file, group, user, login, unit, sysctl, firewall, secret and command"
    )]
    Kind(String),
    /// A kind that needs a place.
    #[error("`{0}` alone would allow everything: name a place, `{0}:…`")]
    Place(&'static str),
    /// A path that is not absolute.
    #[error("`{0}` is no absolute path without `.` and `..`")]
    Path(String),
}

impl Grant {
    /// Does it allow this?
    pub fn allows(&self, need: &Need) -> bool {
        let place = |pattern: &String| matches(pattern, &need.place);
        self.kind == need.kind && self.pattern.as_ref().map_or(!need.goes, place)
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (word, pattern) = text.split_once(':').map_or((text, None), |(word, pattern)| (word, Some(pattern)));
        let known = KINDS.into_iter().find(|(kind, _)| *kind == word);
        let (kind, alone) = known.ok_or_else(|| GrantError::Kind(text.to_owned()))?;
        let pattern = pattern.filter(|pattern| !pattern.is_empty());
        match pattern {
            None if !alone => Err(GrantError::Place(kind)),
            Some(path) if kind == "file" && !is_plain(path) => Err(GrantError::Path(path.to_owned())),
            _ => Ok(Self { kind, pattern: pattern.map(ToOwned::to_owned) }),
        }
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Some(pattern) => write!(f, "{}:{pattern}", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

/// As the grant that would allow it and nothing else.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == "command" { f.write_str(self.kind) } else { write!(f, "{}:{}", self.kind, self.place) }
    }
}

impl Plan {
    /// What none of the grants allows, each once.
    pub fn ungranted(&self, grants: &[Grant]) -> Vec<Need> {
        let needs: BTreeSet<Need> = self.items.iter().flat_map(Item::needs).collect();
        needs.into_iter().filter(|need| !grants.iter().any(|grant| grant.allows(need))).collect()
    }
}

impl Item {
    /// What a foreign plugin needs for it.
    pub fn needs(&self) -> Vec<Need> {
        let goes = self.resource.presence() == Presence::Absent;
        let need = |kind, place: &str| Need { kind, place: place.to_owned(), goes };
        let command = || Need { kind: "command", place: String::new(), goes: false };
        let mut needs = Vec::new();
        match &self.resource {
            Resource::Package(it) => needs.push(need("package", &it.name)),
            Resource::Repository(it) => {
                needs.push(need("repository", &it.name));
                needs.extend(secret(&it.key));
            }
            Resource::File(File { path, content, mode, .. }) => {
                needs.push(need("file", path));
                needs.extend(secret(content));
                needs.extend((mode & 0o6000 != 0).then(command));
            }
            Resource::Directory(it) => needs.push(need("file", &it.path)),
            // what is written through a link lands where it leads
            Resource::Link(it) => needs.extend([need("file", &it.path), need("file", &target(&it.path, &it.target))]),
            Resource::IniKeys(it) => needs.push(need("file", &it.path)),
            Resource::Group(it) => needs.push(need("group", &it.name)),
            Resource::User(User { name, groups, authorized_keys, .. }) => {
                needs.push(need("user", name));
                needs.extend(groups.iter().map(|group| need("group", group)));
                needs.extend((!authorized_keys.is_empty()).then(|| need("login", name)));
            }
            Resource::Unit(Unit { name, content, enabled, running }) => {
                needs.push(Need { goes: !enabled || !running, ..need("unit", name) });
                // it says what is run as root
                needs.extend(content.as_ref().map(|_| command()));
                needs.extend(content.as_ref().and_then(secret));
            }
            Resource::Sysctl(it) => needs.push(need("sysctl", &it.key)),
            Resource::Firewall(it) => needs.push(need("firewall", &port(it))),
            Resource::Command(_) => needs.push(command()),
        }
        needs
    }
}

fn secret(content: &Content) -> Option<Need> {
    match content {
        Content::Secret(name) => Some(Need { kind: "secret", place: name.clone(), goes: false }),
        Content::Inline(_) | Content::Asset(_) | Content::Blob(_) => None,
    }
}

/// `25/tcp`
fn port(rule: &Firewall) -> String {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", rule.port)
}

/// Where a link leads that lies at `path`; with `..` in it, where no grant matches.
fn target(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    format!("{parent}/{target}")
}

/// An absolute path that says where it leads.
fn is_plain(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("") && parts.all(|part| !matches!(part, "" | "." | ".."))
}

/// Does the pattern match the whole of `place`? No pattern matches a path with `..` in it.
fn matches(pattern: &str, place: &str) -> bool {
    (!place.starts_with('/') || is_plain(place)) && glob(pattern.as_bytes(), place.as_bytes())
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|from| glob(rest, &text[from..])),
        [b'*', rest @ ..] => {
            let most = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
            (0..=most).any(|from| glob(rest, &text[from..]))
        }
        [byte, rest @ ..] => text.split_first().is_some_and(|(first, text)| first == byte && glob(rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{Command, Directory, Link, Package};
    use alloc::{string::ToString, vec};

    fn item(resource: Resource) -> Item {
        Item::new("it", resource, "why")
    }

    fn file(path: &str, mode: u32) -> Resource {
        let (owner, group) = ("root".to_owned(), "root".to_owned());
        Resource::File(File { path: path.into(), content: Content::text("x"), owner, group, mode, state: Presence::Present })
    }

    fn package(state: Presence) -> Resource {
        Resource::Package(Package { name: "fail2ban".into(), version: None, state })
    }

    fn link(path: &str, target: &str) -> Resource {
        Resource::Link(Link { path: path.into(), target: target.into(), state: Presence::Present })
    }

    fn unit(content: Option<Content>, running: bool) -> Resource {
        Resource::Unit(Unit { name: "fail2ban.service".into(), content, enabled: true, running })
    }

    fn user(groups: &[&str], keys: &[&str]) -> Resource {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        Resource::User(User { name: "ban".into(), groups: owned(groups), authorized_keys: owned(keys), ..User::default() })
    }

    #[test]
    fn each_item_needs_its_grant() {
        let secret = Resource::File(File { content: Content::Secret("token".into()), ..fields(file("/etc/a", 0o600)) });
        let rows: [(Resource, &[&str], &[&str]); 18] = [
            (package(Presence::Present), &["package"], &[]),
            (package(Presence::Present), &["package:fail2ban"], &[]),
            (package(Presence::Present), &["package:fail"], &["package:fail2ban"]),
            (package(Presence::Absent), &["package"], &["package:fail2ban"]),
            (package(Presence::Absent), &["package:fail2ban"], &[]),
            (file("/etc/fail2ban/jail.d/a", 0o644), &["file:/etc/fail2ban/**"], &[]),
            (file("/etc/fail2ban/jail.d/a", 0o644), &["file:/etc/fail2ban/*"], &["file:/etc/fail2ban/jail.d/a"]),
            (file("/etc/fail2ban/../passwd", 0o644), &["file:/etc/fail2ban/**"], &["file:/etc/fail2ban/../passwd"]),
            (file("/etc/fail2ban.d/a", 0o644), &["file:/etc/fail2ban/**"], &["file:/etc/fail2ban.d/a"]),
            (file("/opt/su", 0o4755), &["file:/opt/*"], &["command"]),
            (link("/opt/a", "/etc/shadow"), &["file:/opt/*"], &["file:/etc/shadow"]),
            (link("/opt/a", "../etc/shadow"), &["file:/opt/**"], &["file:/opt/../etc/shadow"]),
            (link("/opt/a", "b"), &["file:/opt/*"], &[]),
            (unit(None, true), &["unit"], &[]),
            (unit(None, false), &["unit"], &["unit:fail2ban.service"]),
            (unit(Some(Content::text("")), true), &["unit"], &["command"]),
            (user(&["sudo"], &["ssh-ed25519 A"]), &["user:ban"], &["group:sudo", "login:ban"]),
            (secret, &["file:/etc/a"], &["secret:token"]),
        ];
        for (resource, granted, missing) in rows {
            let grants: Vec<Grant> = granted.iter().map(|grant| grant.parse().unwrap()).collect();
            let plan = Plan { items: vec![item(resource)], ..Plan::default() };
            let found: Vec<String> = plan.ungranted(&grants).iter().map(ToString::to_string).collect();
            assert_eq!(found, missing, "{plan:?} {granted:?}");
        }
    }

    fn fields(resource: Resource) -> File {
        let Resource::File(file) = resource else { unreachable!() };
        file
    }

    #[test]
    fn what_a_plan_needs_is_written_as_the_grants_that_allow_it() {
        let port = Firewall { name: "x".into(), port: 25, protocol: Protocol::Tcp, ..Firewall::default() };
        let resources = [
            package(Presence::Absent),
            file("/opt/su", 0o6755),
            Resource::Directory(Directory { path: "/opt".into(), ..Directory::default() }),
            link("/opt/a", "/opt/b"),
            unit(Some(Content::text("")), false),
            user(&["sudo"], &["ssh-ed25519 A"]),
            Resource::Firewall(port),
            Resource::Command(Command::default()),
        ];
        let plan = Plan { items: resources.map(item).into(), ..Plan::default() };
        let needs: Vec<Grant> = plan.ungranted(&[]).iter().map(|need| need.to_string().parse().unwrap()).collect();
        assert_eq!(needs.len(), 11, "{needs:?}");
        assert_eq!(plan.ungranted(&needs), []);
        for missing in 0..needs.len() {
            let mut fewer = needs.clone();
            let gone = fewer.remove(missing);
            // a file at the path that a link leads to is there already
            let left = plan.ungranted(&fewer);
            assert!(left.iter().all(|need| gone.allows(need)) && !left.is_empty() || gone.kind == "command", "{gone}: {left:?}");
        }
    }

    #[test]
    fn a_grant_of_everything_is_none() {
        for bad in [
            "",
            "file",
            "file:",
            "file:etc/x",
            "file:/etc/../x",
            "login",
            "user",
            "group",
            "repository",
            "secret",
            "shell",
            "network:eth0",
        ] {
            assert!(bad.parse::<Grant>().is_err(), "{bad}");
        }
        for good in ["package", "file:/etc/fail2ban/**", "unit:*.service", "firewall:25/tcp", "command"] {
            assert_eq!(good.parse::<Grant>().unwrap().to_string(), good);
        }
    }
}
