use super::*;

fn unrotated(_: &PublicKey) -> Option<String> {
    None
}

#[test]
fn a_key_is_made_once_and_only_for_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let files = KeyFiles::at(dir.path().join("keys/acme.key"));
    let public = files.create(None, &unrotated).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(files.secret()), mode(&dir.path().join("keys"))), (0o600, 0o700));
    assert_eq!(files.load(None).unwrap().public(), public);
    assert_eq!(files.read_public().unwrap(), public);
    assert!(!files.is_exposed() && !files.is_encrypted().unwrap());

    let before = fs::read(files.secret()).unwrap();
    for path in [files.secret().to_owned(), files.public()] {
        assert!(matches!(files.create(None, &unrotated), Err(KeyFileError::Exists { .. })));
        fs::remove_file(&path).unwrap();
    }
    // what is left of another key, or a link to somewhere else, is not written over
    for path in [files.public(), files.rotations(), files.secret().to_owned()] {
        let elsewhere = dir.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(matches!(files.create(None, &unrotated), Err(KeyFileError::Exists { .. })));
        assert!(!elsewhere.exists());
        fs::remove_file(&path).unwrap();
    }
    assert!(fs::read_dir(dir.path().join("keys")).unwrap().next().is_none());
    files.create(None, &unrotated).unwrap();
    assert_ne!(fs::read(files.secret()).unwrap(), before);
    fs::set_permissions(files.secret(), Permissions::from_mode(0o640)).unwrap();
    assert!(files.is_exposed());
}

#[test]
fn rotations_lead_from_key_to_key() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| KeyFiles::at(dir.path().join(format!("{name}.key")));
    let first = at("first").create(None, &unrotated).unwrap();
    let loaded = at("first").load(None).unwrap();
    let second = at("second").create(None, &|key| loaded.rotate(key).ok()).unwrap();
    let loaded = at("second").load(None).unwrap();
    let third = at("third").create(None, &|key| loaded.rotate(key).ok()).unwrap();
    let text = fs::read_to_string(at("third").rotations()).unwrap();
    assert_eq!(signature::rotations(&text, &third).unwrap(), [first, second]);
    // nobody goes back, and what does not lead to a key is not used with it
    assert!(at("third").load(None).unwrap().rotate(&first).is_err());
    fs::write(at("first").rotations(), &text).unwrap();
    assert!(matches!(at("first").load(None), Err(KeyFileError::Rotations { .. })));
}

#[test]
fn what_is_no_key_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let files = KeyFiles::at(dir.path().join("x.key"));
    assert!(files.load(None).unwrap_err().hint().unwrap().contains("keys new"));
    for content in ["", "nonsense", &"x".repeat(70_000)] {
        fs::write(files.secret(), content).unwrap();
        assert!(files.load(None).is_err());
    }
    fs::remove_file(files.secret()).unwrap();
    fs::create_dir(files.secret()).unwrap();
    assert!(files.load(None).is_err());
}
