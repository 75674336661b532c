//! Everything that reaches the terminal. Reports go to standard output, all else to standard error.
//!
//! Text of plugins, packs, applications and nodes is data: control characters never get through.

mod progress;
mod table;

pub use progress::ProgressView;

use progress::Heard;

use crate::{
    args::Globals,
    error::{CommandError, Result},
    words::Words,
};
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use rustix::termios::{OptionalActions, Termios};
use serde::Serialize;
use silver_plugin_api::path::plain;
use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The terminal.
#[derive(Clone)]
pub struct Ui {
    json: bool,
    yes: bool,
    quiet: bool,
    color: bool,
    words: Words,
    /// The last line of a program that was shown.
    heard: Heard,
}

impl Ui {
    /// From the command line and the environment (`NO_COLOR`, is it a terminal?).
    pub fn new(globals: &Globals, words: Words) -> Self {
        let color = match globals.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self { json: globals.json, yes: globals.yes, quiet: globals.quiet, color, words, heard: Heard::default() }
    }

    /// The same terminal with these options, too.
    pub fn and(&self, json: bool, yes: bool, quiet: bool) -> Self {
        Self {
            json: self.json || json,
            yes: self.yes || yes,
            quiet: self.quiet || quiet,
            color: self.color,
            words: self.words.clone(),
            heard: self.heard.clone(),
        }
    }

    /// Is the report wanted as JSON?
    pub fn json(&self) -> bool {
        self.json
    }

    /// Is every question answered yes?
    pub fn says_yes(&self) -> bool {
        self.yes
    }

    /// A line of the report.
    #[expect(clippy::unused_self, reason = "whoever prints needs the terminal")]
    pub fn line(&self, text: &str) {
        write(&mut io::stdout().lock(), text);
    }

    /// A remark beside the report.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            write(&mut io::stderr().lock(), text);
        }
    }

    /// `warning: …`
    pub fn warning(&self, text: &str) {
        self.label("warning", AnsiColor::Yellow, text);
    }

    /// `hint: …`
    pub fn hint(&self, text: &str) {
        self.label("hint", AnsiColor::Cyan, text);
    }

    /// `text` with what was given in the commands that it names, for hints within a report.
    pub fn naming(&self, text: &str) -> String {
        self.words.fill(text).into_owned()
    }

    /// An error, its causes and its hints; with `--json` an object on standard error.
    pub fn error(&self, error: &CommandError) {
        if self.json {
            let said: Vec<_> = error.log.iter().map(|line| plain(line)).collect();
            let shown = |text: &String| plain(&self.words.fill(text)).into_owned();
            let object = serde_json::json!({
                "error": shown(&error.error.to_string()), "causes": error.causes().iter().map(shown).collect::<Vec<_>>(),
                "hints": error.hints.iter().map(shown).collect::<Vec<_>>(), "exit": error.exit.code(),
                "log": said,
            });
            write(&mut io::stderr().lock(), &object.to_string());
            return;
        }
        self.label("error", AnsiColor::Red, &error.error.to_string());
        for cause in error.causes() {
            self.label("caused by", AnsiColor::Red, &cause);
        }
        // progress has shown it, unless there was none
        if !error.log.last().is_some_and(|line| self.heard.is(line)) {
            error.log.iter().for_each(|line| write(&mut io::stderr().lock(), &format!("  | {line}")));
        }
        for hint in &error.hints {
            self.hint(hint);
        }
    }

    /// A list: a table for people, an array of flat objects for programs. The columns are the
    /// fields of the rows; `empty` is said when there is none.
    pub fn list<T: Serialize>(&self, rows: &[T], empty: &str) -> Result<()> {
        if self.json {
            return self.report_json(&rows);
        }
        if rows.is_empty() {
            self.note(empty);
            return Ok(());
        }
        self.line(&table::render(rows)?);
        Ok(())
    }

    /// One JSON value on standard output.
    pub fn report_json<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| CommandError::new(crate::exit::Exit::Error, error))?;
        self.line(&text);
        Ok(())
    }

    /// Asks yes or no; `--yes` says yes. Without a terminal and without `--yes` it is an error that
    /// names the flag.
    pub fn confirm(&self, question: &str, default_yes: bool) -> Result<bool> {
        if self.yes {
            return Ok(true);
        }
        let hint = if default_yes { "Y/n" } else { "y/N" };
        let answer = self.ask(&format!("{question} [{hint}]"), "--yes")?;
        Ok(match answer.to_lowercase().as_str() {
            "" => default_yes,
            "y" | "yes" => true,
            _ => false,
        })
    }

    /// Is there somebody to ask?
    pub fn can_ask(&self) -> bool {
        !self.json && io::stdin().is_terminal()
    }

    /// Asks for a line of text. Without a terminal it is an error that names `instead`.
    pub fn ask(&self, question: &str, instead: &str) -> Result<String> {
        self.demand_terminal(question, instead)?;
        prompt(question);
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Asks for a secret; nothing is shown while it is typed.
    pub fn ask_secret(&self, question: &str, instead: &str) -> Result<String> {
        use rustix::termios::{LocalModes, tcgetattr, tcsetattr};
        self.demand_terminal(question, instead)?;
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).map_err(io::Error::from)?;
        *silenced() = Some(before.clone());
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(io::Error::from)?;
        // asked only now: who answers at once is not seen either
        prompt(question);
        let mut line = String::new();
        let read = stdin.lock().read_line(&mut line);
        tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(io::Error::from)?;
        *silenced() = None;
        self.note("");
        read?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Shows progress of long work; silent with `--quiet` and `--json`.
    pub fn progress(&self) -> ProgressView {
        ProgressView::new(!self.quiet && !self.json, io::stderr().is_terminal(), self.heard.clone())
    }

    fn demand_terminal(&self, question: &str, instead: &str) -> Result<()> {
        if self.can_ask() {
            return Ok(());
        }
        Err(CommandError::usage(format!("nobody can answer here: {question}")).hint(format!("answer with {instead}")))
    }

    fn label(&self, label: &str, color: AnsiColor, text: &str) {
        let style = if self.color { Style::new().bold().fg_color(Some(color.into())) } else { Style::new() };
        let line = format!("{style}{label}:{style:#} {}", plain(&self.words.fill(text)));
        raw(&mut io::stderr().lock(), &line);
    }
}

/// A line of anybody's text.
fn write(to: &mut dyn Write, text: &str) {
    raw(to, &plain(text));
}

/// A line as it is; the one place that writes.
fn raw(to: &mut dyn Write, text: &str) {
    // whoever closed the pipe does not want to hear more: as other Unix programs, end quietly
    if writeln!(to, "{text}").is_err() {
        std::process::exit(i32::from(crate::exit::Exit::Error.code()));
    }
}

/// How the terminal was before what is typed was hidden, while it is.
fn silenced() -> MutexGuard<'static, Option<Termios>> {
    static SILENCED: Mutex<Option<Termios>> = Mutex::new(None);
    SILENCED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows again what is typed, for a process that ends in the middle of asking for a secret.
pub fn unsilence() {
    if let Some(before) = silenced().take() {
        rustix::termios::tcsetattr(io::stdin(), OptionalActions::Now, &before).ok(); // there is nobody to tell
    }
}

fn prompt(question: &str) {
    let mut stderr = io::stderr().lock();
    // a prompt that cannot be shown is answered blindly; reading the answer still works
    write!(stderr, "{} ", plain(question)).and_then(|()| stderr.flush()).ok();
}
