//! Words expected at a position: fixed words, names from memory, or paths.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Command};

use super::name_list::NameList;
use super::studio_names::StudioNames;
use super::word_source::WordSource;
use crate::commands::file_filter::FILTER_WORDS;
use crate::commands::settings::Setting;
use crate::commands::{grammar, help};
use crate::shell::position::{Position, RedirectPart, find_option, placeholder};

/// Programs that answers are usually sent to. Any other may be typed.
const USUAL_PROGRAMS: [(&str, &str); 7] = [
    ("grep", "the lines with a text"),
    ("head", "the first lines"),
    ("jq", "JSON, after `set format json`"),
    ("less", "page by page"),
    ("sort", "sorted lines"),
    ("tail", "the last lines"),
    ("wc", "`wc -l` counts lines"),
];

/// Words expected at a position.
#[derive(Debug, Default)]
pub(in crate::shell) struct Expectation {
    /// Words of the grammar and names from memory, but no projects.
    pub(super) sources: Vec<WordSource>,
    /// Projects, if they are expected.
    pub(super) projects: Option<WordSource>,
    /// Folders of a path argument, if it is one.
    pub(super) path_bases: Option<PathBases>,
    /// True for a comma-separated list.
    pub(in crate::shell) is_comma_separated: bool,
    /// True if names are expected that were not read yet.
    is_unread: bool,
    /// True if other words than the offered ones are expected too.
    is_open: bool,
}

/// Folders of a path argument.
#[derive(Clone, Debug)]
pub(super) struct PathBases {
    /// Folders that a relative path may start from.
    pub(super) bases: Vec<PathBuf>,
    /// True if files are offered beside folders.
    pub(super) include_files: bool,
}

/// Names of projects or clients that a position expects.
#[derive(Clone, Copy, Debug, Default)]
struct ScopeNames {
    projects: bool,
    clients: bool,
}

impl Expectation {
    /// Returns the words expected after `words` for the typed word. Waits up to `timeout` for projects that are still being read.
    pub(in crate::shell) fn at(
        position: &Position<'_>,
        words: &[OsString],
        typed: &OsStr,
        names: &StudioNames,
        timeout: Duration,
    ) -> Self {
        let mut expected = Self::default();
        let text = typed.to_string_lossy();
        let mut scope = ScopeNames::default();
        if let Some(part) = position.redirect() {
            expected.add_redirection(part, names);
        } else if text.starts_with('-') && position.accepts_options() {
            scope = expected.add_options(position, &text, names, timeout);
        } else if position.expects_command() {
            let words = position
                .commands()
                .map(|command| (command.get_name().into(), about(command)));
            expected.sources.push(WordSource::described(words));
        } else if let Some(argument) = position.next_argument() {
            let is_list = matches!(placeholder(argument), "TO" | "FROM");
            expected.is_comma_separated = is_list || argument.get_value_delimiter().is_some();
            let command = position.command.get_name();
            scope = expected.add_values(argument, command, words, names, timeout);
        }
        expected.add_scope_names(scope, names, timeout);
        expected
    }

    /// Adds options, or the values after `--option=`.
    fn add_options(
        &mut self,
        position: &Position<'_>,
        typed: &str,
        names: &StudioNames,
        timeout: Duration,
    ) -> ScopeNames {
        let command = position.command;
        if let Some((name, _)) = typed.split_once('=') {
            let option = find_option(command, name);
            return match option.filter(|option| option.get_action().takes_values()) {
                Some(option) => self.add_values(option, command.get_name(), &[], names, timeout),
                None => ScopeNames::default(),
            };
        }
        let options = command.get_arguments().filter_map(|option| {
            let name = option.get_long().filter(|name| *name != "help")?;
            Some((OsString::from(format!("--{name}")), option_help(option)))
        });
        self.sources.push(WordSource::described(options));
        ScopeNames::default()
    }

    /// Adds the values of an argument: its fixed words, or names by its placeholder. Returns the names of projects and
    /// clients to add.
    fn add_values(
        &mut self,
        argument: &Arg,
        command: &str,
        words: &[OsString],
        names: &StudioNames,
        timeout: Duration,
    ) -> ScopeNames {
        let mut scope = ScopeNames::default();
        let tracked = &names.tracked;
        let fixed = argument.get_possible_values();
        if !fixed.is_empty() {
            let words = fixed.iter().map(|value| {
                let help = value.get_help().map(ToString::to_string);
                (value.get_name().into(), help.unwrap_or_default())
            });
            self.sources.push(WordSource::described(words));
            return scope;
        }
        let accepts_all = accepts_all(command);
        // `history 12` takes no project.
        let is_after_run = command == "history" && !words.iter().any(|word| word == "sizes");
        match placeholder(argument) {
            "STORAGE" | "FROM" | "TO" | "A" | "B" => self.sources.push(tracked.databases.clone()),
            // The category is optional, so a database may come in its place.
            // `safe PROJECT [CATEGORY] on STORAGE`, and `in` for others.
            "CATEGORY" if keyword(command).is_some() => {
                self.add_target(keyword(command).unwrap_or_default(), words, names);
            }
            "CATEGORY"
                if matches!(
                    command,
                    "compare" | "copy" | "explore" | "free" | "heal" | "mhl" | "restore" | "sync"
                ) =>
            {
                let names = [&tracked.categories, &tracked.databases];
                self.sources.extend(names.map(Clone::clone));
            }
            "CATEGORY" => self.sources.push(tracked.categories.clone()),
            "CLIENT" => scope.clients = true,
            // `fetch client NAME` and `fetch project NAME`.
            "NAME" if command == "fetch" => {
                scope.clients = words.last().is_some_and(|word| word == "client");
                scope.projects = !scope.clients;
            }
            "IN" => self.add_in(words, names, &mut scope),
            "WHERE" => {
                let names = [&tracked.databases, &tracked.categories];
                self.sources.extend(names.map(Clone::clone));
                (scope.projects, scope.clients) = (true, true);
            }
            "PROJECT" if is_after_run => {}
            "PROJECT" => (scope.projects, scope.clients) = (true, accepts_all),
            "CONDITION" => self.add_condition(words, names, &mut scope),
            "PATTERN" if command == "exclusion" => self.sources.push(tracked.exclusions.clone()),
            // A number of a run cannot be guessed.
            "RUN" if command == "history" => {
                let word = [("sizes".into(), "sizes over time".to_owned())];
                self.sources.push(WordSource::described(word));
                self.is_open = true;
            }
            "SETTING" => self.sources.push(tracked.settings.clone()),
            "VALUE" => self.add_setting_values(words),
            "COMMAND" => {
                let words = words.get(1..).unwrap_or_default();
                let topics = help::subtopics(&grammar(), words);
                self.sources.push(WordSource::described(topics));
            }
            "ROOT" => {
                self.add_paths(vec![tracked.base.clone()], false);
                // Colors and hints, which wait for nothing, need no remotes.
                if !timeout.is_zero() {
                    self.sources.push(names.remotes(timeout));
                }
            }
            "FILE" => self.add_paths(vec![tracked.base.clone()], true),
            "FOLDER" => self.add_paths(vec![tracked.base.clone()], false),
            "PATH" => self.add_paths(tracked.roots.clone(), false),
            _ => {}
        }
        if accepts_all && !is_after_run && matches!(placeholder(argument), "PROJECT" | "CATEGORY") {
            self.add_all(command, placeholder(argument));
        }
        scope
    }

    /// Adds the word `all` in front, with the other words that may stand there instead of a name.
    fn add_all(&mut self, command: &str, placeholder: &str) {
        let every = format!("every {}", placeholder.to_lowercase());
        let mut words = vec![(OsString::from("all"), every)];
        if command == "fetch" {
            words.push(("client".into(), "the projects of one client".to_owned()));
            words.push(("project".into(), "one project".to_owned()));
        }
        self.sources.insert(0, WordSource::described(words));
    }

    /// Adds the words that the last setting takes.
    fn add_setting_values(&mut self, words: &[OsString]) {
        let name = words.last().and_then(|name| name.to_str());
        let values = name
            .and_then(Setting::from_name)
            .into_iter()
            .flat_map(Setting::keywords);
        self.sources
            .push(WordSource::plain(values.map(OsString::from)));
    }

    /// Adds the keyword `in`, or the names that may follow it.
    fn add_in(&mut self, words: &[OsString], names: &StudioNames, scope: &mut ScopeNames) {
        if words.last().is_some_and(|word| word == "in") {
            let names = [&names.tracked.databases, &names.tracked.categories];
            self.sources.extend(names.map(Clone::clone));
            scope.clients = true;
        } else {
            let within = "in a client, category or storage".to_owned();
            let word = WordSource::described([("in".into(), within)]);
            self.sources.push(word);
        }
    }

    /// Adds the words of a condition on files.
    fn add_condition(&mut self, words: &[OsString], names: &StudioNames, scope: &mut ScopeNames) {
        let tracked = &names.tracked;
        match words.last().and_then(|word| word.to_str()) {
            Some("on") => self.sources.push(tracked.databases.clone()),
            Some("only") => {
                let word = [("on".into(), "on a storage".to_owned())];
                self.sources.push(WordSource::described(word));
            }
            Some("in") => {
                let names = [&tracked.databases, &tracked.categories];
                self.sources.extend(names.map(Clone::clone));
                (scope.projects, scope.clients) = (true, true);
            }
            Some("larger" | "smaller" | "newer" | "older") => self.is_open = true,
            _ => {
                let is_new = |(word, _): &(&str, &str)| words.iter().all(|typed| typed != word);
                let new = FILTER_WORDS.into_iter().filter(is_new);
                let new = new.map(|(word, help)| (OsString::from(word), help.to_owned()));
                self.sources.push(WordSource::described(new));
            }
        }
    }

    /// Adds the category, the keyword and the storage of a line about storages.
    fn add_target(&mut self, keyword: &str, words: &[OsString], names: &StudioNames) {
        if words.last().is_some_and(|word| word == keyword) {
            self.sources.push(names.tracked.databases.clone());
            return;
        }
        if words.iter().any(|word| word == keyword) {
            return;
        }
        let is_category = words.len() <= 2;
        if is_category {
            self.sources.push(names.tracked.categories.clone());
        }
        let word = [(keyword.into(), format!("{keyword} a storage"))];
        self.sources.push(WordSource::described(word));
    }

    /// Adds usual programs after `|`, and files after `>`.
    fn add_redirection(&mut self, part: RedirectPart, names: &StudioNames) {
        match part {
            RedirectPart::Program => {
                let programs = USUAL_PROGRAMS;
                let words = programs.map(|(name, help)| (name.into(), help.to_owned()));
                self.sources.push(WordSource::described(words));
                self.is_open = true;
            }
            RedirectPart::File => self.add_paths(vec![names.tracked.base.clone()], true),
            RedirectPart::ProgramArgument | RedirectPart::End => {}
        }
    }

    fn add_paths(&mut self, bases: Vec<PathBuf>, include_files: bool) {
        self.path_bases = Some(PathBases {
            bases,
            include_files,
        });
    }

    fn add_scope_names(&mut self, scope: ScopeNames, names: &StudioNames, timeout: Duration) {
        if !scope.projects && !scope.clients {
            return;
        }
        let Some(known) = names.projects(timeout) else {
            self.is_unread = true;
            return;
        };
        if scope.clients {
            self.sources.push(WordSource::clients(&known, ""));
        }
        self.projects = scope.projects.then(|| WordSource::projects(&known));
    }

    fn all_lists(&self) -> impl Iterator<Item = &NameList> {
        let sources = self.sources.iter().chain(&self.projects);
        sources.map(|source| &*source.names)
    }

    /// True if a word is the beginning of an expected one.
    pub(in crate::shell) fn accepts_prefix(&self, word: &OsStr) -> bool {
        let text = word.to_string_lossy();
        let last = text.rsplit(',').next().filter(|_| self.is_comma_separated);
        let text = last.unwrap_or(&text);
        self.all_lists()
            .any(|list| !list.with_prefix(text).is_empty())
    }

    /// Returns whether a word is expected; `None` if memory cannot answer.
    pub(in crate::shell) fn accepts(&self, word: &OsStr) -> Option<bool> {
        let is_unknown = self.is_unread || self.is_open;
        if is_unknown || self.path_bases.is_some() || self.all_lists().all(NameList::is_empty) {
            return None;
        }
        Some(self.all_lists().any(|list| list.contains(word)))
    }
}

/// True if a command accepts `all` for projects and categories.
fn accepts_all(command: &str) -> bool {
    matches!(
        command,
        "compare"
            | "copy"
            | "failures"
            | "fetch"
            | "free"
            | "heal"
            | "history"
            | "mhl"
            | "report"
            | "restore"
            | "safe"
            | "status"
            | "sync"
            | "verify"
            | "versions"
    )
}

/// Returns the word before the storage of a command.
fn keyword(command: &str) -> Option<&'static str> {
    match command {
        "safe" => Some("on"),
        "verify" | "versions" => Some("in"),
        _ => None,
    }
}

/// Returns the one-line help of a command.
fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string);
    about.unwrap_or_default()
}

/// Returns the one-line help of an option, with the value that it takes.
fn option_help(option: &Arg) -> String {
    let help = option.get_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    if option.get_action().takes_values() {
        format!("{}: {help}", placeholder(option))
    } else {
        help
    }
}
