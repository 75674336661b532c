mod tried;

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    trust,
};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use silver_pack::{customization::Customization, listing::Kind, pack};
use std::path::PathBuf;
use tried::Tried;

/// Show what a pack is: manifest, files, plugins and what they ask for, bill of materials, provenance
///
/// The whole pack is checked before anything of it is shown.
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// The pack
    pack: PathBuf,
    /// Is the publisher's key the one that this customization's lock knows?
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
    /// Show this part only; may be given more than once
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Load the plugins and try them on the pack: what they import, and the fuel and memory they use
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Name, version, digests, runtime
    Pack,
    /// The manifest as it was written
    Manifest,
    /// What an operator may set
    Settings,
    /// Where a customization may go
    Slots,
    /// WASM plugins and what they ask for
    Plugins,
    /// Every file
    Files,
    /// Bill of materials
    Sbom,
    /// Where each piece came from
    Provenance,
}

/// What is shown, part by part.
#[derive(Serialize)]
struct Report {
    pack: Value,
    manifest: Value,
    settings: Vec<Setting>,
    slots: Vec<Slot>,
    plugins: Vec<Plugin>,
    files: Vec<File>,
    sbom: Value,
    provenance: Value,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    r#type: String,
    default: Option<String>,
    prompt: Option<String>,
}

#[derive(Serialize)]
struct Slot {
    name: String,
    from: String,
    into: String,
    mode: String,
    summary: String,
}

#[derive(Serialize)]
struct Plugin {
    file: String,
    world: String,
    needs: Vec<String>,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tried: Option<Tried>,
}

#[derive(Serialize)]
struct File {
    kind: &'static str,
    size: u64,
    digest: String,
    path: String,
}

impl Inspect {
    pub fn run(self, context: &Context) -> Result {
        let pack = pack::Pack::open(&self.pack)?;
        let mut report = Report::of(&pack)?;
        if self.verbose {
            for (plugin, tried) in report.plugins.iter_mut().zip(tried::all(context, &pack)?) {
                plugin.tried = Some(tried);
            }
        }
        let customization = self.customize.as_deref().map(Customization::load).transpose()?;
        let known = trust::known_to(context, &pack, customization.as_ref())?;
        report.pack["known_to"] = json!(known.by_key);
        report.pack["known_by_former_key"] = json!(known.by_former_key);
        if context.ui.json() {
            context.ui.report_json(&self.chosen(&report)?)?;
            return Ok(Exit::Done);
        }
        let wanted = |part| self.only.is_empty() || self.only.contains(&part);
        let ui = &context.ui;
        let title = |text: &str| {
            if self.only.len() != 1 {
                ui.line(&format!("\n{text}"));
            }
        };
        if wanted(Part::Pack) {
            for (name, value) in report.pack.as_object().into_iter().flatten() {
                ui.line(&format!("{name}: {}", shown(value)));
            }
            match (pack.signature(), known.by_key.is_empty(), known.by_former_key.is_empty()) {
                (Some(_), _, false) => ui.note(
                    "where the former key is known it is still the one that counts; an update to this pack puts the new one in its place",
                ),
                (Some(_), true, true) => {
                    ui.note("the key is not known here: compare it with what the publisher says elsewhere");
                }
                _ => {}
            }
        }
        // as it was written, with its comments; part of the whole only when asked for
        if self.only.contains(&Part::Manifest) {
            let name = silver_pack::manifest::FILE_NAME.parse().map_err(CommandError::usage)?;
            title("MANIFEST");
            ui.line(pack.tree().text(&name)?.trim_end());
        }
        if wanted(Part::Settings) {
            title("SETTINGS");
            ui.list(&report.settings, "no settings")?;
        }
        if wanted(Part::Slots) {
            title("SLOTS");
            ui.list(&report.slots, "no slots: nothing can be customised but settings")?;
        }
        if wanted(Part::Plugins) {
            title("PLUGINS");
            for (plugin, report) in pack.manifest().plugin.iter().zip(&report.plugins) {
                ui.line(&format!("{} ({})", plugin.file, plugin.world.as_str()));
                for need in &plugin.needs {
                    ui.line(&format!("  asks for {need}: to {}", need.explain()));
                }
                report.tried.iter().flat_map(Tried::lines).for_each(|line| ui.line(&line));
            }
            if report.plugins.is_empty() {
                ui.note("no plugins: customizations go by the slots");
            }
        }
        if wanted(Part::Files) {
            title(&format!("FILES ({})", report.files.len()));
            for file in &report.files {
                let short: String = file.digest.chars().skip("sha256:".len()).take(12).collect();
                let mark = file.kind.chars().next().unwrap_or(' ');
                ui.line(&format!("{mark} {:>10} {short} {}", file.size, file.path));
            }
        }
        if wanted(Part::Sbom) {
            title("BILL OF MATERIALS");
            for component in report.sbom["components"].as_array().into_iter().flatten() {
                let text = |name: &str| component[name].as_str().unwrap_or_default().to_owned();
                let license = &component["licenses"][0];
                let license = license["expression"].as_str().or(license["license"]["name"].as_str());
                let license = license.map(|license| format!("({license})")).unwrap_or_default();
                let parts = [text("name"), text("version"), license, text("description")];
                ui.line(&parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" "));
            }
        }
        if wanted(Part::Provenance) {
            title("PROVENANCE");
            show_provenance(context, &report.provenance);
        }
        Ok(Exit::Done)
    }

    /// The whole report, or the parts that were asked for; one part stands alone.
    fn chosen(&self, report: &Report) -> Result<Value> {
        let mut all = serde_json::to_value(report).map_err(|error| CommandError::new(Exit::Error, error))?;
        let names: Vec<String> =
            self.only.iter().filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned())).collect();
        if let [name] = names.as_slice() {
            return Ok(all[name].take());
        }
        if let (Value::Object(parts), false) = (&mut all, names.is_empty()) {
            parts.retain(|name, _| names.contains(name));
        }
        Ok(all)
    }
}

impl Report {
    fn of(pack: &pack::Pack) -> Result<Self> {
        let manifest = pack.manifest();
        let info = &manifest.pack;
        let own = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
        Ok(Self {
            pack: json!({
                "name": info.name, "version": info.version, "app_version": info.app_version(), "id": info.id,
                "summary": info.summary, "license": info.license, "homepage": info.homepage,
                "runtime": manifest.runtime.kind.as_str(), "runtime_version": manifest.runtime.version,
                "platform": info.platform, "silver": info.silver,
                "processes": manifest.processes.keys().collect::<Vec<_>>(),
                "services": manifest.services.keys().collect::<Vec<_>>(),
                "secrets": manifest.secrets.keys().collect::<Vec<_>>(),
                "state": manifest.state.keys().collect::<Vec<_>>(),
                "digest": pack.digest(), "archive": pack.archive(), "size": pack.archive_size(),
                "unpacked": pack.tree().listing().total_size(), "files": pack.tree().listing().len(),
                "signature": pack.reference().signature,
                "key_id": pack.signature().map(|signature| signature.key.id()),
                "rotated_from": pack.reference().rotated_from,
            }),
            manifest: serde_json::to_value(manifest).map_err(|error| CommandError::new(Exit::Error, error))?,
            settings: manifest
                .settings
                .iter()
                .map(|(name, setting)| Setting {
                    name: name.to_string(),
                    r#type: word(&setting.kind),
                    default: setting.default.as_ref().map(shown),
                    prompt: setting.prompt.clone().or_else(|| setting.help.clone()),
                })
                .collect(),
            slots: manifest
                .slot
                .iter()
                .map(|slot| Slot {
                    name: slot.name.to_string(),
                    from: slot.from.to_string(),
                    into: slot.into.to_string(),
                    mode: word(&slot.mode),
                    summary: slot.summary.clone(),
                })
                .collect(),
            plugins: manifest
                .plugin
                .iter()
                .map(|plugin| Plugin {
                    file: plugin.file.to_string(),
                    world: plugin.world.as_str().to_owned(),
                    needs: plugin.needs.iter().map(ToString::to_string).collect(),
                    digest: plugin.sha256.map(|digest| digest.to_string()).unwrap_or_default(),
                    tried: None,
                })
                .collect(),
            files: pack
                .tree()
                .listing()
                .iter()
                .map(|(path, node)| File {
                    kind: match node.kind {
                        Kind::File => "file",
                        Kind::Executable => "executable",
                        Kind::Link => "link",
                    },
                    size: node.size,
                    digest: node.digest.to_string(),
                    path: path.to_string(),
                })
                .collect(),
            sbom: own(pack.sbom()?),
            provenance: own(pack.provenance()?),
        })
    }
}

/// The word that a value is written as in a manifest.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).map(|value| shown(&value)).unwrap_or_default()
}

/// A value for people.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn show_provenance(context: &Context, provenance: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    context.ui.line(&format!("made by silver {}", text(&provenance["silver"])));
    let source = &provenance["source"];
    if source.is_object() {
        let dirty = if source["dirty"] == true { ", with changes that no revision holds" } else { "" };
        let (vcs, revision) = (text(&source["vcs"]), text(&source["revision"]));
        context.ui.line(&format!("source: {vcs} {revision} {}{dirty}", text(&source["directory"])));
    } else if provenance["zip"].is_object() {
        let zip = &provenance["zip"];
        context.ui.line(&format!("source: the zip {}: {}", text(&zip["file"]), text(&zip["digest"])));
    } else {
        context.ui.line("source: not under version control");
    }
    for package in provenance["packages"].as_array().into_iter().flatten() {
        let (kind, name, version) = (text(&package["kind"]), text(&package["name"]), text(&package["version"]));
        context.ui.line(&format!("{kind} {name} {version}: {}", text(&package["digest"])));
    }
    for ran in provenance["commands"].as_array().into_iter().flatten() {
        let words = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" ");
        context.ui.line(&format!("command `{}` made {}", words(&ran["command"]), words(&ran["outputs"])));
    }
    for plugin in provenance["plugins"].as_array().into_iter().flatten() {
        context.ui.line(&format!("plugin {}: {}", text(&plugin["file"]), text(&plugin["digest"])));
    }
}
