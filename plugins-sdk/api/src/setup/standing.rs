//! Is it as it shall be? The one place that compares, for the plan that is shown, for the agent that
//! acts, and for whoever looks for drift.

use super::{Found, Loaded, PathKind, PathState, Presence, Resource, Sha256, User, UserState};
use crate::digest::Digest;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// How an item stands to what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is as it shall be.
    InPlace,
    /// It is not.
    Differs(Vec<Difference>),
    /// It cannot be told, and why.
    Unknown(String),
}

/// One thing that is not as it shall be; in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// `mode`, `content`, `enabled`, …
    pub what: String,
    /// As it is.
    pub is: String,
    /// As it shall be.
    pub shall: String,
}

/// Compares.
pub fn standing(resource: &Resource, found: &Found, sha256: Sha256) -> Standing {
    let mut list = List(Vec::new());
    match (resource, found) {
        (_, Found::Unknown(why)) => return Standing::Unknown(why.clone()),
        (Resource::Package(it), Found::Package { installed }) => match (it.state, installed) {
            (Presence::Present, None) => list.add("state", "absent", it.version.as_deref().unwrap_or("installed")),
            (Presence::Present, Some(installed)) => {
                list.compare("version", installed, it.version.as_deref().unwrap_or(installed));
            }
            (Presence::Absent, Some(installed)) => list.add("state", installed, "absent"),
            (Presence::Absent, None) => {}
        },
        (Resource::Repository(it), Found::Repository { sources, key }) => {
            let text = it.sources();
            list.file("description", sources.as_ref(), Some(sha256(text.as_bytes())), ("root", "root", 0o644));
            list.file("key", key.as_ref(), it.key.digest(sha256), ("root", "root", 0o644));
        }
        (Resource::File(it), Found::Path(found)) => match it.state {
            Presence::Present => list.file("content", found.as_ref(), it.content.digest(sha256), (&it.owner, &it.group, it.mode)),
            Presence::Absent => list.absent(found.as_ref()),
        },
        (Resource::Directory(it), Found::Path(found)) => {
            if list.kind(found.as_ref(), PathKind::Directory)
                && let Some(found) = found
            {
                list.owned(found, (&it.owner, &it.group, it.mode));
            }
        }
        (Resource::Link(it), Found::Path(found)) => match it.state {
            Presence::Present => {
                if list.kind(found.as_ref(), PathKind::Link) {
                    let target = found.as_ref().and_then(|found| found.target.as_deref());
                    list.compare("target", target.unwrap_or_default(), &it.target);
                }
            }
            Presence::Absent => list.absent(found.as_ref()),
        },
        (Resource::Group(it), Found::Group { exists }) => list.presence(*exists, it.state),
        (Resource::User(it), Found::User(found)) => match (it.state, found) {
            (Presence::Present, Some(found)) => list.user(it, found),
            (state, found) => list.presence(found.is_some(), state),
        },
        (Resource::Unit(it), Found::Unit(found)) => {
            if let Some(content) = &it.content {
                list.content("content", found.content, content.digest(sha256));
            }
            let lasting = matches!(found.enabled.as_str(), "enabled" | "static" | "alias" | "indirect" | "generated" | "linked");
            if it.enabled && !lasting {
                list.add("enabled", or_none(&found.enabled), "enabled");
            } else if !it.enabled && found.enabled == "enabled" {
                list.add("enabled", &found.enabled, "disabled");
            }
            let runs = found.ran || matches!(found.active.as_str(), "active" | "activating" | "reloading");
            if it.running && !runs {
                list.add("running", or_none(&found.active), "active");
            } else if !it.running && matches!(found.active.as_str(), "active" | "activating" | "reloading") {
                list.add("running", &found.active, "inactive");
            }
        }
        (Resource::IniKeys(it), Found::IniKeys { values, .. }) => {
            let is = |key: &str| values.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str());
            for (key, value) in &it.entries {
                list.compare_option(key, is(key), Some(value));
            }
            for key in it.owned.iter().filter(|key| !it.entries.iter().any(|(set, _)| set == *key)) {
                list.compare_option(key, is(key), None);
            }
        }
        (Resource::Sysctl(it), Found::Sysctl { value, kept }) => {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            match value {
                None => return Standing::Unknown(format!("this kernel has no setting {}", it.key)),
                Some(value) => list.compare("value", &words(value), &words(&it.value)),
            }
            list.compare_option("kept", kept.as_deref().map(str::trim), Some(it.line().trim()));
        }
        (Resource::Firewall(it), Found::Firewall { rule, loaded }) => {
            let shall = Some(it.rule()).filter(|_| it.state == Presence::Present);
            list.compare_option("rule", rule.as_deref().map(str::trim), shall.as_deref().map(str::trim));
            match loaded {
                Loaded::Yes => {}
                Loaded::No => list.add("loaded", "no", "yes"),
                Loaded::Altered => list.add("loaded", "altered", "yes"),
            }
        }
        (Resource::Command(_), Found::Command { done }) => {
            if !done {
                list.add("done", "no", "yes");
            }
        }
        _ => return Standing::Unknown(format!("the node answered something else than how the {} is", resource.kind())),
    }
    if list.0.is_empty() { Standing::InPlace } else { Standing::Differs(list.0) }
}

struct List(Vec<Difference>);

impl List {
    fn add(&mut self, what: &str, is: &str, shall: &str) {
        self.0.push(Difference { what: what.to_string(), is: is.to_string(), shall: shall.to_string() });
    }

    fn compare(&mut self, what: &str, is: &str, shall: &str) {
        if is != shall {
            self.add(what, is, shall);
        }
    }

    fn compare_option(&mut self, what: &str, is: Option<&str>, shall: Option<&str>) {
        if is != shall {
            self.add(what, is.unwrap_or("absent"), shall.unwrap_or("absent"));
        }
    }

    fn presence(&mut self, exists: bool, shall: Presence) {
        match (exists, shall) {
            (false, Presence::Present) => self.add("state", "absent", "present"),
            (true, Presence::Absent) => self.add("state", "present", "absent"),
            _ => {}
        }
    }

    fn absent(&mut self, found: Option<&PathState>) {
        if let Some(found) = found {
            self.add("state", found.kind.as_str(), "absent");
        }
    }

    /// Is something of this kind there, so that more can be compared?
    fn kind(&mut self, found: Option<&PathState>, shall: PathKind) -> bool {
        let is = found.map_or("absent", |found| found.kind.as_str());
        self.compare("state", is, shall.as_str());
        is == shall.as_str()
    }

    fn content(&mut self, what: &str, is: Option<Digest>, shall: Option<Digest>) {
        let short =
            |digest: Option<Digest>| digest.map_or_else(|| "absent".to_string(), |digest| format!("sha256:{}…", digest.short()));
        if is != shall {
            self.add(what, &short(is), &short(shall));
        }
    }

    fn owned(&mut self, found: &PathState, (owner, group, mode): (&str, &str, u32)) {
        self.compare("owner", &found.owner, owner);
        self.compare("group", &found.group, group);
        self.compare("mode", &format!("{:04o}", found.mode), &format!("{mode:04o}"));
    }

    fn file(&mut self, what: &str, found: Option<&PathState>, digest: Option<Digest>, owned: (&str, &str, u32)) {
        if self.kind(found, PathKind::File)
            && let Some(found) = found
        {
            self.content(what, found.digest, digest);
            self.owned(found, owned);
        }
    }

    fn user(&mut self, shall: &User, found: &UserState) {
        self.compare("home", &found.home, shall.home.as_deref().unwrap_or(&found.home));
        self.compare("shell", &found.shell, shall.shell.as_deref().unwrap_or(&found.shell));
        for group in shall.groups.iter().filter(|group| !found.groups.contains(group)) {
            self.add("group", "no member", group);
        }
        if shall.authorized_keys.is_empty() {
            return;
        }
        for key in shall.authorized_keys.iter().filter(|key| !found.authorized_keys.contains(key)) {
            self.add("key", "absent", &key_words(key));
        }
        for key in found.authorized_keys.iter().filter(|key| !shall.authorized_keys.contains(key)) {
            self.add("key", &key_words(key), "absent");
        }
    }
}

/// A key by its end, which tells it apart, and its remark.
fn key_words(line: &str) -> String {
    let mut words = line.split(' ').skip_while(|word| !word.starts_with("AAAA"));
    let Some(key) = words.next() else { return line.to_string() };
    let tail: String = key.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    let remark = words.collect::<Vec<_>>().join(" ");
    if remark.is_empty() { format!("…{tail}") } else { format!("…{tail} {remark}") }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "absent" } else { text }
}

impl PathKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link => "link",
            Self::Other => "other",
        }
    }
}
