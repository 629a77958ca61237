//! The lowest priority of reads and writes, so that a long run disturbs no work.
//!
//! Linux has a system call for it that the crates for system calls lack; the program `ionice`, which comes with every
//! distribution, calls it for a thread. Threads inherit the priority of the thread that starts them.

use std::thread;

/// Gives this thread, and those that it starts later, the idle class of I/O: the disk serves them when nothing else needs
/// it. Returns false where the system has no such class, or lacks the program.
pub fn set_idle_for_this_thread() -> bool {
    system::set_idle()
}

/// True if threads of this process can have the idle class. A thread of its own tries it.
pub fn can_set_idle() -> bool {
    let tried = thread::Builder::new().spawn(set_idle_for_this_thread);
    tried.is_ok_and(|thread| thread.join().unwrap_or(false))
}

/// Gives this thread, and those that it starts later, the lowest priority for the processor. Best effort: a system may
/// refuse it or apply it to no single thread.
pub fn set_lowest_for_this_thread() {
    system::set_lowest();
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;
    use std::process::Stdio;

    use rustix::thread::gettid;

    use crate::base::ignore::ignore;
    use crate::os::exec_shim;

    /// The number of the idle class.
    const IDLE_CLASS: &str = "3";

    /// The lowest priority for the processor.
    const LOWEST: i32 = 19;

    pub(super) fn set_idle() -> bool {
        let mut command = exec_shim::child_command(Path::new("ionice"));
        command.args(["-c", IDLE_CLASS, "-p"]);
        command.arg(gettid().as_raw_nonzero().to_string());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    pub(super) fn set_lowest() {
        // On Linux a number of a thread stands for that thread alone.
        ignore(
            rustix::process::setpriority_process(Some(gettid()), LOWEST),
            "the priority of the disk matters more",
        );
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) const fn set_idle() -> bool {
        false
    }

    pub(super) const fn set_lowest() {}
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use rustix::thread::gettid;

    use super::*;

    /// The class and the number that `ionice` reports for the calling thread.
    fn class() -> String {
        let thread = gettid().as_raw_nonzero().to_string();
        let output = Command::new("ionice")
            .args(["-p", &thread])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn later_threads_inherit_the_idle_class() {
        let group = thread::spawn(|| {
            assert!(set_idle_for_this_thread());
            thread::spawn(class).join().unwrap()
        });
        assert_eq!(group.join().unwrap(), "idle");
        assert_ne!(class(), "idle");
    }
}
