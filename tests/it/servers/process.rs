//! The process of a server: it is held back by permissions even as root's, and ended at once with all it started.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

/// Ends it when the thread that started it ends, however that happens.
const WITH_US: &str = "--pdeathsig=KILL";

/// Takes from root what lets it read and write everything.
const HELD_BACK: &str = "--bounding-set=-dac_override,-dac_read_search";

/// A server's process, ended when this is dropped.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Starts it; what it says goes to the end of a file.
    pub(super) fn start(mut command: Command, log: &Path) -> Self {
        let log = fs::OpenOptions::new().create(true).append(true).open(log);
        let log = log.unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Until it is waited for, its number is nobody else's.
        if !self.has_ended() {
            kill_with_children(Pid::from_child(&self.0));
            let _status = self.0.wait();
        }
    }
}

/// Kills a process and those it started, also if they are in groups of their own, as those that sshd starts are.
fn kill_with_children(pid: Pid) {
    // What is stopped starts no more.
    let _sent = kill_process(pid, Signal::STOP);
    let number = pid.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        if let Some(child) = child.parse().ok().and_then(Pid::from_raw) {
            kill_with_children(child);
        }
    }
    let _sent = kill_process(pid, Signal::KILL);
}

/// The words before a server's program.
pub(super) fn guarded(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(WITH_US);
    if rustix::process::geteuid().is_root() && permissions_hold() {
        command.arg(HELD_BACK);
    }
    command.arg(program).env_clear();
    command
}

/// Whether permissions hold servers back: those of ordinary users always, those of root where it may give rights away.
pub(super) fn permissions_hold() -> bool {
    static HOLD: OnceLock<bool> = OnceLock::new();
    *HOLD.get_or_init(|| {
        let mut trial = Command::new("setpriv");
        let trial = trial.args([HELD_BACK, "true"]).stderr(Stdio::null());
        !rustix::process::geteuid().is_root() || trial.status().is_ok_and(|status| status.success())
    })
}
