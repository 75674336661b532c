//! Names of wheels and of Python packages.

/// A wheel's file name, taken apart:
/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// Name, normalised.
    pub name: String,
    /// Version.
    pub version: String,
    /// Interpreter: `py3`, `cp311`.
    pub python: String,
    /// Binary interface: `none`, `cp311`.
    pub abi: String,
    /// Platform: `any`, `manylinux_2_17_x86_64`.
    pub platform: String,
}

impl WheelName {
    /// Takes `file` apart; `None` when it is not the name of a wheel.
    pub fn parse(file: &str) -> Option<Self> {
        let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
        let (name, version, tags) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (name, version, tags),
            // with a build number
            [name, version, build, tags @ ..] if tags.len() == 3 && build.starts_with(|c: char| c.is_ascii_digit()) => {
                (name, version, tags)
            }
            _ => return None,
        };
        let [python, abi, platform] = tags else { return None };
        let sound = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.!+".contains(&b));
        if ![name, version, python, abi, platform].into_iter().all(sound) {
            return None;
        }
        Some(Self {
            name: normalized(name),
            version: (*version).into(),
            python: (*python).into(),
            abi: (*abi).into(),
            platform: (*platform).into(),
        })
    }

    /// Where it runs: `any` for one without native code, else its tags.
    pub fn target(&self) -> String {
        if self.abi == "none" && self.platform == "any" {
            return "any".into();
        }
        format!("{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// The name of a Python package as indexes compare it: lower case, runs of `-`, `_` and `.` as one
/// `-` (<https://packaging.python.org/en/latest/specifications/name-normalization/>).
pub fn normalized(name: &str) -> String {
    let parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_ascii_lowercase()
}
