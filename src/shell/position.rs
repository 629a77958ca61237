//! Position of words in the grammar and the arguments that may follow: the basis of completion, hints and colors.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

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

/// Part of a redirection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RedirectPart {
    Program,
    ProgramArgument,
    File,
    /// Nothing may follow the file.
    End,
}

impl RedirectPart {
    /// Returns the part that an operator begins: `|`, `>` or `>>`, with or without text attached.
    const fn after_operator(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"|" => Self::Program,
            [b'|', ..] => Self::ProgramArgument,
            b">" | b">>" => Self::File,
            [b'>', ..] => Self::End,
            _ => return None,
        })
    }

    /// Returns the part after a word of this one.
    const fn next(self) -> Self {
        match self {
            Self::Program | Self::ProgramArgument => Self::ProgramArgument,
            Self::File | Self::End => Self::End,
        }
    }
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

    /// Returns the missing arguments as in the usage: `[CATEGORY] A B`. `None` if all of them are optional.
    pub(super) fn missing_usage(&self) -> Option<String> {
        if let Some(part) = self.redirect {
            return match part {
                RedirectPart::Program => Some("PROGRAM".to_owned()),
                RedirectPart::File => Some("FILE".to_owned()),
                RedirectPart::ProgramArgument | RedirectPart::End => None,
            };
        }
        if self.is_unresolved {
            return None;
        }
        if let Some(option) = self.pending_option {
            return Some(placeholder(option).to_owned());
        }
        if self.expects_command() {
            let names = self.commands().map(Command::get_name);
            return Some(names.collect::<Vec<_>>().join("|"));
        }
        let usage = self
            .command
            .clone()
            .render_usage()
            .to_string()
            .replace(['<', '>'], "");
        let parts = usage_parts(&usage);
        let rest = parts.get(self.positional_count..)?;
        let is_needed = |part: &String| !part.starts_with('[');
        rest.iter().any(is_needed).then(|| rest.join(" "))
    }
}

impl Position<'_> {
    /// Returns the names of missing required arguments, assuming that optional ones were left out.
    pub(super) fn missing_arguments(&self) -> Vec<String> {
        let usage = self.command.clone().render_usage().to_string();
        let mut needed = usage_parts(&usage.replace(['<', '>'], ""));
        needed.retain(|part| !part.starts_with('['));
        needed.drain(..self.positional_count.min(needed.len()));
        let name = |part: String| part.split(['[', '.']).next().unwrap_or_default().to_owned();
        needed.into_iter().map(name).collect()
    }
}

/// Splits a usage line into arguments, without the command and the options. A bracketed group is one argument.
fn usage_parts(usage: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for word in usage.split_whitespace() {
        match parts.last_mut().filter(|_| depth > 0) {
            Some(last) => *last = format!("{last} {word}"),
            None => parts.push(word.to_owned()),
        }
        depth = (depth + word.matches('[').count()).saturating_sub(word.matches(']').count());
    }
    parts.retain(|part| part.starts_with('[') || part.starts_with(|c: char| c.is_uppercase()));
    parts.retain(|part| part != "[OPTIONS]" && part != "Usage:");
    parts
}

/// Returns the placeholder of an argument, as `STORAGE`.
pub(super) fn placeholder(argument: &Arg) -> &str {
    argument
        .get_value_names()
        .and_then(|names| names.first())
        .map_or("", |name| name.as_str())
}

/// True if an argument takes any number of values.
fn is_repeatable(argument: &Arg) -> bool {
    argument.get_action().takes_values()
        && argument
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1)
}

/// Returns the option with this name or unambiguous prefix.
pub(super) fn find_option<'g>(command: &'g Command, name: &str) -> Option<&'g Arg> {
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
fn find_subcommand<'g>(command: &'g Command, word: &OsStr) -> Option<&'g Command> {
    let word = word.to_str().filter(|word| !word.is_empty())?;
    let mut fitting = command
        .get_subcommands()
        .filter(|known| known.get_name().starts_with(word));
    command
        .find_subcommand(word)
        .or_else(|| fitting.next().filter(|_| fitting.next().is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::built_grammar;
    use crate::language::lexer::lex;

    fn missing(line: &str) -> String {
        let grammar = built_grammar();
        let words: Vec<OsString> = lex(line)
            .unwrap()
            .into_iter()
            .map(|word| word.text)
            .collect();
        Position::after(&grammar, &words)
            .missing_usage()
            .unwrap_or_default()
    }

    #[test]
    fn missing_arguments_match_usage() {
        for (line, rest) in [
            ("copy", "PROJECT [CATEGORY] FROM TO[,TO...]"),
            ("copy acme/spot footage", "FROM TO[,TO...]"),
            ("copy --checksum acme/spot footage WORK NAS", ""),
            ("compare acme/spot", "[CATEGORY] A B"),
            ("fetch", "PROJECT"),
            ("fetch client", ""),
            ("load", ""),
            ("load --older-than", "AGE"),
            ("list projects", ""),
            ("add database WORK", "ROOT"),
            ("source", "FILE [ARGUMENT]..."),
            ("find", "PATTERN [in WHERE]"),
            ("set", ""),
            ("watch", "SECONDS COMMAND..."),
            ("watch 5", "compare|failures|fetch|find|history|list"),
            ("watch 5 fetch", "PROJECT"),
            ("watch 5 compare acme/spot", "[CATEGORY] A B"),
            ("watch 5 fetch all", ""),
            ("fetch all |", "PROGRAM"),
            ("fetch all | sort >>", "FILE"),
            ("fetch all > a", ""),
            ("nonsense x", ""),
        ] {
            assert_eq!(missing(line), rest, "{line}");
        }
    }

    #[test]
    fn missing_arguments_exclude_optional_ones() {
        let needed = |line: &str| {
            let grammar = built_grammar();
            let words = lex(line).unwrap().into_iter().map(|word| word.text);
            let words: Vec<OsString> = words.collect();
            Position::after(&grammar, &words)
                .missing_arguments()
                .join(" ")
        };
        assert_eq!(needed("compare acme/spot WORK"), "B");
        assert_eq!(needed("compare acme/spot"), "A B");
        assert_eq!(needed("copy acme/spot"), "FROM TO");
        assert_eq!(needed("source"), "FILE");
        assert_eq!(needed("load"), "");
    }

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
