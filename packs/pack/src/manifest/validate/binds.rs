//! `[[bind]]`: where values come from and go to.

use super::Rules;
use crate::{
    manifest::{Bind, BindSource, BindTarget, Manifest},
    render,
};
use silver_plugin_api::{TreePath, plan::StateNature};

impl Rules<'_, '_> {
    pub(super) fn binds(&mut self, manifest: &Manifest) {
        for (at, bind) in manifest.bind.iter().enumerate() {
            let number = at.to_string();
            self.source(manifest, &["bind", &number, "from"], &bind.from);
            self.target(manifest, &["bind", &number, "to"], bind);
            if manifest.bind[..at].iter().any(|other| same_place(other, bind)) {
                self.wrong(&["bind", &number, "to"], "another value goes there already", None);
            }
        }
    }

    fn source(&mut self, manifest: &Manifest, at: &[&str], from: &BindSource) {
        match from {
            BindSource::Setting(name) if !manifest.settings.contains_key(name) => {
                self.unknown(at, "setting", name, manifest.settings.keys().map(|name| &**name));
            }
            BindSource::Secret(name) if !manifest.secrets.contains_key(name) => {
                self.unknown(at, "secret", name, manifest.secrets.keys().map(|name| &**name));
            }
            BindSource::Service { name, .. } if !manifest.services.contains_key(name) => {
                self.unknown(at, "service", name, manifest.services.keys().map(|name| &**name));
            }
            _ => {}
        }
    }

    fn target(&mut self, manifest: &Manifest, at: &[&str], bind: &Bind) {
        let state = |file: &TreePath| manifest.state.iter().find(|(path, _)| file.below(path).is_some());
        match &bind.to {
            BindTarget::Env(name) if name.starts_with("SILVER_") => {
                self.wrong(at, "names with SILVER_ are silver's own", None);
            }
            BindTarget::Env(_) => {}
            BindTarget::Key { format, file, key } => {
                if let Err(error) = render::set_keys(*format, "", &[], &[(key.clone(), "x".into())]) {
                    self.wrong(at, error.to_string(), None);
                }
                match state(file) {
                    None => {}
                    Some((path, def)) if def.nature == StateNature::Config && path == file => {
                        if !def.owned_keys.iter().any(|owned| render::covers(owned, key)) {
                            let hint = format!("add it to owned-keys of [state.\"{path}\"]");
                            self.wrong(at, format!("`{key}` is not one of the keys that silver owns"), Some(&hint));
                        }
                        if matches!(bind.from, BindSource::Secret(_)) {
                            let hint = "bind it to a file that is not state, or to env:NAME";
                            self.wrong(at, format!("the secret would lie in the data, in `{path}`"), Some(hint));
                        }
                    }
                    Some((path, _)) => self.wrong(at, format!("`{path}` is the application's own"), None),
                }
            }
            BindTarget::Template { template, .. } => {
                if let Some((path, _)) = state(&BindTarget::rendered_file(template)) {
                    self.wrong(
                        at,
                        format!("`{path}` is the application's own"),
                        Some("a template makes a file that is not state"),
                    );
                }
            }
        }
    }
}

fn same_place(one: &Bind, other: &Bind) -> bool {
    match (&one.to, &other.to) {
        (BindTarget::Template { template, name }, BindTarget::Template { template: other_template, name: other_name }) => {
            let named = |bind: &Bind, name: &Option<String>| name.clone().unwrap_or_else(|| bind.from.template_name());
            template == other_template && named(one, name) == named(other, other_name)
        }
        (one, other) => one == other,
    }
}
