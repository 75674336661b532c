//! What a command reaches: the pack's package index, and the terminal.

use crate::{
    error::{CommandError, Result as CommandResult},
    ui::{ProgressView, Ui},
};
use serde_json::{Map, Value};
use silver_build::{
    http_fetch::{HttpClient, HttpLimits},
    index::PythonIndex,
    pip::Pip,
};
use silver_pack::{customization::Customization, manifest::IndexKind, pack::Pack};
use silver_plugin_api::{
    Digest, Failure,
    commands::{Console, HttpFetch, Reach, Reply},
    index::Index,
    plan::{Progress, ProgressKind},
};
use std::{cell::RefCell, path::Path};

/// The reach of one command.
pub struct Reached<'a> {
    index: PythonIndex,
    http: HttpClient,
    ui: &'a Ui,
    progress: RefCell<ProgressView>,
    label: RefCell<String>,
    rows: RefCell<Vec<Map<String, Value>>>,
}

impl<'a> Reached<'a> {
    /// The index as the pack uses it and the customization may have it elsewhere; packages are kept below
    /// `downloads`.
    pub fn new(ui: &'a Ui, pack: &Pack, customization: &Customization, downloads: &Path) -> CommandResult<Self> {
        let mut pip = Pip::default();
        if let Some(other) = customization.config.index.get(&IndexKind::Python) {
            pip.mirror.clone_from(&other.url);
            pip.folder = other.directory.as_ref().map(|folder| customization.dir.join(folder));
        }
        if let Some(folder) = pip.folder.as_mut() {
            *folder = std::path::absolute(&*folder)?;
        }
        let index = PythonIndex::new(pack, pip, downloads)?;
        let (progress, label) = (RefCell::new(ui.progress()), RefCell::default());
        let http = HttpClient::new(HttpLimits::default());
        Ok(Self { index, http, ui, progress, label, rows: RefCell::default() })
    }

    /// Ends what is shown; the rows of all tables, for `--json`.
    pub fn finish(self) -> Vec<Map<String, Value>> {
        self.progress.into_inner().finish();
        self.rows.into_inner()
    }
}

impl Reach for Reached<'_> {
    fn index(&self, name: &str) -> Result<Box<dyn Index + '_>, Failure> {
        if name == IndexKind::Python.as_str() {
            return Ok(Box::new(&self.index));
        }
        Err(Failure::NotFound(format!("the index `{name}`: the pack declares none of that name")))
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
