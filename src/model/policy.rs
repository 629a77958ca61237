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

/// The policy of a category that all workstations share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudioPolicy {
    /// The policy; `None` if it was removed and the default counts.
    pub policy: Option<Policy>,
    /// The name of the workstation that set it; `None` for this one.
    pub host: Option<String>,
}

/// Two policies for one category: the start-up file states one, the studio has another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyConflict {
    /// The policy that is stated here.
    pub stated: Policy,
    /// The policy that the workstations share.
    pub studio: StudioPolicy,
}

impl StudioPolicy {
    /// Returns what the category demands.
    pub fn demanded(&self) -> Policy {
        self.policy.unwrap_or_default()
    }
}

impl PolicyConflict {
    /// Returns the conflict as a message.
    pub fn words(&self, category: &str) -> String {
        let (stated, studio) = (self.stated, self.studio.demanded());
        let by = self.studio.host.as_ref();
        let by = by.map_or_else(String::new, |host| format!(", set on {host}"));
        format!(
            "two policies for {category}: `{stated}` here, `{studio}` in the catalog{by}; the stricter counts; \
             `policy {category} ...` sets one for all workstations, `save` then removes the line here"
        )
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

impl Policy {
    /// True for a policy that can be set.
    pub fn is_possible(&self) -> bool {
        let Self::Keep(demand) = self else {
            return true;
        };
        (1..=MAX_COPIES).contains(&demand.copies) && demand.offsite <= demand.copies
    }

    /// Returns the policy that demands what each of two demands.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Expendable, policy) | (policy, Self::Expendable) => policy,
            (Self::Keep(one), Self::Keep(other)) => Self::Keep(Demand {
                copies: one.copies.max(other.copies),
                offsite: one.offsite.max(other.offsite),
                verified_within: match (one.verified_within, other.verified_within) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                },
            }),
        }
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

    fn policies() -> impl Strategy<Value = Policy> {
        let demand = (1..5_u64, 0..5_u64, proptest::option::of(1..4_u64));
        proptest::option::of(demand).prop_map(|demand| {
            demand.map_or(Policy::Expendable, |(copies, offsite, days)| {
                Policy::Keep(Demand {
                    copies,
                    offsite: offsite.min(copies),
                    verified_within: days.map(Duration::from_secs),
                })
            })
        })
    }

    proptest! {
        #[test]
        fn stricter_policy_demands_what_both_do(a in policies(), b in policies(), c in policies()) {
            let both = a.stricter(b);
            prop_assert!(both.is_possible());
            prop_assert_eq!(both, b.stricter(a));
            prop_assert_eq!(both.stricter(c), a.stricter(b.stricter(c)));
            // Each of them is met by what meets both.
            prop_assert_eq!((both.stricter(a), both.stricter(b)), (both, both));
            prop_assert_eq!(a.stricter(a), a);
        }

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
