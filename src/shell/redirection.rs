//! Answers into programs and files: `fetch all | less`, `list projects > list.csv`, `find reel >> reels.txt`.
//!
//! A bare word that begins with `|` or `>` begins the redirection; a quoted one is an ordinary word. A file gets its name only
//! when the answer is whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::mem;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::workspace::Workspace;
use crate::commands::{Command, Flow};
use crate::language::lexer::Word;
use crate::model::path;
use crate::os::scratch::AnswerFile;
use crate::output::printer::{Format, Printer};
use crate::output::program::{ProgramPipe, ProgramWords};
use crate::output::screen::Screen;

/// The place of an answer other than standard output.
#[derive(Debug)]
pub(super) struct Redirection {
    programs: Vec<ProgramWords>,
    file: Option<FileTarget>,
    /// Byte range of the redirection in its line.
    pub(super) span: Range<usize>,
}

/// A file for an answer.
#[derive(Clone, Debug)]
struct FileTarget {
    path: OsString,
    appends: bool,
}

/// A word that begins a part of a redirection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Pipe,
    Write,
    Append,
}

impl Operator {
    /// Splits the operator off a word as it is written in the line.
    fn split(written: &str) -> Option<(Self, &str)> {
        let operators = [(">>", Self::Append), (">", Self::Write), ("|", Self::Pipe)];
        operators
            .into_iter()
            .find_map(|(text, operator)| Some((operator, written.strip_prefix(text)?)))
    }
}

/// Splits the words of a line into those of the command and a redirection.
///
/// # Errors
/// [`Error::Syntax`] for an incomplete redirection, or for words after the file.
pub(super) fn split(line: &str, mut words: Vec<Word>) -> Result<(Vec<Word>, Option<Redirection>)> {
    let written = |word: &Word| line.get(word.span.clone()).unwrap_or_default();
    let Some(start) = words
        .iter()
        .position(|word| Operator::split(written(word)).is_some())
    else {
        return Ok((words, None));
    };
    let rest = words.split_off(start);
    let span = match (rest.first(), rest.last()) {
        (Some(first), Some(last)) => first.span.start..last.span.end,
        _ => 0..0,
    };
    if words.is_empty() {
        let message = "a command must stand before `|` and `>`";
        return Err(syntax(message, span, "as in `list projects > list.csv`"));
    }
    let mut redirection = Redirection {
        programs: Vec::new(),
        file: None,
        span,
    };
    let mut parts = rest.into_iter().peekable();
    while let Some(word) = parts.next() {
        let Some((operator, attached)) = Operator::split(written(&word)) else {
            let message = format!(
                "unexpected word after the file: `{}`",
                Name::from(&*word.text)
            );
            return Err(syntax(&message, word.span, "quote a file name with spaces"));
        };
        if redirection.file.is_some() {
            let message = "nothing can follow the file of an answer";
            return Err(syntax(
                message,
                word.span,
                "write `| PROGRAM` before `> FILE`",
            ));
        }
        if attached.starts_with(['|', '>', '&', '\'', '"', '$']) {
            let hint = "known: `| PROGRAM`, `> FILE` and `>> FILE`, each with a space";
            return Err(syntax("this redirection is not known", word.span, hint));
        }
        let is_plain = |word: &Word| Operator::split(written(word)).is_none();
        let attached = (!attached.is_empty()).then(|| attached.into());
        let span = word.span;
        if operator == Operator::Pipe {
            let mut program: ProgramWords = attached.into_iter().collect();
            while let Some(word) = parts.next_if(is_plain) {
                program.push(word.text);
            }
            if program.first().is_none_or(|name| name.is_empty()) {
                return Err(syntax(
                    "`|` needs a program",
                    span,
                    "as in `fetch all | less`",
                ));
            }
            redirection.programs.push(program);
        } else {
            let named = attached.or_else(|| parts.next_if(is_plain).map(|word| word.text));
            let Some(path) = named.filter(|path| !path.is_empty()) else {
                let hint = "as in `list projects > list.csv`";
                return Err(syntax("`>` needs a file", span, hint));
            };
            let appends = operator == Operator::Append;
            redirection.file = Some(FileTarget { path, appends });
        }
    }
    Ok((words, Some(redirection)))
}

fn syntax(message: &str, span: Range<usize>, hint: &str) -> Error {
    Error::Syntax {
        message: message.to_owned(),
        span,
        hint: Some(hint.to_owned()),
        suggestions: Vec::new(),
    }
}

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
        if matches!(command, Command::Source(_) | Command::Exit) {
            let hint = "redirect the lines of the file one by one";
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
        let done = if self.programs.is_empty() {
            let output = output.ok_or(Error::Interrupted)?;
            let done = run_into(Box::new(output), format, command, workspace, printer);
            done.map_err(|error| match (error, &target) {
                (Error::Output { source }, Some((_, path))) => Error::Io {
                    action: "write",
                    path: path.clone(),
                    source,
                },
                (error, _) => error,
            })?
        } else {
            let (input, pipe) = ProgramPipe::start(&self.programs, output, is_interactive)?;
            let done = run_into(Box::new(input), format, command, workspace, printer);
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

    /// Returns the format of the answer: that of the file's extension, else the set one. A file gets no tables.
    fn format(&self, workspace: &Workspace) -> Format {
        let set = workspace.settings.format;
        match &self.file {
            Some(file) if self.programs.is_empty() => file.extension_format().unwrap_or({
                if set == Format::Table {
                    Format::Plain
                } else {
                    set
                }
            }),
            _ => set,
        }
    }
}

/// Runs a command with a printer that writes to `output`: no page, no color, no limit of width.
fn run_into(
    output: Box<dyn std::io::Write + Send>,
    format: Format,
    command: Command,
    workspace: &mut Workspace,
    printer: &mut Printer,
) -> Result<(Flow, ExitStatus)> {
    let screen = Screen {
        is_accessible: printer.screen().is_accessible,
        ..Screen::default()
    };
    let own = mem::replace(printer, Printer::new(output, format, screen, false));
    let done = command.execute(workspace, printer);
    // Closes the file or the input of the program.
    drop(mem::replace(printer, own));
    done
}

/// True for a file that is missing or regular. Others, as `/dev/null`, are written as they are.
fn is_replaceable(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |found| found.is_file())
}

fn open_device(path: &Path) -> Result<File> {
    File::options().write(true).open(path).at("write to", path)
}

impl FileTarget {
    /// Returns the absolute path, after refusing what must not be overwritten.
    fn check(&self, workspace: &Workspace) -> Result<PathBuf> {
        let path = path::absolute(&self.path, &workspace.base)?;
        let refused = |why: String| {
            Err(Error::Redirection {
                path: path.clone(),
                why,
            })
        };
        if path.is_dir() || self.path.as_bytes().ends_with(b"/") {
            return refused("it is a folder".to_owned());
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let place = fs::canonicalize(&path)
            .unwrap_or_else(|_| real(folder).join(path.file_name().unwrap_or_default()));
        let databases = workspace.registry.databases().iter();
        let mut local = databases.filter(|database| !database.is_remote());
        if let Some(inside) = local.find(|database| place.starts_with(real(&database.root))) {
            let name = &inside.name;
            return refused(format!(
                "it lies in the storage `{name}`, where only copies are written"
            ));
        }
        if workspace.startup_path.as_deref().map(real) == Some(place) {
            return refused("it is the start-up file; `save` writes it".to_owned());
        }
        if self.appends && self.extension_format() == Some(Format::Json) {
            return refused(
                "a second document would break it; write a new file with `>`".to_owned(),
            );
        }
        Ok(path)
    }

    fn extension_format(&self) -> Option<Format> {
        let extension = Path::new(&self.path).extension().and_then(OsStr::to_str)?;
        match &*extension.to_lowercase() {
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            _ => None,
        }
    }

    /// Gives the whole answer its name, or adds it to the file. Returns what was done.
    fn finish(&self, path: &Path, pending: AnswerFile, is_csv: bool) -> Result<String> {
        let shown = Name::from(Path::new(&self.path));
        let existed = path.exists();
        if !self.appends {
            let bytes = unit::format_bytes(pending.persist()?);
            let verb = if existed { "replaced" } else { "wrote" };
            return Ok(format!("{verb} `{shown}`, {bytes}"));
        }
        let Some(added) = pending.append(is_csv)? else {
            return Err(Error::Redirection {
                path: path.to_owned(),
                why: "its columns are others; write a new file with `>`".to_owned(),
            });
        };
        Ok(format!("added {} to `{shown}`", unit::format_bytes(added)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::lexer::lex;

    /// The command, the programs, and the file with true if the answer is added to it.
    type Parts = (String, Vec<String>, Option<(String, bool)>);

    fn parts(line: &str) -> Result<Parts> {
        let join = |words: &[OsString]| words.join(OsStr::new("·")).into_string().unwrap();
        let (words, redirection) = split(line, lex(line).unwrap())?;
        let words: Vec<_> = words.into_iter().map(|word| word.text).collect();
        let programs = redirection.iter().flat_map(|to| &to.programs);
        let programs = programs.map(|words| join(words)).collect();
        let file = redirection.and_then(|to| to.file);
        let file = file.map(|file| (file.path.into_string().unwrap(), file.appends));
        Ok((join(&words), programs, file))
    }

    #[test]
    fn redirections_are_split_off() {
        let file = |path: &str, appends| Some((path.to_owned(), appends));
        for (line, command, programs, target) in [
            ("fetch all", "fetch·all", &[][..], None),
            ("fetch all | less -R", "fetch·all", &["less·-R"], None),
            (
                "list projects > a.csv",
                "list·projects",
                &[],
                file("a.csv", false),
            ),
            ("list projects >>'a b'", "", &[], None),
            (
                "list projects >> 'a b'",
                "list·projects",
                &[],
                file("a b", true),
            ),
            ("list projects >a", "list·projects", &[], file("a", false)),
            (
                "find x |sort | head -3 > t",
                "find·x",
                &["sort", "head·-3"],
                file("t", false),
            ),
            ("find '|' \">\"", "find·|·>", &[], None),
            ("find a|b a>b", "find·a|b·a>b", &[], None),
            ("echo x | grep '|'", "echo·x", &["grep·|"], None),
        ] {
            let found = parts(line);
            if command.is_empty() {
                assert!(found.is_err(), "{line}");
                continue;
            }
            let programs = programs.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(
                found.unwrap(),
                (command.to_owned(), programs, target),
                "{line}"
            );
        }
    }

    #[test]
    fn incomplete_redirections_are_refused() {
        for line in [
            "| less",
            "> a",
            "fetch all |",
            "fetch all >",
            "fetch all > a b",
            "fetch all > a | less",
            "fetch all | | less",
            "fetch all || less",
            "fetch all >&2",
            "fetch all > a > b",
            "fetch all > ''",
        ] {
            assert!(matches!(parts(line), Err(Error::Syntax { .. })), "{line}");
        }
    }
}
