//! Settings of the kernel, now and after the next start.

use super::{
    ResourceError,
    machine::Machine,
    paths::{self, roots},
};
use crate::disk::At;
use silver_plugin_api::setup::{Found, Sysctl};
use std::{fs, io, path::PathBuf};

pub(crate) fn observe(machine: &Machine, sysctl: &Sysctl) -> Result<Found, ResourceError> {
    Ok(Found::Sysctl { value: value(machine, sysctl)?, kept: paths::text(machine, &sysctl.path())? })
}

pub(crate) fn apply(machine: &Machine, sysctl: &Sysctl) -> Result<(), ResourceError> {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if value(machine, sysctl)?.is_some_and(|is| words(&is) != words(&sysctl.value)) {
        let path = path(machine, sysctl);
        fs::write(&path, sysctl.value.as_bytes()).at("set", &path)?;
    }
    machine.made(&sysctl.path())?.write(sysctl.line().as_bytes(), roots())
}

/// Its value now; `None`: this kernel does not have it.
pub(crate) fn value(machine: &Machine, sysctl: &Sysctl) -> Result<Option<String>, ResourceError> {
    let path = path(machine, sysctl);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", &path)?,
    }
}

/// As sysctl(8) does it: a dot divides, and so does a slash where a part of the name has dots.
pub(crate) fn path(machine: &Machine, sysctl: &Sysctl) -> PathBuf {
    let key = &sysctl.key;
    let first = key.find(['.', '/']).map(|at| &key[at..=at]);
    let name = if first == Some("/") { key.clone() } else { key.replace('.', "/") };
    machine.root().join("proc/sys").join(name)
}
