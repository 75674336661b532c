//! Packs that arrive: what came of one before its upload was cut stays in `tmp/<sha256>.part` for a day, and the next
//! upload goes on behind it.

use super::Objects;
use crate::{
    durable::{PART, Temporary},
    error::RegistryError,
};
use rustix::fs::{FlockOperation, flock};
use silver_pack::{
    archive::{self, Ahead, Keep, Strictness},
    hash::Hasher,
    limits::Limits,
};
use silver_plugin_api::Digest;
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::PathBuf,
};

/// So many bytes are read at once.
const PIECE: usize = 256 << 10;

impl Objects {
    /// So many bytes of a pack's zip are here from an upload that was cut.
    pub fn archive_part(&self, archive: &Digest) -> u64 {
        fs::metadata(self.part(archive)).map_or(0, |meta| meta.len())
    }

    /// As [`Objects::put_archive`], for a zip of which `rest` follows the first `from` bytes, which are here: when
    /// reading fails, what has come until then stays. Contents are checked while they come, and `keep` is given them.
    pub fn receive_archive(&self, rest: &mut dyn Read, archive: &Digest, from: u64, keep: Keep<'_>) -> Result<(), RegistryError> {
        if self.has_archive(archive) {
            return Ok(());
        }
        let path = self.part(archive);
        let doing = |doing| RegistryError::io(doing, &path);
        let unusable = |why: &str| RegistryError::Unusable { what: format!("the upload of the pack {archive}"), why: why.into() };
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(doing("open"))?;
        // two would write between each other
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| unusable("another one is under way"))?;
        let there = file.metadata().map_err(doing("look at"))?.len();
        if there < from {
            return Err(unusable("what was here of it is gone"));
        }
        file.set_len(from).map_err(doing("cut"))?;
        let mut hasher = Hasher::new();
        let mut hash = |bytes: &[u8]| {
            hasher.update(bytes);
            Ok(())
        };
        copy(&mut (&file).take(from), &mut hash).map_err(doing("read"))?;
        let ahead = Ahead::new(&file, &path, Limits::default(), keep);
        rayon::in_place_scope(|scope| {
            let (mut front, mut at) = (ahead.front(), from);
            front.arrived(scope, at);
            copy(rest, |bytes| {
                (&file).write_all(bytes)?;
                hasher.update(bytes);
                at += bytes.len() as u64;
                front.arrived(scope, at);
                Ok(())
            })
        })
        .map_err(doing("write"))?;
        let found = hasher.finish();
        let sound = (found == *archive).then(|| archive::arrived(&ahead, found, Strictness::Pack, &Limits::default()));
        let temporary = Temporary::adopt(file, path.clone())?; // removed now, unless it is kept
        match sound {
            Some(Ok(sound)) => self.keep_archive(temporary, &sound),
            Some(Err(source)) => Err(RegistryError::Archive { archive: *archive, source }),
            None => Err(RegistryError::Digest { what: "a pack".into(), expected: *archive, found }),
        }
    }

    fn part(&self, archive: &Digest) -> PathBuf {
        self.tmp.join(archive.hex()).with_extension(PART)
    }
}

fn copy(from: &mut dyn Read, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => to(&piece[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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

    fn receive(objects: &Objects, rest: &mut dyn Read, archive: &Digest, from: u64) -> Result<(), RegistryError> {
        objects.receive_archive(rest, archive, from, &|_, _| {})
    }

    #[test]
    fn an_upload_that_was_cut_goes_on_where_it_was() {
        let (fixture, elsewhere) = (Fixture::new(), Fixture::new());
        let archive = elsewhere.pack(&[("a", &"content ".repeat(100)), ("b", "x")]);
        let zip = fs::read(elsewhere.registry.objects().archive_path(&archive)).unwrap();
        let objects = fixture.registry.objects();
        assert_eq!(objects.archive_part(&archive), 0);
        assert!(receive(objects, &mut Breaks(&zip[..100]), &archive, 0).is_err());
        assert_eq!(objects.archive_part(&archive), 100);
        assert!(receive(objects, &mut Breaks(&zip[100..150]), &archive, 100).is_err());
        // a client that knows of less only makes it shorter
        assert!(receive(objects, &mut Breaks(&zip[120..130]), &archive, 120).is_err());
        assert_eq!(objects.archive_part(&archive), 130);
        assert!(receive(objects, &mut &zip[140..], &archive, 140).is_err(), "bytes between are nowhere");
        receive(objects, &mut &zip[130..], &archive, 130).unwrap();
        assert!(objects.has_archive(&archive) && objects.has(&sha256(b"x")));
        assert_eq!((objects.archive_part(&archive), fs::read_dir(&objects.tmp).unwrap().count()), (0, 0));
        receive(objects, &mut &b""[..], &archive, 0).unwrap();
    }

    #[test]
    fn contents_are_handed_on_while_a_pack_comes_also_from_what_was_there() {
        let (fixture, elsewhere) = (Fixture::new(), Fixture::new());
        let archive = elsewhere.pack(&[("a", "one"), ("b", &"two ".repeat(100))]);
        let zip = fs::read(elsewhere.registry.objects().archive_path(&archive)).unwrap();
        let objects = fixture.registry.objects();
        let (first, second) = zip.split_at(zip.len() / 2);
        assert!(receive(objects, &mut Breaks(first), &archive, 0).is_err());
        let kept = std::sync::Mutex::new(std::collections::BTreeSet::new());
        let keep = |digest: &Digest, content: &[u8]| {
            assert_eq!(sha256(content), *digest);
            kept.lock().unwrap().insert(*digest);
        };
        objects.receive_archive(&mut &*second, &archive, first.len() as u64, &keep).unwrap();
        let kept = kept.into_inner().unwrap();
        assert!(kept.contains(&sha256(b"one")) && kept.contains(&sha256("two ".repeat(100).as_bytes())));
        assert!(objects.missing(&kept).is_empty());
    }

    #[test]
    fn a_part_that_is_wrong_does_not_stay() {
        let fixture = Fixture::new();
        let objects = fixture.registry.objects();
        let wanted = sha256(b"whole");
        assert!(receive(objects, &mut Breaks(b"wrong"), &wanted, 0).is_err());
        let error = receive(objects, &mut &b"!"[..], &wanted, 5).unwrap_err();
        assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
        assert_eq!(objects.archive_part(&wanted), 0);
    }

    #[test]
    fn a_part_survives_the_next_start_and_is_given_up_after_a_day() {
        let fixture = Fixture::new();
        let objects = fixture.registry.objects();
        let wanted = sha256(b"whole");
        assert!(receive(objects, &mut Breaks(b"who"), &wanted, 0).is_err());
        durable::sweep(&objects.tmp).unwrap();
        assert_eq!(objects.archive_part(&wanted), 3);
        let part = fs::File::options().append(true).open(objects.part(&wanted)).unwrap();
        part.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(25)).unwrap();
        durable::sweep(&objects.tmp).unwrap();
        assert_eq!(objects.archive_part(&wanted), 0);
    }
}
