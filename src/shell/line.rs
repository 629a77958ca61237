//! Execution of one line: lexing, variables, parsing, command.

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use super::clap_error::explain;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::commands::help::{DEFAULT_WIDTH, HelpArgs, help_page};
use crate::commands::workspace::Workspace;
use crate::commands::{CommandLine, Flow, grammar};
use crate::language::lexer::lex;
use crate::output::printer::Printer;

/// Grammar of all commands, kept between lines: building it takes longer than most commands.
#[derive(Debug, Default)]
pub(super) struct GrammarCache {
    /// Grammar with its abbreviation setting and help width.
    cached: Option<(bool, usize, clap::Command)>,
}

impl GrammarCache {
    fn get(&mut self, abbreviations: bool, width: usize) -> &mut clap::Command {
        let is_same = |(made, wide, _): &(bool, usize, _)| (*made, *wide) == (abbreviations, width);
        let kept = self.cached.take().filter(is_same);
        let (_, _, command) = self.cached.insert(kept.unwrap_or_else(|| {
            let command = grammar()
                .infer_subcommands(abbreviations)
                .infer_long_args(abbreviations)
                .term_width(width);
            (abbreviations, width, command)
        }));
        command
    }
}

pub(super) fn execute_line(
    text: &str,
    abbreviations: bool,
    grammar: &mut GrammarCache,
    workspace: &mut Workspace,
    printer: &mut Printer,
) -> Result<(Flow, ExitStatus)> {
    let typed = lex(text)?;
    workspace.last_answer.begin_line(text, &typed);
    let words = workspace.variables.expand(typed)?;
    if words.is_empty() {
        return Ok((Flow::Continue, ExitStatus::Done));
    }
    let screen_width = printer.screen().width;
    let width = usize::from(screen_width.unwrap_or(DEFAULT_WIDTH));
    let grammar = grammar.get(abbreviations, width);
    let parsed = grammar.try_get_matches_from_mut(words.iter().map(|word| &word.text));
    match parsed.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => line.command.execute(workspace, printer),
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            // `--help` alone shows the overview of `help`.
            let page = match words.as_slice() {
                [_] => HelpArgs::default().page(grammar, screen_width, workspace)?,
                _ => help_page(&help.render().to_string(), workspace)?,
            };
            Ok((Flow::Continue, printer.print(&page)?))
        }
        Err(clap_error) => Err(explain(&clap_error, text, &words)),
    }
}
