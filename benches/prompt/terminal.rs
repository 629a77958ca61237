//! A pseudo-terminal with a program: types keys, and measures the time until the program has written its whole
//! response.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::IoResultExt as _;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::interrupted;
use crate::common::outcome::Outcome;

/// Silence that ends a repaint; it is not part of the measured time.
const SILENCE: Duration = Duration::from_millis(20);

/// Maximum time for a response.
const PATIENCE: Duration = Duration::from_secs(20);

const SIZE: Winsize = Winsize {
    ws_col: 120,
    ws_row: 40,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// Clears the line, also behind the cursor, and leaves.
const LEAVE: &[u8] = b"\x05\x15\x04";

/// Output of a program, each part with the time of its reading.
type Output = Receiver<(Instant, Vec<u8>)>;

/// A program on a terminal of its own, killed when dropped.
#[derive(Debug)]
pub(crate) struct Terminal {
    program: Child,
    keys: File,
    output: Output,
    started: Instant,
    has_left: bool,
}

impl Terminal {
    /// Starts a program.
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        interrupted::check()?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keys = openpt(flags)?;
        grantpt(&keys)?;
        unlockpt(&keys)?;
        let terminal = ioctl_tiocgptpeer(&keys, flags)?;
        tcsetwinsize(&terminal, SIZE)?;
        let keys = File::from(keys);
        let output = stamped(keys.try_clone()?);
        command
            .stdin(Stdio::from(terminal.try_clone()?))
            .stdout(Stdio::from(terminal.try_clone()?))
            .stderr(Stdio::from(terminal));
        let started = Instant::now();
        let program = command.spawn().at("run", command.get_program())?;
        Ok(Self {
            program,
            keys,
            output,
            started,
            has_left: false,
        })
    }

    /// Waits for a text; returns its time after the start.
    pub(crate) fn wait_for(&mut self, text: &str) -> Outcome<Duration> {
        Ok(self.until(text)? - self.started)
    }

    /// Writes keys, and waits for the end of the output.
    pub(crate) fn press(&mut self, keys: &[u8]) -> Outcome<Duration> {
        self.press_for(keys, "")
    }

    /// Writes keys, and waits for this text and the end of the output; returns the time of the last byte after the
    /// keys.
    pub(crate) fn press_for(&mut self, keys: &[u8], expected: &str) -> Outcome<Duration> {
        interrupted::check()?;
        let pressed = Instant::now();
        self.keys.write_all(keys)?;
        let mut last = self.until(expected)?;
        while let Ok((at, _)) = self.output.recv_timeout(SILENCE) {
            last = at;
        }
        Ok(last - pressed)
    }

    /// Waits for a text; returns its time.
    fn until(&mut self, text: &str) -> Outcome<Instant> {
        let mut seen = Vec::new();
        loop {
            let Ok((at, bytes)) = self.output.recv_timeout(PATIENCE) else {
                let seen = String::from_utf8_lossy(&seen);
                return Err(format!("`{text}` never came, only: {seen:?}").into());
            };
            seen.extend(bytes);
            if String::from_utf8_lossy(&seen).contains(text) {
                return Ok(at);
            }
        }
    }

    /// Returns the program's peak memory so far, in bytes.
    pub(crate) fn peak(&self) -> Outcome<u64> {
        let status = format!("/proc/{}/status", self.program.id());
        let text = fs::read_to_string(&status).at("read", status)?;
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|peak| peak.split_whitespace().next());
        let kilobytes = kilobytes.ok_or("the system does not tell the peak memory")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }

    /// Leaves the program as a user does.
    pub(crate) fn leave(mut self) -> Outcome<()> {
        self.keys.write_all(LEAVE)?;
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.program.wait()?;
        self.has_left = true;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.has_left {
            self.program.kill().unwrap_or_default();
            let _ended = self.program.wait();
        }
    }
}

/// Reads the output as soon as it arrives, on a thread that ends with the program.
fn stamped(mut terminal: File) -> Output {
    let (stamp, output) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = terminal.read(&mut buffer) {
            let bytes = buffer[..read].to_vec();
            if stamp.send((Instant::now(), bytes)).is_err() {
                return;
            }
        }
    });
    output
}
