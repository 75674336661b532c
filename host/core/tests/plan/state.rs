//! `silver disable`, `enable`, `deactivate`, `activate`.

use crate::world::{World, ids};
use silver_core::plan::{Decision, Refusal, StateChange, change_state};
use silver_plugin_api::plan::{AppState, DataClass, Deployment};

#[test]
fn every_state_and_every_change() {
    use AppState::{Absent, Active, Deactivated, Disabled};
    use StateChange::{Activate, Deactivate, Disable, Enable};
    const START: &[&str] = &["start", "ready"];
    let start = |then: &'static str| [START, &[then, "probe", "open"]].concat();
    for (from, change, steps) in [
        (Active, Disable, Ok(vec!["disable", "open"])),
        (Disabled, Disable, Err("nothing")),
        (Deactivated, Disable, Err("activate")),
        (Absent, Disable, Err("no app")),
        (Active, Enable, Err("nothing")),
        (Disabled, Enable, Ok(start("enable"))),
        (Deactivated, Enable, Err("activate")),
        (Active, Deactivate, Ok(vec!["deactivate", "open"])),
        (Disabled, Deactivate, Ok(vec!["deactivate", "open"])),
        (Deactivated, Deactivate, Err("nothing")),
        (Active, Activate, Err("nothing")),
        (Disabled, Activate, Err("enable")),
        (Deactivated, Activate, Ok(start("activate"))),
    ] {
        let mut world = World::serving("1.6.0", DataClass::Unchanged);
        world.observed.state = from;
        let found = change_state(change, &Deployment::default(), world.seen(), &world.flags);
        let name = format!("{from:?} {change:?}");
        match (found, steps) {
            (Ok(Decision::Do(plan)), Ok(steps)) => assert_eq!(ids(&plan), steps, "{name}"),
            (Ok(Decision::Nothing { .. }), Err("nothing")) | (Err(Refusal::NoApp { .. }), Err("no app")) => {}
            (Err(Refusal::State { first, .. }), Err(wanted)) => assert_eq!(first, wanted, "{name}"),
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn a_change_of_state_is_short_to_read() {
    let world = World::serving("1.6.0", DataClass::Unchanged);
    let Ok(Decision::Do(plan)) = change_state(StateChange::Disable, &Deployment::default(), world.seen(), &world.flags) else {
        panic!("no plan")
    };
    insta::assert_snapshot!(plan, @r##"
    trac: disable (node local)
      release      trac.20261122_1 (1.6.0)
      locations    trac.localhost
      on failure   everything is as before
      steps
         1 disable  answer 503 and stop the processes
                    on failure: enable
         2 open     from here on nothing is reverted by itself
    "##);
}
