//! Peak memory of the plan of very many files.

use std::io::{self, Write as _};
use std::iter;

use auto_backup::base::unit;

use crate::commands::command;
use crate::common::measure::measure;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::destination::Destination;
use crate::places::Place;
use crate::set::Set;
use crate::tool::{DRY_RUN, Tool, UNVERIFIED};
use crate::truth::check;

/// Target for the peak memory of a copy of a million files, in bytes.
const LIMIT: u64 = 200_000_000;

/// Measures the plan alone and the copy, once each: memory does not vary as time does.
pub(crate) fn rows(set: &Set, place: Place<'_>) -> Outcome<Vec<Row>> {
    writeln!(io::stderr(), "measuring memory for {}", set.title())?;
    let to = Destination::new(place.folder.join("0"));
    let mut rows = row(DRY_RUN, set, &to)?;
    rows.extend(row(UNVERIFIED, set, &to)?);
    check(UNVERIFIED, set, &to)?;
    to.remove()?;
    Ok(rows)
}

fn row(tool: Tool, set: &Set, to: &Destination) -> Outcome<Vec<Row>> {
    to.empty(tool)?;
    let (sample, _) = measure(&command(tool, set, to, false))?;
    let what = format!("{}, {}", tool.name, set.title());
    let row = Spread::of(iter::once(sample.wall)).map(|spread| Row {
        asked: unit::format_bytes(LIMIT),
        peak: unit::format_bytes(sample.peak),
        verdict: verdict(Some(sample.peak <= LIMIT)),
        ..Row::alone(&what, spread)
    });
    Ok(row.into_iter().collect())
}
