//! Does a wheel fit an interpreter? By the tags of its name, before anything is built.
//!
//! Source: the binary distribution format, <https://packaging.python.org/specifications/>.

use silver_plugin_api::{Failure, plan::NodeFacts};

/// `name-version(-build)?-python-abi-platform.whl`, each tag a list divided by dots.
pub(super) fn check(file: &str, abi: &str, node: &NodeFacts) -> Result<(), Failure> {
    let stem = file.strip_suffix(".whl").unwrap_or(file);
    let parts: Vec<&str> = stem.split('-').collect();
    let [.., pythons, abis, platforms] = parts.as_slice() else { return Err(not_a_wheel(file)) };
    if parts.len() < 5 {
        return Err(not_a_wheel(file));
    }
    let python = pythons.split('.').any(|tag| python_fits(tag, abi, abis));
    let native = abis.split('.').any(|tag| tag == "none" || tag == abi || tag == "abi3");
    let platform = platforms.split('.').any(|tag| platform_fits(tag, node));
    if python && native && platform {
        return Ok(());
    }
    Err(Failure::invalid(
        "wheel-does-not-fit",
        format!("{file} is not for the Python of node `{}` ({abi}, {})", node.name, node.platform),
        Some("build the pack (or install the app plugin) for this platform"),
    ))
}

fn not_a_wheel(file: &str) -> Failure {
    Failure::invalid("not-a-wheel", format!("{file} does not have the name of a wheel"), None)
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

/// `any`, or manylinux and linux of the node's architecture; pip judges the C library's version.
fn platform_fits(tag: &str, node: &NodeFacts) -> bool {
    tag == "any" || (tag.contains("linux") && tag.ends_with(node.arch.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_fit_by_their_tags() {
        let node = NodeFacts {
            name: "local".into(),
            arch: "x86_64".into(),
            platform: "linux-x86_64-gnu2.36".into(),
            ..NodeFacts::default()
        };
        for fine in [
            "trac-1.6-py3-none-any.whl",
            "six-1.16.0-py2.py3-none-any.whl",
            "MarkupSafe-2.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "cryptography-42-cp37-abi3-manylinux_2_28_x86_64.whl",
            "ruff-0.4-1-py3-none-manylinux_2_17_x86_64.whl",
            "old-1-py36-none-any.whl",
        ] {
            assert!(check(fine, "cp311", &node).is_ok(), "{fine}");
        }
        for wrong in [
            "MarkupSafe-2.1-cp312-cp312-manylinux_2_17_x86_64.whl",
            "MarkupSafe-2.1-cp310-cp310-manylinux_2_17_x86_64.whl",
            "MarkupSafe-2.1-cp311-cp311-manylinux_2_17_aarch64.whl",
            "MarkupSafe-2.1-cp311-cp311-win_amd64.whl",
            "old-1-py2-none-any.whl",
            "trac.whl",
        ] {
            assert!(check(wrong, "cp311", &node).is_err(), "{wrong}");
        }
    }
}
