//! Sending what a node does not have.

mod batch;

use super::DeployError;
use crate::{
    node::{Node, NodeError, Session},
    plan::Wanted,
    progress::{Listener, Reporter},
};
use batch::{Joined, batches};
use silver_pack::{
    listing::Listing,
    overlay::Reasons,
    snapshot::{Blobs, Layers, MemoryBlobs},
};
use silver_plugin_api::{Digest, plan::Missing};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

/// Where the bytes of a release are.
pub struct Content {
    /// The pack's zip.
    pub archive: PathBuf,
    /// Files of the zip, which need not be sent one by one.
    pub pack: Listing,
    /// Content of the merged tree, by digest.
    pub blobs: Arc<dyn Blobs>,
    /// Why every path is as it is; what build steps make is added.
    pub reasons: Reasons,
    /// What is recorded besides, such as the reasons for every path: digest and bytes.
    pub records: Vec<(Digest, Vec<u8>)>,
}

impl Content {
    /// What the node lacks, before any lock is taken.
    pub(super) async fn missing(&self, node: &dyn Node, wanted: &Wanted) -> Result<Missing, NodeError> {
        node.missing(Some(wanted.release.pack.archive), self.wanted_blobs(wanted)).await
    }

    /// What the node lacks of all that will be sent, as far as it is known before build steps are run.
    pub(super) async fn lacking(&self, node: &dyn Node, wanted: &Wanted) -> Result<Missing, NodeError> {
        let records = self.records.iter().map(|(digest, _)| *digest);
        node.missing(Some(wanted.release.pack.archive), self.wanted_blobs(wanted).into_iter().chain(records).collect()).await
    }

    /// Sends what the node lacks: the zip, and what else the tree has, with what is recorded of it, unless build steps
    /// will change that.
    pub(super) async fn send_files(
        &self,
        session: &mut dyn Session,
        wanted: &Wanted,
        missing: &Missing,
        with_records: bool,
        listener: &mut dyn Listener,
    ) -> Result<(), DeployError> {
        if missing.archive {
            self.send_archive(session, wanted, missing.archive_part, listener).await?;
        }
        let sizes: BTreeMap<Digest, u64> = wanted.tree.iter().map(|(_, node)| (node.digest, node.size)).collect();
        let mut blobs: Vec<(Digest, u64)> =
            missing.blobs.iter().filter_map(|digest| Some((*digest, *sizes.get(digest)?))).collect();
        let mut records = MemoryBlobs::new();
        if with_records {
            let known: BTreeSet<Digest> = blobs.iter().map(|(digest, _)| *digest).collect();
            blobs.extend(self.lacking_records(missing, &mut records).into_iter().filter(|(digest, _)| !known.contains(digest)));
        }
        self.send_blobs(session, &Layers::new(vec![Arc::clone(&self.blobs), Arc::new(records)]), &blobs, listener).await
    }

    /// Sends what is recorded of a tree that build steps were run for.
    pub(super) async fn send_records(&self, session: &mut dyn Session) -> Result<(), DeployError> {
        let missing = session.missing(None, self.records.iter().map(|(digest, _)| *digest).collect()).await?;
        let mut blobs = MemoryBlobs::new();
        let lacking = self.lacking_records(&missing, &mut blobs);
        for batch in batches(&lacking) {
            session.put_blobs(batch, &mut Joined::new(&blobs, batch), &mut |_| {}).await?;
        }
        Ok(())
    }

    fn lacking_records(&self, missing: &Missing, blobs: &mut MemoryBlobs) -> Vec<(Digest, u64)> {
        let lacking = self.records.iter().filter(|(digest, _)| missing.blobs.contains(digest));
        lacking.map(|(_, bytes)| (blobs.put(bytes.as_slice()), bytes.len() as u64)).collect()
    }

    async fn send_archive(
        &self,
        session: &mut dyn Session,
        wanted: &Wanted,
        there: u64,
        listener: &mut dyn Listener,
    ) -> Result<(), DeployError> {
        let read = |source| DeployError::Read { what: self.archive.display().to_string(), source };
        let mut file = File::open(&self.archive).map_err(read)?;
        let from = there.min(wanted.archive_bytes);
        file.seek(SeekFrom::Start(from)).map_err(read)?;
        let mut reporter = Reporter::begin(listener, "send:pack", "send the pack");
        let size = wanted.archive_bytes;
        let mut sent = |done| reporter.amount(from + done, size);
        session.put_archive(wanted.release.pack.archive, size, from, &mut file, &mut sent).await?;
        reporter.done();
        Ok(())
    }

    async fn send_blobs(
        &self,
        session: &mut dyn Session,
        from: &dyn Blobs,
        wanted: &[(Digest, u64)],
        listener: &mut dyn Listener,
    ) -> Result<(), DeployError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut reporter = Reporter::begin(listener, "send:files", "send the other files");
        let total = wanted.iter().map(|(_, size)| size).sum();
        let mut before = 0;
        for batch in batches(wanted) {
            let mut sent = |done| reporter.amount(before + done, total);
            session.put_blobs(batch, &mut Joined::new(from, batch), &mut sent).await?;
            before += batch.iter().map(|(_, size)| size).sum::<u64>();
        }
        reporter.done();
        Ok(())
    }

    /// Content of the merged tree that is not in the zip.
    fn wanted_blobs(&self, wanted: &Wanted) -> Vec<Digest> {
        let packed: BTreeSet<Digest> = self.pack.iter().map(|(_, node)| node.digest).collect();
        let blobs: BTreeSet<Digest> = wanted.tree.iter().map(|(_, node)| node.digest).collect();
        blobs.difference(&packed).copied().collect()
    }
}
