//! Hints for lines that clap rejected: similar words, the usage, or the equivalent of a foreign command.

use std::ffi::OsStr;

use clap::error::{ContextKind, ErrorKind};

use super::ParseFailure;
use super::context::{context_texts, first_context_text, is_in_keyword, strip_decoration};
use super::program_option::program_option_hint;
use crate::base::error::did_you_mean;
use crate::commands::synonym;
use crate::commands::synonym::{Equivalent, similar_commands};
use crate::language::lexer::{Word, quote};
use crate::shell::correction::arguments;

impl ParseFailure<'_> {
    /// Returns a similar word, or the words that are possible.
    pub(super) fn hint(&self) -> Option<String> {
        if let Some(hint) = self.program_option_hint() {
            return Some(hint);
        }
        // Similar commands are found by the program's own measure of similarity, see `subcommand_hint`.
        let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedValue];
        let similar: Vec<String> = kinds
            .iter()
            .flat_map(|kind| context_texts(self.error, *kind))
            .map(|word| strip_decoration(&word))
            .collect();
        if !similar.is_empty() {
            return Some(did_you_mean(&similar));
        }
        match self.error.kind() {
            ErrorKind::UnknownArgument => self.surplus_word_hint(),
            ErrorKind::InvalidValue if is_in_keyword(&self.argument) => self.surplus_word_hint(),
            ErrorKind::ArgumentConflict => Some("leave one of them out".to_owned()),
            ErrorKind::InvalidSubcommand
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => self.subcommand_hint(),
            _ => None,
        }
    }

    /// Returns the equivalent of a command of another program, with the words after it.
    fn equivalent(&self, typed: &str) -> Option<Equivalent> {
        synonym::equivalent(typed, arguments(self.text, self.words))
    }

    /// Returns the hint for an option of the program.
    fn program_option_hint(&self) -> Option<String> {
        let option = self.invalid.as_deref()?;
        if self.error.kind() != ErrorKind::UnknownArgument {
            return None;
        }
        let mut words = self.words.iter().map(|word| word.text.to_string_lossy());
        words.find(|word| word == option);
        program_option_hint(option, words.next().as_deref())
    }

    /// Returns the similar words that the hint names.
    pub(super) fn suggestions(&self) -> Vec<String> {
        if self.program_option_hint().is_some() {
            return Vec::new();
        }
        let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedValue];
        let similar = kinds
            .iter()
            .flat_map(|kind| context_texts(self.error, *kind))
            .map(|word| strip_decoration(&word));
        let mut similar: Vec<String> = similar.collect();
        if similar.is_empty() && self.error.kind() == ErrorKind::InvalidSubcommand {
            let typed = first_context_text(self.error, ContextKind::InvalidSubcommand);
            let meant = typed.as_deref().filter(|_| self.depth == 0);
            match meant.and_then(|typed| self.equivalent(typed)) {
                Some(Equivalent::Line(line)) => return vec![line],
                Some(Equivalent::Sentence(_)) => return Vec::new(),
                None => {}
            }
            let known = self.command.get_subcommands().map(clap::Command::get_name);
            let near = similar_commands(&typed.unwrap_or_default(), known);
            similar.extend(near.into_iter().map(str::to_owned));
        }
        similar
    }

    fn usage(&self) -> String {
        strip_decoration(&self.command.clone().render_usage().to_string())
    }

    /// Returns the usage that clap reports, or that of the named command.
    pub(super) fn usage_hint(&self) -> Option<String> {
        let usage = first_context_text(self.error, ContextKind::Usage)
            .map(|usage| strip_decoration(&usage))
            .or_else(|| (self.depth > 0).then(|| self.usage()))?;
        Some(format!("write it as: {usage}"))
    }

    /// Returns the usage, and the quoted name if the unexpected word may be the end of a name with spaces.
    fn surplus_word_hint(&self) -> Option<String> {
        let word = self.invalid.as_deref()?;
        let usage = self.usage();
        let at = self.words.iter().rposition(|other| other.text == *word);
        let arguments = self.words.get(self.depth..at.unwrap_or_default());
        if word.starts_with('-') {
            return Some(format!(
                "write it as: {usage}; put `--` before a name that begins with `-`"
            ));
        }
        let Some((before, earlier)) = arguments.and_then(<[Word]>::split_last) else {
            return Some(format!("write it as: {usage}"));
        };
        let join = |separator| {
            let name = [before.text.to_string_lossy(), word.into()].join(separator);
            quote(OsStr::new(&name))
        };
        let is_client = earlier.is_empty() && !before.text.as_encoded_bytes().contains(&b'/');
        Some(if is_client && usage.contains(" PROJECT") {
            let project = join("/");
            format!("write it as: {usage}; a project is written CLIENT/PROJECT: {project}")
        } else {
            let name = join(" ");
            format!("write it as: {usage}; quote a name with spaces: {name}")
        })
    }

    /// Returns similar commands, or the possible ones.
    fn subcommand_hint(&self) -> Option<String> {
        let commands = self.command.get_subcommands();
        let known: Vec<&str> = commands.map(clap::Command::get_name).collect();
        let typed = first_context_text(self.error, ContextKind::InvalidSubcommand);
        let typed = typed.unwrap_or_default();
        if self.depth == 0
            && let Some(equivalent) = self.equivalent(&typed)
        {
            return Some(match equivalent {
                Equivalent::Line(line) => did_you_mean(&[line]),
                Equivalent::Sentence(sentence) => sentence.to_owned(),
            });
        }
        let near = similar_commands(&typed, known.iter().copied());
        if !typed.is_empty() && !near.is_empty() {
            let near: Vec<_> = near.into_iter().map(str::to_owned).collect();
            return Some(did_you_mean(&near));
        }
        if self.depth == 0 {
            return Some("`help` lists the commands".to_owned());
        }
        (!known.is_empty()).then(|| format!("expected one of: {}", known.join(", ")))
    }
}
