//! The lowest priority of reads and writes, so that a long run disturbs no work.
//!
//! Linux has a system call for it that the crates for system calls lack; the program `ionice`, which comes with every
//! distribution, calls it for a thread. Threads inherit the priority of the thread that starts them.

/// Gives this thread, and those that it starts later, the idle class of I/O: the disk serves them when nothing else needs
/// it. Returns false where the system has no such class, or lacks the program.
pub fn set_idle_for_this_thread() -> bool {
    system::set_idle()
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;
    use std::process::Stdio;

    use rustix::thread::gettid;

    use crate::os::exec_shim;

    /// The number of the idle class.
    const IDLE_CLASS: &str = "3";

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
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) const fn set_idle() -> bool {
        false
    }
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
