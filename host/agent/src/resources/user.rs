//! Users and the keys they log in with.

use super::{
    Accounts, ResourceError,
    machine::{Machine, Step},
    paths,
    place::Owned,
};
use silver_plugin_api::setup::{Found, Presence, User, UserState};

/// The home of a user of the system's who has none.
const NO_HOME: &str = "/nonexistent";
const NO_SHELL: &str = "/usr/sbin/nologin";

pub(crate) fn observe(machine: &Machine, accounts: &Accounts, user: &User) -> Result<Found, ResourceError> {
    let Some(found) = accounts.user(&user.name) else { return Ok(Found::User(None)) };
    let keys = if user.authorized_keys.is_empty() { None } else { paths::text(machine, &keys_path(&found.home))? };
    Ok(Found::User(Some(UserState {
        home: found.home.clone(),
        shell: found.shell.clone(),
        groups: accounts.groups_of(&user.name),
        authorized_keys: keys.as_deref().map(keys_in).unwrap_or_default(),
    })))
}

pub(crate) async fn apply(machine: &Machine, step: Step<'_>, user: &User) -> Result<(), ResourceError> {
    let accounts = machine.accounts()?;
    match (user.state, accounts.user(&user.name)) {
        (Presence::Absent, None) => return Ok(()),
        (Presence::Absent, Some(_)) => return machine.run(step, &["userdel", "--", &user.name]).await,
        (Presence::Present, None) => add(machine, step, &accounts, user).await?,
        (Presence::Present, Some(found)) => {
            let mut argv = vec!["usermod"];
            if let Some(home) = user.home.as_deref().filter(|home| *home != found.home) {
                argv.extend(["--home", home]);
            }
            if let Some(shell) = user.shell.as_deref().filter(|shell| *shell != found.shell) {
                argv.extend(["--shell", shell]);
            }
            if argv.len() > 1 {
                argv.extend(["--", &user.name]);
                machine.run(step, &argv).await?;
            }
        }
    }
    let has = machine.accounts()?.groups_of(&user.name);
    let missing: Vec<&str> = user.groups.iter().map(String::as_str).filter(|group| !has.iter().any(|is| is == group)).collect();
    if !missing.is_empty() {
        machine.run(step, &["usermod", "--append", "--groups", &missing.join(","), "--", &user.name]).await?;
    }
    set_keys(machine, user)
}

async fn add(machine: &Machine, step: Step<'_>, accounts: &Accounts, user: &User) -> Result<(), ResourceError> {
    let mut argv = vec!["useradd"];
    if user.system {
        argv.extend(["--system", "--no-create-home"]);
    } else {
        argv.push("--create-home");
    }
    match (&user.home, user.system) {
        (Some(home), _) => argv.extend(["--home-dir", home]),
        (None, true) => argv.extend(["--home-dir", NO_HOME]),
        (None, false) => {}
    }
    match (&user.shell, user.system) {
        (Some(shell), _) => argv.extend(["--shell", shell]),
        (None, true) => argv.extend(["--shell", NO_SHELL]),
        (None, false) => argv.extend(["--shell", "/bin/bash"]),
    }
    if accounts.group(&user.name).is_some() {
        argv.extend(["--gid", &user.name]);
    } else {
        argv.push("--user-group");
    }
    argv.extend(["--", &user.name]);
    machine.run(step, &argv).await
}

/// Who owns the home could have put a link in the place of `.ssh`: [`super::Place`] does not follow it.
fn set_keys(machine: &Machine, user: &User) -> Result<(), ResourceError> {
    if user.authorized_keys.is_empty() {
        return Ok(());
    }
    let accounts = machine.accounts()?;
    let no_user = || ResourceError::NoAccount { kind: "user", name: user.name.clone() };
    let found = accounts.user(&user.name).ok_or_else(no_user)?;
    let path = keys_path(&found.home);
    let owned = |mode| Owned { uid: found.uid, gid: found.gid, mode };
    if machine.place(&found.home)?.map(|home| home.stat()).transpose()?.flatten().is_none() {
        return Err(ResourceError::Other(format!("{} has no home directory ({}) for its keys", user.name, found.home)));
    }
    if paths::text(machine, &path)?.as_deref().map(keys_in).is_some_and(|has| same(&has, &user.authorized_keys)) {
        return Ok(());
    }
    machine.made(&format!("{}/.ssh", found.home))?.directory(owned(0o700))?;
    let text = format!("# written by silver setup-node: other keys are removed\n{}\n", user.authorized_keys.join("\n"));
    machine.made(&path)?.write(text.as_bytes(), owned(0o600))
}

/// Where a user's keys lie.
pub(crate) fn keys_path(home: &str) -> String {
    format!("{}/.ssh/authorized_keys", home.trim_end_matches('/'))
}

fn keys_in(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(Into::into).collect()
}

fn same(a: &[String], b: &[String]) -> bool {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list.dedup();
        list
    };
    sorted(a) == sorted(b)
}
