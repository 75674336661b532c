//! Which wheels fit an interpreter? By the tags of their names, before anything is built. A pack may
//! have several wheels of one package, each for another platform.
//!
//! Source: the binary distribution format, <https://packaging.python.org/specifications/>.

use silver_plugin_api::{Digest, Failure, TreePath, plan::NodeFacts};
use std::collections::BTreeMap;

/// `name-version(-build)?-python-abi-platform.whl`, each tag a list divided by dots.
struct Name<'a> {
    /// As indexes compare it.
    package: String,
    version: &'a str,
    pythons: &'a str,
    abis: &'a str,
    platforms: &'a str,
}

/// The wheel of each package that fits the node, in the order of their paths.
pub(super) fn choose(wheels: Vec<(TreePath, Digest)>, abi: &str, node: &NodeFacts) -> Result<Vec<(TreePath, Digest)>, Failure> {
    let mut packages: BTreeMap<String, Vec<(TreePath, Digest)>> = BTreeMap::new();
    for wheel in wheels {
        packages.entry(parse(wheel.0.name())?.package).or_default().push(wheel);
    }
    let mut chosen = Vec::new();
    for (package, wheels) in packages {
        chosen.push(choose_one(&package, &wheels, abi, node)?);
    }
    chosen.sort();
    Ok(chosen)
}

fn choose_one(package: &str, wheels: &[(TreePath, Digest)], abi: &str, node: &NodeFacts) -> Result<(TreePath, Digest), Failure> {
    let names = || wheels.iter().map(|(path, _)| path.name()).collect::<Vec<_>>().join(", ");
    let mut fitting: Vec<(u32, &(TreePath, Digest))> = Vec::new();
    let mut versions = Vec::new();
    for wheel in wheels {
        let name = parse(wheel.0.name())?;
        if let Some(rank) = rank(&name, abi, node) {
            fitting.push((rank, wheel));
            versions.push(name.version.to_owned());
        }
    }
    versions.dedup();
    if versions.len() > 1 {
        return Err(Failure::invalid(
            "two-versions",
            format!("the release has more than one version of {package}: {}", versions.join(", ")),
            Some("take out the app plugin that brings another version than the pack"),
        ));
    }
    // the same wheel may lie in two directories: the first path stands
    let best = fitting.into_iter().max_by(|(a, first), (b, second)| a.cmp(b).then_with(|| second.0.cmp(&first.0)));
    best.map(|(_, wheel)| wheel.clone()).ok_or_else(|| {
        Failure::invalid(
            "wheel-does-not-fit",
            format!("no wheel of {package} is for the Python of node `{}` ({abi}, {}): {}", node.name, node.platform, names()),
            Some("build the pack (or install the app plugin) for this platform"),
        )
    })
}

fn parse(file: &str) -> Result<Name<'_>, Failure> {
    let parts: Vec<&str> = file.strip_suffix(".whl").unwrap_or(file).split('-').collect();
    let (package, version, tags) = match parts.as_slice() {
        [package, version, tags @ ..] if tags.len() == 3 => (package, version, tags),
        [package, version, _build, tags @ ..] if tags.len() == 3 => (package, version, tags),
        _ => return Err(Failure::invalid("not-a-wheel", format!("{file} does not have the name of a wheel"), None)),
    };
    let package = package.to_lowercase().replace(['_', '.'], "-");
    Ok(Name { package, version, pythons: tags[0], abis: tags[1], platforms: tags[2] })
}

/// How well a wheel fits; more is better, `None` is not at all.
fn rank(name: &Name<'_>, abi: &str, node: &NodeFacts) -> Option<u32> {
    let python = name.pythons.split('.').any(|tag| python_fits(tag, abi, name.abis));
    let abis = name.abis.split('.').filter_map(|tag| match tag {
        _ if tag == abi => Some(3),
        "abi3" => Some(2),
        "none" => Some(1),
        _ => None,
    });
    let platforms = name.platforms.split('.').filter_map(|tag| platform_fits(tag, node));
    let (abi, platform) = (abis.max()?, platforms.max()?);
    python.then_some(abi * 10 + platform)
}

/// `py3`, `py2.py3`, `py38`, `cp311`, and `cp37` with the stable ABI.
fn python_fits(tag: &str, abi: &str, abis: &str) -> bool {
    let minor = |tag: &str| tag.strip_prefix('3').and_then(|minor| minor.parse::<u32>().ok());
    let Some(ours) = abi.strip_prefix("cp").and_then(minor) else { return tag == "py3" };
    match (tag.strip_prefix("cp"), tag.strip_prefix("py")) {
        (Some(version), _) => {
            let stable = abis.split('.').any(|abi| abi == "abi3" || abi == "none");
            minor(version).is_some_and(|theirs| theirs == ours || (stable && theirs < ours))
        }
        (_, Some("3")) => true,
        (_, Some(version)) => minor(version).is_some_and(|theirs| theirs <= ours),
        _ => false,
    }
}

/// `any`, or linux of the node's architecture with a C library that is not newer than the node's.
fn platform_fits(tag: &str, node: &NodeFacts) -> Option<u32> {
    if tag == "any" {
        return Some(1);
    }
    let system = tag.strip_suffix(node.arch.as_str())?.strip_suffix('_')?;
    let ours = node.platform.rsplit_once("-gnu").and_then(|(_, version)| number(version, '.'));
    match system {
        "linux" => Some(2),
        // what the older names stand for: https://peps.python.org/pep-0600/
        "manylinux1" => (ours >= Some((2, 5))).then_some(2),
        "manylinux2010" => (ours >= Some((2, 12))).then_some(2),
        "manylinux2014" => (ours >= Some((2, 17))).then_some(2),
        _ => {
            let theirs = number(system.strip_prefix("manylinux_")?, '_')?;
            (ours >= Some(theirs)).then_some(2)
        }
    }
}

fn number(text: &str, divider: char) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(divider)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeFacts {
        let (arch, platform) = ("x86_64".into(), "linux-x86_64-gnu2.36".into());
        NodeFacts { name: "local".into(), arch, platform, ..NodeFacts::default() }
    }

    fn chosen(files: &[&str]) -> Result<Vec<String>, String> {
        let digest = Digest::from_bytes([0; 32]);
        let wheels = files.iter().map(|file| (TreePath::new(&format!("wheels/{file}")).unwrap(), digest)).collect();
        let chosen = choose(wheels, "cp311", &node()).map_err(|error| error.to_string())?;
        Ok(chosen.into_iter().map(|(path, _)| path.name().to_owned()).collect())
    }

    #[test]
    fn wheels_fit_by_their_tags() {
        for fine in [
            "trac-1.6-py3-none-any.whl",
            "six-1.16.0-py2.py3-none-any.whl",
            "MarkupSafe-2.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "MarkupSafe-2.1-cp311-cp311-linux_x86_64.whl",
            "cryptography-42-cp37-abi3-manylinux_2_28_x86_64.whl",
            "ruff-0.4-1-py3-none-manylinux_2_17_x86_64.whl",
            "old-1-py36-none-any.whl",
        ] {
            assert_eq!(chosen(&[fine]), Ok(vec![fine.to_owned()]));
        }
        for wrong in [
            "MarkupSafe-2.1-cp312-cp312-manylinux_2_17_x86_64.whl",
            "MarkupSafe-2.1-cp310-cp310-manylinux_2_17_x86_64.whl",
            "MarkupSafe-2.1-cp311-cp311-manylinux_2_17_aarch64.whl",
            "MarkupSafe-2.1-cp311-cp311-manylinux_2_40_x86_64.whl",
            "MarkupSafe-2.1-cp311-cp311-musllinux_1_2_x86_64.whl",
            "MarkupSafe-2.1-cp311-cp311-win_amd64.whl",
            "old-1-py2-none-any.whl",
            "trac.whl",
        ] {
            assert!(chosen(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_several_wheels_of_a_package_the_best_is_taken() {
        let (any, ours) = ("m_x-1-py3-none-any.whl", "M.x-1-cp311-cp311-manylinux_2_17_x86_64.whl");
        let others = ["m_x-1-cp310-cp310-manylinux_2_17_x86_64.whl", "m_x-1-cp311-cp311-manylinux_2_17_aarch64.whl"];
        assert_eq!(chosen(&[any, ours, others[0], others[1]]), Ok(vec![ours.into()]));
        let error = chosen(&others).unwrap_err();
        assert!(error.contains("no wheel of m-x") && error.contains("cp310") && error.contains("aarch64"), "{error}");
        let error = chosen(&[any, "m_x-2-py3-none-any.whl"]).unwrap_err();
        assert!(error.contains("more than one version of m-x: 1, 2"), "{error}");
    }
}
