//! Where there is no plan, and what is said then.

use crate::world::World;
use silver_core::plan::Decision;
use silver_plugin_api::plan::{DataClass, Observed, Publisher};

#[test]
fn each_refusal_names_the_thing_and_has_a_way_out() {
    type Change = fn(&mut World);
    let cases: [(Change, &str, bool); 12] = [
        (
            |world| world.wanted.release.pack.id = "org.example.other".into(),
            "`trac` is an application of pack `org.edgewall.trac`, not of `org.example.other`",
            true,
        ),
        (
            |world| world.observed.releases[0].release.pack.signature = "RWabc".into(),
            "the packs of `trac` are signed with the key RWabc, this one is not signed",
            true,
        ),
        (
            |world| {
                world.observed.releases[0].release.pack.signature = "RWabc".into();
                world.wanted.release.pack.signature = "RWother".into();
            },
            "the packs of `trac` are signed with the key RWabc, this one with RWother",
            true,
        ),
        // what the node has recorded counts, not what happens to be current after a rollback
        (
            |world| {
                world.observed.releases[0].release.pack.signature = "RWold".into();
                world.wanted.release.pack.signature = "RWold".into();
                world.observed.publisher = Some(Publisher { pack: "org.edgewall.trac".into(), key: "RWnew".into() });
            },
            "the packs of `trac` are signed with the key RWnew, this one with RWold",
            true,
        ),
        // also before anything was deployed under the name
        (
            |world| {
                world.observed = Observed { publisher: world.observed.known_publisher(), ..World::empty().observed };
                world.wanted.release.pack.id = "org.example.other".into();
            },
            "`trac` is an application of pack `org.edgewall.trac`, not of `org.example.other`",
            true,
        ),
        (|world| world.wanted.release.pack.version = "1.5.9".into(), "`trac` runs 1.6.0, the pack is older: 1.5.9", true),
        (
            |world| world.wanted.min_upgradable = Some("1.6.1".into()),
            "`trac` runs 1.6.0; 1.6.1 can only replace 1.6.1 or later",
            true,
        ),
        (
            |world| {
                world.wanted.locations = Some(vec!["wiki.localhost".into()]);
                world.observed.taken = vec![("wiki.localhost".into(), "wiki".into())];
            },
            "location `wiki.localhost` is taken by `wiki`",
            true,
        ),
        (
            |world| world.wanted.locations = Some(vec!["http://trac.localhost".into()]),
            "`http://trac.localhost` is not a location: leave out the scheme",
            true,
        ),
        (
            |world| world.wanted.locations = Some(vec!["localhost/trac".into()]),
            "`trac` cannot answer below a path, as `localhost/trac` asks for",
            true,
        ),
        (|world| world.observed.running = Some("20261122T1-a".into()), "a change of `trac` is under way (`20261122T1-a`)", true),
        (|world| world.facts.free_bytes = 3, "node `local` has 3 bytes free, the release needs 5432972", true),
    ];
    for (change, message, hint) in cases {
        let mut world = World::serving("1.6.1", DataClass::Unchanged);
        change(&mut world);
        let refusal = world.decide().unwrap_err();
        assert_eq!(refusal.to_string(), message);
        assert_eq!(refusal.hint().is_some(), hint, "{message}");
    }
}

#[test]
fn a_downgrade_can_be_allowed_and_is_remarked() {
    let mut world = World::serving("1.6.1", DataClass::Unchanged);
    world.wanted.release.pack.version = "1.5.9".into();
    world.flags.allow_downgrade = true;
    world.wanted.deployment.loosened = vec!["--allow-downgrade".into()];
    assert_eq!(world.plan().summary.remarks, ["allowed by --allow-downgrade"]);
}

#[test]
fn a_path_is_fine_where_the_application_knows_it() {
    let mut world = World::serving("1.6.1", DataClass::Unchanged);
    world.wanted.locations = Some(vec!["localhost/trac".into()]);
    world.wanted.subpath = true;
    assert_eq!(world.plan().transition.locations, ["localhost/trac"]);
}

#[test]
fn a_new_key_is_remarked_and_deployed_also_when_nothing_else_changed() {
    type Case = (&'static str, Option<&'static str>, &'static [&'static str], Option<&'static str>);
    let cases: [Case; 5] = [
        ("unsigned", Some("RWnew"), &[], Some("from now on only the key RWnew replaces it")),
        ("RWold", Some("RWnew"), &["RWold"], Some("RWnew; the former one signed that: RWold")),
        ("RWold", Some("RWnew"), &["RWolder", "RWold"], Some("RWnew; the former one signed that: RWold")),
        ("RWold", None, &[], None),
        ("unsigned", None, &[], None),
    ];
    for (known, new, rotated_from, remark) in cases {
        let mut world = World::serving("1.6.0", DataClass::Unchanged);
        world.observed.releases[0].release.pack.signature = known.into();
        let pack = &mut world.wanted.release.pack;
        pack.signature = new.unwrap_or(known).into();
        pack.rotated_from = rotated_from.iter().map(ToString::to_string).collect();
        match (world.decide().unwrap(), remark) {
            (Decision::Do(plan), Some(remark)) => {
                assert!(plan.summary.remarks.iter().any(|said| said.ends_with(remark)), "{:?}", plan.summary.remarks);
            }
            (Decision::Nothing { .. }, None) => {}
            (decision, _) => panic!("{known} {new:?}: {decision:?}"),
        }
    }
}

#[test]
fn the_first_key_is_remarked() {
    let mut world = World::empty();
    world.wanted.release.pack.signature = "RWnew".into();
    let remarks = world.plan().summary.remarks;
    assert!(remarks[0].contains("RWnew"), "{remarks:?}");
}
