//! Command-line options of the program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Parser, ValueEnum, ValueHint};

use super::manual::EXAMPLES;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::commands::settings::{Setting, Settings};
use crate::language::variable_name::parse_variable_name;
use crate::output::color::ColorChoice;
use crate::output::printer::Format;
use crate::output::screen::is_accessible;

/// See where every project of a studio is, how big it is and what differs, and copy it between storages
///
/// In place of SCRIPT, the words of a command may stand: `auto-backup list clients`.
/// Without SCRIPT, command and `-c`: the prompt on a terminal, else the commands on standard input. The commands are the same
/// everywhere; `auto-backup -c help` lists them. The start-up file runs first: `--config`, else
/// `$AUTO_BACKUP_CONFIG`, else `./.config`, else `auto-backup/.config` in the user's configuration folder.
#[derive(Debug, Parser)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[command(
    name = "auto-backup",
    version,
    after_help = after_help()
)]
pub(super) struct Options {
    /// A file of commands; `-` is standard input
    #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath, conflicts_with = "command")]
    pub(super) script: Option<PathBuf>,
    /// Arguments for `$1`, `$2` and so on in the script
    #[arg(value_name = "ARGUMENT")]
    pub(super) arguments: Vec<OsString>,
    /// Run this command; repeatable
    #[arg(short = 'c', value_name = "COMMAND", value_hint = ValueHint::Other, allow_hyphen_values = true)]
    pub(super) command: Vec<String>,
    /// The start-up file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "no_config")]
    pub(super) config: Option<PathBuf>,
    /// Use a small studio in a temporary folder, with an index and a start-up file of its own, to try everything
    #[arg(long, conflicts_with_all = ["config", "index"])]
    pub(super) demo: bool,
    /// Run no start-up file
    #[arg(long)]
    pub(super) no_config: bool,
    /// The index file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) index: Option<PathBuf>,
    /// The catalog that workstations share, `postgres://USER@HOST/NAME`, or `off`; overrides the start-up file
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Other)]
    pub(super) catalog: Option<String>,
    /// Define a variable, written `$NAME` in a line; repeatable
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = definition())]
    pub(super) definitions: Vec<(String, OsString)>,
    /// Format of answers; without this option `table`, or the setting of the start-up file
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Use of color; overrides `NO_COLOR`. Without this option `auto`, or the setting of the start-up file
    #[arg(long, value_enum)]
    pub(super) color: Option<ColorChoice>,
    /// Change nothing: every command only reports what it would do
    #[arg(long)]
    pub(super) dry_run: bool,
    /// No boxes, colors or repainting; also `ACCESSIBLE=1` in the environment
    #[arg(long)]
    pub(super) accessible: bool,
    /// Check every line of SCRIPT and its names, and run nothing
    #[arg(long)]
    pub(super) check: bool,
    /// Continue after a line of a script that failed
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Print only requested answers and messages that need attention
    #[arg(long)]
    pub(super) quiet: bool,
    /// Confirm every question with yes
    #[arg(long)]
    pub(super) yes: bool,
    /// Print the man page or the completions of a shell and exit
    #[arg(long, value_enum, hide = true, conflicts_with_all = ["script", "command"])]
    pub(super) generate: Option<GenerateTarget>,
    /// The words of a command in place of SCRIPT.
    #[arg(skip)]
    pub(super) words: Vec<OsString>,
}

/// Returns the end of the help: examples and exit statuses.
fn after_help() -> String {
    let examples: Vec<_> = EXAMPLES
        .iter()
        .map(|(line, _)| format!("\n  {line}"))
        .collect();
    let examples = examples.concat();
    let statuses = ExitStatus::ALL.map(|status| {
        let (code, meaning) = (status.code(), status.meaning());
        format!("\n  {code:>3}  {meaning}")
    });
    let statuses = statuses.concat();
    format!("Examples:{examples}\n\nExit status:{statuses}")
}

impl Options {
    pub(super) fn is_accessible(&self) -> bool {
        is_accessible(self.accessible)
    }

    pub(super) fn color_choice(&self) -> ColorChoice {
        self.color
            .unwrap_or_default()
            .unless_accessible(self.is_accessible())
    }
}

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

impl Options {
    /// Applies the options to the settings, overriding the start-up file.
    ///
    /// # Errors
    /// The catalog has no valid address.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<()> {
        if let Some(format) = self.format {
            settings.format = format;
        }
        if let Some(color) = self.color {
            settings.color = color;
        }
        match &self.catalog {
            Some(address) => settings.set(Setting::Catalog, address),
            None => Ok(()),
        }
    }
}

/// Parses `NAME=VALUE`.
fn definition() -> impl TypedValueParser<Value = (String, OsString)> {
    OsStringValueParser::new().try_map(|text| {
        let mut parts = text.as_bytes().splitn(2, |byte| *byte == b'=');
        let name = parts.next().and_then(|name| std::str::from_utf8(name).ok());
        let is_name = |name: &&str| {
            let whole = parse_variable_name(name.as_bytes());
            whole == Some((name, name.len())) && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        match (name.filter(is_name), parts.next()) {
            (Some(name), Some(value)) => Ok((name.to_owned(), OsStr::from_bytes(value).to_owned())),
            (Some(_), None) => Err("a `=` and a value must follow the name"),
            (None, _) => {
                Err("a name consists of letters, digits and `_` and does not begin with a digit")
            }
        }
    })
}

/// True if `--format json` stands among the arguments, for errors that come before the options are parsed.
pub(super) fn has_json_format(arguments: &[OsString]) -> bool {
    let pairs = arguments.windows(2);
    let mut separate = pairs.filter(|pair| pair[0] == "--format");
    arguments.iter().any(|argument| argument == "--format=json")
        || separate.any(|pair| pair[1] == "json")
}

/// Returns the color of help and usage errors, which are printed before the options are parsed.
pub(super) fn help_color(arguments: &[OsString]) -> clap::ColorChoice {
    if is_accessible(arguments.iter().any(|argument| argument == "--accessible")) {
        return clap::ColorChoice::Never;
    }
    let mut values = arguments
        .iter()
        .enumerate()
        .filter_map(|(place, argument)| {
            let argument = argument.to_str()?;
            match argument.strip_prefix("--color")? {
                "" => arguments.get(place + 1)?.to_str(),
                rest => rest.strip_prefix('='),
            }
        });
    match values.next_back() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Returns the same choice for the program's own messages.
pub(super) const fn message_color(color: clap::ColorChoice) -> ColorChoice {
    match color {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::shell::program_option_names;

    #[test]
    fn every_option_has_a_hint_after_a_command() {
        let grammar = Options::command();
        let own = grammar.get_arguments().filter_map(clap::Arg::get_long);
        let mut own: Vec<_> = own.filter(|name| *name != "generate").collect();
        own.sort_unstable();
        assert_eq!(own, program_option_names());
    }
}
