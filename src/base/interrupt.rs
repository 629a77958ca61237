//! Stopping on request: signals set a flag, and all long work asks it between two steps.
//!
//! The first Ctrl-C lets the step under way end cleanly; the second leaves at once. Because every file lands by rename,
//! leaving at any point leaves no half file under a final name.

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

static CANCEL_REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static IDLE: AtomicBool = AtomicBool::new(false);
static TERMINATED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// What is done at Ctrl-C.
static CTRL_C_HANDLERS: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// Whether nobody wants the rest of what is under way any more.
static OUTPUT_ABANDONED: AtomicBool = AtomicBool::new(false);

/// State of the work that a first Ctrl-C does not stop.
#[derive(Clone, Copy, Debug)]
enum Grace {
    /// There is none.
    Off,
    /// It runs, and no stop was requested.
    Pending,
    /// A stop was requested; it may go on until then.
    Until(Instant),
}

thread_local! {
    /// State of work on this thread that a first Ctrl-C does not stop.
    static GRACE: Cell<Grace> = const { Cell::new(Grace::Off) };
}

/// Lets a write beyond the limit of `ulimit -f` fail like any other, for its file alone: SIGXFSZ has no effect from now on.
/// Where the system refuses that, the signal ends the process as before.
pub fn ignore_file_size_signal() {
    let _refused = flag::register(SIGXFSZ, Arc::default());
}

/// Catches Ctrl-C, SIGTERM and SIGHUP from now on.
///
/// # Errors
/// The system refused a handler.
pub fn install() -> io::Result<()> {
    install_ctrl_c()?;
    for signal in termination_signals() {
        flag::register_conditional_shutdown(signal, 143, Arc::clone(&TERMINATED))?;
        flag::register(signal, Arc::clone(&TERMINATED))?;
        flag::register(signal, Arc::clone(&CANCEL_REQUESTED))?;
    }
    Ok(())
}

/// Catches Ctrl-C: the first sets a flag, the one after it ends the process.
fn install_ctrl_c() -> io::Result<()> {
    let mut handlers = ctrl_c_handlers();
    // In this order, or the first would find the flag that it has just set.
    handlers.push(flag::register_conditional_shutdown(
        SIGINT,
        130,
        Arc::clone(&CANCEL_REQUESTED),
    )?);
    handlers.push(flag::register(SIGINT, Arc::clone(&CANCEL_REQUESTED))?);
    Ok(())
}

/// The requests to end that are listened to: not the loss of the terminal where whoever started the process had that
/// ignored, as `nohup` does, and the system tells so.
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

/// Lets every Ctrl-C pass without effect. The signal stays caught: it is never again the end of the process by itself.
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

/// Whether work should stop now.
pub fn is_requested() -> bool {
    CANCEL_REQUESTED.load(Ordering::Relaxed) || OUTPUT_ABANDONED.load(Ordering::Relaxed)
}

/// Whether the request came from outside (SIGTERM, SIGHUP), so that the prompt must end too.
pub fn was_terminated() -> bool {
    TERMINATED.load(Ordering::SeqCst)
}

/// While it lives, the process waits for a person to type.
#[derive(Debug)]
pub struct IdleGuard;

impl IdleGuard {
    /// From now on; `None` if the process was asked to end before: then nobody would end it while it waits.
    pub fn begin() -> Option<Self> {
        let idle = Self;
        IDLE.store(true, Ordering::SeqCst);
        // In this order: a request after this question finds the process idle.
        (!was_terminated()).then_some(idle)
    }
}

impl Drop for IdleGuard {
    fn drop(&mut self) {
        IDLE.store(false, Ordering::SeqCst);
    }
}

/// While it lives, another program has the terminal: Ctrl-C is meant for it and has no effect here, however often.
#[derive(Debug)]
pub struct TerminalLease;

impl TerminalLease {
    /// From now on.
    pub fn begin() -> Self {
        uninstall_ctrl_c();
        reset();
        Self
    }

    /// That program was left: what is under way for it need not go on.
    pub fn abandon_output() {
        OUTPUT_ABANDONED.store(true, Ordering::SeqCst);
    }
}

impl Drop for TerminalLease {
    fn drop(&mut self) {
        OUTPUT_ABANDONED.store(false, Ordering::SeqCst);
        // It was allowed at the start; should it not be now, SIGTERM still ends the process.
        install_ctrl_c().unwrap_or_default();
    }
}

/// Ends the process at SIGTERM or SIGHUP while it is idle, after `tidy`; work under way is asked to stop instead.
///
/// # Errors
/// The system refused a handler.
pub fn exit_when_idle(cleanup: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(termination_signals())?;
    let spawned = thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            if IDLE.load(Ordering::SeqCst) {
                cleanup();
                low_level::exit(143);
            }
        }
    });
    spawned.map(drop)
}

/// The exit status of work that was stopped.
pub fn exit_status() -> ExitStatus {
    if was_terminated() {
        ExitStatus::Terminated
    } else {
        ExitStatus::Interrupted
    }
}

/// Forgets a Ctrl-C that has been answered, so that the next command of the prompt runs.
pub fn reset() {
    CANCEL_REQUESTED.store(was_terminated(), Ordering::Relaxed);
}

/// Does work on this thread that a stop ends only 10 seconds after it was requested, because the work is mostly short
/// and records what the stop left.
pub fn with_grace_period<T>(work: impl FnOnce() -> T) -> T {
    GRACE.set(Grace::Pending);
    let result = work();
    GRACE.set(Grace::Off);
    result
}

/// Whether the work on this thread may go on although a stop was requested.
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

/// Waits so long, unless work should stop.
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

/// `Err(Interrupted)` once a stop was requested; called between two steps of all long work.
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
