//! Who is at the keyboard, as the registry will say: a claim, not a proof.

use rustix::{process::getuid, system::uname};

/// `user@host`.
pub fn claimed() -> String {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| format!("uid-{}", getuid().as_raw()));
    format!("{user}@{}", uname().nodename().to_string_lossy())
}
