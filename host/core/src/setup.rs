//! What a set-up of a node would change: what shall be so ([`Plan`]) compared with what the node says is
//! there. Pure; what is shown and what is done come of the same comparison
//! ([`silver_plugin_api::setup::standing`]).

mod text;

use silver_pack::hash;
use silver_plugin_api::{
    Digest,
    plan::NodeFacts,
    setup::{
        Content, Difference, File, Flaw, Found, LastSetup, OnChange, Plan, Presence, Resource, SETUP_COMPLETE, SETUP_VERSION,
        SetupState, Standing, standing,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// What a set-up would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The version that the node has then.
    pub version: Digest,
    /// The version that it has now.
    pub former: Option<Digest>,
    /// Was the last set-up brought to its end?
    pub complete: bool,
    /// What is changed, in an order in which it can be done.
    pub changes: Vec<Change>,
    /// What cannot be looked at.
    pub unknown: Vec<Unknown>,
    /// So many resources are as they shall be.
    pub in_place: usize,
    /// What the last set-up brought about and this one says nothing of: it is left alone.
    pub left: Vec<String>,
}

/// A resource that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The item's id.
    pub id: String,
    /// `file`, `package`, …
    pub kind: &'static str,
    /// Path, name or command line.
    pub name: String,
    /// What is done to it.
    pub verb: Verb,
    /// What is not as it shall be.
    pub differences: Vec<Difference>,
    /// What it is told because of other changes.
    pub poked: Option<OnChange>,
    /// The plan's reason.
    pub why: String,
    /// Is it undone unless a fresh connection confirms it?
    pub guarded: bool,
    /// Of a file whose text is replaced by another one: as it is, as it shall be.
    pub text: Option<(String, String)>,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It is made.
    Create,
    /// It is put right.
    Change,
    /// It is removed.
    Remove,
    /// A command is run.
    Run,
    /// It is only told that something else has changed.
    Poke,
}

/// A resource that cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The item's id.
    pub id: String,
    /// `file`, `package`, …
    pub kind: &'static str,
    /// Path, name or command line.
    pub name: String,
    /// Why, as the node says.
    pub why: String,
}

/// How the set-up of a node stands to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupStanding {
    /// It never had one.
    None,
    /// It was begun and not brought to its end.
    Incomplete,
    /// It is another version.
    Outdated,
    /// It is this version, and something is no longer as it was brought about. Only a look tells.
    Drifted,
    /// It is this version, and of some of it nobody can tell.
    Unknown,
    /// It is this version.
    Current,
}

/// What `plan` would change on a node that is in this state. A plan with flaws is refused whole.
pub fn propose(plan: &Plan, state: &SetupState) -> Result<Proposal, Vec<Flaw>> {
    plan.check()?;
    let order = plan.order().map_err(|cycle| vec![Flaw { item: None, why: cycle.to_string() }])?;
    let found: BTreeMap<&str, &Found> = state.found.iter().map(|item| (item.id.as_str(), &item.found)).collect();
    let texts: BTreeMap<&str, &String> =
        state.found.iter().filter_map(|item| Some((item.id.as_str(), item.text.as_ref()?))).collect();
    let not_said = Found::Unknown("the node said nothing about it".into());
    let mut poked = pending(plan, state.last.as_ref());
    let (mut changes, mut unknown, mut in_place) = (Vec::new(), Vec::new(), 0);
    for at in order {
        let item = &plan.items[at];
        let (kind, name) = (item.resource.kind(), item.resource.name());
        let there = *found.get(item.id.as_str()).unwrap_or(&&not_said);
        let stand = standing(&item.resource, there, hash::sha256);
        let poke = poked.get(item.id.as_str()).copied();
        let differences = match stand {
            Standing::Unknown(why) => {
                unknown.push(Unknown { id: item.id.clone(), kind, name, why });
                continue;
            }
            Standing::Differs(differences) => differences,
            Standing::InPlace if poke.is_none() => {
                in_place += 1;
                continue;
            }
            Standing::InPlace => Vec::new(),
        };
        let verb = verb(&item.resource, &differences);
        if verb != Verb::Poke {
            // in the plan's order whoever is poked comes later
            for notify in &item.notify {
                let how = poked.entry(notify.item.as_str()).or_insert(notify.how);
                *how = (*how).max(notify.how);
            }
        }
        changes.push(Change {
            id: item.id.clone(),
            kind,
            name,
            // what is made anew, or run, needs not be told anything
            poked: poke.filter(|_| matches!(verb, Verb::Poke | Verb::Change)),
            verb,
            differences,
            why: item.why.clone(),
            guarded: item.is_guarded_at(there),
            text: texts.get(item.id.as_str()).and_then(|is| Some(((*is).clone(), text(&item.resource)?))),
        });
    }
    Ok(Proposal {
        version: plan.version(hash::sha256),
        former: state.last.as_ref().map(|last| last.version),
        complete: state.last.as_ref().is_some_and(|last| last.complete),
        changes,
        unknown,
        in_place,
        left: state.last.as_ref().map(|last| left(plan, last)).unwrap_or_default(),
    })
}

/// How the last set-up of a node with these facts stands to a plan of this version, without a look at what is there.
pub fn standing_of(facts: &NodeFacts, version: &Digest) -> SetupStanding {
    let last = facts.extra.get(SETUP_VERSION);
    stands(last.map(|last| *last == version.hex()), facts.extra.get(SETUP_COMPLETE).is_some_and(|said| said == "true"))
}

/// `same`: is the last one of the plan's version, if there was one?
fn stands(same: Option<bool>, complete: bool) -> SetupStanding {
    match same {
        None => SetupStanding::None,
        Some(_) if !complete => SetupStanding::Incomplete,
        Some(false) => SetupStanding::Outdated,
        Some(true) => SetupStanding::Current,
    }
}

impl SetupStanding {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Incomplete => "incomplete",
            Self::Outdated => "outdated",
            Self::Drifted => "drifted",
            Self::Unknown => "unknown",
            Self::Current => "current",
        }
    }
}

impl Proposal {
    /// How the node stands to the plan, by what is there.
    pub fn standing(&self) -> SetupStanding {
        match stands(self.former.map(|former| former == self.version), self.complete) {
            SetupStanding::Current if !self.changes.is_empty() => SetupStanding::Drifted,
            SetupStanding::Current if !self.unknown.is_empty() => SetupStanding::Unknown,
            standing => standing,
        }
    }

    /// Is there nothing to do, and is that also remembered?
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.unknown.is_empty() && self.complete && self.former == Some(self.version)
    }
}

fn pending<'a>(plan: &'a Plan, last: Option<&LastSetup>) -> BTreeMap<&'a str, OnChange> {
    let due = last.map(|last| last.pending.as_slice()).unwrap_or_default();
    due.iter().filter_map(|due| Some((plan.item(&due.item)?.id.as_str(), due.how))).collect()
}

fn verb(resource: &Resource, differences: &[Difference]) -> Verb {
    let absent = |text: &str| text == "absent";
    match (resource, differences.first()) {
        (_, None) => Verb::Poke,
        (Resource::Command(_), Some(_)) => Verb::Run,
        (resource, Some(_)) if resource.presence() == Presence::Absent => Verb::Remove,
        (_, Some(first)) if absent(&first.is) && matches!(first.what.as_str(), "state" | "rule" | "description") => Verb::Create,
        (Resource::Unit(unit), Some(first)) if unit.content.is_some() && first.what == "content" && absent(&first.is) => {
            Verb::Create
        }
        _ => Verb::Change,
    }
}

/// The text of a file as it shall be.
fn text(resource: &Resource) -> Option<String> {
    match resource {
        Resource::File(File { content: Content::Inline(bytes), .. }) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}

/// Things of the last plan that are not in this one.
fn left(plan: &Plan, last: &LastSetup) -> Vec<String> {
    let said = |resource: &Resource| format!("{} {}", resource.kind(), resource.name());
    let here: BTreeSet<String> = plan.items.iter().map(|item| said(&item.resource)).collect();
    let lasting = |resource: &&Resource| {
        resource.presence() == Presence::Present && !matches!(resource, Resource::Command(_) | Resource::Firewall(_))
    };
    let before = last.plan.items.iter().map(|item| &item.resource).filter(lasting);
    before.map(said).filter(|said| !here.contains(said)).collect()
}
