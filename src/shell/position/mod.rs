//! Position of words in the grammar and the arguments that may follow: the basis of completion, hints and colors.

mod lookup;
mod redirect_part;
mod usage;

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

pub(super) use self::lookup::find_option;
use self::lookup::find_subcommand;
pub(super) use self::redirect_part::RedirectPart;
pub(super) use self::usage::placeholder;
use crate::commands::watch::WATCHED_COMMANDS;

/// Role of a word.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'g> {
    /// Command, or part of one, as `database` in `add database`.
    Command,
    /// Option, with or without `=VALUE`.
    Option(&'g Arg),
    /// Value of an option or positional argument.
    Value,
    /// `--`: no options follow.
    OptionsEnd,
    /// Word that is not possible here.
    Unknown,
}

/// Position after some words of a line.
#[derive(Clone, Debug)]
pub(super) struct Position<'g> {
    grammar: &'g Command,
    /// Command named so far, or the whole grammar.
    pub(super) command: &'g Command,
    /// Number of positional values.
    positional_count: usize,
    /// Option whose value comes next.
    pending_option: Option<&'g Arg>,
    /// True after `--`.
    options_ended: bool,
    /// True after `watch SECONDS`, where another command follows.
    is_watched: bool,
    /// Part of a redirection that comes next, after `|` or `>`.
    redirect: Option<RedirectPart>,
    /// True after an unknown command: the roles of the following words are unknown.
    is_unresolved: bool,
}

impl<'g> Position<'g> {
    pub(super) const fn start(grammar: &'g Command) -> Self {
        Self {
            grammar,
            command: grammar,
            positional_count: 0,
            pending_option: None,
            options_ended: false,
            is_watched: false,
            redirect: None,
            is_unresolved: false,
        }
    }

    pub(super) fn after<'w>(
        grammar: &'g Command,
        words: impl IntoIterator<Item = &'w OsString>,
    ) -> Self {
        let mut position = Self::start(grammar);
        for word in words {
            position.advance(word);
        }
        position
    }

    /// Moves past one word and returns its role.
    pub(super) fn advance(&mut self, word: &OsStr) -> Role<'g> {
        if self.pending_option.take().is_some() {
            return Role::Value;
        }
        if let Some(part) = RedirectPart::after_operator(word.as_encoded_bytes()) {
            self.redirect = Some(part);
            return Role::OptionsEnd;
        }
        if let Some(part) = self.redirect {
            self.redirect = Some(part.next());
            return match part {
                RedirectPart::End => Role::Unknown,
                _ => Role::Value,
            };
        }
        if self.is_unresolved {
            return Role::Value;
        }
        if !self.options_ended {
            if word == "--" {
                self.options_ended = true;
                return Role::OptionsEnd;
            }
            if let Some(role) = self.classify_option(word) {
                return role;
            }
        }
        if self.expects_command() {
            let Some(found) = find_subcommand(self.command, word) else {
                self.is_unresolved = true;
                return Role::Unknown;
            };
            self.command = found;
            return Role::Command;
        }
        let role = self.next_argument().map_or(Role::Unknown, |_| Role::Value);
        self.positional_count += 1;
        if self.command.get_name() == "watch" && !self.is_watched {
            *self = Self {
                is_watched: true,
                ..Self::start(self.grammar)
            };
        }
        role
    }

    /// Returns the role of a word that begins with `-`; `None` for other words and for values that may begin with `-`.
    fn classify_option(&mut self, word: &OsStr) -> Option<Role<'g>> {
        let text = word
            .to_str()
            .filter(|text| text.starts_with('-') && text.len() > 1)?;
        if self
            .next_argument()
            .is_some_and(Arg::is_allow_hyphen_values_set)
        {
            return None;
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some(option) = find_option(self.command, name) else {
            return Some(Role::Unknown);
        };
        if option.get_action().takes_values() && value.is_none() {
            self.pending_option = Some(option);
        }
        Some(Role::Option(option))
    }

    /// Returns the commands that may come next.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'g Command> {
        let is_whole = std::ptr::eq(self.command, self.grammar);
        let is_limited = self.is_watched && is_whole;
        let commands = self.command.get_subcommands();
        commands
            .filter(move |command| !is_limited || WATCHED_COMMANDS.contains(&command.get_name()))
    }

    /// True if a command, or part of one, comes next.
    pub(super) fn expects_command(&self) -> bool {
        self.pending_option.is_none()
            && !self.is_unresolved
            && self.redirect.is_none()
            && self.command.has_subcommands()
    }

    /// True if an option may come next.
    pub(super) const fn accepts_options(&self) -> bool {
        self.pending_option.is_none()
            && !self.options_ended
            && !self.is_unresolved
            && self.redirect.is_none()
    }

    /// Returns the part of a redirection that comes next.
    pub(super) const fn redirect(&self) -> Option<RedirectPart> {
        self.redirect
    }

    /// Returns the argument whose value comes next.
    pub(super) fn next_argument(&self) -> Option<&'g Arg> {
        if self.redirect.is_some() {
            return None;
        }
        if self.pending_option.is_some() {
            return self.pending_option;
        }
        let mut arguments = self.command.get_positionals();
        let last = self.command.get_positionals().last();
        // An argument that follows `--` is unreachable before it.
        let reachable = |argument: &&Arg| self.options_ended || !argument.is_last_set();
        arguments
            .nth(self.positional_count)
            .or_else(|| last.filter(|last| is_repeatable(last)))
            .filter(reachable)
    }
}

/// True if an argument takes any number of values.
fn is_repeatable(argument: &Arg) -> bool {
    argument.get_action().takes_values()
        && argument
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::built_grammar;

    #[test]
    fn every_word_has_its_role() {
        let grammar = built_grammar();
        let mut position = Position::start(&grammar);
        let words = [
            "cop",
            "acme/spot",
            "--over",
            "--nope",
            "-z",
            "--",
            "-odd-",
            "W",
            "N",
            "x",
        ];
        let roles = words.map(|word| match position.advance(OsStr::new(word)) {
            Role::Command => "command".to_owned(),
            Role::Option(option) => option.get_long().unwrap().to_owned(),
            Role::Value => "value".to_owned(),
            Role::OptionsEnd => "--".to_owned(),
            Role::Unknown => "?".to_owned(),
        });
        assert_eq!(
            roles,
            [
                "command",
                "value",
                "overwrite",
                "?",
                "?",
                "--",
                "value",
                "value",
                "value",
                "value"
            ]
        );
    }
}
