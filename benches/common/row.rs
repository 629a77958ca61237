//! A row of the table: a number of ours, one to hold it against, and what is asked for.

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
    /// What ours took, with nothing to hold it against.
    pub(crate) fn alone(what: &str, ours: Spread) -> Self {
        Self {
            what: what.to_owned(),
            ours: ours.shown(),
            ..Self::default()
        }
    }

    /// What ours took against what a peer took, which is nothing if the peer is not installed.
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

/// Whether what is asked for is met; `None` where nothing is asked for, or there is nothing to hold it against.
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
