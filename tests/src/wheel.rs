//! Wheels for an index that is a folder.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Writes the wheel of a package into `dir`, which is made, and returns its path. `more` are further
/// lines of its metadata; a file called `entry_points.txt` goes where entry points are looked for.
///
/// # Panics
/// When it cannot be written.
pub fn write(dir: &Path, name: &str, version: &str, more: &str, files: &[(&str, &str)]) -> PathBuf {
    write_for(dir, name, version, more, files, "py3-none-any")
}

/// As [`write()`], for the platforms of these tags.
///
/// # Panics
/// When it cannot be written.
pub fn write_for(dir: &Path, name: &str, version: &str, more: &str, files: &[(&str, &str)], tags: &str) -> PathBuf {
    let path = dir.join(format!("{name}-{version}-{tags}.whl"));
    let info = format!("{name}-{version}.dist-info");
    fs::create_dir_all(dir).expect("a directory for wheels");
    let mut zip = ZipWriter::new(fs::File::create(&path).expect("a wheel"));
    let mut add = |path: String, text: &str| {
        zip.start_file(path, SimpleFileOptions::default()).expect("a file in a wheel");
        zip.write_all(text.as_bytes()).expect("the content of a file in a wheel");
    };
    for (path, text) in files {
        add(if *path == "entry_points.txt" { format!("{info}/{path}") } else { (*path).to_owned() }, text);
    }
    add(format!("{info}/METADATA"), &format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"));
    add(format!("{info}/WHEEL"), &format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n"));
    add(format!("{info}/RECORD"), "");
    zip.finish().expect("the end of a wheel");
    path
}
