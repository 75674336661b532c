//! What a plugin needs is shown, confirmed once and kept in `customize.lock` by the plugin's digest.

use super::offer::Offer;
use crate::{
    error::{CommandError, Result},
    exit::Exit,
    ui::Ui,
};
use silver_extensions::Grants;
use silver_pack::{
    customization::{Customization, LockedPack},
    pack::Pack,
};

/// The grants of the plugin behind `offer`, asked for if they are not in the lock yet. The
/// customization is given back as it is on disk now.
pub fn obtain(
    ui: &Ui,
    pack: &Pack,
    customization: Customization,
    offer: &Offer,
    reference: LockedPack,
    dry_run: bool,
) -> Result<(Customization, Grants)> {
    let needs = &offer.def.needs;
    let texts = || needs.iter().map(ToString::to_string);
    let granted = customization.lock.granted(&offer.digest);
    if needs.iter().all(|need| granted.contains(need)) {
        return Ok((customization, Grants::new(texts(), texts())));
    }
    refuse_another(&customization, offer, &reference)?;
    ask(ui, pack, &customization, offer)?;
    if dry_run {
        return Ok((customization, Grants::new(texts(), texts())));
    }
    let mut lock = customization.lock.clone();
    lock.grant(offer.digest, offer.def.file.clone(), needs.clone());
    lock.pack.get_or_insert(reference);
    customization.save_lock(&lock)?;
    let dir = customization.dir.clone();
    Ok((Customization::load(&dir)?, Grants::new(texts(), texts())))
}

/// In one and the same pack a file has one digest; a grant for another one was tampered with.
fn refuse_another(customization: &Customization, offer: &Offer, reference: &LockedPack) -> Result<()> {
    let Some(grant) = customization.lock.grants.iter().find(|grant| grant.file == offer.def.file) else { return Ok(()) };
    if grant.plugin == offer.digest || customization.lock.pack.as_ref() != Some(reference) {
        return Ok(());
    }
    let message = format!(
        "the lock grants something to `{}` with digest {}, this pack's has {}",
        grant.file,
        grant.plugin.short(),
        offer.digest.short()
    );
    Err(CommandError::new(Exit::Integrity, message)
        .hint("bring customize.lock back from version control, or take the [[grant]] out of it to be asked again"))
}

fn ask(ui: &Ui, pack: &Pack, customization: &Customization, offer: &Offer) -> Result<()> {
    let info = &pack.manifest().pack;
    let former = customization.lock.grants.iter().find(|grant| grant.file == offer.def.file);
    ui.note(&format!("The plugin {} of {} {} ({}) asks to", offer.def.file, info.name, info.version, offer.digest.short()));
    for need in &offer.def.needs {
        let known = former.is_some_and(|grant| grant.needs.contains(need));
        ui.note(&format!("  - {}{}", need.explain(), mark(former.is_some(), known)));
    }
    if ui.confirm("Allow that, for this plugin and this customization?", false)? {
        return Ok(());
    }
    Err(CommandError::new(Exit::Error, format!("`{}` needs what was not granted; nothing was changed", offer.spec.name))
        .hint("run the command again and answer yes, or give --yes"))
}

/// An upgrade that asks for more shows the difference.
fn mark(upgraded: bool, known: bool) -> &'static str {
    match (upgraded, known) {
        (false, _) => "",
        (true, true) => " (as before)",
        (true, false) => " (new)",
    }
}
