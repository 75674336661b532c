//! Caddy, the front: from the distribution, steered through a Unix socket that only root and Caddy can reach. What it
//! serves is the agent's to say; `docs/nodes.md` has what the two agreed on.

use super::{
    settings::Wanted,
    write::{file, mount, package, unit},
};
use silver_plugin_api::setup::{Command, Directory, Item, OnChange, Resource, Sysctl};

/// What Caddy starts with; the agent replaces it after each change that Caddy has taken.
const CONFIGURATION: &str = "/var/lib/silver/caddy.json";
const FIRST: &str = r#"{"admin":{"listen":"unix//run/caddy/admin.sock"}}"#;

const DROP_IN: &str = "\
# Written by silver.
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
";

pub(super) fn items(wanted: &Wanted) -> Vec<Item> {
    let write = format!("umask 022; printf '%s' '{FIRST}' > {CONFIGURATION}.new; mv {CONFIGURATION}.new {CONFIGURATION}");
    let first = Command {
        argv: ["sh", "-ec", &write].map(str::to_owned).into(),
        creates: Some(CONFIGURATION.into()),
        ..Command::default()
    };
    let logs = Directory { path: "/var/log/silver/front".into(), owner: "caddy".into(), group: "adm".into(), mode: 0o750 };
    let migrate = Sysctl { key: "net.ipv4.tcp_migrate_req".into(), value: "1".into() };
    vec![
        mount(
            "run-silver-public.mount",
            "/var/lib/silver/data",
            "/run/silver/public",
            "bind,ro,nosymfollow,nosuid,nodev,noexec",
            "what applications publish, through a mount that follows no links: none can publish another's files",
        ),
        mount(
            "run-silver-sockets.mount",
            "/run/silver/sockets",
            "/run/silver/sockets",
            "bind,nosymfollow,nosuid,nodev,noexec",
            "sockets of applications: none can lead its visitors to another's",
        ),
        Item::new("caddy-first", Resource::Command(first), "Caddy begins with its admin socket and nothing else")
            .after(["directory:/var/lib/silver"]),
        // before the package: it starts Caddy as soon as it is there
        Item::new(
            "caddy-unit",
            file("/etc/systemd/system/caddy.service.d/silver.conf", DROP_IN),
            "Caddy is steered through a socket that only root can reach, and starts with what it served last",
        )
        .after(["caddy-first", "unit:run-silver-public.mount", "unit:run-silver-sockets.mount"])
        .notify("unit:caddy.service", OnChange::Restart),
        Item::new("package:caddy", package("caddy"), "stands before the applications: routes, https, files")
            .after(["caddy-unit"]),
        Item::new("unit:caddy.service", unit("caddy.service"), "answers on the ports of the web").after(["package:caddy"]),
        Item::new("front", file("/etc/silver/front.toml", front(wanted)), "who signs the certificates"),
        Item::new("directory:/var/log/silver/front", Resource::Directory(logs), "who asked for what; Caddy rotates it")
            .after(["package:caddy"]),
        Item::new(
            "sysctl:net.ipv4.tcp_migrate_req",
            Resource::Sysctl(migrate),
            "connections that wait while Caddy takes a new configuration go over to it",
        ),
    ]
}

/// `/etc/silver/front.toml`
fn front(wanted: &Wanted) -> String {
    let line = |(name, value): (&str, &Option<String>)| {
        value.as_ref().map(|value| format!("{name} = \"{value}\"\n")).unwrap_or_default()
    };
    let more: String = [("email", &wanted.email), ("ca", &wanted.ca)].into_iter().map(line).collect();
    format!("# Written by silver, from nodes.toml.\ntls = \"{}\"\n{more}", wanted.tls)
}
