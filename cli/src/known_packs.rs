//! Packs that were opened before. To validate one, every byte of it is read; a file whose times, size and place are
//! still the same was not touched since, and what was found then is believed. Contents are checked against their
//! digests whenever they are read, here and on the node, so that nothing else can get anywhere.

use crate::{context::Context, error::Result};
use silver_pack::{
    archive::Archive,
    hash::sha256,
    pack::Pack,
    stamp::{Stamp, is_settled},
};
use std::{
    fs::{self, Metadata},
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Opens a pack, as [`Pack::open`] does.
pub fn open(context: &Context, path: &Path) -> Result<Pack> {
    let before = fs::metadata(path).ok();
    let note = note(context, path)?;
    if let Some(archive) = before.as_ref().and_then(|meta| known(&note, meta)) {
        return Ok(Pack::open_known(path, archive)?);
    }
    let pack = Pack::open(path)?;
    let after = fs::metadata(path).ok();
    if let (Some(before), Some(after)) = (before, after)
        && Stamp::of(&before) == Stamp::of(&after)
        && is_settled(&after, SystemTime::now())
    {
        // a cache that cannot be written costs time only
        let _ = keep(&note, &after, pack.layout());
    }
    Ok(pack)
}

/// One for each path: what was there before is forgotten.
fn note(context: &Context, path: &Path) -> Result<PathBuf> {
    let name = sha256(std::path::absolute(path)?.as_os_str().as_encoded_bytes()).short();
    Ok(context.dirs()?.cache.join("packs").join(name))
}

fn known(note: &Path, meta: &Metadata) -> Option<Archive> {
    let text = fs::read_to_string(note).ok()?;
    let (stamp, archive) = text.split_once('\n')?;
    if stamp == Stamp::of(meta).as_str() { Archive::from_text(archive) } else { None }
}

fn keep(note: &Path, meta: &Metadata, archive: &Archive) -> std::io::Result<()> {
    let dir = note.parent().unwrap_or(note);
    fs::create_dir_all(dir)?;
    // two commands may do so at once
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    writeln!(file, "{}", Stamp::of(meta).as_str())?;
    file.write_all(archive.to_text().as_bytes())?;
    file.persist(note)?;
    Ok(())
}
