//! A proposal in words.

use super::{Change, Proposal, Verb};

impl Proposal {
    /// What it says in one line.
    pub fn headline(&self, node: &str) -> String {
        let all = self.changes.len() + self.unknown.len() + self.in_place;
        let version = match &self.former {
            Some(former) if *former == self.version => format!("setup {}", self.version.short()),
            Some(former) => format!("setup {} → {}", former.short(), self.version.short()),
            None => format!("first setup, {}", self.version.short()),
        };
        match self.changes.len() {
            0 if self.unknown.is_empty() => format!("{node}: all {all} resources are in place ({version})"),
            0 => format!("{node}: nothing to change that can be seen ({version})"),
            count => format!("{node}: {count} of {all} resources change ({version})"),
        }
    }

    /// Each change with its reason, then what cannot be seen and what is left alone.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for change in &self.changes {
            lines.push(format!("  {}", change.line()));
            lines.push(format!("      {}", change.why));
        }
        if self.changes.iter().any(|change| change.guarded) {
            lines.push("  !  can cut you off: undone by the node within 60 s, unless a fresh connection comes through".into());
        }
        for unknown in &self.unknown {
            lines.push(format!("  ?  {} {} cannot be looked at: {}", unknown.kind, unknown.name, unknown.why));
        }
        for left in &self.left {
            lines.push(format!("  .  {left} is no longer part of the set-up and is left alone"));
        }
        lines
    }
}

impl Change {
    /// In one line: mark, kind, name, what is and what shall be.
    pub fn line(&self) -> String {
        let mark = match self.verb {
            Verb::Create => '+',
            Verb::Change => '~',
            Verb::Remove => '-',
            Verb::Run | Verb::Poke => '>',
        };
        let guarded = if self.guarded { '!' } else { ' ' };
        let mut parts: Vec<String> = match self.verb {
            Verb::Run => vec!["run".into()],
            Verb::Create if self.differences.len() == 1 => Vec::new(),
            _ => self.differences.iter().map(|it| format!("{} {} → {}", it.what, it.is, it.shall)).collect(),
        };
        parts.extend(self.poked.map(|how| how.as_str().to_owned()));
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        format!("{mark}{guarded} {} {}{parts}", self.kind, self.name)
    }

    /// What is done, in one word.
    pub const fn verb(&self) -> &'static str {
        match (self.verb, self.poked) {
            (Verb::Create, _) => "create",
            (Verb::Change, _) => "change",
            (Verb::Remove, _) => "remove",
            (Verb::Run, _) => "run",
            (Verb::Poke, Some(how)) => how.as_str(),
            (Verb::Poke, None) => "nothing",
        }
    }
}
