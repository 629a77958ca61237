//! The part of the studio that was verified, by age: the words of `status`, and its JSON.

use serde::Serialize;

use crate::base::unit;
use crate::trust::status::{AGES, VerifiedBytes};

/// How much was verified, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct VerifiedItem {
    bytes: u64,
    within: Vec<VerifiedWithin>,
    never_bytes: u64,
}

#[derive(Debug, Serialize)]
struct VerifiedWithin {
    days: u64,
    bytes: u64,
}

impl VerifiedItem {
    pub(super) fn new(verified: &VerifiedBytes) -> Self {
        let within = AGES.into_iter().zip(verified.within);
        Self {
            bytes: verified.total,
            within: within
                .map(|(days, bytes)| VerifiedWithin { days, bytes })
                .collect(),
            never_bytes: verified.never,
        }
    }

    /// `verified, of 12.3 TB in all copies: 71 % within 90 days, 80 % within 365 days, 20 % never`.
    pub(super) fn words(&self) -> Option<String> {
        if self.bytes == 0 {
            return None;
        }
        let mut parts = Vec::new();
        let mut before = 0;
        for row in &self.within {
            // A longer time that adds nothing is left out.
            if row.bytes > before {
                let percent = unit::format_percent(row.bytes, self.bytes);
                parts.push(format!("{percent} within {} days", row.days));
                before = row.bytes;
            }
        }
        if self.never_bytes > 0 || parts.is_empty() {
            parts.push(format!(
                "{} never",
                unit::format_percent_up(self.never_bytes, self.bytes)
            ));
        }
        let bytes = unit::format_bytes(self.bytes);
        Some(format!(
            "verified, of {bytes} in all copies: {}",
            parts.join(", ")
        ))
    }
}
