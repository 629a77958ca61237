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

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static IDLE: AtomicBool = AtomicBool::new(false);
static TERMINATED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// What is done at Ctrl-C.
static CAUGHT: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// Whether nobody wants the rest of what is under way any more.
static UNWANTED: AtomicBool = AtomicBool::new(false);

/// State of the work that a first Ctrl-C does not stop.
#[derive(Clone, Copy, Debug)]
enum Shield {
    /// There is none.
    Down,
    /// It runs, and no stop was requested.
    Up,
    /// A stop was requested; it may go on until then.
    Until(Instant),
}

thread_local! {
    /// State of work on this thread that a first Ctrl-C does not stop.
    static SHIELD: Cell<Shield> = const { Cell::new(Shield::Down) };
}

/// Lets a write beyond the limit of `ulimit -f` fail like any other, for its file alone: SIGXFSZ has no effect from now on.
/// Where the system refuses that, the signal ends the process as before.
pub fn survive_file_limit() {
    let _refused = flag::register(SIGXFSZ, Arc::default());
}

/// Catches Ctrl-C, SIGTERM and SIGHUP from now on.
///
/// # Errors
/// The system refused a handler.
pub fn install() -> io::Result<()> {
    listen()?;
    for signal in requests() {
        flag::register_conditional_shutdown(signal, 143, Arc::clone(&TERMINATED))?;
        flag::register(signal, Arc::clone(&TERMINATED))?;
        flag::register(signal, Arc::clone(&REQUESTED))?;
    }
    Ok(())
}

/// Catches Ctrl-C: the first sets a flag, the one after it ends the process.
fn listen() -> io::Result<()> {
    let mut caught = caught();
    // In this order, or the first would find the flag that it has just set.
    caught.push(flag::register_conditional_shutdown(
        SIGINT,
        130,
        Arc::clone(&REQUESTED),
    )?);
    caught.push(flag::register(SIGINT, Arc::clone(&REQUESTED))?);
    Ok(())
}

/// The requests to end that are listened to: not the loss of the terminal where whoever started the process had that
/// ignored, as `nohup` does, and the system tells so.
fn requests() -> Vec<i32> {
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
fn ignore() {
    for action in caught().drain(..) {
        low_level::unregister(action);
    }
}

fn caught() -> MutexGuard<'static, Vec<SigId>> {
    CAUGHT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether work should stop now.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed) || UNWANTED.load(Ordering::Relaxed)
}

/// Whether the request came from outside (SIGTERM, SIGHUP), so that the prompt must end too.
pub fn was_terminated() -> bool {
    TERMINATED.load(Ordering::SeqCst)
}

/// While it lives, the process waits for a person to type.
#[derive(Debug)]
pub struct Idle;

impl Idle {
    /// From now on; `None` if the process was asked to end before: then nobody would end it while it waits.
    pub fn begin() -> Option<Self> {
        let idle = Self;
        IDLE.store(true, Ordering::SeqCst);
        // In this order: a request after this question finds the process idle.
        (!was_terminated()).then_some(idle)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        IDLE.store(false, Ordering::SeqCst);
    }
}

/// While it lives, another program has the terminal: Ctrl-C is meant for it and has no effect here, however often.
#[derive(Debug)]
pub struct Lent;

impl Lent {
    /// From now on.
    pub fn begin() -> Self {
        ignore();
        clear();
        Self
    }

    /// That program was left: what is under way for it need not go on.
    pub fn give_up() {
        UNWANTED.store(true, Ordering::SeqCst);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        UNWANTED.store(false, Ordering::SeqCst);
        // It was allowed at the start; should it not be now, SIGTERM still ends the process.
        listen().unwrap_or_default();
    }
}

/// Ends the process at SIGTERM or SIGHUP while it is idle, after `tidy`; work under way is asked to stop instead.
///
/// # Errors
/// The system refused a handler.
pub fn leave_when_idle(tidy: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(requests())?;
    let begun = thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            if IDLE.load(Ordering::SeqCst) {
                tidy();
                low_level::exit(143);
            }
        }
    });
    begun.map(drop)
}

/// The exit status of work that was stopped.
pub fn status() -> ExitStatus {
    if was_terminated() {
        ExitStatus::Terminated
    } else {
        ExitStatus::Interrupted
    }
}

/// Forgets a Ctrl-C that has been answered, so that the next command of the prompt runs.
pub fn clear() {
    REQUESTED.store(was_terminated(), Ordering::Relaxed);
}

/// Does work on this thread that a stop ends only 10 seconds after it was requested, because the work is mostly short
/// and records what the stop left.
pub fn shielded<T>(work: impl FnOnce() -> T) -> T {
    SHIELD.set(Shield::Up);
    let done = work();
    SHIELD.set(Shield::Down);
    done
}

/// Whether the work on this thread may go on although a stop was requested.
fn is_shielded() -> bool {
    const LONGEST: Duration = Duration::from_secs(10);
    let now = Instant::now();
    match SHIELD.get() {
        Shield::Down => false,
        Shield::Up => {
            SHIELD.set(Shield::Until(now + LONGEST));
            true
        }
        Shield::Until(until) => now < until,
    }
}

/// Waits so long, unless work should stop.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn sleep(time: Duration) -> Result<()> {
    const STEP: Duration = Duration::from_millis(50);
    let start = Instant::now();
    while start.elapsed() < time {
        check()?;
        thread::sleep(STEP.min(time.saturating_sub(start.elapsed())));
    }
    Ok(())
}

/// `Err(Interrupted)` once a stop was requested; called between two steps of all long work.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn check() -> Result<()> {
    if requested() && !is_shielded() {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}
