//! Suggestions for names that were typed without quotes, or without the `/` of a project, and split into several words.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;

use crate::base::ignore::ignore;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::language::lexer::{Word, quote};

/// Maximum number of words in a name.
const MAX_WORDS: usize = 8;

/// A name that several words of a line stand for.
#[derive(Debug)]
pub(super) struct UnquotedName {
    /// The part of the line that it replaces.
    pub(super) span: Range<usize>,
    pub(super) quoted: String,
    /// True for `acme spot` in place of `acme/spot`.
    lacks_slash: bool,
}

impl UnquotedName {
    pub(super) fn hint(&self) -> String {
        let name = &self.quoted;
        if self.lacks_slash {
            format!("a project is written CLIENT/PROJECT: {name}")
        } else {
            format!("quote a name with spaces: {name}")
        }
    }
}

/// Words of a line in one of the ways in which they may be a name.
struct Phrase {
    span: Range<usize>,
    text: OsString,
    lacks_slash: bool,
}

/// Finds the longest run of words that is the name of a storage, category, client or project.
pub(super) fn find_unquoted_name(words: &[Word], workspace: &Workspace) -> Option<UnquotedName> {
    let runs = (2..=words.len().min(MAX_WORDS)).flat_map(|length| words.windows(length));
    let mut phrases: Vec<Phrase> = runs.flat_map(phrases_of).collect();
    phrases.sort_by_key(|phrase| (phrase.text.len(), !phrase.lacks_slash));
    let place = known_phrases(&phrases, workspace).into_iter().max()?;
    let phrase = phrases.swap_remove(place);
    Some(UnquotedName {
        quoted: quote(&phrase.text),
        span: phrase.span,
        lacks_slash: phrase.lacks_slash,
    })
}

/// Returns the names that a run of words may stand for: joined by blanks, or with a `/` in place of one of them.
fn phrases_of(run: &[Word]) -> Vec<Phrase> {
    let joined = |words: &[Word]| {
        let texts: Vec<&OsStr> = words.iter().map(|word| word.text.as_os_str()).collect();
        texts.join(OsStr::new(" "))
    };
    let span = match run {
        [first, .., last] => first.span.start..last.span.end,
        _ => return Vec::new(),
    };
    let phrase = |text, lacks_slash| Phrase {
        span: span.clone(),
        text,
        lacks_slash,
    };
    let mut phrases = vec![phrase(joined(run), false)];
    phrases.extend((1..run.len()).map(|slash| {
        let (client, project) = run.split_at(slash);
        let parts = [joined(client), joined(project)];
        phrase(parts.join(OsStr::new("/")), true)
    }));
    phrases
}

/// Returns the indexes of the phrases that are names.
fn known_phrases(phrases: &[Phrase], workspace: &Workspace) -> Vec<usize> {
    let registry = &workspace.registry;
    let databases = registry.databases().iter().map(|known| &known.name);
    let categories = registry.categories().iter().map(|known| &known.name);
    let tracked: Vec<&String> = databases.chain(categories).collect();
    let is_tracked = |run: &OsStr| tracked.iter().any(|name| run == name.as_str());
    let mut known: Vec<usize> = (0..phrases.len())
        .filter(|place| is_tracked(&phrases[*place].text))
        .collect();
    let visit = |client: &[u8], project: &[u8]| {
        let is_meant = |run: &[u8]| {
            let rest = run.strip_prefix(client);
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(b"/") == Some(project))
        };
        let places = (0..phrases.len()).filter(|place| is_meant(phrases[*place].text.as_bytes()));
        known.extend(places);
    };
    ignore(
        overview::visit_projects(&workspace.index, registry, visit),
        "without names only this suggestion is missing",
    );
    known
}
