use super::*;
use crate::fake::{FakeApps, release};
use silver_pack::{
    hash,
    listing::{Kind, Listing, Node},
};
use silver_plugin_api::plan::{EnvironmentSpec, StateNature, StatePath};
use std::os::unix::fs::PermissionsExt;

const LABEL: &str = "shop.20261122_1";

struct Home {
    _dir: tempfile::TempDir,
    dirs: Dirs,
    store: Arc<Store>,
    apps: FakeApps,
}

fn home() -> Home {
    home_with(Dirs::below)
}

fn home_with(dirs: fn(&Path) -> Dirs) -> Home {
    let dir = tempfile::tempdir().unwrap();
    let dirs = dirs(dir.path());
    make_dir(&dirs.data).unwrap();
    let (store, apps) = (Arc::new(Store::open(&dirs).unwrap()), FakeApps::new(&dirs, &[]));
    Home { _dir: dir, dirs, store, apps }
}

const FILES: [(&str, Kind, &str); 5] = [
    ("env/bin/run", Kind::Executable, "#!/bin/sh\n"),
    ("env/conf/base.ini", Kind::File, "[shop]\n"),
    ("env/htdocs/a/b.css", Kind::File, "b"),
    ("env/htdocs/latest", Kind::Link, "a/b.css"),
    ("pack.toml", Kind::File, ""),
];

/// Keeps a tree; an order for it.
fn order(home: &Home, environment: Option<EnvironmentSpec>) -> Order {
    let mut listing = Listing::new();
    for (name, kind, content) in FILES {
        let digest = home.store.registry().objects().put_bytes(content.as_bytes()).unwrap();
        listing.insert(TreePath::new(name).unwrap(), Node { kind, size: content.len() as u64, digest }).unwrap();
    }
    let mut value = release("1.0.0");
    value.tree = home.store.put_tree(&listing).unwrap();
    value.environment = environment;
    value.state = vec![state("db", true, None), state("conf/shop.ini", false, Some("conf/base.ini"))];
    Order { app: "shop".into(), label: LABEL.into(), release: Arc::new(value), secrets: vec![("key".into(), "value".into())] }
}

fn state(at: &str, directory: bool, seed: Option<&str>) -> StatePath {
    StatePath {
        path: TreePath::new(at).unwrap(),
        nature: StateNature::Data,
        directory,
        seed: seed.map(|seed| TreePath::new(seed).unwrap()),
        backup: true,
        owned: None,
        set: Vec::new(),
        serve: None,
    }
}

async fn staged(home: &Home, order: &Order, cancel: watch::Receiver<bool>) -> Result<(), StageError> {
    let Home { dirs, store, apps, .. } = home;
    stage(Means { dirs, store, apps, path: "/usr/bin:/bin", brought: None, feed: &Arc::default(), cancel }, order).await
}

async fn stage_now(home: &Home, order: &Order) -> Result<(), StageError> {
    let (_wanted, cancel) = watch::channel(false);
    staged(home, order, cancel).await
}

/// No release, no environment, nothing half, and the trash is empty.
fn assert_nothing(home: &Home) {
    let leftovers = |dir: &Path| fs::read_dir(dir).map_or(0, Iterator::count);
    assert_eq!(leftovers(&home.dirs.releases("shop")), 0);
    assert_eq!(leftovers(&home.dirs.environments()), 0);
    assert_eq!(leftovers(&home.dirs.trash()), 0);
}

fn sh(script: &str) -> EnvironmentSpec {
    EnvironmentSpec {
        id: hash::sha256(script.as_bytes()),
        kind: "test".into(),
        interpreter: "sh".into(),
        build: vec![vec!["/bin/sh".into(), "-c".into(), script.into(), "${SILVER_ENV_DIR}".into(), "${SILVER_TREE_DIR}".into()]],
        bin: "bin".into(),
    }
}

#[tokio::test]
async fn a_release_is_the_tree_and_a_view_of_tree_and_data() {
    let home = home();
    let order = order(&home, None);
    stage_now(&home, &order).await.unwrap();
    let tree = home.dirs.tree("shop", LABEL);
    assert_eq!(crate::observe::digest_of(&tree).unwrap(), Some(order.release.tree));
    let mode = |name: &str| fs::metadata(tree.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("env/bin/run"), mode("pack.toml")), (0o555, 0o444));

    let view = home.dirs.instance("shop", LABEL);
    assert!(fs::symlink_metadata(view.join("bin")).unwrap().is_symlink(), "a directory of the tree is one link");
    assert!(fs::symlink_metadata(view.join("conf")).unwrap().is_dir(), "one with something else in it is real");
    assert_eq!(fs::read_to_string(view.join("htdocs/latest")).unwrap(), "b");
    assert_eq!(fs::read_to_string(view.join("conf/base.ini")).unwrap(), "[shop]\n");

    let placed = Placed { label: LABEL.into(), release: Arc::clone(&order.release), locations: Vec::new() };
    crate::data::make(&home.dirs, &placed).unwrap();
    assert_eq!(fs::read_to_string(view.join("conf/shop.ini")).unwrap(), "[shop]\n", "seeded");
    fs::write(view.join("conf/shop.ini"), "changed").unwrap();
    fs::write(view.join("db/rows"), "row").unwrap();
    crate::data::make(&home.dirs, &placed).unwrap();
    let data = home.dirs.data("shop");
    assert_eq!(fs::read_to_string(data.join("conf/shop.ini")).unwrap(), "changed", "a seed is copied once");
    assert_eq!(fs::read_to_string(data.join("db/rows")).unwrap(), "row");
    assert_eq!(home.apps.calls(), [format!("given {LABEL} 1")]);
}

#[tokio::test]
async fn what_a_killed_agent_left_is_replaced() {
    let home = home();
    let order = order(&home, Some(sh("cp $1/pack.toml $0/made; mkdir $0/bin")));
    let spec = order.release.environment.as_ref().unwrap();
    let leftovers = [
        home.dirs.releases("shop").join(format!(".{LABEL}.new/tree/env")),
        home.dirs.release("shop", LABEL).join("tree/stale"),
        home.dirs.environment(&spec.id).join("half"),
    ];
    for leftover in &leftovers {
        fs::create_dir_all(leftover).unwrap();
    }
    stage_now(&home, &order).await.unwrap();
    for leftover in &leftovers {
        assert!(!leftover.exists(), "{}", leftover.display());
    }
    assert_eq!(crate::observe::digest_of(&home.dirs.tree("shop", LABEL)).unwrap(), Some(order.release.tree));
    let environment = home.dirs.environment(&spec.id);
    assert!(environment.join(".complete").is_file() && environment.join("made").is_file());
    // a second release with the same inputs uses it as it is
    fs::write(environment.join("mark"), "").unwrap();
    stage_now(&home, &Order { label: "shop.20261122_2".into(), ..order }).await.unwrap();
    assert!(environment.join("mark").exists());
}

#[tokio::test]
async fn a_content_that_is_not_what_the_tree_says_is_an_error_and_nothing_stays() {
    let home = home();
    let order = order(&home, None);
    let hex = hash::sha256(b"[shop]\n").hex();
    let blob = home.dirs.registry().join("objects/loose").join(&hex[..2]).join(&hex[2..]);
    for altered in ["[Shop]\n", "[shop]\nlonger", ""] {
        fs::remove_file(&blob).unwrap();
        fs::write(&blob, altered).unwrap();
        let error = stage_now(&home, &order).await.unwrap_err();
        assert!(matches!(&error, StageError::Content { path, .. } if path.as_str() == "env/conf/base.ini"), "{error}");
        assert_nothing(&home);
    }
    fs::remove_file(&blob).unwrap();
    let error = stage_now(&home, &order).await.unwrap_err();
    assert!(matches!(&error, StageError::Store(_)), "{error}");
    assert_nothing(&home);
}

#[tokio::test]
async fn an_environment_that_cannot_be_built_says_why_and_nothing_stays() {
    let home = home();
    let order = order(&home, Some(sh("echo one; echo two >&2; touch $0/half; exit 3")));
    let error = stage_now(&home, &order).await.unwrap_err();
    let StageError::Environment(EnvironmentError::Command { how, mut log, .. }) = error else { panic!("{error}") };
    log.sort();
    assert_eq!((how.as_str(), log), ("ended with exit status: 3", vec!["one".to_owned(), "two".into()]));
    assert_nothing(&home);
}

#[tokio::test]
async fn staging_is_given_up_when_nobody_wants_it() {
    let home = home();
    let order = order(&home, Some(sh("echo $$; sleep 1000")));
    let (wanted, cancel) = watch::channel(false);
    let (result, ()) = tokio::join!(staged(&home, &order, cancel), async {
        while !home.dirs.environments().exists() {
            tokio::task::yield_now().await;
        }
        wanted.send_replace(true);
    });
    assert!(matches!(result, Err(StageError::GivenUp | StageError::Environment(EnvironmentError::GivenUp))));
    assert_nothing(&home);
}

#[tokio::test]
async fn labels_and_apps_are_judged() {
    let home = home();
    let good = order(&home, None);
    for (label, app) in [("shop.1", "shop"), ("../x.20261122_1", "shop"), ("other.20261122_1", "other")] {
        let order = Order { label: label.into(), app: app.into(), ..good.clone() };
        assert!(matches!(stage_now(&home, &order).await, Err(StageError::Name(_) | StageError::OtherApp { .. })), "{label}");
    }
    let file = state::AppFile { app: "shop".into(), current: Some(LABEL.into()), ..Default::default() };
    state::save(&home.dirs, &file).unwrap();
    assert!(matches!(stage_now(&home, &good).await, Err(StageError::Taken(label)) if label == LABEL));
}

/// The disk is full at some file: the store cannot be made to say so, so its place is taken.
#[test]
fn a_full_disk_is_told_as_such() {
    struct Full;
    impl silver_pack::snapshot::Blobs for Full {
        fn open(&self, _digest: &Digest) -> std::io::Result<Box<dyn std::io::Read + Send + '_>> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut listing = Listing::new();
    listing.insert(TreePath::new("a").unwrap(), Node { kind: Kind::File, size: 1, digest: hash::sha256(b"a") }).unwrap();
    let error = tree::write(&listing, &Full, &dir.path().join("tree"), How::Copy, &|_, _| {}, &|| false).unwrap_err();
    assert!(error.is_full(), "{error}");
}

#[test]
fn shared_files_are_made_once_linked_and_copied_where_links_are_refused() {
    use silver_pack::snapshot::MemoryBlobs;
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (name, kind, content) in [("a", Kind::File, "same"), ("b", Kind::File, "same"), ("run", Kind::Executable, "same")] {
        let node = Node { kind, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
        listing.insert(TreePath::new(name).unwrap(), node).unwrap();
    }
    let store = dir.path().join("store");
    let shared = shared::Shared::new(&store).unwrap();
    let (first, again) = (dir.path().join("first"), dir.path().join("again"));
    tree::write(&listing, &blobs, &first, How::Link(&shared), &|_, _| {}, &|| false).unwrap();
    // the second time nobody asks where the bytes come from
    tree::write(&listing, &MemoryBlobs::new(), &again, How::Link(&shared), &|_, _| {}, &|| false).unwrap();
    let meta = |tree: &Path, name: &str| fs::metadata(tree.join(name)).unwrap();
    assert_eq!(meta(&first, "a").ino(), meta(&again, "b").ino(), "one file for all");
    assert_ne!(meta(&first, "a").ino(), meta(&first, "run").ino(), "but for the executable one");
    assert_eq!((meta(&again, "a").mode() & 0o777, meta(&again, "run").mode() & 0o777), (0o444, 0o555));
    assert_eq!(crate::observe::digest_of(&again).unwrap(), Some(listing.digest()));
    // a copy from the shared files
    shared.publish().unwrap();
    let shared = shared::Shared::new(&store).unwrap();
    let copied = dir.path().join("copied");
    tree::write(&listing, &shared, &copied, How::Copy, &|_, _| {}, &|| false).unwrap();
    assert_eq!(meta(&copied, "a").nlink(), 1);

    // another content under the name is found by whoever copies
    let file = fs::canonicalize(first.join("a")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "evil").unwrap();
    let error = tree::write(&listing, &shared, &dir.path().join("evil"), How::Copy, &|_, _| {}, &|| false).unwrap_err();
    assert!(matches!(error, StageError::Content { .. }), "{error}");
}

#[tokio::test]
async fn what_came_with_a_pack_is_not_made_again() {
    let home = home_with(Dirs::server_below);
    let order = order(&home, None);
    let tree = home.dirs.tree("shop", LABEL);
    let brought = Brought::begin(&home.dirs).await.unwrap();
    assert!(nobody_stages(&home.dirs).unwrap().is_none(), "what it has is not pruned");
    for (_, _, content) in FILES {
        brought.keep(&hash::sha256(content.as_bytes()), content.as_bytes());
    }
    brought.keep(&hash::sha256(b"in no tree"), b"in no tree");
    // contents that nobody can read any more: only what was brought has them
    let loose = home.dirs.registry().join("objects/loose");
    let gone = |entry: walkdir::Result<walkdir::DirEntry>| entry.ok().filter(|entry| entry.file_type().is_file());
    let link = hash::sha256(b"a/b.css").hex();
    for file in walkdir::WalkDir::new(&loose).into_iter().filter_map(gone) {
        if !link.ends_with(file.file_name().to_str().unwrap()) {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let Home { dirs, store, apps, .. } = &home;
    let (_wanted, cancel) = watch::channel(false);
    let brought = Some(Arc::new(brought));
    stage(Means { dirs, store, apps, path: "/usr/bin:/bin", brought, feed: &Arc::default(), cancel }, &order).await.unwrap();
    assert_eq!(crate::observe::digest_of(&tree).unwrap(), Some(order.release.tree));
    let meta = |name: &str| fs::metadata(tree.join(name)).unwrap();
    let mode = |name: &str| meta(name).permissions().mode() & 0o777;
    assert_eq!((mode("env/bin/run"), mode("pack.toml")), (0o555, 0o444));
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&meta("pack.toml")), 2, "it is shared from now on");
    // and nothing is left of what no release has
    let unfinished = fs::read_dir(home.dirs.store())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with('.'));
    assert_eq!(unfinished.count(), 0);
    assert!(nobody_stages(&home.dirs).unwrap().is_some());
}
