//! The names that words can be completed to, in memory: sorted by their lower case, so that a beginning is found at once.

use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};

/// Names of one kind.
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct NameList {
    /// Each with its lower case, in the order of those.
    names: Vec<(Box<str>, OsString)>,
    /// The letters of each, so that most names need not be looked at for those of a word.
    letter_masks: Vec<u64>,
}

impl FromIterator<OsString> for NameList {
    fn from_iter<I: IntoIterator<Item = OsString>>(names: I) -> Self {
        let mut names: Vec<_> = names
            .into_iter()
            .map(|name| (lowercase(&name), name))
            .collect();
        // They come in runs that are in order, which this kind of sorting makes use of.
        names.sort();
        names.dedup();
        let letters = names.iter().map(|(lower, _)| letter_mask(lower.as_bytes()));
        let letters = letters.collect();
        Self {
            names,
            letter_masks: letters,
        }
    }
}

impl NameList {
    /// Whether there is none.
    pub(in crate::shell) const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether this very name is among them.
    pub(in crate::shell) fn contains(&self, name: &OsStr) -> bool {
        let key = lowercase(name);
        let mut same = self
            .tail_from(&key)
            .iter()
            .take_while(|(known, _)| *known == key);
        same.any(|(_, known)| known == name)
    }

    /// Those that begin so, whatever the case.
    pub(super) fn with_prefix(&self, typed: &str) -> &[(Box<str>, OsString)] {
        let typed = typed.to_lowercase();
        let from = self.tail_from(&typed);
        let number = from.partition_point(|(known, _)| known.starts_with(&*typed));
        &from[..number]
    }

    fn tail_from(&self, key: &str) -> &[(Box<str>, OsString)] {
        let start = self.names.partition_point(|(known, _)| &**known < key);
        &self.names[start..]
    }

    /// Those that hold the typed letters in their order, the most alike first.
    pub(super) fn fuzzy_matches(&self, typed: &str, limit: usize) -> Vec<&OsStr> {
        let typed = typed.to_lowercase();
        let mut found: Vec<(Reverse<i64>, usize)> = Vec::new();
        let needed = letter_mask(typed.as_bytes());
        for (place, has) in self.letter_masks.iter().enumerate() {
            if needed & !has != 0 {
                continue;
            }
            let known = self.names[place].0.as_bytes();
            if let Some(likeness) = fuzzy_score(typed.as_bytes(), known) {
                found.push((Reverse(likeness), place));
            }
        }
        if found.len() > limit {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        found
            .into_iter()
            .map(|(_, place)| self.names[place].1.as_os_str())
            .collect()
    }
}

fn lowercase(name: &OsStr) -> Box<str> {
    name.to_string_lossy().to_lowercase().into()
}

/// Which letters there are: a bit for each of `a` to `z` and `0` to `9`, and the rest for all others together.
fn letter_mask(text: &[u8]) -> u64 {
    text.iter().fold(0, |letters, byte| {
        let bit = match byte {
            b'a'..=b'z' => byte - b'a',
            b'0'..=b'9' => 26 + byte - b'0',
            _ => 36 + byte % 28,
        };
        letters | 1 << bit
    })
}

/// How well letters fit a name that holds them in this order; `None` for one that does not. Runs of letters, and letters
/// that begin a part of the name, count for more; a long name counts for less.
fn fuzzy_score(typed: &[u8], name: &[u8]) -> Option<i64> {
    let mut points = 0;
    let mut place = 0;
    let mut before = None;
    for letter in typed {
        let at = place + name.get(place..)?.iter().position(|byte| byte == letter)?;
        let begins = at == 0 || matches!(name[at - 1], b'/' | b' ' | b'-' | b'_' | b'.');
        let follows = before.is_some_and(|before| before + 1 == at);
        points += i64::from(begins) * 8 + i64::from(follows) * 5;
        before = Some(at);
        place = at + 1;
    }
    let length = i64::try_from(name.len()).unwrap_or(i64::MAX);
    Some(points * 64 - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> NameList {
        names.iter().map(OsString::from).collect()
    }

    #[test]
    fn beginnings_are_found_whatever_their_case() {
        let list = list(&["WORK", "work2", "NAS", "Work 3", "WORD"]);
        let found = list.with_prefix("Work");
        let found: Vec<_> = found
            .iter()
            .map(|(_, name)| name.to_str().unwrap())
            .collect();
        assert_eq!(found, ["WORK", "Work 3", "work2"]);
        assert!(list.with_prefix("x").is_empty());
        assert_eq!(list.with_prefix("").len(), 5);
        assert!(list.contains(OsStr::new("WORK")) && !list.contains(OsStr::new("work")));
    }

    #[test]
    fn letters_in_their_order_find_a_name() {
        let list = list(&["acme/spot", "acme/sport", "nova/titles", "nova/passport"]);
        assert_eq!(
            list.fuzzy_matches("spt", 9),
            ["acme/spot", "acme/sport", "nova/passport"]
        );
        assert_eq!(
            list.fuzzy_matches("nt", 9),
            ["nova/titles", "nova/passport"]
        );
        assert_eq!(list.fuzzy_matches("spt", 1), ["acme/spot"]);
        assert!(list.fuzzy_matches("xyz", 9).is_empty());
    }
}
