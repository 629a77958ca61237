//! The man page and the completions of shells, made of the program's own options, commands and exit statuses.

use std::io;

use clap::{Arg, Command, CommandFactory as _, ValueEnum};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::manual;
use super::manual::ManualEntry;
use super::options::Options;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::commands::{grammar, with_uniform_help};
use crate::output::printer::{Format, Printer};
use crate::output::screen::Screen;

/// The name of the program.
const PROGRAM_NAME: &str = "auto-backup";

/// What can be generated.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum GenerateTarget {
    /// The man page
    Man,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
}

/// Prints it.
pub(super) fn print(what: GenerateTarget) -> Result<ExitStatus> {
    let text = match what {
        GenerateTarget::Man => man_page(),
        GenerateTarget::Bash => completions(Shell::Bash),
        GenerateTarget::Zsh => completions(Shell::Zsh),
        GenerateTarget::Fish => completions(Shell::Fish),
    };
    let stdout = Box::new(io::stdout());
    let mut printer = Printer::new(stdout, Format::Table, Screen::default(), false);
    printer.print_verbatim(&text)?;
    Ok(ExitStatus::Done)
}

/// The program's command line without what is hidden: completions would offer that, too.
fn visible_command() -> Command {
    let whole = Options::command();
    let arguments = whole.get_arguments();
    let mut shown = Command::new(PROGRAM_NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .args(arguments.filter(|argument| !argument.is_hide_set()));
    if let (Some(about), Some(long)) = (whole.get_about(), whole.get_long_about()) {
        shown = shown.about(about.clone()).long_about(long.clone());
    }
    with_uniform_help(shown)
}

/// The script that completes the program's options in this shell.
fn completions(shell: Shell) -> Vec<u8> {
    let mut command = visible_command().mut_args(without_backticks);
    let mut text = Vec::new();
    generate(shell, &mut command, PROGRAM_NAME, &mut text);
    text
}

/// The option with its help as shells show it: to them a backtick is no more than a letter, or begins a command.
fn without_backticks(argument: Arg) -> Arg {
    match argument.get_help().map(ToString::to_string) {
        Some(help) => argument.help(help.replace('`', "")),
        None => argument,
    }
}

/// The man page.
fn man_page() -> Vec<u8> {
    let mut page = Vec::new();
    // Memory takes every byte, so that there is no failure to tell of.
    write_man(&mut page).unwrap_or_default();
    bold_backticks(&String::from_utf8_lossy(&page)).into_bytes()
}

fn write_man(page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(visible_command().override_usage(manual::SYNOPSIS))
        // Quotes, because an argument without a letter would not be there, and the next one in its place.
        .date("\"\"")
        .manual("User Commands");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    further_sections().to_writer(page)
}

/// What clap knows nothing of.
fn further_sections() -> Roff {
    let mut roff = Roff::new();
    section(&mut roff, "COMMANDS", manual::COMMANDS);
    commands(&mut roff, "", &grammar());
    section(&mut roff, "EXAMPLES", "");
    entries(&mut roff, manual::EXAMPLES);
    section(&mut roff, "EXIT STATUS", "");
    for status in ExitStatus::ALL {
        entry(&mut roff, &status.code().to_string(), status.meaning());
    }
    roff.control("PP", []).text([roman(manual::EXIT_STATUS)]);
    section(&mut roff, "FILES", "");
    entries(&mut roff, manual::FILES);
    roff.control("PP", [])
        .text([roman(manual::FILES_ELSEWHERE)]);
    section(&mut roff, "ENVIRONMENT", "");
    entries(&mut roff, manual::ENVIRONMENT);
    section(&mut roff, "SEE ALSO", manual::SEE_ALSO);
    roff
}

/// The heading of a section, and what it begins with.
fn section(roff: &mut Roff, heading: &str, text: &str) {
    roff.control("SH", [heading]);
    if !text.is_empty() {
        roff.text([roman(text)]);
    }
}

fn entries(roff: &mut Roff, entries: &[ManualEntry]) {
    for (term, text) in entries {
        entry(roff, term, text);
    }
}

fn entry(roff: &mut Roff, term: &str, text: &str) {
    roff.control("TP", [])
        .text([bold(term)])
        .text([roman(text)]);
}

/// The commands below this one, each followed by those below it.
fn commands(roff: &mut Roff, above: &str, command: &Command) {
    for command in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        let name = format!("{above}{}", command.get_name());
        let about = command.get_about().map(ToString::to_string);
        entry(roff, &name, &about.unwrap_or_default());
        commands(roff, &format!("{name} "), command);
    }
}

/// The page with bold letters for what stands between backticks; troff would make quotation marks of these.
fn bold_backticks(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for (place, part) in page.split('`').enumerate() {
        if place > 0 {
            text.push_str(if place % 2 == 1 { r"\fB" } else { r"\fR" });
        }
        text.push_str(part);
    }
    text
}
