//! Packages, through dpkg and apt.

use super::{
    ResourceError,
    machine::{Machine, Step},
};
use silver_plugin_api::setup::{Found, Package, Presence, is_way_in};
use std::collections::BTreeMap;

const APT: [&str; 8] = [
    "apt-get",
    "-y",
    "-q",
    "-o",
    "DPkg::Lock::Timeout=300",
    // files of a package that were changed stay as they are: what they shall be is another item
    "-o",
    "Dpkg::Options::=--force-confold",
    "--no-install-recommends",
];

/// The installed versions of these packages, by one question.
pub(crate) async fn installed(machine: &Machine, names: &[&str]) -> Result<BTreeMap<String, String>, ResourceError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut argv = vec!["dpkg-query", "--show", "--showformat=${Package}\\t${db:Status-Status}\\t${Version}\\n", "--"];
    argv.extend(names);
    // it ends with 1 where it does not know one of them
    let output = machine.ask(&argv).await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(package).collect())
}

fn package(line: &str) -> Option<(String, String)> {
    let mut fields = line.split('\t');
    let (name, status, version) = (fields.next()?, fields.next()?, fields.next()?);
    (status == "installed").then(|| (name.to_owned(), version.to_owned()))
}

/// What was found of one.
pub(crate) fn found(installed: &BTreeMap<String, String>, package: &Package) -> Found {
    let name = package.name.split(':').next().unwrap_or_default();
    Found::Package { installed: installed.get(name).cloned() }
}

/// Installs and removes several at once: dpkg does one thing at a time anyhow.
pub(crate) async fn apply(machine: &Machine, step: Step<'_>, packages: &[&Package]) -> Result<(), ResourceError> {
    // what was cut short before has to be finished first
    machine.run(step, &["dpkg", "--configure", "-a", "--force-confold"]).await?;
    let (install, remove): (Vec<&Package>, Vec<&Package>) =
        packages.iter().partition(|package| package.state == Presence::Present);
    if !install.is_empty() {
        // lists may be missing or old, or a repository is new; where they cannot be fetched, those that are there may do
        if let Err(error) = machine.run(step, &["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "update"]).await {
            step.say(error.to_string());
        }
        let names: Vec<String> = install.iter().map(|package| named(package)).collect();
        let mut argv = APT.to_vec();
        argv.extend(["--allow-downgrades", "install", "--"]);
        argv.extend(names.iter().map(String::as_str));
        run(machine, step, &argv).await?;
    }
    if !remove.is_empty() {
        let mut argv = APT.to_vec();
        argv.extend(["remove", "--"]);
        argv.extend(remove.iter().map(|package| package.name.as_str()));
        run(machine, step, &argv).await?;
    }
    Ok(())
}

/// Runs apt, unless that would take away what one gets in by: with a package go those that need it, and those that it
/// does not go with.
async fn run(machine: &Machine, step: Step<'_>, argv: &[&str]) -> Result<(), ResourceError> {
    let mut simulated = argv.to_vec();
    simulated.insert(1, "--simulate");
    // where not even that works the real one says why
    let said = machine.ask(&simulated).await?;
    let taken: Vec<String> = removed(&String::from_utf8_lossy(&said.stdout)).into_iter().filter(|name| is_way_in(name)).collect();
    if taken.is_empty() { machine.run(step, argv).await } else { Err(ResourceError::WayIn(taken)) }
}

/// What a simulated apt removes: `Remv sudo [1.9.13p3-1]`.
fn removed(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("Remv ").or_else(|| line.strip_prefix("Purg ")));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn named(package: &Package) -> String {
    match &package.version {
        Some(version) => format!("{}={version}", package.name),
        None => package.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_installed() {
        let said = "caddy\tinstalled\t2.6.2-5\nnftables\tconfig-files\t1.0\nhalf\thalf-configured\t2\n";
        let installed: BTreeMap<_, _> = said.lines().filter_map(package).collect();
        let is = |name: &str| found(&installed, &Package { name: name.into(), ..Package::default() });
        assert_eq!(is("caddy"), Found::Package { installed: Some("2.6.2-5".into()) });
        assert_eq!(is("caddy:amd64"), is("caddy"));
        for name in ["nftables", "half", "other"] {
            assert_eq!(is(name), Found::Package { installed: None });
        }
    }

    #[test]
    fn what_apt_would_remove_is_read() {
        let said = "NOTE: This is only a simulation!\nThe following packages will be REMOVED:\n  libfoo sudo\n\
                    Remv sudo [1.9.13p3-1+deb12u1]\nPurg libfoo [1.0] [other:amd64 ]\nInst caddy (2.6.2-5 Debian [amd64])\n";
        assert_eq!(removed(said), ["sudo", "libfoo"]);
        let error = ResourceError::WayIn(vec!["sudo".into()]);
        assert!(error.to_string().contains("sudo") && error.hint().is_some());
    }
}
