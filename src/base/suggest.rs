//! Suggestions for mistyped names.

use super::unicode::without_accents;

/// Returns up to three known names similar to the typed one, best first. Known names may be quoted as on a line.
pub fn suggest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let query = folded(typed);
    let mut candidates: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (similarity(&query, &folded(unquoted(name))), name))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    // Names that are far less similar than the best one only distract.
    let best = candidates.first().map_or(0.0, |(likeness, _)| *likeness);
    candidates.retain(|(likeness, _)| *likeness >= best - 0.08);
    candidates
        .into_iter()
        .take(3)
        .map(|(_, name)| name)
        .collect()
}

/// Returns the number of wrong, missing, extra or swapped letters between two words.
pub fn edit_distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(one, other)
}

/// Returns a name in lower case and without accents.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    without_accents(name).to_lowercase()
}

fn unquoted(name: &str) -> &str {
    name.trim_matches(['\'', '"'])
}

/// Returns a similarity from 0 to 1. A name that begins with the typed text comes first, then one whose last part equals it
/// or begins with it. One swapped, wrong, missing or extra letter costs little, also in the last part.
fn similarity(typed: &str, name: &str) -> f64 {
    let last = name.rsplit('/').next().unwrap_or(name);
    if !typed.is_empty() && name.starts_with(typed) {
        return 1.0;
    }
    if !typed.is_empty() && last == typed {
        return 0.99;
    }
    let letters = typed.chars().count();
    if letters > 1 && last.starts_with(typed) {
        return 0.95;
    }
    let is_typo_of = |name: &str| {
        let edits = edit_distance(typed, name);
        edits <= 1 + letters / 5 && edits < letters
    };
    if is_typo_of(name) {
        return strsim::jaro_winkler(typed, name).max(0.9);
    }
    if letters > 3 && is_typo_of(last) {
        return 0.85;
    }
    // A common beginning says little of a name that is much longer.
    if name.chars().count() > 2 * letters {
        return 0.0;
    }
    strsim::jaro_winkler(typed, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_corrected() {
        let known = ["WORK", "NAS", "ARCHIVE"];
        assert_eq!(suggest("NSA", known), ["NAS"]);
        assert_eq!(suggest("wrok", known), ["WORK"]);
        assert_eq!(suggest("arch", known), ["ARCHIVE"]);
        assert!(suggest("tape", known).is_empty());
    }

    #[test]
    fn prefix_wins_over_typing_error() {
        let known = ["acme/spot", "acme/teaser", "'acme/spring campaign 2026'"];
        assert_eq!(
            suggest("acme/spring", known),
            ["'acme/spring campaign 2026'"]
        );
        assert_eq!(
            suggest("bob", ["Rob", "\"Bob's Diner\""]),
            ["\"Bob's Diner\""]
        );
    }

    #[test]
    fn accents_are_folded() {
        let known = ["\"Caf\u{e9} Roma\"", "M\u{fc}ller"];
        assert_eq!(suggest("Cafe", known), ["\"Caf\u{e9} Roma\""]);
        assert_eq!(suggest("muller", known), ["M\u{fc}ller"]);
    }

    #[test]
    fn last_name_part_is_matched() {
        let known = ["acme/spot", "nova/titles", "acme/sports day"];
        assert_eq!(suggest("titles", known), ["nova/titles"]);
        assert_eq!(suggest("spot", known), ["acme/spot"]);
        assert_eq!(suggest("titels", known), ["nova/titles"]);
    }

    #[test]
    fn much_longer_name_is_not_similar() {
        assert!(suggest("NOPE", ["Nova Pictures/bumper"]).is_empty());
    }
}
