//! Waiting for a program, and ending it: on Unix with everything that it has started.

#![expect(clippy::disallowed_methods, reason = "a program is waited for")]

use std::{
    io,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a program may take to end after it was asked to; then it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest time between two looks at a program.
const POLL: Duration = Duration::from_millis(50);

/// Why a program was ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// A signal came.
    Signal,
    /// The time came until which something may be done.
    Due,
    /// It took longer than it may.
    TooLong,
}

/// Lets a program lead a group of its own: a signal of the terminal does not reach it, and one of ours reaches all of it.
pub(super) fn apart(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Waits for the end of a program that was started [`apart`]. `stop` is asked all the while, and ends it.
pub(super) fn wait(
    child: &mut Child,
    stop: &mut dyn FnMut() -> Option<Stopped>,
) -> io::Result<Result<ExitStatus, Stopped>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ok(status));
        }
        if let Some(stopped) = stop() {
            end(child);
            return Ok(Err(stopped));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(POLL);
    }
}

/// Ends a program: by asking it, and after a while by force.
fn end(child: &mut Child) {
    let asked = Instant::now();
    signal(child, "TERM");
    while asked.elapsed() < PATIENCE {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            // What it has started may be deaf to the first signal.
            signal(child, "KILL");
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    signal(child, "KILL");
    // Nothing more can be done than this; what it answers does not matter.
    let _ = child.kill();
    let _ = child.wait();
}

/// Sends a signal to a program and to all that it has started.
#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let group = format!("-{}", child.id());
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", r#"kill -s "$1" -- "$2""#, "sh", name, &group]);
    // Where nobody is left to be told, that is as good.
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Elsewhere there are no signals: the program is ended at once.
#[cfg(not(unix))]
fn signal(child: &mut Child, _: &str) {
    let _ = child.kill();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        apart(&mut command);
        command
    }

    #[test]
    #[cfg(unix)]
    fn a_program_is_waited_for() {
        let mut child = sh("exit 7").spawn().unwrap();
        let status = wait(&mut child, &mut || None).unwrap().unwrap();
        assert_eq!(status.code(), Some(7));
    }

    #[test]
    #[cfg(unix)]
    fn a_program_is_ended_with_all_that_it_has_started() {
        use std::io::Read as _;
        // The pipe stays open as long as anybody has it, so that reading to its end is waiting for both.
        let started = Instant::now();
        let mut child = sh("sleep 100 & echo begun; trap '' TERM; sleep 100").spawn().unwrap();
        let mut pipe = child.stdout.take().unwrap();
        let mut first = [0; 6];
        pipe.read_exact(&mut first).unwrap();
        let ended = wait(&mut child, &mut || Some(Stopped::Signal)).unwrap();
        assert_eq!(ended.unwrap_err(), Stopped::Signal);
        pipe.read_to_end(&mut Vec::new()).unwrap();
        assert!(started.elapsed() < Duration::from_mins(1), "it was waited for");
    }
}
