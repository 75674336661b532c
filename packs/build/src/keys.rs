//! A publisher's keys on disk, in minisign's formats: `NAME.key` (the secret key, 0600), `NAME.pub`, and
//! `NAME.rotations` where the key follows earlier ones. Each is written once, whole, and never over
//! another file.

use silver_pack::signature::{self, KeyError, Protection, PublicKey, SecretError, SecretKey, SignatureError, Subject};
use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// No file of a key is longer.
const MAX_BYTES: u64 = signature::MAX_BYTES;

/// Why a key cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The disk says no.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something is there already.
    #[error("`{}` is there already, and keys are never overwritten", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// Not a secret key, or not with this passphrase.
    #[error("cannot use the secret key `{}`", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// Not a public key.
    #[error("cannot use the public key `{}`", path.display())]
    Public {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The rotations beside a key do not lead to it.
    #[error("cannot use the rotations `{}`", path.display())]
    Rotations {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SignatureError,
    },
}

impl KeyFileError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "choose another name; `silver keys list` shows what there is".into(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "`silver keys list` shows the keys that there are, `silver keys new NAME` makes one".into()
            }
            Self::Secret { source: SecretError::Encrypted | SecretError::Passphrase, .. } => "type its passphrase".into(),
            Self::Secret { .. } | Self::Public { .. } => "bring the file back from a backup".into(),
            Self::Rotations { .. } => "bring the file back from a backup, or from a pack that was signed with this key".into(),
            Self::Io { .. } => return None,
        })
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::Io { doing, path, source }
}

/// The files of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    secret: PathBuf,
}

impl KeyFiles {
    /// Those of the secret key at `secret`; the others lie beside it.
    pub fn at(secret: impl Into<PathBuf>) -> Self {
        Self { secret: secret.into() }
    }

    /// The secret key.
    pub fn secret(&self) -> &Path {
        &self.secret
    }

    /// The public key.
    pub fn public(&self) -> PathBuf {
        self.secret.with_extension("pub")
    }

    /// What led to this key.
    pub fn rotations(&self) -> PathBuf {
        self.secret.with_extension("rotations")
    }

    /// Makes a key; without a passphrase its file is readable for whoever gets it. `rotations` is
    /// asked for what leads to the key.
    pub fn create(
        &self,
        passphrase: Option<&str>,
        rotations: &dyn Fn(&PublicKey) -> Option<String>,
    ) -> Result<PublicKey, KeyFileError> {
        self.demand_absent()?;
        let (public, list) = (self.public(), self.rotations());
        let (mut name, mut seed, mut salt) = ([0; 8], Zeroizing::new([0; 32]), [0; 32]);
        for bytes in [&mut name[..], &mut seed[..], &mut salt[..]] {
            getrandom::fill(bytes).map_err(|error| failed("make a key for", &self.secret)(io::Error::other(error)))?;
        }
        let key = SecretKey::from_random(name, &seed);
        let protection = passphrase.map_or(Protection::None, |passphrase| Protection::Passphrase { passphrase, salt });
        let text = key.to_file(protection).map_err(|source| KeyFileError::Secret { path: self.secret.clone(), source })?;
        let parent = parent(&self.secret);
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed("make", parent))?;
        // the secret key last: where there is one, everything that belongs to it is there
        let mut made = Vec::new();
        let mut write = |path: &Path, text: &str, mode: u32| {
            write_new(path, text.as_bytes(), mode)?;
            made.push(path.to_owned());
            Ok(())
        };
        let written = write(&public, &key.public().to_file(), 0o644)
            .and_then(|()| rotations(&key.public()).map_or(Ok(()), |rotations| write(&list, &rotations, 0o644)))
            .and_then(|()| write(&self.secret, &text, 0o600));
        if let Err(error) = written {
            for path in made {
                fs::remove_file(path).ok(); // what is left without a secret key is of no use, and harms nobody
            }
            return Err(error);
        }
        Ok(key.public())
    }

    /// Is there no file yet where this key's shall be?
    pub fn demand_absent(&self) -> Result<(), KeyFileError> {
        let all = [self.secret.clone(), self.public(), self.rotations()];
        match all.into_iter().find(|path| fs::symlink_metadata(path).is_ok()) {
            Some(path) => Err(KeyFileError::Exists { path }),
            None => Ok(()),
        }
    }

    /// Writes what led to a key that is there.
    pub fn add_rotations(&self, rotations: &str) -> Result<(), KeyFileError> {
        write_new(&self.rotations(), rotations.as_bytes(), 0o644)
    }

    /// The public key, from its file.
    pub fn read_public(&self) -> Result<PublicKey, KeyFileError> {
        read_public(&self.public())
    }

    /// Is the secret key encrypted?
    pub fn is_encrypted(&self) -> Result<bool, KeyFileError> {
        SecretKey::is_encrypted(&read(&self.secret)?).map_err(self.unusable())
    }

    /// May others than its owner read the secret key?
    pub fn is_exposed(&self) -> bool {
        fs::metadata(&self.secret).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    /// Reads the secret key, and what led to it.
    pub fn load(&self, passphrase: Option<&str>) -> Result<SigningKey, KeyFileError> {
        let secret = SecretKey::parse(&read(&self.secret)?, passphrase).map_err(self.unusable())?;
        let path = self.rotations();
        let rotations = match read(&path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            text => Some(text?.to_string()),
        };
        signature::rotations(rotations.as_deref().unwrap_or_default(), &secret.public())
            .map_err(|source| KeyFileError::Rotations { path, source })?;
        Ok(SigningKey { secret, rotations })
    }

    fn unusable(&self) -> impl FnOnce(SecretError) -> KeyFileError {
        let path = self.secret.clone();
        |source| KeyFileError::Secret { path, source }
    }
}

/// Reads a public key file.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyFileError> {
    PublicKey::parse_file(&read(path)?).map_err(|source| KeyFileError::Public { path: path.to_owned(), source })
}

/// A key that is ready to sign.
#[derive(Debug)]
pub struct SigningKey {
    secret: SecretKey,
    rotations: Option<String>,
}

impl SigningKey {
    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.secret.public()
    }

    /// All that leads to `next` when this key signs that it is followed by it.
    pub fn rotate(&self, next: &PublicKey) -> Result<String, SignatureError> {
        let text = self.rotations.clone().unwrap_or_default() + &signature::rotate(&self.secret, next);
        signature::rotations(&text, next)?;
        Ok(text)
    }

    /// The content of `.silver/signature` for a pack with these lines in `.silver/tree`.
    pub(crate) fn sign(&self, subject: &Subject<'_>, lines: &str) -> String {
        signature::sign(&self.secret, subject, lines.as_bytes())
    }

    /// What led to this key: the content of `.silver/rotations`.
    pub(crate) fn rotations(&self) -> Option<&str> {
        self.rotations.as_deref()
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file, whole or not at all; [`KeyFileError::Exists`] when the name is taken.
fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), KeyFileError> {
    let wrong = || failed("write", path);
    let permissions = Permissions::from_mode(mode);
    let mut file =
        tempfile::Builder::new().prefix(".silver-key").permissions(permissions).tempfile_in(parent(path)).map_err(wrong())?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(wrong())?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => wrong()(error.error),
    })?;
    File::open(parent(path)).and_then(|dir| dir.sync_all()).map_err(wrong())
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let mut text = Zeroizing::new(String::new());
    let wrong = || failed("read", path);
    let file = File::open(path).map_err(wrong())?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(wrong()(io::Error::other("it is not a file")));
    }
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(wrong())?;
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong()(io::Error::other("it is too long for a key")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
