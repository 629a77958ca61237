//! The man page and shell completions, generated from the options, commands and exit statuses.

use std::io;

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::manual;
use super::manual::ManualEntry;
use super::options::{GenerateTarget, Options};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::ignore::ignore;
use crate::commands::{grammar, with_uniform_help};
use crate::output::printer::{Format, Printer};
use crate::output::screen::Screen;

/// Name of the program.
const PROGRAM_NAME: &str = "auto-backup";

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

/// Returns the command line without hidden options, which completions would offer.
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

/// Returns the completion script of a shell.
fn completions(shell: Shell) -> Vec<u8> {
    let mut command = visible_command().mut_args(without_backticks);
    let mut text = Vec::new();
    generate(shell, &mut command, PROGRAM_NAME, &mut text);
    text
}

/// Removes backticks from an option's help: a shell shows them or runs their content.
fn without_backticks(argument: Arg) -> Arg {
    match argument.get_help().map(ToString::to_string) {
        Some(help) => argument.help(help.replace('`', "")),
        None => argument,
    }
}

fn man_page() -> Vec<u8> {
    let mut page = Vec::new();
    ignore(write_man(&mut page), "a write to memory cannot fail");
    bold_backticks(&String::from_utf8_lossy(&page)).into_bytes()
}

fn write_man(page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(visible_command().override_usage(manual::SYNOPSIS))
        // Quoted, because roff skips an empty argument and would use the next one.
        .date("\"\"")
        .manual("User Commands");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    further_sections().to_writer(page)
}

/// Returns the sections that clap does not write.
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

/// Lists the subcommands of a command, each followed by its own.
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

/// Makes text between backticks bold; troff would print quotation marks.
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
