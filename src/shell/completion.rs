//! Completing words: commands and options from the grammar, names from memory. No disk is asked.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, CommandFactory as _};

use crate::catalogue;
use crate::commands::Line;
use crate::error::Result;
use crate::lexer::{Word, lex, quote};
use crate::workspace::Workspace;

/// The names that words can be completed to.
#[derive(Debug, Default)]
pub(super) struct Names {
    databases: Vec<OsString>,
    categories: Vec<OsString>,
    clients: Vec<OsString>,
    projects: Vec<OsString>,
    exclusions: Vec<OsString>,
}

impl Names {
    /// The names a workspace knows now.
    pub(super) fn of(workspace: &Workspace) -> Result<Self> {
        let registry = &workspace.registry;
        let projects = catalogue::projects(&workspace.index, registry, registry.databases())?;
        let clients: BTreeSet<_> = projects
            .iter()
            .map(|project| project.client.as_os_str().to_owned())
            .collect();
        Ok(Self {
            databases: registry
                .databases()
                .iter()
                .map(|database| database.name.clone().into())
                .collect(),
            categories: registry
                .categories()
                .iter()
                .map(|category| category.name.clone().into())
                .collect(),
            clients: clients.into_iter().collect(),
            projects: projects
                .iter()
                .map(|project| project.path().into())
                .collect(),
            exclusions: registry.exclusions().iter().map(OsString::from).collect(),
        })
    }

    /// The names that an argument of this placeholder takes.
    fn for_placeholder(&self, placeholder: &str, command: &str) -> Vec<OsString> {
        let all = || vec![OsString::from("all")];
        match placeholder {
            "DATABASE" | "FROM" | "TO" | "A" | "B" => self.databases.clone(),
            // It may be left out.
            "CATEGORY" if command == "compare" => {
                [self.categories.clone(), all(), self.databases.clone()].concat()
            }
            "CATEGORY" if command == "copy" => [self.categories.clone(), all()].concat(),
            "CATEGORY" => self.categories.clone(),
            "CLIENT" => self.clients.clone(),
            "PROJECT" if matches!(command, "copy" | "compare") => {
                [self.projects.clone(), self.clients.clone(), all()].concat()
            }
            "PROJECT" => self.projects.clone(),
            "PATTERN" if command == "exclusion" => self.exclusions.clone(),
            "COMMAND" => Line::command()
                .get_subcommands()
                .map(|known| known.get_name().into())
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Where the word to complete begins, and what it can become, each a whole quoted word.
pub(super) fn complete(line: &str, position: usize, names: &Names) -> (usize, Vec<String>) {
    let before = line.get(..position).unwrap_or(line);
    let (words, start, typed) = split(before);
    let (candidates, list) = candidates(&words, &typed, names);
    // In `NAS,AR` only what follows the comma is completed.
    let (start, typed) = match typed.rfind(',').filter(|_| list) {
        Some(comma) => (start + comma + 1, typed[comma + 1..].to_owned()),
        None => (start, typed),
    };
    let lower = typed.to_lowercase();
    let fits = |name: &OsString| name.to_string_lossy().to_lowercase().starts_with(&lower);
    let mut fitting: Vec<OsString> = candidates.into_iter().filter(fits).collect();
    fitting.sort_unstable();
    fitting.dedup();
    (start, quoted(&fitting))
}

/// All words in quotes if one needs them, so that what they have in common can be filled in.
fn quoted(names: &[OsString]) -> Vec<String> {
    let words: Vec<String> = names.iter().map(|name| quote(name)).collect();
    let is_quoted = |word: &String| word.starts_with(['\'', '"', '$']);
    if !words.iter().any(is_quoted) {
        return words;
    }
    words
        .into_iter()
        .map(|word| {
            if is_quoted(&word) {
                word
            } else {
                format!("'{word}'")
            }
        })
        .collect()
}

/// The complete words, where the word under the cursor starts, and what is typed of it.
fn split(before: &str) -> (Vec<OsString>, usize, String) {
    // A word whose quote is still open ends at the cursor.
    let closed = [String::new(), "'".to_owned(), "\"".to_owned()].into_iter();
    let lexed = closed
        .into_iter()
        .find_map(|quote| lex(&format!("{before}{quote}")).ok());
    let mut words: Vec<Word> = lexed.unwrap_or_default();
    let current = words.pop_if(|word| word.span.end >= before.len());
    let start = current
        .as_ref()
        .map_or(before.len(), |word| word.span.start);
    let typed = current
        .map(|word| word.text.to_string_lossy().into_owned())
        .unwrap_or_default();
    (
        words.into_iter().map(|word| word.text).collect(),
        start,
        typed,
    )
}

/// What can stand after these words, and whether it is a list with commas.
fn candidates(words: &[OsString], typed: &str, names: &Names) -> (Vec<OsString>, bool) {
    let mut grammar = Line::command();
    grammar.build();
    let mut command = &grammar;
    let mut positional = 0;
    let mut value_of: Option<&Arg> = None;
    for word in words {
        if value_of.take().is_some() {
            continue;
        }
        if let Some(option) = option(command, word) {
            value_of = Some(option).filter(|option| option.get_action().takes_values());
        } else if let Some(subcommand) = subcommand(command, word) {
            (command, positional) = (subcommand, 0);
        } else {
            positional += 1;
        }
    }
    let takes = |argument: &Arg| values(argument, command.get_name(), names);
    if let Some(option) = value_of {
        return (takes(option), false);
    }
    if typed.starts_with('-') {
        let options = command
            .get_arguments()
            .filter_map(Arg::get_long)
            .filter(|name| *name != "help");
        return (
            options.map(|name| format!("--{name}").into()).collect(),
            false,
        );
    }
    if command.has_subcommands() {
        return (
            command
                .get_subcommands()
                .map(|known| known.get_name().into())
                .collect(),
            false,
        );
    }
    let arguments: Vec<&Arg> = command.get_positionals().collect();
    let last = arguments.last().filter(|last| {
        last.get_action().takes_values() && last.get_num_args().is_some_and(|n| n.max_values() > 1)
    });
    let argument = arguments.get(positional).or(last);
    let delimited = argument.is_some_and(|argument| argument.get_value_delimiter().is_some());
    (
        argument.map(|argument| takes(argument)).unwrap_or_default(),
        delimited,
    )
}

/// What an argument takes: its fixed words, else names by its placeholder.
fn values(argument: &Arg, command: &str, names: &Names) -> Vec<OsString> {
    let fixed = argument.get_possible_values();
    if !fixed.is_empty() && argument.get_action().takes_values() {
        return fixed.iter().map(|value| value.get_name().into()).collect();
    }
    let placeholder = argument
        .get_value_names()
        .and_then(|names| names.first())
        .map(ToString::to_string);
    names.for_placeholder(placeholder.as_deref().unwrap_or_default(), command)
}

/// The option that a word is, by its whole name.
fn option<'a>(command: &'a Command, word: &OsStr) -> Option<&'a Arg> {
    let name = word.to_str()?.strip_prefix("--")?;
    command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name))
}

/// The subcommand that a word is, by its whole name or an unambiguous beginning.
fn subcommand<'a>(command: &'a Command, word: &OsStr) -> Option<&'a Command> {
    let word = word.to_str()?;
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

    fn completed(line: &str) -> Vec<String> {
        let names = |list: &[&str]| list.iter().map(OsString::from).collect();
        let names = Names {
            databases: names(&["WORK", "NAS", "NAS 2"]),
            categories: names(&["footage", "render"]),
            clients: names(&["acme", "Bob's"]),
            projects: names(&["acme/spot", "acme/long film", "Bob's/film"]),
            exclusions: names(&["*.tmp"]),
        };
        let (start, words) = complete(line, line.len(), &names);
        words
            .into_iter()
            .map(|word| format!("{}{word}", &line[..start]))
            .collect()
    }

    #[test]
    fn every_position_offers_what_fits_there() {
        assert_eq!(completed("ex"), ["exclude", "exit", "explore"]);
        assert_eq!(completed("list pr"), ["list projects"]);
        assert_eq!(completed("list projects "), ["list projects in"]);
        assert_eq!(completed("list projects in ac"), ["list projects in acme"]);
        assert_eq!(
            completed("list projects in acme in W"),
            ["list projects in acme in WORK"]
        );
        assert_eq!(completed("copy acme/s"), ["copy acme/spot"]);
        assert_eq!(completed("copy acme/spot foo"), ["copy acme/spot footage"]);
        assert_eq!(
            completed("copy acme/spot footage WO"),
            ["copy acme/spot footage WORK"]
        );
        assert_eq!(
            completed("copy acme/spot footage WORK NAS,WO"),
            ["copy acme/spot footage WORK NAS,WORK"]
        );
        assert_eq!(completed("load NAS w"), ["load NAS WORK"]);
        assert_eq!(completed("load --forget W"), ["load --forget WORK"]);
        assert_eq!(
            completed("remove exclusion "),
            ["remove exclusion '*.tmp'"].map(|_| "remove exclusion *.tmp")
        );
        assert_eq!(completed("copy --dry"), ["copy --dry-run"]);
        assert_eq!(
            completed("fetch project B"),
            ["fetch project \"Bob's/film\""]
        );
        assert_eq!(completed("help co"), ["help compare", "help copy"]);
        assert_eq!(
            completed("compare acme/spot "),
            ["NAS", "NAS 2", "WORK", "all", "footage", "render"]
                .map(|word| format!("compare acme/spot '{word}'"))
        );
        assert_eq!(
            completed("compare acme/spot footage WORK N"),
            [
                "compare acme/spot footage WORK 'NAS'",
                "compare acme/spot footage WORK 'NAS 2'"
            ]
        );
    }

    #[test]
    fn names_with_spaces_become_one_quoted_word() {
        assert_eq!(
            completed("fetch project acme/l"),
            ["fetch project 'acme/long film'"]
        );
        assert_eq!(
            completed("fetch project 'acme/long f"),
            ["fetch project 'acme/long film'"]
        );
        assert_eq!(
            completed("fetch project \"acme/l"),
            ["fetch project 'acme/long film'"]
        );
        assert_eq!(
            completed("fetch project acme/long\\ "),
            ["fetch project 'acme/long film'"]
        );
    }
}
