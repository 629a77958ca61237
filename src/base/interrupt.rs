//! Cancellation: signals set a flag, and long work checks it between two steps.
//!
//! After the first Ctrl-C the current step ends cleanly; the second ends the process at once. Every file gets its final name by
//! a rename, so that no incomplete file ever has one.

use std::cell::Cell;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{SigId, flag, low_level};

use super::error::{Error, Result};
use super::exit_status::ExitStatus;
use super::ignore::ignore;

static CANCEL_REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static IDLE: AtomicBool = AtomicBool::new(false);
static TERMINATED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The installed handlers of Ctrl-C.
static CTRL_C_HANDLERS: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// True if the pager was left, so that the rest of the answer is not needed.
static OUTPUT_ABANDONED: AtomicBool = AtomicBool::new(false);

/// Grace period of a thread: work that a cancellation does not stop at once.
#[derive(Clone, Copy, Debug)]
enum Grace {
    /// No grace period.
    Off,
    /// The work runs, and no cancellation was requested.
    Pending,
    /// A cancellation was requested; the work may continue until this time.
    Until(Instant),
}

thread_local! {
    /// Grace period of this thread.
    static GRACE: Cell<Grace> = const { Cell::new(Grace::Off) };
}

/// Ignores SIGXFSZ, so that a write beyond the limit of `ulimit -f` fails for its file alone.
pub fn ignore_file_size_signal() {
    ignore(
        flag::register(SIGXFSZ, Arc::default()),
        "without the handler the signal ends the process, as before",
    );
}

/// Installs the handlers of Ctrl-C, SIGTERM and SIGHUP.
pub fn install() -> io::Result<()> {
    install_ctrl_c()?;
    for signal in termination_signals() {
        flag::register_conditional_shutdown(signal, 143, Arc::clone(&TERMINATED))?;
        flag::register(signal, Arc::clone(&TERMINATED))?;
        flag::register(signal, Arc::clone(&CANCEL_REQUESTED))?;
    }
    Ok(())
}

/// Installs the handlers of Ctrl-C: the first signal sets a flag, the second ends the process.
fn install_ctrl_c() -> io::Result<()> {
    let mut handlers = ctrl_c_handlers();
    // The order matters: the check of the flag must run before the flag is set.
    handlers.push(flag::register_conditional_shutdown(
        SIGINT,
        130,
        Arc::clone(&CANCEL_REQUESTED),
    )?);
    handlers.push(flag::register(SIGINT, Arc::clone(&CANCEL_REQUESTED))?);
    Ok(())
}

/// Returns the signals that end the process. SIGHUP is not among them if the parent process ignored it, as `nohup` does.
fn termination_signals() -> Vec<i32> {
    // See proc_pid_status(5): a mask in hexadecimal, whose lowest bit is signal 1, SIGHUP.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if mask.unwrap_or_default() & 1 == 1 {
        vec![SIGTERM]
    } else {
        vec![SIGTERM, SIGHUP]
    }
}

/// Removes the handlers of Ctrl-C. The signal stays caught, so that it does not end the process.
fn uninstall_ctrl_c() {
    for action in ctrl_c_handlers().drain(..) {
        low_level::unregister(action);
    }
}

fn ctrl_c_handlers() -> MutexGuard<'static, Vec<SigId>> {
    CTRL_C_HANDLERS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// True if the work should stop.
pub fn is_requested() -> bool {
    CANCEL_REQUESTED.load(Ordering::Relaxed) || OUTPUT_ABANDONED.load(Ordering::Relaxed)
}

/// True after SIGTERM or SIGHUP, which also end the prompt.
pub fn was_terminated() -> bool {
    TERMINATED.load(Ordering::SeqCst)
}

/// Marks the process as idle while the prompt waits for input.
#[derive(Debug)]
pub struct IdleGuard;

impl IdleGuard {
    /// Marks the process as idle. `None` if SIGTERM or SIGHUP came before: nothing would then end the wait.
    pub fn begin() -> Option<Self> {
        let idle = Self;
        IDLE.store(true, Ordering::SeqCst);
        // The order matters: a signal after this check finds the process idle.
        (!was_terminated()).then_some(idle)
    }
}

impl Drop for IdleGuard {
    fn drop(&mut self) {
        IDLE.store(false, Ordering::SeqCst);
    }
}

/// Gives the terminal to another program: Ctrl-C has no effect on this process while the lease exists.
#[derive(Debug)]
pub struct TerminalLease;

impl TerminalLease {
    pub fn begin() -> Self {
        uninstall_ctrl_c();
        reset();
        Self
    }

    /// Cancels the work whose output the other program no longer reads.
    pub fn abandon_output() {
        OUTPUT_ABANDONED.store(true, Ordering::SeqCst);
    }
}

impl Drop for TerminalLease {
    fn drop(&mut self) {
        OUTPUT_ABANDONED.store(false, Ordering::SeqCst);
        ignore(install_ctrl_c(), "SIGTERM still ends the process");
    }
}

/// Calls `cleanup` and ends the process at SIGTERM or SIGHUP while it is idle. Work in progress is canceled instead.
pub fn exit_when_idle(cleanup: impl Fn() + Send + 'static) -> io::Result<()> {
    on_termination(move || {
        if IDLE.load(Ordering::SeqCst) {
            cleanup();
            low_level::exit(143);
        }
    })
}

/// Calls `action` on a thread at each SIGTERM or SIGHUP.
pub fn on_termination(action: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(termination_signals())?;
    let spawned = thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            action();
        }
    });
    spawned.map(drop)
}

/// Returns the exit status of canceled work.
pub fn exit_status() -> ExitStatus {
    if was_terminated() {
        ExitStatus::Terminated
    } else {
        ExitStatus::Interrupted
    }
}

/// Clears a Ctrl-C that was handled, so that the next command of the prompt runs.
pub fn reset() {
    CANCEL_REQUESTED.store(was_terminated(), Ordering::Relaxed);
}

/// Runs work that a cancellation stops only after 10 seconds: mostly short work that records the state of the canceled run.
pub fn with_grace_period<T>(work: impl FnOnce() -> T) -> T {
    GRACE.set(Grace::Pending);
    let result = work();
    GRACE.set(Grace::Off);
    result
}

/// True if the work on this thread may continue after a cancellation.
fn is_in_grace_period() -> bool {
    const GRACE_PERIOD: Duration = Duration::from_secs(10);
    let now = Instant::now();
    match GRACE.get() {
        Grace::Off => false,
        Grace::Pending => {
            GRACE.set(Grace::Until(now + GRACE_PERIOD));
            true
        }
        Grace::Until(deadline) => now < deadline,
    }
}

/// Sleeps for this time.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn sleep(time: Duration) -> Result<()> {
    const POLL_INTERVAL: Duration = Duration::from_millis(50);
    let start = Instant::now();
    while start.elapsed() < time {
        check()?;
        thread::sleep(POLL_INTERVAL.min(time.saturating_sub(start.elapsed())));
    }
    Ok(())
}

/// True if a deadline is set and has passed.
pub fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Fails after a cancellation. All long work calls this between two steps.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn check() -> Result<()> {
    if is_requested() && !is_in_grace_period() {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}
