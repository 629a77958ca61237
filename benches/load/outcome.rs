//! What may fail here stops the whole measuring and is told once, at the end.

use std::error::Error;

/// A result whose error is only shown.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An error and what caused it, in one line.
pub(crate) fn line(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
