//! Sparklines: small charts of one line of text.

use std::env;
use std::ffi::OsString;

/// Symbols from the lowest to the highest value.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Symbols for terminals that show ASCII alone.
const ASCII: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// Draws values between 0 and the greatest of them; a blank stands for no value.
pub fn sparkline(values: &[Option<u64>], is_unicode: bool) -> String {
    let symbols = if is_unicode { BLOCKS } else { ASCII };
    let top = values.iter().flatten().max().copied().unwrap_or_default();
    let symbol = |value: &Option<u64>| match value {
        Some(value) => symbols[level(*value, top)],
        None => ' ',
    };
    values.iter().map(symbol).collect()
}

/// Returns the level of a value, from 0 to 7.
fn level(value: u64, top: u64) -> usize {
    let levels = BLOCKS.len() as u128;
    let level = (u128::from(value) * levels).div_ceil(u128::from(top.max(1)));
    usize::try_from(level).map_or(0, |level| level.saturating_sub(1))
}

/// True if the locale of the environment encodes text as UTF-8.
pub fn is_unicode_locale() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    is_unicode(names.into_iter().filter_map(env::var_os))
}

/// True if the first variable that is set names UTF-8.
fn is_unicode(mut values: impl Iterator<Item = OsString>) -> bool {
    values.find(|value| !value.is_empty()).is_some_and(|value| {
        let name = value.to_string_lossy().to_lowercase();
        name.contains("utf-8") || name.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_drawn_from_zero_to_the_greatest() {
        let values = [None, Some(0), Some(1), Some(50), Some(51), Some(100)];
        assert_eq!(sparkline(&values, true), " ▁▁▄▅█");
        assert_eq!(sparkline(&values, false), " __-=#");
        assert_eq!(sparkline(&[Some(0), Some(0)], true), "▁▁");
        assert_eq!(sparkline(&[Some(u64::MAX), None], true), "█ ");
        assert_eq!(sparkline(&[], true), "");
    }

    #[test]
    fn first_variable_that_is_set_counts() {
        let said = |values: &[&str]| is_unicode(values.iter().map(OsString::from));
        assert!(said(&["", "de_DE.UTF-8"]) && said(&["C.utf8", "C"]));
        assert!(!said(&["C", "de_DE.UTF-8"]) && !said(&[]) && !said(&["POSIX"]));
    }
}
