//! The rules of `[front]` for one release, ready to be applied.

use hyper::{
    HeaderMap, Uri,
    header::{HeaderName, HeaderValue, LOCATION},
};
use silver_pack::address::{self, Pattern};
use silver_plugin_api::plan::{Front, Subpath};
use std::time::Duration;

/// Neither a byte of the request nor the head of the answer for so long: the app is given up.
const SILENCE: Duration = Duration::from_mins(2);

/// What is done with the requests for a release, and with its answers.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    deny: Vec<Pattern>,
    rewrite: Vec<Rewrite>,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) strips: bool,
    pub(super) max_body: Option<u64>,
    pub(super) silence: Duration,
    pub(super) upgrades: bool,
    pub(super) not_found: Option<String>,
}

#[derive(Debug)]
struct Rewrite {
    from: Pattern,
    to: String,
    unless_file: bool,
}

impl Rules {
    /// Manifests are validated: what is not a rule here was written by something else than silver,
    /// and is left out with a word in the agent's log.
    pub(super) fn new(front: &Front) -> Self {
        let pattern = |text: &String| {
            text.parse::<Pattern>().map_err(|error| tracing::error!("a rule of the front is left out: {error}")).ok()
        };
        let header = |(name, value): &(String, String)| Some((name.parse().ok()?, value.parse().ok()?));
        Self {
            deny: front.deny.iter().filter_map(pattern).collect(),
            rewrite: (front.rewrite.iter())
                .filter_map(|rule| {
                    Some(Rewrite { from: pattern(&rule.from)?, to: rule.to.clone(), unless_file: rule.unless_file })
                })
                .collect(),
            headers: front.headers.iter().filter_map(header).collect(),
            strips: front.subpath == Subpath::Strip,
            max_body: front.max_body,
            silence: front.timeout_ms.map_or(SILENCE, Duration::from_millis),
            upgrades: front.websockets,
            not_found: front.not_found.clone(),
        }
    }

    /// Is this path below the location refused? However it is spelt.
    pub(super) fn denies(&self, path: &str) -> bool {
        if self.deny.is_empty() {
            return false;
        }
        let plain = address::plain(path);
        self.deny.iter().any(|pattern| pattern.covers(&plain))
    }

    /// The target that a request for `path` (below the location, as it was asked for) leads to by
    /// the first rule that fits; `None`: it stays as it is.
    pub(super) fn rewritten(&self, path: &str, query: Option<&str>, unless_file: bool) -> Option<String> {
        let fits = |rule: &Rewrite| rule.from.captures(path).map(|captures| address::fill(&rule.to, &captures));
        let mut target = self.rewrite.iter().filter(|rule| rule.unless_file == unless_file).find_map(fits)?;
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(query);
        }
        Some(target)
    }

    /// Headers of every answer.
    pub(super) fn dress(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// A redirect of an application that does not know its path leads to where it is.
    pub(super) fn relocate(&self, headers: &mut HeaderMap, base: &str) {
        if !self.strips || base.is_empty() {
            return;
        }
        let below = |to: &str| to.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        let Some(to) = headers.get(LOCATION).and_then(|to| to.to_str().ok()) else { return };
        if to.starts_with('/')
            && !to.starts_with("//")
            && !below(to)
            && let Ok(value) = HeaderValue::from_str(&format!("{base}{to}"))
        {
            headers.insert(LOCATION, value);
        }
    }
}

/// The path of a request below the location; begins with a slash unless it is empty.
pub(super) fn below<'u>(uri: &'u Uri, base: &str) -> &'u str {
    uri.path().strip_prefix(base).unwrap_or(uri.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_plugin_api::plan;

    #[test]
    fn the_first_rule_counts_and_the_query_is_kept() {
        let rule = |from: &str, to: &str, unless_file| plan::Rewrite { from: from.into(), to: to.into(), unless_file };
        let rewrite = vec![
            rule("/wiki/*", "/index.php?title=$1", false),
            rule("/wiki/Main", "/never", false),
            rule("/**", "/index.html", true),
        ];
        let rules = Rules::new(&Front { rewrite, ..Front::default() });
        assert_eq!(rules.rewritten("/wiki/Main", None, false).as_deref(), Some("/index.php?title=Main"));
        assert_eq!(rules.rewritten("/wiki/Main", Some("a=b"), false).as_deref(), Some("/index.php?title=Main&a=b"));
        assert_eq!(rules.rewritten("/other", Some("a=b"), true).as_deref(), Some("/index.html?a=b"));
        assert_eq!(rules.rewritten("/other", None, false), None);
    }

    #[test]
    fn redirects_of_an_application_that_was_moved() {
        let rules = Rules::new(&Front { subpath: Subpath::Strip, ..Front::default() });
        for (to, wanted) in [
            ("/login", "/sub/login"),
            ("/sub/login", "/sub/login"),
            ("/subway", "/sub/subway"),
            ("//other.example/x", "//other.example/x"),
            ("http://other.example/x", "http://other.example/x"),
            ("next", "next"),
        ] {
            let mut headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(to))]);
            rules.relocate(&mut headers, "/sub");
            assert_eq!(headers[LOCATION], wanted);
        }
    }
}
