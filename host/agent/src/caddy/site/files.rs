//! Files that are served without asking the application.

use super::{Assets, Making, PATH, ending, file, fits, inner, literal, page, quoted, route};
use crate::{
    caddy::json::{nothing, reads},
    front::{Source, TYPES, UNKNOWN},
};
use hyper::StatusCode;
use serde_json::{Value, json};
use silver_plugin_api::TreePath;
use std::fmt::Write as _;

/// A segment of a path that a file could have: not empty, and not beginning with a dot but for `.well-known`.
const SEGMENT: &str = r"(?:\.well-known|[^./\x00][^/\x00]*)";
/// Public state is looked for so deep; what is asked for deeper is not there.
const DEPTH: usize = 12;
/// Release labels end so.
const NUMBER: &str = "[0-9_]+";
/// The address changes whenever the bytes do.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// To be asked for again each time.
const REVALIDATED: &str = "no-cache";

impl Making<'_> {
    /// Assets, public state, static directories; what is not there goes on to the next route.
    pub(super) fn files(&self, assets: &[Assets]) -> Vec<Value> {
        let mut routes: Vec<Value> = assets.iter().map(|assets| self.assets(assets)).collect();
        for (index, directory) in self.directories.iter().enumerate() {
            let public = matches!(directory.source, Source::State(_));
            let root = self.root(index, if public { 'p' } else { 's' });
            let prefix = quoted(&directory.prefix);
            let below = |pattern: &str| fits(PATH, "file", &format!("(?s)^{prefix}({pattern})$"));
            let outside = self.outside.get(index).map(Vec::as_slice).unwrap_or_default();
            let found = |end: &str| found(&root, "", &format!("{{http.regexp.file.1}}{end}"), outside);
            let mut plain = vec![ending(route(found(""), serve(&root, REVALIDATED, None)))];
            if !public {
                plain.push(ending(route(found("/index.html"), self.with_slash("/"))));
            }
            routes.push(route(below(&format!("(?:{SEGMENT}/)*{SEGMENT}")), vec![inner(plain)]));
            if !public {
                let index = vec![ending(route(found("index.html"), serve(&root, REVALIDATED, None)))];
                routes.push(route(below(&format!("(?:{SEGMENT}/)*")), vec![inner(index)]));
            }
        }
        if routes.is_empty() { Vec::new() } else { vec![route(reads(), vec![inner(routes)])] }
    }

    /// `/static/<label>/…`, as long as the release is there.
    fn assets(&self, assets: &Assets) -> Value {
        let labels = match assets.labels.as_slice() {
            [] => format!("{}\\.{NUMBER}", quoted(self.app)),
            labels => labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join("|"),
        };
        let tree = "/{http.regexp.asset.1}/tree/";
        let any = assets.dirs.iter().any(TreePath::is_root);
        let dirs: Vec<String> = assets.dirs.iter().map(|dir| quoted(dir.as_str())).collect();
        let inside = if any { String::new() } else { format!("(?:{})/", dirs.join("|")) };
        let path = format!("(?s)^{inside}(?:{SEGMENT}/)*{SEGMENT}$");
        let asked = found(&self.releases, tree.trim_start_matches('/'), "{http.regexp.asset.2}", &assets.outside);
        let served = ending(route(asked, serve(&self.releases, FOREVER, None)));
        let missing = page(StatusCode::NOT_FOUND, "There is no such file.");
        let known = vec![
            route(fits("{http.regexp.asset.2}", "inside", &path), vec![inner(vec![served])]),
            ending(json!({ "handle": [missing] })),
        ];
        let there = route(file(&self.releases, &[tree.into()]), vec![inner(known)]);
        route(fits(PATH, "asset", &format!("(?s)^/static/({labels})/(.*)$")), vec![inner(vec![ending(there)])])
    }

    /// Where public state has something, or something that is no directory lies above, the application does
    /// not see the request: it could run what a visitor has uploaded. Links count as what they lead to.
    pub(super) fn holds(&self) -> Vec<Value> {
        let public = self.directories.iter().enumerate().filter(|(_, dir)| matches!(dir.source, Source::State(_)));
        let mut routes = Vec::new();
        for (index, directory) in public {
            let mut path = format!("(?s)^{}", quoted(directory.prefix.trim_end_matches('/')));
            let mut tried: Vec<String> = Vec::new();
            for group in 1..=DEPTH {
                path.push_str(if group == 1 { "(/[^/]+)" } else { "(/[^/]+)?" });
                let above = tried.last().cloned().unwrap_or_default();
                tried.push(format!("{above}{{http.regexp.held.{group}}}"));
            }
            path.push_str("(/.+)?/?$");
            let held = json!({
                "match": [
                    file(&self.root(index, 'h'), &tried),
                    // no name of a file that can be told apart from others
                    { "path_regexp": { "pattern": r"\x{FFFD}" } },
                    fits(&format!("{{http.regexp.held.{}}}", DEPTH + 1), "deep", "^/"),
                ],
                "handle": [inner(nothing())],
                "terminal": true,
            });
            routes.push(route(json!({ "path_regexp": { "name": "held", "pattern": path } }), vec![inner(vec![held])]));
        }
        if !routes.is_empty() {
            // an application might take it for a slash
            let backslash = json!({ "path_regexp": { "pattern": r"\\" } });
            routes.push(ending(route(backslash, vec![inner(nothing())])));
        }
        routes
    }

    /// The end where no process is asked: the page of the pack for what is not there.
    pub(super) fn not_found(&self) -> Vec<Value> {
        let mut routes = Vec::new();
        if let Some(shown) = &self.release.front.not_found {
            for (index, directory) in self.directories.iter().enumerate() {
                if let (Source::Tree(_), Some(rest)) = (&directory.source, shown.strip_prefix(&directory.prefix)) {
                    let root = self.root(index, 's');
                    let there = route(file(&root, &[format!("/{}", globbed(rest))]), serve(&root, REVALIDATED, Some(404)));
                    routes.push(ending(there));
                }
            }
        }
        let mut all = if routes.is_empty() { Vec::new() } else { vec![route(reads(), vec![inner(routes)])] };
        all.extend(nothing());
        all
    }

    /// A numbered link of the release.
    fn root(&self, index: usize, kind: char) -> String {
        format!("{}/{kind}{index}", self.served)
    }
}

/// Matches when the file `path` is there below `tree` in `root`, and lies at or below none of the links that lead out.
fn found(root: &str, tree: &str, path: &str, outside: &[String]) -> Value {
    let mut found = file(root, &[format!("/{tree}{path}")]);
    if !outside.is_empty() {
        let links: Vec<String> = outside.iter().map(|link| quoted(link)).collect();
        found["not"] = json!([fits(path, "outside", &format!("^(?:{})(?:/|$)", links.join("|")))]);
    }
    found
}

/// Serves the file that was just found below `root`.
fn serve(root: &str, cache: &str, status: Option<u16>) -> Vec<Value> {
    let kinds: Vec<Value> =
        TYPES.iter().map(|(ends, kind)| json!({ "input_regexp": ends_with(ends), "outputs": [kind] })).collect();
    // tags are compared, times are not: links to one file in the store share its time
    let mut ignored = vec!["If-Modified-Since", "If-Unmodified-Since"];
    let mut server = json!({ "handler": "file_server", "root": root, "canonical_uris": false, "index_names": [] });
    if let Some(status) = status {
        // the conditions and ranges of the visitor are for another page
        ignored.extend(["If-None-Match", "If-Match", "If-Range", "Range"]);
        server["status_code"] = json!(status.to_string());
    }
    let shown = json!({ "Content-Type": ["{silver.kind}"], "Cache-Control": [cache], "X-Content-Type-Options": ["nosniff"] });
    vec![
        json!({ "handler": "rewrite", "uri": "{http.matchers.file.relative}" }),
        json!({
            "handler": "map",
            "source": "{http.request.uri.path.file.ext}",
            "destinations": ["{silver.kind}"],
            "mappings": kinds,
            "defaults": [UNKNOWN],
        }),
        json!({ "handler": "headers", "request": { "delete": ignored }, "response": { "deferred": true, "delete": ["Last-Modified"] } }),
        json!({ "handler": "headers", "response": { "set": shown } }),
        server,
    ]
}

fn ends_with(ends: &[&str]) -> String {
    format!(r"(?i)^\.(?:{})$", ends.join("|"))
}

/// A path that Caddy takes as it is where it would take a pattern.
fn globbed(path: &str) -> String {
    let mut text = String::new();
    for c in path.chars() {
        if "*?[\\".contains(c) {
            text.push('\\');
        }
        let _ = write!(text, "{c}"); // memory takes everything
    }
    literal(&text)
}
