//! Whose packs a customization and the applications of this machine are made of, and what is asked
//! and refused when a pack comes from somebody else.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    key_files,
    ui::Ui,
    words::Words,
};
use silver_agent::state;
use silver_pack::{
    customization::Customization,
    pack::Pack,
    signature::{PublicKey, Signature},
};
use silver_plugin_api::plan::{Continuity, Discontinuity, Publisher, UNSIGNED};
use std::path::Path;

/// What happens when a key is seen for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum First {
    /// It is shown and asked about; the caller then writes it into the lock.
    Ask,
    /// It is shown; nothing is written.
    #[default]
    Tell,
}

impl First {
    /// A command that only shows what it would do writes nothing.
    pub fn unless(dry_run: bool) -> Self {
        if dry_run { Self::Tell } else { Self::Ask }
    }
}

/// Is the pack of the publisher whom the lock of the customization knows? The first key is a
/// question to the person.
pub fn check(ui: &Ui, pack: &Pack, customization: &Customization, first: First) -> Result<()> {
    let known = customization.lock.pack.as_ref().map(silver_pack::customization::LockedPack::publisher);
    let continuity = match &known {
        Some(known) => pack.reference().follows(known).map_err(|broken| refused(pack, customization, known, broken))?,
        None => Continuity::FirstKey,
    };
    let Some(signature) = pack.signature() else { return Ok(()) };
    match continuity {
        Continuity::Same => Ok(()),
        Continuity::Rotated => {
            let former = known.map(|known| known.key).unwrap_or_default();
            ui.note(&format!("The publisher of {} has a new key, and signed that with the former one.", name(pack)));
            ui.note(&format!("  former key {former}"));
            ui.note(&format!("  new key    {}", shown(&signature.key)));
            Ok(())
        }
        Continuity::FirstKey => first_key(ui, pack, signature, first),
    }
}

fn first_key(ui: &Ui, pack: &Pack, signature: &Signature, first: First) -> Result<()> {
    ui.note(&format!("{} is signed, with a key that this customization does not know yet:", name(pack)));
    ui.note(&format!("  {}", shown(&signature.key)));
    if first == First::Tell {
        return Ok(());
    }
    ui.note("Compare it with what the publisher says elsewhere. From now on no other key is accepted.");
    if ui.confirm("Trust this key, for the packs of this customization?", false)? {
        return Ok(());
    }
    Err(CommandError::new(Exit::Error, format!("the key that signs {} was not trusted; nothing was changed", name(pack))))
}

/// `trac 1.6.0`
pub fn name(pack: &Pack) -> String {
    let info = &pack.manifest().pack;
    format!("{} {}", info.name, info.version)
}

/// A key in full, and the id by which minisign names it.
pub fn shown(key: &PublicKey) -> String {
    format!("{key} (minisign's id {})", key.id())
}

fn refused(pack: &Pack, customization: &Customization, known: &Publisher, broken: Discontinuity) -> CommandError {
    let (name, ours) = (name(pack), pack.reference().publisher());
    let message = match broken {
        Discontinuity::OtherPack => format!(
            "this customization is used with the pack {}, but {name} is {}: customize.lock says so",
            known.pack, ours.pack
        ),
        Discontinuity::OtherKey => format!("{name} is signed with the key {}, but customize.lock knows {}", ours.key, known.key),
        Discontinuity::Unsigned => format!("{name} is not signed, but customize.lock knows the key {}", known.key),
    };
    CommandError::new(Exit::Integrity, message).hint(format!(
        "ask the publisher, by another way than the pack came; if it is the publisher's own: `silver keys trust {} --customize={}`",
        pack.path().display(),
        customization.dir.display()
    ))
}

/// The same error, with the pack's name where a hint says what to do with it.
pub fn naming(error: impl Into<CommandError>, pack: &Path) -> CommandError {
    let mut error: CommandError = error.into();
    for hint in &mut error.hints {
        *hint = Words::of_pack(pack).fill(hint).into_owned();
    }
    error
}

/// The applications of this machine with their publishers, by name. They are read where they lie; no
/// agent is needed.
pub fn apps(context: &Context) -> Result<Vec<(String, Publisher)>> {
    let dirs = context.dirs()?;
    let failed = |error: &dyn std::error::Error| CommandError::new(Exit::Error, error.to_string());
    let mut known = Vec::new();
    for app in state::apps(&dirs).map_err(|error| failed(&error))? {
        let file = state::load(&dirs, &app).map_err(|error| failed(&error))?;
        let former = file.current.as_ref().or_else(|| file.releases.last().map(|kept| &kept.label));
        let publisher = match (file.publisher, former) {
            (Some(publisher), _) => publisher,
            (None, Some(label)) => state::release(&dirs, &app, label).map_err(|error| failed(&error))?.release.pack.publisher(),
            (None, None) => continue,
        };
        known.push((app, publisher));
    }
    Ok(known)
}

/// Who on this machine knows the publisher of a pack.
#[derive(Debug, Default)]
pub struct Known {
    /// By the key that signed it.
    pub by_key: Vec<String>,
    /// By a key that this one follows, as the pack proves: it is trusted until the pack is used.
    pub by_former_key: Vec<String>,
}

/// Who on this machine knows the key that signed the pack: the person whose key it is, applications
/// that are made of this publisher's packs, the customization.
pub fn known_to(context: &Context, pack: &Pack, customization: Option<&Customization>) -> Result<Known> {
    let reference = pack.reference();
    let mut known = Known::default();
    if reference.signature == UNSIGNED {
        return Ok(known);
    }
    let own = key_files::all(context)?;
    let own = own.iter().filter(|files| files.read_public().is_ok_and(|key| key.to_string() == reference.signature));
    known.by_key.extend(own.map(|files| format!("key {}", key_files::name(files))));
    let locked = customization.and_then(|mine| Some((mine, mine.lock.pack.as_ref()?.publisher())));
    let users = apps(context)?.into_iter().map(|(app, theirs)| (format!("app {app}"), theirs));
    for (user, theirs) in users.chain(locked.map(|(mine, theirs)| (format!("customization {}", mine.dir.display()), theirs))) {
        match reference.follows(&theirs) {
            Ok(Continuity::Same) => known.by_key.push(user),
            Ok(Continuity::Rotated) => known.by_former_key.push(format!("{user} ({})", theirs.key)),
            Ok(Continuity::FirstKey) | Err(_) => {}
        }
    }
    Ok(known)
}
