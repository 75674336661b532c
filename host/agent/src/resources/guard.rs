//! Changes that can cut the operator off: each is undone by the node itself, unless a fresh connection
//! confirms in time that one still can get in.
//!
//! Before the first of them, `undo/<id>.json` says how everything was, and a transient timer of systemd is
//! set that undoes it in a process of its own: neither the connection nor the agent need be there then. Who
//! renames the file first has won: `<id>.confirmed` or `<id>.undoing`, later `<id>.undone`. What is left when the
//! machine starts was not confirmed and is undone.

use super::{
    ResourceError, command, firewall,
    machine::{MAX_TEXT, Machine, Step},
    place::Owned,
    sysctl, unit, user,
};
use crate::{
    disk::{At, DiskError, make_dir, names, remove_file, words, write_atomic},
    feed::Feed,
};
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use silver_plugin_api::setup::{Item, OnChange, Resource};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// For so long the node waits for a fresh connection.
pub(crate) const CONFIRM: Duration = Duration::from_mins(1);
/// For so long it is waited for the undoing itself.
const UNDOING: Duration = Duration::from_mins(2);
/// Files that say who there is.
const ACCOUNTS: [&str; 4] = ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"];

/// How everything was.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Undo {
    formers: Vec<Former>,
    /// Commands that make it count again.
    then: Vec<Vec<String>>,
}

/// How one thing was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Former {
    /// Nothing was there.
    Absent { path: String },
    /// A file.
    File { path: String, bytes: Vec<u8>, uid: u32, gid: u32, mode: u32 },
    /// A link.
    Link { path: String, target: String },
    /// No directory was there. One that something lies in by now stays.
    NoDirectory { path: String },
    /// A directory; what is in it is not looked at.
    Directory { path: String, uid: u32, gid: u32, mode: u32 },
    /// A setting of the kernel.
    Sysctl { path: PathBuf, value: String },
}

/// A round of changes that waits for a confirmation.
pub(crate) struct Guard {
    id: String,
    dir: PathBuf,
    undo: Undo,
}

impl Guard {
    /// Sets the timer. `agent` is the program that undoes.
    pub(crate) async fn arm(machine: &Machine, dir: &Path, id: &str, agent: &Path) -> Result<Self, ResourceError> {
        let guard = Self { id: id.to_owned(), dir: dir.to_owned(), undo: Undo::default() };
        make_dir(dir)?;
        guard.write()?;
        let (unit, after) = (format!("--unit={}", unit_of(id)), format!("--on-active={}", CONFIRM.as_secs()));
        let agent = agent.to_string_lossy();
        let argv = [
            "systemd-run",
            "--quiet",
            "--collect",
            &unit,
            &after,
            "--timer-property=AccuracySec=500ms",
            "--property=Type=oneshot",
            "--",
            &agent,
            "agent",
            "undo-setup",
            id,
        ];
        if let Err(error) = machine.text(&argv).await {
            remove_file(&guard.file("json"))?;
            return Err(error);
        }
        Ok(guard)
    }

    /// Remembers how everything is that a change of this item can touch.
    pub(crate) async fn keep(&mut self, machine: &Machine, item: &Item) -> Result<(), ResourceError> {
        match &item.resource {
            Resource::File(it) => self.keep_path(machine, &it.path)?,
            Resource::Link(it) => self.keep_path(machine, &it.path)?,
            Resource::IniKeys(it) => self.keep_path(machine, &it.path)?,
            Resource::Directory(it) => self.keep_path_as(&it.path, former_directory(machine, &it.path)?),
            Resource::Sysctl(it) => {
                self.keep_path(machine, &it.path())?;
                if let Some(value) = sysctl::value(machine, it)? {
                    self.undo.formers.push(Former::Sysctl { path: sysctl::path(machine, it), value });
                }
            }
            Resource::Group(_) => self.keep_accounts(machine)?,
            Resource::User(it) => {
                self.keep_accounts(machine)?;
                if let Some(found) = machine.accounts()?.user(&it.name) {
                    self.keep_path(machine, &user::keys_path(&found.home))?;
                }
            }
            Resource::Unit(it) => {
                self.keep_path(machine, &it.path())?;
                self.then(["systemctl", "daemon-reload"]);
                for verb in unit::one(machine, &it.name).await?.verbs() {
                    self.then(["systemctl", verb, "--", &it.name]);
                }
            }
            Resource::Firewall(_) => {
                for path in [firewall::FILE, firewall::NOTE, firewall::UNIT, firewall::WANTED] {
                    self.keep_path(machine, path)?;
                }
                let had_one = machine.place(firewall::FILE)?.map(|file| file.stat()).transpose()?.flatten().is_some();
                if had_one {
                    self.then(["nft", "-f", firewall::FILE]);
                } else {
                    self.then(["nft", "delete", "table", "inet", "silver"]);
                }
            }
            Resource::Package(_) | Resource::Repository(_) | Resource::Command(_) => {}
        }
        self.note()
    }

    /// Remembers that a unit or command has been poked: it is poked again when all is as it was.
    pub(crate) fn keep_poke(&mut self, item: &Item, how: OnChange) -> Result<(), ResourceError> {
        match &item.resource {
            Resource::Unit(it) => {
                self.then(["systemctl", "daemon-reload"]);
                self.then(["systemctl", unit::verb(it, how), "--", &it.name]);
            }
            Resource::Command(it) => self.undo.then.push(command::prefixed(it, &it.argv)),
            _ => {}
        }
        self.note()
    }

    /// Is the undoing still to come? The timer does not wait for changes that take longer.
    pub(crate) fn is_armed(&self) -> bool {
        self.file("json").exists()
    }

    /// Its name, which a confirmation has to give.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Waits until it was confirmed (true) or undone (false).
    pub(crate) async fn wait(self, machine: &Machine) -> Result<bool, ResourceError> {
        let until = Instant::now() + CONFIRM + UNDOING;
        loop {
            if self.file("confirmed").exists() {
                let timer = format!("{}.timer", unit_of(&self.id));
                machine.ask(&["systemctl", "stop", "--", &timer]).await?; // it may just have gone by itself, and then does nothing
                remove_file(&self.file("confirmed"))?;
                return Ok(true);
            }
            if self.file("undone").exists() {
                remove_file(&self.file("undone"))?;
                return Ok(false);
            }
            if Instant::now() > until {
                return Err(ResourceError::Other(format!(
                    "the undoing `{}` did not end; look at {}",
                    self.id,
                    self.dir.display()
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Puts everything back at once; what could not be done is said.
    pub(crate) async fn take_back(self, machine: &Machine) -> Result<Vec<String>, ResourceError> {
        let errors = self.undo_all(machine).await?;
        machine.ask(&["systemctl", "stop", "--", &format!("{}.timer", unit_of(&self.id))]).await?;
        remove_file(&self.file("undone"))?;
        Ok(errors)
    }

    /// Puts everything back, also what was changed after the timer had put back what there was then.
    async fn undo_all(&self, machine: &Machine) -> Result<Vec<String>, DiskError> {
        let until = Instant::now() + UNDOING;
        while self.file("undoing").exists() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        claim(&self.dir, &self.id, "undone", "undoing")?;
        undo(machine, &self.dir, &self.id).await
    }

    fn keep_accounts(&mut self, machine: &Machine) -> Result<(), ResourceError> {
        ACCOUNTS.iter().try_for_each(|path| self.keep_path(machine, path))
    }

    fn keep_path(&mut self, machine: &Machine, path: &str) -> Result<(), ResourceError> {
        self.keep_path_as(path, former(machine, path)?);
        Ok(())
    }

    fn keep_path_as(&mut self, path: &str, former: Option<Former>) {
        let known = self.undo.formers.iter().any(|former| former.is_of(path));
        if !known {
            self.undo.formers.extend(former); // otherwise: as it is now it was not before
        }
    }

    fn then<const N: usize>(&mut self, argv: [&str; N]) {
        let argv = argv.map(Into::into).to_vec();
        if !self.undo.then.contains(&argv) {
            self.undo.then.push(argv);
        }
    }

    /// Writes it before the change that it is about; what is undone already must not be changed any more.
    fn note(&self) -> Result<(), ResourceError> {
        if !self.is_armed() {
            let why = format!("it was not come to within {} s: what was changed before was undone", CONFIRM.as_secs());
            return Err(ResourceError::Other(why));
        }
        Ok(self.write()?)
    }

    fn write(&self) -> Result<(), DiskError> {
        let text = serde_json::to_vec(&self.undo).map_err(io::Error::other).at("write", &self.file("json"))?;
        write_atomic(&self.file("json"), &text, 0o600)
    }

    fn file(&self, ending: &str) -> PathBuf {
        file(&self.dir, &self.id, ending)
    }
}

impl Former {
    fn is_of(&self, it: &str) -> bool {
        match self {
            Self::Absent { path }
            | Self::File { path, .. }
            | Self::Link { path, .. }
            | Self::NoDirectory { path }
            | Self::Directory { path, .. } => path == it,
            Self::Sysctl { .. } => false,
        }
    }
}

/// How a path is where a directory shall be; `None` for what is never touched, since it is none.
fn former_directory(machine: &Machine, path: &str) -> Result<Option<Former>, ResourceError> {
    let stat = machine.place(path)?.map(|place| place.stat()).transpose()?.flatten();
    let path = path.to_owned();
    let Some(stat) = stat else { return Ok(Some(Former::NoDirectory { path })) };
    let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    Ok(is_directory.then_some(Former::Directory { path, uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 }))
}

/// How a path is; `None` for what is never touched (a directory, a device).
fn former(machine: &Machine, path: &str) -> Result<Option<Former>, ResourceError> {
    let path = path.to_owned();
    let Some(place) = machine.place(&path)? else { return Ok(Some(Former::Absent { path })) };
    let Some(stat) = place.stat()? else { return Ok(Some(Former::Absent { path })) };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let bytes = place.read(MAX_TEXT)?;
            Some(Former::File { path, bytes, uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 })
        }
        FileType::Symlink => Some(Former::Link { target: place.target()?, path }),
        _ => None,
    })
}

/// A fresh connection has come through: nothing is undone. False when nothing waits for it (any more).
pub(crate) fn confirm(dir: &Path, id: &str) -> Result<bool, DiskError> {
    if !is_id(id) {
        return Ok(false);
    }
    claim(dir, id, "json", "confirmed")
}

/// Puts everything back as it was, unless it was confirmed. Every part is tried, whatever became of the others;
/// what could not be done is said.
pub(crate) async fn undo(machine: &Machine, dir: &Path, id: &str) -> Result<Vec<String>, DiskError> {
    if !is_id(id) || !claim(dir, id, "json", "undoing")? && !file(dir, id, "undoing").exists() {
        return Ok(Vec::new());
    }
    let path = file(dir, id, "undoing");
    let bytes = fs::read(&path).at("read", &path)?;
    let undo: Undo = serde_json::from_slice(&bytes).map_err(io::Error::other).at("read", &path)?;
    let mut errors = Vec::new();
    for former in undo.formers.iter().rev() {
        if let Err(error) = restore(machine, former) {
            errors.push(words(&error));
        }
    }
    let feed = Feed::default();
    for argv in &undo.then {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        if let Err(error) = machine.run(Step { id, feed: &feed }, &argv).await {
            errors.push(words(&error));
        }
    }
    claim(dir, id, "undoing", "undone")?;
    Ok(errors)
}

/// What nobody confirmed before the machine went down.
pub(crate) async fn undo_left(machine: &Machine, dir: &Path) -> Result<Vec<String>, DiskError> {
    let mut errors = Vec::new();
    for name in names(dir)? {
        match name.rsplit_once('.') {
            Some((id, _)) if waits(machine, id).await => {}
            Some((id, "json" | "undoing")) => {
                errors.extend(undo(machine, dir, id).await?);
                remove_file(&file(dir, id, "undone"))?;
            }
            _ => remove_file(&dir.join(name))?,
        }
    }
    Ok(errors)
}

/// Is the timer still to come? Then it was not the machine that was started.
async fn waits(machine: &Machine, id: &str) -> bool {
    let timer = format!("{}.timer", unit_of(id));
    is_id(id) && machine.ask(&["systemctl", "is-active", "--quiet", "--", &timer]).await.is_ok_and(|said| said.status.success())
}

fn restore(machine: &Machine, former: &Former) -> Result<(), ResourceError> {
    match former {
        Former::Absent { path } => machine.place(path)?.map_or(Ok(()), |place| place.remove()),
        Former::File { path, bytes, uid, gid, mode } => {
            machine.made(path)?.write(bytes, Owned { uid: *uid, gid: *gid, mode: *mode })
        }
        Former::Link { path, target } => machine.made(path)?.link(target),
        Former::NoDirectory { path } => machine.place(path)?.map_or(Ok(()), |place| place.remove_if_empty()),
        Former::Directory { path, uid, gid, mode } => machine.made(path)?.directory(Owned { uid: *uid, gid: *gid, mode: *mode }),
        Former::Sysctl { path, value } => Ok(fs::write(path, value).at("set", path)?),
    }
}

/// Who renames it has it.
fn claim(dir: &Path, id: &str, from: &str, to: &str) -> Result<bool, DiskError> {
    let from = file(dir, id, from);
    match fs::rename(&from, file(dir, id, to)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("rename", &from),
    }
}

fn file(dir: &Path, id: &str, ending: &str) -> PathBuf {
    dir.join(format!("{id}.{ending}"))
}

fn unit_of(id: &str) -> String {
    format!("silver-undo-{id}")
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_plugin_api::setup::{Content, Directory, File, Presence};
    use std::os::unix::fs::PermissionsExt;

    fn item(path: &str) -> Item {
        let (owner, group) = ("0".to_owned(), "0".to_owned());
        let file = File { path: path.into(), content: Content::text(""), owner, group, mode: 0o644, state: Presence::Present };
        Item::new(path, Resource::File(file), "x")
    }

    /// As armed, without a timer.
    fn guard(dir: &Path) -> Guard {
        let guard = Guard { id: "a-1".into(), dir: dir.to_owned(), undo: Undo::default() };
        make_dir(dir).unwrap();
        guard.write().unwrap();
        guard
    }

    #[tokio::test]
    async fn what_is_not_confirmed_is_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::below(dir.path());
        let undo_dir = dir.path().join("undo");
        let at = |path: &str| dir.path().join(path.trim_start_matches('/'));
        fs::create_dir(at("/etc")).unwrap();
        fs::write(at("/etc/file"), "before").unwrap();
        std::os::unix::fs::symlink("file", at("/etc/link")).unwrap();

        let mut guard = guard(&undo_dir);
        for path in ["/etc/file", "/etc/link", "/etc/new"] {
            guard.keep(&machine, &item(path)).await.unwrap();
        }
        for path in ["/etc/file", "/etc/link", "/etc/new"] {
            let _ = fs::remove_file(at(path)); // the new one is not there
            fs::write(at(path), "after").unwrap();
        }
        guard.keep(&machine, &item("/etc/file")).await.unwrap(); // the first look counts
        assert_eq!(undo(&machine, &undo_dir, "a-1").await.unwrap(), [""; 0]);
        assert_eq!(fs::read_to_string(at("/etc/file")).unwrap(), "before");
        assert_eq!(fs::read_link(at("/etc/link")).unwrap(), Path::new("file"));
        assert!(!at("/etc/new").exists());
        assert!(!confirm(&undo_dir, "a-1").unwrap(), "too late");
        assert!(!guard.wait(&machine).await.unwrap());
        assert_eq!(fs::read_dir(&undo_dir).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn directories_have_their_owner_and_mode_back() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::below(dir.path());
        let undo_dir = dir.path().join("undo");
        let at = |path: &str| dir.path().join(path.trim_start_matches('/'));
        let mode = |path: &str| fs::metadata(at(path)).unwrap().permissions().mode() & 0o7777;
        fs::create_dir_all(at("/home/ann")).unwrap();
        fs::set_permissions(at("/home/ann"), fs::Permissions::from_mode(0o710)).unwrap();
        fs::write(at("/home/ann/mine"), "mine").unwrap();

        let mut guard = guard(&undo_dir);
        for path in ["/home/ann", "/home/new", "/home/used"] {
            let (owner, group) = ("0".to_owned(), "0".to_owned());
            let shall = Directory { path: path.into(), owner, group, mode: 0o777 };
            guard.keep(&machine, &Item::new(path, Resource::Directory(shall), "x")).await.unwrap();
            fs::create_dir_all(at(path)).unwrap();
            fs::set_permissions(at(path), fs::Permissions::from_mode(0o777)).unwrap();
        }
        guard.keep(&machine, &item("/home/new/file")).await.unwrap();
        fs::write(at("/home/new/file"), "of the same round").unwrap();
        fs::write(at("/home/used/file"), "somebody else's").unwrap();
        assert_eq!(undo(&machine, &undo_dir, "a-1").await.unwrap(), [""; 0]);
        assert_eq!((mode("/home/ann"), fs::read_to_string(at("/home/ann/mine")).unwrap().as_str()), (0o710, "mine"));
        assert!(!at("/home/new").exists(), "it was not there");
        assert!(at("/home/used/file").exists(), "nobody's files are thrown away");
    }

    #[tokio::test]
    async fn what_is_confirmed_stays() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::below(dir.path());
        let undo_dir = dir.path().join("undo");
        let mut guard = guard(&undo_dir);
        guard.keep(&machine, &item("/new")).await.unwrap();
        fs::write(dir.path().join("new"), "after").unwrap();
        assert!(!confirm(&undo_dir, "../a-1").unwrap());
        assert!(confirm(&undo_dir, "a-1").unwrap());
        assert!(!confirm(&undo_dir, "a-1").unwrap(), "once");
        assert_eq!(undo(&machine, &undo_dir, "a-1").await.unwrap(), [""; 0]);
        assert!(dir.path().join("new").exists());
    }

    #[tokio::test]
    async fn what_takes_longer_than_the_timer_is_undone_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::below(dir.path());
        let undo_dir = dir.path().join("undo");
        let mut guard = guard(&undo_dir);
        guard.keep(&machine, &item("/new")).await.unwrap();
        assert!(guard.is_armed());
        undo(&machine, &undo_dir, "a-1").await.unwrap(); // by the timer, before the change is through
        fs::write(dir.path().join("new"), "after").unwrap();
        assert!(!guard.is_armed());
        assert!(guard.keep(&machine, &item("/next")).await.unwrap_err().to_string().contains("60 s"));
        assert!(!guard.is_armed(), "nothing can be confirmed any more");
        assert_eq!(guard.undo_all(&machine).await.unwrap(), [""; 0]);
        assert!(!dir.path().join("new").exists());
    }

    #[tokio::test]
    async fn what_is_left_when_the_machine_starts_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::below(dir.path());
        let undo_dir = dir.path().join("undo");
        let mut guard = guard(&undo_dir);
        guard.keep(&machine, &item("/new")).await.unwrap();
        fs::write(dir.path().join("new"), "after").unwrap();
        claim(&undo_dir, "a-1", "json", "undoing").unwrap(); // it was cut short in the middle of undoing
        undo_left(&machine, &undo_dir).await.unwrap();
        assert!(!dir.path().join("new").exists());
        assert_eq!(fs::read_dir(&undo_dir).unwrap().count(), 0);
    }
}
