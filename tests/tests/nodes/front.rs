//! Caddy before applications of their own users: what it may read, and what it must never be led to.

use crate::apps::{World, socket};
use silver_plugin_api::plan::StaticDir;
use silver_tests::{
    nodes::{Tests, server::Server},
    wait_for,
};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

pub(crate) const TESTS: Tests = &[
    ("caddy_serves_what_it_may_and_is_led_nowhere", caddy_serves_what_it_may_and_is_led_nowhere),
    ("updates_and_a_held_one_lose_no_request", updates_and_a_held_one_lose_no_request),
    ("after_a_reboot_visitors_wait_for_their_application", after_a_reboot_visitors_wait_for_their_application),
    ("what_somebody_else_has_configured_is_kept", what_somebody_else_has_configured_is_kept),
];

const HOST: &str = "trac.example.org";

/// What `silver setup-node` lays out for the front.
const SET_UP: &str = r#"
mkdir -p /etc/silver /var/lib/silver/data /run/silver/sockets /run/silver/apps /var/log/silver/front
chmod 711 /var/lib/silver/data
echo 'tls = "off"' > /etc/silver/front.toml
echo '{"admin":{"listen":"unix//run/caddy/admin.sock"}}' > /var/lib/silver/caddy.json
chown caddy:adm /var/log/silver/front
mount() {
    printf '[Mount]\nWhat=%s\nWhere=%s\nType=none\nOptions=bind,%s\n' "$2" "$3" "$4" > "/etc/systemd/system/$1.mount"
}
mount run-silver-public /var/lib/silver/data /run/silver/public ro,nosymfollow,nosuid,nodev,noexec
mount run-silver-sockets /run/silver/sockets /run/silver/sockets nosymfollow,nosuid,nodev,noexec
mkdir -p /etc/systemd/system/caddy.service.d
cat > /etc/systemd/system/caddy.service.d/silver.conf <<end
[Unit]
Requires=run-silver-public.mount run-silver-sockets.mount
After=run-silver-public.mount run-silver-sockets.mount
[Service]
ExecStart=
ExecStart=/usr/bin/caddy run --environ --config /var/lib/silver/caddy.json
ExecReload=
ExecReload=/usr/bin/caddy reload --config /var/lib/silver/caddy.json --force
RuntimeDirectory=caddy
RuntimeDirectoryMode=0750
Restart=on-failure
end
systemctl daemon-reload
systemctl enable --quiet --now caddy
"#;

fn world() -> World {
    let world = World::new();
    world.node.sh(SET_UP);
    world
}

fn caddy_serves_what_it_may_and_is_led_nowhere() {
    let world = world();
    let label = "trac.20261122_1";
    world.lay(label, "plain", |release| {
        release.statics = vec![StaticDir { prefix: "/css/".into(), dir: "htdocs".parse().unwrap() }];
    });
    let htdocs = world.node.disk().join(format!("var/lib/silver/releases/trac/{label}/tree/htdocs"));
    fs::create_dir(&htdocs).unwrap();
    fs::write(htdocs.join("x.css"), "css").unwrap();
    world.act("start", label, "");
    world.act("route", label, "");
    let http = world.node.http();
    assert_eq!((http.page(HOST, "/"), http.page(HOST, "/css/x.css")), ("ok".into(), "css".into()));
    let uploads = "/var/lib/silver/data/trac/files/uploads";
    world.act("run", label, &format!("sh -c 'echo picture > {uploads}/a; ln -s /etc/passwd {uploads}/b; ln -s a {uploads}/c'"));
    assert_eq!(http.page(HOST, "/uploads/a"), "picture\n");
    for link in ["/uploads/b", "/uploads/c"] {
        let answer = http.get(HOST, link).unwrap();
        assert_eq!(answer.status, 404, "{link}: {}", answer.body);
    }
    // the lines of requests are the front's to write, and anybody's to read who may read logs
    wait_for("a line", || world.act("requests", label, "").contains("GET /uploads/a 200 ").then_some(()));

    // a socket that is a link: to Caddy's own admin API
    let socket = socket(label, 0);
    world.node.sh(&format!("runuser -u silver-trac -- ln -sfn /run/caddy/admin.sock {socket}"));
    let led = http.get(HOST, "/config/").unwrap();
    assert_eq!(led.status, 502, "{}", led.body);
}

fn updates_and_a_held_one_lose_no_request() {
    const UPDATES: usize = 10;
    let world = world();
    let label = |number: usize| format!("trac.20261122_{number}");
    for number in 1..=UPDATES + 1 {
        world.lay(&label(number), "plain", |_| {});
    }
    world.act("start", &label(1), "");
    world.act("route", &label(1), "");
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let visitors: Vec<_> = (0..4)
        .map(|number| {
            let (http, done, answered) = (world.node.http(), Arc::clone(&done), Arc::clone(&answered));
            thread::spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let answer = if number % 2 == 0 { http.get(HOST, "/") } else { http.post(HOST, "/", "hello") };
                    let answer = answer.unwrap();
                    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{}", answer.body);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for number in 2..=UPDATES {
        world.act("update", &label(number), &label(number - 1));
    }
    world.act("hold", &label(UPDATES + 1), &label(UPDATES));
    let before = answered.load(Ordering::SeqCst);
    wait_for("the new one answers", || (answered.load(Ordering::SeqCst) > before + 10).then_some(()));
    done.store(true, Ordering::SeqCst);
    for visitor in visitors {
        visitor.join().unwrap();
    }
    let running = world.node.sh("systemctl list-units --plain --no-legend 'silver-trac*.service'");
    assert!(running.contains(&label(UPDATES + 1)) && running.lines().count() == 1, "{running}");
}

fn after_a_reboot_visitors_wait_for_their_application() {
    let world = world();
    let label = "trac.20261122_1";
    world.lay(label, "plain", |_| {});
    world.act("start", label, "");
    world.act("route", label, "");
    world.node.reboot().unwrap();
    world.node.wait();
    wait_for("Caddy listens", || world.node.try_sh("curl -s --max-time 1 http://127.0.0.1/").status.success().then_some(()));
    let http = world.node.http();
    let early = thread::spawn(move || http.get(HOST, "/").unwrap());
    // as `silver agent recover` does
    world.act("start", label, "");
    assert!(!early.is_finished(), "it is held");
    world.act("route", label, "");
    let early = early.join().unwrap();
    assert_eq!((early.status, early.body.as_str()), (200, "ok"), "{}", early.body);
}

/// Asks Caddy's admin API, as docs/nodes.md says.
const ADMIN: &str = "curl -sS --fail --unix-socket /run/caddy/admin.sock -H 'Host;' -H 'Content-Type: application/json'";
/// What somebody serves: a route.
const BLOG: &str =
    r#"{"match":[{"host":["blog.example.org"]}],"handle":[{"handler":"static_response","body":"a blog"}],"terminal":true}"#;

fn what_somebody_else_has_configured_is_kept() {
    let server = Server::new();
    server.update("good").ok();
    let blog = || server.http().page("blog.example.org", "/");
    let theirs = format!(
        r#"{{"admin":{{"listen":"unix//run/caddy/admin.sock"}},"apps":{{"http":{{"servers":{{"blog":{{"listen":[":80"],"routes":[{BLOG}]}}}}}}}}}}"#
    );
    server.node.sh(&format!("{ADMIN} -d '{theirs}' http://caddy/load"));
    assert_eq!(blog(), "a blog");

    // nothing of it is touched, and it is said how to go on
    let configured = || server.node.sh(&format!("{ADMIN} http://caddy/config/"));
    let before = configured();
    let refused = server.update("next").exits(4).stderr();
    assert_eq!(server.recorded().0, "reverted");
    assert!(refused.contains("serves something that is not silver's: the server `blog` [\":80\"]"), "{refused}");
    assert!(refused.contains("systemctl restart caddy"), "{refused}");
    assert_eq!((configured(), blog()), (before, "a blog".into()));

    // as it is said
    server.node.sh("systemctl restart caddy");
    assert_eq!(server.settled(), "1.0.0");
    server.update("next").ok();
    server.node.sh(&format!("{ADMIN} -d '{BLOG}' http://caddy/config/apps/http/servers/silver/routes"));
    server.silver(["rollback", "hello", "--yes"]).ok();
    assert_eq!((blog(), server.settled()), ("a blog".into(), "1.0.0".into()));
    server.node.sh("systemctl restart caddy");
    assert_eq!((blog(), server.settled()), ("a blog".into(), "1.0.0".into()), "Caddy starts with it");
}
