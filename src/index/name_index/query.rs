//! The letters that a search needs, as trigrams.

use super::trigram::{Space, Trigram, visit_trigrams};
use crate::base::unicode::{has_movable_mark, search_key_of_bytes};

/// A text that must occur in the name of a file or in the path of its folder, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryText {
    /// A part of the name.
    Name(String),
    /// A part of `CLIENT/PROJECT/.../`.
    Folder(String),
}

/// The letters of a search: those of at least one alternative must occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameQuery {
    pub(super) alternatives: Vec<Vec<Trigram>>,
}

impl NameQuery {
    /// Returns the query for alternatives, each with all texts that must occur. `None` if an alternative has no three
    /// neighboring letters: then every name must be read.
    pub fn new(alternatives: &[Vec<QueryText>]) -> Option<Self> {
        let alternatives = alternatives.iter().map(|texts| {
            let mut trigrams: Vec<Trigram> = texts.iter().flat_map(trigrams).collect();
            trigrams.sort_unstable();
            trigrams.dedup();
            Some(trigrams).filter(|trigrams| !trigrams.is_empty())
        });
        let alternatives = alternatives.collect::<Option<Vec<_>>>()?;
        Some(Self { alternatives }).filter(|query| !query.alternatives.is_empty())
    }
}

/// Returns the trigrams of a text. A mark whose place depends on its neighbors ends a run of letters.
fn trigrams(text: &QueryText) -> Vec<Trigram> {
    let (text, space) = match text {
        QueryText::Name(text) => (text, Space::Name),
        QueryText::Folder(text) => (text, Space::Folder),
    };
    let mut found = Vec::new();
    for run in text.split(has_movable_mark) {
        let key = search_key_of_bytes(run.as_bytes());
        visit_trigrams(&key, 0, space, |trigram| found.push(trigram));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<QueryText> {
        vec![QueryText::Name(text.to_owned())]
    }

    #[test]
    fn short_text_gives_no_query() {
        assert_eq!(NameQuery::new(&[]), None);
        assert_eq!(NameQuery::new(&[name("ab")]), None);
        assert_eq!(NameQuery::new(&[name("abc"), name("ab")]), None);
        assert_eq!(NameQuery::new(&[vec![]]), None);
    }

    #[test]
    fn spellings_give_one_query() {
        let query = |text| NameQuery::new(&[name(text)]).unwrap();
        for text in ["CAFE", "Caf\u{e9}", "cafe\u{301}"] {
            assert_eq!(query(text), query("cafe"), "{text}");
        }
        assert_ne!(query("cafe"), query("cafes"));
    }

    #[test]
    fn folder_text_differs_from_name() {
        let folder = NameQuery::new(&[vec![QueryText::Folder("cafe".to_owned())]]);
        assert_ne!(folder, NameQuery::new(&[name("cafe")]));
    }
}
