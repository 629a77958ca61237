//! Policies: how many copies a category demands, how many of them off-site, and how recently each must have been read.

use std::fmt;
use std::time::Duration;

use crate::base::unit;

/// What a category demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Losing it is acceptable, as with caches.
    Expendable,
    /// This much must be kept.
    Keep(Demand),
}

/// The copies that must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Number of whole copies on different media, at least 1.
    pub copies: u64,
    /// Number of them that must be off-site.
    pub offsite: u64,
    /// Longest time since the contents of a copy were read or stated by its storage; `None` if any time will do.
    pub verified_within: Option<Duration>,
}

impl Default for Demand {
    /// Two copies.
    fn default() -> Self {
        Self {
            copies: 2,
            offsite: 0,
            verified_within: None,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::Keep(Demand::default())
    }
}

/// Largest number of copies that a policy can demand.
const MAX_COPIES: u64 = 99;

impl Policy {
    /// Parses `none`, or `copies N [offsite M] [verified DURATION]`. An error is the reason, for people.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        if words == ["none"] {
            return Ok(Self::Expendable);
        }
        let mut demand = Demand::default();
        let mut seen: Vec<&str> = Vec::new();
        for pair in words.chunks(2) {
            let [word, value] = *pair else {
                return Err(format!("`{}` needs a number after it", pair[0]));
            };
            if seen.contains(&word) {
                return Err(format!("`{word}` is there twice"));
            }
            seen.push(word);
            match word {
                "copies" => demand.copies = parse_count(value, 1)?,
                "offsite" => demand.offsite = parse_count(value, 0)?,
                "verified" => {
                    let within = unit::parse_duration(value);
                    let within = within.map_err(|_| format!("`{value}` is no time like `180d`"))?;
                    demand.verified_within = Some(within);
                }
                _ => {
                    return Err(format!(
                        "`{word}` is not one of copies, offsite and verified"
                    ));
                }
            }
        }
        if !seen.contains(&"copies") {
            return Err("`copies N` is missing".to_owned());
        }
        if demand.offsite > demand.copies {
            return Err(format!(
                "`offsite {}` is more than `copies {}`",
                demand.offsite, demand.copies
            ));
        }
        Ok(Self::Keep(demand))
    }
}

fn parse_count(value: &str, least: u64) -> Result<u64, String> {
    let count = value.parse().ok();
    let count = count.filter(|count| (least..=MAX_COPIES).contains(count));
    count.ok_or_else(|| format!("`{value}` is no number from {least} to {MAX_COPIES}"))
}

impl fmt::Display for Policy {
    /// Writes the policy as [`Policy::parse`] reads it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Keep(demand) = self else {
            return formatter.write_str("none");
        };
        write!(formatter, "copies {}", demand.copies)?;
        if demand.offsite > 0 {
            write!(formatter, " offsite {}", demand.offsite)?;
        }
        if let Some(within) = demand.verified_within {
            write!(formatter, " verified {}", typed_duration(within))?;
        }
        Ok(())
    }
}

/// Returns a duration as it is typed, in the largest unit that states it exactly: `180d`.
pub fn typed_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let exact = units
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, word) = exact.unwrap_or((1, "s"));
    format!("{}{word}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(line: &str) -> Result<Policy, String> {
        Policy::parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn impossible_policies_are_refused() {
        for (line, why) in [
            ("", "`copies N` is missing"),
            ("copies", "`copies` needs a number after it"),
            ("copies 0", "`0` is no number from 1 to 99"),
            ("copies 2 copies 3", "`copies` is there twice"),
            ("copies 1 offsite 2", "`offsite 2` is more than `copies 1`"),
            ("copies 2 verified often", "`often` is no time like `180d`"),
            (
                "copies 2 nearby 1",
                "`nearby` is not one of copies, offsite and verified",
            ),
            ("offsite 1", "`copies N` is missing"),
        ] {
            assert_eq!(parse(line), Err(why.to_owned()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn written_policy_is_read_back(copies in 1..=99_u64, offsite in 0..=99_u64, seconds in proptest::option::of(0..10_000_000_u64)) {
            let policy = Policy::Keep(Demand {
                copies,
                offsite: offsite.min(copies),
                verified_within: seconds.map(Duration::from_secs),
            });
            prop_assert_eq!(parse(&policy.to_string()), Ok(policy));
            prop_assert_eq!(parse(&Policy::Expendable.to_string()), Ok(Policy::Expendable));
        }
    }
}
