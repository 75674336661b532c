//! Debian packages by digest: downloaded by apt, verified, kept in the download cache.

use super::{DebianError, lock::Pin};
use crate::process;
use silver_pack::hash;
use silver_plugin_api::{Digest, path::plain};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long one program may take.
const LIMIT: Duration = Duration::from_mins(10);

/// Where packages come from.
pub(crate) struct Debs<'a> {
    /// The download cache.
    pub(crate) cache: &'a Path,
    /// A folder of packages that is used in place of apt.
    pub(crate) folder: Option<&'a Path>,
}

impl Debs<'_> {
    /// The file of a package, in the cache.
    pub(crate) fn get(&self, pin: &Pin, told: &dyn Fn(&str)) -> Result<PathBuf, DebianError> {
        let kept = self.cache.join(format!("{}.deb", pin.digest.hex()));
        if digest(&kept).is_ok_and(|found| found == pin.digest) {
            return Ok(kept);
        }
        let cache = |source| DebianError::Cache { path: self.cache.to_owned(), source };
        fs::create_dir_all(self.cache).map_err(cache)?;
        let incoming = tempfile::Builder::new().prefix(".incoming").tempdir_in(self.cache).map_err(cache)?;
        let from = if let Some(folder) = self.folder {
            in_folder(folder, pin).map_err(cache)?
        } else {
            told(&pin.asked());
            let mut command = Command::new("apt-get");
            command.current_dir(incoming.path()).args(["download", "-q"]).arg(pin.asked());
            run(&mut command, &pin.asked())?;
            packages(incoming.path()).map_err(cache)?.into_iter().next()
        };
        let from = from.ok_or_else(|| DebianError::Absent { pin: pin.asked() })?;
        let found = digest(&from).map_err(cache)?;
        if found != pin.digest {
            return Err(DebianError::OtherFile { pin: pin.asked(), found, pinned: pin.digest });
        }
        // a copy first: the folder may be on another file system, and is not ours
        let copy = incoming.path().join("copy");
        fs::copy(&from, &copy).and_then(|_| fs::rename(&copy, &kept)).map_err(cache)?;
        Ok(kept)
    }
}

/// The package in a folder whose bytes are the pinned ones, else one of that name.
fn in_folder(folder: &Path, pin: &Pin) -> io::Result<Option<PathBuf>> {
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.strip_prefix(&pin.name).is_some_and(|rest| rest.starts_with('_') || rest == ".deb")
    };
    let all: Vec<PathBuf> = packages(folder)?.into_iter().filter(named).collect();
    let right = all.iter().find(|path| digest(path).is_ok_and(|found| found == pin.digest)).cloned();
    Ok(right.or_else(|| all.into_iter().next()))
}

fn packages(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<PathBuf>> = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths: Vec<PathBuf> =
        paths?.into_iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "deb")).collect();
    paths.sort();
    Ok(paths)
}

fn digest(path: &Path) -> io::Result<Digest> {
    hash::copy_hashed(&mut File::open(path)?, &mut io::sink()).map(|(digest, _)| digest)
}

/// Runs a program of Debian; `about` is the package that it is about.
pub(super) fn run(command: &mut Command, about: &str) -> Result<String, DebianError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = process::run(command.env("LC_ALL", "C.UTF-8"), LIMIT).map_err(|error| DebianError::Program {
        program: program.clone(),
        about: about.to_owned(),
        why: error.to_string(),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = output.stderr.lines().rfind(|line| line.starts_with("E: ") || line.contains("error: "));
    let why = said.or_else(|| output.stderr.lines().last()).unwrap_or("it did not say why");
    Err(DebianError::Program { program, about: about.to_owned(), why: plain(why).into_owned() })
}
