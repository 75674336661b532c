//! A command at a terminal, for what is only asked where somebody can answer.

use crate::world::PATIENCE;
use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

/// Runs the command at a terminal, which the program `script` (of Debian's base system) makes, and
/// answers each question, which ends with a colon, a question mark or a bracket and a space, with the next of these
/// words. Returns all that the terminal showed.
///
/// # Panics
/// When the command does not ask, or does not end.
pub fn talk(command: &Command, answers: &[&str]) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().expect("plain words"))).collect();
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"])
        .current_dir(command.get_current_dir().expect("a directory"))
        .env_clear()
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program `script`");
    let (mut input, mut output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if tell.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let (mut said, mut heard) = (Vec::new(), 0);
    let until = Instant::now() + PATIENCE;
    let hear = |said: &mut Vec<u8>| match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(bytes) => {
            said.extend(bytes);
            true
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => false,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?}: {}", String::from_utf8_lossy(said)),
    };
    for answer in answers {
        while ![b": ", b"? ", b"] "].iter().any(|end| said[heard..].ends_with(*end)) {
            assert!(hear(&mut said), "it ended without asking: {}", String::from_utf8_lossy(&said));
        }
        heard = said.len();
        writeln!(input, "{answer}").and_then(|()| input.flush()).expect("the terminal");
    }
    while hear(&mut said) {}
    child.wait().expect("the command's end");
    String::from_utf8_lossy(&said).into_owned()
}
