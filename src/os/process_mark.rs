//! Marks of processes, by which a later process of the same system proves that one has ended.
//!
//! A mark names the start of the system, the namespace of process numbers (each container has its own), the number and the time
//! of the start. Numbers are used again, but never with the same start. Where the system does not tell, there is no mark,
//! and nothing is proven.

use std::fs;
use std::process;

use super::host;

/// Returns the mark of this process; `None` where the system does not tell enough.
pub fn own() -> Option<String> {
    let started = start_time(process::id())?;
    Some(format!("{}/{}/{started}", system()?, process::id()))
}

/// True if the process of a mark ran on this system, and has ended. False if that is not proven.
pub fn has_ended(mark: &str) -> bool {
    let mut parts = mark.rsplitn(3, '/');
    let started: Option<u64> = parts.next().and_then(|word| word.parse().ok());
    let number: Option<u32> = parts.next().and_then(|word| word.parse().ok());
    let (Some(started), Some(number), Some(place)) = (started, number, parts.next()) else {
        return false;
    };
    if system().as_deref() != Some(place) {
        return false;
    }
    // A process of another user may be invisible in `/proc`, but it answers.
    !host::is_process_alive(number) || start_time(number).is_some_and(|time| time != started)
}

/// Returns what distinguishes the processes of this system from those of all others: the start of its kernel, and the namespace
/// of its numbers. `None` if `/proc` is missing or that of another namespace.
fn system() -> Option<String> {
    let own = fs::read_link("/proc/self").ok()?;
    if own.to_str()? != process::id().to_string() {
        return None;
    }
    let start = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", start.trim(), namespace.to_str()?))
}

/// Returns the time when a process was started, in ticks since the start of the system. See `proc_pid_stat(5)`.
fn start_time(number: u32) -> Option<u64> {
    const START_AFTER_NAME: usize = 19;
    let line = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name of its program stands in brackets, and may contain blanks and brackets.
    let (_, fields) = line.rsplit_once(')')?;
    fields
        .split_whitespace()
        .nth(START_AFTER_NAME)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_an_ended_process_is_proven() {
        let Some(own) = own() else {
            return;
        };
        assert!(!has_ended(&own));
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let place = system().unwrap();
        assert!(has_ended(&format!("{place}/{}/1", child.id())));
        // Its number belongs to another process by now.
        assert!(has_ended(&format!("{place}/{}/1", process::id())));
        assert!(!has_ended(&format!("another/{place}/{}/1", child.id())));
        for mark in ["", "/", "//", "1/2", "x/y/z"] {
            assert!(!has_ended(mark), "{mark}");
        }
    }
}
