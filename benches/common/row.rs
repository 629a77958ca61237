//! A row of the table: our number, a peer's, and the target.

use super::spread::Spread;

/// The cells of a row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) against: String,
    pub(crate) takes: String,
    pub(crate) ratio: String,
    pub(crate) asked: String,
    pub(crate) peak: String,
    pub(crate) verdict: String,
}

impl Row {
    /// Returns a row with our number alone.
    pub(crate) fn alone(what: &str, ours: Spread) -> Self {
        Self {
            what: what.to_owned(),
            ours: ours.shown(),
            ..Self::default()
        }
    }

    /// Returns a row of our number and a peer's; `took` is `None` if the peer is not installed.
    pub(crate) fn against(what: &str, ours: Spread, peer: &str, took: Option<Spread>) -> Self {
        let absent = || "not installed".to_owned();
        Self {
            against: peer.to_owned(),
            takes: took.map_or_else(absent, Spread::shown),
            ratio: took.map(|took| times(ours.ratio(took))).unwrap_or_default(),
            ..Self::alone(what, ours)
        }
    }
}

/// Returns the verdict on a target; `is_met` is `None` without a target or a peer.
pub(crate) fn verdict(is_met: Option<bool>) -> String {
    match is_met {
        Some(true) => "met".to_owned(),
        Some(false) => "**missed**".to_owned(),
        None => String::new(),
    }
}

fn times(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.4} x")
    } else {
        format!("{ratio:.2} x")
    }
}
