//! A validated archive as text, for whoever can tell that a file is still the same.

use super::{Archive, Location};
use crate::listing::Listing;
use serde::{Deserialize, Serialize};
use silver_plugin_api::Digest;
use std::{borrow::Cow, sync::Arc};

/// Another silver may ask more of an archive, and validates it anew.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " 1");

#[derive(Serialize, Deserialize)]
struct Known<'a> {
    version: Cow<'a, str>,
    digest: Digest,
    size: u64,
    deviation: Cow<'a, Option<String>>,
    /// The lines of the listing.
    files: String,
    locations: Vec<(Digest, Location)>,
}

impl Archive {
    /// What was found, to be kept. Who reads it back believes it.
    pub fn to_text(&self) -> String {
        let mut locations: Vec<_> = self.locations.iter().map(|(digest, location)| (*digest, *location)).collect();
        locations.sort_unstable_by_key(|(digest, _)| *digest);
        let known = Known {
            version: VERSION.into(),
            digest: self.digest,
            size: self.size,
            deviation: Cow::Borrowed(&self.deviation),
            files: self.listing.to_lines(),
            locations,
        };
        serde_json::to_string(&known).expect("plain data")
    }

    /// What [`Archive::to_text`] has kept; `None` when it is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        let known: Known<'_> = serde_json::from_str(text).ok()?;
        let listing = Listing::parse(&known.files).ok().filter(|_| known.version == VERSION)?;
        let locations = known.locations.into_iter().collect();
        let deviation = known.deviation.into_owned();
        Some(Self {
            listing: Arc::new(listing),
            locations: Arc::new(locations),
            digest: known.digest,
            size: known.size,
            deviation,
        })
    }
}
