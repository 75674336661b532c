//! What a plan must not say. Both sides ask: the command before it shows a plan, the agent before it
//! follows one.

use super::{Content, Item, OnChange, Plan, Presence, Resource};
use crate::path::is_control;
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The most items of a plan.
pub const MAX_ITEMS: usize = 4096;
/// The most bytes of all its contents.
pub const MAX_CONTENT: usize = 4 << 20;
/// The longest text of a name, a value or an argument.
const MAX_TEXT: usize = 4096;

/// Why a plan is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", place(.item.as_deref()))]
pub struct Flaw {
    /// The item's id, where it is about one.
    pub item: Option<String>,
    /// What is wrong.
    pub why: String,
}

fn place(item: Option<&str>) -> String {
    item.map(|id| format!("item `{}`: ", crate::path::plain(id))).unwrap_or_default()
}

impl Plan {
    /// Everything that is wrong with it; a plan without flaws can be ordered and tried.
    pub fn check(&self) -> Result<(), Vec<Flaw>> {
        let mut flaws = Vec::new();
        let whole = |why: String| Flaw { item: None, why };
        if self.items.len() > MAX_ITEMS {
            flaws.push(whole(format!("{} items are over the limit of {MAX_ITEMS}", self.items.len())));
        }
        let bytes: usize = self.items.iter().flat_map(Item::contents).map(Content::inline).sum();
        if bytes > MAX_CONTENT {
            flaws.push(whole(format!("{bytes} bytes of content are over the limit of {MAX_CONTENT}")));
        }
        let mut ids = BTreeMap::new();
        let mut things: BTreeMap<(&str, String), &str> = BTreeMap::new();
        for item in &self.items {
            let mut say = |why: String| flaws.push(Flaw { item: Some(item.id.clone()), why });
            if ids.insert(item.id.as_str(), &item.resource).is_some() {
                say("another item has the same id".to_string());
            }
            let kind = match &item.resource {
                Resource::File(_) | Resource::Link(_) | Resource::Directory(_) | Resource::IniKeys(_) => "path",
                other => other.kind(),
            };
            if let Some(other) = things.insert((kind, item.resource.name()), &item.id)
                && kind != "command"
            {
                say(format!("item `{other}` is about the same {} {}", item.resource.kind(), item.resource.name()));
            }
            if !is_text(&item.why) || !is_word(&item.id) {
                say("id and reason are text without control characters, the id without spaces".to_string());
            }
            if let Err(why) = item.resource.check() {
                say(why);
            }
        }
        for item in &self.items {
            let mut say = |why: String| flaws.push(Flaw { item: Some(item.id.clone()), why });
            for other in item.after.iter().filter(|other| !ids.contains_key(other.as_str())) {
                say(format!("it comes after `{other}`, which is no item"));
            }
            for notify in &item.notify {
                match (ids.get(notify.item.as_str()), notify.how) {
                    (Some(Resource::Unit(_)), OnChange::Reload | OnChange::Restart)
                    | (Some(Resource::Command(_)), OnChange::Rerun) => {}
                    (None, _) => say(format!("it pokes `{}`, which is no item", notify.item)),
                    (Some(other), how) => {
                        say(format!("`{}` is a {}, for which {} means nothing", notify.item, other.kind(), how.as_str()));
                    }
                }
            }
        }
        if flaws.is_empty()
            && let Err(cycle) = self.order()
        {
            flaws.push(whole(cycle.to_string()));
        }
        if flaws.is_empty() { Ok(()) } else { Err(flaws) }
    }
}

impl Item {
    fn contents(&self) -> impl Iterator<Item = &Content> {
        let content = match &self.resource {
            Resource::File(it) => Some(&it.content),
            Resource::Repository(it) => Some(&it.key),
            Resource::Unit(it) => it.content.as_ref(),
            _ => None,
        };
        content.into_iter()
    }
}

impl Content {
    fn inline(&self) -> usize {
        if let Self::Inline(bytes) = self { bytes.len() } else { 0 }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Asset(path) => Err(format!("its content is still the plugin's file {path}")),
            Self::Secret(name) => Err(format!("its content is the secret `{name}`, which is not supported yet")),
            Self::Inline(_) | Self::Blob(_) => Ok(()),
        }
    }
}

impl Resource {
    /// Is everything that it says fit for the program or the file that it goes to?
    fn check(&self) -> Result<(), String> {
        let want = |fits: bool, what: &str, text: &str| {
            if fits { Ok(()) } else { Err(format!("`{}` is no {what}", crate::path::plain(text))) }
        };
        let path = |path: &str| want(is_path(path), "plain absolute path", path);
        let account = |name: &str| want(is_account(name), "name of a user or group", name);
        let mode = |mode: u32| if mode <= 0o7777 { Ok(()) } else { Err(format!("{mode:o} are no permission bits")) };
        match self {
            Self::Package(it) => {
                want(is_name(&it.name, "+.-:"), "name of a package", &it.name)?;
                let version = it.version.as_deref().unwrap_or("0");
                want(is_name(version, "+.-:~_"), "version of a package", version)?;
                if it.takes_the_way_in() {
                    let why = "is what one gets in by: a node that nobody reaches could not put it back, so no set-up removes it";
                    return Err(format!("`{}` {why}", it.name));
                }
                Ok(())
            }
            Self::Repository(it) => {
                want(is_name(&it.name, ".-_"), "name of a repository", &it.name)?;
                for word in [&it.uri, &it.suite].into_iter().chain(&it.components) {
                    want(is_word(word), "single word", word)?;
                }
                it.key.check()
            }
            Self::File(it) => {
                path(&it.path)?;
                if it.state == Presence::Absent {
                    return Ok(());
                }
                account(&it.owner)?;
                account(&it.group)?;
                mode(it.mode)?;
                it.content.check()
            }
            Self::Directory(it) => {
                path(&it.path)?;
                account(&it.owner)?;
                account(&it.group)?;
                mode(it.mode)
            }
            Self::Link(it) => {
                path(&it.path)?;
                want(is_text(&it.target) && !it.target.is_empty(), "target of a link", &it.target)
            }
            Self::Group(it) => account(&it.name),
            Self::User(it) => {
                account(&it.name)?;
                it.groups.iter().try_for_each(|group| account(group))?;
                it.home.iter().chain(&it.shell).try_for_each(|it| path(it))?;
                let key = |key: &String| want(is_text(key) && !key.trim().is_empty() && !key.starts_with('#'), "public key", key);
                it.authorized_keys.iter().try_for_each(key)
            }
            Self::Unit(it) => {
                let stem = it.name.rsplit_once('.').map_or("", |(stem, _)| stem);
                want(is_name(stem, ":-_.\\@"), "name of a unit", &it.name)?;
                it.content.as_ref().map_or(Ok(()), Content::check)
            }
            Self::IniKeys(it) => {
                path(&it.path)?;
                for (key, value) in &it.entries {
                    want(is_text(key) && is_text(value), "key and value of one line", key)?;
                }
                it.owned.iter().try_for_each(|key| want(is_text(key), "key", key))
            }
            Self::Sysctl(it) => {
                want(is_name(&it.key, ".-_/") && !it.key.contains(".."), "setting of the kernel", &it.key)?;
                want(is_text(&it.value) && !it.value.is_empty(), "value of one line", &it.value)
            }
            Self::Firewall(it) => {
                want(is_name(&it.name, ".-_"), "name of a rule", &it.name)?;
                want(it.port != 0, "port", "0")?;
                let address = |text: &String| want(is_address(text), "address or network", text);
                it.sources.iter().try_for_each(address)
            }
            Self::Command(it) => {
                for argv in core::iter::once(&it.argv).chain(&it.unless) {
                    want(argv.first().is_some_and(|program| !program.is_empty()), "command", &argv.join(" "))?;
                    argv.iter().try_for_each(|argument| {
                        want(!argument.contains('\0') && argument.len() <= MAX_TEXT, "argument", argument)
                    })?;
                }
                it.user.iter().try_for_each(|user| account(user))?;
                it.creates.iter().try_for_each(|creates| path(creates))?;
                it.env.iter().try_for_each(|(name, value)| {
                    want(
                        is_name(name, "_") && !value.contains('\0') && value.len() <= MAX_TEXT,
                        "variable of an environment",
                        name,
                    )
                })
            }
        }
    }
}

/// One line of bounded length.
fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(is_control)
}

fn is_word(text: &str) -> bool {
    is_text(text) && !text.is_empty() && !text.contains(char::is_whitespace)
}

/// Letters, digits and some other characters of ASCII; never an option.
fn is_name(text: &str, also: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

fn is_account(text: &str) -> bool {
    text.len() <= 32 && is_name(text, "_-.")
}

/// Absolute, in its shortest form.
fn is_path(text: &str) -> bool {
    is_text(text) && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|segment| !matches!(segment, "" | "." | "..")))
}

/// `203.0.113.0/24`, `2001:db8::/32`.
fn is_address(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(parsed) = address.parse::<core::net::IpAddr>() else { return false };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= if parsed.is_ipv4() { 32 } else { 128 }))
}
