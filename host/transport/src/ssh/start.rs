//! Starting the agent at the far end, or learning that it is not there.

use super::{
    PATIENCE, failure,
    program::Program,
    remote::{Remote, Running},
};
use silver_agent::{
    dirs::{PROGRAMS, SET_UP},
    protocol::{ProtocolError, mux::Mux},
};
use silver_core::node::NodeError;
use silver_pack::platform::{Library, Platform};
use tokio::time::timeout;

/// The first word of the line that says that there is no agent, and what there is.
const ABSENT: &str = "SILVER-ABSENT";

/// What was found.
pub(super) enum Found {
    /// An agent that runs.
    Agent(Mux),
    /// None of the programs.
    Absent(Absent),
}

/// A server without an agent of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absent {
    /// What programs it can run.
    pub(super) platform: Platform,
    /// Is it root who logs in?
    pub(super) root: bool,
    /// Did any silver prepare it? A copy of the agent is no set-up: it may have been cut, or made to look.
    pub(super) set_up: bool,
    /// Can it unpack zstd?
    pub(super) zstd: bool,
    /// The version of the silver that is there instead.
    pub(super) silver: Option<String>,
}

/// Starts the first of `programs` that is there, as root.
pub(super) async fn start(remote: &Remote, programs: &[Program]) -> Result<Found, NodeError> {
    let Running { input, output, errors } = remote.spawn(&command(programs)).await?;
    let mux = Mux::client(output, input).await.map_err(|error| failure::starting(&remote.place, &error, ""))?;
    let Ok(there) = timeout(PATIENCE, mux.there()).await else {
        let why = format!("its agent did not start within {} s; it said: {}", PATIENCE.as_secs(), errors.last().await);
        return Err(failure::unreachable(&remote.place, why));
    };
    match there {
        Ok(()) => Ok(Found::Agent(mux)),
        Err(error) => match &*error {
            ProtocolError::NoMarker(said) if said.contains(ABSENT) => match absent(said) {
                Some(absent) => Ok(Found::Absent(absent)),
                None => Err(failure::starting(&remote.place, &error, "")),
            },
            error if remote.is_gone().await => {
                Err(failure::unreachable(&remote.place, format!("the connection of ssh broke: {error}")))
            }
            error => Err(failure::starting(&remote.place, error, &errors.last().await)),
        },
    }
}

/// One line for whatever the login shell is: bash, dash, zsh, fish and csh agree on what stands between single
/// quotes, as long as it has no quote, backslash, exclamation mark or line feed.
pub(super) fn command(programs: &[Program]) -> String {
    let names: Vec<String> = programs.iter().map(Program::file).collect();
    // only root copies programs there: whoever owns one is root, which costs no process to ask
    format!(
        "exec sh -c 'for p in {}; do p={PROGRAMS}/$p; if [ -x $p ]; then \
         if [ -O $p ]; then exec $p agent stdio; else exec sudo -n $p agent stdio; fi; fi; done; \
         set -- $(getconf GNU_LIBC_VERSION 2>/dev/null); l=${{2:-none}}; \
         if [ $(id -u) = 0 ]; then r=root; else r=user; fi; \
         if [ -e {SET_UP} ]; then s=set-up; else s=bare; fi; \
         if command -v zstd >/dev/null; then z=zstd; else z=gzip; fi; \
         set -- $({PROGRAMS}/current --version 2>/dev/null); \
         echo {ABSENT} $(uname -s) $(uname -m) $l $r $s $z $2'",
        names.join(" ")
    )
}

/// `SILVER-ABSENT Linux x86_64 2.36 root set-up zstd 1.0.0`, behind whatever else was said; the last word only where there
/// is another silver.
pub(super) fn absent(said: &str) -> Option<Absent> {
    let mut words = said.rsplit_once(ABSENT)?.1.split_whitespace();
    let (system, machine, libc) = (words.next()?.to_lowercase(), words.next()?.to_owned(), words.next()?);
    let library = match libc.split_once('.') {
        Some((major, minor)) => {
            Some(Library { name: "gnu".into(), version: (major.parse().ok()?, minor.split('.').next()?.parse().ok()?) })
        }
        None => None,
    };
    let platform = Platform { system, processor: machine, library, abi: None };
    let (root, set_up, zstd) = (words.next()? == "root", words.next()? == "set-up", words.next()? == "zstd");
    let silver = words.next().filter(|word| is_version(word)).map(str::to_owned);
    Some(Absent { platform, root, set_up, zstd, silver })
}

/// Looks it like `1.0.0`? It is the node that says so.
fn is_version(word: &str) -> bool {
    word.len() <= 40 && word.contains('.') && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn program() -> Program {
        Program { path: "/nowhere".into(), digest: silver_pack::hash::sha256(b""), platform: "linux-x86_64".parse().unwrap() }
    }

    #[test]
    fn every_shell_here_says_what_is_absent() {
        let line = command(&[program(), program()]);
        let script = line.split_once('\'').and_then(|(_, rest)| rest.strip_suffix('\'')).unwrap();
        assert!(!script.contains(['\'', '\\', '!', '\n']), "{script}");
        let mut tried = 0;
        for shell in ["sh", "bash", "dash", "zsh", "fish", "tcsh", "busybox"] {
            let mut command = Command::new(shell);
            if shell == "busybox" {
                command.arg("sh");
            }
            let Ok(output) = command.args(["-c", &line]).output() else { continue };
            let said = format!("Welcome!\n{}", String::from_utf8_lossy(&output.stdout));
            let absent = absent(&said).unwrap_or_else(|| panic!("{shell}: {said}"));
            assert_eq!((absent.platform.system.as_str(), absent.platform.processor.as_str()), ("linux", std::env::consts::ARCH));
            assert_eq!(absent.root, rustix::process::getuid().is_root());
            tried += 1;
        }
        assert!(tried > 0);
    }

    #[test]
    fn what_a_node_says_of_itself_is_taken_apart() {
        let absent = |text: &str| super::absent(text);
        let found = absent("noise SILVER-ABSENT Linux aarch64 2.31 user bare gzip\n").unwrap();
        assert_eq!(found.platform.to_string(), "linux-aarch64-gnu2.31");
        assert!(!found.root && !found.set_up && !found.zstd && found.silver.is_none());
        for (word, silver) in [("0.9.1-rc.1", Some("0.9.1-rc.1")), ("", None), ("\x1b[2J", None), ("not", None)] {
            let found = absent(&format!("SILVER-ABSENT Linux x86_64 2.36 root set-up zstd {word}\nbye"));
            assert_eq!(found.unwrap().silver.as_deref(), silver, "{word}");
        }
        assert_eq!(absent("SILVER-ABSENT Linux x86_64 none root set-up zstd").unwrap().platform.library, None);
        for wrong in
            ["", "SILVER-ABSENT", "SILVER-ABSENT Linux x86_64 2.36 root", "SILVER-ABSENT Linux x86_64 a.b root set-up zstd"]
        {
            assert_eq!(absent(wrong), None, "{wrong}");
        }
    }
}
