//! Contents on their way in one go: many small ones cost a round trip and a sync once, not each.

use silver_pack::snapshot::Blobs;
use silver_plugin_api::{Digest, plan::MAX_SENT};
use std::io::{self, Read};

/// So many bytes go at once, unless one content alone is longer. What a node that is killed may lose of an upload.
const BYTES: u64 = 64 << 20;

/// Divides contents, each with its size, into what goes at once.
pub(super) fn batches(wanted: &[(Digest, u64)]) -> impl Iterator<Item = &[(Digest, u64)]> {
    let mut left = wanted;
    std::iter::from_fn(move || {
        let mut bytes: u64 = 0;
        let fits = left.iter().take(MAX_SENT).take_while(|(_, size)| {
            let first = bytes == 0;
            bytes = bytes.saturating_add(*size);
            first || bytes <= BYTES
        });
        let (batch, rest) = left.split_at(fits.count());
        left = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Reads contents one after the other, each with exactly the size that was announced.
pub(super) struct Joined<'a> {
    from: &'a dyn Blobs,
    to_come: std::slice::Iter<'a, (Digest, u64)>,
    content: Box<dyn Read + Send + 'a>,
    digest: Digest,
    left: u64,
}

impl<'a> Joined<'a> {
    pub(super) fn new(from: &'a dyn Blobs, batch: &'a [(Digest, u64)]) -> Self {
        let digest = Digest::from_bytes([0; 32]);
        Self { from, to_come: batch.iter(), content: Box::new(io::empty()), digest, left: 0 }
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let named = |digest: &Digest, error: io::Error| io::Error::new(error.kind(), format!("content {digest}: {error}"));
        while self.left == 0 {
            let Some((digest, size)) = self.to_come.next() else { return Ok(0) };
            self.content = self.from.open(digest).map_err(|error| named(digest, error))?;
            (self.digest, self.left) = (*digest, *size);
        }
        let most = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        let read = self.content.read(&mut into[..most]).map_err(|error| named(&self.digest, error))?;
        if read == 0 && most > 0 {
            return Err(named(&self.digest, io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than its tree says")));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_pack::{hash::sha256, snapshot::MemoryBlobs};

    #[test]
    fn everything_goes_once_in_its_order_and_no_batch_is_over_its_bounds() {
        let digest = sha256(b"");
        for sizes in [vec![], vec![0; MAX_SENT * 2 + 1], vec![BYTES * 3, 1, BYTES, 1, u64::MAX, u64::MAX, 0], vec![BYTES / 3; 10]]
        {
            let wanted: Vec<(Digest, u64)> = sizes.iter().map(|size| (digest, *size)).collect();
            let all: Vec<&[(Digest, u64)]> = batches(&wanted).collect();
            assert_eq!(all.concat(), wanted);
            for batch in all {
                let bytes = batch.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
                assert!(batch.len() <= MAX_SENT && (bytes <= BYTES || batch.len() == 1 || batch[0].1 == 0), "{batch:?}");
            }
        }
        assert_eq!(batches(&vec![(digest, 1); MAX_SENT]).count(), 1);
    }

    #[test]
    fn contents_follow_one_another_and_one_that_is_too_short_is_named() {
        let mut blobs = MemoryBlobs::new();
        let batch: Vec<(Digest, u64)> =
            ["one", "", "three", ""].into_iter().map(|text| (blobs.put(text.as_bytes()), text.len() as u64)).collect();
        let mut text = String::new();
        Joined::new(&blobs, &batch).read_to_string(&mut text).unwrap();
        assert_eq!(text, "onethree");

        let short = [batch[0], (batch[2].0, 6), batch[0]];
        let error = Joined::new(&blobs, &short).read_to_string(&mut String::new()).unwrap_err();
        assert!(error.to_string().contains(&batch[2].0.to_string()), "{error}");
        let absent = [(sha256(b"absent"), 1)];
        assert_eq!(Joined::new(&blobs, &absent).read(&mut [0]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
