//! Progress of long work: a bar on a terminal for what takes long, lines for what is worth one.
//!
//! A line is written for a step that took long, said something or failed; all others are counted in
//! one line at the end.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use silver_plugin_api::path::plain;
use silver_plugin_api::plan::{Progress, ProgressKind};
use std::{
    io::Write,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Work shorter than this shows no bar and no line.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows one stream of [`Progress`].
pub struct ProgressView {
    show: bool,
    terminal: bool,
    began: Instant,
    steps: usize,
    step: Option<Step>,
    heard: Heard,
}

/// The last line of a program that was shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<String>>);

impl Heard {
    /// Is it this one?
    pub(super) fn is(&self, line: &str) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == line
    }

    fn set(&self, line: &str) {
        line.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The step under way.
struct Step {
    text: String,
    began: Instant,
    spoke: bool,
    bar: Option<LateBar>,
}

impl ProgressView {
    pub(super) fn new(show: bool, terminal: bool, heard: Heard) -> Self {
        Self { show, terminal, began: Instant::now(), steps: 0, step: None, heard }
    }

    /// Shows one message.
    pub fn show(&mut self, progress: &Progress) {
        if !self.show {
            return;
        }
        match &progress.kind {
            ProgressKind::Begin(text) => {
                if self.steps == 0 {
                    self.began = Instant::now();
                }
                let text = plain(text).into_owned();
                let bar = self.terminal.then(|| LateBar::new(&text));
                self.step = Some(Step { text, began: Instant::now(), spoke: false, bar });
            }
            ProgressKind::Amount { done, total } => {
                if let Some(bar) = self.step.as_ref().and_then(|step| step.bar.as_ref()) {
                    bar.amount(*done, *total);
                }
            }
            ProgressKind::Line(line) => {
                if let Some(step) = &mut self.step {
                    step.spoke = true;
                }
                self.heard.set(line);
                self.print(&format!("  | {}", plain(line)));
            }
            ProgressKind::Done => {
                self.steps += 1;
                if let Some(line) = self.step.take().and_then(|step| done(&step.text, step.began.elapsed(), step.spoke)) {
                    self.print(&line);
                }
            }
            ProgressKind::Failed(why) => {
                self.step = None;
                self.print(&format!("  {}: failed: {}", plain(&progress.step), plain(why)));
            }
            ProgressKind::Undo => self.print(&format!("  {}: undone", plain(&progress.step))),
        }
    }

    /// Removes the bar and says how much was done in all.
    pub fn finish(&mut self) {
        self.step = None;
        match std::mem::take(&mut self.steps) {
            0 => {}
            steps => self.print(&summary(steps, self.began.elapsed())),
        }
    }

    fn print(&self, line: &str) {
        match self.step.as_ref().and_then(|step| step.bar.as_ref()) {
            Some(bar) => bar.bar.suspend(|| write(line)),
            None => write(line),
        }
    }
}

impl Drop for ProgressView {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A bar that shows itself only when the work turns out to be long.
struct LateBar {
    bar: ProgressBar,
    end: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl LateBar {
    fn new(text: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style("  {spinner} {wide_msg}"));
        bar.set_message(text.to_owned());
        let (end, ended) = channel();
        let late = bar.clone();
        let waiting = std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                late.set_draw_target(ProgressDrawTarget::stderr());
                late.enable_steady_tick(Duration::from_millis(120));
            }
        });
        Self { bar, end: Some(end), waiting: Some(waiting) }
    }

    fn amount(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total
            && self.bar.length() != Some(total)
        {
            self.bar.set_style(style("  {spinner} {msg:30!} {wide_bar} {percent:>3}%"));
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }
}

impl Drop for LateBar {
    fn drop(&mut self) {
        drop(self.end.take());
        // a thread that draws a bar cannot panic in a way that would matter to the work
        self.waiting.take().map(JoinHandle::join).and_then(Result::ok);
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The line about a step that is done, if it is worth one.
fn done(text: &str, took: Duration, spoke: bool) -> Option<String> {
    (spoke || took >= PATIENCE).then(|| format!("  {text} ({})", seconds(took)))
}

fn summary(steps: usize, took: Duration) -> String {
    let plural = if steps == 1 { "" } else { "s" };
    format!("  {steps} step{plural} in {}", seconds(took))
}

fn write(line: &str) {
    // progress is a courtesy: a closed standard error does not stop the work
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_took_long_or_said_something_gets_a_line() {
        let cases = [(0, false, None), (499, false, None), (500, false, Some("  x (0.5 s)")), (10, true, Some("  x (0.0 s)"))];
        for (ms, spoke, line) in cases {
            assert_eq!(done("x", Duration::from_millis(ms), spoke).as_deref(), line, "{ms} {spoke}");
        }
    }

    #[test]
    fn all_steps_are_counted() {
        assert_eq!(summary(1, Duration::from_millis(90)), "  1 step in 0.1 s");
        assert_eq!(summary(21, Duration::from_secs(4)), "  21 steps in 4.0 s");
    }

    #[test]
    fn a_bar_of_short_work_is_never_shown() {
        let bar = LateBar::new("short");
        bar.amount(1, Some(2));
        assert!(bar.bar.is_hidden());
        drop(bar);
    }
}
