//! The firewall: one table of nftables, `inet silver`, that is loaded whole. Rules of others are left
//! alone, and theirs count as well.
//!
//! `/etc/silver/firewall.nft` is what is loaded at each start by `silver-firewall.service`. Whether the kernel
//! has exactly this is seen by comparing its list with the one that was noted when it was loaded.

use super::{
    ResourceError,
    machine::{Machine, Step},
    paths::{self, roots},
    place::Owned,
};
use silver_plugin_api::setup::{Firewall, Found, Loaded, Presence};
use std::collections::BTreeMap;

/// What is loaded.
pub(crate) const FILE: &str = "/etc/silver/firewall.nft";
/// How nft lists it when it is loaded.
pub(crate) const NOTE: &str = "/var/lib/silver/firewall.listing";
/// Loads it when the machine starts.
pub(crate) const UNIT: &str = "/etc/systemd/system/silver-firewall.service";
/// Says that it does.
pub(crate) const WANTED: &str = "/etc/systemd/system/sysinit.target.wants/silver-firewall.service";

const HEAD: &str = "\
# Written by silver setup-node. What no rule here allows is dropped.
table inet silver
delete table inet silver
table inet silver {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname \"lo\" accept
    ct state established,related accept
    ct state invalid drop
    meta l4proto { 1, 58 } accept # icmp: a bare machine does not know their names
    udp sport { 67, 547 } udp dport { 68, 546 } accept
";
const TAIL: &str = "  }\n}\n";
const RULE: &str = "    # rule ";

const SERVICE: &str = "\
# Written by silver setup-node.
[Unit]
Description=Firewall of silver
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=/etc/silver/firewall.nft

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/silver/firewall.nft
ExecReload=/usr/sbin/nft -f /etc/silver/firewall.nft

[Install]
WantedBy=sysinit.target
";

/// The rules that stand, and whether the kernel has them.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    rules: BTreeMap<String, String>,
    loaded: Loaded,
}

/// Looks at all rules at once.
pub(crate) async fn look(machine: &Machine) -> Result<Standing, ResourceError> {
    let text = paths::text(machine, FILE)?;
    let rules = text.as_deref().map(rules_in).unwrap_or_default();
    let loaded = match (listing(machine).await?, paths::text(machine, NOTE)?) {
        (None, _) => Loaded::No,
        (Some(is), Some(noted)) if is == noted && machine.place(WANTED)?.is_some_and(|it| matches!(it.stat(), Ok(Some(_)))) => {
            Loaded::Yes
        }
        _ => Loaded::Altered,
    };
    // what stands around the rules is silver's
    let altered = text.is_some_and(|text| text != whole(&rules));
    Ok(Standing { loaded: if altered && loaded == Loaded::Yes { Loaded::Altered } else { loaded }, rules })
}

/// What was found of one; `all` are those of the plan.
pub(crate) fn found(standing: &Standing, firewall: &Firewall, all: &[&Firewall]) -> Found {
    let wanted = |name: &str| all.iter().any(|rule| rule.name == name);
    let none_wanted = all.iter().all(|rule| rule.state == Presence::Absent);
    let loaded = match (&standing.loaded, none_wanted) {
        (Loaded::No, true) => Loaded::Yes, // nothing is to be loaded
        (_, true) => Loaded::Altered,
        (Loaded::Yes, false) if standing.rules.keys().any(|name| !wanted(name)) => Loaded::Altered,
        (loaded, false) => loaded.clone(),
    };
    Found::Firewall { rule: standing.rules.get(&firewall.name).cloned(), loaded }
}

/// Puts these rules, and no others, in force: in one step, so that none is missing in between.
pub(crate) async fn apply(machine: &Machine, step: Step<'_>, all: &[&Firewall]) -> Result<(), ResourceError> {
    let wanted = all.iter().filter(|rule| rule.state == Presence::Present);
    let rules: BTreeMap<String, String> = wanted.map(|rule| (rule.name.clone(), rule.rule())).collect();
    if rules.is_empty() {
        return remove(machine, step).await;
    }
    machine.made(FILE)?.write(whole(&rules).as_bytes(), roots())?;
    machine.run(step, &["nft", "-f", FILE]).await?;
    machine.made(UNIT)?.write(SERVICE.as_bytes(), roots())?;
    machine.run(step, &["systemctl", "daemon-reload"]).await?;
    machine.run(step, &["systemctl", "enable", "silver-firewall.service"]).await?;
    let listing = listing(machine).await?.unwrap_or_default();
    machine.made(NOTE)?.write(listing.as_bytes(), Owned { mode: 0o600, ..roots() })
}

async fn remove(machine: &Machine, step: Step<'_>) -> Result<(), ResourceError> {
    if listing(machine).await?.is_some() {
        machine.run(step, &["nft", "delete", "table", "inet", "silver"]).await?;
    }
    for path in [WANTED, UNIT, FILE, NOTE] {
        if let Some(place) = machine.place(path)? {
            place.remove()?;
        }
    }
    machine.run(step, &["systemctl", "daemon-reload"]).await
}

/// The table as nft lists it, without counters; `None`: there is none.
async fn listing(machine: &Machine) -> Result<Option<String>, ResourceError> {
    let has_nft = machine.place("/usr/sbin/nft")?.map(|nft| nft.stat()).transpose()?.flatten().is_some();
    if !has_nft {
        return Ok(None); // nothing could have been loaded
    }
    let tables = machine.text(&["nft", "list", "tables"]).await?;
    if !tables.lines().any(|line| line.trim() == "table inet silver") {
        return Ok(None);
    }
    Ok(Some(machine.text(&["nft", "--stateless", "list", "table", "inet", "silver"]).await?))
}

fn whole(rules: &BTreeMap<String, String>) -> String {
    let mut text = HEAD.to_owned();
    for (name, rule) in rules {
        for part in [RULE, name, "\n"] {
            text.push_str(part);
        }
        for part in rule.lines().flat_map(|line| ["    ", line, "\n"]) {
            text.push_str(part);
        }
    }
    text + TAIL
}

fn rules_in(text: &str) -> BTreeMap<String, String> {
    let mut rules = BTreeMap::new();
    let mut name = None;
    for line in text.lines() {
        if let Some(next) = line.strip_prefix(RULE) {
            name = Some(next.to_owned());
            rules.insert(next.to_owned(), String::new());
        } else if line.trim() == "}" {
            name = None;
        } else if let Some(rule) = name.as_ref().and_then(|name| rules.get_mut(name)) {
            *rule += line.trim();
            rule.push('\n');
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let rule = |name: &str, port, sources: &[&str]| Firewall {
            name: name.into(),
            port,
            sources: sources.iter().map(ToString::to_string).collect(),
            ..Firewall::default()
        };
        let wanted = [rule("ssh", 22, &["192.0.2.0/24", "2001:db8::/32"]), rule("http", 80, &[])];
        let rules: BTreeMap<_, _> = wanted.iter().map(|rule| (rule.name.clone(), rule.rule())).collect();
        assert_eq!(rules_in(&whole(&rules)), rules);
        assert_eq!(rules_in("table inet silver {\n}\n"), BTreeMap::new());

        let standing = Standing { rules, loaded: Loaded::Yes };
        let all: Vec<&Firewall> = wanted.iter().collect();
        let said = |all: &[&Firewall]| match found(&standing, &wanted[0], all) {
            Found::Firewall { rule, loaded } => (rule.is_some(), loaded),
            other => panic!("{other:?}"),
        };
        assert_eq!(said(&all), (true, Loaded::Yes));
        assert_eq!(said(&all[..1]), (true, Loaded::Altered), "a rule that the plan does not have");
        let none = Firewall { state: Presence::Absent, ..wanted[0].clone() };
        assert_eq!(said(&[&none]), (true, Loaded::Altered), "nothing shall be loaded");
    }
}
