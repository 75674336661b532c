//! Looks at everything that a plan is about; each program is asked once.

use super::{
    Accounts, ResourceError, command, directory, file, firewall, group, ini_keys, link, machine::Machine, package, paths,
    record::Record, repository, sysctl, unit, user,
};
use crate::disk::words;
use silver_pack::hash;
use silver_plugin_api::setup::{Firewall, Found, FoundItem, Item, PathKind, Plan, Presence, Resource};
use std::collections::BTreeMap;

/// A file that is longer is not shown.
const MAX_SHOWN: u64 = 64 << 10;

/// What is there in the place of each item.
pub(crate) async fn observe(machine: &Machine, plan: &Plan, record: Option<&Record>) -> Vec<FoundItem> {
    let items: Vec<&Item> = plan.items.iter().collect();
    let found = observe_some(machine, plan, &items, record).await;
    let told = |(item, found): (&&Item, Found)| FoundItem { id: item.id.clone(), text: text(machine, item, &found), found };
    items.iter().zip(found).map(told).collect()
}

/// The text that is to be replaced, for people; never of a file that not everybody may read.
fn text(machine: &Machine, item: &Item, found: &Found) -> Option<String> {
    let (Resource::File(file), Found::Path(Some(state))) = (&item.resource, found) else { return None };
    let shown = state.kind == PathKind::File && state.mode & 0o004 != 0 && state.size <= MAX_SHOWN;
    if !shown || file.state == Presence::Absent || state.digest == file.content.digest(hash::sha256) {
        return None;
    }
    paths::text(machine, &file.path).ok().flatten() // it is only for showing
}

/// What is there in the place of these items of the plan, in their order.
pub(crate) async fn observe_some(machine: &Machine, plan: &Plan, items: &[&Item], record: Option<&Record>) -> Vec<Found> {
    let looks = Looks::take(machine, plan, items).await;
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let ran =
            record.is_some_and(|record| record.ran.get(&item.id) == Some(&hash::sha256(item.canonical(hash::sha256).as_bytes())));
        let found = match &looks {
            Ok(looks) => looks.one(machine, &item.resource, ran).await,
            Err(error) => Err(ResourceError::Other(words(error))),
        };
        all.push(found.unwrap_or_else(|error| Found::Unknown(words(&error))));
    }
    all
}

/// What several items have in common. What failed is said of each of them.
struct Looks<'a> {
    accounts: Accounts,
    packages: Result<BTreeMap<String, String>, String>,
    units: Result<BTreeMap<String, unit::Shown>, String>,
    firewall: Result<firewall::Standing, String>,
    rules: Vec<&'a Firewall>,
}

impl<'a> Looks<'a> {
    async fn take(machine: &Machine, plan: &'a Plan, items: &[&Item]) -> Result<Self, ResourceError> {
        let packages: Vec<&str> = items.iter().filter_map(|item| package_of(item)).collect();
        let units: Vec<&str> = items.iter().filter_map(|item| unit_of(item)).collect();
        let some_rule = items.iter().any(|item| matches!(item.resource, Resource::Firewall(_)));
        let firewall =
            async { if some_rule { firewall::look(machine).await.map_err(|error| words(&error)) } else { Err(String::new()) } };
        let (packages, units, firewall) =
            tokio::join!(package::installed(machine, &packages), unit::show(machine, &units), firewall);
        Ok(Self {
            accounts: machine.accounts()?,
            packages: packages.map_err(|error| words(&error)),
            units: units.map_err(|error| words(&error)),
            firewall,
            rules: rules(plan),
        })
    }

    async fn one(&self, machine: &Machine, resource: &Resource, ran: bool) -> Result<Found, ResourceError> {
        let unknown = |why: &String| Ok(Found::Unknown(why.clone()));
        match resource {
            Resource::Package(it) => self.packages.as_ref().map_or_else(unknown, |all| Ok(package::found(all, it))),
            Resource::Repository(it) => repository::observe(machine, &self.accounts, it),
            Resource::File(it) => file::observe(machine, &self.accounts, it),
            Resource::Directory(it) => directory::observe(machine, &self.accounts, it),
            Resource::Link(it) => link::observe(machine, &self.accounts, it),
            Resource::Group(it) => Ok(group::observe(&self.accounts, it)),
            Resource::User(it) => user::observe(machine, &self.accounts, it),
            Resource::Unit(it) => self.units.as_ref().map_or_else(unknown, |all| unit::observe(machine, all, it)),
            Resource::IniKeys(it) => ini_keys::observe(machine, it),
            Resource::Sysctl(it) => sysctl::observe(machine, it),
            Resource::Firewall(it) => {
                self.firewall.as_ref().map_or_else(unknown, |all| Ok(firewall::found(all, it, &self.rules)))
            }
            Resource::Command(it) => command::observe(machine, it, ran).await,
        }
    }
}

/// All rules of a plan.
pub(crate) fn rules(plan: &Plan) -> Vec<&Firewall> {
    plan.items.iter().filter_map(|item| if let Resource::Firewall(it) = &item.resource { Some(it) } else { None }).collect()
}

fn package_of<'a>(item: &'a &Item) -> Option<&'a str> {
    if let Resource::Package(it) = &item.resource { Some(&it.name) } else { None }
}

fn unit_of<'a>(item: &'a &Item) -> Option<&'a str> {
    if let Resource::Unit(it) = &item.resource { Some(&it.name) } else { None }
}
