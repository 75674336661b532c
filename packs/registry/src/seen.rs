//! The newest head of another node's log that was seen here: what the node says next has to go on from there.
//!
//! A command that talks to a node asks for the head and for the proof that the log begins with what was seen before; neither
//! events nor a copy of the registry are needed. A copy counts as having seen its own head.

use crate::{
    durable::{self, Temporary},
    error::RegistryError,
    log::{TreeHead, goes_on},
    mirror::{self, MirrorError},
    signer::VerifierKey,
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// What was seen of one node's log.
#[derive(Debug)]
pub struct Seen {
    file: PathBuf,
    copy: PathBuf,
    key: VerifierKey,
    newest: Option<TreeHead>,
}

impl Seen {
    /// Of the log of `node`, which `key` signs. Heads lie in `heads`; `own` is this machine's registry, below which copies
    /// lie. What another key has signed is not known: the node was made anew, and `key` is whom the operator believes.
    pub fn of(heads: &Path, own: &Path, node: &str, key: VerifierKey) -> Self {
        let file = heads.join(node);
        let copy = mirror::dir(own, node);
        let known = [file.clone(), copy.join(mirror::HEAD)].into_iter();
        let known = known.filter_map(|path| TreeHead::open(&fs::read(path).ok()?, &key).ok());
        let newest = known.max_by_key(|head| head.size);
        Self { file, copy, key, newest }
    }

    /// Where it lies.
    pub fn places(&self) -> Vec<&Path> {
        [self.file.as_path(), &self.copy].into_iter().filter(|path| path.exists()).collect()
    }

    /// So many events the log had: the node is asked to prove that it begins with them.
    pub fn size(&self) -> Option<u64> {
        self.newest.as_ref().map(|head| head.size)
    }

    /// Judges what the node says of its log now, and remembers it when it is more than was known.
    pub fn judge(&self, head_text: &str, proof: &[silver_plugin_api::Digest]) -> Result<(), MirrorError> {
        let told = TreeHead::open(head_text.as_bytes(), &self.key).map_err(MirrorError::Head)?;
        if let Some(known) = &self.newest {
            if told == *known {
                return Ok(());
            }
            if told.size < known.size {
                return Err(MirrorError::Shortened { known: known.size, told: told.size });
            }
            goes_on(&told, known, proof).map_err(|_| MirrorError::Rewritten { known: known.size })?;
        }
        let dir = durable::parent(&self.file);
        fs::create_dir_all(dir).map_err(RegistryError::io("create", dir))?;
        // whole or not at all, but not durable: where power fails the next look begins with an older head, or anew
        let mut temporary = Temporary::new(dir, 0o644)?;
        temporary.write_all(head_text.as_bytes()).map_err(RegistryError::io("write", &self.file))?;
        Ok(temporary.rename(&self.file)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        registry::Registry,
        signer::Signer,
        statement::{Event, EventKind, Statement},
    };

    /// What a node answers to whoever knows `size` of its events.
    fn told(registry: &Registry, size: Option<u64>) -> (String, Vec<silver_plugin_api::Digest>) {
        let head = registry.head().unwrap();
        let size = size.filter(|size| *size <= head.size).unwrap_or_default();
        (registry.head_text().unwrap(), registry.tiles().proof(&head, size).unwrap())
    }

    #[test]
    fn a_log_has_to_go_on_from_where_it_was_seen() {
        let fixture = Fixture::full();
        let (heads, own) = (fixture.dir.path().join("heads"), fixture.dir.path().join("own"));
        let seen = || Seen::of(&heads, &own, "web1", fixture.signer.verifier().clone());
        let look = |registry: &Registry| {
            let seen = seen();
            let (text, proof) = told(registry, seen.size());
            seen.judge(&text, &proof)
        };
        assert_eq!(seen().size(), None);
        look(&fixture.registry).unwrap();
        assert_eq!(seen().size(), Some(4));
        look(&fixture.registry).unwrap();
        let before = told(&fixture.registry, None).0;
        fixture.append("hello", Event::empty(EventKind::Enable));
        look(&fixture.registry).unwrap();
        assert_eq!(seen().size(), Some(5));
        assert!(matches!(seen().judge(&before, &[]), Err(MirrorError::Shortened { known: 5, told: 4 })));

        // the same key, another history: shorter, as long, and longer
        let forged = Registry::open_or_create(&fixture.dir.path().join("forged"), &fixture.signer).unwrap();
        for size in 1..=6 {
            let record = crate::statement::tests::sample("other", Event::empty(EventKind::Enable));
            forged.append(&Statement::new(record), &fixture.signer).unwrap();
            let error = look(&forged).unwrap_err();
            let is = match size {
                1..5 => matches!(error, MirrorError::Shortened { known: 5, .. }),
                _ => matches!(error, MirrorError::Rewritten { known: 5 }),
            };
            assert!(is && error.is_alarm(), "{size}: {error}");
        }
        assert_eq!(seen().size(), Some(5), "what was seen stays");

        // a node that was made anew has another key: who believes it, begins with it
        let stranger = Signer::load_or_create(&fixture.dir.path().join("stranger"), "web1").unwrap();
        let anew = Registry::open_or_create(&fixture.dir.path().join("anew"), &stranger).unwrap();
        assert!(matches!(look(&anew), Err(MirrorError::Head(_))));
        let believed = Seen::of(&heads, &own, "web1", stranger.verifier().clone());
        assert_eq!(believed.size(), None);
        believed.judge(&anew.head_text().unwrap(), &[]).unwrap();
        assert_eq!(fs::read_dir(&heads).unwrap().count(), 1, "no leftovers");
    }

    #[test]
    fn a_copy_has_seen_what_is_in_it() {
        let fixture = Fixture::full();
        let (heads, own) = (fixture.dir.path().join("heads"), fixture.dir.path().join("own"));
        let copy = mirror::dir(&own, "web1").join(mirror::HEAD);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(copy, fixture.registry.head_text().unwrap()).unwrap();
        assert_eq!(Seen::of(&heads, &own, "web1", fixture.signer.verifier().clone()).size(), Some(4));
    }
}
