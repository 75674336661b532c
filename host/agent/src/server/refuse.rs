//! Errors as they go over the wire: message, causes, way out, and the kind that decides the exit code.

use crate::{
    agent::{SubmitError, TrustError},
    apps::AppFailure,
    disk::DiskError,
    journal::JournalError,
    lock::LockError,
    names::NameError,
    observe::ObserveError,
    protocol::{ErrorCode, Refusal},
    record::RecordError,
    secrets::SecretError,
    stage::{AssembleError, EnvironmentError, StageError},
    state::StateError,
    store::StoreError,
};
use std::error::Error;

/// What the client is told.
pub(super) trait Refuse: Error + Sized {
    fn code(&self) -> ErrorCode;

    fn hint(&self) -> Option<String> {
        None
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }

    fn refusal(&self) -> Refusal {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        Refusal { code: self.code(), message: self.to_string(), causes, hint: self.hint(), log: self.log() }
    }
}

/// A refusal of the server's own.
pub(super) fn refused(code: ErrorCode, message: impl Into<String>, hint: Option<&str>) -> Refusal {
    Refusal { code, message: message.into(), causes: Vec::new(), hint: hint.map(Into::into), log: Vec::new() }
}

impl Refuse for DiskError {
    fn code(&self) -> ErrorCode {
        if self.is_full() { ErrorCode::Full } else { ErrorCode::Failed }
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

impl Refuse for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            _ if self.is_full() => ErrorCode::Full,
            _ if self.is_integrity() => ErrorCode::Integrity,
            _ => ErrorCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

impl Refuse for NameError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Refused
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

impl Refuse for StateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Disk(error) => error.code(),
            Self::Damaged { .. } => ErrorCode::Integrity,
            Self::NoRelease(_) => ErrorCode::NotFound,
        }
    }
}

impl Refuse for ObserveError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::State(error) => error.code(),
            Self::Disk(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Secrets(_) => ErrorCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Disk(error) => error.hint(),
            Self::Store(error) => Refuse::hint(error),
            Self::Secrets(error) => error.hint(),
            Self::State(_) => None,
        }
    }
}

impl Refuse for SecretError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Failed
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

impl Refuse for LockError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Busy(_) | Self::NotTheLock(_) => ErrorCode::Refused,
            Self::Disk(error) => error.code(),
            Self::Left(_) => ErrorCode::Failed,
        }
    }
}

impl Refuse for StageError {
    fn code(&self) -> ErrorCode {
        match self {
            _ if self.is_full() => ErrorCode::Full,
            Self::Content { .. } => ErrorCode::Integrity,
            Self::Store(error) => error.code(),
            Self::Name(_)
            | Self::OtherApp { .. }
            | Self::View { .. }
            | Self::Assemble(AssembleError::NoSandbox { .. } | AssembleError::Request(_)) => ErrorCode::Refused,
            Self::Taken(_) => ErrorCode::Stale,
            Self::Environment(EnvironmentError::Disk(error)) => error.code(),
            _ => ErrorCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Disk(error) | Self::Environment(EnvironmentError::Disk(error)) => error.hint(),
            Self::Store(error) => Refuse::hint(error),
            Self::Taken(_) => Some("something has changed since the plan was made: plan again".into()),
            Self::Assemble(error) => error.hint(),
            _ => None,
        }
    }

    fn log(&self) -> Vec<String> {
        match self {
            Self::Assemble(AssembleError::Failed { log, .. }) | Self::Environment(EnvironmentError::Command { log, .. }) => {
                log.clone()
            }
            Self::Secrets(failure) => failure.log.clone(),
            _ => Vec::new(),
        }
    }
}

impl Refuse for SubmitError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Stale { .. } | Self::Taken { .. } | Self::NotStaged(_) => ErrorCode::Stale,
            Self::Ending => ErrorCode::Ending,
            Self::Observe(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Journal(JournalError::Disk(error)) => error.code(),
            Self::Journal(_) | Self::Left(_) | Self::Launch(_) => ErrorCode::Failed,
            Self::Name(_) | Self::OtherApp { .. } | Self::TwoSteps(_) => ErrorCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

impl Refuse for TrustError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Name(error) => error.code(),
            Self::Publisher(_) => ErrorCode::Refused,
            Self::Lock(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Record(RecordError::Store(error)) => error.code(),
            Self::Record(RecordError::Ended) => ErrorCode::Failed,
        }
    }
}

impl Refuse for AppFailure {
    fn code(&self) -> ErrorCode {
        ErrorCode::Failed
    }

    fn log(&self) -> Vec<String> {
        self.log.clone()
    }
}
