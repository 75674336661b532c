//! Copying the agent to a server: once for each build, and never in parts.

use super::{
    Note, failure,
    program::Program,
    remote::{Remote, Said},
    start::Absent,
};
use silver_agent::dirs::PROGRAMS;
use silver_core::node::NodeError;
use std::{fs, io, io::Write as _};

/// So many builds are kept on a server, the newest ones.
const KEPT: usize = 3;
/// What the node says when the program is in its place.
const DONE: &str = "SILVER-INSTALLED";
/// What it says when it got other bytes.
const DIFFERS: &str = "SILVER-DIFFERS";

/// What to do when a server has no agent of this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    /// Nothing: a question must not change a server.
    Never,
    /// Copy it to a server that was set up.
    Upgrade,
    /// Copy it also to a bare one, as its setup does.
    Bare,
}

/// Copies the first of `programs` that runs there, or says why not.
pub(super) async fn install(
    remote: &Remote,
    absent: &Absent,
    programs: &[Program],
    install: Install,
    note: &Note,
) -> Result<(), NodeError> {
    match (install, absent.set_up) {
        (Install::Bare, _) | (Install::Upgrade, true) => {}
        (_, false) => return Err(NodeError::NotSetUp { node: remote.node().into() }),
        (Install::Never, true) => return Err(NodeError::NoAgent { node: remote.node().into(), theirs: absent.silver.clone() }),
    }
    let fits = |program: &&Program| program.platform.runs_on(&absent.platform, &[]);
    let program = programs.iter().find(fits).ok_or_else(|| failure::no_program(remote.node(), absent, programs))?;
    let (packed, size) = tokio::task::spawn_blocking({
        let (program, zstd) = (program.clone(), absent.zstd);
        move || pack(&program, zstd)
    })
    .await
    .map_err(io::Error::other)
    .and_then(|packed| packed)
    .map_err(|source| NodeError::Read { what: program.path.display().to_string(), source })?;
    let mib = |bytes: usize| bytes.div_ceil(1 << 20);
    note(&format!(
        "copying silver's agent to {}: {} MiB, on its way {} MiB; it lies in {PROGRAMS}",
        remote.node(),
        mib(size),
        mib(packed.len())
    ));
    let said = remote.run(&command(program, absent), &packed).await?;
    verdict(remote, &said)
}

/// The program's bytes as they travel, and how many they are.
fn pack(program: &Program, zstd: bool) -> io::Result<(Vec<u8>, usize)> {
    let content = fs::read(&program.path)?;
    let packed = if zstd {
        zstd::bulk::compress(&content, 3)?
    } else {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(4));
        encoder.write_all(&content)?;
        encoder.finish()?
    };
    Ok((packed, content.len()))
}

/// As in `start`, one line for any login shell. The program gets its name when its bytes are there and durable.
fn command(program: &Program, absent: &Absent) -> String {
    let (file, hex) = (program.file(), program.digest.hex());
    let unpack = if absent.zstd { "zstd -dcq" } else { "gzip -dcq" };
    let sudo = if absent.root { "" } else { "sudo -n " };
    format!(
        "exec {sudo}sh -c 'set -e; umask 022; d={PROGRAMS}; mkdir -p $d; t=$d/.new-$$; trap \"rm -f $t\" 0; \
         {unpack} >$t; s=$(sha256sum $t); s=${{s%% *}}; \
         if [ $s = {hex} ]; then :; else echo {DIFFERS} $s; exit 1; fi; \
         chmod 755 $t; sync $t; mv $t $d/{file}; ln -s {file} $t; mv -T $t $d/current; sync $d; \
         for o in $(ls -t $d | grep ^silver- | tail -n +{}); do rm -f $d/$o; done; echo {DONE}'",
        KEPT + 1
    )
}

fn verdict(remote: &Remote, said: &Said) -> Result<(), NodeError> {
    if said.success && said.out.contains(DONE) {
        return Ok(());
    }
    if said.out.contains(DIFFERS) {
        return Err(NodeError::Integrity(format!("the agent arrived altered on node `{}`", remote.node())));
    }
    if said.err.contains("No space left on device") {
        return Err(NodeError::Full(format!("the agent finds no room on node `{}`: {}", remote.node(), said.err)));
    }
    Err(failure::copying(&remote.place, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_pack::hash::sha256;
    use std::{
        path::Path,
        process::{Command, Stdio},
    };

    fn program(path: &Path, bytes: &[u8]) -> Program {
        fs::write(path, bytes).unwrap();
        Program { path: path.into(), digest: sha256(bytes), platform: "linux-x86_64".parse().unwrap() }
    }

    fn absent(zstd: bool) -> Absent {
        Absent { platform: "linux-x86_64".parse().unwrap(), root: true, set_up: true, zstd, silver: None }
    }

    /// Runs the command here, in a directory of the test instead of the server's.
    fn run(program: &Program, zstd: bool, packed: &[u8], dir: &Path) -> String {
        let line = command(program, &absent(zstd)).replace(PROGRAMS, dir.to_str().unwrap());
        let script = line.split_once('\'').and_then(|(_, rest)| rest.strip_suffix('\'')).unwrap();
        assert!(!script.contains(['\'', '\\', '!', '\n']), "{script}");
        let mut child = Command::new("sh").args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(packed);
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn a_program_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("programs");
        let bytes = b"a program, over and over ".repeat(1000);
        let program = program(&dir.path().join("silver"), &bytes);
        let (packed, size) = pack(&program, false).unwrap();
        assert!(size == bytes.len() && packed.len() < size / 10);

        assert!(run(&program, false, &packed[..packed.len() / 2], &there).is_empty(), "cut off");
        let (other, _) = pack(&self::program(&dir.path().join("other"), b"other"), false).unwrap();
        assert!(run(&program, false, &other, &there).starts_with(DIFFERS));
        assert_eq!(fs::read_dir(&there).unwrap().count(), 0, "nothing is left");

        assert_eq!(run(&program, false, &packed, &there).trim(), DONE);
        assert_eq!(fs::read(there.join(program.file())).unwrap(), bytes);
        assert_eq!(fs::read_link(there.join("current")).unwrap(), Path::new(&program.file()));
        assert_eq!(fs::read_dir(&there).unwrap().count(), 2);
    }

    #[test]
    fn only_the_newest_builds_stay() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("programs");
        for number in 0..5_u8 {
            let program = program(&dir.path().join("silver"), &[number; 100]);
            assert_eq!(run(&program, false, &pack(&program, false).unwrap().0, &there).trim(), DONE);
            let file = fs::File::open(there.join(program.file())).unwrap();
            let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(number) + 1);
            file.set_modified(written).unwrap(); // they follow each other too closely here
            assert_eq!(fs::read_link(there.join("current")).unwrap(), Path::new(&program.file()));
        }
        assert_eq!(fs::read_dir(&there).unwrap().count(), KEPT + 1);
    }
}
