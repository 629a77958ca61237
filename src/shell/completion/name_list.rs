//! Names in memory, sorted by their search keys for a fast prefix search.

use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::ops::Range;

use crate::base::unicode::search_key;

/// List of names.
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct NameList {
    /// Names, sorted by key.
    names: Vec<NameEntry>,
    /// Set of letters of each name; it rules out most names in a search without reading them.
    letter_masks: Vec<u64>,
}

/// One name of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameEntry {
    /// The name without accents, in lower case.
    key: Box<str>,
    pub(super) name: OsString,
    /// Number under which its description is found.
    pub(super) tag: u32,
}

/// Positions of the matching names in a list.
#[derive(Debug, Default)]
pub(super) struct NameMatches {
    /// Names that begin with the typed text.
    pub(super) prefix: Range<usize>,
    /// Names whose last part begins with it, as `acme/spot` for `spot`.
    pub(super) last_part: Vec<u32>,
    /// Names that contain it.
    pub(super) inside: Vec<u32>,
}

impl FromIterator<(OsString, u32)> for NameList {
    fn from_iter<I: IntoIterator<Item = (OsString, u32)>>(names: I) -> Self {
        let mut names: Vec<NameEntry> = names
            .into_iter()
            .map(|(name, tag)| NameEntry {
                key: key(&name),
                name,
                tag,
            })
            .collect();
        // The names come in sorted runs, which this stable sort exploits.
        names.sort();
        names.dedup_by(|one, other| one.name == other.name);
        let masks = names.iter().map(|entry| letter_mask(entry.key.as_bytes()));
        let letter_masks = masks.collect();
        Self {
            names,
            letter_masks,
        }
    }
}

/// Numbers the names in their order.
impl FromIterator<OsString> for NameList {
    fn from_iter<I: IntoIterator<Item = OsString>>(names: I) -> Self {
        names.into_iter().zip(0..).collect()
    }
}

impl NameList {
    pub(in crate::shell) const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the name at this position of the list.
    pub(super) fn get(&self, place: usize) -> Option<&NameEntry> {
        self.names.get(place)
    }

    /// True if the list contains this exact name.
    pub(in crate::shell) fn contains(&self, name: &OsStr) -> bool {
        let key = key(name);
        let start = self.first_from(&key);
        let mut same = self.names[start..]
            .iter()
            .take_while(|known| known.key == key);
        same.any(|known| known.name == name)
    }

    /// Returns the positions of the names with this prefix, ignoring case and accents.
    pub(super) fn with_prefix(&self, typed: &str) -> Range<usize> {
        let typed = search_key(typed);
        let start = self.first_from(&typed);
        let number =
            self.names[start..].partition_point(|known| known.key.starts_with(typed.as_ref()));
        start..start + number
    }

    fn first_from(&self, key: &str) -> usize {
        self.names.partition_point(|known| &*known.key < key)
    }

    /// Returns all names that contain the typed text, ignoring case and accents.
    pub(super) fn matches(&self, typed: &str) -> NameMatches {
        let mut found = NameMatches {
            prefix: self.with_prefix(typed),
            ..NameMatches::default()
        };
        let typed = search_key(typed);
        if typed.is_empty() {
            return found;
        }
        let needed = letter_mask(typed.as_bytes());
        for (place, has) in self.letter_masks.iter().enumerate() {
            if needed & !has != 0 || found.prefix.contains(&place) {
                continue;
            }
            let key = &*self.names[place].key;
            let last = key.rfind('/').map_or("", |slash| &key[slash + 1..]);
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            if last.starts_with(typed.as_ref()) {
                found.last_part.push(number);
            } else if key.contains(typed.as_ref()) {
                found.inside.push(number);
            }
        }
        found
    }

    /// Returns the positions of names that contain the typed letters in order, best matches first.
    pub(super) fn fuzzy_matches(&self, typed: &str, limit: usize) -> Vec<u32> {
        let typed = search_key(typed);
        let mut found: Vec<(Reverse<i64>, u32)> = Vec::new();
        let needed = letter_mask(typed.as_bytes());
        for (entry, (place, has)) in self.names.iter().zip((0..).zip(&self.letter_masks)) {
            if needed & !has != 0 {
                continue;
            }
            if let Some(likeness) = fuzzy_score(typed.as_bytes(), entry.key.as_bytes()) {
                found.push((Reverse(likeness), place));
            }
        }
        if found.len() > limit {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        found.into_iter().map(|(_, place)| place).collect()
    }
}

fn key(name: &OsStr) -> Box<str> {
    search_key(&name.to_string_lossy()).into()
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

    fn at(list: &NameList, places: impl IntoIterator<Item = u32>) -> Vec<&str> {
        let name = |place: u32| list.names[place as usize].name.to_str().unwrap();
        places.into_iter().map(name).collect()
    }

    fn begun<'l>(list: &'l NameList, typed: &str) -> Vec<&'l str> {
        let found = list.with_prefix(typed);
        at(list, found.map(|place| u32::try_from(place).unwrap()))
    }

    #[test]
    fn prefix_search_ignores_case() {
        let list = list(&["WORK", "work2", "NAS", "Work 3", "WORD"]);
        assert_eq!(begun(&list, "Work"), ["WORK", "Work 3", "work2"]);
        assert!(list.with_prefix("x").is_empty());
        assert_eq!(list.with_prefix("").len(), 5);
        assert!(list.contains(OsStr::new("WORK")) && !list.contains(OsStr::new("work")));
    }

    #[test]
    fn prefix_search_ignores_accents() {
        let list = list(&["Müller", "Mu\u{308}nch", "Café", "cafe\u{301} 2", "Mora"]);
        assert_eq!(begun(&list, "mull"), ["Müller"]);
        assert_eq!(begun(&list, "MU"), ["Müller", "Mu\u{308}nch"]);
        assert_eq!(begun(&list, "mü"), ["Müller", "Mu\u{308}nch"]);
        assert_eq!(begun(&list, "cafe"), ["Café", "cafe\u{301} 2"]);
        assert!(list.contains(OsStr::new("Müller")) && !list.contains(OsStr::new("Muller")));
    }

    #[test]
    fn last_part_precedes_text_inside() {
        let list = list(&["acme/spot", "nova/hotspot", "spot/x", "Acme/Spöt 2"]);
        let found = list.matches("spot");
        assert_eq!(begun(&list, "spot"), ["spot/x"]);
        assert_eq!(at(&list, found.last_part), ["acme/spot", "Acme/Spöt 2"]);
        assert_eq!(at(&list, found.inside), ["nova/hotspot"]);
        let all = list.matches("");
        assert_eq!((all.prefix, all.inside.len()), (0..4, 0));
    }

    #[test]
    fn letters_in_order_match_name() {
        let list = list(&["acme/spot", "acme/sport", "nova/titles", "nova/passport"]);
        let fuzzy = |typed, limit| at(&list, list.fuzzy_matches(typed, limit));
        assert_eq!(
            fuzzy("spt", 9),
            ["acme/spot", "acme/sport", "nova/passport"]
        );
        assert_eq!(fuzzy("nt", 9), ["nova/titles", "nova/passport"]);
        assert_eq!(fuzzy("spt", 1), ["acme/spot"]);
        assert!(fuzzy("xyz", 9).is_empty());
    }
}
