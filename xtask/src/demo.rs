//! `cargo xtask demo`: Trac, customised and deployed on this machine.

use crate::{Failure, need, plugins, root, run, target};
use run::step;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What is left to try, with the same pack and customization.
const NEXT: &str = "    silver inspect PACK                          what is in the pack
    silver manage-app PACK --customize=MINE --list-commands
    silver merge PACK --customize=MINE -o out/   the merged tree, without deploying
    silver update PACK --customize=MINE --dry-run
    silver explain trac templates/site_header.html
    silver status · releases trac · logs trac · env trac · run trac -- CMD · shell trac
    silver disable trac · enable trac · rollback trac · deactivate trac
    silver registry log · show N · files N · diff N M · verify
    silver local status · local stop";

/// Builds silver and the Trac pack, customises it, deploys it here, and says what to try next.
///
/// Silver is built unoptimised (its dependencies are optimised): the same artifacts as the tests
/// use, and half the time of a release build; what a visitor waits for is Trac.
pub(crate) fn demo() -> Result<(), Failure> {
    step("what is needed", need::python)?;
    step("plugins", || plugins::build(&plugins::Options::default()))?;
    step("silver", || run::run(&mut run::cargo(&["build", "--quiet", "--locked", "--package", "silver-cli"])))?;
    let place = target().join("demo");
    let archive = step("the Trac pack", || pack("trac", &place))?;
    let mine = step("a customization", || customization(&place.join("mine"), &archive))?;
    let custom = format!("--customize={}", mine.display());
    let archive = archive.display().to_string();
    step("an app plugin: TracAccountManager", || {
        run::run(silver().args(["manage-app", &archive, &custom, "--yes", "install-plugin", "TracAccountManager"]))
    })?;
    step("deploying", || run::run(silver().args(["update", &archive, &custom, "--yes"])))?;
    let mine = mine.display().to_string();
    let program = silver_path().display().to_string();
    let next = NEXT.replace("PACK", &archive).replace("MINE", &mine).replace("silver ", &format!("{program} "));
    println!(
        "\nTrac answers at http://trac.localhost:8484/wiki\nIts customization is {mine}: change it and update again.\n\nTry next:\n{next}"
    );
    Ok(())
}

/// `silver pack` of a reference pack, into `place`; gives the archive.
pub(crate) fn pack(name: &str, place: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(place)?;
    let source = root().join("packs/reference").join(name);
    let manifest: toml::Table = fs::read_to_string(source.join("pack.toml"))?.parse()?;
    let version = manifest["pack"]["version"].as_str().ok_or("a pack without a version")?;
    let archive = place.join(format!("{name}-{version}.zip"));
    run::run(silver().arg("pack").arg(&source).arg("-o").arg(&archive))?;
    Ok(archive)
}

/// A copy of the example; one that is there already stays as it is, but for a lock of another build of the pack:
/// whoever works on silver builds the same version with other bytes.
fn customization(place: &Path, archive: &Path) -> Result<PathBuf, Failure> {
    if place.exists() {
        println!("    {} is there already", place.display());
        let lock = place.join("customize.lock");
        let report: serde_json::Value =
            serde_json::from_slice(&silver().arg("inspect").arg(archive).arg("--json").output()?.stdout)?;
        let digest = report["pack"]["digest"].as_str().ok_or("`silver inspect` tells no digest")?;
        if fs::read_to_string(&lock).is_ok_and(|text| !text.contains(digest)) {
            println!("    its customize.lock is of another build of the pack: it is made anew");
            fs::remove_file(&lock)?;
        }
    } else {
        copy(&root().join("packs/reference/trac/example"), place)?;
    }
    Ok(place.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let dest = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &dest)?;
        } else {
            fs::copy(entry.path(), dest)?;
        }
    }
    Ok(())
}

fn silver() -> Command {
    Command::new(silver_path())
}

fn silver_path() -> PathBuf {
    target().join("debug/silver")
}
