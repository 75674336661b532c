use super::asked::Decide;
use crate::{context::Context, error::Result};
use silver_pack::customization::Decision;

/// Deny the plugins of a pack what they ask for
///
/// They run without it and are not asked about again; what they then cannot do fails with `denied`.
#[derive(Debug, clap::Args)]
pub struct Deny {
    #[command(flatten)]
    decide: Decide,
}

impl Deny {
    pub fn run(self, context: &Context) -> Result {
        self.decide.run(context, Decision::Denied)
    }
}
