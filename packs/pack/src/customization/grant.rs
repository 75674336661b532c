//! `[[grant]]` of `customize.lock`: what the operator allows a pack's plugin, and what not. A decision is bound
//! to the component's digest, so that another component, also of the same name, has to ask again.

use super::lock::Lock;
use crate::manifest::{Need, PluginDef};
use serde::{Deserialize, Serialize};
use silver_plugin_api::{Digest, TreePath};

/// `[[grant]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grant {
    /// Digest of the component.
    pub plugin: Digest,
    /// Its file in the pack, for people.
    pub file: TreePath,
    /// What it may do.
    pub needs: Vec<Need>,
    /// What it asked for and may not do; it is not asked for again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Need>,
}

/// What was decided of one need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
    /// Nobody was asked yet.
    Undecided,
}

impl Decision {
    /// As reports show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undecided => "undecided",
        }
    }
}

impl Grant {
    /// What was decided of `need`.
    pub fn decision(&self, need: &Need) -> Decision {
        match (self.denied.contains(need), self.needs.contains(need)) {
            (true, _) => Decision::Denied,
            (false, true) => Decision::Allowed,
            (false, false) => Decision::Undecided,
        }
    }
}

impl Lock {
    /// The decisions about the component with this digest.
    pub fn grant_of(&self, plugin: &Digest) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.plugin == *plugin)
    }

    /// What was decided of one need of the component with this digest.
    pub fn decision(&self, plugin: &Digest, need: &Need) -> Decision {
        self.grant_of(plugin).map_or(Decision::Undecided, |grant| grant.decision(need))
    }

    /// The decisions about another component that stood in the same file of the pack: the one before an upgrade.
    pub fn former_grant(&self, plugin: &Digest, file: &TreePath) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.file == *file && grant.plugin != *plugin)
    }

    /// Decides of `needs`, for the component with this digest. What was decided of its other needs
    /// stays; decisions about former components of the same file go, and so do those of which it asks nothing.
    pub fn decide(&mut self, plugin: Digest, def: &PluginDef, needs: &[Need], decision: Decision) {
        let wanted = |need: &&Need| if needs.contains(need) { decision } else { self.decision(&plugin, need) };
        let these = |which| def.needs.iter().filter(|need| wanted(need) == which).cloned().collect::<Vec<_>>();
        let grant = Grant { plugin, file: def.file.clone(), needs: these(Decision::Allowed), denied: these(Decision::Denied) };
        self.grants.retain(|grant| grant.file != def.file);
        if !(grant.needs.is_empty() && grant.denied.is_empty()) {
            self.grants.push(grant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hash::sha256,
        manifest::{IndexKind, World},
    };

    fn def(needs: &[Need]) -> PluginDef {
        let file = TreePath::new("plugins/c.wasm").unwrap();
        PluginDef { file, world: World::CommandPlugin, sha256: None, needs: needs.to_vec() }
    }

    #[test]
    fn a_decision_is_bound_to_the_digest_and_to_what_is_asked() {
        let (index, edit, host) = (Need::Index(IndexKind::Python), Need::EditCustomization, Need::Http("a.example".into()));
        let (old, new) = (sha256(b"old"), sha256(b"new"));
        let mut lock = Lock::default();
        lock.decide(old, &def(&[index.clone(), edit.clone()]), &[index.clone(), edit.clone(), host.clone()], Decision::Allowed);
        assert_eq!(lock.decision(&old, &index), Decision::Allowed);
        assert_eq!(lock.decision(&old, &host), Decision::Undecided, "it did not ask for that");
        assert_eq!(lock.decision(&new, &index), Decision::Undecided, "that is another component");

        // what is not spoken of stays as it was
        lock.decide(old, &def(&[index.clone(), edit.clone()]), std::slice::from_ref(&edit), Decision::Denied);
        assert_eq!((lock.decision(&old, &index), lock.decision(&old, &edit)), (Decision::Allowed, Decision::Denied));

        let upgraded = def(&[index.clone(), host.clone()]);
        assert_eq!(lock.former_grant(&new, &upgraded.file).unwrap().plugin, old);
        lock.decide(new, &upgraded, std::slice::from_ref(&host), Decision::Allowed);
        assert_eq!((lock.decision(&new, &host), lock.decision(&new, &index)), (Decision::Allowed, Decision::Undecided));
        assert_eq!(lock.grants.len(), 1, "decisions about the former component are gone");
        lock.decide(new, &upgraded, &[host], Decision::Undecided);
        assert_eq!(lock.grants, []);
    }
}
