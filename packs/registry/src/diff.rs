//! What differs between the releases of two events.

use crate::{
    error::RegistryError,
    objects::Objects,
    registry::Registry,
    statement::{Change, Event},
};
use serde::Serialize;
use silver_pack::listing::{Listing, Node};
use silver_plugin_api::{Digest, TreePath};
use std::collections::{BTreeMap, BTreeSet};

/// Longer texts are not compared line by line.
const MAX_TEXT: u64 = 1 << 20;

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Only in the second.
    Added,
    /// Only in the first.
    Removed,
    /// In both, with another content or another kind.
    Changed,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// Where.
    pub path: TreePath,
    /// How.
    pub difference: Difference,
    /// In the first release.
    pub before: Option<Node>,
    /// In the second release.
    pub after: Option<Node>,
}

/// A fact of a release that differs: a version, a setting, a secret's generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactDifference {
    /// `pack version`, `setting title`, `app plugin X`, …
    pub fact: String,
    /// In the first release.
    pub before: Option<String>,
    /// In the second release.
    pub after: Option<String>,
}

/// The files that differ, by path.
pub fn trees(before: &Listing, after: &Listing) -> Vec<FileDifference> {
    let paths: BTreeSet<&TreePath> = before.iter().chain(after).map(|(path, _)| path).collect();
    let differs = |path: &TreePath| {
        let (old, new) = (before.get(path).copied(), after.get(path).copied());
        let difference = match (old, new) {
            (Some(old), Some(new)) if old == new => return None,
            (Some(_), Some(_)) => Difference::Changed,
            (None, _) => Difference::Added,
            (_, None) => Difference::Removed,
        };
        Some(FileDifference { path: path.clone(), difference, before: old, after: new })
    };
    paths.into_iter().filter_map(differs).collect()
}

/// The lines that differ, as a unified diff; `None` unless both are texts with another content.
pub fn text(objects: &Objects, file: &FileDifference) -> Result<Option<String>, RegistryError> {
    let (Some(before), Some(after)) = (&file.before, &file.after) else { return Ok(None) };
    if before.digest == after.digest || before.size.max(after.size) > MAX_TEXT {
        return Ok(None);
    }
    let (Some(old), Some(new)) = (readable(objects, &before.digest)?, readable(objects, &after.digest)?) else {
        return Ok(None);
    };
    let diff = similar::TextDiff::from_lines(&old, &new);
    let path = &file.path;
    Ok(Some(diff.unified_diff().context_radius(3).header(&format!("a/{path}"), &format!("b/{path}")).to_string()))
}

fn readable(objects: &Objects, digest: &Digest) -> Result<Option<String>, RegistryError> {
    match objects.read(digest) {
        // redacted
        Err(RegistryError::NoBlob(_)) => Ok(None),
        content => Ok(String::from_utf8(content?).ok().filter(|text| !text.contains('\0'))),
    }
}

/// The facts that differ, by name.
pub fn facts(before: &Change, after: &Change) -> Vec<FactDifference> {
    let (mut before, after) = (facts_of(before), facts_of(after));
    let mut all: BTreeMap<String, (Option<String>, Option<String>)> =
        after.into_iter().map(|(fact, new)| (fact.clone(), (before.remove(&fact), Some(new)))).collect();
    all.extend(before.into_iter().map(|(fact, old)| (fact, (Some(old), None))));
    all.into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|(fact, (before, after))| FactDifference { fact, before, after })
        .collect()
}

fn facts_of(change: &Change) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    if let Some(release) = &change.release {
        facts.insert("pack".into(), release.pack.id.clone());
        facts.insert("pack version".into(), release.pack.version.clone());
        facts.insert("application version".into(), release.pack.app_version.clone());
        facts.insert("signature".into(), release.pack.signature.clone());
        facts.insert("runtime".into(), release.runtime.clone());
        facts.extend(release.interpreter.iter().map(|interpreter| ("interpreter".into(), interpreter.clone())));
        facts.extend(release.environment.iter().map(|digest| ("environment".into(), digest.to_string())));
        facts.extend(release.settings.iter().map(|(key, value)| (format!("setting {key}"), value.clone())));
        let generation = |generation: u64| format!("generation {generation}");
        facts.extend(release.secrets.iter().map(|secret| (format!("secret {}", secret.name), generation(secret.generation))));
    }
    facts.insert("locations".into(), change.locations.join(" "));
    facts.extend(change.app_plugins.iter().map(|(name, version)| (format!("app plugin {name}"), version.clone())));
    facts.extend(change.plugins.iter().map(|(file, digest)| (format!("plugin {file}"), digest.to_string())));
    facts.extend(change.packages.iter().map(|(name, version)| (format!("package {name}"), version.clone())));
    facts
}

impl Registry {
    /// The change that made the release that event `index` is about: the event itself, or for a run,
    /// a disable and so on the deployment that was current.
    pub fn release_of(&self, index: u64) -> Result<Change, RegistryError> {
        let event = self.event(index)?;
        let record = event.statement.record();
        let wanted = match &record.event {
            Event::Run(session) | Event::Shell(session) => session.release.clone(),
            Event::DriftFound(drift) => Some(drift.release.clone()),
            other => match other.change() {
                Some(change) if change.release.is_some() => return Ok(change.clone()),
                change => change.and_then(|change| change.current.clone()),
            },
        };
        let mut earlier = (0..index).rev().map(|index| self.event(index));
        let found = earlier.find_map(|earlier| match earlier {
            Err(error) => Some(Err(error)),
            Ok(earlier) => {
                let record = earlier.statement.record();
                let change = record.event.change()?;
                let label = &change.release.as_ref()?.label;
                (wanted.as_ref() == Some(label)).then(|| Ok(change.clone()))
            }
        });
        found.unwrap_or(Err(RegistryError::NoRelease { index }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::Fixture, statement::Session};

    #[test]
    fn files_and_lines_that_differ_are_told() {
        let fixture = Fixture::full();
        let tree = |index| {
            let change = fixture.registry.release_of(index).unwrap();
            fixture.registry.tree(&change.release.unwrap().tree).unwrap()
        };
        let differences = trees(&tree(0), &tree(3));
        let told: Vec<_> = differences.iter().map(|file| (file.path.as_str(), file.difference)).collect();
        assert_eq!(told, [("index.html", Difference::Changed), ("new", Difference::Added)]);
        let objects = fixture.registry.objects();
        let lines = text(objects, &differences[0]).unwrap().unwrap();
        assert_eq!(lines, "--- a/index.html\n+++ b/index.html\n@@ -1,2 +1,2 @@\n-<h1>one</h1>\n+<h1>two</h1>\n <p>text</p>\n");
        assert_eq!(text(objects, &differences[1]).unwrap(), None);
        assert_eq!(trees(&tree(3), &tree(0))[1].difference, Difference::Removed);
        assert_eq!(trees(&tree(0), &tree(0)), []);
    }

    #[test]
    fn bytes_are_not_shown_as_lines() {
        let mut fixture = Fixture::new();
        let archive = fixture.pack(&[("x", "x\0")]);
        fixture.deploy("a", archive, &[("x", "x\0")]);
        fixture.deploy("a", archive, &[("x", "y\0")]);
        let tree = |index| fixture.registry.tree(&fixture.registry.release_of(index).unwrap().release.unwrap().tree).unwrap();
        assert_eq!(text(fixture.registry.objects(), &trees(&tree(0), &tree(1))[0]).unwrap(), None);
    }

    #[test]
    fn facts_that_differ_are_told() {
        let fixture = Fixture::full();
        let mut change = fixture.registry.release_of(0).unwrap();
        change.app_plugins = vec![("Blog".into(), "1.0".into())];
        let told = facts(&change, &fixture.registry.release_of(3).unwrap());
        let told: Vec<_> = told.iter().map(|fact| (fact.fact.as_str(), fact.before.as_deref(), fact.after.as_deref())).collect();
        assert_eq!(told, [("app plugin Blog", Some("1.0"), None), ("pack version", Some("1.0.1"), Some("1.0.2"))]);
    }

    #[test]
    fn an_event_without_a_release_is_about_the_one_that_was_current() {
        let fixture = Fixture::full();
        let session = Session { release: Some("hello.20261122_1".into()), ..Session::default() };
        let run = fixture.append("hello", Event::Run(session));
        assert_eq!(fixture.registry.release_of(run).unwrap().release.unwrap().label, "hello.20261122_1");
        let none = fixture.registry.release_of(1).unwrap_err();
        assert!(matches!(none, RegistryError::NoRelease { index: 1 }), "a disable that does not say what is current");
    }
}
