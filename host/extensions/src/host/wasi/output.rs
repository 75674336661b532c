//! Standard output and error: lines of the log.

use super::State;

/// The longest line that is kept whole, in bytes.
const MAX_LINE: usize = 4096;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Error,
}

impl Stream {
    /// By the number of its handle.
    pub(super) const fn of(rep: u32) -> Self {
        if rep == Self::Output as u32 { Self::Output } else { Self::Error }
    }
}

/// What was written and does not yet end with a line feed.
#[derive(Default)]
pub(crate) struct Output([Vec<u8>; 2]);

impl State {
    /// Takes what the plugin prints; whole lines go into its log: of standard error as errors, which are
    /// shown when the plugin fails.
    pub(super) fn print(&mut self, stream: Stream, bytes: &[u8]) -> wasmtime::Result<()> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let begun = &mut self.printed.0[stream as usize];
            begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || begun.len() >= MAX_LINE {
                let line = std::mem::take(begun);
                self.say(stream, &line)?;
            }
        }
        Ok(())
    }

    fn say(&mut self, stream: Stream, line: &[u8]) -> wasmtime::Result<()> {
        self.operation(1)?;
        let text = crate::host::line(String::from_utf8_lossy(line).trim_end());
        match stream {
            Stream::Output => tracing::info!(plugin = self.plugin, "{text}"),
            Stream::Error => {
                tracing::error!(plugin = self.plugin, "{text}");
                self.complain(text);
            }
        }
        Ok(())
    }
}
