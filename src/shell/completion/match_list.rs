//! Words that match the typed one, best first, and the text that each inserts.
//!
//! Matches are positions in shared lists of names: with 100,000 projects no name is copied, quoted or described before it is
//! shown or chosen.

use std::ffi::{OsStr, OsString};

use super::candidates::Expectation;
use super::name_list::NameEntry;
use super::path::{DiskAccess, FolderListing, list_folder, split_path};
use super::word_source::WordSource;
use crate::language::lexer::quote;

/// Number of projects that are offered one by one; more are offered by client.
pub(super) const MAX_PROJECTS: usize = 1000;

/// Number of names with the typed letters in order.
const MAX_FUZZY: usize = 100;

/// Number of matches that are checked for blanks and other letters that need quotes.
const MAX_CHECKED: usize = 100;

/// Words that the word at the cursor can become.
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct CompletionList {
    /// Start of the replaced text in the line.
    pub(in crate::shell) start: usize,
    /// Text kept before each word, as `NAS,`.
    prefix: OsString,
    typed: String,
    sources: Vec<WordSource>,
    matches: Vec<WordMatch>,
    /// Number of matches of the best kind, which come first.
    best: usize,
    /// True if the best matches begin with the typed text.
    is_prefix: bool,
    /// Folder that the words were read from.
    pub(in crate::shell) listing: Option<FolderListing>,
}

/// Position of a matching name.
#[derive(Clone, Copy, Debug)]
struct WordMatch {
    source: usize,
    place: u32,
}

impl CompletionList {
    /// Returns the matches for the typed part of a word: words that begin with it, words whose last part does, words that
    /// contain it, or else words with its letters in order.
    pub(super) fn find(
        expected: Expectation,
        prefix: &OsStr,
        typed: &OsStr,
        disk: DiskAccess<'_>,
    ) -> Self {
        let mut list = Self {
            prefix: prefix.to_owned(),
            typed: typed.to_string_lossy().into_owned(),
            ..Self::default()
        };
        if let Some(bases) = &expected.path_bases {
            list.listing = list_folder(typed, bases, disk);
            let (folder, name) = split_path(typed);
            let name = if typed == "~" { typed } else { name };
            list.prefix.push(folder);
            list.typed = name.to_string_lossy().into_owned();
            let names = list.listing.as_ref().map(|listing| &listing.names);
            list.sources = names
                .into_iter()
                .map(|names| WordSource::paths(names.clone()))
                .collect();
            if folder.is_empty() {
                list.sources.extend(expected.sources);
            }
        } else {
            list.sources = expected.sources;
        }
        let by_client = list.offer_by_client(expected.projects.as_ref());
        list.find_matches(!by_client);
        list
    }

    /// Replaces very many projects by their clients.
    fn offer_by_client(&mut self, projects: Option<&WordSource>) -> bool {
        let Some(projects) = projects else {
            return false;
        };
        let number = projects.names.with_prefix(&self.typed).len();
        let by_client = number > MAX_PROJECTS && !self.typed.contains('/');
        let offered = if by_client {
            projects.by_client()
        } else {
            Some(projects.clone())
        };
        self.sources.extend(offered);
        if by_client {
            // The best matches, if any, are projects.
            self.sources.push(projects.clone());
        }
        by_client
    }

    fn find_matches(&mut self, includes_inside: bool) {
        let mut tiers: [Vec<WordMatch>; 3] = Default::default();
        let last = self.sources.len().saturating_sub(1);
        for (source, words) in self.sources.iter().enumerate() {
            let found = words.names.matches(&self.typed);
            let matched = |place| WordMatch { source, place };
            // Offered by client, projects do not appear themselves unless their last part matches.
            if includes_inside || source != last {
                let number = |place| u32::try_from(place).unwrap_or(u32::MAX);
                tiers[0].extend(found.prefix.map(number).map(matched));
                tiers[2].extend(found.inside.into_iter().map(matched));
            }
            tiers[1].extend(found.last_part.into_iter().map(matched));
        }
        // A single letter is inside of most names.
        if self.typed.chars().count() < 2 && !(tiers[0].is_empty() && tiers[1].is_empty()) {
            tiers[2].clear();
        }
        self.is_prefix = !tiers[0].is_empty();
        let lengths = tiers.each_ref().map(Vec::len);
        self.best = lengths.into_iter().find(|length| *length > 0).unwrap_or(0);
        self.matches = tiers.concat();
        if self.matches.is_empty() && !self.typed.is_empty() {
            for (source, words) in self.sources.iter().enumerate() {
                let found = words.names.fuzzy_matches(&self.typed, MAX_FUZZY);
                let found = found.into_iter().map(|place| WordMatch { source, place });
                self.matches.extend(found);
            }
            self.matches.truncate(MAX_FUZZY);
            self.best = self.matches.len();
        }
    }

    /// Returns the list for a word that starts here in the line.
    pub(super) fn starting_at(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// Returns the variables that begin with the typed text.
    pub(super) fn variables(variables: &WordSource, typed: &str) -> Self {
        let mut list = Self {
            typed: typed.to_owned(),
            sources: vec![variables.clone()],
            ..Self::default()
        };
        list.find_matches(true);
        list.matches.truncate(list.best);
        list
    }

    pub(in crate::shell) const fn len(&self) -> usize {
        self.matches.len()
    }

    fn entry(&self, place: usize) -> Option<(&WordSource, &NameEntry)> {
        let found = self.matches.get(place)?;
        let source = self.sources.get(found.source)?;
        Some((source, source.names.get(found.place as usize)?))
    }

    /// Returns the only word that the typed one should become, if there is one.
    pub(in crate::shell) fn only_match(&self) -> Option<String> {
        (self.best == 1).then(|| self.replacement(0)).flatten()
    }

    /// Returns a word for people.
    pub(in crate::shell) fn shown_word(&self, place: usize) -> String {
        let entry = self.entry(place);
        entry.map_or_else(String::new, |(source, entry)| quote(&source.word(entry)))
    }

    /// Returns the description of a word.
    pub(in crate::shell) fn description(&self, place: usize) -> String {
        let entry = self.entry(place);
        entry.map_or_else(String::new, |(source, entry)| source.describe(entry))
    }

    /// Returns the text that replaces the typed word, quoted where necessary. A blank follows, unless the word goes on.
    pub(in crate::shell) fn replacement(&self, place: usize) -> Option<String> {
        let (source, entry) = self.entry(place)?;
        let name = source.word(entry);
        if source.is_verbatim {
            return Some(format!("{} ", name.to_string_lossy()));
        }
        let is_open = !source.suffix.is_empty() || name.as_encoded_bytes().ends_with(b"/");
        let mut whole = self.prefix.clone();
        whole.push(name);
        let word = quote(&whole);
        Some(if is_open {
            // A folder is continued: its quote stays open.
            without_closing_quote(&word).to_owned()
        } else {
            format!("{word} ")
        })
    }

    /// Returns the text that all of the best matches begin with, if it is longer than the typed word.
    pub(in crate::shell) fn common_part(&self) -> Option<String> {
        let best = self.matches.get(..self.best).filter(|_| self.is_prefix)?;
        let mut shared: Option<String> = None;
        for run in best.chunk_by(|one, other| one.source == other.source) {
            // Each run is sorted: its first and its last name differ the most.
            for found in [run.first()?, run.last()?] {
                let source = self.sources.get(found.source)?;
                let word = source.word(source.names.get(found.place as usize)?);
                let word = word.to_string_lossy();
                shared = Some(shared.map_or_else(
                    || word.clone().into_owned(),
                    |shared| common_prefix(&shared, &word),
                ));
            }
        }
        let shared = shared?;
        let shared = shared.split('\u{fffd}').next()?;
        if shared.chars().count() <= self.typed.chars().count() {
            return None;
        }
        Some(self.quoted_beginning(shared))
    }

    /// Quotes a beginning of several words: with an open quote if one of them needs quotes.
    fn quoted_beginning(&self, beginning: &str) -> String {
        if self.entry(0).is_some_and(|(source, _)| source.is_verbatim) {
            return beginning.to_owned();
        }
        let mut whole = self.prefix.clone();
        whole.push(beginning);
        let word = quote(&whole);
        if is_quoted(&word) {
            return without_closing_quote(&word).to_owned();
        }
        let mut names = (0..self.best.min(MAX_CHECKED)).map(|place| self.shown_word(place));
        if names.any(|name| is_quoted(&name)) {
            format!("'{word}")
        } else {
            word
        }
    }
}

impl WordSource {
    /// Returns the clients of these projects.
    fn by_client(&self) -> Option<Self> {
        match &self.description {
            super::word_source::Description::Projects(projects) => {
                Some(Self::clients(projects, "/"))
            }
            _ => None,
        }
    }
}

fn is_quoted(word: &str) -> bool {
    word.starts_with(['\'', '"']) || word.starts_with("$'")
}

/// Returns a quoted word without its closing quote.
pub(super) fn without_closing_quote(word: &str) -> &str {
    if is_quoted(word) {
        &word[..word.len() - 1]
    } else {
        word
    }
}

fn common_prefix(one: &str, other: &str) -> String {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(letter, _)| letter).collect()
}
