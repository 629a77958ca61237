//! The process around a measured command. It is a process of its own because the system reports the peak memory of all
//! children together: this one has no other child.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::IoResultExt as _;
use nix::sys::resource::{UsageWho, getrusage};

use super::interrupted;
use super::outcome::Outcome;

/// Runs a command, discards its output, and prints one line: its status, its peak memory in kilobytes, and the
/// nanoseconds to its end and to the end of its first line. Its standard error is passed on.
pub(crate) fn run(mut command: impl Iterator<Item = OsString>) -> Outcome<()> {
    let program = command.next().ok_or("there is no command to measure")?;
    // Ctrl-C reaches this process as well as the command, which may need a moment to end. Its files are removed only
    // after that.
    interrupted::remember_signals().at("catch signals for", "this process")?;
    let mut process = Command::new(&program);
    process
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = process.spawn().at("run", &program)?;
    let complaints = child.stderr.take().map(|stderr| {
        thread::spawn(move || io::copy(&mut { stderr }, &mut io::stderr()).unwrap_or_default())
    });
    let stdout = child.stdout.take().ok_or("standard output is no pipe")?;
    let first_line = throw_away(stdout, start).at("read from", &program)?;
    let status = child.wait().at("wait for", &program)?;
    let wall = start.elapsed();
    // Its standard error is printed before the numbers.
    complaints.map(thread::JoinHandle::join);
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    let (wall, first_line) = (wall.as_nanos(), first_line.unwrap_or(wall).as_nanos());
    let ended = status.code().unwrap_or(-1);
    writeln!(io::stdout(), "{ended} {peak} {wall} {first_line}")?;
    Ok(())
}

/// Reads to the end and returns the time of the first line.
fn throw_away(mut pipe: impl Read, start: Instant) -> io::Result<Option<Duration>> {
    let mut buffer = vec![0; 64 * 1024];
    let mut first_line = None;
    loop {
        match pipe.read(&mut buffer)? {
            0 => return Ok(first_line),
            read if first_line.is_none() && buffer[..read].contains(&b'\n') => {
                first_line = Some(start.elapsed());
            }
            _ => {}
        }
    }
}
