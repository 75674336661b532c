//! One text for one meaning: what is hashed.
//!
//! Items by id; each value with its length before it, so that no two plans have the same text; what is
//! a set is sorted; contents by digest; nothing that is only said.

use super::{Content, Item, Plan, Presence, Resource, Sha256};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

impl Plan {
    /// The canonical form: the same for any two plans that mean the same.
    pub fn canonical(&self, sha256: Sha256) -> String {
        let mut items: Vec<&Item> = self.items.iter().collect();
        items.sort_by(|a, b| a.id.cmp(&b.id));
        let mut text = String::from("silver-setup 1\n");
        for item in items {
            text += &item.canonical(sha256);
        }
        text
    }
}

impl Item {
    /// Its part of the canonical form.
    pub fn canonical(&self, sha256: Sha256) -> String {
        let mut lines = Lines(String::new());
        lines.value("item", &self.id);
        lines.value("kind", self.resource.kind());
        lines.resource(&self.resource, sha256);
        lines.set("after", self.after.iter().cloned());
        lines.set("notify", self.notify.iter().map(|notify| format!("{} {}", notify.how.as_str(), notify.item)));
        lines.flag("guard", self.is_guarded());
        lines.0
    }
}

struct Lines(String);

impl Lines {
    fn value(&mut self, name: &str, value: &str) {
        for part in [name, " ", &value.len().to_string(), ":", value, "\n"] {
            self.0.push_str(part);
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.value(name, if value { "yes" } else { "no" });
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    fn presence(&mut self, presence: Presence) {
        self.flag("present", presence == Presence::Present);
    }

    /// In the order given.
    fn list(&mut self, name: &str, values: &[String]) {
        self.value(name, &format!("{}", values.len()));
        for value in values {
            self.value(name, value);
        }
    }

    /// In any order.
    fn set(&mut self, name: &str, values: impl Iterator<Item = String>) {
        let mut values: Vec<String> = values.collect();
        values.sort();
        values.dedup();
        self.list(name, &values);
    }

    fn content(&mut self, content: &Content, sha256: Sha256) {
        match content {
            Content::Inline(_) | Content::Blob(_) => self.option("content", content.digest(sha256).map(|it| it.hex()).as_deref()),
            Content::Asset(path) => self.value("asset", path.as_str()),
            Content::Secret(name) => self.value("secret", name),
        }
    }

    fn owned(&mut self, owner: &str, group: &str, mode: u32) {
        self.value("owner", owner);
        self.value("group", group);
        self.value("mode", &format!("{mode:04o}"));
    }

    fn resource(&mut self, resource: &Resource, sha256: Sha256) {
        self.presence(resource.presence());
        match resource {
            Resource::Package(it) => {
                self.value("name", &it.name);
                self.option("version", it.version.as_deref());
            }
            Resource::Repository(it) => {
                self.value("name", &it.name);
                self.value("uri", &it.uri);
                self.value("suite", &it.suite);
                self.list("components", &it.components);
                self.content(&it.key, sha256);
            }
            Resource::File(it) => {
                self.value("path", &it.path);
                if it.state == Presence::Present {
                    self.content(&it.content, sha256);
                    self.owned(&it.owner, &it.group, it.mode);
                }
            }
            Resource::Directory(it) => {
                self.value("path", &it.path);
                self.owned(&it.owner, &it.group, it.mode);
            }
            Resource::Link(it) => {
                self.value("path", &it.path);
                self.value("target", &it.target);
            }
            Resource::Group(it) => {
                self.value("name", &it.name);
                self.flag("system", it.system);
            }
            Resource::User(it) => {
                self.value("name", &it.name);
                self.flag("system", it.system);
                self.option("home", it.home.as_deref());
                self.option("shell", it.shell.as_deref());
                self.set("groups", it.groups.iter().cloned());
                self.set("authorized-keys", it.authorized_keys.iter().cloned());
            }
            Resource::Unit(it) => {
                self.value("name", &it.name);
                if let Some(content) = &it.content {
                    self.content(content, sha256);
                }
                self.flag("enabled", it.enabled);
                self.flag("running", it.running);
            }
            Resource::IniKeys(it) => {
                self.value("path", &it.path);
                self.value("format", &format!("{:?}", it.format));
                self.set("entries", it.entries.iter().map(|(key, value)| format!("{}:{key}{value}", key.len())));
                self.set("owned", it.owned.iter().cloned());
            }
            Resource::Sysctl(it) => {
                self.value("key", &it.key);
                self.value("value", &it.value);
            }
            Resource::Firewall(it) => self.value("rule", &it.rule()),
            Resource::Command(it) => {
                self.list("argv", &it.argv);
                self.option("user", it.user.as_deref());
                self.list("unless", it.unless.as_deref().unwrap_or_default());
                self.option("creates", it.creates.as_deref());
                self.set("env", it.env.iter().map(|(name, value)| format!("{}:{name}{value}", name.len())));
            }
        }
    }
}
