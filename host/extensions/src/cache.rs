//! Compiled plugins, kept in a private directory.
//!
//! A compiled component is native code, so it is taken from nowhere else: the directory belongs to
//! this user, nobody else may enter it (0700), and it is neither part of a pack nor ever shipped. A file is
//! named after the component's sha256 and wasmtime's compatibility hash. It is written beside, synced and renamed, and never
//! changed then: what runs is the file itself, mapped. Its last bytes are the CRC-32 of the rest, so that a torn file is
//! compiled again and not run; that is against accidents only, as nobody but this user can write there.

use crate::error::CacheError;
use libdeflater::Crc;
use rustix::{
    fs::{FileType, Mode, OFlags},
    process::geteuid,
};
use sha2::{Digest as _, Sha256};
use silver_plugin_api::Digest;
use std::{
    fs::File,
    hash::{Hash, Hasher},
    io::{self, Read, Seek, Write},
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};
use wasmtime::{Engine, component::Component};

/// Bytes of a checksum.
const CHECKSUM: usize = 4;
/// So many bytes are read at once: what stays in the processor's cache.
const PIECE: usize = 64 << 10;

/// sha256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// The directory of compiled plugins.
pub(crate) struct Cache {
    path: PathBuf,
    dir: OwnedFd,
}

impl Cache {
    /// Opens the directory, making it if need be. One that others may enter or that belongs to
    /// another user is refused.
    pub(crate) fn open(path: &Path) -> Result<Self, CacheError> {
        let failed = |source: std::io::Error| CacheError::Io { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let stat = rustix::fs::fstat(&dir).map_err(|error| failed(error.into()))?;
        if stat.st_uid != geteuid().as_raw() || stat.st_mode & 0o077 != 0 {
            return Err(CacheError::NotPrivate { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), dir })
    }

    /// The compiled component, if it is there. Trouble with a file is never an error: it is then compiled anew.
    pub(crate) fn get(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let mut file = self.whole(&name(engine, digest))?;
        // a copy where programs may not lie (`noexec`)
        load(engine, &Code::File(&file)).or_else(|_| load(engine, &Code::Bytes(&content(&mut file)?))).ok()
    }

    /// Keeps compiled code; a disk that says no is not an error.
    pub(crate) fn keep(&self, engine: &Engine, digest: &Digest, code: &[u8]) {
        if let Err(error) = self.write(&name(engine, digest), code) {
            tracing::debug!(%error, path = %self.path.display(), "a compiled plugin is not kept");
        }
    }

    /// The file, if it is ours, private and whole.
    fn whole(&self, name: &str) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || stat.st_uid != geteuid().as_raw() || stat.st_mode & 0o022 != 0 {
            return None;
        }
        let mut file = File::from(file);
        let (mut sum, mut rest) = (Crc::new(), usize::try_from(stat.st_size).ok()?.checked_sub(CHECKSUM)?);
        let mut piece = vec![0; PIECE];
        while rest > 0 {
            let piece = &mut piece[..rest.min(PIECE)];
            file.read_exact(piece).ok()?;
            sum.update(piece);
            rest -= piece.len();
        }
        let mut kept = [0; CHECKSUM];
        file.read_exact(&mut kept).ok()?;
        (sum.sum().to_le_bytes() == kept).then_some(file)
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path)?;
        file.write_all(code)?;
        file.write_all(&libdeflater::crc32(code).to_le_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.path.join(name)).map(drop).map_err(|error| error.error)
    }
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// The file of a component.
fn name(engine: &Engine, digest: &Digest) -> String {
    format!("{}-{}.cwasm", digest.hex(), compatibility(engine).short())
}

/// wasmtime's hash of version, flags and processor.
fn compatibility(engine: &Engine) -> Digest {
    struct Into(Sha256);
    impl Hasher for Into {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut into = Into(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut into);
    Digest::from_bytes(into.0.finalize().into())
}

/// Compiled code.
pub(crate) enum Code<'a> {
    Bytes(&'a [u8]),
    /// One of the cache. Behind the code may be more.
    File(&'a File),
}

/// Makes compiled code executable.
#[allow(unsafe_code)] // wasmtime cannot prove that bytes are what its compiler wrote
pub(crate) fn load(engine: &Engine, code: &Code<'_>) -> wasmtime::Result<Component> {
    // SAFETY: the code was made by `Engine::precompile_component` of this process, of a child that runs this same
    // program and gave it through a pipe, or of an earlier one that kept it in a directory which only this user can enter, in a file which only this user can write
    // and whose checksum fits. A file that was kept gets its name when it is whole and is never written to again, so it can be mapped; it is
    // opened by its descriptor, so it is the one that was looked at. wasmtime itself refuses code of another version, configuration or processor.
    unsafe {
        match code {
            Code::Bytes(bytes) => Component::deserialize(engine, bytes),
            Code::File(file) => Component::deserialize_file(engine, format!("/proc/self/fd/{}", file.as_raw_fd())),
        }
    }
}
