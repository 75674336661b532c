//! A command that finds a change under way, and looks on at it before it does anything itself.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr},
};

/// A command that looks on.
#[derive(Debug)]
pub struct Onlooker {
    child: Child,
    says: BufReader<ChildStderr>,
    said: String,
}

impl Onlooker {
    /// Waits until the command says that it looks on.
    ///
    /// # Panics
    /// When it says something else.
    pub fn new(mut child: Child) -> Self {
        let mut says = BufReader::new(child.stderr.take().expect("its standard error"));
        let mut said = String::new();
        while !said.contains("is under way: looking on") {
            let read = says.read_line(&mut said).expect("text");
            assert!(read > 0, "it ended without looking on: {said}");
        }
        Self { child, says, said }
    }

    /// Waits until the command has ended: its exit code, and all that it said.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn ended(mut self) -> (Option<i32>, String) {
        self.says.read_to_string(&mut self.said).expect("text");
        let output = self.child.wait_with_output().expect("its end");
        (output.status.code(), self.said + &String::from_utf8_lossy(&output.stdout))
    }
}
