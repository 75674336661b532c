//! Updates of an application that has visitors without pause: none of them notices.

use silver_tests::{
    Load, load,
    nodes::{
        Tests,
        server::{HOST, Server},
    },
    wait_for,
};

pub(crate) const TESTS: Tests = &[("updates_under_constant_load_lose_no_request", updates_under_constant_load_lose_no_request)];

/// So many updates, unless [`load::UPDATES`] says otherwise.
const UPDATES: usize = 6;

/// Every second update changes rules of the front as well (the number of processes): then Caddy takes a new configuration.
fn updates_under_constant_load_lose_no_request() {
    let updates = load::updates(UPDATES);
    let server = Server::new();
    let zip = server.world.hello("good");
    let mine = |greeting: usize, count: usize| {
        let text = format!(
            "[pack]\nid = \"org.silver.hello\"\n[settings]\ngreeting = \"number {greeting}\"\n[processes.web]\ncount = {count}\n"
        );
        server.world.write("mine/customize.toml", &text).parent().unwrap().to_owned()
    };
    let update = |greeting: usize| {
        let mine = format!("--customize={}", mine(greeting, 1 + greeting / 2 % 2).display());
        server.silver(["update", zip.to_str().unwrap(), HOST, &mine, "--yes"]).ok();
    };
    update(0);
    let load = Load::start(&server.http(), HOST);
    wait_for("visitors", || (load.so_far() > 50).then_some(()));
    for number in 1..=updates {
        let before = load.so_far();
        update(number);
        assert!(server.http().page(HOST, "/").contains(&format!("number {number}")));
        wait_for("visitors of the new release", || (load.so_far() > before + 20).then_some(()));
    }
    load.all_answered(&format!("{updates} updates"));
    server.settled();
    // what was there before is gone: one release runs
    let running = server.node.sh("systemctl list-units --plain --no-legend 'silver-hello*.service' | sed 's/.web.*//' | sort -u");
    assert_eq!(running.lines().count(), 1, "{running}");
}
