//! `--demo`: the program in a small studio of its own.
//!
//! The studio is a temporary home folder. This process fills it and starts the program there, so that the index, the
//! start-up file, the history and the configuration of rclone are the studio's. It removes the folder when the program ends.

mod studio;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus as ChildStatus, Stdio};

use self::studio::DemoStudio;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt::{self, TerminalLease};
use crate::os::exec_shim;
use crate::os::scratch::TempFolder;
use crate::output::message::Messages;

/// The option, which the started program does not get.
const OPTION: &str = "--demo";

/// Beginning of the name of the temporary folder.
const FOLDER_PREFIX: &str = "demo-";

/// Variables that would lead the program out of the studio.
const FOREIGN_VARIABLES: [&str; 4] = [
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
];

/// Runs the program with these arguments in a new studio and returns its exit status.
pub(super) fn run(
    mut arguments: Vec<OsString>,
    interactive: bool,
    messages: Messages,
) -> Result<ExitStatus> {
    if let Some(place) = arguments.iter().position(|argument| argument == OPTION) {
        arguments.remove(place);
    }
    // Ctrl-C must not end this process before it has removed the folder.
    interrupt::install().at("catch signals for", "this process")?;
    let folder = TempFolder::with_short_path(FOLDER_PREFIX)?;
    // Paths in answers are those of the roots, without symbolic links.
    let home = fs::canonicalize(folder.path()).at("find", folder.path())?;
    let studio = DemoStudio::new(home);
    studio.create_files()?;
    let scanned = scan(&studio)?;
    if scanned != ExitStatus::Done {
        return Ok(scanned);
    }
    if interactive {
        messages.notice(&studio.introduction());
    }
    let mut command = command(&studio)?;
    let child = command.args(arguments).spawn();
    let mut child = child.at("start", command.get_program())?;
    let ended = wait(&mut child).at("wait for", command.get_program())?;
    Ok(exit_status(ended))
}

/// Scans the storages, takes the shelf storage away and scans again. Returns the worst status of the two scans.
fn scan(studio: &DemoStudio) -> Result<ExitStatus> {
    let complete = load(studio)?;
    studio.take_shelf_away()?;
    Ok(complete.max(load(studio)?))
}

/// Runs `load` in the studio and shows only its problems.
fn load(studio: &DemoStudio) -> Result<ExitStatus> {
    let mut command = command(studio)?;
    command.args(["--quiet", "load"]);
    let ended = command.stdout(Stdio::null()).status();
    ended.at("start", command.get_program()).map(exit_status)
}

/// Returns the command that starts the program in the studio.
fn command(studio: &DemoStudio) -> Result<Command> {
    let program = env::current_exe().at("find", "this program")?;
    let mut command = Command::new(program);
    command
        .env("HOME", studio.home())
        .env("AUTO_BACKUP_CONFIG", studio.startup_file())
        .env("RCLONE_CONFIG", studio.rclone_configuration());
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    Ok(command)
}

/// Waits until the program ends. Ctrl-C belongs to the program; SIGTERM and SIGHUP end it.
fn wait(child: &mut Child) -> std::io::Result<ChildStatus> {
    let _lease = TerminalLease::begin();
    let id = child.id();
    interrupt::on_termination(move || exec_shim::terminate(id))?;
    // The signal may have come before.
    if interrupt::was_terminated() {
        exec_shim::terminate(id);
    }
    child.wait()
}

/// Returns the exit status of the program as that of this process.
fn exit_status(ended: ChildStatus) -> ExitStatus {
    let code = ended.code();
    let by_signal = || ended.signal().map(|signal| 128 + signal);
    let known = code.or_else(by_signal).and_then(ExitStatus::from_code);
    known.unwrap_or(ExitStatus::Failed)
}
