//! The exports of the world `customizer-plugin`.

use super::{
    convert::{diagnostics, failure},
    trees::Handle,
};
use crate::{
    bindings::customizer::{
        exports::silver::plugin::customizer as wit,
        silver::plugin::{trees, types},
    },
    log::install_panic_hook,
};
use silver_plugin_api::customizer::{Customizer, Options};

pub fn claims(plugin: &impl Customizer, options: wit::Options) -> Result<Vec<wit::Claim>, types::Failure> {
    install_panic_hook();
    let claims = plugin.claims(&heard(options)).map_err(failure)?;
    Ok(claims.into_iter().map(|claim| wit::Claim { pattern: claim.pattern, summary: claim.summary }).collect())
}

pub fn check(
    plugin: &impl Customizer,
    app: &trees::Tree,
    customization: &trees::Tree,
    options: wit::Options,
) -> Result<Vec<types::Diagnostic>, types::Failure> {
    install_panic_hook();
    plugin.check(app, customization, &heard(options)).map(diagnostics).map_err(failure)
}

pub fn merge(
    plugin: &impl Customizer,
    app: &trees::Tree,
    customization: &trees::Tree,
    into: &trees::Overlay,
    options: wit::Options,
) -> Result<Vec<types::Diagnostic>, types::Failure> {
    install_panic_hook();
    plugin.merge(app, customization, &mut Handle(into), &heard(options)).map(diagnostics).map_err(failure)
}

fn heard(options: wit::Options) -> Options {
    Options {
        app_name: options.app_name,
        app_version: options.app_version,
        settings: options.settings.into_iter().collect(),
        target: options.target,
        extra: options.extra.into_iter().collect(),
    }
}
