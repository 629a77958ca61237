//! The words of `status` for gaps and ages: `1 of 2 copies, on WORK`.

use crate::base::timestamp::Timestamp;
use crate::trust::place::Place;
use crate::trust::status::{self, Gap};

/// `3 days ago`, or `never`.
pub(crate) fn age_words(at: Option<Timestamp>) -> String {
    match at {
        None => "never".to_owned(),
        Some(Timestamp::UNKNOWN) => "at an unknown time".to_owned(),
        Some(at) => at.ago(),
    }
}

/// `NAS as last seen 3 days ago`.
pub(super) fn last_seen_words(place: &Place) -> String {
    format!(
        "{} as last seen {}",
        place.name(),
        age_words(place.scanned_at)
    )
}

/// Returns what a project has and what it lacks: `1 of 2 copies, on WORK`.
pub(crate) fn gap_words(gap: &Gap, places: &[Place]) -> String {
    status::gap_words(gap, places, &age_words)
}
