//! Why a customization cannot stand on its bases.

use super::MAX_LAYERS;
use crate::listing::ListingError;
use std::{io, path::PathBuf};

/// Why a customization cannot stand on its bases. `chain` is the way from the site to the one in question.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// It is not there.
    #[error("the base of a customization is not there: {}", shown(chain))]
    Missing {
        /// The way.
        chain: Vec<PathBuf>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A base that stands on itself.
    #[error("customizations stand on each other in a circle: {}", shown(chain))]
    Cycle {
        /// The way.
        chain: Vec<PathBuf>,
    },
    /// One lies inside another.
    #[error("a customization and its base lie inside one another: {}", shown(chain))]
    Inside {
        /// The way.
        chain: Vec<PathBuf>,
    },
    /// Too many.
    #[error("more than {MAX_LAYERS} customizations on top of each other: {}", shown(chain))]
    TooMany {
        /// The way.
        chain: Vec<PathBuf>,
    },
    /// One of them is for another pack.
    #[error("the base is for the pack `{found}`, not for `{wanted}`: {}", shown(chain))]
    OtherPack {
        /// The way.
        chain: Vec<PathBuf>,
        /// The site's pack.
        wanted: String,
        /// The base's.
        found: String,
    },
    /// Their files do not go together.
    #[error("the files do not go together: {}", shown(chain))]
    Clash {
        /// The way.
        chain: Vec<PathBuf>,
        /// Which and why.
        #[source]
        source: ListingError,
    },
}

impl LayerError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => "check it out beside this one, or correct `base` in customize.toml".into(),
            Self::Cycle { .. } => "take `base` out of one of them".into(),
            Self::Inside { .. } => "move the base beside the customization: base = \"../NAME\"".into(),
            Self::TooMany { .. } => "join some of them".into(),
            Self::OtherPack { .. } => "a base serves sites of the same pack".into(),
            Self::Clash { source, .. } => return source.hint(),
        })
    }
}

/// `mine → ../agency → ../common`
fn shown(chain: &[PathBuf]) -> String {
    let names: Vec<String> = chain.iter().map(|dir| dir.display().to_string()).collect();
    names.join(" → ")
}
