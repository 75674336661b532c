//! What a set-up would do, as tables.

use silver_core::setup::{Verb, propose, standing_of};
use silver_pack::hash::sha256;
use silver_plugin_api::{
    plan::NodeFacts,
    setup::{
        Command, Content, File, Found, FoundItem, Item, LastSetup, OnChange, Package, PathKind, PathState, Pending, Plan,
        Presence, Resource, SETUP_COMPLETE, SETUP_VERSION, SetupState, Unit, UnitState,
    },
};

fn file(path: &str, text: &str) -> Resource {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    Resource::File(File { path: path.into(), content: Content::text(text), owner, group, mode: 0o644, state: Presence::Present })
}

fn plan() -> Plan {
    let package = Resource::Package(Package { name: "caddy".into(), ..Package::default() });
    let unit = Resource::Unit(Unit { name: "caddy.service".into(), content: None, enabled: true, running: true });
    let command = Resource::Command(Command { argv: vec!["make-it".into()], ..Command::default() });
    let items = vec![
        Item::new("service", unit, "answers requests"),
        Item::new("config", file("/etc/caddy/Caddyfile", "a"), "says how").after(["caddy"]).notify("service", OnChange::Reload),
        Item::new("caddy", package, "the front").notify("service", OnChange::Restart),
        Item::new("ssh", file("/etc/ssh/sshd_config.d/silver.conf", "b"), "no passwords"),
        Item::new("once", command, "makes it"),
    ];
    Plan { items, facts_used: Vec::new() }
}

fn here(text: &str) -> Found {
    Found::Path(Some(PathState {
        kind: PathKind::File,
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        size: 1,
        digest: Some(sha256(text.as_bytes())),
        target: None,
    }))
}

fn unit(active: &str) -> Found {
    Found::Unit(UnitState { load: "loaded".into(), enabled: "enabled".into(), active: active.into(), ran: false, content: None })
}

fn state(found: [(&str, Found); 5]) -> SetupState {
    let found = found.map(|(id, found)| FoundItem { id: id.into(), found, text: None }).to_vec();
    SetupState { last: None, found }
}

fn in_place() -> SetupState {
    state([
        ("caddy", Found::Package { installed: Some("2.6".into()) }),
        ("config", here("a")),
        ("service", unit("active")),
        ("ssh", here("b")),
        ("once", Found::Command { done: true }),
    ])
}

fn last(plan: Plan, complete: bool) -> LastSetup {
    LastSetup { version: plan.version(sha256), complete, at: "2026-11-22T10:00:00Z".into(), plan, pending: Vec::new() }
}

#[test]
fn a_bare_node_gets_everything_in_order_with_reasons() {
    let bare = state([
        ("caddy", Found::Package { installed: None }),
        ("config", Found::Path(None)),
        ("service", Found::Unit(UnitState::default())),
        ("ssh", Found::Path(None)),
        ("once", Found::Command { done: false }),
    ]);
    let proposal = propose(&plan(), &bare).unwrap();
    let said: Vec<_> = proposal.changes.iter().map(|change| (change.id.as_str(), change.verb, change.guarded)).collect();
    assert_eq!(
        said,
        [
            ("caddy", Verb::Create, false),
            ("ssh", Verb::Create, true),
            ("once", Verb::Run, false),
            ("config", Verb::Create, false),
            ("service", Verb::Change, false),
        ]
    );
    assert_eq!(proposal.in_place, 0);
    let text = proposal.lines().join("\n");
    assert!(text.contains("+  package caddy\n      the front"), "{text}");
    assert!(text.contains("+! file /etc/ssh/sshd_config.d/silver.conf\n      no passwords"), "{text}");
    assert!(text.contains("~  unit caddy.service: enabled absent → enabled, running absent → active, restart"), "{text}");
    assert!(text.contains("undone by the node within 60 s"), "{text}");
    assert_eq!(proposal.headline("web1"), format!("web1: 5 of 5 resources change (first setup, {})", proposal.version.short()));
}

#[test]
fn again_is_nothing() {
    let set_up = SetupState { last: Some(last(plan(), true)), ..in_place() };
    let proposal = propose(&plan(), &set_up).unwrap();
    assert!(proposal.is_nothing() && proposal.in_place == 5, "{proposal:?}");
    // as it shall be, and yet nobody has said so to the node
    assert!(!propose(&plan(), &in_place()).unwrap().is_nothing());
    assert!(!propose(&plan(), &SetupState { last: Some(last(plan(), false)), ..in_place() }).unwrap().is_nothing());
}

#[test]
fn a_change_pokes_and_so_does_one_that_was_cut_short() {
    let mut edited = SetupState { last: Some(last(plan(), true)), ..in_place() };
    edited.found[1].found = here("edited by hand");
    edited.found[1].text = Some("edited by hand".into());
    let proposal = propose(&plan(), &edited).unwrap();
    let said: Vec<_> = proposal.changes.iter().map(|change| (change.id.as_str(), change.verb(), change.poked)).collect();
    assert_eq!(said, [("config", "change", None), ("service", "reload", Some(OnChange::Reload))]);

    assert_eq!(proposal.changes[0].text, Some(("edited by hand".into(), "a".into())));

    let mut cut = SetupState { last: Some(last(plan(), false)), ..in_place() };
    cut.last.as_mut().unwrap().pending = vec![
        Pending { item: "service".into(), how: OnChange::Restart },
        Pending { item: "of an earlier version".into(), how: OnChange::Restart },
    ];
    let proposal = propose(&plan(), &cut).unwrap();
    let said: Vec<_> = proposal.changes.iter().map(|change| (change.id.as_str(), change.verb())).collect();
    assert_eq!(said, [("service", "restart")]);
}

#[test]
fn what_cannot_be_seen_is_said_and_what_is_no_longer_wanted_is_left() {
    let mut state = in_place();
    state.found[2].found = Found::Unknown("systemd does not answer".into());
    state.found.remove(3);
    let mut before = plan();
    before.items.push(Item::new("old", file("/etc/old.conf", ""), "of an earlier version"));
    state.last = Some(last(before, true));
    let proposal = propose(&plan(), &state).unwrap();
    let said: Vec<_> = proposal.unknown.iter().map(|unknown| (unknown.id.as_str(), unknown.why.as_str())).collect();
    assert_eq!(said, [("ssh", "the node said nothing about it"), ("service", "systemd does not answer")]);
    assert_eq!(proposal.left, ["file /etc/old.conf"]);
    assert!(!proposal.is_nothing());
    let text = proposal.lines().join("\n");
    assert!(text.contains("?  unit caddy.service cannot be looked at: systemd does not answer"), "{text}");
    assert!(text.contains(".  file /etc/old.conf is no longer part of the set-up and is left alone"), "{text}");
}

#[test]
fn versions_are_compared() {
    let version = plan().version(sha256);
    let other = Plan { items: plan().items.split_off(1), facts_used: Vec::new() };
    let mut edited = in_place();
    edited.found[1].found = here("edited by hand");
    let mut unseen = in_place();
    unseen.found[1].found = Found::Unknown("it is locked".into());
    let table = [
        (None, in_place(), "none"),
        (Some(last(plan(), false)), in_place(), "incomplete"),
        (Some(last(plan(), true)), in_place(), "current"),
        (Some(last(other, true)), in_place(), "outdated"),
        (Some(last(plan(), true)), edited.clone(), "drifted"),
        (Some(last(plan(), false)), edited, "incomplete"),
        (Some(last(plan(), true)), unseen, "unknown"),
    ];
    for (last, state, expected) in table {
        let mut facts = NodeFacts::default();
        if let Some(last) = &last {
            facts.extra.insert(SETUP_VERSION.into(), last.version.hex());
            facts.extra.insert(SETUP_COMPLETE.into(), last.complete.to_string());
        }
        // what is there takes a look
        let unlooked = if ["drifted", "unknown"].contains(&expected) { "current" } else { expected };
        assert_eq!(standing_of(&facts, &version).as_str(), unlooked);
        assert_eq!(propose(&plan(), &SetupState { last, ..state }).unwrap().standing().as_str(), expected);
    }
}

#[test]
fn a_plan_with_flaws_is_refused_whole() {
    let mut wrong = plan();
    wrong.items[0].after.push("nobody".into());
    let flaws = propose(&wrong, &in_place()).unwrap_err();
    assert_eq!(flaws[0].to_string(), "item `service`: it comes after `nobody`, which is no item");
}
