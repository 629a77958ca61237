//! Completion of words: commands and options from the grammar, names from memory, paths from the disk.
//!
//! The typed line comes in, and candidates with their place in the line go out. Names are read from the index once, in the
//! background, so that Tab never waits for a disk; only a path does, for a quarter of a second.

pub(super) mod candidates;
mod match_list;
mod name_list;
mod path;
mod project_names;
mod remotes;
pub(super) mod studio_names;
mod typed_line;
mod word_source;

use std::time::Duration;

use clap::Command;

use self::candidates::Expectation;
pub(super) use self::match_list::CompletionList;
pub(super) use self::path::{DiskAccess, FolderListing};
use self::studio_names::StudioNames;
pub(super) use self::typed_line::TypedLine;
use super::position::Position;

/// Longest wait for names that are still being read.
const NAMES_TIMEOUT: Duration = Duration::from_millis(250);

/// Longest wait for them while the typed text narrows a list that is shown.
const TYPING_TIMEOUT: Duration = Duration::from_millis(1);

/// Returns the completions of the word at the cursor. `previous_lines` is the text that the line continues.
pub(super) fn complete(
    grammar: &Command,
    names: &StudioNames,
    previous_lines: &str,
    line: &str,
    cursor: usize,
    disk: DiskAccess<'_>,
) -> CompletionList {
    let whole = format!("{previous_lines}{}", line.get(..cursor).unwrap_or(line));
    let typed = TypedLine::parse(&whole);
    let position = Position::after(grammar, &typed.words);
    let raw = whole.get(typed.word_start..).unwrap_or_default();
    if raw.starts_with('$') && !raw.starts_with("$'") && !position.expects_command() {
        let start = typed.word_start.saturating_sub(previous_lines.len());
        // The name alone, never its value.
        return CompletionList::variables(&names.tracked.variables, raw).starting_at(start);
    }
    let timeout = match disk {
        DiskAccess::Read => NAMES_TIMEOUT,
        DiskAccess::Cached(_) => TYPING_TIMEOUT,
    };
    let expected = Expectation::at(&position, &typed.words, &typed.word, names, timeout);
    let part = typed.completed_part(&whole, expected.is_comma_separated);
    let found = CompletionList::find(expected, &part.prefix, &part.word, disk);
    found.starting_at(part.start.saturating_sub(previous_lines.len()))
}

#[cfg(test)]
mod tests;
