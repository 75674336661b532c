//! Names of units: `silver-<label>.<program>.<part>.service`.
//!
//! | part | what |
//! |---|---|
//! | `0`, `1`, … | a process that serves, by its number |
//! | `check` | a process that was started for a check |
//! | `proxy-0`, …, `proxy-check` | what makes a socket of the port that a process listens on; there is a `.socket` beside it |
//! | `job` | a periodic command; there is a `.timer` beside it |
//! | `once-<hex>` | a hook, a command of a check, `silver run` or `silver shell` |
//!
//! Names of processes and phases have no dots, so a name can be taken apart from its end.

use std::fmt;

/// Which program of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A process that serves.
    Process(u32),
    /// A process that was started for a check.
    Check,
    /// What stands between a socket and the process with that number, or the one for a check.
    Proxy(Option<u32>),
    /// A periodic command.
    Job,
    /// A program that is run once.
    Once(String),
}

/// A program of a release, as its unit is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) label: String,
    /// Of the process, of the periodic command, or the phase.
    pub(super) program: String,
    pub(super) part: Part,
}

impl Name {
    pub(super) fn new(label: &str, program: &str, part: Part) -> Self {
        Self { label: label.into(), program: program.into(), part }
    }

    /// The app, which the label begins with.
    pub(super) fn app(&self) -> &str {
        self.label.rsplit_once('.').map_or("", |(app, _)| app)
    }

    /// The unit.
    pub(super) fn service(&self) -> String {
        format!("{self}.service")
    }

    /// What starts a periodic command.
    pub(super) fn timer(&self) -> String {
        format!("{self}.timer")
    }

    /// What the front connects to, where the program listens on a port.
    pub(super) fn socket(&self) -> String {
        format!("{self}.socket")
    }

    /// Takes the name of a service, timer or socket apart; `None` when it is not one of silver's.
    pub(super) fn parse(unit: &str) -> Option<Self> {
        let (stem, kind) = unit.strip_prefix("silver-")?.rsplit_once('.')?;
        if !["service", "timer", "socket"].contains(&kind) {
            return None;
        }
        let mut parts = stem.rsplitn(3, '.');
        let (part, program, label) = (parts.next()?, parts.next()?, parts.next()?);
        label.rsplit_once('.')?;
        let part = match part {
            "check" => Part::Check,
            "job" => Part::Job,
            "proxy-check" => Part::Proxy(None),
            other => match other.split_once('-') {
                Some(("once", mark)) => Part::Once(mark.into()),
                Some(("proxy", index)) => Part::Proxy(Some(index.parse().ok()?)),
                _ => Part::Process(other.parse().ok()?),
            },
        };
        Some(Self { label: label.into(), program: program.into(), part })
    }

    /// A pattern of all units of an app; units of other apps may fit it, too.
    pub(super) fn pattern(app: &str) -> String {
        format!("silver-{app}.*")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "silver-{}.{}.", self.label, self.program)?;
        match &self.part {
            Part::Process(index) => write!(f, "{index}"),
            Part::Check => f.write_str("check"),
            Part::Proxy(Some(index)) => write!(f, "proxy-{index}"),
            Part::Proxy(None) => f.write_str("proxy-check"),
            Part::Job => f.write_str("job"),
            Part::Once(mark) => write!(f, "once-{mark}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_taken_apart() {
        let proxies = [Part::Proxy(Some(3)), Part::Proxy(None)];
        let parts = [Part::Process(0), Part::Process(12), Part::Check, Part::Job, Part::Once("0f".into())];
        for part in parts.into_iter().chain(proxies) {
            // an app whose name looks like the end of a unit
            for app in ["trac", "my-app", "a.web.0", "check"] {
                let name = Name::new(&format!("{app}.20261122_1"), "plugins-changed", part.clone());
                assert_eq!(name.app(), app);
                assert_eq!(Name::parse(&name.service()), Some(name.clone()));
                assert_eq!(Name::parse(&name.timer()), Some(name.clone()));
                assert_eq!(Name::parse(&name.socket()), Some(name));
            }
        }
        for other in ["silver-recover.service", "silver-carry-a.1.service", "ssh.service", "silver-.service", "silver-a.b.c.d"] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
