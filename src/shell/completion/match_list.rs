//! Names that fit what was typed, and the words that they make.

use std::ffi::{OsStr, OsString};

use super::candidates::Expectation;
use super::name_list::NameList;
use super::{Completion, MAX_LISTED, path};
use crate::base::unit;
use crate::language::lexer::quote;

/// Names that fit what was typed.
#[derive(Debug, Default)]
pub(super) struct NameMatches {
    names: Vec<OsString>,
    /// How many more there are.
    omitted: usize,
    /// What all of them begin with, also those that are not listed.
    common_prefix: OsString,
}

impl NameMatches {
    /// Those that begin as typed, else those that hold the typed letters in their order.
    pub(super) fn find(expected: &Expectation<'_>, typed: &OsStr) -> Self {
        let text = typed.to_string_lossy();
        if let Some(places) = &expected.path_bases {
            let names = path::complete_path(typed, places);
            return Self::truncated(names, typed);
        }
        let lists = expected.all_lists();
        let mut found = Self::with_prefix(&text, &lists);
        // Very many projects are offered client by client.
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

    /// As many as are listed.
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

    /// What the word becomes, with what stays in front of it.
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
            // In a list only those names are quoted that need it.
            let shown = quote(name);
            let is_open = name.to_string_lossy().ends_with('/');
            let replacement = match (is_alone, is_open) {
                (true, false) => format!("{word} "),
                // Of a folder more is to be typed: its quote stays open.
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

/// A quoted word without the quote at its end.
pub(super) fn without_closing_quote(word: &str) -> &str {
    let is_quoted = word.starts_with(['\'', '"', '$']);
    if is_quoted {
        &word[..word.len() - 1]
    } else {
        word
    }
}

/// What two names begin with.
fn common_prefix(one: &OsStr, other: &OsStr) -> OsString {
    let (one, other) = (one.to_string_lossy(), other.to_string_lossy());
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(letter, _)| letter).collect::<String>().into()
}

/// All words in quotes if one needs them, so that what they have in common can be filled in.
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
