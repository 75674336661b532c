//! A bare Debian 12, as a hoster delivers it.

use super::{
    REPOSITORY, in_mounts,
    sources::{SUITE, Sources},
    word,
};
use crate::{ProviderError, run::run};
use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

/// Raised when what is written below changes something that the recipe does not show.
const VERSION: u32 = 1;

/// What every Debian server has that can be reached over ssh, beside what debootstrap installs.
const PACKAGES: &[&str] = &[
    "ca-certificates",
    "curl",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3-minimal",
    "sudo",
    "systemd",
    "systemd-sysv",
];

/// Files of the image: path, mode, content.
const FILES: &[(&str, u32, &str)] = &[
    // else databases are made with SQL_ASCII
    ("etc/default/locale", 0o644, "LANG=C.UTF-8\n"),
    ("etc/sudoers.d/deploy", 0o440, "deploy ALL=(ALL:ALL) NOPASSWD: ALL\n"),
    // each node gets its own before its first start
    ("etc/machine-id", 0o444, ""),
];

/// Units that can only fail or wait in a namespace.
const MASKED: &[&str] = &[
    "console-getty.service",
    "dev-hugepages.mount",
    "getty.target",
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-modules-load.service",
    "systemd-resolved.service",
];

/// The user beside root who may log in and use sudo without a password.
pub const USER: &str = "deploy";

/// Everything that decides what is built.
pub(super) fn recipe(sources: &Sources) -> String {
    let mut recipe = format!("base {VERSION} {SUITE} {USER} {REPOSITORY}\n{}\n{PACKAGES:?}\n", sources.text);
    for (path, mode, content) in FILES {
        writeln!(recipe, "{path} {mode:o} {content:?}").expect("a string takes everything");
    }
    recipe + &MASKED.join(" ")
}

/// In memory, since dpkg writes every file more than once, and then to its place.
const BUILD: &str = r#"
out=$1 suite=$2 packages=$3 sources=$4
shift 4
work=$(mktemp -d)
trap 'umount "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o mode=755 tmpfs "$work"
TMPDIR=$work mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include="$packages" "$@" "$suite" "$work/root" "$sources"
cp -a "$work/root/." "$out"
"#;

/// Builds it.
pub(super) fn build(sources: &Sources, out: &Path) -> Result<(), ProviderError> {
    let file = out.with_extension(sources.ending);
    fs::write(&file, &sources.text).map_err(ProviderError::file(&file, "write"))?;
    let mut arguments = vec![word(out).into_owned(), SUITE.into(), PACKAGES.join(","), word(&file).into_owned()];
    arguments.extend(sources.options.iter().map(|(name, value)| format!("--aptopt={name} \"{value}\"")));
    let built = in_mounts(BUILD, arguments.iter().map(String::as_str));
    fs::remove_file(&file).map_err(ProviderError::file(&file, "remove"))?;
    built?;
    run(Command::new("chroot").arg(out).args(["useradd", "--create-home", "--shell", "/bin/bash", USER]))?;
    let apt = out.join("etc/apt");
    for place in ["sources.list", "sources.list.d"] {
        let place = apt.join(place);
        if place.is_dir() { fs::remove_dir_all(&place) } else { fs::remove_file(&place) }
            .or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .map_err(ProviderError::file(&place, "remove"))?;
    }
    put(out, "etc/apt/sources.list.d/local.list", 0o644, &format!("deb [trusted=yes] file:{REPOSITORY} ./\n"))?;
    put(out, &format!("{}/.keep", &REPOSITORY[1..]), 0o644, "")?;
    for (path, mode, content) in FILES {
        put(out, path, *mode, content)?;
    }
    for unit in MASKED {
        let link = out.join("etc/systemd/system").join(unit);
        fs::remove_file(&link).ok(); // usually there is none
        symlink("/dev/null", &link).map_err(ProviderError::file(&link, "mask the unit"))?;
    }
    // every node has its own
    let keys = fs::read_dir(out.join("etc/ssh")).map_err(ProviderError::file(out.join("etc/ssh"), "read"))?;
    for entry in keys.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("ssh_host_")) {
        fs::remove_file(entry.path()).map_err(ProviderError::file(entry.path(), "remove"))?;
    }
    Ok(())
}

fn put(out: &Path, path: &str, mode: u32, content: &str) -> Result<(), ProviderError> {
    let path = out.join(path);
    let parent = path.parent().unwrap_or(out);
    let written = fs::create_dir_all(parent)
        .and_then(|()| if path.exists() { fs::remove_file(&path) } else { Ok(()) })
        .and_then(|()| fs::write(&path, content))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
    written.map_err(ProviderError::file(&path, "write"))
}
