//! What can stand at a place of a line: fixed words, names from memory, or paths.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command};

use super::name_list::List;
use super::studio_names::{Known, Projects};
use crate::commands::help;
use crate::commands::setting::Setting;
use crate::shell::position::{Position, option, placeholder};

/// What can stand there.
#[derive(Debug, Default)]
pub(in crate::shell) struct Wanted<'k> {
    /// Words of the grammar.
    pub(super) words: List,
    lists: Vec<&'k List>,
    /// Where a path may lead to, if it is one.
    pub(super) places: Option<Places>,
    /// Which of the projects' lists are meant.
    pub(super) takes_projects: bool,
    takes_clients: bool,
    pub(super) projects: Option<Arc<Projects>>,
    /// Whether it is one of several with commas between them.
    pub(in crate::shell) delimited: bool,
}

/// Where a path may lead to.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The folders that it may be relative to.
    pub(super) bases: Vec<PathBuf>,
    /// Whether to files too.
    pub(super) files: bool,
}

impl<'k> Wanted<'k> {
    /// What can stand where this word is being typed, after these words. Projects that are still being read are waited
    /// for only so long.
    pub(in crate::shell) fn at(
        position: &Position<'_>,
        words: &[OsString],
        typed: &OsStr,
        known: &'k Known,
        patience: Duration,
    ) -> Self {
        let mut wanted = Self::default();
        let text = typed.to_string_lossy();
        if text.starts_with('-') && position.takes_options() {
            wanted.option(position, &text, known);
        } else if position.expects_command() {
            let names = position.command.get_subcommands().map(Command::get_name);
            wanted.words = names.map(OsString::from).collect();
        } else if let Some(argument) = position.next() {
            wanted.delimited = argument.get_value_delimiter().is_some();
            wanted.value(argument, position.command.get_name(), words, known);
        }
        if wanted.takes_projects || wanted.takes_clients {
            wanted.projects = known.projects(patience);
        }
        wanted
    }

    /// Options, or the value after `--option=`.
    fn option(&mut self, position: &Position<'_>, typed: &str, known: &'k Known) {
        let command = position.command;
        if let Some((name, _)) = typed.split_once('=') {
            if let Some(option) =
                option(command, name).filter(|option| option.get_action().takes_values())
            {
                self.value(option, command.get_name(), &[], known);
            }
            return;
        }
        let options = command.get_arguments().filter_map(Arg::get_long);
        let options = options.filter(|name| *name != "help");
        self.words = options
            .map(|name| OsString::from(format!("--{name}")))
            .collect();
    }

    /// The value of an argument: its fixed words, else names by its placeholder.
    fn value(&mut self, argument: &Arg, command: &str, words: &[OsString], known: &'k Known) {
        let tracked = &known.tracked;
        let fixed = argument.get_possible_values();
        if !fixed.is_empty() {
            self.words = fixed.iter().map(|value| value.get_name().into()).collect();
            return;
        }
        // These take several projects, and several categories, at once.
        let takes_many = matches!(command, "copy" | "sync" | "compare" | "failures");
        match placeholder(argument) {
            "DATABASE" | "FROM" | "TO" | "A" | "B" => self.lists.push(&tracked.databases),
            // It may be left out.
            "CATEGORY" if command == "compare" => {
                self.lists.extend([&tracked.categories, &tracked.databases]);
            }
            "CATEGORY" => self.lists.push(&tracked.categories),
            "CLIENT" => self.takes_clients = true,
            "PROJECT" => (self.takes_projects, self.takes_clients) = (true, takes_many),
            "PATTERN" if command == "exclusion" => self.lists.push(&tracked.exclusions),
            "SETTING" => self.lists.push(&tracked.settings),
            "VALUE" => {
                let setting = words.last().and_then(|name| Setting::named(name.to_str()?));
                let values = setting.map_or(&[][..], Setting::words);
                self.words = values.iter().map(OsString::from).collect();
            }
            "COMMAND" => self.words = help::subjects(words.get(1..).unwrap_or_default()).collect(),
            "ROOT" | "FILE" => {
                self.places = Some(Places {
                    bases: vec![tracked.base.clone()],
                    files: placeholder(argument) == "FILE",
                });
            }
            "PATH" => {
                self.places = Some(Places {
                    bases: tracked.roots.clone(),
                    files: false,
                });
            }
            _ => {}
        }
        if takes_many && matches!(placeholder(argument), "PROJECT" | "CATEGORY") {
            self.words = [OsString::from("all")].into_iter().collect();
        }
    }

    /// All lists that the word may be from.
    pub(super) fn lists(&self) -> Vec<&List> {
        let mut lists = vec![&self.words];
        lists.extend(&self.lists);
        if let Some(projects) = &self.projects {
            lists.extend(self.takes_projects.then_some(&projects.projects));
            lists.extend(self.takes_clients.then_some(&projects.clients));
        }
        lists
    }

    /// Whether a word can still become one that can stand there.
    pub(in crate::shell) fn begins(&self, word: &OsStr) -> bool {
        let text = word.to_string_lossy();
        let last = text.rsplit(',').next().filter(|_| self.delimited);
        let text = last.unwrap_or(&text);
        self.lists()
            .iter()
            .any(|list| !list.beginning_with(text).is_empty())
    }

    /// Whether a word can stand there; `None` where that cannot be told from memory.
    pub(in crate::shell) fn allows(&self, word: &OsStr) -> Option<bool> {
        let is_unread = (self.takes_projects || self.takes_clients) && self.projects.is_none();
        let lists = self.lists();
        if is_unread || self.places.is_some() || lists.iter().all(|list| list.is_empty()) {
            return None;
        }
        Some(lists.iter().any(|list| list.contains(word)))
    }
}
