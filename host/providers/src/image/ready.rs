//! A layer over the base with the packages of a set-up node, installed and not enabled: starting with it
//! saves the time of installing where that is not what is tried.

use super::{REPOSITORY, in_mounts, mirror, word};
use crate::ProviderError;
use std::path::Path;

/// Everything that decides what is built, beside base and repository.
pub(super) fn recipe() -> String {
    format!("ready\n{INSTALL}")
}

/// `policy-rc.d` keeps packages from starting anything; the links that enable units are in the layer only
/// because of these packages.
const INSTALL: &str = r#"
base=$1 repository=$2 out=$3 at=$4 packages=$5
rm -rf "$out.work" "$out.root" # of somebody who was killed
mkdir "$out.work" "$out.root"
trap 'umount -R "$out.root"; rm -rf "$out.work" "$out.root"' EXIT
mount -t overlay overlay -o "lowerdir=$base,upperdir=$out,workdir=$out.work" "$out.root"
mount -t proc proc "$out.root/proc"
mount --bind -o ro "$repository" "$out.root$at"
printf '#!/bin/sh\nexit 101\n' > "$out.root/usr/sbin/policy-rc.d"
chmod 755 "$out.root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive
chroot "$out.root" apt-get -q update
chroot "$out.root" apt-get -q -y -o Dpkg::Options::=--force-unsafe-io --no-install-recommends install $packages
rm "$out.root/usr/sbin/policy-rc.d"
rm -rf "$out.root"/var/lib/apt/lists/*
find "$out/etc/systemd/system" -type l -path '*.wants/*' -delete
"#;

/// Builds it.
pub(super) fn build(base: &Path, repository: &Path, out: &Path) -> Result<(), ProviderError> {
    let packages = mirror::PACKAGES.join(" ");
    let [base, repository, out] = [base, repository, out].map(|path| word(path).into_owned());
    in_mounts(INSTALL, [base.as_str(), &repository, &out, REPOSITORY, &packages]).map(drop)
}
