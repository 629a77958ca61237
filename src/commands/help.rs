//! `help`: the commands, or one of them with examples.

use clap::{Args, Command};
use serde::Serialize;

use super::Run;
use crate::error::{Error, Result};
use crate::nearest::nearest;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;
use crate::workspace::Workspace;

/// Show the commands, or one of them with examples
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  help
  help copy
  help add database")]
pub(crate) struct Help {
    /// The command
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

impl Help {
    /// Help for a screen of this many columns.
    pub(crate) fn at_width(mut self, width: Option<u16>) -> Self {
        self.width = width;
        self
    }
}

impl Run for Help {
    type Answer = HelpPage;

    fn run(self, _workspace: &mut Workspace) -> Result<HelpPage> {
        let width = usize::from(self.width.unwrap_or(100));
        if self.words.is_empty() {
            return Ok(HelpPage::new(overview(width)));
        }
        let known = grammar(width);
        let mut command = &known;
        for (place, word) in self.words.iter().enumerate() {
            command = command
                .find_subcommand(word)
                .ok_or_else(|| unknown(&self.words[..place], word, command))?;
        }
        // Asked for as `copy --help` asks, so that both show the same page.
        let line = self.words.iter().map(String::as_str).chain(["--help"]);
        let page = grammar(width).try_get_matches_from(line).err();
        Ok(HelpPage::new(
            page.map(|page| page.render().to_string())
                .unwrap_or_default(),
        ))
    }
}

/// The grammar of all commands, its help set for this width.
pub(crate) fn grammar(width: usize) -> Command {
    super::grammar().term_width(width)
}

/// The list of commands, and how to go on.
fn overview(width: usize) -> String {
    let commands = grammar(width).render_long_help().to_string();
    format!(
        "Commands:\n{}\n\n`help COMMAND` explains one with examples. A name with spaces is quoted: 'Camera Raw'.\n\
         To begin: `add database WORK ~/studio`, `add category footage footage/`, `load`, `fetch all`.\n\
         docs/scripts.md tells of quotes, scripts, the start-up file and exit statuses.\n",
        commands.trim_end()
    )
}

/// Says that these words and this one name no command; `command` is what the words name.
fn unknown(words: &[String], word: &str, command: &Command) -> Error {
    let whole = |name: &str| {
        let words = words.iter().map(String::as_str).chain([name]);
        words.collect::<Vec<_>>().join(" ")
    };
    let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let near = nearest(word, known.iter().copied());
    // Of all commands `help` gives a better list.
    let known = if words.is_empty() { Vec::new() } else { known };
    Error::Unknown {
        noun: "command",
        name: whole(word).as_str().into(),
        near: near.into_iter().map(whole).collect(),
        known: known.into_iter().map(whole).collect(),
    }
}

impl Answer for HelpPage {
    const COMMAND: &'static str = "help";

    fn page(&self, page: &mut Page) {
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
