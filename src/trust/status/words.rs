//! A gap in words: `1 of 2 copies, on WORK`.

use super::gap::{Gap, GapKind};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::trust::mend::Mend;
use crate::trust::place::Place;

/// Words for a point in time, `None` for never: an age on a terminal, a date on a page that is read later.
pub type AgeWords<'a> = &'a dyn Fn(Option<Timestamp>) -> String;

/// Returns what a project has and what it lacks: `1 of 2 copies, on WORK`.
pub fn gap_words(gap: &Gap, places: &[Place], age: AgeWords<'_>) -> String {
    let mut words = kind_words(gap, places, age);
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
fn kind_words(gap: &Gap, places: &[Place], age: AgeWords<'_>) -> String {
    let holders = gap.holders.iter().map(|number| {
        let place = &places[*number];
        if place.is_offline {
            let age = age(place.scanned_at);
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
                at => format!("oldest proof {}", age(at)),
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
