//! Platforms of native code: `linux-x86_64-gnu2.36` is the system, the architecture, and the C
//! library with the version that is needed at least.

/// Does code for `pack` run on `node`?
pub(super) fn fits(pack: &str, node: &str) -> bool {
    let (Some(pack), Some(node)) = (parse(pack), parse(node)) else { return pack == node };
    pack.system == node.system && pack.library == node.library && pack.version <= node.version
}

struct Platform<'a> {
    /// `linux-x86_64`
    system: &'a str,
    /// `gnu`, `musl`
    library: &'a str,
    version: (u32, u32),
}

fn parse(text: &str) -> Option<Platform<'_>> {
    let (system, library) = text.rsplit_once('-')?;
    let digits = library.find(|c: char| c.is_ascii_digit()).unwrap_or(library.len());
    let (library, version) = library.split_at(digits);
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok() };
    Some(Platform { system, library, version: (number(major)?, number(minor)?) })
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_newer_library_runs_older_code() {
        for (pack, node, fine) in [
            ("linux-x86_64-gnu2.36", "linux-x86_64-gnu2.36", true),
            ("linux-x86_64-gnu2.9", "linux-x86_64-gnu2.36", true),
            ("linux-x86_64-gnu2.36", "linux-x86_64-gnu2.9", false),
            ("linux-x86_64-gnu2.36", "linux-aarch64-gnu2.36", false),
            ("linux-x86_64-gnu2.36", "linux-x86_64-musl1.2", false),
            ("linux-x86_64-gnu2.36", "", false),
        ] {
            assert_eq!(fits(pack, node), fine, "{pack} on {node}");
        }
    }
}
