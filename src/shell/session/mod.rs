//! A session: the state of a prompt or script, and the execution of its lines.

mod scripts;
mod watch;

use std::path::PathBuf;

use super::diagnostic::report;
use super::failure_summary::FailureSummary;
use super::line::{GrammarCache, LineRules, check_line, execute_line};
use super::statement::Statement;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, IndexProblem};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::commands::Flow;
use crate::commands::settings::Settings;
use crate::commands::workspace::Workspace;
use crate::model::access::Access;
use crate::output::message::Messages;
use crate::output::printer::{Format, Printer};
use crate::output::progress::Progress;

/// State of a prompt or script.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is independent of the others"
)]
pub struct Session {
    /// State that commands read and change.
    pub workspace: Workspace,
    /// Writer of answers.
    pub printer: Printer,
    /// Writer of messages.
    pub messages: Messages,
    /// True if scripts continue after a failed line.
    pub keep_going: bool,
    /// True if lines are only checked.
    pub is_check: bool,
    /// True while the start-up file runs.
    pub is_startup: bool,
    /// Outcomes of script lines.
    pub failure_summary: FailureSummary,
    /// True at the prompt.
    is_interactive: bool,
    /// True if the prompt can bring back corrected lines.
    pub(super) offers_corrections: bool,
    /// The line that was probably meant in place of the last one, which failed.
    pub(super) corrected_line: Option<String>,
    /// Source of confirmations while the setting `confirm` is on.
    confirmation: Confirmation,
    /// Settings that printer and messages use.
    applied_settings: Settings,
    has_warned_of_rclone: bool,
    has_warned_of_priority: bool,
    /// Script files that are running, innermost last.
    running_scripts: Vec<PathBuf>,
    grammar: GrammarCache,
}

/// Outcome of a line or script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptOutcome {
    /// True after `exit`.
    pub exit_requested: bool,
    pub status: ExitStatus,
}

impl From<ExitStatus> for ScriptOutcome {
    fn from(status: ExitStatus) -> Self {
        Self {
            exit_requested: false,
            status,
        }
    }
}

impl Session {
    /// Returns a session for scripts. [`Self::begin_prompt`] makes it interactive.
    pub fn new(workspace: Workspace, printer: Printer, messages: Messages) -> Self {
        let mut session = Self {
            applied_settings: workspace.settings.clone(),
            confirmation: workspace.confirmation,
            workspace,
            printer,
            messages,
            keep_going: false,
            is_check: false,
            is_startup: false,
            is_interactive: false,
            offers_corrections: false,
            corrected_line: None,
            has_warned_of_rclone: false,
            has_warned_of_priority: false,
            failure_summary: FailureSummary::default(),
            running_scripts: Vec::new(),
            grammar: GrammarCache::default(),
        };
        session.apply_settings();
        session
    }

    /// Makes the session interactive, with this source of confirmations.
    pub fn begin_prompt(&mut self, confirmation: Confirmation) {
        self.is_interactive = true;
        self.confirmation = confirmation;
        self.apply_settings();
    }

    /// True if every question is confirmed in advance, as with `--yes`.
    pub(super) fn confirms_everything(&self) -> bool {
        matches!(self.confirmation, Confirmation::Granted)
    }

    /// Runs one statement and reports its failure. `abbreviations` permits shortened commands.
    pub(super) fn run_statement(
        &mut self,
        statement: &Statement,
        abbreviations: bool,
    ) -> ScriptOutcome {
        if statement.is_blank() {
            return ScriptOutcome::default();
        }
        let rules = LineRules {
            abbreviations,
            is_interactive: self.is_interactive,
            is_startup: self.is_startup,
        };
        let run = if self.is_check {
            check_line
        } else {
            execute_line
        };
        let done = run(
            &statement.text,
            rules,
            &mut self.grammar,
            &mut self.workspace,
            &mut self.printer,
        );
        if let Some(notice) = self.printer.take_notice() {
            self.messages.warning(&notice);
        }
        self.warn_of_rclone();
        self.warn_of_priority();
        if let Some(next) = self
            .printer
            .take_next_step()
            .filter(|_| self.is_interactive)
        {
            self.messages.notice(&format!("next: {next}"));
        }
        self.apply_changed_settings();
        let done = match done {
            Ok((Flow::Source(source), _)) => match self.run_sourced(source, statement) {
                // The lines of the file are in the summary themselves.
                Ok(ended) => return ended,
                Err(error) => Err(error),
            },
            Ok((Flow::Watch(watch), _)) => self.run_watch(&watch, statement, rules),
            Ok((flow, status)) => Ok(ScriptOutcome {
                exit_requested: matches!(flow, Flow::Exit),
                status,
            }),
            Err(error) => Err(error),
        };
        let ended = done.unwrap_or_else(|error| self.report_failure(statement, &error).into());
        self.failure_summary.record(statement, ended.status);
        ended
    }

    /// Reports a failure and returns its exit status.
    fn report_failure(&mut self, statement: &Statement, error: &Error) -> ExitStatus {
        match error {
            Error::Interrupted => {
                self.messages.note("interrupted");
                return interrupt::exit_status();
            }
            // The user declined a confirmation: this is not a failure.
            Error::Declined => {
                self.messages.note(&error.full_message());
                return ExitStatus::Done;
            }
            error => {
                // A line of a sourced file is not the one that was typed.
                let offers = self.offers_corrections && self.running_scripts.is_empty();
                self.corrected_line =
                    report(statement, error, &self.workspace, self.messages, offers);
            }
        }
        if error.index_problem() == Some(IndexProblem::Damaged) {
            self.rebuild_index();
        }
        error.exit_status()
    }

    /// Prints the warning about rclone's version, once for a program. A successful nightly run with `--quiet` prints nothing,
    /// whatever the version is.
    fn warn_of_rclone(&mut self) {
        let warning = self.workspace.registry.access().rclone_warning.get();
        if let Some(warning) = warning.filter(|_| !self.has_warned_of_rclone) {
            if !self.messages.is_quiet() {
                self.messages.warning(warning);
            }
            self.has_warned_of_rclone = true;
        }
    }

    /// Prints once that polite scans keep the normal priority, if they do.
    fn warn_of_priority(&mut self) {
        let warning = self.workspace.registry.access().priority_warning.get();
        if let Some(Some(warning)) = warning.filter(|_| !self.has_warned_of_priority) {
            if !self.messages.is_quiet() {
                self.messages.warning(warning);
            }
            self.has_warned_of_priority = true;
        }
    }

    fn apply_changed_settings(&mut self) {
        if self.workspace.settings != self.applied_settings {
            self.apply_settings();
        }
    }

    /// Applies the current settings to printer, messages, progress and confirmations.
    pub fn apply_settings(&mut self) {
        let settings = self.workspace.settings.clone();
        self.printer.set_format(settings.format);
        self.printer.set_color(settings.color);
        self.printer
            .set_pager(settings.pager && self.is_interactive);
        let accessible = self.printer.screen().is_accessible;
        // The prompt talks to a person, whatever the format of answers.
        let json = settings.format == Format::Json && !self.is_interactive;
        if self
            .messages
            .set_style(settings.color.unless_accessible(accessible), json)
        {
            self.workspace.monitor = Box::new(Progress::new(self.messages, accessible));
        }
        let registry = &mut self.workspace.registry;
        let access = registry.access();
        if (settings.jobs, &settings.rclone) != (access.jobs, &access.rclone) {
            let leases = access.leases.clone();
            registry.set_access(Access {
                leases,
                ..Access::new(settings.jobs, settings.rclone.clone())
            });
            self.has_warned_of_rclone = false;
        }
        self.workspace.set_polite(settings.polite);
        self.workspace.share_leases();
        self.workspace.confirmation = match self.confirmation {
            Confirmation::Interactive(_) if !settings.confirm => Confirmation::Granted,
            confirmation => confirmation,
        };
        self.applied_settings = settings;
    }

    /// Replaces a damaged index by an empty one.
    fn rebuild_index(&mut self) {
        match self.workspace.index.rebuild() {
            Ok(kept) => self.messages.index_damaged(&kept),
            Err(error) => self.messages.error(&error),
        }
    }
}
