//! Messages as JSON on standard error, one document on a line.

use serde::Serialize;

use crate::base::error::Error;

/// A message for programs.
#[derive(Debug, Serialize)]
pub(super) struct MessageDocument<'a> {
    /// `error`, `problem`, `warning`, `notice` or `hint`.
    level: &'static str,
    message: &'a str,
    #[serde(flatten)]
    details: Option<ErrorDetails<'a>>,
}

/// The fields of errors and problems.
#[derive(Debug, Serialize)]
struct ErrorDetails<'a> {
    kind: &'static str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<&'a str>,
    suggestions: &'a [String],
    status: u8,
}

/// The place of an error: the script, or `-c`, `stdin` or `prompt`, and the line and column, counted from 1.
#[derive(Clone, Copy, Debug)]
pub struct MessagePlace<'a> {
    pub file: &'a str,
    pub line: usize,
    pub column: usize,
}

impl<'a> MessageDocument<'a> {
    pub(super) const fn plain(level: &'static str, message: &'a str) -> Self {
        Self {
            level,
            message,
            details: None,
        }
    }

    pub(super) fn of_error(
        level: &'static str,
        error: &'a Error,
        message: &'a str,
        hint: Option<&'a str>,
        place: Option<MessagePlace<'a>>,
    ) -> Self {
        let details = ErrorDetails {
            kind: error.kind(),
            file: place.map(|place| place.file),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            hint,
            suggestions: error.suggestions(),
            status: error.exit_status().code(),
        };
        Self {
            level,
            message,
            details: Some(details),
        }
    }
}
