//! How many files this process may hold open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this nothing here needs.
const ENOUGH: u64 = 16_384;

/// Where there is no limit to be asked for.
const USUAL: u64 = 1024;

/// How many files may be open, after asking for as many as may be had.
#[must_use]
pub fn open_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if now.current.is_none_or(|current| current >= wanted) {
        return now.current.unwrap_or(ENOUGH).min(ENOUGH);
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: now.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => now.current.unwrap_or(USUAL),
    }
}
