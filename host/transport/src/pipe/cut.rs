//! Where a wire breaks: after so many bytes, or after so many frames.

use silver_agent::protocol::MARKER;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Breaks all wires of a pipe together.
#[derive(Debug)]
pub struct Cut {
    left: Mutex<Left>,
    cut: AtomicBool,
}

/// What may still pass.
#[derive(Debug, Clone, Copy)]
enum Left {
    /// Anything.
    All,
    /// So many bytes from the client.
    Bytes(usize),
    /// So many frames, whoever sends them.
    Frames(u64),
}

impl Cut {
    fn new(left: Left) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(left), cut: AtomicBool::new(false) })
    }

    /// Never breaks.
    pub fn never() -> Arc<Self> {
        Self::new(Left::All)
    }

    /// Breaks after so many bytes that the client has written.
    pub fn after(bytes: usize) -> Arc<Self> {
        Self::new(Left::Bytes(bytes))
    }

    /// Breaks when so many frames have passed, in both directions together.
    pub fn after_frames(frames: u64) -> Arc<Self> {
        Self::new(Left::Frames(frames))
    }

    /// Has it broken?
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// How many of these bytes the client may write, if it writes them.
    pub(super) fn may_say(&self, frames: &Frames, bytes: &[u8]) -> usize {
        if self.is_cut() {
            return 0;
        }
        let mut left = *self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.pass(&mut frames.clone(), bytes, true)
    }

    /// The client has written these bytes.
    pub(super) fn said(&self, frames: &mut Frames, bytes: &[u8]) {
        self.pass(frames, bytes, true);
    }

    /// How many of these bytes the client may hear.
    pub(super) fn heard(&self, frames: &mut Frames, bytes: &[u8]) -> usize {
        self.pass(frames, bytes, false)
    }

    fn pass(&self, frames: &mut Frames, bytes: &[u8], said: bool) -> usize {
        if self.is_cut() {
            return 0;
        }
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = left.pass(frames, bytes, said);
        if matches!(*left, Left::Bytes(0) | Left::Frames(0)) {
            self.cut.store(true, Ordering::SeqCst);
        }
        passed
    }
}

impl Left {
    fn pass(&mut self, frames: &mut Frames, bytes: &[u8], said: bool) -> usize {
        match self {
            Self::Bytes(left) if said => {
                let passed = bytes.len().min(*left);
                *left -= passed;
                passed
            }
            Self::All | Self::Bytes(_) => bytes.len(),
            Self::Frames(left) => frames.pass(bytes, left),
        }
    }
}

/// Where the frames of one direction end; the marker is before the first.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    marker: usize,
    header: Vec<u8>,
    body: usize,
}

impl Frames {
    /// How many of the bytes pass while there are frames `left`.
    fn pass(&mut self, bytes: &[u8], left: &mut u64) -> usize {
        let mut at = 0;
        while at < bytes.len() && *left > 0 {
            if self.marker < MARKER.len() {
                let skipped = (MARKER.len() - self.marker).min(bytes.len() - at);
                self.marker += skipped;
                at += skipped;
            } else if self.header.len() < 5 {
                self.header.push(bytes[at]);
                at += 1;
                if let [a, b, c, d, _] = self.header[..] {
                    self.body = u32::from_be_bytes([a, b, c, d]) as usize;
                }
            } else {
                let passed = self.body.min(bytes.len() - at);
                self.body -= passed;
                at += passed;
            }
            if self.header.len() == 5 && self.body == 0 {
                self.header.clear();
                *left -= 1;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_however_they_arrive() {
        let mut wire = MARKER.to_vec();
        wire.extend([0, 0, 0, 2, 0, b'{', b'}', 0, 0, 0, 0, 3, 0, 0, 0, 1, 1, b'x']);
        let ends = [MARKER.len() + 7, MARKER.len() + 12, MARKER.len() + 18];
        for (frames, end) in (1..).zip(ends) {
            for piece in 1..wire.len() {
                let (mut parser, cut) = (Frames::default(), Cut::after_frames(frames));
                let passed: usize = wire.chunks(piece).map(|piece| cut.heard(&mut parser, piece)).sum();
                assert_eq!((passed, cut.is_cut()), (end, true), "{frames} frames in pieces of {piece}");
            }
        }
        let (mut said, mut heard, cut) = (Frames::default(), Frames::default(), Cut::after_frames(2));
        assert_eq!(cut.may_say(&said, &wire), wire.len().min(ends[1]), "nothing is said yet");
        cut.said(&mut said, &wire[..ends[0]]);
        assert_eq!(cut.heard(&mut heard, &wire), ends[0], "both directions together");
        assert_eq!(cut.may_say(&said, &wire[ends[0]..]), 0);
    }
}
