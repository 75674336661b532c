//! Reading gzipped tars, as npm and many projects publish them. Strict: what a tree cannot hold, and
//! whatever two readers could understand differently, is refused.
//!
//! Source: POSIX.1-2024 `pax` («ustar» and «pax interchange format»), and GNU's long names.

use flate2::read::MultiGzDecoder;
use silver_pack::{
    limits::Limits,
    listing::{Kind, Listing, ListingError, Node},
    snapshot::MemoryBlobs,
};
use silver_plugin_api::{TreePath, path::PathError};
use std::io::{self, Read};

const BLOCK: usize = 512;
/// The longest name or pax header that is read.
const LONGEST: u64 = 64 << 10;

/// What is wrong with a tar.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// Not gzip, cut off, or altered.
    #[error("it cannot be read to its end: {0}")]
    Read(#[from] io::Error),
    /// A header that is none.
    #[error("a header is not one of tar: {0}")]
    Header(&'static str),
    /// A name that no tree can hold.
    #[error("`{name}` cannot be part of a tree: {source}")]
    Name {
        /// The name, escaped.
        name: String,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// Neither file nor directory.
    #[error("`{name}` is a {what}; only files and directories are taken")]
    Kind {
        /// The name, escaped.
        name: String,
        /// `link`, `device`.
        what: &'static str,
    },
    /// It is there twice.
    #[error("`{0}` is there twice")]
    Duplicate(TreePath),
    /// Two names that do not go together.
    #[error("its names do not go together: {0}")]
    Clash(#[from] ListingError),
    /// Too much.
    #[error("it has more than {limit} {of}")]
    Limit {
        /// The limit.
        limit: u64,
        /// Of what.
        of: &'static str,
    },
    /// Bytes after its end.
    #[error("there is something behind its end")]
    Trailing,
}

/// Reads a gzipped tar. All contents are held in memory.
pub(super) fn read_gz(packed: impl Read, limits: &Limits) -> Result<(Listing, MemoryBlobs), TarError> {
    let mut packed = packed.take(limits.archive.saturating_add(1));
    // a little gzip becomes much: what is unpacked is bounded, headers, padding and end included
    let headers = (limits.entries as u64).saturating_mul(2 * LONGEST).saturating_add(2 << 20);
    let tar = MultiGzDecoder::new(&mut packed).take(limits.total.saturating_add(headers));
    Reader { tar, limits, listing: Listing::new(), blobs: MemoryBlobs::new(), total: 0, entries: 0 }.read()
}

struct Reader<'l, R> {
    tar: R,
    limits: &'l Limits,
    listing: Listing,
    blobs: MemoryBlobs,
    total: u64,
    entries: usize,
}

/// What extended headers say of the entry behind them.
#[derive(Default)]
struct Extended {
    path: Option<String>,
    size: Option<u64>,
}

impl<R: Read> Reader<'_, R> {
    fn read(mut self) -> Result<(Listing, MemoryBlobs), TarError> {
        let mut extended = Extended::default();
        loop {
            let header = self.block()?;
            if header.iter().all(|byte| *byte == 0) {
                self.end()?;
                return Ok((self.listing, self.blobs));
            }
            check(&header)?;
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(TarError::Limit { limit: self.limits.entries as u64, of: "entries" });
            }
            let size = number(&header[124..136])?;
            match header[156] {
                b'x' => pax(&self.text(size)?, &mut extended)?,
                b'g' => {
                    let mut global = Extended::default();
                    pax(&self.text(size)?, &mut global)?;
                    if global.path.is_some() || global.size.is_some() {
                        return Err(TarError::Header("a name or size for all files"));
                    }
                }
                b'L' => extended.path = Some(self.text(size)?.trim_end_matches('\0').to_owned()),
                kind => {
                    let extended = std::mem::take(&mut extended);
                    let name = match extended.path {
                        Some(path) => path,
                        None => name(&header)?,
                    };
                    self.entry(kind, &name, extended.size.unwrap_or(size), header[100..108].as_ref())?;
                }
            }
        }
    }

    fn entry(&mut self, kind: u8, name: &str, size: u64, mode: &[u8]) -> Result<(), TarError> {
        let plain = name.strip_prefix("./").unwrap_or(name);
        let (path, is_dir) = match plain.strip_suffix('/') {
            Some(dir) => (dir, true),
            None => (plain, false),
        };
        let refused = |what| Err(TarError::Kind { name: name.escape_debug().to_string(), what });
        match kind {
            b'5' if size == 0 && (path.is_empty() || path == ".") => return Ok(()),
            b'0' | b'\0' if !is_dir => {}
            b'5' | b'0' | b'\0' => {
                tree_path(path)?;
                return if size == 0 { Ok(()) } else { refused("directory with content") };
            }
            b'1' | b'2' | b'K' => return refused("link"),
            b'3' | b'4' | b'6' => return refused("device or pipe"),
            _ => return refused("thing that is not known"),
        }
        let path = tree_path(path)?;
        if size > self.limits.file {
            return Err(TarError::Limit { limit: self.limits.file, of: "bytes in one file" });
        }
        self.total = self.total.saturating_add(size);
        if self.total > self.limits.total {
            return Err(TarError::Limit { limit: self.limits.total, of: "bytes in all" });
        }
        let content = self.content(size)?;
        let executable = number(mode)? & 0o100 != 0;
        let kind = if executable { Kind::Executable } else { Kind::File };
        let node = Node { kind, size, digest: self.blobs.put(content) };
        match self.listing.insert(path.clone(), node)? {
            None => Ok(()),
            Some(_) => Err(TarError::Duplicate(path)),
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], TarError> {
        let mut block = [0; BLOCK];
        self.tar.read_exact(&mut block)?;
        Ok(block)
    }

    fn content(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        let mut content = Vec::new();
        (&mut self.tar).take(size).read_to_end(&mut content)?;
        if (content.len() as u64) < size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        self.tar.read_exact(&mut [0; BLOCK][..padding])?;
        Ok(content)
    }

    fn text(&mut self, size: u64) -> Result<String, TarError> {
        if size > LONGEST {
            return Err(TarError::Limit { limit: LONGEST, of: "bytes in one header" });
        }
        String::from_utf8(self.content(size)?).map_err(|_| TarError::Header("not UTF-8"))
    }

    /// Behind the end there are zeros only.
    fn end(&mut self) -> Result<(), TarError> {
        let mut buffer = [0; 8192];
        let mut left = 1 << 20;
        loop {
            let read = self.tar.read(&mut buffer)?;
            left -= i64::try_from(read).unwrap_or(i64::MAX).min(left);
            match read {
                0 => return Ok(()),
                _ if left == 0 || buffer[..read].iter().any(|byte| *byte != 0) => return Err(TarError::Trailing),
                _ => {}
            }
        }
    }
}

fn tree_path(path: &str) -> Result<TreePath, TarError> {
    TreePath::new(path).map_err(|source| TarError::Name { name: path.escape_debug().to_string(), source })
}

/// The checksum is the sum of the header's bytes, its own field taken as spaces.
fn check(header: &[u8; BLOCK]) -> Result<(), TarError> {
    let sum: u64 =
        header.iter().enumerate().map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum();
    if number(&header[148..156])? == sum { Ok(()) } else { Err(TarError::Header("its checksum is wrong")) }
}

fn name(header: &[u8; BLOCK]) -> Result<String, TarError> {
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8(field[..end].to_vec()).map_err(|_| TarError::Header("a name is not UTF-8"))
    };
    let name = text(&header[..100])?;
    // GNU's own format has other things where ustar has the prefix
    let prefix = if &header[257..263] == b"ustar\0" { text(&header[345..500])? } else { String::new() };
    Ok(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

/// Octal digits, with spaces or zeros around them.
fn number(field: &[u8]) -> Result<u64, TarError> {
    let text = std::str::from_utf8(field).map_err(|_| TarError::Header("a number is not octal"))?;
    let text = text.trim_matches([' ', '\0']);
    if text.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(text, 8).map_err(|_| TarError::Header("a number is not octal"))
}

/// Records `LENGTH KEY=VALUE LF`.
fn pax(text: &str, into: &mut Extended) -> Result<(), TarError> {
    let mut rest = text.trim_end_matches('\0');
    while !rest.is_empty() {
        let wrong = || TarError::Header("an extended header is broken");
        let (length, _) = rest.split_once(' ').ok_or_else(wrong)?;
        let length: usize = length.parse().map_err(|_| wrong())?;
        let record = rest.get(..length).and_then(|record| record.strip_suffix('\n')).ok_or_else(wrong)?;
        let (key, value) = record.split_once(' ').and_then(|(_, record)| record.split_once('=')).ok_or_else(wrong)?;
        match key {
            "path" => into.path = Some(value.to_owned()),
            "size" => into.size = Some(value.parse().map_err(|_| wrong())?),
            _ if key.starts_with("GNU.sparse") => return Err(TarError::Header("a file with holes")),
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    /// A header and its content, padded.
    fn entry(kind: u8, name: &str, mode: &str, content: &[u8]) -> Vec<u8> {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..100 + mode.len()].copy_from_slice(mode.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut all = header.to_vec();
        all.extend(content);
        all.resize(all.len().next_multiple_of(BLOCK), 0);
        all
    }

    fn gz(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&parts.concat()).unwrap();
        encoder.write_all(&[0; 2 * BLOCK]).unwrap();
        encoder.finish().unwrap()
    }

    /// A package as npm publishes it.
    pub(crate) fn npm_package(files: &[(&str, &str)]) -> Vec<u8> {
        let entry = |(name, content): &(&str, &str)| entry(b'0', &format!("package/{name}"), "0000644", content.as_bytes());
        gz(&files.iter().map(entry).collect::<Vec<_>>())
    }

    fn read(parts: &[Vec<u8>]) -> Result<Vec<String>, TarError> {
        let limits = Limits { entries: 10, file: 1000, total: 2000, ..Limits::default() };
        let (listing, _) = read_gz(&*gz(parts), &limits)?;
        Ok(listing.to_lines().lines().map(|line| format!("{} {}", &line[..1], line.rsplit(' ').next().unwrap())).collect())
    }

    #[test]
    fn files_of_all_dialects_are_read() {
        let long = "d/".repeat(60) + "file";
        let pax = format!("{} path={long}\n", long.len() + 10);
        assert_eq!(pax.len(), long.len() + 10);
        for (parts, want) in [
            (vec![entry(b'0', "a", "0000644", b"x"), entry(b'0', "b", "0000755", b"")], vec!["f a".to_owned(), "x b".into()]),
            (
                vec![entry(b'5', "./", "0000755", b""), entry(b'5', "d/", "0000755", b""), entry(b'0', "./d/a", "644", b"x")],
                vec!["f d/a".into()],
            ),
            (vec![entry(b'x', "h", "", pax.as_bytes()), entry(b'0', "short", "644", b"")], vec![format!("f {long}")]),
            (
                vec![entry(b'L', "././@LongLink", "", format!("{long}\0").as_bytes()), entry(b'0', "short", "644", b"")],
                vec![format!("f {long}")],
            ),
            (vec![entry(b'g', "h", "", b"12 comment=x")], vec![]),
        ] {
            match read(&parts) {
                Ok(got) => assert_eq!(got, want),
                // the record above lacks its line feed
                Err(error) => assert!(matches!(error, TarError::Header(_)) && want.is_empty(), "{error}"),
            }
        }
    }

    #[test]
    fn what_readers_could_understand_differently_is_refused() {
        let file = |name: &str| entry(b'0', name, "0000644", b"x");
        let mut broken = file("a");
        broken[0] = b'b';
        for (parts, told) in [
            (vec![file("../a")], "cannot be part of a tree"),
            (vec![file("/etc/passwd")], "cannot be part of a tree"),
            (vec![file("a"), file("a")], "there twice"),
            (vec![file("a"), file("A")], "do not go together"),
            (vec![file("a"), file("a/b")], "do not go together"),
            (vec![entry(b'2', "link", "0000777", b"")], "is a link"),
            (vec![entry(b'1', "link", "0000777", b"")], "is a link"),
            (vec![entry(b'3', "dev", "0000777", b"")], "device"),
            (vec![entry(b'S', "sparse", "0000644", b"")], "not known"),
            (vec![broken], "checksum"),
            (vec![vec![0; 2 * BLOCK], file("hidden")], "behind its end"),
            (vec![entry(b'0', "big", "0000644", &[0; 1001])], "bytes in one file"),
            (vec![file("a"), entry(b'0', "b", "0000644", &[0; 1000]), entry(b'0', "c", "0000644", &[0; 1000])], "bytes in all"),
            ((0..11).map(|at| file(&at.to_string())).collect(), "entries"),
            (vec![entry(b'x', "h", "", b"99 path=x\n"), file("a")], "extended header"),
        ] {
            let error = read(&parts).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn cut_off_anywhere_it_is_refused() {
        let whole = gz(&[entry(b'0', "a", "0000644", b"content"), entry(b'0', "b", "0000644", b"more")]);
        for end in 0..whole.len() {
            assert!(read_gz(&whole[..end], &Limits::default()).is_err(), "{end}");
        }
    }
}
