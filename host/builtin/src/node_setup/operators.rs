//! Keys of the operators, from `[operators]` of nodes.toml. They lie in a file of their own, which is written as a
//! whole: who is taken out of nodes.toml no longer gets in, and nobody's `~/.ssh/authorized_keys` is touched.

use super::{
    machine::Machine,
    settings::Wanted,
    write::{directory, file, no_file, only_when_poked},
};
use silver_plugin_api::setup::{Command, Item, OnChange, Resource};

const KEYS: &str = "/etc/ssh/silver";
/// Read before the rest of sshd's configuration, and for each setting the first word counts.
const DROP_IN: &str = "/etc/ssh/sshd_config.d/40-silver.conf";
/// For the records: `silver_agent::login`.
const TELLING: &str = "/etc/ssh/sshd_config.d/41-silver-login.conf";
const RELOAD: &str = "sshd-reads-again";
/// Every file of keys but the one that it is given.
const OTHERS: &str = "for f in /etc/ssh/silver/*.keys; do [ \"$f\" = \"$0\" ] || [ ! -e \"$f\" ]";

pub(super) fn items(machine: &Machine<'_>, wanted: &Wanted) -> Vec<Item> {
    let path = format!("{KEYS}/{}.keys", wanted.login);
    let reload = only_when_poked(&["systemctl", "try-reload-or-restart", "ssh.service"]);
    let reload = Item { guard: true, ..Item::new(RELOAD, reload, "sshd looks at its configuration again; sessions go on") };
    let telling = file(TELLING, "# Written by silver.\nExposeAuthInfo yes\n");
    let telling = Item::new("login-keys-told", telling, "sshd tells with which key somebody has logged in: it is recorded")
        .notify(RELOAD, OnChange::Rerun);
    if wanted.operators.is_empty() {
        return vec![
            telling,
            Item::new("operators", no_file(&path), "nodes.toml names no operators: their keys are gone"),
            Item::new("operators-keys-file", no_file(DROP_IN), "so sshd looks nowhere else for keys")
                .notify(RELOAD, OnChange::Rerun),
            reload,
            former_logins(&path),
        ];
    }
    let lines = |(name, keys): (&String, &Vec<String>)| {
        keys.iter().map(|key| format!("{key}\n")).fold(format!("# {name}\n"), |text, key| text + &key)
    };
    let keys: String = wanted.operators.iter().map(lines).collect();
    let names: Vec<&str> = wanted.operators.keys().map(String::as_str).collect();
    let text = format!("# Written by silver.\nAuthorizedKeysFile {} {KEYS}/%u.keys\n", machine.ssh_keys());
    vec![
        telling,
        Item::new("operators-directory", directory(KEYS, 0o755), "keys of operators, one file for each login"),
        Item::new(
            "operators",
            file(&path, format!("# Written by silver, from nodes.toml.\n{keys}")),
            format!("who may log in as {}: {}", wanted.login, names.join(", ")),
        ),
        Item::new("operators-keys-file", file(DROP_IN, text), "sshd looks there, too")
            .after(["operators"])
            .notify(RELOAD, OnChange::Rerun),
        reload,
        former_logins(&path),
    ]
}

/// Keys of whom the node's address named before: sshd would go on taking them. They go when it was confirmed that one can
/// get in as whom it names now.
fn former_logins(path: &str) -> Item {
    let script = |then: &str| ["sh", "-c", &format!("{OTHERS} || {then}; done"), path].map(str::to_owned).to_vec();
    let remove = Command { argv: script("rm -f -- \"$f\""), unless: Some(script("exit 1")), ..Command::default() };
    Item::new("operators-former-logins", Resource::Command(remove), "operators get in as the node's present user only").after([
        "operators",
        "operators-keys-file",
        RELOAD,
    ])
}
