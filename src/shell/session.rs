//! A session: what a prompt or script works with, and how one of its lines is run.

use std::ffi::OsString;
use std::mem;
use std::path::{Path, PathBuf};

use super::diagnostic::report;
use super::failure_summary::FailureSummary;
use super::line::{GrammarCache, execute_line};
use super::script::Script;
use super::statement::Statement;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, IndexProblem, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::commands::Flow;
use crate::commands::setting::Settings;
use crate::commands::source::SourceArgs;
use crate::commands::workspace::Workspace;
use crate::model::path;
use crate::os::disk;
use crate::output::message::{Messages, write_line, write_text};
use crate::output::printer::Printer;
use crate::output::progress::Progress;
use crate::rclone;

/// No script needs to be so many files deep.
const MAX_SCRIPT_DEPTH: usize = 100;

/// What lines are run with.
#[derive(Debug)]
pub struct Session {
    /// What commands work on.
    pub workspace: Workspace,
    /// Where answers go.
    pub printer: Printer,
    /// Where messages go.
    pub messages: Messages,
    /// Whether scripts go on after a line that failed.
    pub keep_going: bool,
    /// How the lines of scripts ended.
    pub failure_summary: FailureSummary,
    /// Whether a person types the lines.
    is_interactive: bool,
    /// Who answers questions while `confirm` is on.
    confirmation: Confirmation,
    /// The settings as printer and messages know them.
    applied_settings: Settings,
    /// The script files that are being run, innermost last.
    running_scripts: Vec<PathBuf>,
    grammar: GrammarCache,
}

/// How a line or script ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptOutcome {
    /// Whether `exit` said to end everything.
    pub exit_requested: bool,
    /// With which status.
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
    /// A session of scripts; a prompt makes it its own with [`Self::begin_prompt`].
    pub fn new(workspace: Workspace, printer: Printer, messages: Messages) -> Self {
        let mut session = Self {
            applied_settings: workspace.settings.clone(),
            confirmation: workspace.confirmation,
            workspace,
            printer,
            messages,
            keep_going: false,
            is_interactive: false,
            failure_summary: FailureSummary::default(),
            running_scripts: Vec::new(),
            grammar: GrammarCache::default(),
        };
        session.apply_settings();
        session
    }

    /// From now on a person types the lines; who answers questions may be somebody else.
    pub fn begin_prompt(&mut self, confirmation: Confirmation) {
        self.is_interactive = true;
        self.confirmation = confirmation;
        self.apply_settings();
    }

    /// Runs one statement and tells of its failure; `abbreviations` lets commands be shortened.
    pub(super) fn run_statement(
        &mut self,
        statement: &Statement,
        abbreviations: bool,
    ) -> ScriptOutcome {
        if statement.is_blank() {
            return ScriptOutcome::default();
        }
        let done = execute_line(
            &statement.text,
            abbreviations,
            &mut self.grammar,
            &mut self.workspace,
            &mut self.printer,
        );
        if let Some(notice) = self.printer.take_notice() {
            self.messages.warning(&notice);
        }
        // With `--quiet` a good night prints nothing, whatever rclone it has.
        if let Some(notice) = rclone::take_version_notice().filter(|_| !self.messages.is_quiet()) {
            self.messages.warning(&notice);
        }
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
                // Its own lines are in the tally.
                Ok(ended) => return ended,
                Err(error) => Err(error),
            },
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

    /// Runs a script whose relative paths are relative to this folder, with these arguments.
    ///
    /// # Errors
    /// [`Error::NotAScript`] for a file that is being run already.
    pub fn run_script(
        &mut self,
        script: &Script,
        base: &Path,
        arguments: Vec<OsString>,
    ) -> Result<ScriptOutcome> {
        let file = script.path().map(|path| {
            let whole = base.join(path.file_name().unwrap_or_default());
            whole.canonicalize().unwrap_or(whole)
        });
        if let Some(file) = &file {
            self.check_recursion(file)?;
        }
        self.running_scripts.extend(file.clone());
        let base = mem::replace(&mut self.workspace.base, base.to_owned());
        // What `set --` says in one `-c` holds in those after it.
        let sets_arguments = file.is_some() || !arguments.is_empty();
        let outer_arguments =
            sets_arguments.then(|| self.workspace.variables.set_arguments(arguments));
        let ended = script.run(self);
        if let Some(outer_arguments) = outer_arguments {
            self.workspace.variables.set_arguments(outer_arguments);
        }
        self.workspace.base = base;
        if file.is_some() {
            self.running_scripts.pop();
        }
        Ok(ended)
    }

    /// Runs the file of a `source` line.
    fn run_sourced(&mut self, source: SourceArgs, statement: &Statement) -> Result<ScriptOutcome> {
        let path = path::absolute(&source.file, &self.workspace.base)?;
        let script = Script::read_sourced(&path)?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let ended = self.run_script(&script, &folder, source.arguments)?;
        if ended.status.stops_script() && !ended.status.is_cancellation() && !self.keep_going {
            let place = statement.location();
            write_text(&format!("    in the file that {place} runs"));
        }
        Ok(ended)
    }

    fn check_recursion(&self, file: &Path) -> Result<()> {
        let why = if self.running_scripts.iter().any(|other| other == file) {
            "it is being run already, and would never end".to_owned()
        } else if self.running_scripts.len() >= MAX_SCRIPT_DEPTH {
            format!("{MAX_SCRIPT_DEPTH} files are being run, each by another")
        } else {
            return Ok(());
        };
        Err(Error::NotAScript {
            path: file.to_owned(),
            why,
        })
    }

    /// Tells of a failure.
    fn report_failure(&mut self, statement: &Statement, error: &Error) -> ExitStatus {
        match error {
            Error::Interrupted => {
                write_line("interrupted");
                return interrupt::exit_status();
            }
            // Somebody was asked and said no: that is no failure.
            Error::Declined => {
                write_text(&error.full_message());
                return ExitStatus::Done;
            }
            error => report(statement, error, &self.workspace, self.messages),
        }
        if error.index_problem() == Some(IndexProblem::Damaged) {
            self.rebuild_index();
        }
        error.exit_status()
    }

    /// Lets everything know what `set` changed.
    fn apply_changed_settings(&mut self) {
        if self.workspace.settings != self.applied_settings {
            self.apply_settings();
        }
    }

    /// Lets everything know what is set.
    pub fn apply_settings(&mut self) {
        let settings = self.workspace.settings.clone();
        self.printer.set_format(settings.format);
        self.printer.set_color(settings.color);
        self.printer
            .set_pager(settings.pager && self.is_interactive);
        let accessible = self.printer.screen().is_accessible;
        if self
            .messages
            .set_color(settings.color.unless_accessible(accessible))
        {
            self.workspace.monitor = Box::new(Progress::new(self.messages, accessible));
        }
        disk::set_thread_override(settings.jobs);
        rclone::set_program(settings.rclone.as_deref());
        self.workspace.confirmation = match self.confirmation {
            Confirmation::Interactive(_) if !settings.confirm => Confirmation::Granted,
            confirmation => confirmation,
        };
        self.applied_settings = settings;
    }

    /// Starts an empty index in the place of one that turned out to be damaged.
    fn rebuild_index(&mut self) {
        match self.workspace.index.rebuild() {
            Ok(kept) => self.messages.index_damaged(&kept),
            Err(error) => self.messages.error(&error),
        }
    }
}
