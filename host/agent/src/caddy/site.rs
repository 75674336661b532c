//! From what the front is to do for an app to routes of Caddy. Pure.
//!
//! The order is that of the own front ([`crate::front`]): gate, the pack's refusals, its rewrites, files, public
//! state, files again, the application. Paths of the release never appear in it but through numbered links
//! ([`super::links`]), so two releases with the same rules have the same configuration, and an update from one to the other
//! leaves Caddy alone.

mod files;
mod gate;
mod pass;
mod rules;

use super::{
    json::{PATH, URI, always, come_back, ending, file, fits, inner, is, literal, page, quoted, route},
    settings::Settings,
};
use crate::front::{Directory, Place, directories, only_files};
use hyper::StatusCode;
use serde_json::{Value, json};
use silver_pack::hash::sha256;
use silver_plugin_api::{
    TreePath,
    plan::{Release, Subpath},
};
use std::path::Path;

/// What the front is to do for an app.
#[derive(Debug, Clone)]
pub(super) struct Site<'a> {
    pub(super) app: &'a str,
    pub(super) places: Vec<Place>,
    pub(super) shown: Shown<'a>,
}

/// What visitors see.
#[derive(Debug, Clone)]
pub(super) enum Shown<'a> {
    /// The operator has disabled the app.
    Disabled,
    /// There is no release.
    Nothing,
    /// A release.
    Release {
        release: &'a Release,
        /// The asset directories of this and of former releases that have others.
        assets: Vec<Assets>,
        /// For each of its directories, links that lead out of it.
        outside: Vec<Vec<String>>,
    },
}

/// Asset directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assets {
    /// Of these releases; none named: of all that are not named elsewhere.
    pub(super) labels: Vec<String>,
    pub(super) dirs: Vec<TreePath>,
    /// Links in them that lead out.
    pub(super) outside: Vec<String>,
}

/// Where it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    /// `run/front/<app>`.
    pub(super) front: &'a Path,
    /// The directory of all releases of the app.
    pub(super) releases: &'a Path,
    pub(super) settings: &'a Settings,
}

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Through the gate.
    Visitors,
    /// Past it.
    Agents,
}

impl Side {
    /// With what the `@id` of a route begins.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Visitors => "silver:",
            Self::Agents => "silver-inside:",
        }
    }
}

/// What all parts of a site's routes are made from.
struct Making<'a> {
    app: &'a str,
    release: &'a Release,
    directories: Vec<Directory>,
    outside: &'a [Vec<String>],
    only_files: bool,
    /// Path of the location.
    base: &'a str,
    /// `run/front/<app>`.
    front: String,
    /// The link to what is served.
    served: String,
    releases: String,
    settings: &'a Settings,
    side: Side,
}

impl Site<'_> {
    /// What tells these rules from others: the name of the link under which they find their release.
    pub(super) fn rules(&self, ground: Ground<'_>) -> String {
        let routes: Vec<Value> = [Side::Visitors, Side::Agents].iter().flat_map(|side| self.routes(ground, *side, "")).collect();
        let mut digest = sha256(json!(routes).to_string().as_bytes()).hex();
        digest.truncate(8);
        digest
    }

    /// One route for each location. Which of them comes first is for [`super::config`] to say.
    pub(super) fn routes(&self, ground: Ground<'_>, side: Side, rules: &str) -> Vec<Value> {
        self.places.iter().map(|place| self.route(place, ground, side, rules)).collect()
    }

    /// Where visitors of this place are sent, when that is elsewhere.
    fn canonical(&self, at: &Place) -> Option<&Place> {
        let Shown::Release { release, .. } = &self.shown else { return None };
        self.places.first().filter(|first| release.front.canonical && *first != at)
    }

    fn route(&self, place: &Place, ground: Ground<'_>, side: Side, rules: &str) -> Value {
        let (host, base) = place;
        let mut when = json!({ "host": [host] });
        if !base.is_empty() {
            // as it was asked for: `/%73ub` is another path
            when["vars_regexp"] = json!({ URI: { "pattern": format!("^{}(?:[/?]|$)", quoted(base)) } });
        }
        let mut handle = vec![json!({ "handler": "headers", "response": { "delete": ["Server"] } })];
        match (&self.shown, self.canonical(place)) {
            (Shown::Disabled, _) => handle.push(come_back(&format!("{} is switched off for the moment.", self.app), 300)),
            (Shown::Nothing, _) => handle.push(come_back(&format!("{} has no release that could answer.", self.app), 60)),
            (Shown::Release { .. }, Some((canonical, path))) => {
                let start = json!([{ "find": format!("^{}/*", quoted(base)), "replace": format!("{path}/") }]);
                handle.push(json!({ "handler": "rewrite", "path_regexp": start }));
                let mut moved = page(StatusCode::PERMANENT_REDIRECT, "It is elsewhere.");
                let origin = format!("{}://{}", ground.settings.scheme(), ground.settings.authority(canonical));
                moved["headers"]["Location"] = json!([format!("{origin}{URI}")]);
                handle.push(moved);
            }
            (Shown::Release { release, assets, outside }, None) => {
                let making = Making {
                    app: self.app,
                    release,
                    directories: directories(release),
                    outside,
                    only_files: only_files(release),
                    base,
                    front: text(ground.front),
                    served: format!("{}/{}.{rules}", text(ground.front), if side == Side::Visitors { 'v' } else { 'i' }),
                    releases: text(ground.releases),
                    settings: ground.settings,
                    side,
                };
                handle.extend(making.dress());
                handle.push(json!({
                    "handler": "subroute",
                    "routes": making.routes(assets),
                    "errors": { "routes": making.errors() },
                }));
            }
        }
        let mut route = ending(route(when, handle));
        route["@id"] = json!(format!("{}{}:{host}{base}", side.mark(), self.app));
        route
    }
}

impl Making<'_> {
    fn routes(&self, assets: &[Assets]) -> Vec<Value> {
        let mut routes = vec![compress()];
        if self.side == Side::Visitors {
            if !self.only_files {
                routes.push(gate::keep_small_bodies());
            }
            routes.push(self.hold());
        }
        if !self.base.is_empty() {
            routes.push(always(vec![
                json!({ "handler": "rewrite", "path_regexp": [{ "find": format!("^{}", quoted(self.base)), "replace": "" }] }),
            ]));
            if self.strips() || self.only_files {
                routes.push(ending(route(is(PATH, ""), self.with_slash("/"))));
            }
        }
        routes.extend(self.deny());
        routes.extend(self.rewrites(false));
        routes.extend(self.files(assets));
        routes.extend(self.holds());
        let otherwise = self.rewrites(true);
        if !otherwise.is_empty() {
            routes.extend(otherwise);
            routes.extend(self.files(assets));
            routes.extend(self.holds());
        }
        if self.only_files {
            routes.extend(self.not_found());
        } else {
            routes.extend(self.pass());
        }
        routes
    }

    fn strips(&self) -> bool {
        self.release.front.subpath == Subpath::Strip
    }

    /// Headers of every answer.
    fn dress(&self) -> Option<Value> {
        let headers = &self.release.front.headers;
        let set: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| (name.clone(), json!([literal(value)]))).collect();
        // when the answer begins, in place of what the app says
        (!set.is_empty()).then(|| json!({ "handler": "headers", "response": { "deferred": true, "set": set } }))
    }

    /// Relative addresses of the page that is asked for would lead out of the location or directory.
    fn with_slash(&self, end: &str) -> Vec<Value> {
        let mut answer = page(StatusCode::PERMANENT_REDIRECT, "It has a slash at its end.");
        answer["headers"]["Location"] = json!([URI]);
        let path = [json!({ "find": "^", "replace": self.base }), json!({ "find": "$", "replace": end })];
        vec![json!({ "handler": "rewrite", "path_regexp": path }), answer]
    }

    /// What is said when the application, or a file, could not be had.
    fn errors(&self) -> Vec<Value> {
        let app = self.app;
        let status = |code: &str| is("{http.error.status_code}", code);
        let mut routes = Vec::new();
        let gone = json!(["502", "503"]);
        if self.side == Side::Visitors {
            let mut closed = json!({ "not": [file(&self.front, &["/open".into()])] });
            closed["vars"] = json!({ "{http.error.status_code}": gone });
            routes.push(route(closed, vec![self.being_updated()]));
        }
        let mut large = page(StatusCode::PAYLOAD_TOO_LARGE, &self.at_most());
        large["close"] = json!(true);
        routes.push(route(status("413"), vec![large]));
        routes.push(route(status("504"), vec![page(StatusCode::GATEWAY_TIMEOUT, &format!("{app} did not answer in time."))]));
        let mut away = fits("{http.error.message}", "away", "^dial ");
        away["vars"] = json!({ "{http.error.status_code}": gone });
        routes.push(route(away, vec![page(StatusCode::BAD_GATEWAY, &format!("{app} does not answer."))]));
        let broke = page(StatusCode::BAD_GATEWAY, &format!("{app} broke off instead of answering."));
        routes.push(route(json!({ "vars": { "{http.error.status_code}": ["500", "502", "503"] } }), vec![broke]));
        // a file that went, or that Caddy may not read
        routes.push(always(vec![inner(super::json::nothing())]));
        routes.into_iter().map(ending).collect()
    }

    fn at_most(&self) -> String {
        format!("At most {} bytes can be sent here.", self.release.front.max_body.unwrap_or_default())
    }
}

/// Compresses what is text and of known length: a stream must not wait in a compressor. A part of a file is
/// sent as it is.
fn compress() -> Value {
    let kinds = [
        "text/html*",
        "text/css*",
        "text/javascript*",
        "text/plain*",
        "text/csv*",
        "application/json*",
        "application/javascript*",
        "application/xml*",
        "application/*+xml*",
        "application/wasm*",
        "image/svg+xml*",
    ];
    let encode = json!({
        "handler": "encode",
        "encodings": { "gzip": {}, "zstd": {} },
        "prefer": ["zstd", "gzip"],
        "match": { "headers": { "Content-Type": kinds, "Content-Length": ["*"] } },
    });
    route(json!({ "not": [{ "header": { "Range": ["*"] } }] }), vec![encode])
}

fn text(path: &Path) -> String {
    literal(&path.to_string_lossy())
}
