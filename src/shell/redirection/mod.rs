//! Answers into programs and files: `fetch all | less`, `list projects > list.csv`, `find reel >> reels.txt`.
//!
//! A bare word that begins with `|` or `>` begins the redirection; a quoted one is an ordinary word. A file gets its name
//! only when the answer is whole.

mod file;
mod parse;

use std::mem;
use std::path::PathBuf;

use self::file::{FileTarget, is_replaceable, open_device};
use self::parse::syntax;
pub(super) use self::parse::{Redirection, split};
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::monitor::ProgressEvent;
use crate::commands::workspace::Workspace;
use crate::commands::{Command, Flow};
use crate::os::scratch::AnswerFile;
use crate::output::color::ColorChoice;
use crate::output::pager;
use crate::output::printer::{Format, Printer};
use crate::output::program::ProgramPipe;
use crate::output::screen::Screen;

impl Redirection {
    /// Returns the error of a redirection in the start-up file, which runs at every start and must not start programs.
    pub(super) fn startup_error(&self) -> Error {
        syntax(
            "a start-up file can neither run programs nor write files",
            self.span.clone(),
            "move the line to a script, or type it at the prompt",
        )
    }

    /// Refuses what cannot be redirected, before the command runs.
    pub(super) fn check(&self, command: &Command, workspace: &Workspace) -> Result<()> {
        let hint = match command {
            Command::Source(_) => Some("redirect the lines of the file one by one"),
            Command::Watch(_) => Some("redirect the command itself, without `watch`"),
            Command::Exit => Some("leave it out"),
            _ => None,
        };
        if let Some(hint) = hint {
            let message = "this command has no answer to redirect";
            return Err(syntax(message, self.span.clone(), hint));
        }
        match &self.file {
            Some(file) => file.check(workspace).map(drop),
            None => Ok(()),
        }
    }

    /// Runs a command and sends its answer to the programs and the file.
    pub(super) fn execute(
        &self,
        command: Command,
        workspace: &mut Workspace,
        printer: &mut Printer,
        is_interactive: bool,
    ) -> Result<(Flow, ExitStatus)> {
        self.check(&command, workspace)?;
        let target = match &self.file {
            Some(file) => Some((file, file.check(workspace)?)),
            None => None,
        };
        let pending = match &target {
            Some((_, path)) if is_replaceable(path) => Some(AnswerFile::create(path)?),
            _ => None,
        };
        let output = match (&target, &pending) {
            (_, Some(pending)) => Some(pending.writer()?),
            (Some((_, path)), None) => Some(open_device(path)?),
            (None, None) => None,
        };
        let format = self.format(workspace);
        let screen = self.screen(workspace, printer);
        let run = |output| run_into(output, format, screen, command, workspace, printer);
        let done = if self.programs.is_empty() {
            let output = output.ok_or(Error::Interrupted)?;
            run(Box::new(output)).map_err(|error| name_file(error, target.as_ref()))?
        } else {
            let (input, pipe) = ProgramPipe::start(&self.programs, output, is_interactive)?;
            let done = run(Box::new(input));
            let finished = pipe.finish();
            let done = done?;
            finished?;
            done
        };
        if let (Some((file, path)), Some(pending)) = (target, pending) {
            let is_csv = self.programs.is_empty() && format == Format::Csv;
            let notice = file.finish(&path, pending, is_csv)?;
            if is_interactive {
                workspace.monitor.on_event(&ProgressEvent::Notice(&notice));
            }
        }
        Ok(done)
    }

    /// Returns the format of the answer: that of the file's extension, else the set one.
    fn format(&self, workspace: &Workspace) -> Format {
        let file = self.file.as_ref().filter(|_| self.programs.is_empty());
        let by_extension = file.and_then(FileTarget::extension_format);
        by_extension.unwrap_or(workspace.settings.format)
    }

    /// Returns the screen that the answer is laid out for. A table is as wide as its contents, unless a pager shows it on the
    /// terminal; color goes only to programs, and only with `--color always`.
    fn screen(&self, workspace: &Workspace, printer: &Printer) -> Screen {
        let own = printer.screen();
        let shown = Screen {
            is_accessible: own.is_accessible,
            ..Screen::default()
        };
        let Some(program) = self.programs.last().and_then(|words| words.first()) else {
            return shown;
        };
        let is_colored = workspace.settings.color == ColorChoice::Always && self.file.is_none();
        let is_paged = self.file.is_none() && own.is_terminal && pager::is_pager(program);
        Screen {
            has_color: is_colored && !own.is_accessible,
            width: own.width.filter(|_| is_paged),
            ..shown
        }
    }
}

/// Names the file in an error of writing to it.
fn name_file(error: Error, target: Option<&(&FileTarget, PathBuf)>) -> Error {
    match (error, target) {
        (Error::Output { source }, Some((_, path))) => Error::Io {
            action: "write",
            path: path.clone(),
            source,
        },
        (error, _) => error,
    }
}

/// Runs a command with a printer that writes to `output`.
fn run_into(
    output: Box<dyn std::io::Write + Send>,
    format: Format,
    screen: Screen,
    command: Command,
    workspace: &mut Workspace,
    printer: &mut Printer,
) -> Result<(Flow, ExitStatus)> {
    let own = mem::replace(printer, Printer::new(output, format, screen, false));
    let done = command.execute(workspace, printer);
    // Closes the file or the input of the program.
    drop(mem::replace(printer, own));
    done
}
