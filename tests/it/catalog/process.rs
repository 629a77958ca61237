//! The process of a `PostgreSQL` server: it ends with these tests, whatever ends them.

use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Maximum time until a server has ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server's process. A thread of its own starts it: the system ends it when that thread ends, and a test's thread ends
/// with the test.
#[derive(Debug)]
pub(super) struct ServerProcess {
    process: Pid,
    /// Dropped to let the thread wait for the process.
    wait: Option<Sender<()>>,
    ended: Mutex<Receiver<()>>,
}

impl ServerProcess {
    pub(super) fn start(mut command: Command) -> Self {
        let (started, process) = mpsc::channel();
        let (wait, waited) = mpsc::channel::<()>();
        let (end, ended) = mpsc::channel();
        thread::spawn(move || {
            let mut child: Child = command.spawn().unwrap();
            started.send(Pid::from_child(&child)).unwrap();
            let _dropped = waited.recv();
            let _status = child.wait();
            let _sent = end.send(());
        });
        Self {
            process: process.recv().unwrap(),
            wait: Some(wait),
            ended: Mutex::new(ended),
        }
    }

    /// True once it has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        let number = self.process.as_raw_nonzero();
        let state = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        // The state follows the name in parentheses.
        state
            .rsplit(") ")
            .next()
            .is_none_or(|rest| rest.starts_with('Z') || rest.is_empty())
    }

    /// Sends a signal and waits for the end: `INT` ends it cleanly, `QUIT` without a checkpoint, `KILL` at once.
    pub(super) fn end(&mut self, signal: Signal) {
        let Some(wait) = self.wait.take() else {
            return;
        };
        let _sent = kill_process(self.process, signal);
        drop(wait);
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(PATIENCE).is_err() {
            let _sent = kill_process(self.process, Signal::KILL);
            let _ended = ended.recv_timeout(PATIENCE);
        }
    }

    /// Stops it without ending it: it accepts connections and answers nothing.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.process, signal).unwrap();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}
