//! The customizer on the host's own trees.

use silver_pack::{overlay::Draft, snapshot::Snapshot};
use silver_plugin::{
    Diagnostic, Tree, TreePath,
    customizer::{Customizer, Options},
};
use std::{fs, io::Write, path::Path};
use tempfile::TempDir;
use trac_customizer::TracCustomizer;

/// A directory with these files.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

fn wheel(entry_points: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("x-1.dist-info/entry_points.txt", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(entry_points.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

/// The pack as it lies in the repository, with the names of its wheels.
fn pack() -> Snapshot {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ini = fs::read(source.join("env/conf/silver.ini")).unwrap();
    let header = fs::read(source.join("env/templates/site_header.html")).unwrap();
    let dir = directory(&[
        ("env/conf/silver.ini", &ini),
        ("env/templates/site_header.html", &header),
        ("plugins/options/acct_mgr.ini", &fs::read(source.join("plugins/options/acct_mgr.ini")).unwrap()),
        ("wheels/trac-1.6-py3-none-any.whl", b""),
    ]);
    Snapshot::capture(dir.path()).unwrap()
}

fn merge(files: &[(&str, &[u8])]) -> (Snapshot, Vec<Diagnostic>) {
    let (pack, dir) = (pack(), directory(files));
    let customization = Snapshot::capture(dir.path()).unwrap();
    let options = Options { target: "linux-x86_64-gnu2.36-cp311".into(), ..Options::default() };
    let mut draft = Draft::new(&pack);
    let findings = TracCustomizer.merge(&pack, &customization, &mut draft, &options).unwrap();
    assert_eq!(findings, TracCustomizer.check(&pack, &customization, &options).unwrap(), "check and merge agree");
    (draft.finish().0, findings)
}

fn read(tree: &Snapshot, path: &str) -> String {
    tree.read_text(&TreePath::new(path).unwrap()).unwrap()
}

#[test]
fn everything_finds_its_place() {
    let plugin = wheel("[trac.plugins]\na = acct_mgr.api\n");
    let (tree, findings) = merge(&[
        ("templates/site_header.html", b"mine"),
        ("htdocs/img/logo.svg", b"<svg/>"),
        ("plugins/hello.py", b"x = 1"),
        ("plugins/TracAccountManager-0.6.0-py2.py3-none-any.whl", &plugin),
        ("trac.ini", b"[ticket]\ndefault_type = task\n[components]\nacct_mgr.register.* = disabled\n"),
    ]);
    assert_eq!(findings, []);
    assert_eq!(read(&tree, "env/templates/site_header.html"), "mine");
    assert_eq!(read(&tree, "env/htdocs/img/logo.svg"), "<svg/>");
    assert_eq!(read(&tree, "env/plugins/hello.py"), "x = 1");
    assert!(tree.stat(&TreePath::new("wheels/TracAccountManager-0.6.0-py2.py3-none-any.whl").unwrap()).is_some());
    let ini = read(&tree, "env/conf/silver.ini");
    assert!(ini.starts_with("# "), "the pack's comment stays");
    let expected = "
[components]
acct_mgr.* = enabled
trac.web.auth.LoginModule = disabled
acct_mgr.register.* = disabled

[account-manager]
password_store = SessionStore
auth_init = disabled

[ticket]
default_type = task
";
    assert!(ini.ends_with(expected), "{ini}");
}

#[test]
fn an_empty_customization_changes_nothing() {
    let (tree, findings) = merge(&[]);
    assert_eq!(findings, []);
    assert_eq!(tree.digest(), pack().digest());
}

#[test]
fn each_mistake_is_found_and_nothing_is_merged() {
    let fine = wheel("");
    for (code, file, content) in [
        ("wheel-name", "plugins/odd.whl", fine.as_slice()),
        ("wheel-platform", "plugins/a-1-cp310-cp310-win_amd64.whl", &fine),
        ("wheel-twice", "plugins/Trac-1.5-py3-none-any.whl", &fine),
        ("wheel-damaged", "plugins/a-1-py3-none-any.whl", b"not a wheel"),
        ("trac-ini-syntax", "trac.ini", b"what is this\n"),
        ("trac-owned-option", "trac.ini", b"[trac]\nbase_url = https://example.org\n"),
        ("secret-in-tree", "trac.ini", b"[notification]\nsmtp_password = hush\n"),
    ] {
        let (tree, findings) = merge(&[(file, content), ("htdocs/x", b"")]);
        assert_eq!(findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), [code], "{file}");
        assert_eq!(findings[0].at.as_ref().map(|at| at.path.to_string()).as_deref(), Some(file));
        assert_eq!(tree.digest(), pack().digest(), "{code}");
    }
}

#[test]
fn a_template_of_the_old_kind_is_a_warning() {
    let (_, findings) = merge(&[("templates/site.html", b"")]);
    assert_eq!(findings[0].code, "trac-genshi-template");
}

#[test]
fn the_example_merges_without_findings() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../example");
    let customization = Snapshot::capture(&example).unwrap();
    assert_eq!(TracCustomizer.check(&pack(), &customization, &Options::default()).unwrap(), []);
}
