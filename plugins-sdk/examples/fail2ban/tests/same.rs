//! The plugin twice: natively, and as a component in the sandbox. Both must make the same plan and find the same; then the
//! draft of the interface carries all that a set-up needs.

use silver_extensions::{Extensions, Limits, Plugin, WasmNodeSetup};
use silver_fail2ban::Fail2ban;
use silver_plugin_api::{Failure, Settings, node_setup::NodeSetup, plan::NodeFacts, setup::Grant};
use std::{fs, path::Path};

const GRANTS: [&str; 3] = ["package", "file:/etc/fail2ban/**", "unit:fail2ban.service"];

fn sandboxed(grants: &[&str]) -> WasmNodeSetup {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail2ban.wasm");
    let component = fs::read(&file).unwrap_or_else(|error| panic!("{error}: run `cargo xtask plugins`"));
    let grants = grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect();
    let host = Extensions::new(None, Limits::default()).unwrap();
    host.node_setup(&Plugin::new("fail2ban.wasm"), "fail2ban", &component, grants).unwrap()
}

fn settings(rows: &[(&str, &str)]) -> Settings {
    rows.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn both_make_the_same_plan_and_find_the_same() {
    let (sandboxed, mut node) = (sandboxed(&GRANTS), NodeFacts { name: "web1".into(), ..NodeFacts::default() });
    node.extra.insert("ssh.ports".into(), "22 2222".into());
    for rows in [&[][..], &[("bantime", "2d"), ("maxretry", "3")], &[("bantime", ""), ("shoes", "brown")]] {
        let settings = settings(rows);
        assert_eq!(sandboxed.check(&node, &settings), Fail2ban.check(&node, &settings), "{rows:?}");
        let native = Fail2ban.make_plan(&node, &settings).unwrap();
        native.check().unwrap();
        assert_eq!(sandboxed.make_plan(&node, &settings).unwrap(), native.named("fail2ban").unwrap(), "{rows:?}");
    }
    assert!(sandboxed.inspection().imports.iter().all(|import| !import.starts_with("wasi:")));
}

#[test]
fn it_needs_every_one_of_its_grants() {
    for missing in 0..GRANTS.len() {
        let mut grants = GRANTS.to_vec();
        let kind = grants.remove(missing).split(':').next().unwrap();
        let denied = sandboxed(&grants).make_plan(&NodeFacts::default(), &Settings::new());
        assert!(matches!(&denied, Err(Failure::Denied(why)) if why.contains(kind)), "{denied:?}");
    }
}
