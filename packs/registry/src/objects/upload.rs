//! Packs that arrive: what came of one before its upload was cut stays in `tmp/<sha256>.part` for a day, and the next
//! upload goes on behind it.

use super::Objects;
use crate::{
    durable::{PART, Temporary},
    error::RegistryError,
};
use rustix::fs::{FlockOperation, flock};
use silver_pack::hash::{Hasher, copy_hashed};
use silver_plugin_api::Digest;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::PathBuf,
};

impl Objects {
    /// So many bytes of a pack's zip are here from an upload that was cut.
    pub fn archive_part(&self, archive: &Digest) -> u64 {
        fs::metadata(self.part(archive)).map_or(0, |meta| meta.len())
    }

    /// As [`Objects::put_archive`], for a zip of which `rest` follows the first `from` bytes, which are here: when
    /// reading fails, what has come until then stays.
    pub fn receive_archive(&self, rest: &mut dyn Read, archive: &Digest, from: u64) -> Result<(), RegistryError> {
        if self.has_archive(archive) {
            return Ok(());
        }
        let path = self.part(archive);
        let doing = |doing| RegistryError::io(doing, &path);
        let unusable = |why: &str| RegistryError::Unusable { what: format!("the upload of the pack {archive}"), why: why.into() };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(doing("open"))?;
        // two would write between each other
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| unusable("another one is under way"))?;
        let there = file.metadata().map_err(doing("look at"))?.len();
        if there < from {
            return Err(unusable("what was here of it is gone"));
        }
        file.set_len(from).map_err(doing("cut"))?;

        let mut hasher = Hasher::new();
        copy_hashed(&mut (&file).take(from), &mut hasher).map_err(doing("read"))?;
        copy_hashed(rest, &mut Both(&mut hasher, &mut file)).map_err(doing("write"))?;
        let found = hasher.finish();
        let temporary = Temporary::adopt(file, path.clone())?; // removed now, unless it is kept
        if found != *archive {
            return Err(RegistryError::Digest { what: "a pack".into(), expected: *archive, found });
        }
        self.keep_archive(temporary, archive)
    }

    fn part(&self, archive: &Digest) -> PathBuf {
        self.tmp.join(archive.hex()).with_extension(PART)
    }
}

/// Writes twice.
struct Both<'a>(&'a mut Hasher, &'a mut File);

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.write_all(bytes)?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable;
    use crate::fixture::Fixture;
    use silver_pack::hash::sha256;

    /// Gives `bytes` and then breaks.
    struct Breaks<'a>(&'a [u8]);

    impl Read for Breaks<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                read => Ok(read),
            }
        }
    }

    #[test]
    fn an_upload_that_was_cut_goes_on_where_it_was() {
        let (fixture, elsewhere) = (Fixture::new(), Fixture::new());
        let archive = elsewhere.pack(&[("a", &"content ".repeat(100)), ("b", "x")]);
        let zip = fs::read(elsewhere.registry.objects().archive_path(&archive)).unwrap();
        let objects = fixture.registry.objects();
        assert_eq!(objects.archive_part(&archive), 0);
        assert!(objects.receive_archive(&mut Breaks(&zip[..100]), &archive, 0).is_err());
        assert_eq!(objects.archive_part(&archive), 100);
        assert!(objects.receive_archive(&mut Breaks(&zip[100..150]), &archive, 100).is_err());
        // a client that knows of less only makes it shorter
        assert!(objects.receive_archive(&mut Breaks(&zip[120..130]), &archive, 120).is_err());
        assert_eq!(objects.archive_part(&archive), 130);
        assert!(objects.receive_archive(&mut &zip[140..], &archive, 140).is_err(), "bytes between are nowhere");
        objects.receive_archive(&mut &zip[130..], &archive, 130).unwrap();
        assert!(objects.has_archive(&archive) && objects.has(&sha256(b"x")));
        assert_eq!((objects.archive_part(&archive), fs::read_dir(&objects.tmp).unwrap().count()), (0, 0));
        objects.receive_archive(&mut &b""[..], &archive, 0).unwrap();
    }

    #[test]
    fn a_part_that_is_wrong_does_not_stay() {
        let fixture = Fixture::new();
        let objects = fixture.registry.objects();
        let wanted = sha256(b"whole");
        assert!(objects.receive_archive(&mut Breaks(b"wrong"), &wanted, 0).is_err());
        let error = objects.receive_archive(&mut &b"!"[..], &wanted, 5).unwrap_err();
        assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
        assert_eq!(objects.archive_part(&wanted), 0);
    }

    #[test]
    fn a_part_survives_the_next_start_and_is_given_up_after_a_day() {
        let fixture = Fixture::new();
        let objects = fixture.registry.objects();
        let wanted = sha256(b"whole");
        assert!(objects.receive_archive(&mut Breaks(b"who"), &wanted, 0).is_err());
        durable::sweep(&objects.tmp).unwrap();
        assert_eq!(objects.archive_part(&wanted), 3);
        let part = File::options().append(true).open(objects.part(&wanted)).unwrap();
        part.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(25)).unwrap();
        durable::sweep(&objects.tmp).unwrap();
        assert_eq!(objects.archive_part(&wanted), 0);
    }
}
