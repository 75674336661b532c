//! Exit codes, documented for scripts in `silver help` and the README.

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something went wrong; nothing changed unless the message says so.
    Error,
    /// The command line or an input file is wrong.
    Usage,
    /// Differences were found (`diff`, `doctor`, `plan --exit-code`).
    Differences,
    /// The update failed and everything is as before.
    Reverted,
    /// Undoing failed too: needs a person.
    RevertFailed,
    /// The node (or its agent) does not answer.
    Unreachable,
    /// Another command holds the lock.
    Locked,
    /// Registry, digest, signature or tree head is wrong.
    Integrity,
    /// Interrupted by the person.
    Interrupted,
    /// What a program run by `silver run` or `silver shell` returned.
    Program(u8),
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Differences => 3,
            Self::Reverted => 4,
            Self::RevertFailed => 5,
            Self::Unreachable => 6,
            Self::Locked => 7,
            Self::Integrity => 8,
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

/// The table at the end of `silver --help`.
pub const HELP: &str = "\
Exit codes:
  0  done, or nothing to do
  1  error
  2  usage: the command line or an input file is wrong
  3  differences found (diff, doctor, plan --exit-code)
  4  the update failed and was reverted
  5  reverting failed too: needs a person
  6  node unreachable
  7  locked by another command
  8  integrity: registry, digest, signature or tree head
  130  interrupted";
