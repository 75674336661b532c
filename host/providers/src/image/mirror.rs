//! A repository of the packages that nodes install, since they have no route out. Installing from it
//! is what installing always is.

use super::{in_mounts, sources::Sources, word};
use crate::ProviderError;
use std::{fs, path::Path};

/// What `silver setup-node`, its plugins and the tests install; with all that those need.
pub(super) const PACKAGES: &[&str] = &[
    // set-up of nodes
    "bubblewrap",
    "caddy",
    "logrotate",
    "nftables",
    "python3-venv",
    "systemd-timesyncd",
    "unattended-upgrades",
    // the example of a node plugin
    "fail2ban",
    "python3-systemd",
    // tests: login shells that are none of POSIX, clocks that are wrong, an authority that signs certificates, and what silver
    // is measured against
    "faketime",
    "fish",
    "pebble",
    "rsync",
    "zstd",
];

/// Everything that decides what is built, beside the base.
pub(super) fn recipe() -> String {
    format!("apt {PACKAGES:?}\n{DOWNLOAD}")
}

/// In the base, with this machine's sources, and nothing but the packages leaves it.
const DOWNLOAD: &str = r#"
base=$1 out=$2 sources=$3 packages=$4
shift 4
work=$(mktemp -d)
trap 'umount -R "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work" "$work/root"
mount -t proc proc "$work/root/proc"
cp "$sources" "$work/root/etc/apt/"
cp /etc/resolv.conf /etc/hosts "$work/root/etc/"
from=Dir::Etc::sourcelist=/etc/apt/${sources##*/}
chroot "$work/root" apt-get -q "$@" -o "$from" -o Dir::Etc::sourceparts=- update
chroot "$work/root" apt-get -q -y "$@" -o "$from" -o Dir::Etc::sourceparts=- --no-install-recommends --download-only install $packages
cp "$work"/root/var/cache/apt/archives/*.deb "$out"
cd "$out"
dpkg-scanpackages --multiversion . > Packages
"#;

/// Builds it.
pub(super) fn build(base: &Path, sources: &Sources, out: &Path) -> Result<(), ProviderError> {
    let file = out.with_extension(sources.ending);
    fs::write(&file, &sources.text).map_err(ProviderError::file(&file, "write"))?;
    let mut arguments: Vec<String> = [base, out, &file].map(|path| word(path).into_owned()).into();
    arguments.push(PACKAGES.join(" "));
    arguments.extend(sources.options.iter().flat_map(|(name, value)| ["-o".to_owned(), format!("{name}={value}")]));
    let built = in_mounts(DOWNLOAD, arguments.iter().map(String::as_str));
    fs::remove_file(&file).map_err(ProviderError::file(&file, "remove"))?;
    built.map(drop)
}
