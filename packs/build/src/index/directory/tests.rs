use super::*;
use crate::build::{Options, build_pack};
use silver_pack::signature::{SecretKey, SignatureFile};
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};
use tempfile::TempDir;

/// A directory of packages, and a pack that takes app plugins from such a one.
struct World {
    folder: TempDir,
    work: TempDir,
    pack: Pack,
}

impl World {
    fn new() -> Self {
        Self::with("")
    }

    /// More below `[index.directory]`.
    fn with(more: &str) -> Self {
        let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = work.path().join("source");
        fs::create_dir(&source).unwrap();
        let manifest = format!(
            "format = 1\n[pack]\nid = \"org.example.app\"\nname = \"app\"\nversion = \"1.0.0\"\n[runtime]\nkind = \"static\"\n[index.directory]\nlist = \"known.json\"\n{more}\n"
        );
        fs::write(source.join("pack.toml"), manifest).unwrap();
        fs::write(source.join("known.json"), r#"[{"name":"dark","summary":"a theme"}]"#).unwrap();
        let options = Options { downloads: Some(work.path().join("downloads")), vcs: false, ..Options::default() };
        let pack = build_pack(&source, work.path(), &options).unwrap().pack;
        let world = Self { folder, work, pack };
        world.publish(&[("dark-1.0.py", "1.0"), ("dark-1.10.py", "1.10"), ("dark-1.9.py", "1.9"), ("light-2.py", "2")]);
        world
    }

    fn publish(&self, files: &[(&str, &str)]) {
        let mut list = String::new();
        for (name, content) in files {
            fs::write(self.folder.path().join(name), content).unwrap();
            writeln!(list, "{}  {name}", hash::sha256(content.as_bytes()).hex()).unwrap();
        }
        fs::write(self.folder.path().join(LIST), list).unwrap();
    }

    fn index(&self) -> DirectoryIndex {
        self.at(Place::Folder(self.folder.path().to_owned()))
    }

    fn at(&self, place: Place) -> DirectoryIndex {
        DirectoryIndex::new(&self.pack, Some(place), &self.work.path().join("cache")).unwrap()
    }

    /// Serves the folder; the address.
    fn serve(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let folder = self.folder.path().to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let mut header = String::new();
                while stream.read_line(&mut header).unwrap() > 2 {
                    header.clear();
                }
                let name = line.split(' ').nth(1).unwrap_or_default().trim_start_matches("/packages/").to_owned();
                let (status, body) = fs::read(folder.join(name)).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                stream.get_mut().write_all(&[head.into_bytes(), body].concat()).unwrap();
            }
        });
        format!("http://{address}/packages/")
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_random([seed; 8], &[seed; 32])
}

fn want(list: &[&str]) -> Vec<Requirement> {
    list.iter()
        .map(|text| {
            let (name, version) =
                text.split_once("==").map_or((*text, String::new()), |(name, version)| (name, format!("=={version}")));
            Requirement::new(name, version)
        })
        .collect()
}

fn shown(packages: &[PackageRef]) -> Vec<String> {
    packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

fn content(index: &DirectoryIndex, package: &PackageRef) -> String {
    let tree = index.fetch(package).unwrap();
    let files = tree.list(&TreePath::root(), None, 10).unwrap();
    assert_eq!(files.len(), 1);
    tree.read_text(&files[0].path).unwrap()
}

fn refusal(failure: Failure) -> (String, String) {
    match failure {
        Failure::Invalid(findings) => (findings[0].code.clone(), findings[0].message.clone()),
        other => (String::new(), other.to_string()),
    }
}

#[test]
fn a_folder_and_a_web_server_give_the_same() {
    let world = World::new();
    for index in [world.index(), world.at(Place::Url(world.serve()))] {
        let packages = index.resolve_all(&want(&["light", "dark"]), &[], "").unwrap();
        assert_eq!(shown(&packages), ["dark 1.10", "light 2"]);
        assert_eq!(content(&index, &packages[0]), "1.10");
        assert_eq!(shown(&index.versions("dark").unwrap()), ["dark 1.10", "dark 1.9", "dark 1.0"]);
        assert_eq!(shown(&index.resolve_all(&want(&["dark==1.9"]), &[], "").unwrap()), ["dark 1.9"]);
        assert_eq!(index.search("theme", 9).unwrap()[0].name, "dark");
        fs::remove_dir_all(world.work.path().join("cache")).unwrap();
    }
}

#[test]
fn what_cannot_be_had_says_why() {
    let world = World::new();
    let index = world.index();
    let refused = |list: &[&str], pins: &[&str]| refusal(index.resolve_all(&want(list), &want(pins), "").unwrap_err());
    assert!(refused(&["dork"], &[]).1.contains("did you mean `dark`"));
    let (code, message) = refused(&["dark==7"], &[]);
    assert!(code == "no-version" && message.contains("1.10, 1.9, 1.0"), "{message}");
    let (code, message) = refused(&["dark"], &["dark==1.0"]);
    assert!(code == "conflict" && message.contains("dark==1.10") && message.contains("dark==1.0"), "{message}");
    let (code, message) = refused(&["dark==1.0", "dark==1.9"], &[]);
    assert!(code == "conflict" && message.contains("dark==1.0") && message.contains("dark==1.9"), "{message}");
    // what the pack has is not given
    assert_eq!(index.resolve_all(&want(&["dark==1.0"]), &want(&["dark==1.0"]), "").unwrap(), []);
    let odd = [Requirement::new("dark", ">=1")];
    assert_eq!(refusal(index.resolve_all(&odd, &[], "").unwrap_err()).0, "bad-versions");
    fs::write(world.folder.path().join(LIST), "nonsense\n").unwrap();
    assert_eq!(refusal(world.index().versions("dark").unwrap_err()).0, "bad-index");
}

#[test]
fn one_that_cannot_be_reached_is_unavailable() {
    let world = World::new();
    // nothing listens on port 1
    for (place, told) in [
        (Place::Url("http://127.0.0.1:1/packages".into()), "cannot be reached"),
        (Place::Url(format!("{}nowhere", world.serve())), "is not there"),
        (Place::Folder(world.work.path().join("nowhere")), "cannot be read"),
    ] {
        let error = world.at(place).versions("dark").unwrap_err();
        assert!(matches!(&error, Failure::Unavailable(text) if text.contains(told)), "{error}");
    }
    assert!(matches!(DirectoryIndex::new(&world.pack, None, world.work.path()), Err(IndexError::NoPlace(_))));
}

#[test]
fn another_file_than_the_list_says_is_refused_and_not_kept() {
    let world = World::new();
    let package = world.index().resolve_all(&want(&["light"]), &[], "").unwrap().remove(0);
    fs::write(world.folder.path().join("light-2.py"), "other").unwrap();
    for _ in 0..2 {
        let (code, message) = refusal(world.index().fetch(&package).err().unwrap());
        assert!(code == "other-digest" && message.contains("light"), "{message}");
    }
    // the list was changed as well
    world.publish(&[("light-2.py", "other")]);
    assert_eq!(refusal(world.index().fetch(&package).err().unwrap()).0, "other-digest");
    world.publish(&[("light-2.py", "2")]);
    assert_eq!(content(&world.index(), &package), "2");
    // from now on without the index
    fs::remove_dir_all(world.folder.path()).unwrap();
    assert_eq!(content(&world.index(), &package), "2");
    fs::create_dir(world.folder.path()).unwrap();
}

/// What `minisign -S -m SHA256SUMS` writes with this key.
fn sign(seed: u8, list: &[u8]) -> String {
    SignatureFile::make(&key(seed), "signature from minisign secret key", "timestamp:1\tfile:SHA256SUMS\thashed", list)
        .to_string()
}

#[test]
fn where_a_key_is_named_the_list_is_believed_only_with_its_signature() {
    let world = World::with(&format!("key = \"{}\"", key(1).public()));
    let list = fs::read(world.folder.path().join(LIST)).unwrap();
    let good = sign(1, &list);
    let lines: Vec<&str> = good.lines().collect();
    let with = |at: usize, text: &str| {
        let mut lines = lines.clone();
        lines[at] = text;
        lines.join("\n").into_bytes()
    };
    let other = sign(2, &list);
    // the same eight bytes of name
    let namesake = SecretKey::from_random([1; 8], &[9; 32]);
    let namesake = SignatureFile::make(&namesake, "", "", &list).to_string();
    let legacy = with(1, &lines[1].replacen("RU", "RW", 1));
    let longer = [good.as_bytes(), b"\n"].concat();
    let (absent, odd, wrong) = ("is missing", "is not believed", "is not the signature of `SHA256SUMS` by the key");
    let url = world.serve();
    for (what, signature, told) in [
        ("missing", None, absent),
        ("of another key", Some(other.clone().into_bytes()), wrong),
        ("of a namesake", Some(namesake.into_bytes()), wrong),
        ("of another list", Some(sign(1, b"").into_bytes()), wrong),
        ("of a part of the list", Some(sign(1, &list[..list.len() - 1]).into_bytes()), wrong),
        ("another trusted comment", Some(with(2, "trusted comment: timestamp:2\tfile:SHA256SUMS\thashed")), wrong),
        ("another key's comment", Some(with(3, other.lines().nth(3).unwrap())), wrong),
        ("legacy", Some(legacy), "legacy"),
        ("cut after line 3", Some(lines[..3].join("\n").into_bytes()), odd),
        ("cut in the last line", Some(good.as_bytes()[..good.len() - 4].to_vec()), odd),
        ("empty", Some(Vec::new()), odd),
        ("a line more", Some(longer), odd),
        ("not text", Some(vec![0xff; 300]), odd),
        ("very long", Some(vec![b'x'; 1 << 20]), odd),
    ] {
        let path = world.folder.path().join("SHA256SUMS.minisig");
        fs::remove_file(&path).ok();
        if let Some(signature) = signature {
            fs::write(&path, signature).unwrap();
        }
        for place in [Place::Folder(world.folder.path().to_owned()), Place::Url(url.clone())] {
            let Err(Failure::Invalid(found)) = world.at(place).versions("dark") else { panic!("{what} is believed") };
            let finding = &found[0];
            assert!(finding.code == "bad-signature" && finding.message.contains(told), "{what}: {}", finding.message);
            assert!(finding.message.contains("SHA256SUMS.minisig") && finding.help.is_some(), "{what}");
        }
    }
    let path = world.folder.path().join("SHA256SUMS.minisig");
    fs::write(&path, &good).unwrap();
    for place in [Place::Folder(world.folder.path().to_owned()), Place::Url(url)] {
        assert_eq!(shown(&world.at(place).versions("dark").unwrap()), ["dark 1.10", "dark 1.9", "dark 1.0"]);
    }
    // the operator's key takes the place of the pack's
    let index = || world.index().with_key(Some(key(2).public()));
    let (code, message) = refusal(index().versions("dark").unwrap_err());
    assert!(code == "bad-signature" && message.contains("which customize.toml names"), "{message}");
    fs::write(&path, &other).unwrap();
    index().versions("dark").unwrap();
    // a list that is signed well, and is none
    fs::write(world.folder.path().join(LIST), b"\xff\n").unwrap();
    fs::write(&path, sign(1, b"\xff\n")).unwrap();
    assert_eq!(refusal(world.index().versions("dark").unwrap_err()).0, "bad-index");
    // what is known by its digest needs neither
    world.publish(&[("light-2.py", "2")]);
    let list = fs::read(world.folder.path().join(LIST)).unwrap();
    fs::write(&path, sign(1, &list)).unwrap();
    let package = world.index().versions("light").unwrap().remove(0);
    assert_eq!(content(&world.index(), &package), "2");
    fs::remove_file(&path).unwrap();
    assert_eq!(content(&world.index(), &package), "2");
}

#[test]
fn without_a_key_no_signature_is_looked_at() {
    let world = World::new();
    fs::write(world.folder.path().join("SHA256SUMS.minisig"), "nonsense").unwrap();
    world.index().versions("dark").unwrap();
    assert_eq!(refusal(world.index().with_key(Some(key(1).public())).versions("dark").unwrap_err()).0, "bad-signature");
}
