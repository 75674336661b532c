//! What ssh says when it fails, as errors that name the way out.

use super::{config::Place, program::Program, remote::Said, start::Absent};
use silver_agent::protocol::ProtocolError;
use silver_core::node::NodeError;
use silver_pack::platform::Platform;
use silver_plugin_api::path::plain;
use std::io;

/// The master could not be made.
pub(super) fn connecting(place: &Place, error: &openssh::Error) -> NodeError {
    let said = match error {
        openssh::Error::Connect(error) if error.kind() == io::ErrorKind::NotFound && error.raw_os_error().is_some() => {
            let hint = "install ssh on this machine (Debian: `apt-get install openssh-client`)";
            return closed(place, "there is no program `ssh` here".into(), hint.into());
        }
        openssh::Error::Connect(error) | openssh::Error::Master(error) => error.to_string(),
        other => other.to_string(),
    };
    said_by_ssh(place, &said)
}

/// Makes an error of the log of an ssh that could not log in.
pub(super) fn said_by_ssh(place: &Place, said: &str) -> NodeError {
    let has = |text: &str| said.contains(text);
    let (node, address) = (&place.node, &place.address);
    let last = last_line(said);
    if has("IDENTIFICATION HAS CHANGED") || has("host key is known for") || has("Host key verification failed") {
        return host_key(place, said);
    }
    if has("Permission denied (") || has("Too many authentication failures") {
        let user = address.user.as_deref().map(|user| format!("-l {user} ")).unwrap_or_default();
        return closed(
            place,
            format!("{address} lets nobody in with the keys that ssh has here: {last}"),
            format!(
                "`ssh-add -l` shows your keys; one has to be in ~/.ssh/authorized_keys there: `ssh-copy-id {user}{}`",
                address.host
            ),
        );
    }
    if has("Could not resolve hostname") {
        let hint = format!("correct `address` of `[nodes.{node}]` in nodes.toml");
        return closed(place, format!("the host {} has no address: {last}", address.host), hint);
    }
    if has("Bad configuration option") || has("Bad owner or permissions") {
        return closed(place, format!("ssh does not take its configuration: {last}"), "correct your configuration of ssh".into());
    }
    let hint = format!("is the server up, and may this machine connect to it? try `ssh {}`", ssh_arguments(place));
    closed(place, last, hint)
}

/// What a person would give to ssh.
fn ssh_arguments(place: &Place) -> String {
    let address = &place.address;
    let user = address.user.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = address.port.map(|port| format!("-p {port} ")).unwrap_or_default();
    format!("{port}{user}{}", address.host)
}

fn host_key(place: &Place, said: &str) -> NodeError {
    let node = place.node.clone();
    let shown = said.split_whitespace().find(|word| word.starts_with("SHA256:")).map(|word| word.trim_end_matches('.'));
    let shown = shown.map(|shown| format!(", it shows {}", plain(shown))).unwrap_or_default();
    let look = "compare its fingerprint with the one that the server's console gives: \
                `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`";
    match &place.host_key {
        Some(pinned) => NodeError::HostKey {
            reason: format!(
                "{} has another key than nodes.toml says ({}){shown}: it is another machine, or it was installed anew",
                place.address.host,
                pinned.fingerprint()
            ),
            hint: format!("{look}; if it is the right one: `silver add-node {node} --renew`"),
            node,
        },
        None if said.contains("IDENTIFICATION HAS CHANGED") => NodeError::HostKey {
            reason: format!("{} has another key than your known_hosts says{shown}", place.address.host),
            hint: format!("{look}; if it is the right one, pin it: `silver add-node {node} --renew`"),
            node,
        },
        None => NodeError::HostKey {
            reason: format!("nobody knows the key of {}{shown}", place.address.host),
            hint: format!("`silver add-node {node} --renew` shows its fingerprint and pins it in nodes.toml"),
            node,
        },
    }
}

/// The connection went away while something was asked of it.
pub(super) fn lost(place: &Place, error: &openssh::Error) -> NodeError {
    unreachable(place, format!("the connection of ssh is gone: {}", chain(error)))
}

/// The agent did not start.
pub(super) fn starting(place: &Place, error: &ProtocolError, errors: &str) -> NodeError {
    if let Some(sudo) = sudo(place, errors) {
        return sudo;
    }
    let hint = error.hint().unwrap_or_else(|| format!("try `ssh {} true`", ssh_arguments(place)));
    let errors = last_line(errors);
    let reason = if errors.is_empty() { chain(error) } else { format!("{}: {errors}", chain(error)) };
    unsuitable(&place.node, reason, &hint)
}

/// The agent could not be copied.
pub(super) fn copying(place: &Place, said: &Said) -> NodeError {
    sudo(place, &said.err).unwrap_or_else(|| {
        let words = if said.err.is_empty() { &said.out } else { &said.err };
        unsuitable(&place.node, format!("it could not be copied: {}", last_line(words)), "put right what the node names")
    })
}

/// `sudo: a password is required`, and what else sudo says when it refuses.
fn sudo(place: &Place, errors: &str) -> Option<NodeError> {
    let said = errors.lines().find(|line| line.contains("sudo: ") || line.contains("sudo: command not found"))?;
    let user = place.address.user.as_deref().unwrap_or("USER");
    let reason = format!("silver has to be root there, and `sudo -n` refuses: {}", plain(said.trim()));
    let hint = format!(
        "log in as root, or allow it: `{user} ALL=(root) NOPASSWD: ALL` in /etc/sudoers.d/silver; silver runs `sh -c …` once \
         to copy its agent, and `{}/silver-… agent stdio`",
        silver_agent::dirs::PROGRAMS
    );
    Some(closed(place, reason, hint))
}

/// None of the programs runs there.
pub(super) fn no_program(node: &str, absent: &Absent, programs: &[Program]) -> NodeError {
    let there = &absent.platform;
    let same = |program: &&Program| program.platform.system == there.system && program.platform.processor == there.processor;
    let reason = if let Some(program) = programs.iter().find(same) {
        format!("it is {there}, and this silver is built for {}", program.platform)
    } else {
        let ours: Vec<String> = programs.iter().map(|program| machine(&program.platform)).collect();
        format!("it is {}, and there is a silver for {} only", machine(there), ours.join(", "))
    };
    unsuitable(
        node,
        reason,
        &format!(
            "put a static build of silver for it at agents/silver-{} of silver's data directory (~/.local/share/silver)",
            there.processor
        ),
    )
}

fn machine(platform: &Platform) -> String {
    format!("{}-{}", platform.system, platform.processor)
}

/// Files of this machine that are needed to connect.
pub(super) fn unusable(place: &Place, error: &io::Error) -> NodeError {
    unreachable(place, format!("{}: {error}", place.control.display()))
}

pub(super) fn unreachable(place: &Place, reason: String) -> NodeError {
    NodeError::Unreachable { node: place.node.clone(), reason }
}

pub(super) fn unsuitable(node: &str, reason: String, hint: &str) -> NodeError {
    NodeError::Unsuitable { node: node.into(), reason, hint: hint.into() }
}

fn closed(place: &Place, reason: String, hint: String) -> NodeError {
    NodeError::Closed { node: place.node.clone(), reason, hint }
}

/// The last line of a log, fit for a terminal.
fn last_line(said: &str) -> String {
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    plain(line.strip_prefix("ssh: ").unwrap_or(line)).chars().take(400).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    plain(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pinned: bool) -> Place {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIObFZ1aralhabmB65YzYKg19QwuGLsdrGRFHb52JZdTI";
        Place {
            node: "web1".into(),
            address: "deploy@web1.example.org:23".parse().unwrap(),
            host_key: pinned.then(|| key.parse().unwrap()),
            control: "/run/ssh".into(),
            config: None,
        }
    }

    #[test]
    fn what_ssh_says_becomes_what_to_do() {
        let changed = "@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nThe fingerprint for the ED25519 key sent by the \
                       remote host is\nSHA256:4KKfwgK7aWCAtXFqIqYmyzxWLvdEaWHY9/LcEW1d5Rc.\nHost key verification failed.";
        for (pinned, said, expected, hint) in [
            (true, changed, "has another key than nodes.toml says (SHA256:4KKfwgK7", "add-node web1 --renew"),
            (
                false,
                changed,
                "than your known_hosts says, it shows SHA256:4KKfwgK7aWCAtXFqIqYmyzxWLvdEaWHY9/LcEW1d5Rc",
                "console",
            ),
            (
                false,
                "No ED25519 host key is known for web1 and you have requested strict checking.\r\nHost key verification failed.",
                "nobody knows the key of web1.example.org",
                "add-node web1 --renew",
            ),
            (false, "deploy@web1: Permission denied (publickey).", "lets nobody in", "ssh-copy-id -l deploy"),
            (false, "ssh: Could not resolve hostname web1: Name or service not known", "has no address", "[nodes.web1]"),
            (
                false,
                "ssh: connect to host web1 port 23: Connection refused",
                "connect to host web1 port 23: Connection refused",
                "ssh -p 23 deploy@web1.example.org",
            ),
            (false, "kex_exchange_identification: \x1b[31mx\r\n", "kex_exchange_identification: ", "is the server up"),
        ] {
            let error = said_by_ssh(&place(pinned), said);
            let text = error.to_string();
            assert!(text.contains(expected), "{text}");
            assert!(error.hint().unwrap().contains(hint), "{text}: {:?}", error.hint());
            assert!(!text.contains('\x1b'));
        }
    }

    #[test]
    fn a_root_that_cannot_be_had_is_told_with_the_line_for_sudoers() {
        for said in ["sudo: a password is required\n", "noise\nsh: 1: sudo: not found\n", "sudo: command not found"] {
            let error = starting(&place(false), &ProtocolError::NoMarker(String::new()), said);
            assert!(error.to_string().contains("`sudo -n` refuses"), "{error}");
            assert!(error.hint().unwrap().contains("deploy ALL=(root) NOPASSWD"), "{error}");
        }
        let other = starting(&place(false), &ProtocolError::NoMarker("This account is not available.".into()), "");
        assert!(matches!(other, NodeError::Unsuitable { .. }) && other.to_string().contains("This account"), "{other}");
    }

    #[test]
    fn a_machine_of_another_kind_is_refused_plainly() {
        let absent = |platform: &str| {
            let platform = platform.parse().unwrap();
            Absent { platform, root: true, set_up: true, zstd: true, silver: None }
        };
        let program = |platform: &str| Program {
            path: "/s".into(),
            digest: silver_pack::hash::sha256(b""),
            platform: platform.parse().unwrap(),
        };
        for (there, ours, expected) in [
            ("linux-aarch64-gnu2.36", "linux-x86_64-gnu2.36", "it is linux-aarch64, and there is a silver for linux-x86_64 only"),
            (
                "linux-x86_64-gnu2.31",
                "linux-x86_64-gnu2.36",
                "it is linux-x86_64-gnu2.31, and this silver is built for linux-x86_64-gnu2.36",
            ),
        ] {
            let error = no_program("web1", &absent(there), &[program(ours)]);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.hint().unwrap().contains("agents/silver-"));
        }
    }
}
