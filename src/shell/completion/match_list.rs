//! Names that match the typed word, and the words they complete to.

use std::ffi::{OsStr, OsString};

use super::candidates::Expectation;
use super::name_list::NameList;
use super::path;
use crate::base::unit;
use crate::language::lexer::quote;

/// Maximum number of names in a list; a last row gives the number of the others.
pub(super) const MAX_LISTED: usize = 100;

/// A word that the typed one can become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::shell) struct Completion {
    /// Text in the list.
    pub(in crate::shell) display: String,
    /// Text that replaces the word, quoted where necessary.
    pub(in crate::shell) replacement: String,
}

/// Names that match the typed word.
#[derive(Debug, Default)]
pub(super) struct NameMatches {
    names: Vec<OsString>,
    /// Number of matches that are not listed.
    omitted: usize,
    /// Common prefix of all matches, including those not listed.
    common_prefix: OsString,
}

impl NameMatches {
    /// Returns names with the typed prefix, or else names that contain the typed letters in order.
    pub(super) fn find(expected: &Expectation<'_>, typed: &OsStr) -> Self {
        let text = typed.to_string_lossy();
        if let Some(places) = &expected.path_bases {
            let names = path::complete_path(typed, places);
            return Self::truncated(names, typed);
        }
        let lists = expected.all_lists();
        let mut found = Self::with_prefix(&text, &lists);
        // Too many projects are offered by client.
        if let Some(projects) = &expected.projects
            && expected.accepts_projects
            && found.omitted > 0
            && !text.contains('/')
        {
            found = Self::with_prefix(&text, &[&projects.clients]);
            found.names.iter_mut().for_each(|client| client.push("/"));
        }
        if found.names.is_empty() && !text.is_empty() {
            let like = lists
                .iter()
                .flat_map(|list| list.fuzzy_matches(&text, MAX_LISTED));
            found.names = like.map(OsStr::to_owned).take(MAX_LISTED).collect();
        }
        found
    }

    pub(super) fn with_prefix(typed: &str, lists: &[&NameList]) -> Self {
        let mut found = Self::default();
        let mut shared: Option<OsString> = None;
        for list in lists {
            let fitting = list.with_prefix(typed);
            let room = MAX_LISTED
                .saturating_sub(found.names.len())
                .min(fitting.len());
            let names = fitting[..room].iter().map(|(_, name)| name.clone());
            found.names.extend(names);
            found.omitted += fitting.len() - room;
            if let ([(_, first), ..], [.., (_, last)]) = (fitting, fitting) {
                let own = common_prefix(first, last);
                shared = Some(shared.map_or(own.clone(), |shared| common_prefix(&shared, &own)));
            }
        }
        found.common_prefix = shared.unwrap_or_default();
        found.names.sort_unstable();
        found.names.dedup();
        found
    }

    /// Keeps the names that fit the list.
    fn truncated(mut names: Vec<OsString>, typed: &OsStr) -> Self {
        names.sort_unstable();
        names.dedup();
        let more = names.len().saturating_sub(MAX_LISTED);
        names.truncate(MAX_LISTED);
        Self {
            names,
            omitted: more,
            common_prefix: typed.to_owned(),
        }
    }

    /// Returns the completions, each preceded by `prefix`.
    pub(super) fn completions(self, prefix: &OsStr) -> Vec<Completion> {
        let is_alone = self.names.len() == 1 && self.omitted == 0;
        let whole = |name: &OsString| {
            let mut whole = prefix.to_owned();
            whole.push(name);
            whole
        };
        let words = quote_all(&self.names.iter().map(whole).collect::<Vec<_>>());
        let opening = words.first().and_then(|word| word.chars().next());
        let opening = opening.filter(|letter| matches!(letter, '\'' | '"'));
        let candidate = |(name, word): (&OsString, String)| {
            // In the list only names that need quotes have them.
            let shown = quote(name);
            let is_open = name.to_string_lossy().ends_with('/');
            let replacement = match (is_alone, is_open) {
                (true, false) => format!("{word} "),
                // A folder is continued: its quote stays open.
                (true, true) => without_closing_quote(&word).to_owned(),
                (false, _) => word,
            };
            Completion {
                display: shown,
                replacement,
            }
        };
        let mut candidates: Vec<_> = self.names.iter().zip(words).map(candidate).collect();
        if self.omitted > 0 {
            let (kept, common) = (
                prefix.to_string_lossy(),
                self.common_prefix.to_string_lossy(),
            );
            candidates.push(Completion {
                display: format!("… {} more", unit::format_count(self.omitted as u64)),
                replacement: opening
                    .into_iter()
                    .chain(kept.chars())
                    .chain(common.chars())
                    .collect(),
            });
        }
        candidates
    }
}

/// Returns a quoted word without its closing quote.
pub(super) fn without_closing_quote(word: &str) -> &str {
    let is_quoted = word.starts_with(['\'', '"', '$']);
    if is_quoted {
        &word[..word.len() - 1]
    } else {
        word
    }
}

fn common_prefix(one: &OsStr, other: &OsStr) -> OsString {
    let (one, other) = (one.to_string_lossy(), other.to_string_lossy());
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(letter, _)| letter).collect::<String>().into()
}

/// Quotes all words if one needs quotes, so that their common prefix can be inserted.
fn quote_all(names: &[OsString]) -> Vec<String> {
    let words: Vec<String> = names.iter().map(|name| quote(name)).collect();
    let is_quoted =
        |word: &String| word.starts_with(['\'', '"', '$']) && word.ends_with(['\'', '"']);
    if !words.iter().any(is_quoted) {
        return words;
    }
    let words = words.into_iter().map(|word| {
        if is_quoted(&word) {
            word
        } else {
            format!("'{word}'")
        }
    });
    words.collect()
}
