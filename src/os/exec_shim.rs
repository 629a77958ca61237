//! A child process that dies with us, even if we are killed at once: our own program starts in its place, asks the
//! system for that, and becomes the other program.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, getppid, kill_process_group};

/// The option by which our own program knows that it is to become another.
pub const EXEC_SHIM_OPTION: &str = "--become";

/// Our own program, where it can start others in its place.
static OWN_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Lets children die with this process from now on: it is the program that knows [`EXEC_SHIM_OPTION`].
pub fn enable() {
    // A program that was replaced meanwhile is still found by this name.
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        OWN_PROGRAM.get_or_init(|| own.to_owned());
    }
}

/// A program in a process group of its own, that dies with the thread that starts it where the system knows that.
pub fn child_command(program: &Path) -> Command {
    let mut command = match OWN_PROGRAM.get() {
        Some(own) => {
            let mut command = Command::new(own);
            command
                .arg(EXEC_SHIM_OPTION)
                .arg(process::id().to_string())
                .arg(program);
            command
        }
        None => Command::new(program),
    };
    command.process_group(0);
    command
}

/// Becomes the program that stands after [`EXEC_SHIM_OPTION`] and the number of the process that started it.
pub fn exec_program(mut arguments: impl Iterator<Item = OsString>) -> io::Error {
    let (Some(parent), Some(program)) = (arguments.next(), arguments.next()) else {
        return io::ErrorKind::InvalidInput.into();
    };
    if let Err(error) = die_with_parent() {
        return error;
    }
    // It may have died before that was asked for.
    let now = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if now.as_deref().map(OsString::from) != Some(parent) {
        return io::ErrorKind::BrokenPipe.into();
    }
    Command::new(program).args(arguments).exec()
}

#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::KILL,
    ))?)
}

#[cfg(not(target_os = "linux"))]
const fn die_with_parent() -> io::Result<()> {
    Ok(())
}

/// Asks all processes of a child's group to end: at once, or as Ctrl-C would.
pub fn signal_group(child: u32, at_once: bool) {
    let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
    let signal = if at_once { Signal::KILL } else { Signal::INT };
    if let Some(pid) = pid {
        // A group that has ended is what is wanted.
        kill_process_group(pid, signal).unwrap_or_default();
    }
}
