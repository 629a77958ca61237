//! Errors of a benchmark: each stops it and is printed once, at the end.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// A result whose error is only printed.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Prints the error, if any, and returns the exit code.
pub(crate) fn ending(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = line(&*error);
            // If standard error is closed, no other channel exists.
            writeln!(io::stderr(), "benches/run: {line}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

/// Returns an error with its causes in one line.
fn line(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
