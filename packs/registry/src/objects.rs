//! Contents by sha256: loose ones, and packs kept as they were received.
//!
//! ```text
//! objects/loose/ab/cdef…        one content per file, mode 0444
//! objects/zip/<sha256>.zip      packs; the contents inside are found by digest, nothing is recompressed
//! objects/zip/<sha256>.blobs    where each content lies in the zip; derived from it
//! ```

pub(crate) mod archives;
mod batch;
mod upload;

pub use batch::Batch;

use archives::Archives;

use crate::{
    durable::{self, READ_ONLY, Temporary},
    error::RegistryError,
};
use silver_pack::{
    archive::{self, Archive, Strictness},
    hash,
    limits::Limits,
    snapshot::{Blobs, Verified},
};
use silver_plugin_api::Digest;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The contents of a registry.
#[derive(Debug)]
pub struct Objects {
    root: PathBuf,
    tmp: PathBuf,
    archives: Archives,
}

impl Objects {
    pub(crate) fn new(registry: &Path) -> Self {
        let root = registry.join("objects");
        Self { archives: Archives::new(root.join("zip")), root, tmp: registry.join("tmp") }
    }

    /// Is there a content with this digest, loose or in a kept pack?
    pub fn has(&self, digest: &Digest) -> bool {
        self.loose(digest).is_file() || self.archives.find(digest).is_some()
    }

    /// Those of `wanted` that are not here.
    pub fn missing<'a>(&self, wanted: impl IntoIterator<Item = &'a Digest>) -> Vec<Digest> {
        wanted.into_iter().filter(|digest| !self.has(digest)).copied().collect()
    }

    /// Keeps what `content` gives, if it has this digest; returns its size. What is here already is
    /// not read. Durable when it returns; for many at once see [`Objects::batch`].
    pub fn put(&self, content: &mut dyn Read, digest: &Digest) -> Result<u64, RegistryError> {
        let dest = self.loose(digest);
        if let Ok(there) = fs::metadata(&dest) {
            return Ok(there.len());
        }
        if let Some((_, location)) = self.archives.find(digest) {
            return Ok(location.size);
        }
        let (temporary, size) = self.receive(content, digest, "a blob")?;
        durable::make_dirs(&self.root, durable::parent(&dest))?;
        temporary.publish(&dest)?;
        Ok(size)
    }

    /// Keeps `content`; returns its digest.
    pub fn put_bytes(&self, content: &[u8]) -> Result<Digest, RegistryError> {
        let digest = hash::sha256(content);
        self.put(&mut &*content, &digest)?;
        Ok(digest)
    }

    /// Takes many contents and makes them durable together.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Is there a pack whose zip has this digest?
    pub fn has_archive(&self, archive: &Digest) -> bool {
        self.archive_path(archive).is_file()
    }

    /// Keeps a pack as it is, if its bytes have this digest and are a sound archive; returns its size.
    /// From then on every content inside is found by its digest. Durable when it returns.
    pub fn put_archive(&self, zip: &mut dyn Read, archive: &Digest) -> Result<u64, RegistryError> {
        let dest = self.archive_path(archive);
        if let Ok(there) = fs::metadata(&dest) {
            return Ok(there.len());
        }
        let (temporary, size) = self.receive(zip, archive, "a pack")?;
        let (sound, _) = archive::open(temporary.path(), Strictness::Pack, &Limits::default())
            .map_err(|source| RegistryError::Archive { archive: *archive, source })?;
        self.keep_archive(temporary, &sound)?;
        Ok(size)
    }

    /// Gives a sound archive its name.
    fn keep_archive(&self, temporary: Temporary, sound: &Archive) -> Result<(), RegistryError> {
        let dest = self.archive_path(&sound.digest());
        let blobs = archives::to_lines(sound.locations());
        durable::publish(&self.tmp, &dest.with_extension("blobs"), blobs.as_bytes(), READ_ONLY)?;
        temporary.publish(&dest)?;
        self.archives.add(&sound.digest(), sound.locations());
        Ok(())
    }

    /// The bytes of a content; `None` when it is not here.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        let loose = fs::metadata(self.loose(digest)).ok().filter(fs::Metadata::is_file).map(|file| file.len());
        loose.or_else(|| Some(self.archives.find(digest)?.1.size))
    }

    /// Where a kept pack lies.
    pub fn archive_path(&self, archive: &Digest) -> PathBuf {
        self.root.join("zip").join(format!("{}.zip", archive.hex()))
    }

    /// A reader of the content that fails at its end when the content is not what it should be.
    pub fn reader(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        match self.locate(digest) {
            Ok((content, size)) => Ok(Box::new(Verified::new(content, *digest, size))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RegistryError::NoBlob(*digest)),
            Err(error) => Err(RegistryError::io("open", &self.loose(digest))(error)),
        }
    }

    /// The content, unchecked, and the size it must have.
    fn locate(&self, digest: &Digest) -> io::Result<(Box<dyn Read + Send>, u64)> {
        match File::open(self.loose(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (archive, location) = self.archives.find(digest).ok_or(error)?;
                Ok((location.open(File::open(self.archive_path(&archive))?), location.size))
            }
            file => {
                let file = file?;
                let size = file.metadata()?.len();
                Ok((Box::new(file), size))
            }
        }
    }

    /// The whole of a content, checked.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let mut content = Vec::new();
        self.reader(digest)?.read_to_end(&mut content).map_err(RegistryError::io("read", &self.loose(digest)))?;
        Ok(content)
    }

    /// Is there a loose content with this digest?
    pub fn has_loose(&self, digest: &Digest) -> bool {
        self.loose(digest).is_file()
    }

    /// Removes a loose content, of which an event says that it may be gone; absent already is fine.
    pub fn remove_loose(&self, digest: &Digest) -> Result<(), RegistryError> {
        let path = self.loose(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RegistryError::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Where a loose content lies, or would lie.
    pub(crate) fn loose(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("loose").join(&hex[..2]).join(&hex[2..])
    }

    /// Copies to a temporary file, which is dropped again when the digest is another.
    fn receive(&self, content: &mut dyn Read, digest: &Digest, what: &str) -> Result<(Temporary, u64), RegistryError> {
        let mut temporary = Temporary::new(&self.tmp, READ_ONLY)?;
        let path = temporary.path().to_owned();
        let (found, size) = hash::copy_hashed(content, &mut temporary).map_err(RegistryError::io("write", &path))?;
        if found != *digest {
            return Err(RegistryError::Digest { what: what.into(), expected: *digest, found });
        }
        Ok((temporary, size))
    }
}

impl Blobs for Objects {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(self.locate(digest)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn objects(dir: &Path) -> Objects {
        for sub in ["objects/loose", "objects/zip", "tmp"] {
            fs::create_dir_all(dir.join(sub)).unwrap();
        }
        Objects::new(dir)
    }

    #[test]
    fn only_content_that_is_what_it_is_called_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects(dir.path());
        let digest = hash::sha256(b"content");
        let error = objects.put(&mut &b"contend"[..], &digest).unwrap_err();
        assert!(matches!(error, RegistryError::Digest { expected, .. } if expected == digest));
        assert!(!objects.has(&digest));
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
        assert_eq!(objects.put(&mut &b"content"[..], &digest).unwrap(), 7);
        assert_eq!(objects.put(&mut &b"not even read"[..], &digest).unwrap(), 7);
        assert_eq!(objects.read(&digest).unwrap(), b"content");
        let absent = hash::sha256(b"absent");
        assert_eq!(objects.missing([&digest, &absent]), [absent]);
        assert!(matches!(objects.read(&absent), Err(RegistryError::NoBlob(_))));
    }

    #[test]
    fn altered_content_is_not_handed_out() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects(dir.path());
        let digest = objects.put_bytes(b"content").unwrap();
        let path = objects.loose(&digest);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"contend").unwrap();
        assert!(matches!(objects.read(&digest), Err(RegistryError::Io { doing: "read", .. })));
    }

    #[test]
    fn a_batch_is_seen_only_when_it_is_published() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects(dir.path());
        let contents: Vec<Vec<u8>> = (0..2000_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let digests: Vec<Digest> = contents.iter().map(|content| hash::sha256(content)).collect();
        let mut batch = objects.batch();
        for (content, digest) in contents.iter().zip(&digests) {
            batch.put(&mut &content[..], digest).unwrap();
            batch.put(&mut &content[..], digest).unwrap();
        }
        assert_eq!(objects.missing(&digests).len(), 2000);
        assert_eq!(batch.publish().unwrap(), 2000);
        assert!(objects.missing(&digests).is_empty());
        assert_eq!(objects.read(&digests[77]).unwrap(), contents[77]);

        let mut dropped = objects.batch();
        dropped.put(&mut &b"x"[..], &hash::sha256(b"x")).unwrap();
        drop(dropped);
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn contents_of_a_kept_pack_are_found_by_digest() {
        let fixture = Fixture::new();
        let objects = fixture.registry.objects();
        let (stored, deflated) = ("x", "deflated ".repeat(500));
        let absent = hash::sha256(b"absent");
        assert!(!objects.has(&absent));
        let archive = fixture.pack(&[("a", stored), ("b", &deflated)]);
        let blobs = fixture.home().join(format!("objects/zip/{}.blobs", archive.hex()));
        for look in ["at once", "opened again", "without the list", "with a wrong list"] {
            let again = Objects::new(&fixture.home());
            let objects = if look == "at once" { objects } else { &again };
            for content in [stored, &deflated] {
                let digest = hash::sha256(content.as_bytes());
                assert!(objects.has(&digest), "{look}");
                assert_eq!(objects.read(&digest).unwrap(), content.as_bytes(), "{look}");
                // nothing is kept twice
                objects.put(&mut content.as_bytes(), &digest).unwrap();
                assert!(!objects.loose(&digest).exists());
            }
            assert!(!objects.has(&absent));
            fs::remove_file(&blobs).ok();
            if look == "without the list" {
                fs::write(&blobs, "nonsense\n").unwrap();
            }
        }
    }

    #[test]
    fn what_is_no_sound_archive_is_not_kept_as_a_pack() {
        let fixture = Fixture::new();
        let digest = hash::sha256(b"not a zip");
        let error = fixture.registry.objects().put_archive(&mut &b"not a zip"[..], &digest).unwrap_err();
        assert!(matches!(error, RegistryError::Archive { .. }), "{error}");
        assert!(!fixture.registry.objects().has_archive(&digest));
    }

    #[test]
    fn a_sound_archive_that_silver_did_not_write_is_not_kept_as_a_pack() {
        let fixture = Fixture::new();
        let written = fixture.pack(&[("a", "x")]);
        let mut zip = fs::read(fixture.registry.objects().archive_path(&written)).unwrap();
        // the time of day in both headers: harmless, but then the same content would have many digests
        for (signature, time) in [(b"PK\x03\x04", 10), (b"PK\x01\x02", 12)] {
            let header = zip.windows(4).position(|four| four == signature).unwrap();
            zip[header + time] ^= 1;
        }
        let digest = hash::sha256(&zip);
        let error = fixture.registry.objects().put_archive(&mut &zip[..], &digest).unwrap_err();
        assert!(matches!(&error, RegistryError::Archive { archive, .. } if *archive == digest), "{error}");
        assert!(!fixture.registry.objects().has_archive(&digest));
        assert!(Archive::read(&zip, Strictness::Any, &Limits::default()).is_ok(), "it is sound");
    }
}
