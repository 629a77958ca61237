//! Finding commands and options by names and unambiguous prefixes.

use std::ffi::OsStr;

use clap::{Arg, Command};

/// Returns the option with this name or unambiguous prefix.
pub(in crate::shell) fn find_option<'g>(command: &'g Command, name: &str) -> Option<&'g Arg> {
    let options: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !argument.is_positional())
        .collect();
    let mut options = options.into_iter();
    let Some(long) = name.strip_prefix("--") else {
        let short = name.strip_prefix('-')?.chars().next()?;
        return options.find(|argument| argument.get_short() == Some(short));
    };
    let exact = options
        .clone()
        .find(|argument| argument.get_long() == Some(long));
    let mut fitting = options.filter(|argument| {
        argument
            .get_long()
            .is_some_and(|known| known.starts_with(long) && !long.is_empty())
    });
    exact.or_else(|| fitting.next().filter(|_| fitting.next().is_none()))
}

/// Returns the subcommand with this name, alias or unambiguous prefix.
pub(super) fn find_subcommand<'g>(command: &'g Command, word: &OsStr) -> Option<&'g Command> {
    let word = word.to_str().filter(|word| !word.is_empty())?;
    let mut fitting = command
        .get_subcommands()
        .filter(|known| known.get_name().starts_with(word));
    command
        .find_subcommand(word)
        .or_else(|| fitting.next().filter(|_| fitting.next().is_none()))
}
