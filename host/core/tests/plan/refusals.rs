//! Where there is no plan, and what is said then.

use crate::world::World;
use silver_plugin_api::plan::DataClass;

#[test]
fn each_refusal_names_the_thing_and_has_a_way_out() {
    type Change = fn(&mut World);
    let cases: [(Change, &str, bool); 9] = [
        (
            |world| world.wanted.release.pack.id = "org.example.other".into(),
            "`trac` is an application of pack `org.edgewall.trac`, not of `org.example.other`",
            true,
        ),
        (
            |world| world.observed.releases[0].release.pack.signature = "RWabc".into(),
            "`trac` is signed by RWabc, the pack by unsigned",
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
