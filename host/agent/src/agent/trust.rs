//! An operator accepts another publisher for an app. Who decides is the operator; the agent writes it
//! down, in the registry first, so that no acceptance is without its event.

use super::Agent;
use crate::{
    lock::LockError,
    names::{self, NameError},
    record::RecordError,
    state::{self, AppFile, StateError},
};
use silver_pack::signature::{KeyError, PublicKey};
use silver_plugin_api::plan::{Publisher, TrustRequest, UNSIGNED};
use std::sync::Arc;

/// Why a publisher was not accepted. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What is to be trusted is no publisher.
    #[error("this is not a publisher")]
    Publisher(#[from] KeyError),
    /// The app is being changed.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The app's state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The event cannot be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Agent {
    /// From now on packs of this publisher may replace the app; the index of the event.
    pub(crate) async fn trust(self: &Arc<Self>, request: &TrustRequest, who: &str) -> Result<u64, TrustError> {
        names::app(&request.app)?;
        if request.publisher.key != UNSIGNED {
            request.publisher.key.parse::<PublicKey>()?;
        }
        let began = jiff::Timestamp::now().as_millisecond();
        let _lock = self.lock(&request.app, who).await?;
        let mut file = state::load(self.dirs(), &request.app)?;
        let event = self.recorder.trust(request, self.former(&file)?, began).await?;
        file.publisher = Some(request.publisher.clone());
        state::save(self.dirs(), &file)?;
        Ok(event)
    }

    fn former(&self, file: &AppFile) -> Result<Option<Publisher>, StateError> {
        if file.publisher.is_some() {
            return Ok(file.publisher.clone());
        }
        let Some(label) = file.current.as_ref().or_else(|| Some(&file.releases.last()?.label)) else { return Ok(None) };
        Ok(Some(state::release(self.dirs(), &file.app, label)?.release.pack.publisher()))
    }
}
