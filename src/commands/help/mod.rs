//! `help`: the commands, one of them with examples, or a page about something else.

mod studio_names;
mod topic;

use std::ffi::OsString;

use clap::{Args, Command};
use serde::Serialize;

use self::studio_names::ExampleNames;
use self::topic::Topic;
use super::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::suggest::suggest;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Show the commands, or one of them with examples
///
/// Examples are written with names of your own, once there are some.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  help
  help copy
  help add database
  help scripts")]
pub(crate) struct HelpArgs {
    /// The command, or `examples`, `scripts`, `keys` or `exit-status`
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
    #[arg(skip)]
    width: Option<u16>,
}

/// A page of help.
#[derive(Debug, Serialize)]
pub(crate) struct HelpPage {
    text: String,
}

impl HelpPage {
    /// A page that is written already.
    pub(crate) fn new(text: String) -> Self {
        Self { text }
    }
}

impl HelpArgs {
    /// Help for a screen of this many columns.
    pub(crate) fn with_width(mut self, width: Option<u16>) -> Self {
        self.width = width;
        self
    }
}

impl RunCommand for HelpArgs {
    type Answer = HelpPage;

    fn run(self, workspace: &mut Workspace) -> Result<HelpPage> {
        let width = usize::from(self.width.unwrap_or(100));
        let example_names = ExampleNames::from_workspace(workspace)?;
        if self.words.is_empty() {
            return Ok(HelpPage::new(overview(width, &example_names)));
        }
        if let [word] = self.words.as_slice()
            && let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.name() == word)
        {
            let text = example_names.substitute(&topic.text());
            return Ok(HelpPage::new(wrap_text(text, width)));
        }
        let known = grammar_at_width(width);
        let mut command = &known;
        for (place, word) in self.words.iter().enumerate() {
            command = command
                .find_subcommand(word)
                .ok_or_else(|| unknown_command(&self.words[..place], word, command))?;
        }
        Ok(HelpPage::new(
            example_names.substitute(&command_page(&self.words, width)),
        ))
    }
}

/// The page of a command, asked for as `copy --help` asks, so that both show the same.
fn command_page(words: &[String], width: usize) -> String {
    let line = words.iter().map(String::as_str).chain(["--help"]);
    let page = grammar_at_width(width).try_get_matches_from(line).err();
    page.map(|page| page.render().to_string())
        .unwrap_or_default()
}

/// The page that a line like `copy --help` asked for, with the names of the studio in its examples.
pub(crate) fn help_page(page: &str, workspace: &Workspace) -> Result<HelpPage> {
    Ok(HelpPage::new(
        ExampleNames::from_workspace(workspace)?.substitute(page),
    ))
}

/// A text with its lines broken for this width.
fn wrap_text(text: String, width: usize) -> String {
    let mut page = Command::new("")
        .help_template("{before-help}")
        .before_help(text);
    page = page.term_width(width);
    page.render_help().to_string()
}

/// What `help` can tell more of after these words.
pub(crate) fn subtopics(words: &[OsString]) -> impl Iterator<Item = OsString> {
    let grammar = super::grammar();
    let mut command = Some(&grammar);
    for word in words {
        command = command.and_then(|command| command.find_subcommand(word));
    }
    let names = command
        .into_iter()
        .flat_map(Command::get_subcommands)
        .map(Command::get_name);
    let topics = Topic::ALL.map(Topic::name);
    let topics = topics.into_iter().filter(|_| words.is_empty());
    names
        .chain(topics)
        .map(OsString::from)
        .collect::<Vec<_>>()
        .into_iter()
}

/// The grammar of all commands, its help set for this width.
pub(crate) fn grammar_at_width(width: usize) -> Command {
    super::grammar().term_width(width)
}

/// The list of commands and topics, and how to begin or go on.
fn overview(width: usize, example_names: &ExampleNames) -> String {
    let commands = grammar_at_width(width).render_long_help().to_string();
    let topics = Topic::ALL.map(|topic| format!("  {:<11}  {}\n", topic.name(), topic.about()));
    let lines = if example_names.has_project() {
        example_names.substitute(EXAMPLE_LINES)
    } else {
        GETTING_STARTED.to_owned()
    };
    format!(
        "Commands:\n{}\n\nMore help:\n{}\n`help COMMAND` explains one with examples. A name with spaces is quoted: 'Camera Raw'.\n{lines}",
        commands.trim_end(),
        topics.concat()
    )
}

/// Where nothing is known yet.
const GETTING_STARTED: &str = "\
To begin:
  add database WORK ~/studio
  add category footage footage/
  load
  fetch all
";

/// With names of the studio.
const EXAMPLE_LINES: &str = "\
For example:
  fetch project acme/spot
  compare acme/spot WORK NAS
  copy acme/spot footage WORK NAS --dry-run
";

/// Says that these words and this one name no command; `command` is what the words name.
fn unknown_command(words: &[String], word: &str, command: &Command) -> Error {
    let whole = |name: &str| {
        let words = words.iter().map(String::as_str).chain([name]);
        words.collect::<Vec<_>>().join(" ")
    };
    let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    if words.is_empty() {
        known.extend(Topic::ALL.map(Topic::name));
    }
    let near = suggest(word, known.iter().copied());
    // Of all commands `help` gives a better list.
    let known = if words.is_empty() { Vec::new() } else { known };
    Error::UnknownName {
        noun: "command",
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
