//! Names in memory, sorted by lower case for a fast prefix search.

use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};

/// List of names.
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct NameList {
    /// Lower case and name, sorted.
    names: Vec<(Box<str>, OsString)>,
    /// Set of letters of each name; it rules out most names in a fuzzy search without reading them.
    letter_masks: Vec<u64>,
}

impl FromIterator<OsString> for NameList {
    fn from_iter<I: IntoIterator<Item = OsString>>(names: I) -> Self {
        let mut names: Vec<_> = names
            .into_iter()
            .map(|name| (lowercase(&name), name))
            .collect();
        // The names come in sorted runs, which this stable sort exploits.
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
    pub(in crate::shell) const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// True if the list contains this exact name.
    pub(in crate::shell) fn contains(&self, name: &OsStr) -> bool {
        let key = lowercase(name);
        let mut same = self
            .tail_from(&key)
            .iter()
            .take_while(|(known, _)| *known == key);
        same.any(|(_, known)| known == name)
    }

    /// Returns names with this prefix, ignoring case.
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

    /// Returns names that contain the typed letters in order, best matches first.
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

/// Returns the set of letters: one bit for each of `a` to `z` and `0` to `9`, the other bits shared by all other bytes.
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

/// Scores a name that contains the typed letters in order; `None` for other names. Consecutive letters and letters at the
/// start of a part score higher, long names lower.
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
    fn prefix_search_ignores_case() {
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
    fn letters_in_order_match_name() {
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
