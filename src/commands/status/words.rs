//! The words of `status` for gaps and ages: `1 of 2 copies, on WORK`.

use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::trust::mend::Mend;
use crate::trust::place::Place;
use crate::trust::status::{Gap, GapKind};

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
    let mut words = kind_words(gap, places);
    let shared = gap.holders.len() as u64 > gap.copies && gap.copies > 0;
    if shared && gap.kind != GapKind::NotVerified {
        words += " (one medium)";
    }
    let needs_medium = gap
        .mend
        .iter()
        .any(|mend| matches!(mend, Mend::AddDatabase { .. }));
    let same = gap.same_medium.iter().map(|number| places[*number].name());
    let same: Vec<&str> = same.filter(|_| needs_medium).collect();
    let same = (!same.is_empty()).then(|| {
        let verb = match same.len() {
            1 => "shares",
            _ => "share",
        };
        format!(
            "{} {verb} its medium; `--medium` of `add database` states media",
            same.join(", ")
        )
    });
    let damaged = gap.damaged.iter().map(|(number, files)| {
        let files = unit::format_counted(*files, "file");
        format!("{files} damaged on {}", places[*number].name())
    });
    [words]
        .into_iter()
        .chain(same)
        .chain(damaged)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Returns what is lacking, and where the complete copies are.
fn kind_words(gap: &Gap, places: &[Place]) -> String {
    let holders = gap.holders.iter().map(|number| {
        let place = &places[*number];
        if place.is_offline {
            let age = age_words(place.scanned_at);
            format!("{} (as last seen {age})", place.name())
        } else {
            place.name().to_owned()
        }
    });
    let holders: Vec<String> = holders.collect();
    let on = if holders.is_empty() {
        String::new()
    } else {
        format!(", on {}", holders.join(", "))
    };
    let copies = |number: u64| unit::format_counted(number, "copy");
    match gap.kind {
        GapKind::NoCopy => format!("no whole copy of {}", gap.demand.copies),
        GapKind::OneCopy | GapKind::TooFew => {
            format!("{} of {}{on}", gap.copies, copies(gap.demand.copies))
        }
        GapKind::NotOffsite => format!(
            "{} of {} off-site{on}",
            gap.offsite,
            copies(gap.demand.offsite)
        ),
        GapKind::NotVerified => {
            let since = match gap.oldest {
                None => "some files were never read".to_owned(),
                at => format!("oldest proof {}", age_words(at)),
            };
            format!("not verified in time: {since}{on}")
        }
        GapKind::Unknown => format!(
            "{} of {} known{on}; a storage was never scanned",
            gap.copies,
            copies(gap.demand.copies)
        ),
    }
}
