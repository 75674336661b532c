use super::*;
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink, net::UnixListener},
};

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn write(dir: &Path, name: &str, content: &[u8]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn lines(dir: &Path) -> Vec<String> {
    let tree = Snapshot::capture(dir).unwrap();
    tree.listing().iter().map(|(path, node)| format!("{:?} {path}", node.kind)).collect()
}

#[test]
fn files_links_and_modes() {
    let dir = dir();
    write(dir.path(), "a/run", b"#!/bin/sh\n");
    write(dir.path(), "b", b"text");
    write(dir.path(), ".git/config", b"not ours");
    write(dir.path(), "a/.hg/store", b"not ours");
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::set_permissions(dir.path().join("a/run"), fs::Permissions::from_mode(0o6755)).unwrap();
    symlink("../b", dir.path().join("a/link")).unwrap();
    assert_eq!(lines(dir.path()), ["Link a/link", "Executable a/run", "File b"]);
    let tree = Snapshot::capture(dir.path()).unwrap();
    assert_eq!(tree.link_target(&TreePath::new("a/link").unwrap()).unwrap(), "../b");
    assert_eq!(tree.bytes(&TreePath::new("b").unwrap()).unwrap(), b"text");
}

#[test]
fn links_that_lead_out_are_refused() {
    for target in ["/etc/passwd", "../outside", "a/../../outside", "a/../b", "..", "../", "./b", "x//y"] {
        let dir = dir();
        write(dir.path(), "a/b", b"");
        symlink(target, dir.path().join("link")).unwrap();
        let error = Snapshot::capture(dir.path()).unwrap_err();
        assert!(matches!(&error, CaptureError::LinkOut { path, .. } if path.as_str() == "link"), "{target}: {error:?}");
    }
}

#[test]
fn pipes_and_sockets_do_not_hang() {
    let dir = dir();
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe"), Mode::from(0o600)).unwrap();
    let error = Snapshot::capture(dir.path()).unwrap_err();
    assert!(matches!(error, CaptureError::Kind { what: "named pipe", .. }), "{error:?}");
    fs::remove_file(dir.path().join("pipe")).unwrap();
    let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    let error = Snapshot::capture(dir.path()).unwrap_err();
    assert!(matches!(error, CaptureError::Kind { what: "socket", .. }), "{error:?}");
}

#[test]
fn names_that_a_tree_cannot_hold() {
    let case = |name: &[u8]| {
        let dir = dir();
        fs::write(dir.path().join(OsStr::from_bytes(name)), b"").unwrap();
        Snapshot::capture(dir.path()).unwrap_err()
    };
    assert!(matches!(case(b"caf\xe9"), CaptureError::NotUtf8 { name, .. } if name == "caf\\xe9"));
    assert!(matches!(case(b"a\\b"), CaptureError::Name { source: PathError::Backslash, .. }));
    assert!(matches!(case(b"nul.txt"), CaptureError::Name { source: PathError::Reserved, .. }));
    assert!(matches!(case("e\u{301}".as_bytes()), CaptureError::Name { source: PathError::NotNfc, .. }));
    let clash = dir();
    write(clash.path(), "Readme", b"");
    write(clash.path(), "README", b"");
    assert!(matches!(Snapshot::capture(clash.path()), Err(CaptureError::Clash { .. })));
}

#[test]
fn limits_are_counted() {
    let dir = dir();
    write(dir.path(), "a", b"12345");
    write(dir.path(), "b", b"12345");
    for (limits, wanted) in [
        (Limits { entries: 1, ..Limits::default() }, "entries"),
        (Limits { file: 4, ..Limits::default() }, "bytes in one file"),
        (Limits { total: 9, ..Limits::default() }, "bytes in all"),
    ] {
        let error = Snapshot::capture_if(dir.path(), &limits, &|_| true).unwrap_err();
        assert!(matches!(error, CaptureError::Limit { of, .. } if of == wanted), "{error:?}");
    }
    // a sparse file that claims more than the disk holds
    File::create(dir.path().join("sparse")).unwrap().set_len(1 << 42).unwrap();
    assert!(matches!(Snapshot::capture(dir.path()), Err(CaptureError::Limit { .. })));
}

#[test]
fn big_files_stay_on_disk_and_are_checked_when_read() {
    let dir = dir();
    let content = vec![7; usize::try_from(HOLD).unwrap() + 1];
    write(dir.path(), "big", &content);
    let tree = Snapshot::capture(dir.path()).unwrap();
    let big = TreePath::new("big").unwrap();
    assert_eq!(tree.bytes(&big).unwrap(), content);
    let mut altered = content;
    altered[0] = 8;
    write(dir.path(), "big", &altered);
    assert!(matches!(tree.bytes(&big), Err(super::super::ReadError::Altered { .. })));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_as_it_was_at_one_moment() {
    let dir = dir();
    write(dir.path(), "log", b"");
    let path = dir.path().join("log");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            // bounded, so that a test that fails also ends
            for _ in 0..200_000 {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                io::Write::write_all(&mut file, b"line\n").unwrap();
            }
        });
        for _ in 0..50 {
            match Snapshot::capture(dir.path()) {
                // the file as it was at one moment: the system may show a write that crosses a page in two halves
                Ok(tree) => {
                    let text = tree.text(&TreePath::new("log").unwrap()).unwrap();
                    assert!("line\n".repeat(text.len() / 5 + 1).starts_with(&text), "{} bytes", text.len());
                }
                Err(error) => assert!(matches!(error, CaptureError::Changed { .. }), "{error:?}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn what_is_held_in_memory_has_a_bound() {
    let dir = dir();
    let held = HOLD_IN_ALL / HOLD;
    for at in 0..=held {
        write(dir.path(), &at.to_string(), &vec![b'a' + u8::try_from(at).unwrap(); usize::try_from(HOLD).unwrap()]);
    }
    let tree = Snapshot::capture(dir.path()).unwrap();
    for at in 0..=held {
        let path = TreePath::new(&at.to_string()).unwrap();
        assert_eq!(tree.bytes(&path).unwrap().len() as u64, HOLD);
        // in place of what is not held, what lies there now is read, and found to be another
        fs::remove_file(dir.path().join(path.as_str())).unwrap();
        assert_eq!(tree.bytes(&path).is_ok(), at < held, "{at}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let missing = Snapshot::capture(Path::new("/nonexistent/dir")).unwrap_err();
    assert!(matches!(missing, CaptureError::Read { .. }));
    let dir = dir();
    write(dir.path(), "file", b"");
    let error = Snapshot::capture(&dir.path().join("file")).unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("name a directory"));
}
