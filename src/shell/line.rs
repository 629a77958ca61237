//! Execution of one line: lexing, variables, parsing, command.

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use super::clap_error::explain;
use super::redirection;
use super::redirection::Redirection;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::commands::help::{DEFAULT_WIDTH, HelpArgs, HelpPage, help_page};
use crate::commands::workspace::Workspace;
use crate::commands::{Command, CommandLine, Flow, grammar};
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

/// How the lines of a session run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineRules {
    /// Permits shortened commands.
    pub(super) abbreviations: bool,
    /// True at the prompt.
    pub(super) is_interactive: bool,
    /// True for the start-up file, whose answers go nowhere.
    pub(super) is_startup: bool,
}

/// A parsed line.
pub(super) enum ParsedLine {
    /// A blank line or a comment.
    Blank,
    /// `--help` behind a command.
    Help(Box<HelpPage>),
    Command(Box<Command>, Option<Redirection>),
}

/// Parses a line and resolves its variables.
pub(super) fn parse_line(
    text: &str,
    rules: LineRules,
    grammar: &mut GrammarCache,
    workspace: &mut Workspace,
    screen_width: Option<u16>,
) -> Result<ParsedLine> {
    let typed = lex(text)?;
    workspace.last_answer.begin_line(text, &typed);
    let words = workspace.variables.expand(typed)?;
    let (words, redirection) = redirection::split(text, words)?;
    if words.is_empty() {
        return Ok(ParsedLine::Blank);
    }
    let width = usize::from(screen_width.unwrap_or(DEFAULT_WIDTH));
    let grammar = grammar.get(rules.abbreviations, width);
    let parsed = grammar.try_get_matches_from_mut(words.iter().map(|word| &word.text));
    match parsed.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => {
            if let Some(redirection) = &redirection {
                if rules.is_startup {
                    return Err(redirection.startup_error());
                }
                redirection.check(&line.command, workspace)?;
            }
            Ok(ParsedLine::Command(Box::new(line.command), redirection))
        }
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            // `--help` alone shows the overview of `help`.
            let page = match words.as_slice() {
                [_] => HelpArgs::default().page(grammar, screen_width, workspace)?,
                _ => help_page(&help.render().to_string(), workspace)?,
            };
            Ok(ParsedLine::Help(Box::new(page)))
        }
        Err(clap_error) => Err(explain(&clap_error, text, &words)),
    }
}

pub(super) fn execute_line(
    text: &str,
    rules: LineRules,
    grammar: &mut GrammarCache,
    workspace: &mut Workspace,
    printer: &mut Printer,
) -> Result<(Flow, ExitStatus)> {
    match parse_line(text, rules, grammar, workspace, printer.screen().width)? {
        ParsedLine::Blank => Ok((Flow::Continue, ExitStatus::Done)),
        ParsedLine::Help(page) => Ok((Flow::Continue, printer.print(&*page)?)),
        ParsedLine::Command(command, None) => command.execute(workspace, printer),
        ParsedLine::Command(command, Some(redirection)) => {
            redirection.execute(*command, workspace, printer, rules.is_interactive)
        }
    }
}

/// Checks a line as if it ran now: its names are resolved, and nothing runs. Lines that change the registry, the settings or
/// the arguments take effect in memory, so that later lines see them.
pub(super) fn check_line(
    text: &str,
    rules: LineRules,
    grammar: &mut GrammarCache,
    workspace: &mut Workspace,
    printer: &mut Printer,
) -> Result<(Flow, ExitStatus)> {
    let flow = match parse_line(text, rules, grammar, workspace, printer.screen().width)? {
        ParsedLine::Blank | ParsedLine::Help(_) => Flow::Continue,
        ParsedLine::Command(command, _) => command.check(workspace)?,
    };
    Ok((flow, ExitStatus::Done))
}
