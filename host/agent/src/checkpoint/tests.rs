use super::*;
use crate::{
    fake::{path, recipe},
    state::AppFile,
};
use rusqlite::Connection;
use silver_plugin_api::plan::RecipePart;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

fn home() -> (tempfile::TempDir, Dirs) {
    let dir = tempfile::tempdir().unwrap();
    let dirs = Dirs::below(dir.path());
    fs::create_dir_all(dirs.data("shop").join("db")).unwrap();
    let file = AppFile { app: "shop".into(), current: Some("shop.20261122_1".into()), ..AppFile::default() };
    state::save(&dirs, &file).unwrap();
    (dir, dirs)
}

/// Two tables that always have the same sum, since each transaction adds to both.
fn database(path: &Path, journal_mode: &str) -> Connection {
    let database = Connection::open(path).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    database.pragma_update(None, "journal_mode", journal_mode).unwrap();
    database.execute_batch("create table if not exists a (n integer); create table if not exists b (n integer)").unwrap();
    database
}

fn sums(path: &Path) -> (u64, u64) {
    let database = Connection::open(path).unwrap();
    let check: String = database.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let sum = |table| {
        let count: i64 = database.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).unwrap();
        u64::try_from(count).unwrap()
    };
    (sum("a"), sum("b"))
}

#[test]
fn a_database_in_use_is_copied_as_it_was_at_one_moment() {
    for journal_mode in ["WAL", "DELETE"] {
        let (_home, dirs) = home();
        let path = dirs.data("shop").join("db/shop.db");
        drop(database(&path, journal_mode));
        let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
        let (before, after) = std::thread::scope(|scope| {
            scope.spawn(|| {
                let writer = database(&path, journal_mode);
                writer.execute_batch("pragma synchronous = off").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let write = "begin immediate; insert into a values (1); insert into b values (1); commit";
                    writer.execute_batch(write).unwrap();
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            });
            let until = Instant::now() + Duration::from_mins(1);
            while acknowledged.load(Ordering::SeqCst) < 200 && Instant::now() < until {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let taken = take(&dirs, "shop", "one", &recipe());
            let after = acknowledged.load(Ordering::SeqCst);
            stop.store(true, Ordering::Relaxed);
            taken.unwrap();
            (before, after)
        });
        let copy = dirs.checkpoint("shop", "one").join("data/db/shop.db");
        let (a, b) = sums(&copy);
        assert_eq!(a, b, "{journal_mode}: half a transaction");
        // one more than was acknowledged may have been committed
        assert!((before..=after + 1).contains(&a), "{journal_mode}: {before} ≤ {a} ≤ {after}");

        let last = sums(&path).0;
        assert!(last >= a);
        restore(&dirs, "shop", "one").unwrap();
        assert_eq!(sums(&path), (a, b), "{journal_mode}");
        restore(&dirs, "shop", "one").unwrap(); // a second time, as after a crash in its middle
        assert_eq!(sums(&path), (a, b), "{journal_mode}");
    }
}

#[test]
fn a_journal_left_beside_a_database_is_not_played_into_the_restored_one() {
    let (_home, dirs) = home();
    let path = dirs.data("shop").join("db/shop.db");
    database(&path, "WAL").execute_batch("insert into a values (1); insert into b values (1)").unwrap();
    let only = Recipe {
        parts: vec![RecipePart { id: "db".into(), source: Source::Data { path: self::path("db/shop.db"), exclude: vec![] } }],
        ..Recipe::default()
    };
    take(&dirs, "shop", "one", &only).unwrap();
    // an application that is killed leaves its write-ahead log
    let writer = database(&path, "WAL");
    writer.execute_batch("insert into a values (1); insert into b values (1)").unwrap();
    let (log, killed) = (path.with_file_name("shop.db-wal"), dirs.data("shop").join("killed"));
    fs::copy(&log, &killed).unwrap();
    drop(writer);
    fs::copy(&killed, &log).unwrap();
    restore(&dirs, "shop", "one").unwrap();
    assert_eq!(sums(&path), (1, 1));
}

#[test]
fn files_come_back_as_they_were_and_what_was_written_since_is_in_the_trash() {
    let (_home, dirs) = home();
    let data = dirs.data("shop");
    fs::create_dir_all(data.join("db/deep")).unwrap();
    fs::write(data.join("db/deep/one"), "1").unwrap();
    fs::write(data.join("db/scratch.tmp"), "left out").unwrap();
    std::os::unix::fs::symlink("deep/one", data.join("db/link")).unwrap();
    fs::create_dir_all(dirs.secrets("shop")).unwrap();
    fs::write(dirs.secrets("shop").join("key"), "first").unwrap();
    fs::write(dirs.secrets("shop").join("lost"), "kept").unwrap();
    take(&dirs, "shop", "one", &recipe()).unwrap();
    take(&dirs, "shop", "one", &Recipe::default()).unwrap(); // there already
    assert_eq!(read(&dirs, "shop", "one").unwrap().release.as_deref(), Some("shop.20261122_1"));

    fs::write(data.join("db/deep/one"), "2").unwrap();
    fs::write(data.join("db/new"), "new").unwrap();
    fs::write(dirs.secrets("shop").join("key"), "second").unwrap();
    fs::remove_file(dirs.secrets("shop").join("lost")).unwrap();
    restore(&dirs, "shop", "one").unwrap();
    assert_eq!(fs::read_to_string(data.join("db/link")).unwrap(), "1");
    assert!(!data.join("db/new").exists() && !data.join("db/scratch.tmp").exists());
    let secret = |name: &str| fs::read_to_string(dirs.secrets("shop").join(name)).unwrap();
    assert_eq!((secret("key"), secret("lost")), ("second".into(), "kept".into()), "generations are never changed");
    let trash = walkdir::WalkDir::new(dirs.trash()).into_iter().filter_map(Result::ok);
    assert!(trash.into_iter().any(|entry| entry.file_name() == "new"));
}

#[test]
fn a_half_made_checkpoint_is_none() {
    let (_home, dirs) = home();
    let half = dirs.checkpoints("shop").join(".one.new");
    fs::create_dir_all(half.join("data/db")).unwrap();
    fs::write(half.join("data/db/rows"), "half").unwrap();
    assert!(all(&dirs, "shop").unwrap().is_empty());
    assert!(matches!(restore(&dirs, "shop", "one"), Err(CheckpointError::Absent(id)) if id == "one"));
    fs::write(dirs.data("shop").join("db/rows"), "whole").unwrap();
    take(&dirs, "shop", "one", &recipe()).unwrap();
    assert_eq!(fs::read_to_string(dirs.checkpoint("shop", "one").join("data/db/rows")).unwrap(), "whole");
    assert!(!half.exists());
}
