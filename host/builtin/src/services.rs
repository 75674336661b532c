//! What keeps an application's data.

mod files;

pub use files::Files;
use silver_plugin_api::service::Service;

/// The service of a kind, as manifests name it.
pub fn service(kind: &str) -> Option<&'static dyn Service> {
    let all: [&'static dyn Service; 1] = [&Files];
    all.into_iter().find(|service| service.kind() == kind)
}
