//! Users and groups of this machine: `/etc/passwd` and `/etc/group`, nothing else. Those of a directory service
//! are somebody else's.

use super::ResourceError;
use crate::disk::{DiskError, read_optional};
use std::path::Path;

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

/// Both files as they were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

impl Accounts {
    /// Reads both.
    pub(crate) fn read(root: &Path) -> Result<Self, DiskError> {
        let text = |name: &str| {
            let bytes = read_optional(&root.join("etc").join(name))?.unwrap_or_default();
            Ok::<_, DiskError>(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Self {
            users: text("passwd")?.lines().filter_map(user).collect(),
            groups: text("group")?.lines().filter_map(group).collect(),
        })
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The user's number; a name that is a number is that number.
    pub(crate) fn uid(&self, name: &str) -> Result<u32, ResourceError> {
        let known = self.user(name).map(|user| user.uid).or_else(|| name.parse().ok());
        known.ok_or_else(|| ResourceError::NoAccount { kind: "user", name: name.to_owned() })
    }

    /// The group's number.
    pub(crate) fn gid(&self, name: &str) -> Result<u32, ResourceError> {
        let known = self.group(name).map(|group| group.gid).or_else(|| name.parse().ok());
        known.ok_or_else(|| ResourceError::NoAccount { kind: "group", name: name.to_owned() })
    }

    /// The user's name, or the number where it has none.
    pub(crate) fn user_name(&self, uid: u32) -> String {
        self.users.iter().find(|user| user.uid == uid).map_or_else(|| uid.to_string(), |user| user.name.clone())
    }

    /// The group's name, or the number where it has none.
    pub(crate) fn group_name(&self, gid: u32) -> String {
        self.groups.iter().find(|group| group.gid == gid).map_or_else(|| gid.to_string(), |group| group.name.clone())
    }

    /// Groups that a user is in besides the first one, sorted.
    pub(crate) fn groups_of(&self, name: &str) -> Vec<String> {
        let is_in = |group: &&Group| group.members.iter().any(|member| member == name);
        let mut names: Vec<String> = self.groups.iter().filter(is_in).map(|group| group.name.clone()).collect();
        names.sort();
        names
    }
}

fn user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields[..] else { return None };
    Some(User { name: name.into(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.into(), shell: shell.into() })
}

fn group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields[..] else { return None };
    let members = members.split(',').filter(|member| !member.is_empty()).map(Into::into).collect();
    Some(Group { name: name.into(), gid: gid.parse().ok()?, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n";
        std::fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        std::fs::write(root.path().join("etc/group"), "root:x:0:\nsudo:x:27:ann,bob\nadm:x:4:ann\n").unwrap();
        let accounts = Accounts::read(root.path()).unwrap();
        assert_eq!(accounts.user("ann").unwrap().home, "/home/ann");
        assert_eq!((accounts.uid("ann").unwrap(), accounts.gid("sudo").unwrap(), accounts.uid("77").unwrap()), (1000, 27, 77));
        assert_eq!((accounts.user_name(1000), accounts.group_name(9)), ("ann".into(), "9".into()));
        assert_eq!(accounts.groups_of("ann"), ["adm", "sudo"]);
        assert_eq!(accounts.uid("eve").unwrap_err().to_string(), "there is no user `eve` on the node");
        assert!(Accounts::read(&root.path().join("nowhere")).unwrap().user("root").is_none());
    }
}
