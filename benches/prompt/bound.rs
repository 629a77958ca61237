//! Targets in time, and the verdict.

use std::time::Duration;

use auto_backup::base::unit;

use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;

/// From the start to the first prompt.
pub(crate) const START: Duration = Duration::from_millis(20);

/// A key press.
pub(crate) const KEY: Duration = Duration::from_millis(5);

/// Tab.
pub(crate) const TAB: Duration = Duration::from_millis(10);

/// Adds the target, the verdict on the median and on the maximum, and the peak memory.
pub(crate) fn judged(row: Row, ours: Spread, limit: Option<Duration>, peak: u64) -> Row {
    let asked = limit.map(|limit| format!("{} ms", limit.as_millis()));
    let met = limit.map(|limit| ours.median <= limit);
    let always = limit.is_some_and(|limit| ours.most <= limit);
    Row {
        asked: asked.unwrap_or_default(),
        verdict: match met {
            Some(true) if !always => "met by the median".to_owned(),
            met => verdict(met),
        },
        peak: unit::format_bytes(peak),
        ..row
    }
}
