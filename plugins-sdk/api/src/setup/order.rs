//! What comes before what.

use super::{Plan, Presence, Resource};
use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};

/// Items that wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these items wait for each other: {}", .0.join(", "))]
pub struct Cycle(pub Vec<String>);

impl Plan {
    /// For each item the items that have to be in place before it, by their places in the plan; sorted.
    /// Besides what `after` and `notify` say it is what follows from the resources: a path comes after
    /// the directory that it is in, its owner and its group, a user after their groups. Who goes, goes
    /// after what they owned has another owner. Ids that no item has are left out.
    pub fn edges(&self) -> Vec<Vec<usize>> {
        let ids: BTreeMap<&str, usize> = self.items.iter().enumerate().map(|(at, item)| (item.id.as_str(), at)).collect();
        let made = |kind: &str, name: &str| {
            self.items.iter().position(|item| {
                item.resource.kind() == kind && item.resource.presence() == Presence::Present && item.resource.name() == name
            })
        };
        let mut edges: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        for (at, item) in self.items.iter().enumerate() {
            edges[at].extend(item.after.iter().filter_map(|id| ids.get(id.as_str())));
            for notify in &item.notify {
                if let Some(&poked) = ids.get(notify.item.as_str()) {
                    edges[poked].push(at);
                }
            }
            let (path, owners) = match &item.resource {
                Resource::File(it) if it.state == Presence::Present => (Some(it.path.as_str()), Some((&it.owner, &it.group))),
                Resource::Directory(it) => (Some(it.path.as_str()), Some((&it.owner, &it.group))),
                Resource::Link(it) => (Some(it.path.as_str()), None),
                Resource::IniKeys(it) => (Some(it.path.as_str()), None),
                Resource::User(it) => {
                    edges[at].extend(it.groups.iter().filter_map(|group| made("group", group)));
                    (None, None)
                }
                Resource::Command(it) => {
                    edges[at].extend(it.user.as_ref().and_then(|user| made("user", user)));
                    (None, None)
                }
                _ => (None, None),
            };
            let above = path.into_iter().flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]));
            edges[at].extend(above.filter_map(|dir| made("directory", dir)));
            if let Some((owner, group)) = owners {
                edges[at].extend(made("user", owner));
                // a group of the user's own is made with the user
                edges[at].extend(made("group", group).or_else(|| made("user", group)));
            }
        }
        for (at, before) in edges.iter_mut().enumerate() {
            before.sort_unstable();
            before.dedup();
            before.retain(|&other| other != at);
        }
        edges
    }

    /// The places of all items in an order in which each comes after those it waits for; otherwise in
    /// the plan's own order.
    pub fn order(&self) -> Result<Vec<usize>, Cycle> {
        let edges = self.edges();
        let mut placed = vec![false; edges.len()];
        let mut order = Vec::with_capacity(edges.len());
        while order.len() < edges.len() {
            let before = order.len();
            for at in 0..edges.len() {
                if !placed[at] && edges[at].iter().all(|&other| placed[other]) {
                    placed[at] = true;
                    order.push(at);
                }
            }
            if order.len() == before {
                let left = (0..edges.len()).filter(|&at| !placed[at]);
                return Err(Cycle(left.map(|at| self.items[at].id.clone()).collect()));
            }
        }
        Ok(order)
    }
}
