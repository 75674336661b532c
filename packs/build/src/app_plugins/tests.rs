use super::*;
use silver_pack::{
    hash,
    listing::{Kind, Listing, Node},
    snapshot::MemoryBlobs,
};
use silver_plugin_api::{Tree, index::Index};
use std::{cell::RefCell, sync::Arc};
use tempfile::TempDir;

/// An index of single files: `NAME VERSION TARGETS`, whose content is its own row.
struct Fake {
    rows: Vec<&'static str>,
    downloads: TempDir,
    asked: RefCell<Vec<String>>,
}

impl Fake {
    fn new(rows: &[&'static str]) -> Self {
        Self { rows: rows.to_vec(), downloads: tempfile::tempdir().unwrap(), asked: RefCell::default() }
    }
}

impl Index for Fake {
    fn search(&self, _: &str, _: u32) -> Result<Vec<PackageRef>, Failure> {
        Ok(Vec::new())
    }

    fn versions(&self, _: &str) -> Result<Vec<PackageRef>, Failure> {
        Ok(Vec::new())
    }

    fn resolve_all(&self, wanted: &[Requirement], _: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        let words: Vec<String> = wanted.iter().map(|wanted| format!("{}{}", wanted.name, wanted.versions)).collect();
        self.asked.borrow_mut().push(format!("{} for {target}", words.join(" ")));
        let mut found = Vec::new();
        for wanted in wanted {
            let fits = |row: &&&str| {
                let parts: Vec<&str> = row.split(' ').collect();
                let version = wanted.versions.strip_prefix("==").is_none_or(|version| version == parts[1]);
                parts[0] == wanted.name && version && (parts[2] == "any" || target.contains(parts[2]))
            };
            let row = self.rows.iter().find(fits).ok_or_else(|| Failure::invalid("no-version", wanted.name.clone(), None))?;
            let parts: Vec<&str> = row.split(' ').collect();
            let digest = hash::sha256(row.as_bytes());
            found.push(PackageRef { digest, ..reference(&locked(parts[0], parts[1], "any")) });
        }
        Ok(found)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        Ok(Box::new(self.package(what)?.1.tree))
    }
}

impl PackageIndex for Fake {
    fn kind(&self) -> IndexKind {
        IndexKind::Python
    }

    fn file(&self, what: &PackageRef) -> Result<Stored, Failure> {
        let row = self.rows.iter().find(|row| hash::sha256(row.as_bytes()) == what.digest);
        let row = row.ok_or_else(|| Failure::Unavailable("the index is away".into()))?;
        let file = TreePath::new(&format!("{}.whl", row.replace(' ', "-"))).unwrap();
        Ok(store(self.downloads.path(), IndexKind::Python).put(&file, row.as_bytes()).unwrap())
    }
}

fn locked(name: &str, version: &str, target: &str) -> LockedPlugin {
    LockedPlugin {
        index: IndexKind::Python,
        name: name.into(),
        version: version.into(),
        target: target.into(),
        path: TreePath::new(&format!("plugins/{name}-{version}-any.whl")).unwrap(),
        digest: hash::sha256(format!("{name} {version} any").as_bytes()),
        requested: true,
        file: None,
        tree: None,
        built_from: None,
    }
}

const HERE: &str = "linux-x86_64-gnu2.36-cp311";
const THERE: &str = "linux-aarch64-gnu2.36-cp311";

fn run(index: &Fake, plugins: &[&str], locked: &[LockedPlugin], upgrade: bool, target: &str) -> Result<Vec<String>, Failure> {
    let plugins: Vec<AppPluginWanted> = plugins.iter().map(|text| text.parse().unwrap()).collect();
    let wanted = Wanted { plugins: &plugins, into: TreePath::new("plugins").unwrap(), locked, upgrade };
    let rows = resolve(index, &wanted, &target.parse().unwrap())?;
    Ok(rows.iter().map(|row| format!("{} {} {} {}", row.name, row.version, row.target, row.path)).collect())
}

#[test]
fn each_platform_has_its_own_row_of_the_same_version() {
    let index = Fake::new(&["a 2 x86_64", "a 1 x86_64", "a 1 aarch64"]);
    let here = run(&index, &["a==1"], &[], false, HERE).unwrap();
    assert_eq!(here, [format!("a 1 {HERE} plugins/a-1-x86_64.whl")]);
    // nobody said which version, and the one that is locked elsewhere is taken
    let there = run(&index, &["a"], &[locked("a", "1", HERE)], false, THERE).unwrap();
    assert_eq!(there, [format!("a 1 {THERE} plugins/a-1-aarch64.whl")]);
    let error = run(&index, &["a==2"], &[], false, THERE).unwrap_err();
    assert!(matches!(&error, Failure::Invalid(list) if list[0].message.contains(THERE)), "{error}");
}

#[test]
fn what_is_locked_stays_until_an_upgrade_is_asked_for() {
    let index = Fake::new(&["a 2 any", "a 1 any", "b 5 any"]);
    let old = [locked("a", "1", HERE)];
    assert_eq!(run(&index, &["a"], &old, false, HERE).unwrap(), [format!("a 1 {HERE} plugins/a-1-any.whl")]);
    assert_eq!(*index.asked.borrow(), [""; 0], "nothing is asked when all is locked");
    // something is wanted besides
    let both = run(&index, &["a", "b"], &old, false, HERE).unwrap();
    assert!(both[0].starts_with("a 1 ") && both[1].starts_with("b 5 "), "{both:?}");
    assert!(run(&index, &["a"], &old, true, HERE).unwrap()[0].starts_with("a 2 "));
    assert!(run(&index, &["a==2"], &old, false, HERE).unwrap()[0].starts_with("a 2 "));
    assert_eq!(run(&index, &[], &old, false, HERE).unwrap(), [""; 0], "nothing is wanted any more");
    // the locked version is gone, and another one fits
    assert!(run(&Fake::new(&["a 3 any"]), &["a", "b"], &old, false, HERE).is_err());
    assert!(run(&Fake::new(&["a 3 any", "b 5 any"]), &["a", "b"], &old, false, HERE).unwrap()[0].starts_with("a 3 "));
    // what lies in the customization by hand is not looked for
    assert_eq!(run(&index, &["hand"], &[locked("hand", "1", "any")], false, HERE).unwrap(), [""; 0]);
}

fn files(files: &[(&str, &str)]) -> Snapshot {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (path, content) in files {
        let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
        listing.insert(TreePath::new(path).unwrap(), node).unwrap();
    }
    Snapshot::new(listing, Arc::new(blobs))
}

#[test]
fn vendored_files_need_no_index_and_are_checked() {
    let row = locked("a", "1", HERE);
    let closed = |_: IndexKind| -> Result<Box<dyn PackageIndex>, Failure> { Err(Failure::Unavailable("away".into())) };
    let dir = tempfile::tempdir().unwrap();
    let none = bring(&row, &Snapshot::empty(), dir.path(), &closed).unwrap_err();
    assert_eq!(none, Failure::Unavailable("away".into()));
    let wrong = files(&[("app-plugins/python/a-1-any.whl", "other")]);
    let error = bring(&row, &wrong, dir.path(), &closed).unwrap_err();
    assert!(matches!(&error, Failure::Invalid(list) if list[0].code == "other-digest"), "{error}");

    let good = files(&[("app-plugins/python/a-1-any.whl", "a 1 any")]);
    let package = bring_tree(&row, &good, dir.path(), &closed).unwrap();
    assert!(!package.unpacked && package.tree.listing().len() == 1);
    // from the cache
    assert!(bring(&row, &Snapshot::empty(), dir.path(), &closed).is_ok());

    let other_tree = LockedPlugin { tree: Some(row.digest), ..row.clone() };
    assert!(matches!(bring_tree(&other_tree, &good, dir.path(), &closed), Err(Failure::Invalid(_))));
    let built = LockedPlugin { built_from: Some(row.digest), digest: hash::sha256(b"built"), ..row };
    let error = bring(&built, &good, dir.path(), &closed).unwrap_err();
    assert!(matches!(&error, Failure::Invalid(list) if list[0].code == "other-digest"), "{error}");
    let error = bring(&built, &Snapshot::empty(), dir.path(), &closed).unwrap_err();
    assert!(matches!(&error, Failure::Invalid(list) if list[0].code == "built-is-gone"), "{error}");
}
