//! `search [QUERY]`: indexes have no search of their own any more, so the pack ships a list of
//! plugins that were tried.

use crate::{INDEX, values};
use silver_plugin::{
    Failure,
    commands::{Invocation, Outcome, Reach},
};

/// More than the list has.
const LIMIT: u32 = 1000;

pub(crate) fn run(what: &Invocation, reach: &dyn Reach) -> Result<Outcome, Failure> {
    let query = values(what, "query").first().map_or("", String::as_str);
    let found = reach.index(INDEX)?.search(query, LIMIT)?;
    if found.is_empty() {
        let summary = format!("this pack knows no plugin with `{query}`; install-plugin also takes names that it does not know");
        return Ok(Outcome { summary, ..Outcome::default() });
    }
    let rows: Vec<Vec<String>> = found.iter().map(|package| vec![package.name.clone(), package.summary.clone()]).collect();
    reach.console().table(&["plugin".into(), "what it does".into()], &rows);
    let summary = if found.len() == 1 { "1 plugin".into() } else { format!("{} plugins", found.len()) };
    Ok(Outcome { summary, ..Outcome::default() })
}
