//! Settings, slots, plugins, indexes.

use super::Rules;
use crate::{
    manifest::{IndexKind, Manifest, Need, SecretDef, SettingDef, SettingType, SlotTarget, UNSIGNED_KIND, World},
    settings,
};
use silver_plugin_api::{plan::StateNature, slot::SlotNature};

impl Rules<'_, '_> {
    pub(super) fn customizing(&mut self, manifest: &Manifest) {
        for (name, setting) in &manifest.settings {
            self.setting(manifest, name, setting);
        }
        for (name, secret) in &manifest.secrets {
            self.secret(manifest, name, secret);
        }
        self.slots(manifest);
        self.plugins(manifest);
    }

    fn secret(&mut self, manifest: &Manifest, name: &str, secret: &SecretDef) {
        let Some(of) = &secret.bcrypt_of else { return };
        let place = ["secrets", name, "bcrypt-of"];
        match manifest.secrets.get(of) {
            None => self.unknown(&place, "secret", of, manifest.secrets.keys().map(|name| &**name)),
            Some(other) if other.bcrypt_of.is_some() => self.wrong(&place, format!("`{of}` is a hash itself"), None),
            Some(_) if secret.generate.is_some() => self.wrong(&place, "it is made either anew or from another secret", None),
            Some(_) => {}
        }
    }

    fn setting(&mut self, manifest: &Manifest, name: &str, setting: &SettingDef) {
        let field = |field: &'static str| ["settings", name, field];
        match (setting.kind, setting.choices.is_empty()) {
            (SettingType::Choice, true) => self.wrong(&["settings", name], "a choice has `choices`", None),
            (SettingType::Choice, false) | (_, true) => {}
            (_, false) => self.wrong(&field("choices"), "only the type `choice` has choices", None),
        }
        if let Some(visible) = &setting.visible_if {
            let place = field("visible-if");
            match manifest.settings.get(&visible.name) {
                None => self.unknown(&place, "setting", &visible.name, manifest.settings.keys().map(|name| &**name)),
                Some(other) if other.visible_if.is_some() || *visible.name == *name => {
                    self.wrong(&place, format!("`{}` is itself not always there", visible.name), None);
                }
                Some(_) => {}
            }
        }
        let sound = setting.pattern.as_ref().map(|pattern| settings::compile(pattern).map(drop));
        if let Some(Err(why)) = sound {
            self.wrong(&field("pattern"), why, None);
        } else if let Some(Err(why)) = setting.default.as_ref().map(|default| settings::text(setting, default)) {
            self.wrong(&field("default"), why, None);
        }
        if let Some(former) = &setting.renamed_from {
            let taken = manifest
                .settings
                .iter()
                .any(|(other, def)| other == former || (&**other != name && def.renamed_from.as_ref() == Some(former)));
            if taken {
                self.wrong(&field("renamed-from"), format!("`{former}` is another setting"), None);
            }
        }
    }

    fn slots(&mut self, manifest: &Manifest) {
        for (at, slot) in manifest.slot.iter().enumerate() {
            let number = at.to_string();
            if manifest.slot[..at].iter().any(|other| other.name == slot.name) {
                self.wrong(&["slot", &number, "name"], "another slot has this name", None);
            }
            if slot.nature == SlotNature::Content && slot.into.in_tree(&manifest.layout.root).is_root() {
                let hint = "into = \"tree:data\"";
                self.wrong(&["slot", &number, "into"], "content has a directory of its own", Some(hint));
            }
            let SlotTarget::Instance(into) = &slot.into else { continue };
            if manifest.layout.root.join(into).is_err() {
                self.wrong(&["slot", &number, "into"], "the path is too long", None);
            }
            let data = |(_, state): &(_, &crate::manifest::StateDef)| state.nature != StateNature::Config;
            if let Some((path, _)) = manifest.state.iter().filter(data).find(|(path, _)| into.below(path).is_some()) {
                let message = format!("`{path}` is the application's own, a release cannot put files there");
                self.wrong(&["slot", &number, "into"], message, Some("a seed is copied when there is nothing yet"));
            }
        }
    }

    fn plugins(&mut self, manifest: &Manifest) {
        for (at, plugin) in manifest.plugin.iter().enumerate() {
            let number = at.to_string();
            let place = ["plugin", number.as_str(), "file"];
            if manifest.plugin[..at].iter().any(|other| other.file == plugin.file) {
                self.wrong(&place, "another plugin is this file", None);
            }
            if plugin.file.strip_suffix(".wasm").is_none() {
                self.wrong(&place, "a plugin is a WASM component: its name ends with .wasm", None);
            }
            if plugin.world == World::CustomizerPlugin && !plugin.needs.is_empty() {
                self.wrong(&["plugin", &number, "needs"], "a customizer is pure: it gets nothing but the trees", None);
            }
            for (at, need) in plugin.needs.iter().enumerate() {
                let entry = at.to_string();
                if let Need::Index(kind) = need
                    && !manifest.index.contains_key(kind)
                {
                    let hint = format!("[index.{}]", kind.as_str());
                    self.wrong(&["plugin", &number, "needs", &entry], "the pack declares no such index", Some(&hint));
                }
            }
        }
        for (kind, index) in &manifest.index {
            let field = |field: &'static str| ["index", kind.as_str(), field];
            match &index.url {
                Some(_) if *kind != IndexKind::Directory => {
                    let hint = "packages come from where the operator's own tools look";
                    self.wrong(&field("url"), "only the kind `directory` has an address", Some(hint));
                }
                Some(url) if !(url.starts_with("https://") || url.starts_with("http://")) || url.contains([' ', '?', '#']) => {
                    self.wrong(&field("url"), "not an address: https://HOST/PATH", None);
                }
                _ => {}
            }
            if index.key.is_some() && *kind != IndexKind::Directory {
                self.wrong(&field("key"), UNSIGNED_KIND, None);
            }
            if index.constraints.is_some() && *kind == IndexKind::Directory {
                self.wrong(&field("constraints"), "packages of a directory need nothing of each other", None);
            }
        }
        if let Some(index) = manifest.index.get(&IndexKind::Python)
            && index.constraints.is_none()
            && manifest.build.python.is_none()
            && manifest.plugin.iter().any(|plugin| plugin.needs.contains(&Need::Index(IndexKind::Python)))
        {
            let hint = "constraints = \"requirements.lock\"";
            self.wrong(&["index", "python"], "it does not say what app plugins have to agree with", Some(hint));
        }
    }
}
