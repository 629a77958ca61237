//! Words expected at a position: fixed words, names from memory, or paths.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command};

use super::name_list::NameList;
use super::studio_names::{ProjectNames, StudioNames};
use crate::commands::settings::Setting;
use crate::commands::{grammar, help};
use crate::shell::position::{Position, find_option, placeholder};

/// Words expected at a position.
#[derive(Debug, Default)]
pub(in crate::shell) struct Expectation<'k> {
    /// Words of the grammar.
    pub(super) fixed_words: NameList,
    name_lists: Vec<&'k NameList>,
    /// Folders of a path argument, if it is one.
    pub(super) path_bases: Option<PathBases>,
    /// True if the words are projects.
    pub(super) accepts_projects: bool,
    accepts_clients: bool,
    pub(super) projects: Option<Arc<ProjectNames>>,
    /// True for a comma-separated list.
    pub(in crate::shell) is_comma_separated: bool,
}

/// Folders of a path argument.
#[derive(Clone, Debug)]
pub(super) struct PathBases {
    /// Folders that a relative path may start from.
    pub(super) bases: Vec<PathBuf>,
    /// True if files are offered beside folders.
    pub(super) include_files: bool,
}

impl<'k> Expectation<'k> {
    /// Returns the words expected after `words` for the typed word. Waits up to `timeout` for projects that are still being read.
    pub(in crate::shell) fn at(
        position: &Position<'_>,
        words: &[OsString],
        typed: &OsStr,
        names: &'k StudioNames,
        timeout: Duration,
    ) -> Self {
        let mut expected = Self::default();
        let text = typed.to_string_lossy();
        if text.starts_with('-') && position.accepts_options() {
            expected.add_options(position, &text, names);
        } else if position.expects_command() {
            let command_names = position.command.get_subcommands().map(Command::get_name);
            expected.fixed_words = command_names.map(OsString::from).collect();
        } else if let Some(argument) = position.next_argument() {
            expected.is_comma_separated = argument.get_value_delimiter().is_some();
            expected.add_values(argument, position.command.get_name(), words, names);
        }
        if expected.accepts_projects || expected.accepts_clients {
            expected.projects = names.projects(timeout);
        }
        expected
    }

    /// Adds options, or the values after `--option=`.
    fn add_options(&mut self, position: &Position<'_>, typed: &str, names: &'k StudioNames) {
        let command = position.command;
        if let Some((name, _)) = typed.split_once('=') {
            if let Some(option) =
                find_option(command, name).filter(|option| option.get_action().takes_values())
            {
                self.add_values(option, command.get_name(), &[], names);
            }
            return;
        }
        let options = command.get_arguments().filter_map(Arg::get_long);
        let options = options.filter(|name| *name != "help");
        self.fixed_words = options
            .map(|name| OsString::from(format!("--{name}")))
            .collect();
    }

    /// Adds the values of an argument: its fixed words, or names by its placeholder.
    fn add_values(
        &mut self,
        argument: &Arg,
        command: &str,
        words: &[OsString],
        names: &'k StudioNames,
    ) {
        let tracked = &names.tracked;
        let fixed = argument.get_possible_values();
        if !fixed.is_empty() {
            self.fixed_words = fixed.iter().map(|value| value.get_name().into()).collect();
            return;
        }
        // These commands accept `all` for projects and categories.
        let accepts_all = matches!(command, "copy" | "sync" | "compare" | "failures" | "fetch");
        match placeholder(argument) {
            "DATABASE" | "FROM" | "TO" | "A" | "B" => self.name_lists.push(&tracked.databases),
            // The category is optional, so a database may come in its place.
            "CATEGORY" if command == "compare" => {
                self.name_lists
                    .extend([&tracked.categories, &tracked.databases]);
            }
            "CATEGORY" => self.name_lists.push(&tracked.categories),
            "CLIENT" => self.accepts_clients = true,
            // `fetch client NAME` and `fetch project NAME`.
            "NAME" if command == "fetch" => {
                let is_client = words.last().is_some_and(|word| word == "client");
                (self.accepts_projects, self.accepts_clients) = (!is_client, is_client);
            }
            "IN" if words.last().is_some_and(|word| word == "in") => {
                let lists = [&tracked.databases, &tracked.categories];
                self.name_lists.extend(lists);
                self.accepts_clients = true;
            }
            "IN" => self.fixed_words = [OsString::from("in")].into_iter().collect(),
            "PROJECT" => (self.accepts_projects, self.accepts_clients) = (true, accepts_all),
            "PATTERN" if command == "exclusion" => self.name_lists.push(&tracked.exclusions),
            "SETTING" => self.name_lists.push(&tracked.settings),
            "VALUE" => {
                let setting = words
                    .last()
                    .and_then(|name| Setting::from_name(name.to_str()?));
                let values = setting.into_iter().flat_map(Setting::keywords);
                self.fixed_words = values.map(OsString::from).collect();
            }
            "COMMAND" => {
                let words = words.get(1..).unwrap_or_default();
                self.fixed_words = help::subtopics(&grammar(), words).into_iter().collect();
            }
            "ROOT" | "FILE" => {
                self.path_bases = Some(PathBases {
                    bases: vec![tracked.base.clone()],
                    include_files: placeholder(argument) == "FILE",
                });
            }
            "PATH" => {
                self.path_bases = Some(PathBases {
                    bases: tracked.roots.clone(),
                    include_files: false,
                });
            }
            _ => {}
        }
        if accepts_all && matches!(placeholder(argument), "PROJECT" | "CATEGORY") {
            let words = if command == "fetch" {
                &["all", "client", "project"][..]
            } else {
                &["all"]
            };
            self.fixed_words = words.iter().copied().map(OsString::from).collect();
        }
    }

    /// Returns all lists that the word may come from.
    pub(super) fn all_lists(&self) -> Vec<&NameList> {
        let mut lists = vec![&self.fixed_words];
        lists.extend(&self.name_lists);
        if let Some(projects) = &self.projects {
            lists.extend(self.accepts_projects.then_some(&projects.projects));
            lists.extend(self.accepts_clients.then_some(&projects.clients));
        }
        lists
    }

    /// True if a word is the beginning of an expected one.
    pub(in crate::shell) fn accepts_prefix(&self, word: &OsStr) -> bool {
        let text = word.to_string_lossy();
        let last = text.rsplit(',').next().filter(|_| self.is_comma_separated);
        let text = last.unwrap_or(&text);
        self.all_lists()
            .iter()
            .any(|list| !list.with_prefix(text).is_empty())
    }

    /// Returns whether a word is expected; `None` if memory cannot answer.
    pub(in crate::shell) fn accepts(&self, word: &OsStr) -> Option<bool> {
        let is_unread = (self.accepts_projects || self.accepts_clients) && self.projects.is_none();
        let lists = self.all_lists();
        if is_unread || self.path_bases.is_some() || lists.iter().all(|list| list.is_empty()) {
            return None;
        }
        Some(lists.iter().any(|list| list.contains(word)))
    }
}
