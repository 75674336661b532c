//! Little-endian fields and extra fields.

use super::error::ArchiveError;

/// Reads fixed fields from a header, whose length was checked before.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of `header` after its signature; `None` when it begins otherwise.
    pub(super) fn of(header: &'a [u8], signature: u32) -> Option<Self> {
        let mut fields = Self(header);
        (fields.u32() == signature).then_some(fields)
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            // whoever read the header knows its length; a wrong table of fields shows in the first test
            None => [0; N],
        }
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    pub(super) fn skip<const N: usize>(&mut self) {
        self.take::<N>();
    }
}

/// What the extra fields of a header say.
#[derive(Default)]
pub(super) struct Extra<'a> {
    zip64: Option<&'a [u8]>,
    unicode_path: Option<&'a [u8]>,
    encrypted: bool,
}

impl<'a> Extra<'a> {
    /// Walks through the extra fields of the header of `entry`.
    pub(super) fn read(mut bytes: &'a [u8], entry: &str) -> Result<Self, ArchiveError> {
        let broken = || ArchiveError::Extra { entry: entry.to_owned() };
        let mut extra = Self::default();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
            let id = u16::from_le_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let (value, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
            let former = match id {
                0x0001 => extra.zip64.replace(value),
                0x7075 => extra.unicode_path.replace(value),
                0x9901 | 0x0017 => {
                    extra.encrypted = true;
                    None
                }
                _ => None,
            };
            if former.is_some() {
                return Err(broken());
            }
            bytes = rest;
        }
        Ok(extra)
    }

    pub(super) fn encrypted(&self) -> bool {
        self.encrypted
    }

    pub(super) fn has_unicode_path(&self) -> bool {
        self.unicode_path.is_some()
    }

    /// The Unicode path field, if there is one, names `name`.
    pub(super) fn check_unicode_path(&self, name: &[u8], entry: &str) -> Result<(), ArchiveError> {
        let Some(field) = self.unicode_path else { return Ok(()) };
        let agrees = field
            .split_first_chunk::<5>()
            .is_some_and(|(head, path)| head[0] == 1 && head[1..] == libdeflater::crc32(name).to_le_bytes() && path == name);
        if agrees { Ok(()) } else { Err(ArchiveError::UnicodePath { entry: entry.to_owned() }) }
    }

    /// Replaces those `values` that are all ones by the 64-bit values of the zip64 field, which
    /// must hold exactly these; or, where none is, nothing but the same values again.
    pub(super) fn widen(&self, values: &mut [&mut u64], entry: &str) -> Result<(), ArchiveError> {
        let wrong = |why| ArchiveError::Zip64Field { entry: entry.to_owned(), why };
        let wanted = values.iter().filter(|value| ***value == NONE).count();
        let Some(mut field) = self.zip64 else {
            return if wanted == 0 { Ok(()) } else { Err(wrong("is missing")) };
        };
        let says = |(wide, value): (&[u8], &&mut u64)| wide == (**value).to_le_bytes();
        if wanted == 0 && field.len() == values.len() * 8 && field.chunks_exact(8).zip(values.iter()).all(says) {
            return Ok(()); // Python before 3.11.4 says the same twice when it is told to write zip64
        }
        if field.len() != wanted * 8 || wanted == 0 {
            return Err(wrong("holds other values than the header leaves to it"));
        }
        for value in values.iter_mut().filter(|value| ***value == NONE) {
            let Some((wide, rest)) = field.split_first_chunk::<8>() else { break };
            **value = u64::from_le_bytes(*wide);
            field = rest;
        }
        Ok(())
    }
}

/// All ones in 32 bits: the value is in the zip64 field.
pub(super) const NONE: u64 = 0xffff_ffff;

/// Bytes as a person may see them.
pub(super) fn shown(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.chars().flat_map(shown_char).collect(),
        Err(_) => name.escape_ascii().to_string(),
    }
}

fn shown_char(c: char) -> Vec<char> {
    if silver_plugin_api::path::is_control(c) { c.escape_unicode().collect() } else { vec![c] }
}
