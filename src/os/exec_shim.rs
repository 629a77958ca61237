//! Child processes that end with this process, even if it is killed: this program starts itself, requests the signal
//! from the system and executes the other program.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, getppid, kill_process, kill_process_group};

use crate::base::ignore::ignore;

/// Option that makes this program execute another one.
pub const EXEC_SHIM_OPTION: &str = "--become";

/// Path of this program, if it can start others this way.
static OWN_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Makes later children end with this process, which must accept [`EXEC_SHIM_OPTION`].
pub fn enable() {
    // This name also finds a program whose file was replaced meanwhile.
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        OWN_PROGRAM.get_or_init(|| own.to_owned());
    }
}

/// Returns a command that runs in its own process group. Where the system supports it, the child ends with the thread
/// that starts it.
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

/// Executes the program that follows [`EXEC_SHIM_OPTION`] and the ID of the process that started it.
pub fn exec_program(mut arguments: impl Iterator<Item = OsString>) -> io::Error {
    let (Some(parent), Some(program)) = (arguments.next(), arguments.next()) else {
        return io::ErrorKind::InvalidInput.into();
    };
    if let Err(error) = die_with_parent() {
        return error;
    }
    // The parent may have ended before the request.
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

/// Ends a child that has no process group of its own, with SIGTERM.
pub fn terminate(child: u32) {
    let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        ignore(
            kill_process(pid, Signal::TERM),
            "the child may have ended already",
        );
    }
}

/// Signals all processes of a child's group: kills them, or ends them as Ctrl-C does.
pub fn signal_group(child: u32, at_once: bool) {
    let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
    let signal = if at_once { Signal::KILL } else { Signal::INT };
    if let Some(pid) = pid {
        ignore(
            kill_process_group(pid, signal),
            "the group may have ended already",
        );
    }
}
