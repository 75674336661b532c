//! The secrets of an app on this node: one file each, 0600, in a directory that only its owner enters.
//!
//! `secrets/<app>/<name>` holds the current generation; `<name>@<n>` are the former ones, so the
//! current one's number is one more than the highest of them. A generated secret is made once and
//! never again. Values that the operator gave wait in `.given-<label>` until the transition of that
//! release takes them over: before submission nothing has changed.

use crate::dirs::Dirs;
use silver_plugin_api::plan::{Secret, SecretSource};
use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Why secrets could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A file could not be read or written.
    #[error("`{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The operator has to give a value and has not.
    #[error("the secret `{name}` has no value on this node")]
    NotGiven {
        /// The secret.
        name: String,
    },
    /// The name is not one: letters, digits, `-` and `_`.
    #[error("`{name}` cannot be the name of a secret")]
    Name {
        /// What was to be a name.
        name: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] io::Error),
}

impl SecretError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotGiven { name } => Some(format!("give `{name}` under [secrets] in customize.toml")),
            Self::Name { .. } => Some("use letters, digits, `-` and `_`".into()),
            Self::File { .. } | Self::Random(_) => None,
        }
    }
}

/// The names of the secrets that an app has, sorted.
pub fn names(dirs: &Dirs, app: &str) -> Result<Vec<String>, SecretError> {
    let directory = dirs.secrets(app);
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| SecretError::File { path: directory.clone(), source })?,
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_name(name))
        .collect();
    names.sort();
    Ok(names)
}

/// The current values of those secrets of a release that exist.
pub fn values(dirs: &Dirs, app: &str, secrets: &[Secret]) -> Result<BTreeMap<String, String>, SecretError> {
    let mut values = BTreeMap::new();
    for secret in secrets {
        if let Some(value) = read(&path_of(dirs, app, &secret.name)?)? {
            values.insert(secret.name.clone(), value);
        }
    }
    Ok(values)
}

/// The current values of all secrets of an app, whichever release has them: what no log may show.
pub fn all(dirs: &Dirs, app: &str) -> Result<BTreeMap<String, String>, SecretError> {
    let named = names(dirs, app)?.into_iter().map(|name| Secret { name, source: SecretSource::Given });
    values(dirs, app, &named.collect::<Vec<_>>())
}

/// The generation of each secret of a release that exists, counted from 1: what records may name.
pub fn generations(dirs: &Dirs, app: &str, secrets: &[Secret]) -> Result<BTreeMap<String, u32>, SecretError> {
    let mut generations = BTreeMap::new();
    for secret in secrets {
        let path = path_of(dirs, app, &secret.name)?;
        if path.exists() {
            generations.insert(secret.name.clone(), former(&path)? + 1);
        }
    }
    Ok(generations)
}

/// As costly as password hashes of applications are today: a quarter of a second, once.
const BCRYPT_COST: u32 = if cfg!(test) { 4 } else { 12 };

/// The names of those given values that differ from the current ones.
pub fn renewed(dirs: &Dirs, app: &str, given: &[(String, String)]) -> Result<Vec<String>, SecretError> {
    let mut names = Vec::new();
    for (name, value) in given {
        if read(&path_of(dirs, app, name)?)?.is_some_and(|current| current != *value) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// Keeps given values until [`make`] of the same release takes them over.
pub fn give(dirs: &Dirs, app: &str, label: &str, given: &[(String, String)]) -> Result<(), SecretError> {
    for (name, _) in given {
        path_of(dirs, app, name)?;
    }
    let text = serde_json::to_string(given).unwrap_or_default();
    write(&waiting(dirs, app, label), text.as_bytes())
}

/// Makes the generated secrets that are missing and takes over given ones; a value that differs
/// from the current one becomes a new generation. Fails when one has no value at all.
pub fn make(dirs: &Dirs, app: &str, label: &str, secrets: &[Secret]) -> Result<(), SecretError> {
    let waiting = waiting(dirs, app, label);
    let given: Vec<(String, String)> = read(&waiting)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    for (name, value) in &given {
        renew(&path_of(dirs, app, name)?, value)?;
    }
    // hashes of others come last
    let hashes = |secret: &&Secret| matches!(secret.source, SecretSource::BcryptOf(_));
    for secret in secrets.iter().filter(|secret| !hashes(secret)).chain(secrets.iter().filter(hashes)) {
        let path = path_of(dirs, app, &secret.name)?;
        if let SecretSource::BcryptOf(of) = &secret.source {
            let value = read(&path_of(dirs, app, of)?)?.ok_or_else(|| SecretError::NotGiven { name: of.clone() })?;
            let fits = |hash: String| bcrypt::verify(clear(&value), &hash).unwrap_or(false);
            if !read(&path)?.is_some_and(fits) {
                let hash =
                    bcrypt::hash(clear(&value), BCRYPT_COST).map_err(|error| SecretError::Random(io::Error::other(error)))?;
                renew(&path, &hash)?;
            }
            continue;
        }
        if path.exists() {
            continue;
        }
        match secret.source {
            SecretSource::Hex(bytes) => write(&path, random_hex(bytes)?.as_bytes())?,
            SecretSource::BcryptOf(_) => {}
            SecretSource::Given => return Err(SecretError::NotGiven { name: secret.name.clone() }),
        }
    }
    match fs::remove_file(&waiting) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SecretError::File { path: waiting, source }),
        _ => Ok(()),
    }
}

/// What bcrypt takes of a value: at most 72 bytes, up to the first NUL.
fn clear(value: &str) -> &[u8] {
    let end = value.bytes().take(72).position(|byte| byte == 0).unwrap_or(value.len().min(72));
    &value.as_bytes()[..end]
}

fn waiting(dirs: &Dirs, app: &str, label: &str) -> PathBuf {
    dirs.secrets(app).join(format!(".given-{label}"))
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn path_of(dirs: &Dirs, app: &str, name: &str) -> Result<PathBuf, SecretError> {
    if is_name(name) { Ok(dirs.secrets(app).join(name)) } else { Err(SecretError::Name { name: name.to_owned() }) }
}

/// Makes `value` the current generation; the former one stays beside it. Harmless when it was only
/// half done: the former bytes get their number before the name gets new ones.
fn renew(path: &Path, value: &str) -> Result<(), SecretError> {
    let Some(current) = read(path)? else { return write(path, value.as_bytes()) };
    if current == value {
        return Ok(());
    }
    let number = former(path)? + 1;
    write(&generation(path, number), current.as_bytes())?;
    write(path, value.as_bytes())
}

/// How many former generations there are.
fn former(path: &Path) -> Result<u32, SecretError> {
    let mut number = 0;
    while generation(path, number + 1).exists() {
        number += 1;
    }
    // a renewal that was cut short has kept the current bytes already
    if number > 0 && read(&generation(path, number))? == read(path)? {
        number -= 1;
    }
    Ok(number)
}

fn generation(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("@{number}"));
    PathBuf::from(name)
}

fn random_hex(bytes: u32) -> Result<String, SecretError> {
    let mut buffer = vec![0_u8; bytes.clamp(1, 4096) as usize];
    getrandom::fill(&mut buffer).map_err(|error| SecretError::Random(io::Error::other(error)))?;
    Ok(buffer.iter().fold(String::new(), |mut text, byte| {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    }))
}

fn read(path: &Path) -> Result<Option<String>, SecretError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretError::File { path: path.to_owned(), source }),
    }
}

/// Temporary file, sync, rename, sync of the directory: a generated secret cannot be made twice.
fn write(path: &Path, bytes: &[u8]) -> Result<(), SecretError> {
    let directory = path.parent().unwrap_or(path);
    let work = || -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        fs::File::open(directory)?.sync_all()
    };
    work().map_err(|source| SecretError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, source: SecretSource) -> Secret {
        Secret { name: name.into(), source }
    }

    #[test]
    fn generated_once_and_kept_private() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let secrets = [secret("key", SecretSource::Hex(32))];
        make(&dirs, "a", "a.1", &secrets).unwrap();
        let first = values(&dirs, "a", &secrets).unwrap();
        assert_eq!(first["key"].len(), 64);
        assert!(first["key"].chars().all(|c| c.is_ascii_hexdigit()));
        make(&dirs, "a", "a.2", &secrets).unwrap();
        assert_eq!(values(&dirs, "a", &secrets).unwrap(), first, "an update never makes it again");
        make(&dirs, "b", "b.1", &secrets).unwrap();
        assert_ne!(values(&dirs, "b", &secrets).unwrap(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dirs.secrets("a")), mode(&dirs.secrets("a").join("key"))), (0o700, 0o600));
    }

    #[test]
    fn a_hash_follows_the_secret_that_it_is_of() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        // named so that it sorts before what it is made of
        let secrets = [secret("a-hash", SecretSource::BcryptOf("password".into())), secret("password", SecretSource::Given)];
        let mut hashes = Vec::new();
        let long = "x".repeat(100);
        for (label, password) in [("a.1", "one"), ("a.2", "one"), ("a.3", &long)] {
            give(&dirs, "a", label, &[("password".into(), password.into())]).unwrap();
            make(&dirs, "a", label, &secrets).unwrap();
            let hash = values(&dirs, "a", &secrets).unwrap()["a-hash"].clone();
            assert!(bcrypt::verify(clear(password), &hash).unwrap() && !bcrypt::verify("other", &hash).unwrap(), "{hash}");
            hashes.push(hash);
        }
        assert!(hashes[0] == hashes[1] && hashes[1] != hashes[2], "{hashes:?}");
        assert!(hashes[0].starts_with("$2b$"), "{hashes:?}");
    }

    #[test]
    fn given_values_wait_for_their_release_and_make_generations() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let secrets = [secret("db", SecretSource::Given)];
        assert!(matches!(make(&dirs, "a", "a.1", &secrets), Err(SecretError::NotGiven { name }) if name == "db"));
        let mut current = Vec::new();
        for (label, value) in [("a.1", "one"), ("a.2", "two"), ("a.3", "two"), ("a.4", "three")] {
            give(&dirs, "a", label, &[("db".into(), value.into())]).unwrap();
            let before = values(&dirs, "a", &secrets).unwrap().get("db").cloned();
            assert_eq!(before, current.last().map(|(value, _): &(String, u32)| value.clone()), "nothing changes before");
            make(&dirs, "a", label, &secrets).unwrap();
            current.push((values(&dirs, "a", &secrets).unwrap()["db"].clone(), generations(&dirs, "a", &secrets).unwrap()["db"]));
        }
        let expected = [("one", 1), ("two", 2), ("two", 2), ("three", 3)];
        assert_eq!(current, expected.map(|(value, number)| (value.to_owned(), number)));
        assert_eq!(all(&dirs, "a").unwrap(), values(&dirs, "a", &secrets).unwrap());
        assert_eq!(names(&dirs, "a").unwrap(), ["db"], "former generations and waiting values are not listed");
    }

    #[test]
    fn a_renewal_that_was_cut_short_counts_once() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let path = dirs.secrets("a").join("db");
        write(&path, b"one").unwrap();
        write(&generation(&path, 1), b"one").unwrap(); // killed here
        renew(&path, "two").unwrap();
        assert_eq!(former(&path).unwrap(), 1);
        assert!(!generation(&path, 2).exists());
    }

    #[test]
    fn names_stay_in_the_directory() {
        let dirs = Dirs::below(Path::new("/nowhere"));
        for name in ["", "../x", "a/b", "a@1", ".given-x"] {
            assert!(matches!(give(&dirs, "a", "l", &[(name.into(), "v".into())]), Err(SecretError::Name { .. })), "{name}");
        }
    }
}
