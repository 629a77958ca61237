//! Asking a storage that may never answer: a dead network mount can hold a system call for hours.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::interrupt;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(200);

/// What `ask` says, or `None` if it takes longer or work should stop; then a thread of its own goes on waiting for it.
pub fn within<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, question) = mpsc::channel();
    // Nobody listens any more once the time is over.
    thread::spawn(move || answer.send(ask()).unwrap_or_default());
    receive(&question, patience).ok()
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
