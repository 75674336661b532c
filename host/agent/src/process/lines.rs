//! What a process prints, line by line.

use std::{collections::VecDeque, io};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// A line longer than this is broken.
const LONGEST: usize = 64 << 10;
/// A tail has so many lines.
const TAIL: usize = 50;

/// Gives each line to `take` until the stream ends.
pub(crate) async fn read_lines(stream: impl AsyncRead + Unpin, mut take: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let mut give = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line);
        take(text.trim_end_matches(['\n', '\r']));
        line.clear();
    };
    loop {
        let bytes = match reader.fill_buf().await {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes.unwrap_or_default(), // a stream that fails has ended
        };
        if bytes.is_empty() {
            break;
        }
        let room = LONGEST - line.len();
        let used = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |end| end + 1).min(room);
        line.extend_from_slice(&bytes[..used]);
        reader.consume(used);
        if line.ends_with(b"\n") || line.len() == LONGEST {
            give(&mut line);
        }
    }
    if !line.is_empty() {
        give(&mut line);
    }
}

/// The last lines that a process printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(VecDeque<String>);

impl Tail {
    /// Adds a line.
    pub(crate) fn push(&mut self, line: &str) {
        if self.0.len() == TAIL {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }

    /// The lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_whole_bounded_and_text() {
        let mut input = b"one\r\n\ntw\xffo\n".to_vec();
        input.extend(vec![b'x'; LONGEST + 3]);
        let mut lines = Vec::new();
        read_lines(&input[..], |line| lines.push(line.to_owned())).await;
        assert_eq!(lines[..3], ["one", "", "tw\u{fffd}o"]);
        assert_eq!(lines[3..].iter().map(String::len).collect::<Vec<_>>(), [LONGEST, 3]);
    }
}
