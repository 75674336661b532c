//! Ctrl-C: a command that has changed nothing yet ends at once; later it decides for itself.

use crate::{error::CommandError, error::Result, exit::Exit, ui::Ui};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// Whether and when the person interrupted; clones share it. Until it is used, the signal ends the
/// process as any other.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The terminal of a command that may still end at once.
    at_once: Mutex<Option<Ui>>,
    /// Removed when the process ends at once.
    scratch: Mutex<Option<PathBuf>>,
    pressed: watch::Sender<bool>,
    listening: AtomicBool,
}

impl Interrupt {
    /// From now on Ctrl-C ends the process with a clear word: nothing has changed.
    pub fn ends_at_once(&self, ui: &Ui) -> Result<()> {
        self.set(Some(ui.clone()));
        self.listen()
    }

    /// When Ctrl-C ends the process, this directory goes as well.
    pub fn removes(&self, scratch: &Path) {
        *self.0.scratch.lock().unwrap_or_else(PoisonError::into_inner) = Some(scratch.to_owned());
    }

    /// From now on Ctrl-C is only remembered, for [`Interrupt::pressed`].
    pub fn is_awaited(&self) -> Result<()> {
        self.set(None);
        self.listen()
    }

    /// Waits until Ctrl-C is pressed, or was since [`Interrupt::is_awaited`].
    pub async fn pressed(&self) {
        // the sender lives as long as `self`
        self.0.pressed.subscribe().wait_for(|pressed| *pressed).await.ok();
    }

    /// Was it pressed since [`Interrupt::is_awaited`]?
    pub fn was_pressed(&self) -> bool {
        *self.0.pressed.borrow()
    }

    /// What was pressed has had its effect.
    pub fn forget(&self) {
        self.0.pressed.send_replace(false);
    }

    fn set(&self, ui: Option<Ui>) {
        *self.0.at_once.lock().unwrap_or_else(PoisonError::into_inner) = ui;
    }

    fn listen(&self) -> Result<()> {
        if self.0.listening.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _within = runtime.enter();
            signal(SignalKind::interrupt())?
        };
        let inner = Arc::clone(&self.0);
        std::thread::spawn(move || inner.hear(&runtime, signals));
        Ok(())
    }
}

impl Inner {
    /// A thread of its own hears the signal also while the command computes or waits for an answer.
    fn hear(&self, runtime: &Runtime, mut signals: Signal) {
        while runtime.block_on(signals.recv()).is_some() {
            // held, so that a command that goes on meanwhile waits for the end
            let at_once = self.at_once.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(ui) = &*at_once {
                crate::ui::unsilence();
                ui.error(&nothing_has_changed());
                silver_build::process::stop();
                if let Some(scratch) = &*self.scratch.lock().unwrap_or_else(PoisonError::into_inner) {
                    let _ = std::fs::remove_dir_all(scratch); // the machine clears what cannot be removed
                }
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            self.pressed.send_replace(true);
        }
    }
}

/// The error of a command that was interrupted before it did anything.
pub fn nothing_has_changed() -> CommandError {
    CommandError::new(Exit::Interrupted, "interrupted: nothing has changed")
}
