//! The file name of a wheel: <https://packaging.python.org/specifications/binary-distribution-format/>.

use std::fmt;

/// A parsed file name: `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// The distribution as written: `Trac_Account_Manager`.
    pub name: String,
    /// Its version.
    pub version: String,
    pythons: Vec<String>,
    abis: Vec<String>,
    platforms: Vec<String>,
}

/// The text is no file name of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError(String);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not named as wheels are: NAME-VERSION-PYTHON-ABI-PLATFORM.whl", self.0)
    }
}

impl std::error::Error for NameError {}

impl WheelName {
    /// Parses a file name.
    pub fn parse(file: &str) -> Result<Self, NameError> {
        let wrong = || NameError(file.to_owned());
        let parts: Vec<&str> = file.strip_suffix(".whl").ok_or_else(wrong)?.split('-').collect();
        let (name, version, tags) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (name, version, tags),
            // a build number begins with a digit
            [name, version, build, tags @ ..] if tags.len() == 3 && build.starts_with(|c: char| c.is_ascii_digit()) => {
                (name, version, tags)
            }
            _ => return Err(wrong()),
        };
        let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins(name) || !begins(version) || tags.iter().any(|tag| tag.is_empty()) {
            return Err(wrong());
        }
        let alternatives = |tag: &str| tag.split('.').map(str::to_owned).collect();
        Ok(Self {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            pythons: alternatives(tags[0]),
            abis: alternatives(tags[1]),
            platforms: alternatives(tags[2]),
        })
    }

    /// The name as indexes compare it: lower case, runs of `-`, `_` and `.` as one dash.
    pub fn normalized(&self) -> String {
        normalized(&self.name)
    }

    /// Can a target such as `linux-x86_64-gnu2.36-cp311` use it? What the target does not say is not
    /// asked for.
    pub fn fits(&self, target: &str) -> bool {
        let target = Target::parse(target);
        self.platforms.iter().any(|platform| target.has_platform(platform))
            && self.pythons.iter().any(|python| self.abis.iter().any(|abi| target.runs(python, abi)))
    }
}

/// See [`WheelName::normalized`].
pub fn normalized(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if text.ends_with('-') => {}
            '-' | '_' | '.' => text.push('-'),
            c => text.extend(c.to_lowercase()),
        }
    }
    text
}

/// What a target says.
#[derive(Default)]
struct Target<'a> {
    arch: Option<&'a str>,
    /// Minor version of glibc 2.
    glibc: Option<u32>,
    /// Minor version of CPython 3.
    python: Option<u32>,
}

impl<'a> Target<'a> {
    fn parse(text: &'a str) -> Self {
        let mut target = Self::default();
        let mut parts = text.split('-');
        if parts.next() != Some("linux") {
            return target;
        }
        target.arch = parts.next();
        for part in parts {
            if let Some(minor) = part.strip_prefix("gnu2.") {
                target.glibc = minor.parse().ok();
            } else if let Some(minor) = part.strip_prefix("cp3") {
                target.python = minor.parse().ok();
            }
        }
        target
    }

    fn has_platform(&self, platform: &str) -> bool {
        let Some(arch) = self.arch else { return true };
        if platform == "any" {
            return true;
        }
        let Some(rest) = platform.strip_suffix(arch).and_then(|rest| rest.strip_suffix('_')) else { return false };
        let glibc = match rest {
            "linux" => 0,
            "manylinux1" => 5,
            "manylinux2010" => 12,
            "manylinux2014" => 17,
            _ => match rest.strip_prefix("manylinux_2_").and_then(|minor| minor.parse().ok()) {
                Some(minor) => minor,
                None => return false,
            },
        };
        self.glibc.is_none_or(|has| glibc <= has)
    }

    fn runs(&self, python: &str, abi: &str) -> bool {
        let Some(minor) = self.python else { return true };
        let exact = format!("cp3{minor}");
        let at_least = |tag: &str, prefix: &str| {
            tag.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.parse().is_ok_and(|wants: u32| wants <= minor))
        };
        match abi {
            "none" => python == exact || at_least(python, "py3"),
            "abi3" => at_least(python, "cp3"),
            abi => abi == exact && python == exact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (file, name, version) in [
            ("TracAccountManager-0.6.0-py2.py3-none-any.whl", "TracAccountManager", "0.6.0"),
            ("a_b-1.0-1-py3-none-any.whl", "a_b", "1.0"),
            ("markupsafe-3.0.4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", "markupsafe", "3.0.4"),
        ] {
            let wheel = WheelName::parse(file).unwrap();
            assert_eq!((wheel.name.as_str(), wheel.version.as_str()), (name, version));
        }
        for wrong in [
            "",
            "a.whl",
            "a-1.0.whl",
            "a-1.0-py3-none.whl",
            "a-1.0-x-py3-none-any.whl",
            "-1-py3-none-any.whl",
            "a-1-py3--any.whl",
        ] {
            assert!(WheelName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_compared_as_indexes_do() {
        assert_eq!(normalized("Trac_Account..Manager"), "trac-account-manager");
    }

    #[test]
    fn a_wheel_fits_a_target_or_not() {
        let target = "linux-x86_64-gnu2.36-cp311";
        for (tags, fits) in [
            ("py3-none-any", true),
            ("py2.py3-none-any", true),
            ("py2-none-any", false),
            ("py312-none-any", false),
            ("cp311-cp311-manylinux_2_17_x86_64", true),
            ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", true),
            ("cp311-cp311-manylinux_2_39_x86_64", false),
            ("cp311-cp311-manylinux_2_17_aarch64", false),
            ("cp311-cp311-musllinux_1_2_x86_64", false),
            ("cp310-cp310-manylinux_2_17_x86_64", false),
            ("cp39-abi3-manylinux_2_17_x86_64", true),
            ("cp312-abi3-manylinux_2_17_x86_64", false),
            ("cp311-cp311-win_amd64", false),
        ] {
            let wheel = WheelName::parse(&format!("a-1-{tags}.whl")).unwrap();
            assert_eq!(wheel.fits(target), fits, "{tags}");
        }
        let native = WheelName::parse("a-1-cp310-cp310-manylinux_2_17_x86_64.whl").unwrap();
        assert!(native.fits("linux-x86_64-gnu2.36"), "no Python is named");
        assert!(native.fits(""), "nothing is named");
    }
}
