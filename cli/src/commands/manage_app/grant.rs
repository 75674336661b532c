//! What a plugin needs is shown, confirmed once and kept in `customize.lock` by the plugin's digest.

use super::offer::Offer;
use crate::{
    commands::plugin::asked::{Asking, refuse_another},
    error::{CommandError, Result},
    exit::Exit,
    ui::Ui,
};
use silver_extensions::Grants;
use silver_pack::{
    customization::{Customization, Decision, Lock, LockedPack},
    manifest::Need,
    pack::Pack,
};

/// The grants of the plugin behind `offer`; what was neither allowed nor denied yet is asked for. The
/// customization is given back as it is on disk now.
pub fn obtain(
    ui: &Ui,
    pack: &Pack,
    customization: Customization,
    offer: &Offer,
    reference: LockedPack,
    dry_run: bool,
) -> Result<(Customization, Grants)> {
    let undecided: Vec<Need> = offer
        .def
        .needs
        .iter()
        .filter(|need| customization.lock.decision(&offer.digest, need) == Decision::Undecided)
        .cloned()
        .collect();
    if undecided.is_empty() {
        let grants = grants(offer, &customization.lock);
        return Ok((customization, grants));
    }
    let asking = Asking { def: offer.def.clone(), digest: offer.digest };
    refuse_another(&customization.lock, &asking, &reference)?;
    ask(ui, pack, &customization, offer, &undecided)?;
    let mut lock = customization.lock.clone();
    lock.decide(offer.digest, &offer.def, &undecided, Decision::Allowed);
    lock.know(reference);
    let grants = grants(offer, &lock);
    if dry_run {
        return Ok((customization, grants));
    }
    customization.save_lock(&lock)?;
    let dir = customization.dir.clone();
    Ok((Customization::load(&dir)?, grants))
}

/// What it asks for and the lock allows.
fn grants(offer: &Offer, lock: &Lock) -> Grants {
    let allowed = |need: &&Need| lock.decision(&offer.digest, need) == Decision::Allowed;
    let texts = |needs: Vec<&Need>| needs.into_iter().map(ToString::to_string).collect::<Vec<_>>();
    Grants::new(texts(offer.def.needs.iter().collect()), texts(offer.def.needs.iter().filter(allowed).collect()))
}

fn ask(ui: &Ui, pack: &Pack, customization: &Customization, offer: &Offer, undecided: &[Need]) -> Result<()> {
    let info = &pack.manifest().pack;
    let former = customization.lock.former_grant(&offer.digest, &offer.def.file);
    ui.note(&format!("The plugin {} of {} {} ({}) asks to", offer.def.file, info.name, info.version, offer.digest.short()));
    for need in undecided {
        let before = former.map_or("", |former| match former.decision(need) {
            Decision::Allowed => " (as before)",
            Decision::Denied => " (denied before)",
            Decision::Undecided => " (new)",
        });
        ui.note(&format!("  - {}{before}", need.explain()));
    }
    if ui.confirm("Allow that, for this plugin and this customization?", false)? {
        return Ok(());
    }
    Err(CommandError::new(Exit::Error, format!("`{}` needs what was not granted; nothing was changed", offer.spec.name))
        .hint("run the command again and answer yes, give --yes, or decide of each with `silver plugin allow|deny`"))
}
