use super::asked::Decide;
use crate::{context::Context, error::Result};
use silver_pack::customization::Decision;

/// Allow the plugins of a pack what they ask for
///
/// The decision is kept in `customize.lock`, bound to the plugin's digest: another version of the plugin asks
/// again, and what is new is shown.
#[derive(Debug, clap::Args)]
pub struct Allow {
    #[command(flatten)]
    decide: Decide,
}

impl Allow {
    pub fn run(self, context: &Context) -> Result {
        self.decide.run(context, Decision::Allowed)
    }
}
