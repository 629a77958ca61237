//! Names that fit what was typed, and the words that they make.

use std::ffi::{OsStr, OsString};

use super::candidates::Wanted;
use super::name_list::List;
use super::{Candidate, MOST, path};
use crate::base::unit;
use crate::language::lexer::quote;

/// Names that fit what was typed.
#[derive(Debug, Default)]
pub(super) struct Found {
    names: Vec<OsString>,
    /// How many more there are.
    more: usize,
    /// What all of them begin with, also those that are not listed.
    common: OsString,
}

impl Found {
    /// Those that begin as typed, else those that hold the typed letters in their order.
    pub(super) fn of(wanted: &Wanted<'_>, typed: &OsStr) -> Self {
        let text = typed.to_string_lossy();
        if let Some(places) = &wanted.places {
            let names = path::complete(typed, places);
            return Self::cut(names, typed);
        }
        let lists = wanted.lists();
        let mut found = Self::beginning_with(&text, &lists);
        // Very many projects are offered client by client.
        if let Some(projects) = &wanted.projects
            && wanted.takes_projects
            && found.more > 0
            && !text.contains('/')
        {
            found = Self::beginning_with(&text, &[&projects.clients]);
            found.names.iter_mut().for_each(|client| client.push("/"));
        }
        if found.names.is_empty() && !text.is_empty() {
            let like = lists.iter().flat_map(|list| list.like(&text, MOST));
            found.names = like.map(OsStr::to_owned).take(MOST).collect();
        }
        found
    }

    pub(super) fn beginning_with(typed: &str, lists: &[&List]) -> Self {
        let mut found = Self::default();
        let mut shared: Option<OsString> = None;
        for list in lists {
            let fitting = list.beginning_with(typed);
            let room = MOST.saturating_sub(found.names.len()).min(fitting.len());
            let names = fitting[..room].iter().map(|(_, name)| name.clone());
            found.names.extend(names);
            found.more += fitting.len() - room;
            if let ([(_, first), ..], [.., (_, last)]) = (fitting, fitting) {
                let own = common(first, last);
                shared = Some(shared.map_or(own.clone(), |shared| common(&shared, &own)));
            }
        }
        found.common = shared.unwrap_or_default();
        found.names.sort_unstable();
        found.names.dedup();
        found
    }

    /// As many as are listed.
    fn cut(mut names: Vec<OsString>, typed: &OsStr) -> Self {
        names.sort_unstable();
        names.dedup();
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        Self {
            names,
            more,
            common: typed.to_owned(),
        }
    }

    /// What the word becomes, with what stays in front of it.
    pub(super) fn candidates(self, kept: &OsStr) -> Vec<Candidate> {
        let is_alone = self.names.len() == 1 && self.more == 0;
        let whole = |name: &OsString| {
            let mut whole = kept.to_owned();
            whole.push(name);
            whole
        };
        let words = quoted(&self.names.iter().map(whole).collect::<Vec<_>>());
        let opening = words.first().and_then(|word| word.chars().next());
        let opening = opening.filter(|letter| matches!(letter, '\'' | '"'));
        let candidate = |(name, word): (&OsString, String)| {
            // In a list only those names are quoted that need it.
            let shown = quote(name);
            let is_open = name.to_string_lossy().ends_with('/');
            let replacement = match (is_alone, is_open) {
                (true, false) => format!("{word} "),
                // Of a folder more is to be typed: its quote stays open.
                (true, true) => opened(&word).to_owned(),
                (false, _) => word,
            };
            Candidate { shown, replacement }
        };
        let mut candidates: Vec<_> = self.names.iter().zip(words).map(candidate).collect();
        if self.more > 0 {
            let (kept, common) = (kept.to_string_lossy(), self.common.to_string_lossy());
            candidates.push(Candidate {
                shown: format!("… {} more", unit::count(self.more as u64)),
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
pub(super) fn opened(word: &str) -> &str {
    let is_quoted = word.starts_with(['\'', '"', '$']);
    if is_quoted {
        &word[..word.len() - 1]
    } else {
        word
    }
}

/// What two names begin with.
fn common(one: &OsStr, other: &OsStr) -> OsString {
    let (one, other) = (one.to_string_lossy(), other.to_string_lossy());
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(letter, _)| letter).collect::<String>().into()
}

/// All words in quotes if one needs them, so that what they have in common can be filled in.
fn quoted(names: &[OsString]) -> Vec<String> {
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
