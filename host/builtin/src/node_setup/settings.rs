//! Settings of the set-up: `[organisation]` of nodes.toml, and `settings` of a node before them.

use silver_plugin_api::{
    Diagnostic, Settings,
    setup::{Firewall, Protocol},
};
use std::collections::BTreeMap;

/// Who the operators log in as. Given by the command, from the node's address.
pub const LOGIN: &str = "login";
/// The keys of the operators: a JSON object of lists. Given by the command, from `[operators]`.
pub const OPERATORS: &str = "operators";

/// Runtimes, with the packages that bring them.
pub(super) const RUNTIMES: [(&str, &[&str]); 2] = [("python", &["python3-venv"]), ("nodejs", &["nodejs"])];

/// The settings: name, what holds when nothing is said, what it means.
const KNOWN: [(&str, &str, &str); 8] = [
    ("ca", "", "the address of another authority that signs certificates: `https://…`"),
    ("email", "", "the address that the authority writes to when certificates run out"),
    ("firewall", "on", "`on`, or `off` where another one is in use"),
    ("journal", "1G", "the most that the journal takes of the disk: `500M`, `2G`"),
    ("open", "", "more ports that may be reached: `25/tcp 51820/udp`"),
    ("runtimes", "python", "what applications are run with: `python nodejs`"),
    ("tls", "acme", "who signs certificates: `acme` (the public authority), `internal` (Caddy itself), or `off`"),
    ("swap", "auto", "MiB of swap, or `auto`: 1024 where there is less than 2 GiB of memory"),
];

/// What is wanted.
pub(super) struct Wanted {
    pub(super) firewall: bool,
    pub(super) journal: String,
    pub(super) open: Vec<(u16, Protocol)>,
    pub(super) packages: Vec<&'static str>,
    /// MiB; `None`: by the memory.
    pub(super) swap: Option<u64>,
    /// `acme`, `internal` or `off`.
    pub(super) tls: String,
    pub(super) email: Option<String>,
    pub(super) ca: Option<String>,
    pub(super) login: String,
    /// Names with their keys.
    pub(super) operators: BTreeMap<String, Vec<String>>,
}

impl Wanted {
    /// Reads the settings; all that is wrong with them.
    pub(super) fn of(settings: &Settings) -> Result<Self, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let names = || KNOWN.map(|(name, ..)| format!("`{name}`")).join(", ");
        for name in settings.keys().filter(|name| ![LOGIN, OPERATORS].contains(&name.as_str())) {
            if !KNOWN.iter().any(|(known, ..)| known == name) {
                let message = format!("the set-up of nodes has no setting `{name}`");
                wrong.push(Diagnostic::error("setup-setting", message).help(format!("there are {}", names())));
            }
        }
        let value = |name: &str| {
            let default = KNOWN.iter().find(|(known, ..)| *known == name).map_or("", |(_, default, _)| default);
            settings.get(name).map_or(default, String::as_str)
        };
        let mut refuse = |name: &str| {
            let meaning = KNOWN.iter().find(|(known, ..)| *known == name).map_or("", |(.., meaning)| meaning);
            let message = format!("`{}` is no value for the setting `{name}`", value(name));
            wrong.push(Diagnostic::error("setup-setting", message).help(format!("it is {meaning}")));
        };
        let firewall = match value("firewall") {
            "on" | "true" => true,
            "off" | "false" => false,
            _ => {
                refuse("firewall");
                true
            }
        };
        let journal = value("journal");
        let (digits, unit) = journal.split_at(journal.len().saturating_sub(1).min(journal.len()));
        if !["M", "G"].contains(&unit) || digits.parse::<u32>().map_or(true, |number| number == 0) {
            refuse("journal");
        }
        let open: Option<Vec<_>> = value("open").split_whitespace().map(port).collect();
        let open = open.unwrap_or_else(|| {
            refuse("open");
            Vec::new()
        });
        let runtime = |word: &str| RUNTIMES.iter().find(|(name, _)| *name == word).map(|(_, packages)| *packages);
        let packages: Option<Vec<_>> = value("runtimes").split_whitespace().map(runtime).collect();
        let packages = packages.unwrap_or_else(|| {
            refuse("runtimes");
            Vec::new()
        });
        let swap = match value("swap") {
            "auto" => None,
            number => number.parse().map_err(|_| refuse("swap")).ok(),
        };
        let tls = value("tls");
        if !["acme", "internal", "off"].contains(&tls) {
            refuse("tls");
        }
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'));
        let (email, ca) = (value("email"), value("ca"));
        if !(email.is_empty() || email.contains('@') && plain(email)) {
            refuse("email");
        }
        if !(ca.is_empty() || ca.starts_with("https://") && plain(ca)) {
            refuse("ca");
        }
        let operators: BTreeMap<String, Vec<String>> =
            match settings.get(OPERATORS).map(|json| serde_json::from_str(json)).transpose() {
                Ok(operators) => operators.unwrap_or_default(),
                Err(error) => {
                    wrong
                        .push(Diagnostic::error("setup-operators", format!("the keys of the operators cannot be read: {error}")));
                    BTreeMap::new()
                }
            };
        let login = settings.get(LOGIN).cloned();
        if login.is_none() && !operators.is_empty() {
            let message = "nodes.toml has operators, but does not say whom they log in as";
            wrong.push(Diagnostic::error("setup-operators", message).help("write the node's address as `user@host`"));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let packages = packages.concat();
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            firewall,
            journal: journal.to_owned(),
            open,
            packages,
            swap,
            tls: tls.to_owned(),
            email: given(email),
            ca: given(ca),
            login: login.unwrap_or_else(|| "root".into()),
            operators,
        })
    }
}

/// `25/tcp`
fn port(text: &str) -> Option<(u16, Protocol)> {
    let (port, protocol) = text.split_once('/')?;
    Some((port.parse().ok().filter(|port| *port > 0)?, Protocol::parse(protocol)?))
}

/// A rule that lets all reach a port.
pub(super) fn rule(name: &str, port: u16, protocol: Protocol) -> Firewall {
    Firewall { name: name.into(), port, protocol, ..Firewall::default() }
}
