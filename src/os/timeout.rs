//! Asking a storage that may never answer: a dead network mount can hold a system call for hours.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::interrupt;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(200);

/// What `ask` says, or `None` if it takes longer or work should stop; then a thread of its own goes on waiting for it.
pub fn within<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, question) = mpsc::channel();
    let ask = Arc::new(Mutex::new(Some(ask)));
    let take = |ask: &Mutex<Option<_>>| ask.lock().unwrap_or_else(PoisonError::into_inner).take();
    let theirs = Arc::clone(&ask);
    let begun = thread::Builder::new().spawn(move || {
        if let Some(ask) = take(&theirs) {
            // Nobody listens any more once the time is over.
            answer.send(ask()).unwrap_or_default();
        }
    });
    match begun {
        Ok(_) => receive(&question, patience).ok(),
        // Where the system gives no thread it is asked here, however long that takes.
        Err(_) => take(&ask).map(|ask| ask()),
    }
}

/// The next answer of a thread that asks; an error if it takes longer or work should stop.
///
/// # Errors
/// [`RecvTimeoutError`].
pub fn receive<T>(answers: &Receiver<T>, patience: Duration) -> Result<T, RecvTimeoutError> {
    let start = Instant::now();
    loop {
        let left = patience.saturating_sub(start.elapsed());
        match answers.recv_timeout(left.min(STEP)) {
            Err(RecvTimeoutError::Timeout) if left > STEP && !interrupt::requested() => {}
            answered => return answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_waited_for_only_so_long() {
        assert_eq!(within(Duration::from_secs(60), || 7), Some(7));
        let (sender, receiver) = mpsc::channel::<()>();
        assert_eq!(
            within(Duration::ZERO, move || receiver.recv().is_ok()),
            None
        );
        drop(sender);
    }
}
