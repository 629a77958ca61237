//! The scripts of a session: their lines in order, the files that they source, and where they stop.

use std::ffi::OsString;
use std::mem;
use std::path::Path;

use super::{ScriptOutcome, Session};
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::commands::source::SourceArgs;
use crate::model::path;
use crate::shell::script::Script;
use crate::shell::statement::Statement;

/// Maximum depth of nested `source` lines.
const MAX_SCRIPT_DEPTH: usize = 100;

impl Session {
    /// Runs a script with these arguments. Its relative paths start from `base`.
    ///
    /// # Errors
    /// [`Error::NotAScript`] for a file that is already running.
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
        // Arguments set by `set --` in one `-c` remain set in the following ones.
        let sets_arguments = file.is_some() || !arguments.is_empty();
        let outer_arguments =
            sets_arguments.then(|| self.workspace.variables.set_arguments(arguments));
        let ended = self.run_statements(script);
        if let Some(outer_arguments) = outer_arguments {
            self.workspace.variables.set_arguments(outer_arguments);
        }
        self.workspace.base = base;
        if file.is_some() {
            self.running_scripts.pop();
        }
        Ok(ended)
    }

    /// Runs the lines of a script. Stops at the first failure unless `keep_going` is set.
    fn run_statements(&mut self, script: &Script) -> ScriptOutcome {
        let mut worst = ExitStatus::Done;
        for statement in script.statements() {
            // Commands that only read do not check for cancellation themselves.
            if interrupt::is_requested() {
                self.messages.note("interrupted");
                return interrupt::exit_status().into();
            }
            let ended = self.run_statement(&statement, false);
            worst = worst.max(ended.status);
            let stops = ended.status.stops_script() && !self.keep_going && !self.is_check;
            if ended.exit_requested || stops || ended.status.is_cancellation() {
                return ScriptOutcome {
                    status: worst,
                    ..ended
                };
            }
        }
        worst.into()
    }

    /// Runs the file of a `source` line.
    pub(super) fn run_sourced(
        &mut self,
        source: SourceArgs,
        statement: &Statement,
    ) -> Result<ScriptOutcome> {
        let path = path::absolute(&source.file, &self.workspace.base)?;
        let script = Script::read_sourced(&path)?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let ended = self.run_script(&script, &folder, source.arguments)?;
        let is_stopped = ended.status.stops_script() && !ended.status.is_cancellation();
        if is_stopped && !self.keep_going && !self.is_check {
            let place = statement.location();
            self.messages
                .note(&format!("    in the file sourced at {place}"));
        }
        Ok(ended)
    }

    fn check_recursion(&self, file: &Path) -> Result<()> {
        let why = if self.running_scripts.iter().any(|other| other == file) {
            "it is already running and would never end".to_owned()
        } else if self.running_scripts.len() >= MAX_SCRIPT_DEPTH {
            format!("scripts are nested more than {MAX_SCRIPT_DEPTH} deep")
        } else {
            return Ok(());
        };
        Err(Error::NotAScript {
            path: file.to_owned(),
            why,
        })
    }
}
