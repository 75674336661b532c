use super::*;
use crate::{
    build::{Options, build_pack},
    test_wheels,
};
use silver_plugin_api::TreePath;
use std::{fs, time::Duration};
use tempfile::TempDir;

/// A pack that pins `base` 1.0, an index beside it, and a cache.
struct World {
    folder: TempDir,
    work: TempDir,
    pack: Pack,
}

impl World {
    fn new() -> Self {
        let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let base = test_wheels::wheel(folder.path(), "base", "1.0", &[]);
        test_wheels::wheel(folder.path(), "base", "2.0", &[]);
        test_wheels::wheel(folder.path(), "extra", "0.9", &["base"]);
        test_wheels::wheel(folder.path(), "extra", "1.0", &["base>=1", "helper"]);
        test_wheels::wheel(folder.path(), "helper", "3.0", &[]);
        test_wheels::wheel(folder.path(), "modern", "1.0", &["base>=2"]);
        fs::write(folder.path().join("onlysource-1.0.tar.gz"), "").unwrap();
        let source = work.path().join("source");
        fs::create_dir(&source).unwrap();
        let manifest = r#"format = 1
[pack]
id = "org.example.app"
name = "app"
version = "1.0.0"
summary = "an app"
[build]
python = { requirements = "requirements.lock" }
[runtime]
kind = "static"
[index.python]
list = "known.json"
"#;
        fs::write(source.join("pack.toml"), manifest).unwrap();
        fs::write(source.join("requirements.lock"), format!("base==1.0 --hash=sha256:{}\n", base.hex())).unwrap();
        let known = r#"[{"name":"helper","summary":"helps extra"},{"name":"Extra","summary":"more of it"}]"#;
        fs::write(source.join("known.json"), known).unwrap();
        let pip = Pip { folder: Some(folder.path().to_owned()), ..Pip::default() };
        let options = Options { pip, downloads: Some(work.path().join("downloads")), vcs: false, ..Options::default() };
        let pack = build_pack(&source, work.path(), &options).unwrap().pack;
        Self { folder, work, pack }
    }

    fn index(&self) -> PythonIndex {
        self.index_through(Pip { folder: Some(self.folder.path().to_owned()), ..Pip::default() })
    }

    fn index_through(&self, pip: Pip) -> PythonIndex {
        PythonIndex::new(&self.pack, pip, &self.work.path().join("index")).unwrap()
    }
}

fn want(name: &str, versions: &str) -> Vec<Requirement> {
    vec![Requirement::new(name, versions)]
}

fn shown(packages: &[PackageRef]) -> Vec<String> {
    packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

/// Code, message and hint of a refusal.
fn refusal(failure: Failure) -> (String, String) {
    match failure {
        Failure::Invalid(findings) => (findings[0].code.clone(), findings[0].message.clone()),
        other => (String::new(), other.to_string()),
    }
}

#[test]
fn closures_leave_out_what_the_pack_pins() {
    let world = World::new();
    let index = world.index();
    let packages = index.resolve_all(&want("Extra", ""), &[], "").unwrap();
    assert_eq!(shown(&packages), ["extra 1.0", "helper 3.0"]);
    let older = index.resolve_all(&want("extra", "<1.0"), &[], "").unwrap();
    assert_eq!(shown(&older), ["extra 0.9"]);
    assert_eq!(index.resolve_all(&want("base", ""), &[], "").unwrap(), []);
    let other_machine = index.resolve_all(&want("extra", ""), &[], "linux-aarch64-gnu2.36-cp312").unwrap();
    assert_eq!(other_machine, packages);

    let tree = index.fetch(&packages[0]).unwrap();
    let files = tree.list(&TreePath::root(), None, 10).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].path.as_str(), "extra-1.0-py3-none-any.whl");
    assert_eq!(files[0].digest, Some(packages[0].digest));
    // and once more, from what was kept, by one that has not resolved it
    let offline = world.index_through(Pip { python: "/nonexistent".into(), ..Pip::default() });
    assert_eq!(offline.fetch(&packages[0]).unwrap().digest(), tree.digest());
}

#[test]
fn conflicts_name_both_pins() {
    let world = World::new();
    let (code, message) = refusal(world.index().resolve_all(&want("modern", ""), &[], "").unwrap_err());
    assert_eq!(code, "conflict", "{message}");
    assert!(message.contains("base>=2") && message.contains("base==1.0"), "{message}");
    let (code, message) = refusal(world.index().resolve_all(&want("base", "==2.0"), &[], "").unwrap_err());
    assert_eq!(code, "conflict", "{message}");
    assert!(message.contains("base==2.0") && message.contains("base==1.0"), "{message}");
}

#[test]
fn what_cannot_be_had_says_why() {
    let world = World::new();
    let index = world.index();
    let error = index.resolve_all(&want("extro", ""), &[], "").unwrap_err();
    assert!(
        matches!(&error, Failure::NotFound(text) if text.contains("`extro`") && text.contains("did you mean `Extra`")),
        "{error}"
    );
    let (code, message) = refusal(index.resolve_all(&want("onlysource", ""), &[], "").unwrap_err());
    assert_eq!(code, "wheels-only", "{message}");
    let (code, message) = refusal(index.resolve_all(&want("extra", "==7"), &[], "").unwrap_err());
    assert_eq!(code, "no-version", "{message}");
    assert!(message.contains("0.9"), "{message}");
    for (name, versions) in
        [("-r", ""), ("extra\n-r x", ""), ("extra", "; import"), ("extra", "@ file:///x"), ("extra", "==1\nfoo")]
    {
        assert!(matches!(index.resolve_all(&want(name, versions), &[], ""), Err(Failure::Invalid(_))), "{name} {versions}");
    }
}

#[test]
fn what_is_required_by_its_address_is_not_built() {
    let world = World::new();
    let (source, ran) = (world.work.path().join("evil"), world.work.path().join("ran"));
    fs::create_dir(&source).unwrap();
    let project = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    fs::write(source.join("pyproject.toml"), project).unwrap();
    fs::write(source.join("backend.py"), format!("open({:?}, 'w')\n", ran.display().to_string())).unwrap();
    // `--only-binary` does not count for it
    test_wheels::wheel(world.folder.path(), "nice", "1.0", &[&format!("evil @ file://{}", source.display())]);
    for target in ["", "linux-aarch64-gnu2.36-cp312"] {
        let error = world.index().resolve_all(&want("nice", ""), &[], target).unwrap_err().to_string();
        assert!(error.contains("evil") && error.contains("only wheels of the index are used"), "{error}");
        assert!(!ran.exists(), "{target}");
    }
}

#[test]
fn another_digest_is_refused() {
    let world = World::new();
    let index = world.index();
    let mut package = index.resolve_all(&want("helper", ""), &[], "").unwrap().remove(0);
    package.digest = Digest::from_bytes([7; 32]);
    assert_eq!(refusal(index.fetch(&package).err().unwrap()).0, "other-digest");
    package.digest = UNKNOWN;
    assert_eq!(refusal(index.fetch(&package).err().unwrap()).0, "not-exact");
}

#[test]
fn an_index_that_cannot_be_reached_is_unavailable() {
    let world = World::new();
    // nothing listens on port 1
    let closed = world.index_through(Pip { mirror: Some("http://127.0.0.1:1/simple".into()), ..Pip::default() });
    let error = closed.resolve_all(&want("extra", ""), &[], "").unwrap_err();
    assert!(matches!(&error, Failure::Unavailable(text) if text.contains("cannot be reached")), "{error}");
    let no_python = world.index_through(Pip { python: "/nonexistent/python".into(), ..Pip::default() });
    assert!(matches!(no_python.resolve_all(&want("extra", ""), &[], ""), Err(Failure::Unavailable(_))));
    // something listens, but never answers
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/simple", silent.local_addr().unwrap());
    let slow = world.index_through(Pip { mirror: Some(mirror), timeout: Duration::from_secs(3), ..Pip::default() });
    let error = slow.resolve_all(&want("extra", ""), &[], "").unwrap_err();
    assert!(matches!(&error, Failure::Unavailable(text) if text.contains("longer than 3 s")), "{error}");
}

#[test]
fn search_and_versions() {
    let world = World::new();
    let index = world.index();
    let names = |query: &str| index.search(query, 10).unwrap().into_iter().map(|package| package.name).collect::<Vec<_>>();
    assert_eq!(names("extra"), ["Extra", "helper"]);
    assert_eq!(names("HELPS"), ["helper"]);
    assert_eq!(names("nothing"), Vec::<String>::new());
    assert_eq!(index.search("", 1).unwrap().len(), 1);
    assert_eq!(shown(&index.versions("extra").unwrap()), ["extra 1.0", "extra 0.9"]);
    assert_eq!(refusal(index.versions("onlysource").unwrap_err()).0, "wheels-only");
    assert!(matches!(index.versions("nothing"), Err(Failure::NotFound(_))));
}

/// Puts a source package into the index, whose build says what it saw. It has no wheel.
fn publish_source(world: &World, port: u16) {
    let script = format!(
        r#"
import io, tarfile
backend = r"""
import os, socket, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    try:
        socket.create_connection(("127.0.0.1", {port}), 5)
        network = "network"
    except OSError:
        network = "cut off"
    seen = [network, *sorted(name for name in os.environ if name.startswith("SECRET"))]
    name = "onlysource-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        info = "onlysource-1.0.dist-info/"
        wheel.writestr("onlysource.py", repr(seen))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: onlysource\nVersion: 1.0\nRequires-Dist: helper\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
project = '[build-system]\nrequires = ["helper"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
with tarfile.open("onlysource-1.0.tar.gz", "w:gz") as package:
    for name, text in [("PKG-INFO", "Metadata-Version: 2.1\nName: onlysource\nVersion: 1.0\n"), ("pyproject.toml", project), ("backend.py", backend)]:
        data = text.encode()
        member = tarfile.TarInfo("onlysource-1.0/" + name)
        member.size = len(data)
        package.addfile(member, io.BytesIO(data))
"#
    );
    let made = std::process::Command::new("python3").args(["-c", &script]).current_dir(world.folder.path()).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_source_package_is_built_in_the_sandbox_by_who_agrees() {
    let world = World::new();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    publish_source(&world, listener.local_addr().unwrap().port());
    let wanted = || want("onlysource", "");
    assert_eq!(refusal(world.index().resolve_all(&wanted(), &[], "").unwrap_err()).0, "wheels-only");
    let refused = world.index().with_consent(Box::new(|_, _, _| false));
    assert_eq!(refusal(refused.resolve_all(&wanted(), &[], "").unwrap_err()).0, "wheels-only");

    let index = world.index().with_consent(Box::new(|name, version, _| (name, version) == ("onlysource", "1.0")));
    let packages = index.resolve_all(&wanted(), &[], "").unwrap();
    assert_eq!(shown(&packages), ["helper 3.0", "onlysource 1.0"], "what the wheel needs is resolved, too");
    let source = crate::test_wheels::digest(&world.folder.path().join("onlysource-1.0.tar.gz"));
    assert_eq!(packages[1].extra.get(EXTRA_BUILT_FROM), Some(&source.to_string()));
    assert_eq!(packages[0].extra.get(EXTRA_BUILT_FROM), None);
    let (file, _) = index.package(&packages[1]).unwrap();
    let (_, blobs) =
        silver_pack::archive::open(&file.path, silver_pack::archive::Strictness::Any, &silver_pack::limits::Limits::default())
            .unwrap();
    let mut seen = String::new();
    std::io::Read::read_to_string(
        &mut silver_pack::snapshot::Blobs::open(&blobs, &silver_pack::hash::sha256(b"['cut off']")).unwrap(),
        &mut seen,
    )
    .unwrap();
    assert_eq!(seen, "['cut off']");

    // a wheel that was built before is found again, and nobody is asked
    let again = world.index().with_built(&[(file, source)]).unwrap();
    let found = again.resolve_all(&wanted(), &[], "").unwrap();
    assert_eq!(found, packages);
}

#[test]
fn a_source_package_that_cannot_be_built_says_why() {
    let world = World::new();
    fs::write(world.folder.path().join("onlysource-1.0.tar.gz"), "no gzip").unwrap();
    let index = world.index().with_consent(Box::new(|_, _, _| true));
    let (code, message) = refusal(index.resolve_all(&want("onlysource", ""), &[], "").unwrap_err());
    assert!(code == "not-built" && message.contains("onlysource-1.0.tar.gz"), "{message}");
}
