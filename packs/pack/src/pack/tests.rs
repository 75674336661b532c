use super::*;
use crate::{
    hash,
    listing::{Kind, Node},
    signature::{SecretKey, SignatureError},
    snapshot::MemoryBlobs,
};
use std::{collections::BTreeSet, fs};

const MANIFEST: &str = r#"
format = 1
[pack]
id = "org.example.tiny"
name = "tiny"
version = "1.0.0"
summary = "tiny"
[runtime]
kind = "static"
"#;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (name, content) in files {
        let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
        listing.insert(path(name), node).unwrap();
    }
    Snapshot::new(listing, Arc::new(blobs))
}

/// Writes the files as they are, so that `.silver/tree` may lie.
fn open(files: &[(&str, &str)]) -> Result<Pack, PackError> {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("pack.zip");
    archive::write(&snapshot(files), &mut fs::File::create(&at).unwrap()).unwrap();
    Pack::open(&at)
}

fn line(content: &str, name: &str) -> String {
    format!("f {} {} {name}\n", content.len(), hash::sha256(content.as_bytes()).hex())
}

#[test]
fn a_sealed_tree_opens_again() {
    let tree = snapshot(&[("pack.toml", MANIFEST), ("a/b", "content"), ("été.txt", "warm")]);
    let sealed = seal(&tree, Some("{\"sbom\":1}"), Some("{}")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("pack.zip");
    let written = archive::write(&sealed, &mut fs::File::create(&at).unwrap()).unwrap();
    let pack = Pack::open(&at).unwrap();
    assert_eq!(pack.archive(), hash::sha256(&fs::read(&at).unwrap()));
    assert_eq!(pack.archive_size(), written);
    assert_eq!(pack.tree().listing(), tree.listing());
    assert_eq!(pack.tree().text(&path("a/b")).unwrap(), "content");
    assert_eq!(pack.sbom().unwrap().as_deref(), Some("{\"sbom\":1}"));
    assert_eq!(pack.provenance().unwrap().as_deref(), Some("{}"));
    assert_eq!(pack.digest(), hash::sha256(pack.all().text(&path(TREE)).unwrap().as_bytes()));
    assert_eq!(pack.manifest().pack.name.to_string(), "tiny");
}

#[test]
fn a_pack_that_is_known_opens_as_before_and_gives_no_other_content() {
    let content = "content ".repeat(100);
    let sealed = seal(&snapshot(&[("pack.toml", MANIFEST), ("a/b", &content)]), None, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("pack.zip");
    archive::write(&sealed, &mut fs::File::create(&at).unwrap()).unwrap();
    let pack = Pack::open(&at).unwrap();
    let text = pack.layout().to_text();
    let known = || Archive::from_text(&text).unwrap();
    let again = Pack::open_known(&at, known()).unwrap();
    assert_eq!((again.digest(), again.archive(), again.archive_size()), (pack.digest(), pack.archive(), pack.archive_size()));
    assert_eq!(again.all().listing(), pack.all().listing());
    assert_eq!(again.layout().locations(), pack.layout().locations());
    assert_eq!(again.tree().text(&path("a/b")).unwrap(), content);

    // somebody altered the file, and its times lie
    let lies = pack.layout().location(&hash::sha256(content.as_bytes())).unwrap();
    let mut bytes = fs::read(&at).unwrap();
    bytes[usize::try_from(lies.offset).unwrap()] ^= 1;
    fs::write(&at, bytes).unwrap();
    assert!(Pack::open_known(&at, known()).unwrap().tree().text(&path("a/b")).is_err());

    assert!(Archive::from_text(&text.replacen(" 1\"", " 0\"", 1)).is_none(), "of another silver");
    assert!(Archive::from_text(&text[1..]).is_none() && Archive::from_text("").is_none());
}

#[test]
fn the_tree_and_the_content_agree_in_both_directions() {
    let good = line(MANIFEST, "pack.toml");
    open(&[("pack.toml", MANIFEST), (".silver/tree", &good)]).unwrap();
    let error = open(&[("pack.toml", MANIFEST), ("extra", ""), (".silver/tree", &good)]).unwrap_err();
    assert!(matches!(&error, PackError::NotListed { path, .. } if path.as_str() == "extra"), "{error:?}");
    let more = line("x", "a") + &good;
    let error = open(&[("pack.toml", MANIFEST), (".silver/tree", &more)]).unwrap_err();
    assert!(matches!(&error, PackError::NotThere { path, .. } if path.as_str() == "a"), "{error:?}");
    let error = open(&[("pack.toml", MANIFEST), ("a", "y"), (".silver/tree", &more)]).unwrap_err();
    assert!(matches!(&error, PackError::Differs { path, .. } if path.as_str() == "a"), "{error:?}");
    let executable = more.replacen('f', "x", 1);
    let error = open(&[("pack.toml", MANIFEST), ("a", "x"), (".silver/tree", &executable)]).unwrap_err();
    assert!(matches!(&error, PackError::Differs { .. }), "{error:?}");
}

#[test]
fn what_is_no_pack_says_so() {
    let tree = line(MANIFEST, "pack.toml");
    assert!(matches!(open(&[("pack.toml", MANIFEST)]), Err(PackError::NoTree { .. })));
    assert!(matches!(open(&[(".silver/tree", "")]), Err(PackError::NoManifest { .. })));
    assert!(matches!(open(&[("pack.toml", MANIFEST), (".silver/tree", "nonsense")]), Err(PackError::Tree { .. })));
    let reserved = line("", ".silver/more") + &tree;
    let error = open(&[("pack.toml", MANIFEST), (".silver/more", ""), (".silver/tree", &reserved)]).unwrap_err();
    assert!(matches!(error, PackError::Reserved { .. }), "{error:?}");
    let error = open(&[("pack.toml", MANIFEST), (".silver/signature", "x"), (".silver/tree", &tree)]).unwrap_err();
    assert!(matches!(error, PackError::Signature { .. }), "{error:?}");
    let error = open(&[("pack.toml", "format = 2"), (".silver/tree", &line("format = 2", "pack.toml"))]).unwrap_err();
    assert!(matches!(error, PackError::Manifest { .. }), "{error:?}");
    assert!(matches!(Pack::open(Path::new("/nonexistent.zip")), Err(PackError::Archive { .. })));
}

#[test]
fn the_digest_is_that_of_the_content_whoever_signs_it() {
    let at = |sealed: &Snapshot| {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("pack.zip");
        archive::write(sealed, &mut fs::File::create(&at).unwrap()).unwrap();
        Pack::open(&at)
    };
    let sealed = seal(&snapshot(&[("pack.toml", MANIFEST)]), None, None).unwrap();
    let unsigned = at(&sealed).unwrap();
    assert_eq!((unsigned.signature(), unsigned.reference().signature.as_str()), (None, "unsigned"));
    let keys = [1, 2].map(|seed| SecretKey::from_random([seed; 8], &[seed; 32]));
    let info = &unsigned.manifest().pack;
    let subject = Subject { id: &info.id, version: &info.version.to_string(), digest: unsigned.digest() };
    let lines = sealed.text(&own_path(TREE)).unwrap();
    let signed = keys.each_ref().map(|key| signature::sign(key, &subject, lines.as_bytes()));
    let rotations = signature::rotate(&keys[0], &keys[1].public());
    for (signature, rotations, from) in
        [(&signed[0], None, vec![]), (&signed[1], None, vec![]), (&signed[1], Some(&rotations), vec![keys[0].public()])]
    {
        let pack = at(&publish(&sealed, signature, rotations.map(String::as_str)).unwrap()).unwrap();
        assert_eq!(pack.digest(), unsigned.digest());
        assert_eq!(pack.tree().listing(), unsigned.tree().listing());
        assert_eq!(pack.signature().unwrap().rotated_from, from);
        assert!(pack.reference().signature.starts_with("RW"));
    }
    // neither can be among the files that are signed, and neither can be anything but a small file
    let error = at(&publish(&sealed, &signed[0], Some(&rotations)).unwrap()).unwrap_err();
    assert!(matches!(error, PackError::Signature { source: SignatureError::BrokenChain, .. }), "{error:?}");
    let error = at(&publish(&sealed, &"x".repeat(70_000), None).unwrap()).unwrap_err();
    assert!(matches!(error, PackError::NoSignatureFile { .. }) && error.is_integrity(), "{error:?}");
    let listed = seal(&snapshot(&[("pack.toml", MANIFEST), (SIGNATURE, &signed[0])]), None, None).unwrap();
    assert!(matches!(at(&listed), Err(PackError::NotThere { .. })));
}

#[test]
fn plugins_are_those_that_the_manifest_names() {
    let case = |sha256: &str, content: Option<&str>| {
        let manifest =
            format!("{MANIFEST}\n[[plugin]]\nfile = \"plugins/c.wasm\"\nworld = \"customizer-plugin\"\nsha256 = \"{sha256}\"\n");
        let mut files = vec![("pack.toml", manifest.as_str())];
        files.extend(content.map(|content| ("plugins/c.wasm", content)));
        let sealed = seal(&snapshot(&files), None, None).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("pack.zip");
        archive::write(&sealed, &mut fs::File::create(&at).unwrap()).unwrap();
        Pack::open(&at)
    };
    let digest = hash::sha256(b"component").hex();
    case(&digest, Some("component")).unwrap();
    assert!(matches!(case(&digest, Some("other")), Err(PackError::OtherPlugin { .. })));
    assert!(matches!(case(&digest, None), Err(PackError::NoPlugin { .. })));
}

#[test]
fn what_a_pack_shows_about_itself_is_in_it() {
    for field in ["icon", "notes"] {
        for (files, fine) in [(vec!["about/it.md"], true), (vec![], false)] {
            let manifest = MANIFEST.replace("[pack]\n", &format!("[pack]\n{field} = \"about/it.md\"\n"));
            let mut all = vec![("pack.toml", manifest.as_str())];
            all.extend(files.iter().map(|file| (*file, "x")));
            let dir = tempfile::tempdir().unwrap();
            let at = dir.path().join("pack.zip");
            archive::write(&seal(&snapshot(&all), None, None).unwrap(), &mut fs::File::create(&at).unwrap()).unwrap();
            match Pack::open(&at) {
                Ok(_) => assert!(fine, "{field}"),
                Err(error) => assert!(!fine && matches!(error, PackError::NoFile { .. }), "{field}: {error}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_gives_the_identical_tree_or_a_refusal() {
    let tree = snapshot(&[("pack.toml", MANIFEST), ("a/b", "content")]);
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("pack.zip");
    archive::write(&seal(&tree, None, Some("{}")).unwrap(), &mut fs::File::create(&at).unwrap()).unwrap();
    let bytes = fs::read(&at).unwrap();
    let digest = Pack::open(&at).unwrap().digest();
    let mut accepted = BTreeSet::new();
    for place in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        fs::write(&at, flipped).unwrap();
        if let Ok(pack) = Pack::open(&at) {
            assert_eq!((pack.digest(), pack.tree().listing()), (digest, tree.listing()), "bit {place}");
            let field = field(&bytes, place / 8);
            // a deflate stream ends within a byte, whose last bits nobody reads
            let last = bytes[place / 8 + 1..].starts_with(b"PK");
            accepted.insert(if field == "name or content" && last { "content padding" } else { field });
        }
    }
    // what nobody reads; all else is found out, headers that mean nothing to a tree included
    assert_eq!(accepted.into_iter().collect::<Vec<_>>(), ["content padding"]);
}

#[test]
fn a_pack_that_another_tool_wrote_anew_is_not_as_silver_writes_it() {
    let sealed = seal(&snapshot(&[("pack.toml", MANIFEST), ("a/b", "content")]), None, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("pack.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&at).unwrap());
    for (path, _) in sealed.listing().iter() {
        let private = zip::write::SimpleFileOptions::default().unix_permissions(0o600);
        writer.start_file(path.as_str(), private).unwrap();
        std::io::Write::write_all(&mut writer, &sealed.bytes(path).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    let error = Pack::open(&at).unwrap_err();
    let PackError::Archive { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(source, archive::ArchiveError::NotAsWritten { .. }), "{error:?}");
    assert!(error.is_integrity() && error.hint().unwrap().contains("silver pack --from"));
}

/// The header field that a byte belongs to: of the last header that begins before it.
fn field(bytes: &[u8], at: usize) -> &'static str {
    let (mut start, mut table): (usize, &[(usize, &str)]) = (0, &[]);
    for (begin, window) in bytes.windows(4).enumerate().take(at + 1) {
        let fields: &[_] = match window {
            b"PK\x03\x04" => &[
                (4, "local version"),
                (6, "local flags"),
                (8, "method"),
                (10, "local time"),
                (14, "local sizes"),
                (30, "name or content"),
            ],
            b"PK\x01\x02" => &[
                (4, "central versions"),
                (8, "central flags"),
                (10, "method"),
                (12, "central time"),
                (16, "central sizes"),
                (36, "central internal attributes"),
                (38, "central external attributes"),
                (42, "offset or name"),
            ],
            b"PK\x05\x06" => &[],
            _ => continue,
        };
        (start, table) = (begin, fields);
    }
    table.iter().rev().find(|(offset, _)| start + offset <= at).map_or("signature or end", |(_, name)| name)
}
