//! Words for a time: a date, a date with a time of day, or an age.

use crate::base::timestamp::Timestamp;
use crate::base::unit;

/// Parses `2026-11-22`, `2026-11-22T18:00` in UTC, or the time this long ago: `2d`.
pub(super) fn parse_time(word: &str) -> Result<Timestamp, String> {
    if let Ok(age) = unit::parse_duration(word) {
        return Ok(Timestamp::at_age(age));
    }
    let forms = [
        word.to_owned(),
        format!("{word}Z"),
        format!("{word}:00Z"),
        format!("{word}T00:00:00Z"),
    ];
    let time = forms.iter().find_map(|form| Timestamp::parse(form));
    time.ok_or_else(|| {
        "a time is written `2026-11-22`, `2026-11-22T18:00` (UTC) or `2d`".to_owned()
    })
}
