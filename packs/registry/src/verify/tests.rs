use super::*;
use crate::{
    fixture::Fixture,
    registry::Registry,
    signer::Signer,
    statement::{Event, EventKind, Redacted, Statement, tests::sample},
};
use std::{collections::BTreeSet, fs, path::PathBuf};

fn look(fixture: &Fixture, since: Option<&str>) -> Report {
    verify(&fixture.home(), Options { key: fixture.signer.verifier(), since }, &|_, _| {}).unwrap()
}

/// What is wrong, where nothing is left over.
fn problems(fixture: &Fixture) -> Vec<(Finding, String)> {
    let report = look(fixture, None);
    assert_eq!(report.leftovers, []);
    report.problems.into_iter().map(|problem| (problem.finding, problem.path)).collect()
}

/// All files, below the registry.
fn files(fixture: &Fixture) -> Vec<String> {
    let mut report = Report::default();
    Files::walk(&fixture.home(), &mut report)
        .unwrap()
        .left()
        .into_iter()
        .filter(|path| fixture.home().join(path).is_file())
        .collect()
}

fn put(path: &PathBuf, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_registry_as_it_was_written_is_sound() {
    let fixture = Fixture::full();
    let report = look(&fixture, None);
    assert_eq!((report.problems, report.leftovers), (vec![], vec![]));
    assert_eq!((report.events, report.trees, report.objects), (4, 2, 4));
    assert_eq!(look(&Fixture::new(), None).problems, vec![]);
}

#[test]
fn an_altered_byte_in_any_file_is_found_there() {
    let fixture = Fixture::full();
    let all = files(&fixture);
    assert!(all.len() > 15, "{all:?}");
    for path in all {
        let full = fixture.home().join(&path);
        let right = fs::read(&full).unwrap();
        let places: BTreeSet<usize> = (0..right.len()).step_by(right.len().div_ceil(40)).chain([right.len() - 1]).collect();
        for at in places {
            for bit in [0, 6] {
                let mut altered = right.clone();
                altered[at] ^= 1 << bit;
                put(&full, &altered);
                assert_eq!(problems(&fixture), [(Finding::Altered, path.clone())], "byte {at}, bit {bit}");
            }
        }
        for altered in [&right[..right.len() - 1], &[&right[..], b"\n"].concat(), b""] {
            put(&full, altered);
            assert_eq!(problems(&fixture), [(Finding::Altered, path.clone())]);
        }
        put(&full, &right);
    }
    assert_eq!(problems(&fixture), []);
}

#[test]
fn a_missing_file_is_found_there() {
    let fixture = Fixture::full();
    for path in files(&fixture) {
        let full = fixture.home().join(&path);
        let right = fs::read(&full).unwrap();
        fs::remove_file(&full).unwrap();
        assert_eq!(problems(&fixture), [(Finding::Missing, path.clone())]);
        put(&full, &right);
    }
}

#[test]
fn an_extra_file_is_found_there() {
    let fixture = Fixture::full();
    let zeros = "0".repeat(64);
    for path in [
        "README".into(),
        "events/4.json".into(),
        "events/9.json".into(),
        "events/0.json.bak".into(),
        "events/00.json".into(),
        "log/tree-head.old".into(),
        "log/tile/0/001".into(),
        "log/tile/0/000.p/5".into(),
        "log/tile/1/000.p/1".into(),
        "log/tile/0/0".into(),
        "objects/loose/ab/short".into(),
        "objects/loose/x".into(),
        format!("objects/{zeros}"),
        format!("trees/{zeros}"),
        "trees/deep/er/file".into(),
        "nodes/web1".into(),
    ] {
        let full = fixture.home().join(&path);
        put(&full, b"extra");
        assert!(problems(&fixture).contains(&(Finding::Extra, path.clone())), "{path}: {:?}", problems(&fixture));
        fs::remove_file(full).unwrap();
    }
    for path in [format!("objects/loose/00/{}", &zeros[2..]), format!("objects/zip/{zeros}.zip"), format!("trees/{zeros}.zst")] {
        put(&fixture.home().join(&path), b"extra");
        assert_eq!(problems(&fixture).pop(), Some((Finding::Altered, path.clone())));
        fs::remove_file(fixture.home().join(path)).unwrap();
    }
}

#[test]
fn what_is_no_file_is_never_opened() {
    let fixture = Fixture::full();
    let pipe = fixture.home().join("events/4.json");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::fs::symlink("/dev/zero", fixture.home().join("objects/zip/link")).unwrap();
    let found = problems(&fixture);
    assert_eq!(found, [(Finding::Extra, "events/4.json".into()), (Finding::Extra, "objects/zip/link".into())]);
}

#[test]
fn what_a_crash_leaves_is_no_damage() {
    let fixture = Fixture::full();
    let head = fs::read(fixture.home().join("log/tree-head")).unwrap();
    fixture.append("hello", Event::empty(EventKind::Disable));
    put(&fixture.home().join("log/tree-head"), &head);
    fixture.registry.objects().put_bytes(b"staged, then interrupted").unwrap();
    fs::write(fixture.home().join("tmp/0123"), "half").unwrap();
    let report = look(&fixture, None);
    assert_eq!(report.problems, []);
    let left: Vec<_> = report.leftovers.iter().map(|(path, _)| path.split('/').next().unwrap()).collect();
    assert_eq!(left, ["events", "log", "objects", "tmp"]);
}

#[test]
fn a_log_that_was_signed_again_is_found_by_an_older_head() {
    let fixture = Fixture::full();
    let older = fixture.registry.head_text().unwrap();
    fixture.append("hello", Event::empty(EventKind::Disable));
    assert_eq!(look(&fixture, Some(&older)).problems, []);

    // the log again, one event another, signed with the right key
    let events: Vec<Statement> = fixture.registry.events(0).unwrap().map(|event| event.unwrap().statement).collect();
    for sub in ["log", "events", "format"] {
        let path = fixture.home().join(sub);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    let again = Registry::open_or_create(&fixture.home(), &fixture.signer).unwrap();
    for (index, statement) in events.iter().enumerate() {
        let other = Statement::new(sample("hello", Event::empty(EventKind::Shell)));
        again.append(if index == 1 { &other } else { statement }, &fixture.signer).unwrap();
    }
    assert_eq!(look(&fixture, None).problems, [], "without the older head nothing shows");
    let report = look(&fixture, Some(&older));
    assert_eq!(report.problems.len(), 1);
    assert_eq!((report.problems[0].finding, report.problems[0].path.as_str()), (Finding::Rewritten, "log/tree-head"));
}

#[test]
fn a_shortened_log_and_a_foreign_head_are_found_by_an_older_head() {
    let fixture = Fixture::full();
    let older = fixture.registry.head_text().unwrap();
    let shorter = Fixture::new();
    let report = verify(&shorter.home(), Options { key: shorter.signer.verifier(), since: Some(&older) }, &|_, _| {}).unwrap();
    assert_eq!(report.problems[0].finding, Finding::Rewritten);
    assert!(report.problems[0].detail.contains("not this log's"), "{}", report.problems[0].detail);

    for sub in ["log", "events", "format"] {
        let path = fixture.home().join(sub);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    Registry::open_or_create(&fixture.home(), &fixture.signer).unwrap();
    let report = look(&fixture, Some(&older));
    assert_eq!(report.problems[0].detail, "the older tree head counts 4 events, the log has 0");
    let unusable = verify(&fixture.home(), Options { key: fixture.signer.verifier(), since: Some("hello") }, &|_, _| {});
    assert!(matches!(unusable, Err(RegistryError::Unusable { .. })));
}

#[test]
fn another_key_is_another_log() {
    let fixture = Fixture::full();
    let other = Signer::load_or_create(&fixture.dir.path().join("other"), "local").unwrap();
    let report = verify(&fixture.home(), Options { key: other.verifier(), since: None }, &|_, _| {}).unwrap();
    let found: Vec<_> = report.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(found, ["events/0.json", "events/1.json", "events/2.json", "events/3.json", "log/tree-head"]);
}

#[test]
fn a_redacted_blob_may_be_gone() {
    let fixture = Fixture::full();
    let gone = silver_pack::hash::sha256(b"new\n");
    fs::remove_file(fixture.registry.objects().loose(&gone)).unwrap();
    assert_eq!(problems(&fixture).len(), 1);
    fixture.append("hello", Event::Redact(Redacted { digests: vec![gone] }));
    assert_eq!(problems(&fixture), []);
}

#[test]
fn half_a_registry_is_no_registry() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new();
    let absent = verify(dir.path(), Options { key: fixture.signer.verifier(), since: None }, &|_, _| {});
    assert!(matches!(absent, Err(RegistryError::Absent(_))));
}

#[test]
fn a_log_that_grows_meanwhile_is_sound() {
    let fixture = Fixture::full();
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..60 {
                fixture.append("hello", Event::empty(EventKind::Run));
            }
            ended.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let mut looked = 0;
        while !ended.load(std::sync::atomic::Ordering::Relaxed) || looked == 0 {
            assert_eq!(look(&fixture, None).problems, []);
            looked += 1;
        }
    });
    assert_eq!(look(&fixture, None).events, 64);
}
