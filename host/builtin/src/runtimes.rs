//! How applications' code is executed.

mod command;
mod nodejs;
mod python;
mod specifier;
mod static_files;

pub use command::Command;
pub use nodejs::NodeJs;
pub use python::Python;
use silver_plugin_api::runtime::Runtime;
pub use static_files::StaticFiles;

/// The runtime of a kind, as manifests name it.
pub fn runtime(kind: &str) -> Option<&'static dyn Runtime> {
    let all: [&'static dyn Runtime; 4] = [&StaticFiles, &Python, &NodeJs, &Command];
    all.into_iter().find(|runtime| runtime.kind() == kind)
}
