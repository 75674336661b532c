//! A pack with native code runs on some machines only; the manifest says which.

use silver_pack::manifest::Manifest;
use std::collections::BTreeSet;

/// Writes `[pack] platform` if the wheels hold native code for one processor only and the manifest
/// does not say it already.
pub(super) fn record<'a>(text: &str, manifest: &Manifest, wheels: impl Iterator<Item = &'a str>) -> String {
    let Some(platform) = needed(wheels).filter(|_| manifest.pack.platform.is_none()) else { return text.to_owned() };
    let Ok(mut document) = text.parse::<toml_edit::DocumentMut>() else { return text.to_owned() };
    document["pack"]["platform"] = toml_edit::value(platform);
    document.to_string()
}

/// `linux-ARCH-gnu2.N` with the highest N that any package needs at least; `None` when nothing is
/// native, or when there are wheels for several processors.
fn needed<'a>(wheels: impl Iterator<Item = &'a str>) -> Option<String> {
    let (mut processors, mut glibc) = (BTreeSet::new(), 0);
    for wheel in wheels {
        let tags = wheel.strip_suffix(".whl")?.rsplit('-').next()?;
        let native: Vec<(u32, &str)> = tags.split('.').filter_map(manylinux).collect();
        if let Some(least) = native.iter().map(|(glibc, _)| *glibc).min() {
            glibc = glibc.max(least);
            processors.extend(native.iter().map(|(_, arch)| *arch));
        }
    }
    let arch = processors.first().filter(|_| processors.len() == 1)?;
    Some(format!("linux-{arch}-gnu2.{glibc}"))
}

/// glibc's minor version and processor of a platform tag (PEP 600 and its forerunners).
fn manylinux(tag: &str) -> Option<(u32, &str)> {
    for (legacy, glibc) in [("manylinux2014_", 17), ("manylinux2010_", 12), ("manylinux1_", 5)] {
        if let Some(arch) = tag.strip_prefix(legacy) {
            return Some((glibc, arch));
        }
    }
    let (glibc, arch) = tag.strip_prefix("manylinux_2_")?.split_once('_')?;
    Some((glibc.parse().ok()?, arch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_all_packages_need() {
        let pure = "trac-1.6-py3-none-any.whl";
        let native = "markupsafe-3.0.4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl";
        let newer = "x-1-cp311-cp311-manylinux_2_28_x86_64.whl";
        let arm = "x-1-cp311-cp311-manylinux_2_28_aarch64.whl";
        assert_eq!(needed([pure].into_iter()), None);
        assert_eq!(needed([pure, native].into_iter()).as_deref(), Some("linux-x86_64-gnu2.17"));
        assert_eq!(needed([native, newer].into_iter()).as_deref(), Some("linux-x86_64-gnu2.28"));
        assert_eq!(needed([native, arm].into_iter()), None);
    }
}
