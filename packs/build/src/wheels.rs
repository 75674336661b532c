//! Wheels by digest: fetched once, verified, kept in the download cache.

use crate::{
    pip::{For, Pip, PipError},
    requirements::{Pinned, normalise},
    store::FileStore,
    unpack::{self, UnpackError},
};
use silver_pack::hash;
use silver_plugin_api::Digest;
use std::{collections::BTreeMap, fs, io, path::PathBuf};

/// CPython versions and processors for which pinned wheels are looked for.
const PYTHONS: [&str; 6] = ["311", "312", "313", "310", "314", "39"];
const PROCESSORS: [&str; 2] = ["x86_64", "aarch64"];
/// glibc 2.N up to which pinned wheels may ask for more.
const GLIBC: u32 = 39;

/// A wheel in the cache; its file name has name, version and tags.
pub use crate::store::Stored as Wheel;

/// Why pinned wheels could not be had.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// pip did not give them.
    #[error("cannot fetch `{pin}`")]
    Fetch {
        /// `name==version`; several when they were fetched at once.
        pin: String,
        /// Why.
        #[source]
        source: PipError,
    },
    /// A pinned hash for which the index has no wheel.
    #[error("the index has no wheel of `{pin}` with the hash {digest}")]
    NotFound {
        /// `name==version`.
        pin: String,
        /// The hash.
        digest: Digest,
    },
    /// The file of a pinned hash belongs to another package.
    #[error("the file `{file}` has a hash that is pinned for `{pin}`")]
    OtherPackage {
        /// `name==version`.
        pin: String,
        /// What came.
        file: String,
    },
    /// It is an archive that no pack could be.
    #[error(transparent)]
    Unsound(#[from] UnpackError),
    /// The cache cannot be used.
    #[error("cannot use the download cache at `{}`", path.display())]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl WheelError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch { source, .. } => source.hint(),
            Self::NotFound { .. } => Some(format!(
                "pin wheels (no sdists) for Linux on {} and CPython {}; `pip hash WHEEL` prints a hash",
                PROCESSORS.join(" or "),
                "3.9 to 3.14"
            )),
            Self::OtherPackage { .. } => Some("correct the hash in the requirements file".to_owned()),
            Self::Unsound(error) => error.hint(),
            Self::Cache { .. } => None,
        }
    }
}

impl WheelError {
    /// Did the index give other bytes than the pinned ones?
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Fetch { source, .. } => matches!(source, PipError::OtherHash { .. }),
            Self::NotFound { .. } | Self::OtherPackage { .. } | Self::Unsound(_) => true,
            Self::Cache { .. } => false,
        }
    }
}

/// The cache of wheels below a directory.
#[derive(Debug, Clone)]
pub struct WheelStore {
    files: FileStore,
}

impl WheelStore {
    /// Wheels below `dir`, which is made when it is needed.
    pub fn new(dir: PathBuf) -> Self {
        Self { files: FileStore::new(dir) }
    }

    /// The files.
    pub(crate) fn files(&self) -> &FileStore {
        &self.files
    }

    /// The wheel with this digest, if it is here and whole.
    pub fn get(&self, digest: &Digest) -> Option<Wheel> {
        self.files.get(digest)
    }

    /// All wheels that `pins` name by their hashes, in the order of file names. `told` is called
    /// with a pin before it is fetched.
    pub fn fetch(&self, pip: &Pip, pins: &[Pinned], told: &dyn Fn(&str)) -> Result<Vec<Wheel>, WheelError> {
        let mut found = BTreeMap::new();
        for pin in pins {
            for wheel in pin.digests.iter().filter_map(|digest| self.get(digest)) {
                check_name(pin, &wheel)?;
                found.insert(wheel.digest, wheel);
            }
        }
        let missing = |pin: &Pinned, found: &BTreeMap<Digest, Wheel>| -> Vec<Digest> {
            pin.digests.iter().filter(|digest| !found.contains_key(*digest)).copied().collect()
        };
        let open: Vec<&Pinned> = pins.iter().filter(|pin| !missing(pin, &found).is_empty()).collect();
        if !open.is_empty() {
            // one call fetches what fits this machine; what it cannot do is then done one by one
            told(&format!("{} packages", open.len()));
            let lines: Vec<String> = open.iter().map(|pin| line(pin, &pin.digests)).collect();
            let all: Vec<String> = open.iter().map(|pin| pin.pin()).collect();
            match self.download(pip, &lines.join("\n"), &For::Here, &open, &mut found) {
                Err(WheelError::Fetch { source: PipError::NoMatch { .. } | PipError::OtherHash { .. }, .. }) => {}
                Err(WheelError::Fetch { source, .. }) => return Err(WheelError::Fetch { pin: all.join(", "), source }),
                other => other?,
            }
        }
        for pin in open {
            self.fetch_everywhere(pip, pin, &mut found, told)?;
        }
        let mut wheels: Vec<Wheel> = found.into_values().collect();
        wheels.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(wheels)
    }

    /// The wheel of a pin with one hash. `target` is for which machine it was resolved; when that is
    /// not known, it is looked for everywhere.
    pub(crate) fn fetch_one(&self, pip: &Pip, pin: &Pinned, target: Option<&For>) -> Result<Wheel, WheelError> {
        let digest = pin.digests.first().copied().unwrap_or(Digest::from_bytes([0; 32]));
        let mut found: BTreeMap<Digest, Wheel> = self.get(&digest).map(|wheel| (digest, wheel)).into_iter().collect();
        if let Some(wheel) = found.get(&digest) {
            check_name(pin, wheel)?;
        } else if let Some(target) = target {
            self.download(pip, &line(pin, &pin.digests), target, &[pin], &mut found)?;
        } else {
            self.fetch_everywhere(pip, pin, &mut found, &|_| {})?;
        }
        found.remove(&digest).ok_or_else(|| WheelError::NotFound { pin: pin.pin(), digest })
    }

    /// Fetches the wheels of one pin that do not fit this machine, or did not come with the others.
    fn fetch_everywhere(
        &self,
        pip: &Pip,
        pin: &Pinned,
        found: &mut BTreeMap<Digest, Wheel>,
        told: &dyn Fn(&str),
    ) -> Result<(), WheelError> {
        let machines = PYTHONS.iter().flat_map(|python| {
            PROCESSORS.iter().map(|arch| For::Linux { arch: (*arch).into(), glibc: GLIBC, python: Some((*python).into()) })
        });
        let mut trouble = None;
        for target in std::iter::once(For::Here).chain(machines) {
            let missing: Vec<Digest> = pin.digests.iter().filter(|digest| !found.contains_key(*digest)).copied().collect();
            if missing.is_empty() {
                return Ok(());
            }
            told(&pin.pin());
            match self.download(pip, &line(pin, &missing), &target, &[pin], found) {
                Ok(()) => {}
                Err(WheelError::Fetch { source: source @ (PipError::NoMatch { .. } | PipError::OtherHash { .. }), .. }) => {
                    // a wheel for any machine is the same everywhere
                    let final_word = matches!(&source, PipError::OtherHash { file, .. } if file.ends_with("-none-any.whl"));
                    trouble = trouble.or(Some(source));
                    if final_word {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        match (pin.digests.iter().find(|digest| !found.contains_key(*digest)), trouble) {
            (None, _) => Ok(()),
            (Some(_), Some(source)) if pin.digests.len() == 1 => Err(WheelError::Fetch { pin: pin.pin(), source }),
            (Some(digest), _) => Err(WheelError::NotFound { pin: pin.pin(), digest: *digest }),
        }
    }

    /// Downloads into a directory of its own, then keeps what was asked for.
    fn download(
        &self,
        pip: &Pip,
        lines: &str,
        target: &For,
        pins: &[&Pinned],
        found: &mut BTreeMap<Digest, Wheel>,
    ) -> Result<(), WheelError> {
        let cache = |source| WheelError::Cache { path: self.files.dir().to_owned(), source };
        let incoming = self.files.incoming().map_err(cache)?;
        let result = pip.download(lines, incoming.path(), target);
        for entry in fs::read_dir(incoming.path()).map_err(cache)? {
            let path = entry.map_err(cache)?.path();
            let digest = hash::sha256(&fs::read(&path).map_err(cache)?);
            if let Some(pin) = pins.iter().find(|pin| pin.digests.contains(&digest)) {
                unpack::check_wheel(&path)?; // pip would unpack it into the environment of the application
                let wheel = self.files.keep(&path, digest).map_err(cache)?;
                let wheel = wheel.ok_or_else(|| WheelError::OtherPackage { pin: pin.pin(), file: path.display().to_string() })?;
                check_name(pin, &wheel)?;
                found.insert(digest, wheel);
            }
        }
        result.map_err(|source| WheelError::Fetch { pin: pins.first().map(|pin| pin.pin()).unwrap_or_default(), source })
    }
}

/// A line of a requirements file.
fn line(pin: &Pinned, digests: &[Digest]) -> String {
    let hashes: Vec<String> = digests.iter().map(|digest| format!("--hash=sha256:{}", digest.hex())).collect();
    format!("{} {}", pin.pin(), hashes.join(" "))
}

/// `name` and `version` of a wheel's file name.
pub(crate) fn wheel_name(file: &str) -> Option<(&str, &str)> {
    let stem = file.strip_suffix(".whl")?;
    let mut parts = stem.split('-');
    let (name, version) = (parts.next()?, parts.next()?);
    (parts.count() >= 3).then_some((name, version))
}

fn check_name(pin: &Pinned, wheel: &Wheel) -> Result<(), WheelError> {
    let same = wheel_name(&wheel.file).is_some_and(|(name, _)| normalise(name) == normalise(&pin.name));
    if same { Ok(()) } else { Err(WheelError::OtherPackage { pin: pin.pin(), file: wheel.file.to_string() }) }
}
