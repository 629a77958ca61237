//! Two functions at the same time, for reading two disks at once.

use std::panic::resume_unwind;
use std::thread;

/// Runs `second` on a thread of its own while `first` runs on this one. If the system refuses another thread, `second` runs
/// after `first`.
pub fn run_both<A, B: Send>(first: impl FnOnce() -> A, second: impl Fn() -> B + Sync) -> (A, B) {
    thread::scope(|scope| {
        let started = thread::Builder::new().spawn_scoped(scope, &second);
        let first = first();
        let second = match started {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => second(),
        };
        (first, second)
    })
}
