//! Documents that are one text: the manifest, the lines of a tree, the lock of a customization.

use silver_pack::{customization::Lock, listing::Listing, manifest};

pub(crate) fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = manifest::parse(text, manifest::FILE_NAME) {
        assert!(!error.to_string().is_empty());
        let _ = error.hint();
    }
}

pub(crate) fn manifests() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../packs/reference/hello/pack.toml").to_vec(),
        include_bytes!("../../packs/reference/trac/pack.toml").to_vec(),
    ]
}

pub(crate) fn tree(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(listing) = Listing::parse(text) {
        assert_eq!(listing.to_lines(), text, "there is one way to write a tree");
    }
}

pub(crate) fn trees() -> Vec<Vec<u8>> {
    let line = |kind, size, path| format!("{kind} {size} {} {path}\n", "0f".repeat(32));
    vec![[line("x", "0", "a"), line("l", "3", "b/c"), line("f", "42", "été/d e")].concat().into_bytes(), Vec::new()]
}

pub(crate) fn lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Lock::parse(text, "customize.lock") {
        Ok(lock) => {
            let written = lock.write_over(text);
            let again = Lock::parse(&written, "customize.lock").expect("what is written is read");
            assert_eq!(again, lock);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub(crate) fn locks() -> Vec<Vec<u8>> {
    let digest = "0f".repeat(32);
    let whole = format!(
        "format = 1\n[pack]\nid = \"org.example.x\"\nversion = \"1.0.0\"\ndigest = \"sha256:{digest}\"\n\n[[override]]\nfile = \"templates/a.html\"\npath = \"app/a.html\"\nbase = \"sha256:{digest}\"\n"
    );
    vec![whole.into_bytes(), b"format = 1\n".to_vec()]
}
