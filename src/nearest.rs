//! The known names nearest to a mistyped one.

/// Up to three known names that a typist could have meant, best first.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = typed.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (likeness(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    // Beside one that is nearly it, those that merely resemble it only distract.
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| *likeness >= best - 0.08);
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// 0 to 1: one swapped, wrong, missing or surplus letter costs little, and so does an end that was not typed.
fn likeness(typed: &str, name: &str) -> f64 {
    if !typed.is_empty() && name.starts_with(typed) {
        return 0.95;
    }
    let letters = typed.chars().count();
    let slips = strsim::damerau_levenshtein(typed, name);
    let typo = slips <= 1 + letters / 5 && slips < letters;
    strsim::jaro_winkler(typed, name).max(if typo { 0.9 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_slips_are_recognised() {
        let known = ["WORK", "NAS", "ARCHIVE"];
        assert_eq!(nearest("NSA", known), ["NAS"]);
        assert_eq!(nearest("wrok", known), ["WORK"]);
        assert_eq!(nearest("arch", known), ["ARCHIVE"]);
        assert!(nearest("tape", known).is_empty());
    }
}
