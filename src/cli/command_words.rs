//! A command whose words are the arguments of the program: `auto-backup list clients`.
//!
//! The options of the program stand before the command, or after it where the command has no option of that name. A script
//! file with the name of the command wins.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};

use super::options::Options;
use crate::commands::grammar;
use crate::commands::synonym;

/// The arguments of the program, with those of a command split off.
#[derive(Debug, Default)]
pub(super) struct SplitArguments {
    /// The program's own options and arguments.
    pub(super) own: Vec<OsString>,
    /// The words of the command, if there is one.
    pub(super) words: Vec<OsString>,
    /// The name of a command that is also that of a script file, which runs instead.
    pub(super) shadowed: Option<String>,
}

/// Splits off the first argument that is no option, and all that follow it, if it names a command.
pub(super) fn split(arguments: Vec<OsString>) -> SplitArguments {
    let Some(first) = first_word(&arguments) else {
        return SplitArguments {
            own: arguments,
            ..SplitArguments::default()
        };
    };
    let word = &arguments[first];
    let name = word.to_str().unwrap_or_default();
    let is_command = grammar().find_subcommand(word).is_some();
    if !is_command && !synonym::is_known(name) {
        return SplitArguments {
            own: arguments,
            ..SplitArguments::default()
        };
    }
    if Path::new(word).is_file() {
        let shadowed = is_command.then(|| name.to_owned());
        return SplitArguments {
            own: arguments,
            words: Vec::new(),
            shadowed,
        };
    }
    let mut own = arguments;
    let (words, moved) = split_off_own_options(own.split_off(first));
    own.extend(moved);
    SplitArguments {
        own,
        words,
        shadowed: None,
    }
}

/// Options that end the process at once, and mean nothing beside a command.
const ENDING_OPTIONS: [&str; 3] = ["generate", "help", "version"];

/// Splits the options of the program off the words of a command: those that the command does not have, up to `--`. After
/// `echo` and `source`, whose arguments may begin with `-`, every word is the command's.
fn split_off_own_options(words: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let (own_grammar, grammar) = (Options::command(), grammar());
    let mut command = &grammar;
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            kept.push(word);
            break;
        }
        let name = option_name(&word).map(ToOwned::to_owned);
        let Some(name) = name else {
            command = command.find_subcommand(&word).unwrap_or(command);
            kept.push(word);
            if command.get_arguments().any(Arg::is_allow_hyphen_values_set) {
                break;
            }
            continue;
        };
        let option = |grammar: &Command| {
            let mut options = grammar.get_arguments();
            let option = options.find(|option| option.get_long() == Some(&name))?;
            Some(option.get_action().takes_values())
        };
        let own = || option(&own_grammar).filter(|_| !ENDING_OPTIONS.contains(&&*name));
        let (place, takes_value) = match (option(command), own()) {
            (None, Some(takes_value)) => (&mut moved, takes_value),
            (known, _) => (&mut kept, known.unwrap_or(false)),
        };
        let has_value = word.as_bytes().contains(&b'=');
        place.push(word);
        if takes_value && !has_value {
            place.extend(words.next());
        }
    }
    kept.extend(words);
    (kept, moved)
}

/// Returns `format` for `--format` and `--format=json`.
fn option_name(word: &OsStr) -> Option<&str> {
    let name = word.as_bytes().strip_prefix(b"--")?;
    let name = name.split(|byte| *byte == b'=').next()?;
    std::str::from_utf8(name).ok()
}

/// Returns the index of the first argument that is neither an option nor its value; `None` with `-c`, `--` or `-`, which say
/// where the commands are.
fn first_word(arguments: &[OsString]) -> Option<usize> {
    let grammar = Options::command();
    let takes_value = |name: &[u8]| {
        grammar.get_arguments().any(|option| {
            let is_meant = match name.strip_prefix(b"--") {
                Some(long) => option
                    .get_long()
                    .is_some_and(|known| known.as_bytes() == long),
                None => option
                    .get_short()
                    .is_some_and(|known| name == format!("-{known}").as_bytes()),
            };
            is_meant && option.get_action().takes_values()
        })
    };
    let mut place = 0;
    while let Some(argument) = arguments
        .get(place)
        .map(OsString::as_os_str)
        .map(OsStr::as_bytes)
    {
        if argument == b"--" || argument == b"-" || is_command_option(argument) {
            return None;
        }
        if !argument.starts_with(b"-") {
            return Some(place);
        }
        place += if takes_value(argument) { 2 } else { 1 };
    }
    None
}

/// True for `-c`, `-cload` and `-c=load`.
fn is_command_option(argument: &[u8]) -> bool {
    argument.starts_with(b"-c")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> String {
        let arguments = line.split_whitespace().map(OsString::from).collect();
        let words = split(arguments).words;
        words.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn own_options_may_follow_the_command() {
        for (line, own, command) in [
            (
                "list clients --format json",
                "--format json",
                "list clients",
            ),
            (
                "list --format=csv clients --sort size --quiet",
                "--format=csv --quiet",
                "list clients --sort size",
            ),
            ("ls acme --no-config", "--no-config", "ls acme"),
            (
                "--index i copy acme/spot WORK NAS --yes --dry-run",
                "--index i",
                "copy acme/spot WORK NAS --yes --dry-run",
            ),
            ("load --dry-run --index i", "--dry-run --index i", "load"),
            ("find -- --quiet", "", "find -- --quiet"),
            (
                "echo --quiet --format json",
                "",
                "echo --quiet --format json",
            ),
            ("source a.ab --quiet", "", "source a.ab --quiet"),
            (
                "list clients --sort --format",
                "",
                "list clients --sort --format",
            ),
            (
                "list clients --version --nope",
                "",
                "list clients --version --nope",
            ),
        ] {
            let arguments = line.split_whitespace().map(OsString::from).collect();
            let split = split(arguments);
            let join = |words: Vec<OsString>| words.join(OsStr::new(" ")).into_string().unwrap();
            let found = (join(split.own), join(split.words));
            assert_eq!(found, (own.to_owned(), command.to_owned()), "{line}");
        }
    }

    #[test]
    fn command_begins_after_own_options() {
        for (line, command) in [
            ("list clients", "list clients"),
            ("--format json list clients", "list clients"),
            (
                "--format=json --quiet -D A=list load --older-than 1h",
                "load --older-than 1h",
            ),
            ("-DA=1 --index i.sqlite fetch all", "fetch all"),
            ("ls", "ls"),
            ("nightly.ab load", ""),
            ("-c load list", ""),
            ("-- load", ""),
            ("- load", ""),
            ("--config load", ""),
            ("no-command load", ""),
        ] {
            assert_eq!(words(line), command, "{line}");
        }
    }
}
