//! The system user of an app: made when it is needed, never removed, since files of it may outlive the app.

use super::control::run;
use crate::apps::AppFailure;
use rustix::fs::{Gid, Uid};
use silver_pack::hash::sha256;
use std::fs;

/// The longest name of a user (useradd(8)).
const LONGEST: usize = 32;
/// The front's group: Caddy's, as its package makes it.
const FRONT: &str = "caddy";
/// Who may read the logs of a Debian machine.
const READERS: &str = "adm";

/// Who the programs of an app run as, and who may look at what the app publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    /// The group of the front.
    pub(super) front: Gid,
    /// The group of those who may read what apps say.
    pub(super) readers: Gid,
}

/// `silver-<app>`; where that is too long or has a dot, its beginning and a digest.
pub(super) fn name(app: &str) -> String {
    let plain = format!("silver-{app}");
    if plain.len() <= LONGEST && !app.contains('.') {
        return plain;
    }
    let digest = sha256(app.as_bytes()).short();
    let begin: String = app.chars().map(|c| if c == '.' { '-' } else { c }).take(LONGEST - 8 - digest.len()).collect();
    format!("silver-{begin}-{digest}")
}

impl User {
    /// The user of an app. systemd-sysusers makes it where it is missing, under the lock that protects
    /// `/etc/passwd`.
    pub(super) async fn of(app: &str) -> Result<Self, AppFailure> {
        let name = name(app);
        let mut found = find(&name, &read("/etc/passwd")?);
        if found.is_none() {
            run("systemd-sysusers", &["--inline", &format!("u {name} - \"{app}, run by silver\" /nonexistent")]).await?;
            found = find(&name, &read("/etc/passwd")?);
        }
        let (uid, gid) = found.ok_or_else(|| AppFailure::new(format!("the user `{name}` was made, but is not there")))?;
        if uid == 0 || gid == 0 {
            return Err(AppFailure::new(format!("the user `{name}` is root")));
        }
        let groups = read("/etc/group")?;
        let front = group(FRONT, &groups).ok_or_else(|| {
            AppFailure::new(format!(
                "there is no group `{FRONT}` on this node: its front is not installed (run `silver setup-node`)"
            ))
        })?;
        let readers = group(READERS, &groups).map_or(Gid::ROOT, Gid::from_raw);
        Ok(Self { name, uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), front: Gid::from_raw(front), readers })
    }
}

fn read(path: &str) -> Result<String, AppFailure> {
    fs::read_to_string(path).map_err(|error| AppFailure::new(format!("cannot read `{path}`: {error}")))
}

/// User and group of a line of passwd(5).
fn find(name: &str, passwd: &str) -> Option<(u32, u32)> {
    let mut fields = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':');
    fields.next()?; // the password
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The number of a line of group(5).
fn group(name: &str, groups: &str) -> Option<u32> {
    groups.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_users_and_never_the_same() {
        assert_eq!(name("trac"), "silver-trac");
        let long = "a-very-long-name-of-an-application-indeed";
        let apps = [long, &long[1..], "a.b", "a-b", &"x".repeat(63)];
        let names: std::collections::BTreeSet<String> = apps.iter().map(|app| name(app)).collect();
        assert_eq!(names.len(), apps.len());
        for name in names {
            assert!(name.len() <= LONGEST && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name}");
        }
    }

    #[test]
    fn lines_of_passwd_and_group() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nsilver-a-b:x:7:8::/:/x\nsilver-a:x:998:997:silver\\: a:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(find("silver-a", passwd), Some((998, 997)));
        assert_eq!(find("silver", passwd), None);
        assert_eq!(group("caddy", "adm:x:4:\ncaddy:x:996:\n"), Some(996));
        assert_eq!(group("cad", "caddy:x:996:\n"), None);
    }
}
