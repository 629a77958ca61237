//! The projects of a report as words of a line.

use crate::language::lexer::quote;
use crate::report::data::{MatrixSubject, ReportData};

/// Returns the projects as a word.
pub(super) fn scope_word(data: &ReportData) -> String {
    match data.subject {
        MatrixSubject::Studio | MatrixSubject::Projects => "all".to_owned(),
        _ => quote(data.scope.as_os_str()),
    }
}

/// Returns a blank and the projects, or nothing if they are all.
pub(super) fn optional_scope(data: &ReportData) -> String {
    match data.subject {
        MatrixSubject::Studio | MatrixSubject::Projects => String::new(),
        _ => format!(" {}", quote(data.scope.as_os_str())),
    }
}
