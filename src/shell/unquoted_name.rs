//! Suggestions for names with spaces that were typed without quotes and split into several words.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::base::ignore::ignore;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::language::lexer::{Word, quote};

/// Maximum number of words in a name.
const MAX_WORDS: usize = 8;

/// Returns the longest run of words that is the name of a database, category, client or project, quoted.
pub(super) fn suggest_quoted_name(words: &[Word], workspace: &Workspace) -> Option<String> {
    let joined = |words: &[Word]| {
        let texts: Vec<&OsStr> = words.iter().map(|word| word.text.as_os_str()).collect();
        texts.join(OsStr::new(" "))
    };
    let phrases = (2..=words.len().min(MAX_WORDS)).flat_map(|length| words.windows(length));
    let mut phrases: Vec<OsString> = phrases.map(joined).collect();
    phrases.sort_by_key(|run| run.len());
    let places = known_phrases(&phrases, workspace);
    places.into_iter().max().map(|place| quote(&phrases[place]))
}

/// Returns the indexes of the phrases that are names.
fn known_phrases(phrases: &[OsString], workspace: &Workspace) -> Vec<usize> {
    let registry = &workspace.registry;
    let databases = registry.databases().iter().map(|known| &known.name);
    let categories = registry.categories().iter().map(|known| &known.name);
    let tracked: Vec<&String> = databases.chain(categories).collect();
    let is_tracked = |run: &OsStr| tracked.iter().any(|name| run == name.as_str());
    let mut known: Vec<usize> = (0..phrases.len())
        .filter(|place| is_tracked(&phrases[*place]))
        .collect();
    let visit = |client: &[u8], project: &[u8]| {
        let is_meant = |run: &[u8]| {
            let rest = run.strip_prefix(client);
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(b"/") == Some(project))
        };
        let places = (0..phrases.len()).filter(|place| is_meant(phrases[*place].as_bytes()));
        known.extend(places);
    };
    ignore(
        overview::visit_projects(&workspace.index, registry, visit),
        "without names only this suggestion is missing",
    );
    known
}
