use super::*;
use crate::{
    fixture::Fixture,
    statement::{Event, EventKind},
    verify::{Finding, Options, verify},
};

fn kinds(index: &Index, filter: &LogFilter) -> Vec<(u64, String)> {
    index.log(filter).unwrap().into_iter().map(|entry| (entry.event, entry.kind)).collect()
}

fn problems(fixture: &Fixture) -> Vec<(Finding, String)> {
    let report = verify(&fixture.home(), Options { key: fixture.signer.verifier(), since: None }, &|_, _| {}).unwrap();
    report.problems.into_iter().map(|problem| (problem.finding, problem.path)).collect()
}

#[test]
fn the_log_is_listed_filtered_and_followed() {
    let mut fixture = Fixture::full();
    let index = Index::open(&fixture.registry).unwrap();
    assert_eq!(index.log(&LogFilter::default()).unwrap().len(), 4);
    let deploys = LogFilter { kind: Some(EventKind::Deploy), ..LogFilter::default() };
    assert_eq!(kinds(&index, &deploys), [(0, "deploy".into()), (3, "deploy".into())]);
    let entry = &index.log(&deploys).unwrap()[1];
    assert_eq!((entry.release.as_deref(), entry.version.as_deref()), (Some("hello.20261122_2"), Some("1.0.2")));
    assert_eq!(entry.outcome.as_deref(), Some("done"));
    drop(index);

    let archive = fixture.pack(&[("x", "x")]);
    fixture.deploy("other", archive, &[("x", "x")]);
    fixture.append("hello", Event::empty(EventKind::Run));
    let index = Index::open(&fixture.registry).unwrap();
    let other = LogFilter { app: Some("other".into()), ..LogFilter::default() };
    assert_eq!(kinds(&index, &other), [(4, "deploy".into())]);
    let latest = LogFilter { last: Some(2), ..LogFilter::default() };
    assert_eq!(kinds(&index, &latest), [(4, "deploy".into()), (5, "run".into())]);
    // made step by step, it is the same as made at once
    assert_eq!(index.contents().unwrap(), Index::in_memory(&fixture.registry).unwrap().contents().unwrap());
}

#[test]
fn a_content_is_found_wherever_it_was_deployed() {
    let fixture = Fixture::full();
    let index = Index::open(&fixture.registry).unwrap();
    let places = index.where_is(&silver_pack::hash::sha256(b"print('one')\n")).unwrap();
    let places: Vec<_> = places.iter().map(|place| (place.event, place.path.as_str())).collect();
    assert_eq!(places, [(0, "app.py"), (3, "app.py")]);
    assert_eq!(index.where_is(&silver_pack::hash::sha256(b"nothing")).unwrap(), []);
}

#[test]
fn an_altered_index_is_found_and_never_believed() {
    let fixture = Fixture::full();
    let path = fixture.home().join("index.sqlite");
    let right = Index::open(&fixture.registry).unwrap().contents().unwrap();
    assert_eq!(problems(&fixture), []);

    let bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 30) {
        let mut altered = bytes.clone();
        altered[at] ^= 4;
        fs::write(&path, altered).unwrap();
        assert_eq!(problems(&fixture), [(Finding::Altered, "index.sqlite".into())], "byte {at}");
    }
    assert_eq!(Index::open(&fixture.registry).unwrap().contents().unwrap(), right);
    assert_eq!(problems(&fixture), []);

    // somebody who seals it again
    Connection::open(&path).unwrap().execute("UPDATE events SET operator = 'eve'", []).unwrap();
    seal::write(&path).unwrap();
    assert_eq!(problems(&fixture), [(Finding::Altered, "index.sqlite".into())]);
}

#[test]
fn without_its_seal_the_index_is_made_anew() {
    let fixture = Fixture::full();
    let path = fixture.home().join("index.sqlite");
    let right = Index::open(&fixture.registry).unwrap().contents().unwrap();
    Connection::open(&path).unwrap().execute("UPDATE events SET kind = 'run'", []).unwrap();
    fs::remove_file(seal::seal_path(&path)).unwrap();
    assert_eq!(problems(&fixture), []);
    assert_eq!(Index::open(&fixture.registry).unwrap().contents().unwrap(), right);
    fs::remove_file(&path).unwrap();
    assert_eq!(Index::open(&fixture.registry).unwrap().contents().unwrap(), right);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    seal::write(&path).unwrap();
    assert_eq!(Index::open(&fixture.registry).unwrap().contents().unwrap(), right);
}

#[test]
fn another_history_makes_another_index() {
    let fixture = Fixture::full();
    Index::open(&fixture.registry).unwrap();
    let statements: Vec<_> = fixture.registry.events(1).unwrap().map(|event| event.unwrap().statement).collect();
    for sub in ["log", "events"] {
        fs::remove_dir_all(fixture.home().join(sub)).unwrap();
    }
    fs::remove_file(fixture.home().join("format")).unwrap();
    let again = Registry::open_or_create(&fixture.home(), &fixture.signer).unwrap();
    for statement in statements.iter().chain(&statements) {
        again.append(statement, &fixture.signer).unwrap();
    }
    let index = Index::open(&again).unwrap();
    assert_eq!(kinds(&index, &LogFilter::default()).len(), 6);
    assert_eq!(kinds(&index, &LogFilter::default())[0].1, "disable");
}
