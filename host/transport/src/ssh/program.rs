//! The program that is the agent of a server: silver itself, built for it.

use silver_pack::{hash::copy_hashed, platform::Platform, stamp::Stamp};
use silver_plugin_api::Digest;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A build of silver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// sha256 of its bytes.
    pub digest: Digest,
    /// Where it runs.
    pub platform: Platform,
}

impl Program {
    /// Looks at a file; `None`: it is no program. What was found out is kept in `cache` and believed for as long
    /// as the file's times, size and inode stay what they were: reading all of it takes longer than most commands.
    pub fn at(path: &Path, cache: &Path, platform: impl FnOnce(&[u8]) -> Option<Platform>) -> io::Result<Option<Self>> {
        let path = fs::canonicalize(path)?;
        let meta = fs::metadata(&path)?;
        let stamp = Stamp::of(&meta);
        let stamp = stamp.as_str();
        let noted = cache.join(silver_pack::hash::sha256(path.as_os_str().as_encoded_bytes()).short());
        if let Some((digest, platform)) = fs::read_to_string(&noted).ok().and_then(|text| known(&text, stamp)) {
            return Ok(Some(Self { path, digest, platform }));
        }
        let mut content = Vec::new();
        let (digest, _) = copy_hashed(&mut File::open(&path)?, &mut content)?;
        let Some(platform) = platform(&content) else { return Ok(None) };
        // a cache that cannot be written costs time only
        let _ = fs::create_dir_all(cache).and_then(|()| fs::write(&noted, format!("{stamp}\n{}\n{platform}\n", digest.hex())));
        Ok(Some(Self { path, digest, platform }))
    }

    /// The name of its file on a server.
    pub(super) fn file(&self) -> String {
        format!("silver-{}", &self.digest.hex()[..32])
    }
}

fn known(text: &str, stamp: &str) -> Option<(Digest, Platform)> {
    let mut lines = text.lines();
    if lines.next() != Some(stamp) {
        return None;
    }
    Some((Digest::from_hex(lines.next()?).ok()?, lines.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_once_and_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, cache) = (dir.path().join("silver"), dir.path().join("cache"));
        fs::write(&path, "one").unwrap();
        let linux = |_: &[u8]| "linux-x86_64".parse().ok();
        let first = Program::at(&path, &cache, linux).unwrap().unwrap();
        assert_eq!(first.digest, silver_pack::hash::sha256(b"one"));
        let again = Program::at(&path, &cache, |_| panic!("it is known")).unwrap().unwrap();
        assert_eq!(again, first);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_ne!(Program::at(&path, &cache, linux).unwrap().unwrap().digest, first.digest);
        fs::write(&path, "text").unwrap();
        assert_eq!(Program::at(&path, &cache, |_| None).unwrap(), None);
        assert!(Program::at(&dir.path().join("absent"), &cache, linux).is_err());
    }
}
