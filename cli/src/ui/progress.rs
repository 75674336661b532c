//! Progress of long work: bars on a terminal, lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use silver_plugin_api::path::plain;
use silver_plugin_api::plan::{Progress, ProgressKind};
use std::io::Write;
use std::time::{Duration, Instant};

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows one stream of [`Progress`].
pub struct ProgressView {
    show: bool,
    terminal: bool,
    began: Instant,
    bar: Option<ProgressBar>,
    step: String,
}

impl ProgressView {
    pub(super) fn new(show: bool, terminal: bool) -> Self {
        Self { show, terminal, began: Instant::now(), bar: None, step: String::new() }
    }

    /// Shows one message.
    pub fn show(&mut self, progress: &Progress) {
        if !self.show {
            return;
        }
        match &progress.kind {
            ProgressKind::Begin(text) => {
                self.step.clone_from(text);
                self.began = Instant::now();
                if self.terminal {
                    self.bar(None).set_message(plain(text).into_owned());
                }
            }
            ProgressKind::Amount { done, total } => {
                if self.terminal && self.began.elapsed() >= PATIENCE {
                    let bar = self.bar(*total);
                    bar.set_position(*done);
                }
            }
            ProgressKind::Line(line) => self.print(&format!("  | {}", plain(line))),
            ProgressKind::Done => {
                let step = std::mem::take(&mut self.step);
                let text = if step.is_empty() { &progress.step } else { &step };
                self.print(&format!("  {} ({})", plain(text), seconds(self.began.elapsed())));
            }
            ProgressKind::Failed(why) => self.print(&format!("  {}: failed: {}", plain(&progress.step), plain(why))),
            ProgressKind::Undo => self.print(&format!("  {}: undone", plain(&progress.step))),
        }
    }

    /// Removes the bar.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&mut self, total: Option<u64>) -> &ProgressBar {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::no_length();
            bar.set_style(
                ProgressStyle::with_template("  {spinner} {msg} {wide_bar} {pos}/{len}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar
    }

    fn print(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| Self::write(line)),
            None => Self::write(line),
        }
    }

    fn write(line: &str) {
        // progress is a courtesy: a closed standard error does not stop the work
        writeln!(std::io::stderr().lock(), "{line}").ok();
    }
}

impl Drop for ProgressView {
    fn drop(&mut self) {
        self.finish();
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
