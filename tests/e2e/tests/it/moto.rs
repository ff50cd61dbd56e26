//! A store that others wrote: moto, which speaks S3 and checks signatures. It has one bucket, `calls`.
//!
//! The tests of `host/server` include this file as well.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// What starts it, and tells what it has.
const SCRIPT: &str = include_str!("../../scenarios/bucket.py");

/// A running one; it ends when it is dropped.
pub(crate) struct Moto {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Where it is, and who may use it.
    about: Value,
}

impl Moto {
    /// `None`, and a line that says so, without a python that has it: `E2E_MOTO`.
    pub(crate) fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("E2E_MOTO").filter(|it| it != "0") else {
            println!("skipped: no moto");
            return None;
        };
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]).stderr(Stdio::null());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let about = read(&mut output);
        Some(Self {
            child,
            input,
            output,
            about,
        })
    }

    /// Its `url` or `region`, or the `id` or `secret` of who may use it.
    pub(crate) fn told(&self, name: &str) -> &str {
        self.about[name].as_str().expect("a text")
    }

    /// What is in it: `objects`, of each its `name`, `size`, `sha256` and number of `parts`; and how many `uploads`
    /// are open.
    pub(crate) fn has(&mut self) -> Value {
        self.input.write_all(b"\n").expect("it reads");
        read(&mut self.output)
    }
}

fn read(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = lines.next().expect("it tells").expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
