//! Customization directories: `customize.toml`, and whatever lies beside it.

use crate::{joined, split};
use rustix::fs::{CWD, Mode};
use silver_pack::{customization::Customization, listing::Listing};
use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path};

/// What stands beside `customize.toml` at most.
const ENTRIES: usize = 12;

/// The text of `customize.toml`, then rows: a byte for the kind, a name, its content or target.
pub(crate) fn run(data: &[u8]) {
    let (text, mut rest) = split(data);
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("customize.toml"), text).expect("it can be written");
    for _ in 0..ENTRIES {
        let Some((kind, after)) = rest.split_first() else { break };
        let (name, after) = split(after);
        let (content, after) = split(after);
        put(dir.path(), *kind, name, content);
        rest = after;
    }
    match Customization::load(dir.path()) {
        Ok(loaded) => {
            let _ = loaded.check_lock();
            let lines = loaded.files.listing().to_lines();
            assert_eq!(Listing::parse(&lines).expect("a tree has lines"), **loaded.files.listing());
        }
        Err(error) => {
            let _ = error.hint();
        }
    }
}

/// Nothing is put outside of `dir`: each segment is a name, and no link is gone through.
fn put(dir: &Path, kind: u8, name: &[u8], content: &[u8]) {
    let mut at = dir.to_owned();
    let names: Vec<&[u8]> = name.split(|byte| *byte == b'/').collect();
    for (number, name) in names.iter().enumerate() {
        if name.is_empty() || *name == b"." || *name == b".." || name.contains(&0) || name.len() > 255 {
            return;
        }
        at.push(OsStr::from_bytes(name));
        if number + 1 < names.len()
            && !fs::symlink_metadata(&at).is_ok_and(|there| there.is_dir())
            && fs::create_dir(&at).is_err()
        {
            return;
        }
    }
    if fs::symlink_metadata(&at).is_ok() {
        return;
    }
    // what the file system refuses is not there
    let _ = match kind % 5 {
        0 => fs::write(&at, content),
        1 => fs::create_dir(&at),
        2 if !content.contains(&0) => std::os::unix::fs::symlink(OsStr::from_bytes(content), &at),
        3 => rustix::fs::mkfifoat(CWD, &at, Mode::from(0o600)).map_err(std::io::Error::from),
        _ => {
            fs::write(&at, content).and_then(|()| fs::set_permissions(&at, std::os::unix::fs::PermissionsExt::from_mode(0o4755)))
        }
    };
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let text = b"format = 1\n[pack]\nid = \"org.silver.hello\"\n[settings]\ngreeting = \"hi\"\n";
    let row = |kind: u8, name: &[u8], content: &[u8]| [&[kind][..], &joined(name, &[]), &joined(content, &[])].concat();
    let rows = [
        row(0, b"templates/page.html", b"<p>"),
        row(2, b"templates/link", b"page.html"),
        row(1, b"static", b""),
        row(0, b"customize.lock", b"format = 1\n"),
    ];
    vec![
        joined(text, &rows.concat()),
        joined(text, &row(2, b"out", b"../../etc/passwd")),
        joined(text, &row(3, b"pipe", b"")),
        joined(text, &[row(0, b"README", b""), row(0, b"readme", b""), row(0, b"caf\xe9", b"")].concat()),
    ]
}
