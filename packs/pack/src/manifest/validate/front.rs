//! `[front]`, and the state that it serves.

use super::Rules;
use crate::{
    address,
    manifest::{Manifest, REDIRECTS},
};
use silver_plugin_api::plan::StateNature;

/// What frames a message, what ends at one hop, and what is an application's own affair.
const NOT_SET: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "keep-alive",
    "location",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Rules<'_, '_> {
    pub(super) fn front(&mut self, manifest: &Manifest) {
        let front = &manifest.front;
        let answers = manifest.has_web() || manifest.served().is_some();
        if !answers && *front != super::super::Front::default() {
            self.wrong(&["front"], "the application answers no HTTP", Some("a process named `web` does"));
        }
        for (at, rule) in front.rewrite.iter().enumerate() {
            let number = at.to_string();
            let place = ["front", "rewrite", &number, "to"];
            match rule.redirect {
                None => self.location(&place, &rule.to),
                Some(status) => self.redirect(&number, status, &rule.to),
            }
            if let Some(number) = address::numbers(&rule.to).find(|number| *number == 0 || *number > rule.from.stars()) {
                let message = format!("`${number}` is no star of `{}`", rule.from);
                self.wrong(&place, message, Some("`$1` is what the first `*` stands for"));
            }
        }
        for (name, value) in &front.headers {
            let place = ["front", "headers", name.as_str()];
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                self.wrong(&place, format!("`{}` is not the name of a header", name.escape_debug()), None);
            } else if NOT_SET.contains(&name.to_ascii_lowercase().as_str()) {
                self.wrong(&place, "this header says how an answer is sent, which is not the pack's to decide", None);
            }
            if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                self.wrong(&place, "its value has characters other than those of ASCII that can be seen", None);
            }
        }
        if let Some(timeout) = front.timeout {
            self.timeout(&["front", "timeout"], timeout);
        }
        if let Some(page) = &front.not_found {
            self.location(&["front", "not-found"], page);
            if manifest.served().is_none() {
                let hint = "the application shows its own page for what is not there";
                self.wrong(&["front", "not-found"], "only where the front serves all by itself there is such a page", Some(hint));
            }
        }
    }

    /// What a visitor is told: an address of the web, whatever the stars stand for.
    fn redirect(&mut self, number: &str, status: u16, to: &str) {
        if !REDIRECTS.contains(&status) {
            let message = format!("{status} is not the status of a redirect");
            self.wrong(&["front", "rewrite", number, "redirect"], message, Some("301, 302, 303, 307 or 308"));
        }
        let shown = to.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'#' && byte != b'\\');
        if !shown || address::origin(to).is_none() {
            let message = format!("`{}` is no address that visitors can be sent to", to.escape_debug());
            let hint = "a path of the application, or `https://host/path`; escape what is not ASCII";
            self.wrong(&["front", "rewrite", number, "to"], message, Some(hint));
        }
    }

    /// `serve` and `execute` of `[state]`.
    pub(super) fn public_state(&mut self, manifest: &Manifest) {
        let mut taken: Vec<&str> = Vec::new();
        for (path, state) in &manifest.state {
            let field = |field: &'static str| ["state", path.as_str(), field];
            if state.nature != StateNature::Public {
                for (name, given) in [("serve", state.serve.is_some()), ("execute", state.execute.is_some())] {
                    if given {
                        self.wrong(&field(name), "only public state is served", Some("nature = \"public\""));
                    }
                }
                continue;
            }
            if !state.is_directory() {
                self.wrong(&field("kind"), "public state is a directory", None);
            }
            if state.execute == Some(true) {
                self.wrong(&field("execute"), "what visitors can upload is never run", Some("execute = false"));
            }
            match &state.serve {
                None => self.wrong(
                    &["state", path.as_str()],
                    "it does not say at which address it is served",
                    Some("serve = \"/uploads/\""),
                ),
                Some(address) => {
                    let plain = address.len() > 2 && address::plain(address) == *address.trim_end_matches('/');
                    if !address.starts_with('/') || !address.ends_with('/') || !plain {
                        let message = format!("`{}` is not the address of a directory", address.escape_debug());
                        self.wrong(&field("serve"), message, Some("it begins and ends with `/`: \"/uploads/\""));
                    } else if taken.contains(&address.as_str()) {
                        self.wrong(&field("serve"), "other state is served there", None);
                    }
                    taken.push(address);
                }
            }
        }
    }
}
