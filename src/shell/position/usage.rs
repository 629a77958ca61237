//! The arguments that a line still lacks, in the words of the usage.

use clap::{Arg, Command};

use super::Position;
use super::redirect_part::RedirectPart;

impl Position<'_> {
    /// Returns the missing arguments as in the usage: `[CATEGORY] A B`. `None` if all of them are optional.
    pub(in crate::shell) fn missing_usage(&self) -> Option<String> {
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

    /// Returns the names of missing required arguments, assuming that optional ones were left out.
    pub(in crate::shell) fn missing_arguments(&self) -> Vec<String> {
        let usage = self.command.clone().render_usage().to_string();
        let mut needed = usage_parts(&usage.replace(['<', '>'], ""));
        needed.retain(|part| !part.starts_with('['));
        needed.drain(..self.positional_count.min(needed.len()));
        let name = |part: String| part.split(['[', '.']).next().unwrap_or_default().to_owned();
        needed.into_iter().map(name).collect()
    }
}

/// Splits a usage line into arguments, without the command and the options. A bracketed group is one argument. Of several
/// forms, it is the first.
fn usage_parts(usage: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for word in usage.split_whitespace() {
        if depth == 0 && word == "|" {
            break;
        }
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
pub(in crate::shell) fn placeholder(argument: &Arg) -> &str {
    argument
        .get_value_names()
        .and_then(|names| names.first())
        .map_or("", |name| name.as_str())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

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
            ("free", "PROJECT [CATEGORY] STORAGE"),
            ("free acme/spot footage", "STORAGE"),
            ("find", "PATTERN [CONDITION]..."),
            ("set", ""),
            ("watch", "SECONDS COMMAND..."),
            (
                "watch 5",
                "compare|failures|fetch|find|history|list|safe|status",
            ),
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
}
