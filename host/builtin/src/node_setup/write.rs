//! Short ways of saying what most items say.

use silver_plugin_api::setup::{Command, Content, Directory, File, Item, Package, Presence, Resource, Unit};

/// A file of root's that all may read.
pub(super) fn file(path: &str, text: impl Into<String>) -> Resource {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    let content = Content::text(text);
    Resource::File(File { path: path.into(), content, owner, group, mode: 0o644, state: Presence::Present })
}

/// No file at this path.
pub(super) fn no_file(path: &str) -> Resource {
    let Resource::File(file) = file(path, "") else { unreachable!("it is one") };
    Resource::File(File { state: Presence::Absent, ..file })
}

/// A directory of root's.
pub(super) fn directory(path: &str, mode: u32) -> Resource {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    Resource::Directory(Directory { path: path.into(), owner, group, mode })
}

/// A package of the distribution, in whichever version it has.
pub(super) fn package(name: &str) -> Resource {
    Resource::Package(Package { name: name.into(), ..Package::default() })
}

/// A unit that starts with the machine and runs.
pub(super) fn unit(name: &str) -> Resource {
    Resource::Unit(Unit { name: name.into(), content: None, enabled: true, running: true })
}

/// What is there at another place as well, where no link in it is followed.
pub(super) fn mount(name: &str, what: &str, at: &str, options: &str, why: &str) -> Item {
    let text = format!(
        "# Written by silver.\n[Unit]\nDescription={at} without links\n\n\
         [Mount]\nWhat={what}\nWhere={at}\nType=none\nOptions={options}\n"
    );
    let unit = Unit { name: name.into(), content: Some(Content::text(text)), enabled: true, running: true };
    Item::new(format!("unit:{name}"), Resource::Unit(unit), why).after([format!("directory:{what}")])
}

/// A command that is run only when another item, which changed, says so.
pub(super) fn only_when_poked(argv: &[&str]) -> Resource {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    Resource::Command(Command { argv, unless: Some(vec!["true".into()]), ..Command::default() })
}
