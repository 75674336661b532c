//! How applications' code is executed.

mod command;
mod python;
mod static_files;

pub use command::Command;
pub use python::Python;
use silver_plugin_api::runtime::Runtime;
pub use static_files::StaticFiles;

/// The runtime of a kind, as manifests name it.
pub fn runtime(kind: &str) -> Option<&'static dyn Runtime> {
    let all: [&'static dyn Runtime; 3] = [&StaticFiles, &Python, &Command];
    all.into_iter().find(|runtime| runtime.kind() == kind)
}
