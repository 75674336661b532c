//! Answers HTTP/1.1 on one loopback port for all apps.
//!
//! A request finds its app by host name and longest path, passes the app's gate and the pack's rules
//! for it, and is answered from assets, public state or static directories, or else forwarded to a
//! process of the release that is current. A switch of releases is one pointer swap under the app's lock; a request belongs
//! to the release it entered with, and is counted until its last byte has left.
//!
//! Requests are never copied byte by byte: they are parsed, checked and written anew, so that front
//! and app cannot differ about where one ends. Each goes to the app on a connection of its own: a
//! Unix socket costs some tens of microseconds, and there is no pooled connection that could be dead,
//! so nothing is ever sent twice. Only what was certainly not sent yet is tried again.

mod access_log;
mod answer;
mod backend;
mod directories;
mod entry;
mod forward;
mod headers;
mod inside;
mod pages;
mod probe;
mod route;
mod rules;
mod server;
mod static_files;
mod upgrade;

pub(crate) use backend::Backend;
pub(crate) use directories::{Directory, Source, directories, only_files};
pub(crate) use pages::html;
pub(crate) use probe::{ask, expect, status};
pub(crate) use route::{Front, Place, RouteError, host_name, place};
pub use server::BindError;
pub(crate) use server::{bind, serve};
pub(crate) use static_files::{TYPES, UNKNOWN};

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::Bytes;

/// The error of a body that is passed on.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// Any body.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is there already.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests;
