//! The registry's log: one of its files is another than silver wrote.

use crate::{joined, split};
use silver_registry::{
    Event, Record, Registry, Signer, Statement,
    dsse::Envelope,
    log::{TilePath, TreeHead},
    statement::{Change, NodeIdentity, Operator},
    verify,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// A registry of three events, its files, its directories.
static SAMPLE: LazyLock<(tempfile::TempDir, Signer, Vec<PathBuf>, Vec<PathBuf>)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let signer = Signer::load_or_create(&dir.path().join("keys/node.key"), "local").expect("a key");
    let registry = Registry::open_or_create(&dir.path().join("registry"), &signer).expect("a registry");
    for _ in 0..3 {
        registry.append(&Statement::new(record()), &signer).expect("an event");
    }
    let (mut files, mut dirs) = (Vec::new(), Vec::new());
    walk(&dir.path().join("registry"), Path::new(""), &mut files, &mut dirs);
    files.sort();
    (dir, signer, files, dirs)
});

/// An event that says little.
fn record() -> Record {
    Record {
        node: NodeIdentity { name: "local".into(), ..NodeIdentity::default() },
        app: Some("app".into()),
        by: Operator::default(),
        reason: None,
        started: "2026-01-01T00:00:00Z".into(),
        ended: "2026-01-01T00:00:01Z".into(),
        client_time: None,
        silver: "0.1.0".into(),
        client_silver: None,
        event: Event::Deploy(Change::default()),
    }
}

fn walk(root: &Path, at: &Path, files: &mut Vec<PathBuf>, dirs: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(at)).expect("a directory").flatten() {
        let path = at.join(entry.file_name());
        if entry.path().is_dir() {
            walk(root, &path, files, dirs);
            dirs.push(path);
        } else {
            files.push(path);
        }
    }
}

/// A byte for the file, then its content.
pub(crate) fn run(data: &[u8]) {
    let _ = (TreeHead::parse(data), Statement::parse(data), Envelope::parse(data).and_then(|envelope| envelope.payload()));
    let _ = std::str::from_utf8(data).ok().and_then(TilePath::parse);
    let (which, content) = split(data);
    let (sample, signer, files, dirs) = &*SAMPLE;
    let Some(which) = which.first().and_then(|number| files.get(usize::from(*number) % files.len())) else { return };
    let dir = tempfile::tempdir().expect("a temporary directory");
    for below in dirs {
        fs::create_dir_all(dir.path().join(below)).expect("a directory");
    }
    for file in files {
        let to = dir.path().join(file);
        let from = sample.path().join("registry").join(file);
        if file == which {
            fs::write(to, content).expect("a file");
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
    let same = fs::read(sample.path().join("registry").join(which)).is_ok_and(|there| there == content);
    if let Ok(registry) = Registry::open(dir.path()) {
        let _ = registry.head();
        if let Ok(events) = registry.events(0) {
            let _ = events.take(100).count();
        }
    }
    let options = verify::Options { key: signer.verifier(), since: None };
    if let Ok(report) = verify::verify(dir.path(), options, &|_, _| {}) {
        assert_eq!(report.problems.is_empty(), same, "{}: {:?}", which.display(), report.problems);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (sample, _, files, _) = &*SAMPLE;
    let numbered = files.iter().enumerate();
    let content = |(number, file): (usize, &PathBuf)| {
        let content = fs::read(sample.path().join("registry").join(file)).unwrap_or_default();
        joined(&[u8::try_from(number).unwrap_or(0)], &content)
    };
    numbered.map(content).collect()
}
