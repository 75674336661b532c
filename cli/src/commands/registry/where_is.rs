use super::open_if_there;
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use silver_pack::hash;
use silver_plugin_api::Digest;
use silver_registry::index::{Index, Place};
use std::{fs::File, io};

/// Find the releases that have a file with this content
#[derive(Debug, clap::Args)]
pub struct WhereIs {
    /// A digest (`sha256:…` or 64 hex digits), or a file with the content
    content: String,
}

impl WhereIs {
    pub fn run(self, context: &Context) -> Result {
        let digest = digest(&self.content)?;
        let places = match open_if_there(context)? {
            Some(registry) => Index::open(&registry)?.where_is(&digest)?,
            None => Vec::<Place>::new(),
        };
        context.ui.list(&places, &format!("{digest} was never deployed here"))?;
        Ok(Exit::Done)
    }
}

fn digest(text: &str) -> Result<Digest> {
    if let Ok(digest) = text.parse().or_else(|_| Digest::from_hex(text)) {
        return Ok(digest);
    }
    let content = File::open(text).and_then(|mut file| hash::copy_hashed(&mut file, &mut io::sink()));
    content.map(|(digest, _)| digest).map_err(|error| {
        CommandError::usage(format!("`{text}` is neither a digest nor a file that can be read: {error}"))
            .hint("`silver registry files N` shows digests")
    })
}
