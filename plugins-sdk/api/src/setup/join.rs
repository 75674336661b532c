//! Several plans as one: silver's own and those of plugins.

use super::{Item, Plan};
use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

/// A plugin's plan that reaches out of itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item `{item}` pokes `{other}`, which is none of this plan")]
pub struct Foreign {
    /// The item.
    pub item: String,
    /// What it pokes.
    pub other: String,
}

impl Plan {
    /// The plan with `name/` before the id of each item, so that plans of several plugins go together. An
    /// item may come after items of other plans; it pokes those of its own only.
    pub fn named(mut self, name: &str) -> Result<Self, Foreign> {
        let own: BTreeSet<String> = self.items.iter().map(|item| item.id.clone()).collect();
        let named = |id: &str| format!("{name}/{id}");
        for item in &mut self.items {
            if let Some(notify) = item.notify.iter().find(|notify| !own.contains(&notify.item)) {
                return Err(Foreign { item: item.id.clone(), other: notify.item.clone() });
            }
            item.id = named(&item.id);
            for after in item.after.iter_mut().filter(|after| own.contains(*after)) {
                *after = named(after);
            }
            for notify in &mut item.notify {
                notify.item = named(&notify.item);
            }
        }
        Ok(self)
    }

    /// Both plans.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.items.extend(other.items);
        let facts: BTreeSet<String> = self.facts_used.into_iter().chain(other.facts_used).collect();
        Self { items: self.items, facts_used: facts.into_iter().collect::<Vec<String>>() }
    }
}

impl Item {
    /// The plugin that it is of, when it is of one.
    pub fn plugin(&self) -> Option<&str> {
        self.id.split_once('/').map(|(plugin, _)| plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{OnChange, Package, Resource};
    use alloc::{string::ToString, vec};

    fn item(id: &str) -> Item {
        Item::new(id, Resource::Package(Package { name: id.into(), ..Package::default() }), "why")
    }

    fn plan(items: Vec<Item>, facts: &[&str]) -> Plan {
        Plan { items, facts_used: facts.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn a_named_plan_knows_its_own_items_and_waits_for_others() {
        let own = plan(vec![item("a").after(["b", "caddy"]).notify("b", OnChange::Restart), item("b")], &["memory"]);
        let joined = plan(vec![item("caddy")], &["memory", "distribution"]).join(own.named("p").unwrap());
        let ids: Vec<&str> = joined.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["caddy", "p/a", "p/b"]);
        assert_eq!(joined.items[1].after, ["p/b", "caddy"]);
        assert_eq!(joined.items[1].notify[0].item, "p/b");
        assert_eq!(joined.facts_used, ["distribution", "memory"]);
        assert_eq!((joined.items[0].plugin(), joined.items[1].plugin()), (None, Some("p")));
    }

    #[test]
    fn a_plugin_pokes_nothing_of_others() {
        let reaching = plan(vec![item("a").notify("caddy", OnChange::Restart)], &[]);
        assert_eq!(reaching.named("p"), Err(Foreign { item: "a".into(), other: "caddy".into() }));
    }
}
