//! Name and processes of this machine, and random IDs.

use std::fs::File;
use std::io::{self, Read as _};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::limit::open_with_retry;
use crate::base::error::{IoResultExt as _, Result};

/// Returns the host name for use in a file name: every character but letters, digits and `-` is replaced.
pub fn name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let short = name.split('.').next().unwrap_or_default();
    let safe: String = short
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    if safe.is_empty() {
        "host".to_owned()
    } else {
        safe
    }
}

/// True if a file name has the host name of this machine. Some file systems list all names in lower case.
pub fn is_own_name(host: &str) -> bool {
    host.eq_ignore_ascii_case(&name())
}

/// Returns 128 random bits in hexadecimal.
///
/// # Errors
/// The system has no source of randomness.
pub fn random_id() -> Result<String> {
    const SOURCE: &str = "/dev/urandom";
    let mut bytes = [0; 16];
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = open_with_retry(|| rustix::fs::open(SOURCE, flags, Mode::empty()));
    opened
        .map_err(io::Error::from)
        .and_then(|handle| File::from(handle).read_exact(&mut bytes))
        .at("read", SOURCE)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Returns the ID of the user that runs this process.
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns the size of the machine's memory in bytes; the largest number if the system does not report it.
pub fn memory_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let info = rustix::system::sysinfo();
        #[expect(
            clippy::useless_conversion,
            reason = "on machines of 32 bits it is a shorter number"
        )]
        let memory = u64::from(info.totalram);
        memory.saturating_mul(info.mem_unit.into())
    }
    #[cfg(not(target_os = "linux"))]
    u64::MAX
}

/// Returns the name of that user, or its ID if the system knows no name.
pub fn user_name() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
    match user {
        Ok(Some(user)) => user.name,
        _ => format!("user {}", user_id()),
    }
}

/// True if a process of any user has this ID on this machine.
pub fn is_process_alive(process: u32) -> bool {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    // Another user's process cannot be signaled, but it exists.
    number.is_some_and(|number| matches!(test_kill_process(number), Ok(()) | Err(Errno::PERM)))
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use super::*;

    #[test]
    fn ended_process_is_not_alive() {
        assert!(is_process_alive(process::id()));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(is_process_alive(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_process_alive(child.id()));
        assert!(!is_process_alive(0) && !is_process_alive(u32::MAX));
    }
}
