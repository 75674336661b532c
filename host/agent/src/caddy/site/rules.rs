//! `[front]`: refusals and rewrites.

use super::{Making, PATH, URI, ending, fits, literal, page, route};
use hyper::StatusCode;
use serde_json::{Value, json};
use silver_pack::address::{self, Pattern};
use silver_plugin_api::plan::Rewrite;

impl Making<'_> {
    /// What visitors may not ask for, however it is spelt. Caddy decodes and cleans a path before `path_regexp`; a
    /// backslash, which the own front takes for a slash here, is refused altogether where anything is.
    pub(super) fn deny(&self) -> Vec<Value> {
        let patterns: Vec<String> =
            self.release.front.deny.iter().filter_map(|text| pattern(text)).map(|pattern| pattern.regex().to_owned()).collect();
        if patterns.is_empty() {
            return Vec::new();
        }
        let refused = page(StatusCode::FORBIDDEN, "This address is not for visitors.");
        let covered = format!("(?s)^(?:{})(?:/.*)?$", patterns.join("|"));
        let either = json!([{ "path_regexp": { "pattern": covered } }, { "path_regexp": { "pattern": r"\\" } }]);
        vec![json!({ "match": either, "handle": [refused], "terminal": true })]
    }

    /// Addresses that lead elsewhere: of all the first that fits.
    pub(super) fn rewrites(&self, unless_file: bool) -> Vec<Value> {
        let rules = self.release.front.rewrite.iter().enumerate().filter(|(_, rule)| rule.unless_file == unless_file);
        rules.filter_map(|(index, rule)| rewrite(index, rule, self.base)).collect()
    }
}

fn pattern(text: &str) -> Option<Pattern> {
    text.parse().map_err(|error| tracing::error!("a rule of the front is left out: {error}")).ok()
}

fn rewrite(index: usize, rule: &Rewrite, base: &str) -> Option<Value> {
    let name = format!("rewrite{index}");
    let from = pattern(&rule.from)?;
    let (origin, to) = address::origin(&rule.to).unwrap_or(("", &rule.to));
    let (path, query) = match to.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (to, None),
    };
    let mut regex = format!("(?s)^{}$", from.regex());
    if path.contains('$') {
        // Caddy would take the first question mark of a new path for its end
        regex = regex.replace("([^/]*)", "([^/?]*)").replace("(.*)", "([^?]*)");
    }
    let mut to = filled(path, &name);
    if let Some(query) = query {
        to = format!("{to}?{}&{{http.request.uri.query}}", filled(query, &name));
    }
    let mut handle = vec![json!({ "handler": "rewrite", "uri": to })];
    let away = rule.redirect.and_then(|status| StatusCode::from_u16(status).ok());
    if let Some(status) = away {
        // a second slash would make a host of what comes after it
        handle.push(json!({ "handler": "rewrite", "path_regexp": [{ "find": r"^[/\\]*", "replace": "/" }] }));
        if origin.is_empty() && !base.is_empty() {
            handle.push(json!({ "handler": "rewrite", "path_regexp": [{ "find": "^", "replace": base }] }));
        }
        let mut answer = page(status, "It is elsewhere.");
        answer["headers"]["Location"] = json!([format!("{}{URI}", literal(origin))]);
        handle.push(answer);
    }
    let mut route = route(fits(PATH, &name, &regex), handle);
    if away.is_some() {
        route = ending(route);
    }
    route["group"] = json!(if rule.unless_file { "rewrite-unless-file" } else { "rewrite" });
    Some(route)
}

/// `$1` as Caddy has it.
fn filled(to: &str, name: &str) -> String {
    let mut text = String::new();
    let mut rest = to;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(&literal(before));
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            text.push('$');
        } else {
            text.extend(["{http.regexp.", name, ".", &after[..digits], "}"]);
        }
        rest = &after[digits..];
    }
    text.push_str(&literal(rest));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites_as_caddy_has_them() {
        for (from, to, pattern, uri) in [
            (
                "/wiki/*",
                "/index.php?title=$1",
                r"(?s)^/wiki/([^/]*)$",
                "/index.php?title={http.regexp.rewrite3.1}&{http.request.uri.query}",
            ),
            ("/u/*/p/**", "/$2/by/$1", r"(?s)^/u/([^/?]*)/p/([^?]*)$", "/{http.regexp.rewrite3.2}/by/{http.regexp.rewrite3.1}"),
            ("/**", "/{x}.html", r"(?s)^/(.*)$", r"/\{x\}.html"),
        ] {
            let rule = Rewrite { from: from.into(), to: to.into(), unless_file: false, redirect: None };
            let route = rewrite(3, &rule, "").unwrap();
            assert_eq!(route["match"][0]["vars_regexp"][PATH]["pattern"], pattern, "{from}");
            assert_eq!(route["handle"][0]["uri"], uri, "{from}");
        }
    }
}
