use super::*;
use crate::fake::breaking;
use std::fs;

fn begin(dirs: &Dirs) -> Journal {
    Journal::start(dirs, Start { transition: breaking(), previous: None, drift: vec!["a".into()], key: None }, None).unwrap()
}

#[test]
fn a_journal_cut_at_any_byte_keeps_its_whole_lines() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let mut journal = begin(&dirs);
    let file = path(&dirs, "t1");
    let first = fs::metadata(&file).unwrap().len();
    for step in ["close-writes", "stop-old"] {
        journal.write(Fact::Begin(step.into())).unwrap();
        journal.write(Fact::Done(step.into())).unwrap();
    }
    let written = journal.lines().to_vec();
    let bytes = fs::read(&file).unwrap();
    for cut in usize::try_from(first).unwrap()..=bytes.len() {
        fs::write(&file, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
        let mut journal = Journal::open(&file, None).unwrap();
        assert_eq!(journal.lines(), &written[..whole], "cut at {cut}");
        journal.write(Fact::Undo("stop-old".into())).unwrap();
        assert_eq!(Journal::open(&file, None).unwrap().lines().len(), whole + 1, "cut at {cut}");
    }
}

#[test]
fn the_last_step_is_told_also_from_half_a_journal() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    assert_eq!(last_step(&dirs, "t1").unwrap(), None);
    let mut journal = begin(&dirs);
    let told = || last_step(&dirs, "t1").unwrap();
    assert_eq!(told(), None);
    journal.write(Fact::Begin("stop-old".into())).unwrap();
    journal.write(Fact::Done("stop-old".into())).unwrap();
    journal.write(Fact::Begin("migrate".into())).unwrap();
    assert_eq!(told().unwrap(), "migrate");
    journal.write(Fact::Undo("stop-old".into())).unwrap();
    assert_eq!(told().unwrap(), "stop-old");
    let file = path(&dirs, "t1");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 3]).unwrap();
    assert_eq!(told().unwrap(), "migrate");
}

#[test]
fn what_could_not_be_written_is_written_with_the_next_fact() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    let mut journal = begin(&dirs);
    let writable = std::mem::replace(&mut journal.file, File::open(path(&dirs, "t1")).unwrap());
    assert!(journal.write(Fact::Begin("stop-old".into())).is_err());
    journal.file = writable;
    journal.write(Fact::Done("stop-old".into())).unwrap();
    assert_eq!(Journal::open(&path(&dirs, "t1"), None).unwrap().lines(), journal.lines());
}

#[test]
fn what_is_no_journal_is_put_aside() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(home.path());
    begin(&dirs);
    for (name, text) in
        [("empty", ""), ("half", "{\"at\":1"), ("other", "{\"at\":1,\"fact\":{\"done\":\"x\"}}\n"), ("junk", "junk\n")]
    {
        fs::write(path(&dirs, name), text).unwrap();
    }
    let found = Journal::all(&dirs, None).unwrap();
    let fine: Vec<&String> = found.iter().filter(|(_, journal)| journal.is_ok()).map(|(id, _)| id).collect();
    assert_eq!((found.len(), fine), (5, vec![&"t1".to_owned()]));
    set_aside(&dirs, "junk").unwrap();
    assert_eq!(Journal::all(&dirs, None).unwrap().len(), 4);
}
