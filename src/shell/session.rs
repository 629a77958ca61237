//! A session: what a prompt or script works with, and how one of its lines is run.

use super::diagnostic::report;
use super::line::execute;
use super::statement::Statement;
use crate::commands::Flow;
use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::interrupt;
use crate::output::messages::Messages;
use crate::output::printer::Printer;
use crate::workspace::Workspace;

/// What lines are run with.
#[derive(Debug)]
pub struct Session {
    /// What commands work on.
    pub workspace: Workspace,
    /// Where answers go.
    pub printer: Printer,
    /// Where messages go.
    pub messages: Messages,
}

impl Session {
    /// Runs one statement and tells of its failure; `abbreviations` lets commands be shortened.
    pub(super) fn run(&mut self, statement: &Statement, abbreviations: bool) -> (Flow, ExitStatus) {
        let done = execute(
            &statement.text,
            abbreviations,
            &mut self.workspace,
            &mut self.printer,
        );
        let error = match done {
            Ok(done) => return done,
            Err(error) => error,
        };
        match &error {
            Error::Interrupted => {
                self.messages.line("interrupted");
                return (Flow::Continue, interrupt::status());
            }
            // Somebody was asked and said no: that is no failure.
            Error::Declined => {
                self.messages.line(&error.line());
                return (Flow::Continue, ExitStatus::Done);
            }
            error => report(statement, error, self.messages),
        }
        if matches!(error, Error::IndexDamaged { .. }) {
            self.rebuild_index();
        }
        (Flow::Continue, error.status())
    }

    /// Starts an empty index in the place of one that turned out to be damaged.
    fn rebuild_index(&mut self) {
        match self.workspace.index.rebuild() {
            Ok(kept) => self.messages.damaged(&kept),
            Err(error) => self.messages.error(&error),
        }
    }
}
