//! What is measured with: trees as operators have them.

use super::Place;
use crate::{Failure, need, run};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One application: its files, and the pack made of them.
pub(super) struct App {
    pub(super) name: &'static str,
    pub(super) tree: PathBuf,
    pub(super) zip: PathBuf,
}

/// The pack of Trac and its unpacked tree.
pub(super) fn trac(place: &Place) -> Result<App, Failure> {
    let zip = place.dir.join("trac-1.6.0.zip");
    if !zip.exists() {
        let source = crate::root().join("packs/reference/trac");
        run::run(Command::new(&place.silver).stdout(std::io::stderr()).arg("pack").arg(source).arg("-o").arg(&zip))?;
    }
    let tree = place.dir.join("trac");
    if !tree.exists() {
        run::run(Command::new("unzip").arg("-q").arg(&zip).arg("-d").arg(&tree))?;
    }
    Ok(App { name: "trac", tree, zip })
}

/// WordPress as Debian packs it, links replaced by what they lead to.
pub(super) fn wordpress(place: &Place) -> Result<App, Failure> {
    let tree = place.dir.join("wp");
    if !tree.exists() {
        let work = place.dir.join("wp-debian");
        fs::create_dir_all(&work)?;
        eprintln!("    fetching the Debian package of WordPress: the tree that is measured with");
        need::apt_lists()?;
        run::run(Command::new("apt-get").args(["download", "-qq", "wordpress"]).current_dir(&work))?;
        let package = fs::read_dir(&work)?.filter_map(Result::ok).map(|entry| entry.path());
        let package = package.filter(|path| path.extension().is_some_and(|suffix| suffix == "deb")).max();
        let package = package.ok_or("apt-get downloaded no package")?;
        run::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(work.join("root")))?;
        follow(&work.join("root/usr/share/wordpress"), &tree)?;
        fs::remove_dir_all(&work)?;
    }
    packed(place, "wp", tree)
}

/// WordPress's files as a site that is served, on servers.
pub(super) fn served(place: &Place) -> Result<App, Failure> {
    let (wp, tree) = (wordpress(place)?, place.dir.join("served"));
    if !tree.exists() {
        let making = place.dir.join("served.new");
        run::run(Command::new("rm").arg("-rf").arg(&making))?; // of somebody who was killed
        fs::create_dir_all(&making)?;
        run::run(Command::new("cp").arg("-a").arg(&wp.tree).arg(making.join("site")))?;
        fs::write(making.join("site/index.html"), "served\n")?;
        fs::rename(making, &tree)?;
    }
    packed(place, "served", tree)
}

/// 100,000 files of 2.6 kB, half of it text: made, since no real application has so many.
pub(super) fn synthetic(place: &Place) -> Result<App, Failure> {
    let tree = place.dir.join("syn100k");
    if !tree.exists() {
        eprintln!("    making 100,000 files");
        let making = place.dir.join("syn100k.new");
        // a linear congruential generator (Knuth's constants): the same bytes on every machine
        let mut state: u64 = 1;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for number in 0..100_000 {
            let dir = making.join(format!("d{:03}", number / 100));
            if number % 100 == 0 {
                fs::create_dir_all(&dir)?;
            }
            let mut content = Vec::with_capacity(2700);
            while content.len() < 1300 {
                content.extend_from_slice(format!("line {} of file {number}\n", next() % 1000).as_bytes());
            }
            while content.len() < 2600 {
                content.extend_from_slice(&next().to_le_bytes()[..4]);
            }
            fs::write(dir.join(format!("f{number}.txt")), content)?;
        }
        fs::rename(making, &tree)?;
    }
    packed(place, "syn100k", tree)
}

/// The tree as a static site.
fn packed(place: &Place, name: &'static str, tree: PathBuf) -> Result<App, Failure> {
    let manifest = format!(
        "format = 1\n\n[pack]\nid = \"org.silver.bench.{name}\"\nname = \"{name}\"\nversion = \"1.0.0\"\n\n[runtime]\nkind = \"static\"\n\n\
         [layout]\nroot = \"site\"\n\n[[slot]]\nname = \"all\"\nfrom = \"all/**\"\ninto = \"tree:all\"\nmode = \"add\"\n"
    );
    fs::write(tree.join("pack.toml"), manifest)?;
    let zip = place.dir.join(format!("{name}-1.0.0.zip"));
    if !zip.exists() {
        run::run(
            Command::new(&place.silver).stdout(std::io::stderr()).arg("pack").arg(&tree).args(["--no-vcs", "-o"]).arg(&zip),
        )?;
    }
    Ok(App { name, tree, zip })
}

/// `cp -rL`, but for links that lead nowhere.
fn follow(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let dest = to.join(path.file_name().unwrap_or_default());
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => follow(&path, &dest)?,
            Ok(_) => _ = fs::copy(&path, &dest)?,
            Err(_) => {} // of another package, or of the machine
        }
    }
    Ok(())
}
