//! Which evidence counts: the content was intact when its storage was last asked, and not too long ago.

use crate::base::timestamp::Timestamp;
use crate::index::{EvidenceKind, KnownContent, Proof};
use crate::model::policy::Demand;

/// Returns the time from which on evidence counts; `None` if evidence of any age does.
pub fn oldest_allowed(demand: &Demand, now: Timestamp) -> Option<Timestamp> {
    let within = demand.verified_within?;
    let seconds = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    Some(Timestamp {
        seconds: now.seconds.saturating_sub(seconds),
        nanoseconds: 0,
    })
}

/// True if a proof counts for a demand that allows this age.
pub fn counts(proof: &Proof, oldest: Option<Timestamp>) -> bool {
    proof.is_intact() && oldest.is_none_or(|oldest| proof.at >= oldest)
}

/// What is known of one file of a copy on another storage, beside the file that the question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It has the content, and proof of it that counts.
    Proven,
    /// Size and time agree; a content was not read, or too long ago.
    Unproven,
    /// It was found damaged.
    Damaged,
    /// It is another version, not newer.
    Differs,
    /// It is a newer version.
    Newer,
    /// It is not there.
    Missing,
}

impl Match {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Proven,
        Self::Unproven,
        Self::Damaged,
        Self::Differs,
        Self::Newer,
        Self::Missing,
    ];
}

/// Judges a copy of a file by the contents of both. `listing_agrees`: sizes and times are equal. Without the content of
/// the file itself, that proves nothing.
pub fn judge(
    [own, other]: [Option<&KnownContent>; 2],
    listing_agrees: bool,
    oldest: Option<Timestamp>,
) -> Match {
    let by_listing = if listing_agrees {
        Match::Unproven
    } else {
        Match::Differs
    };
    let known = |content: &&KnownContent| content.proof.kind != EvidenceKind::Claimed;
    let (Some(own), Some(other)) = (own.filter(known), other.filter(known)) else {
        return by_listing;
    };
    if own.digest != other.digest {
        Match::Differs
    } else if other.proof.kind == EvidenceKind::Damaged {
        Match::Damaged
    } else if counts(&other.proof, oldest) {
        Match::Proven
    } else {
        Match::Unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::digest::Digest;

    fn content(digest: u128, kind: EvidenceKind, seconds: i64) -> KnownContent {
        let at = Timestamp {
            seconds,
            nanoseconds: 0,
        };
        KnownContent {
            recorded_time: None,
            digest: Digest(digest),
            proof: Proof {
                kind,
                at,
                tag: 0,
                host: None,
            },
        }
    }

    #[test]
    fn only_equal_and_recent_content_is_proven() {
        use EvidenceKind::{Claimed, Damaged, Read, Stored};
        let own = content(1, Read, 0);
        let oldest = Some(Timestamp {
            seconds: 100,
            nanoseconds: 0,
        });
        for (other, oldest, expected) in [
            (Some(content(1, Read, 100)), oldest, Match::Proven),
            (Some(content(1, Stored, 200)), oldest, Match::Proven),
            (Some(content(1, Read, 99)), oldest, Match::Unproven),
            (Some(content(1, Read, 99)), None, Match::Proven),
            (Some(content(1, Claimed, 200)), None, Match::Unproven),
            (Some(content(1, Damaged, 200)), None, Match::Damaged),
            (Some(content(2, Read, 200)), None, Match::Differs),
            (None, None, Match::Unproven),
        ] {
            assert_eq!(judge([Some(&own), other.as_ref()], true, oldest), expected);
        }
        let read = content(1, Read, 200);
        assert_eq!(judge([None, Some(&read)], true, None), Match::Unproven);
        assert_eq!(judge([None, Some(&read)], false, None), Match::Differs);
        // A copy with another time has the content all the same.
        assert_eq!(judge([Some(&own), Some(&read)], false, None), Match::Proven);
        // The digest of a damaged file is that of its intact content.
        let damaged = content(1, Damaged, 0);
        assert_eq!(
            judge([Some(&damaged), Some(&read)], true, None),
            Match::Proven
        );
    }
}
