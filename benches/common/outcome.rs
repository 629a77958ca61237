//! What may fail here stops the whole measuring and is told once, at the end.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// A result whose error is only shown.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How the measuring ends, with what stopped it if something did.
pub(crate) fn ending(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = line(&*error);
            // A last word that nobody can hear any more changes nothing.
            writeln!(io::stderr(), "benches/run: {line}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it, in one line.
fn line(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
