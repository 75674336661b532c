//! A plugin of nodes.toml that sets servers up: the one that is an example of the SDK.

use crate::setup::{findings, set_up, world};
use silver_tests::{
    nodes::{TestNode, Tests},
    wait_for,
    world::repository,
};
use std::fs;

pub(crate) const TESTS: Tests = &[("a_plugin_adds_fail2ban", a_plugin_adds_fail2ban)];

/// What it has to be allowed.
const ALLOW: &str = "allow = [\"package\", \"file:/etc/fail2ban/**\", \"unit:fail2ban.service\"]\n";

fn a_plugin_adds_fail2ban() {
    let node = TestNode::bare("web1");
    let world = world(&node, "deploy");
    let component = repository().join("plugins-sdk/examples/fail2ban/fail2ban.wasm");
    assert!(component.is_file(), "run `cargo xtask plugins`");
    let copy = world.work().join("fail2ban.wasm");
    fs::copy(component, &copy).unwrap();
    let before = fs::read_to_string(world.work().join("nodes.toml")).unwrap();
    let with = |rows: &str| world.write("nodes.toml", &format!("{before}\n[plugins.guard]\n{rows}"));

    // which component it is, and what it may, is the operator's to say
    with("file = \"fail2ban.wasm\"\n");
    let said = world.silver(["setup-node", "web1", "--dry-run"]).exits(2).stderr();
    let digest = said.split("`digest = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let file = |bantime: &str| {
        format!("file = \"fail2ban.wasm\"\ndigest = \"{digest}\"\nsettings = {{ bantime = \"{bantime}\", maxretry = 3 }}\n")
    };
    with(&format!("{}allow = [\"package\", \"unit:fail2ban.service\"]\n", file("2h")));
    let said = world.silver(["setup-node", "web1", "--dry-run"]).exits(1).stderr();
    assert!(said.contains("plugin `guard` wants file:/etc/fail2ban/jail.d/silver.local, which it was not allowed"), "{said}");
    let all = "allow = [\"package\", \"unit:fail2ban.service\", \"file:/etc/fail2ban/jail.d/silver.local\"]";
    assert!(said.contains(all), "{said}");

    let allowed = |bantime: &str| with(&format!("{}{ALLOW}", file(bantime)));
    allowed("never, please");
    let said = world.silver(["setup-node", "web1", "--dry-run"]).exits(1).stderr();
    assert!(said.contains("no value for `bantime`"), "{said}");

    allowed("2h");
    let plan = world.json(&["setup-node", "web1", "--dry-run"]);
    let ids: Vec<&str> = plan.as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.contains(&"guard/package") && ids.contains(&"package:caddy"), "{ids:?}");
    set_up(&world);
    // its log, since its client waits for long when it comes while the server starts
    let jail = |bantime: &str| {
        let last = "tac /var/log/fail2ban.log | sed '/Starting Fail2ban/q'";
        wait_for("the jail", || {
            let said = String::from_utf8_lossy(&node.try_sh(last).stdout).into_owned();
            said.contains("Jail 'sshd' started").then_some(said).filter(|said| said.contains(&format!("banTime: {bantime}\n")))
        })
    };
    assert!(jail("7200").contains("maxRetry: 3\n"));
    assert_eq!(findings(&world), []);
    assert_eq!(world.json(&["setup-node", "web1", "--dry-run"]), serde_json::json!([]));

    // what it has brought about is looked after as silver's own is
    node.sh("sed -i 's/bantime = .*/bantime = 1m/' /etc/fail2ban/jail.d/silver.local; systemctl restart fail2ban");
    jail("60");
    assert!(findings(&world).contains(&("guard/jail".into(), "differs".into())));
    set_up(&world);
    jail("7200");
    // another setting is another version
    allowed("3h");
    assert_eq!(world.json(&["list-nodes"])[0]["setup"], "outdated");
    set_up(&world);
    jail("10800");
    assert_eq!(world.json(&["list-nodes"])[0]["setup"], "current");
    // it does what it is there for, beside silver's own rules
    node.sh("fail2ban-client set sshd banip 192.0.2.7");
    wait_for("the ban", || node.sh("nft list ruleset").contains("192.0.2.7").then_some(()));

    // another component under the same name is refused, whatever it would do
    let mut altered = fs::read(&copy).unwrap();
    altered.push(0);
    fs::write(&copy, altered).unwrap();
    let said = world.silver(["setup-node", "web1", "--yes"]).exits(8).stderr();
    assert!(said.contains("is not the one that nodes.toml names"), "{said}");
    let listed = world.silver(["list-nodes", "--json"]).ok();
    assert!(listed.stderr().contains("is not the one that nodes.toml names"), "{}", listed.stderr());
    assert!(listed.stdout().contains("\"unknown\""), "{}", listed.stdout());
}
