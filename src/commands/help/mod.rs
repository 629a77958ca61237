//! `help`: shows the list of commands, the page of a command, or the page of a topic.
//!
//! The pages are those of the grammar. In their examples, names of the studio replace the general ones, so that an example
//! can be run as it is printed.

mod studio_names;
mod topic;

use std::ffi::OsString;

use clap::{Args, Command};
use serde::Serialize;

use self::studio_names::ExampleNames;
use self::topic::Topic;
use super::synonym;
use super::synonym::{Equivalent, similar_commands};
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Show the commands, or one command with examples
///
/// Examples use the names of your storages, categories and projects once they exist.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  help
  help copy
  help add database
  help scripts")]
pub(crate) struct HelpArgs {
    /// A command, or `examples`, `scripts`, `keys` or `exit-status`
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// A page of help.
#[derive(Debug, Serialize)]
pub(crate) struct HelpPage {
    text: String,
}

impl HelpPage {
    pub(crate) fn new(text: String) -> Self {
        Self { text }
    }
}

/// Width of help where the output is no terminal, in columns.
pub(crate) const DEFAULT_WIDTH: u16 = 100;

impl HelpArgs {
    /// Returns the page for a screen of `width` columns. `grammar` is the grammar of all commands.
    pub(crate) fn page(
        self,
        grammar: &Command,
        width: Option<u16>,
        workspace: &Workspace,
    ) -> Result<HelpPage> {
        let width = usize::from(width.unwrap_or(DEFAULT_WIDTH));
        let example_names = ExampleNames::from_workspace(workspace)?;
        let mut grammar = grammar.clone().term_width(width);
        if self.words.is_empty() {
            return Ok(HelpPage::new(overview(grammar, &example_names)));
        }
        if let [word] = self.words.as_slice()
            && let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.name() == word)
        {
            let text = example_names.substitute(&topic.text());
            return Ok(HelpPage::new(wrap_text(text, width)));
        }
        let mut command = &grammar;
        for (place, word) in self.words.iter().enumerate() {
            command = command
                .find_subcommand(word)
                .ok_or_else(|| unknown_command(&self.words[..place], word, command))?;
        }
        // clap renders the page as for `copy --help`, so that both are the same.
        let line = self.words.iter().map(String::as_str).chain(["--help"]);
        let page = grammar.try_get_matches_from_mut(line).err();
        let page = page.map_or_else(String::new, |page| page.render().to_string());
        Ok(HelpPage::new(example_names.substitute(&page)))
    }
}

/// Returns the page of a line like `copy --help`, with the names of the studio in its examples.
pub(crate) fn help_page(page: &str, workspace: &Workspace) -> Result<HelpPage> {
    Ok(HelpPage::new(
        ExampleNames::from_workspace(workspace)?.substitute(page),
    ))
}

/// Wraps a text at `width` columns.
fn wrap_text(text: String, width: usize) -> String {
    let mut page = Command::new("")
        .help_template("{before-help}")
        .before_help(text);
    page = page.term_width(width);
    page.render_help().to_string()
}

/// Returns the words that `help` accepts after these words, each with one line about it.
pub(crate) fn subtopics(grammar: &Command, words: &[OsString]) -> Vec<(OsString, String)> {
    let mut command = Some(grammar);
    for word in words {
        command = command.and_then(|command| command.find_subcommand(word));
    }
    let commands = command.into_iter().flat_map(Command::get_subcommands);
    let commands = commands.map(|command| {
        let about = command.get_about().map(ToString::to_string);
        (command.get_name(), about.unwrap_or_default())
    });
    let topics = Topic::ALL.into_iter().filter(|_| words.is_empty());
    let topics = topics.map(|topic| (topic.name(), topic.about().to_owned()));
    let subtopics = commands.chain(topics);
    subtopics
        .map(|(name, about)| (OsString::from(name), about))
        .collect()
}

/// Returns the list of commands and topics, with lines to begin or continue with.
fn overview(mut grammar: Command, example_names: &ExampleNames) -> String {
    let commands = grammar.render_long_help().to_string();
    let topics = Topic::ALL.map(|topic| format!("  {:<11}  {}\n", topic.name(), topic.about()));
    let lines = if example_names.has_project() {
        example_names.substitute(EXAMPLE_LINES)
    } else {
        GETTING_STARTED.to_owned()
    };
    format!(
        "Commands:\n{}\n\nMore help:\n{}\n`help COMMAND` explains a command with examples. Quote names with spaces: 'Camera Raw'.\n{lines}",
        commands.trim_end(),
        topics.concat()
    )
}

/// Last lines of the overview before the first `load`.
const GETTING_STARTED: &str = "\
To begin:
  add database WORK ~/studio
  add category footage footage/
  load
  fetch all
";

/// Last lines of the overview after it, with names of the studio.
const EXAMPLE_LINES: &str = "\
For example:
  fetch project acme/spot
  compare acme/spot WORK NAS
  copy acme/spot footage WORK NAS --dry-run
";

/// Returns the error for `word` after `words`, which name `command`.
fn unknown_command(words: &[String], word: &str, command: &Command) -> Error {
    if words.is_empty()
        && let Some(equivalent) = synonym::equivalent(word, "")
    {
        return Error::UnexpectedWord {
            word: word.into(),
            hint: match equivalent {
                Equivalent::Line(line) => format!("`{line}` does that here"),
                Equivalent::Sentence(sentence) => sentence.to_owned(),
            },
        };
    }
    let whole = |name: &str| {
        let words = words.iter().map(String::as_str).chain([name]);
        words.collect::<Vec<_>>().join(" ")
    };
    let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    if words.is_empty() {
        known.extend(Topic::ALL.map(Topic::name));
    }
    let near = similar_commands(word, known.iter().copied());
    // All commands would be too many for a hint; `help` lists them.
    let known = if words.is_empty() { Vec::new() } else { known };
    Error::UnknownName {
        noun: Noun::Command,
        name: whole(word).as_str().into(),
        suggestions: near.into_iter().map(whole).collect(),
        known: known.into_iter().map(whole).collect(),
    }
}

impl Answer for HelpPage {
    const COMMAND: &'static str = "help";

    fn write_page(&self, page: &mut Page) {
        page.line(self.text.trim_end());
    }

    fn records(&self) -> Records {
        let rows = self
            .text
            .trim_end()
            .lines()
            .map(|line| vec![Cell::text(line)]);
        Records {
            headings: &["help"],
            rows: rows.collect(),
        }
    }
}
