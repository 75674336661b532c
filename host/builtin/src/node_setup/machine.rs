//! What the facts say about the machine, as far as its set-up depends on it.

use silver_plugin_api::{Diagnostic, plan::NodeFacts};

/// The facts that the plan follows from.
pub(super) const USED: [&str; 8] =
    ["distribution", "distribution.version", "container", "memory", "swap.other", "ssh.ports", "ssh.keys", "clock.other"];

/// Distributions, with the first version of each that has what silver needs (systemd 249, Caddy 2).
const KNOWN: [(&str, (u32, u32)); 2] = [("debian", (12, 0)), ("ubuntu", (24, 4))];

/// The machine.
pub(super) struct Machine<'a> {
    facts: &'a NodeFacts,
}

impl<'a> Machine<'a> {
    pub(super) fn of(facts: &'a NodeFacts) -> Self {
        Self { facts }
    }

    fn extra(&self, name: &str) -> Option<&'a str> {
        self.facts.extra.get(name).map(String::as_str)
    }

    /// `debian` or `ubuntu`.
    pub(super) fn distribution(&self) -> &'a str {
        self.extra("distribution").unwrap_or_default()
    }

    /// Does it share the kernel with others? Then clock and swap are not its own.
    pub(super) fn is_container(&self) -> bool {
        self.extra("container").is_some()
    }

    /// MiB of memory.
    pub(super) fn memory(&self) -> u64 {
        self.facts.memory_mib
    }

    /// Is there swap that is not silver's?
    pub(super) fn has_swap(&self) -> bool {
        self.extra("swap.other").is_some()
    }

    /// The ports that sshd listens on.
    pub(super) fn ssh_ports(&self) -> Vec<u16> {
        let ports = self.extra("ssh.ports").unwrap_or_default();
        let ports: Vec<u16> = ports.split(' ').filter_map(|port| port.parse().ok()).filter(|port| *port > 0).collect();
        if ports.is_empty() { vec![22] } else { ports }
    }

    /// Where sshd looks for keys, but for silver's own place.
    pub(super) fn ssh_keys(&self) -> &'a str {
        self.extra("ssh.keys").unwrap_or(".ssh/authorized_keys .ssh/authorized_keys2")
    }

    /// What sets the clock, if it is not the service that silver would take.
    pub(super) fn other_clock(&self) -> Option<&'a str> {
        self.extra("clock.other")
    }

    /// Findings: what stands in the way, and what is left to others.
    pub(super) fn check(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let name = &self.facts.name;
        let (distribution, version) = (self.distribution(), self.extra("distribution.version").unwrap_or_default());
        let known = KNOWN.iter().find(|(known, _)| *known == distribution);
        if known.is_none_or(|(_, first)| number(version) < *first) {
            let is = if distribution.is_empty() { "an unknown system" } else { distribution };
            let message = format!("{name} runs {is} {version}");
            found.push(
                Diagnostic::error("setup-distribution", message.trim_end())
                    .help("silver sets up Debian 12 or Ubuntu 24.04, and later ones"),
            );
        }
        if let Some(configuration) = self.extra("caddy.foreign") {
            let message = format!("Caddy on {name} serves something else: {configuration} was written by somebody");
            found.push(Diagnostic::error("setup-caddy-foreign", message).help(format!(
                "silver would take its place. Make packs of what it serves, or serve it elsewhere; then move {configuration} \
                 away and set up again"
            )));
        }
        if let Some(program) = self.extra("web.other") {
            let message = format!("`{program}` on {name} listens on a port of the web, 80 or 443");
            found.push(
                Diagnostic::error("setup-port-taken", message)
                    .help(format!("Caddy takes both ports: stop and disable `{program}`, or give it others")),
            );
        }
        if let Some(other) = self.other_clock() {
            found.push(note("setup-clock", format!("{other} sets the clock of {name}, and goes on to")));
        }
        found
    }
}

fn note(code: &str, message: String) -> Diagnostic {
    Diagnostic { severity: silver_plugin_api::Severity::Note, ..Diagnostic::warning(code, message) }
}

/// `24.04` → (24, 4)
fn number(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
