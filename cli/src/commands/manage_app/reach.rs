//! What a command reaches: the pack's package indexes, and the terminal.

use super::record::{Fetched, Recorded};
use crate::{
    app_plugins::Indexes,
    error::{CommandError, Result as CommandResult},
    ui::{ProgressView, Ui},
};
use serde_json::{Map, Value};
use silver_build::http_fetch::{HttpClient, HttpLimits};
use silver_pack::pack::Pack;
use silver_plugin_api::{
    Digest, Failure,
    commands::{Console, HttpFetch, Reach, Reply},
    index::Index,
    plan::{Progress, ProgressKind},
};
use std::cell::RefCell;

/// The reach of one command.
pub struct Reached<'a> {
    indexes: Vec<Recorded>,
    http: HttpClient,
    ui: &'a Ui,
    progress: RefCell<ProgressView>,
    label: RefCell<String>,
    rows: RefCell<Vec<Map<String, Value>>>,
}

impl<'a> Reached<'a> {
    /// The indexes as the pack uses them and the customization may have them elsewhere.
    pub fn new(ui: &'a Ui, pack: &Pack, indexes: &Indexes<'_>) -> CommandResult<Self> {
        let open = |kind| Ok(Recorded::new(indexes.open(kind)?));
        let indexes = pack.manifest().index.keys().copied().map(open).collect::<CommandResult<_>>()?;
        let (progress, label) = (RefCell::new(ui.progress()), RefCell::default());
        let http = HttpClient::new(HttpLimits::default());
        Ok(Self { indexes, http, ui, progress, label, rows: RefCell::default() })
    }

    /// Ends what is shown; the rows of all tables, for `--json`, and the packages that were fetched.
    pub fn finish(self) -> (Vec<Map<String, Value>>, Vec<Fetched>) {
        self.progress.into_inner().finish();
        (self.rows.into_inner(), self.indexes.into_iter().flat_map(Recorded::fetched).collect())
    }
}

impl Reach for Reached<'_> {
    fn index(&self, name: &str) -> Result<Box<dyn Index + '_>, Failure> {
        match self.indexes.iter().find(|index| index.kind().as_str() == name) {
            Some(index) => Ok(Box::new(index)),
            None => Err(Failure::NotFound(format!("the index `{name}`: the pack declares none of that name"))),
        }
    }

    fn http(&self) -> &dyn HttpFetch {
        self
    }

    fn console(&self) -> &dyn Console {
        self
    }
}

impl HttpFetch for Reached<'_> {
    fn get(&self, url: &str, accept: Option<&str>, expect: Option<&Digest>) -> Result<Reply, Failure> {
        self.http.get(url, accept, expect)
    }
}

impl Console for Reached<'_> {
    fn line(&self, text: &str) {
        self.progress.borrow_mut().finish();
        if self.ui.json() { self.ui.note(text) } else { self.ui.line(text) }
    }

    fn table(&self, header: &[String], rows: &[Vec<String>]) {
        self.progress.borrow_mut().finish();
        let row = |cells: &Vec<String>| -> Map<String, Value> {
            header.iter().map(|name| name.replace(' ', "_")).zip(cells.iter().cloned().map(Value::String)).collect()
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        if self.ui.json() {
            self.rows.borrow_mut().extend(rows);
        } else if let Err(error) = self.ui.list(&rows, "") {
            self.ui.warning(&error.error.to_string());
        }
    }

    fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        let mut progress = self.progress.borrow_mut();
        let told = |kind| Progress { at_ms: 0, step: "plugin".to_owned(), kind };
        if *self.label.borrow() != label {
            label.clone_into(&mut self.label.borrow_mut());
            progress.show(&told(ProgressKind::Begin(label.to_owned())));
        }
        progress.show(&told(ProgressKind::Amount { done, total }));
    }

    fn confirm(&self, question: &str, default_yes: bool) -> Result<bool, Failure> {
        self.progress.borrow_mut().finish();
        self.ui.confirm(question, default_yes).map_err(|CommandError { error, .. }| Failure::Denied(error.to_string()))
    }
}
