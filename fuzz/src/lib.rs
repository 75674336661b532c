//! What silver is fed with foreign bytes, each as a function of bytes: it must neither panic nor hang,
//! and what it accepts must be what it says. `tests/bounded.rs` runs all of them, bounded, wherever the
//! tests run; `libfuzzer/` runs the same functions without end (`cargo xtask fuzz TARGET`).

mod customization;
mod log;
mod mux;
mod protocol;
mod text;
mod zip;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its program in `libfuzzer/`.
    pub name: &'static str,
    /// Panics when a promise does not hold.
    pub run: fn(&[u8]),
    /// Inputs that get far, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "zip", run: zip::run, seeds: zip::seeds },
    Target { name: "manifest", run: text::manifest, seeds: text::manifests },
    Target { name: "tree", run: text::tree, seeds: text::trees },
    Target { name: "lock", run: text::lock, seeds: text::locks },
    Target { name: "customization", run: customization::run, seeds: customization::seeds },
    Target { name: "log", run: log::run, seeds: log::seeds },
    Target { name: "protocol", run: protocol::run, seeds: protocol::seeds },
    Target { name: "mux", run: mux::node, seeds: mux::nodes },
    Target { name: "visit", run: mux::client, seeds: mux::clients },
];

/// Runs the target of this name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(data);
}

/// A first part of `data` that its first two bytes give the length of, and what is after it.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return (data, &[]) };
    let length = usize::from(u16::from_le_bytes(*length));
    rest.split_at_checked(length).unwrap_or((rest, &[]))
}

/// The reverse of [`split`].
fn joined(first: &[u8], rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(first.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&length[..], first, rest].concat()
}
