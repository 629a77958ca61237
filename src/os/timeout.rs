//! Calls to a storage that may never return: a dead network mount can block a system call for hours.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::ignore::ignore;
use crate::base::interrupt;

/// Longest wait between two checks for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Returns the result of `ask`, or `None` after the timeout or a cancellation; its thread then continues to wait for
/// it.
pub fn call_with_timeout<T: Send + 'static>(
    timeout: Duration,
    operation: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let shared_operation = Arc::new(Mutex::new(Some(operation)));
    let take = |ask: &Mutex<Option<_>>| ask.lock().unwrap_or_else(PoisonError::into_inner).take();
    let worker_operation = Arc::clone(&shared_operation);
    let spawned = thread::Builder::new().spawn(move || {
        if let Some(ask) = take(&worker_operation) {
            ignore(
                sender.send(ask()),
                "after the timeout the receiver is dropped",
            );
        }
    });
    match spawned {
        Ok(_) => receive_within(&receiver, timeout).ok(),
        // Without another thread it runs on this one, however long that takes.
        Err(_) => take(&shared_operation).map(|ask| ask()),
    }
}

/// Returns the next message.
///
/// # Errors
/// [`RecvTimeoutError`] after the timeout, a cancellation or the end of the sender.
pub fn receive_within<T>(answers: &Receiver<T>, timeout: Duration) -> Result<T, RecvTimeoutError> {
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        match answers.recv_timeout(left.min(POLL_INTERVAL)) {
            Err(RecvTimeoutError::Timeout)
                if left > POLL_INTERVAL && !interrupt::is_requested() => {}
            answered => return answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_answer_times_out() {
        assert_eq!(call_with_timeout(Duration::from_secs(60), || 7), Some(7));
        let (sender, receiver) = mpsc::channel::<()>();
        assert_eq!(
            call_with_timeout(Duration::ZERO, move || receiver.recv().is_ok()),
            None
        );
        drop(sender);
    }
}
