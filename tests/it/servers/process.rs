//! The process of a server: permissions limit it even if root starts it, and it ends at once with all its children.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

/// Ends it when the thread that started it ends.
const WITH_US: &str = "--pdeathsig=KILL";

/// Takes from root the capabilities to read and write everything.
const HELD_BACK: &str = "--bounding-set=-dac_override,-dac_read_search";

/// A server's process, ended when dropped.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Starts it and appends its output to a file.
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
        // Until it is waited for, no other process gets its ID.
        if !self.has_ended() {
            kill_with_children(Pid::from_child(&self.0));
            let _status = self.0.wait();
        }
    }
}

/// Kills a process and its children, also in groups of their own, as sshd creates them.
fn kill_with_children(pid: Pid) {
    // A stopped process starts no more children.
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

/// Returns a command that starts a server's program under these limits.
pub(super) fn guarded(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(WITH_US);
    if rustix::process::geteuid().is_root() && permissions_hold() {
        command.arg(HELD_BACK);
    }
    command.arg(program).env_clear();
    command
}

/// True if permissions limit servers: always for ordinary users, for root if it may drop capabilities.
pub(super) fn permissions_hold() -> bool {
    static HOLD: OnceLock<bool> = OnceLock::new();
    *HOLD.get_or_init(|| {
        let mut trial = Command::new("setpriv");
        let trial = trial.args([HELD_BACK, "true"]).stderr(Stdio::null());
        !rustix::process::geteuid().is_root() || trial.status().is_ok_and(|status| status.success())
    })
}
