//! A plugin that sets nodes up: whoever guesses passwords at sshd is shut out for a while, by fail2ban.
//!
//! Settings: `bantime` (`1h`) and `maxretry` (`5`), as fail2ban reads them. Grants that it needs: `package`,
//! `file:/etc/fail2ban/**` and `unit:fail2ban.service`.

use silver_plugin::{
    Diagnostic, Failure, Settings,
    node_setup::NodeSetup,
    plan::NodeFacts,
    setup::{Content, File, Item, OnChange, Package, Plan, Presence, Resource, Unit},
};

/// The plugin.
#[derive(Debug, Clone, Copy)]
pub struct Fail2ban;

/// Its settings, with what holds when nothing is said.
const SETTINGS: [(&str, &str); 2] = [("bantime", "1h"), ("maxretry", "5")];

/// The fact that says where sshd listens.
const PORTS: &str = "ssh.ports";

impl NodeSetup for Fail2ban {
    fn check(&self, _: &NodeFacts, settings: &Settings) -> Vec<Diagnostic> {
        let plain = |value: &str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric());
        let wrong = |(name, value): (&String, &String)| {
            let known = SETTINGS.iter().any(|(known, _)| known == name);
            match (known, plain(value)) {
                (true, true) => None,
                (true, false) => Some(Diagnostic::error("setting-value", format!("`{value}` is no value for `{name}`"))),
                (false, _) => Some(Diagnostic::error("setting-unknown", format!("there is no setting `{name}`"))),
            }
        };
        let help = |found: Diagnostic| found.help("there are `bantime` (`1h`) and `maxretry` (`5`)");
        settings.iter().filter_map(wrong).map(help).collect()
    }

    fn make_plan(&self, node: &NodeFacts, settings: &Settings) -> Result<Plan, Failure> {
        let lines = SETTINGS.map(|(name, value)| format!("{name} = {}\n", settings.get(name).map_or(value, String::as_str)));
        // what sshd says is in the journal: Debian writes no auth.log any more; and a bare one does not know `ssh` as a port
        let ports = node.extra.get(PORTS).map_or("22".to_owned(), |ports| ports.replace(' ', ","));
        let jail = format!("[sshd]\nenabled = true\nbackend = systemd\nbanaction = nftables\nport = {ports}\n{}", lines.concat());
        let package = Package { name: "fail2ban".into(), ..Package::default() };
        let bindings = Package { name: "python3-systemd".into(), ..Package::default() };
        let file = File {
            path: "/etc/fail2ban/jail.d/silver.local".into(),
            content: Content::text(jail),
            owner: "root".into(),
            group: "root".into(),
            mode: 0o644,
            state: Presence::Present,
        };
        let unit = Unit { name: "fail2ban.service".into(), content: None, enabled: true, running: true };
        Ok(Plan {
            items: vec![
                // before the package: it starts the service as soon as it is there
                Item::new("jail", Resource::File(file), "watches ssh and nothing else").notify("service", OnChange::Restart),
                Item::new("journal", Resource::Package(bindings), "fail2ban reads the journal with it"),
                Item::new("package", Resource::Package(package), "shuts out who guesses passwords").after(["jail", "journal"]),
                Item::new("service", Resource::Unit(unit), "runs from now on").after(["package"]),
            ],
            facts_used: vec![PORTS.into()],
        })
    }
}

silver_plugin::export!(node_setup: Fail2ban);
