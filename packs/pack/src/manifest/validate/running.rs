//! Processes, health, hooks, checks, state.

use super::Rules;
use crate::{
    document::ProblemKind,
    manifest::{Manifest, ProcessDef, RuntimeKind, StateDef, When},
};
use silver_plugin_api::{TreePath, plan::StateNature};

const SIGNALS: [&str; 8] = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "KILL"];

impl Rules<'_, '_> {
    pub(super) fn running(&mut self, manifest: &Manifest) {
        self.runtime(manifest);
        for (name, process) in &manifest.processes {
            self.process(manifest.runtime.kind, name, process);
        }
        self.health(manifest);
        self.hooks(manifest);
        self.checks(manifest);
        self.cron(manifest);
        self.state(manifest);
    }

    fn runtime(&mut self, manifest: &Manifest) {
        let runtime = &manifest.runtime;
        match (runtime.kind, &runtime.root) {
            (RuntimeKind::Static, _) if !manifest.processes.is_empty() => {
                self.wrong(&["processes"], "a static application has no processes", Some("the runtime `command` runs programs"));
            }
            (_, Some(_)) if manifest.has_web() => {
                self.wrong(&["runtime", "root"], "the process `web` answers, so nothing else is served", None);
            }
            _ => {}
        }
        if let Some(version) = &runtime.version
            && (!matches!(runtime.kind, RuntimeKind::Python | RuntimeKind::NodeJs) || !is_specifier(version))
        {
            let hint = "for `python` and `nodejs`: \">=3.9\", \">=3.9,<4\"";
            self.wrong(&["runtime", "version"], format!("`{}` is not a range of versions", version.escape_debug()), Some(hint));
        }
        for (at, package) in runtime.requires.packages.iter().enumerate() {
            // Debian Policy 5.6.1
            let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
            if package.len() < 2 || !package.bytes().all(fine) {
                let place = ["runtime", "requires", "packages", &at.to_string()];
                self.wrong(&place, format!("`{}` is not the name of a package", package.escape_debug()), None);
            }
        }
    }

    fn process(&mut self, kind: RuntimeKind, name: &str, process: &ProcessDef) {
        let at = ["processes", name];
        let field = |field: &'static str| ["processes", name, field];
        match (&process.callable, process.command.is_empty()) {
            (None, true) => self.wrong(&at, "it says neither `callable` nor `command`", None),
            (Some(_), false) => self.wrong(&at, "it says both `callable` and `command`", Some("one of the two")),
            (None, false) => self.argv(&field("command"), &process.command),
            (Some(callable), true) => {
                let dotted = |text: &str| !text.is_empty() && text.split('.').all(super::super::is_variable);
                if kind != RuntimeKind::Python {
                    self.wrong(&field("callable"), "only the runtime `python` has callables", Some("write `command`"));
                } else if name != "web" {
                    self.wrong(&field("callable"), "only the process `web` answers HTTP", Some("write `command`"));
                } else if !callable.split_once(':').is_some_and(|(module, attribute)| dotted(module) && dotted(attribute)) {
                    self.wrong(&field("callable"), format!("`{}` is not `module:attribute`", callable.escape_debug()), None);
                }
            }
        }
        if !(1..=1000).contains(&process.count) {
            self.wrong(&field("count"), "1 to 1,000", None);
        }
        if process.singleton && process.count > 1 {
            self.wrong(&field("count"), "a singleton is one process", None);
        }
        if process.listen.is_some() && name != "web" {
            self.wrong(&field("listen"), "only the process `web` is reached by the front", None);
        }
        if !SIGNALS.contains(&process.stop_signal.as_str()) {
            let shown = process.stop_signal.escape_debug();
            self.wrong(&field("stop-signal"), format!("`{shown}` is none of {}", SIGNALS.join(", ")), None);
        }
        self.timeout(&field("stop-timeout"), process.stop_timeout);
    }

    fn health(&mut self, manifest: &Manifest) {
        let health = &manifest.health;
        let answers = manifest.has_web() || manifest.served().is_some();
        if !answers && *health != super::super::Health::default() {
            self.wrong(&["health"], "the application answers no HTTP", Some("a process named `web` does"));
        }
        if let Some(ready) = &health.ready {
            self.location(&["health", "ready", "path"], &ready.path);
            self.status(&["health", "ready", "status"], ready.status);
            self.timeout(&["health", "ready", "timeout"], ready.timeout);
            if ready.interval > ready.timeout {
                self.wrong(&["health", "ready", "interval"], "longer than `timeout`", None);
            }
        }
        if let Some(live) = &health.live {
            self.location(&["health", "live", "path"], &live.path);
            self.status(&["health", "live", "status"], live.status);
            self.timeout(&["health", "live", "timeout"], live.timeout);
        }
    }

    fn hooks(&mut self, manifest: &Manifest) {
        for (name, hook) in manifest.commands.iter() {
            let at = ["commands", name];
            match (&hook.url, hook.command.is_empty()) {
                (None, true) => self.wrong(&at, "it says neither `command` nor `url`", None),
                (Some(_), false) => self.wrong(&at, "it says both `command` and `url`", Some("one of the two")),
                (None, false) => self.argv(&["commands", name, "command"], &hook.command),
                (Some(_), true) if ["shell", "test"].contains(&name) => {
                    self.wrong(&["commands", name, "url"], format!("`{name}` is a command"), None);
                }
                (Some(url), true) => self.location(&["commands", name, "url"], url),
            }
            match (name, hook.data) {
                ("migrate", None) => {
                    let hint = "data = \"unchanged\", \"additive\" (the old release still understands it) or \"breaking\"";
                    self.wrong(&at, "it does not say what it does to the data", Some(hint));
                }
                ("migrate", Some(_)) | (_, None) => {}
                (_, Some(_)) => self.wrong(&["commands", name, "data"], "only `migrate` changes data", None),
            }
            if let Some(timeout) = hook.timeout {
                self.timeout(&["commands", name, "timeout"], timeout);
            }
        }
    }

    fn checks(&mut self, manifest: &Manifest) {
        for (at, check) in manifest.check.iter().enumerate() {
            let number = at.to_string();
            let field = |field: &'static str| ["check", &number, field].map(str::to_owned);
            if check.name.is_empty() || check.name.contains(char::is_control) {
                self.wrong(&["check", &number], "a check has a name", None);
            }
            if manifest.check[..at].iter().any(|other| other.name == check.name) {
                self.wrong(&field("name").each_ref().map(String::as_str), "another check has this name", None);
            }
            let given = [check.url.is_some(), !check.command.is_empty(), check.log_lacks.is_some()];
            if given.iter().filter(|given| **given).count() != 1 {
                self.wrong(&["check", &number], "a check is one of `url`, `command` and `log-lacks`", None);
            }
            if let Some(url) = &check.url {
                self.location(&field("url").each_ref().map(String::as_str), url);
                self.status(&field("status").each_ref().map(String::as_str), check.status.unwrap_or(200));
            } else if check.status.is_some() || check.body_contains.is_some() || check.body_lacks.is_some() {
                self.wrong(&["check", &number], "`status` and `body-…` are for a `url`", None);
            }
            if check.when == When::Periodic {
                if check.url.is_none() {
                    let place = field("when");
                    let kind = ProblemKind::NotSupported {
                        value: Some("periodic".into()),
                        hint: Some("supported today: `periodic` checks of a `url`; others are `staged`".into()),
                    };
                    self.problems.push(self.document.problem(&place.each_ref().map(String::as_str), kind));
                }
                if ["ready", "live"].contains(&check.name.as_str()) {
                    self.wrong(&field("name").each_ref().map(String::as_str), "a probe of `[health]` has this name", None);
                }
            } else if check.every.is_some() {
                let message = "only a periodic check is made again";
                self.wrong(&field("every").each_ref().map(String::as_str), message, Some("when = \"periodic\""));
            }
            if !check.command.is_empty() {
                self.argv(&field("command").each_ref().map(String::as_str), &check.command);
            }
            if let Some(log) = &check.log_lacks {
                let place = ["check", &number, "log-lacks", "file"];
                if !manifest.state.keys().any(|state| log.file.below(state).is_some()) {
                    let message = format!("`{}` is in no `[state]`, so the application cannot write it", log.file);
                    self.wrong(&place, message, Some("declare its directory with nature = \"log\""));
                }
                if log.pattern.trim().is_empty() {
                    self.wrong(&["check", &number, "log-lacks", "pattern"], "every line would match", None);
                }
            }
            self.timeout(&field("timeout").each_ref().map(String::as_str), check.timeout);
        }
    }

    fn cron(&mut self, manifest: &Manifest) {
        for (at, cron) in manifest.cron.iter().enumerate() {
            let number = at.to_string();
            let (name, before) = (cron.name_at(at), manifest.cron[..at].iter().enumerate());
            if before.clone().any(|(at, other)| other.name_at(at) == name) {
                self.wrong(&["cron", &number, "name"], "another periodic command has this name", None);
            }
            self.argv(&["cron", &number, "command"], &cron.command);
            self.timeout(&["cron", &number, "timeout"], cron.timeout);
        }
    }

    fn state(&mut self, manifest: &Manifest) {
        for (path, state) in &manifest.state {
            let field = |field: &'static str| ["state", path.as_str(), field];
            if path.is_root() {
                self.wrong(&["state", ""], "the instance directory as a whole cannot be the application's own", None);
            }
            if let Some(other) = manifest.state.keys().find(|other| *other != path && path.below(other).is_some()) {
                self.wrong(&["state", path], format!("it lies below `{other}`, which is state already"), None);
            }
            let config = state.nature == StateNature::Config;
            if config && state.is_directory() {
                self.wrong(&field("kind"), "a config is a file", None);
            }
            if !state.owned_keys.is_empty() && !config {
                self.wrong(&field("owned-keys"), "only a config has owned keys", None);
            }
            if config && !state.owned_keys.is_empty() && StateDef::format(path).is_none() {
                let hint = "names end with .ini, .cfg, .conf, .json or .toml";
                self.wrong(&["state", path], "keys of such a file cannot be set", Some(hint));
            }
            for (at, key) in state.owned_keys.iter().enumerate() {
                let number = at.to_string();
                let place = ["state", path.as_str(), "owned-keys", &number];
                let stars = key.strip_suffix(".*").unwrap_or(key);
                if stars.split('.').any(str::is_empty) || stars.contains('*') || !key.contains('.') {
                    self.wrong(
                        &place,
                        format!("`{}` is not a key: write `section.key` or `section.*`", key.escape_debug()),
                        None,
                    );
                }
            }
            if state.seed.as_ref().is_some_and(TreePath::is_root) {
                self.wrong(&field("seed"), "a file or directory below the instance directory", None);
            }
        }
    }
}

/// `>=3.9,<4`.
fn is_specifier(text: &str) -> bool {
    text.split(',').all(|part| {
        let part = part.trim();
        let operator = ["==", ">=", "<=", "!=", "~=", ">", "<"].into_iter().find(|operator| part.starts_with(operator));
        let version = operator.and_then(|operator| part.strip_prefix(operator)).unwrap_or_default().trim();
        let version = version.strip_suffix(".*").unwrap_or(version);
        !version.is_empty()
            && version.split('.').all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
