//! Policies: for each category the newest change of any workstation.

use std::time::Duration;

use postgres::{Row, Transaction};

use super::statement::{READ_POLICIES, WRITE_POLICIES};
use super::transfer::{StudioPull, StudioPush, damaged, leave_out};
use crate::catalog::exchange::failure::ExchangeFailure;
use crate::catalog::exchange::replica_key::{bytes_of, path_of};
use crate::index::{IncomingStudio, SharedPolicy};
use crate::model::policy::{Demand, Policy};

/// The time of a policy that a start-up file states, and nobody set.
const STATED: i64 = 0;

/// Returns the policies of this workstation that count, and leaves those of the catalog that do.
pub(super) fn merge<'o>(
    own: &'o [SharedPolicy],
    pulled: &mut Vec<SharedPolicy>,
) -> Vec<&'o SharedPolicy> {
    let own: Vec<&SharedPolicy> = own
        .iter()
        .filter(|own| {
            let there = pulled.iter().find(|there| there.category == own.category);
            there.is_none_or(|there| own.replaces(there))
        })
        .collect();
    pulled.retain(|there| own.iter().all(|own| own.category != there.category));
    own
}

impl StudioPull<'_> {
    pub(super) fn read_policies(
        &self,
        transaction: &mut Transaction<'_>,
        incoming: &mut IncomingStudio,
        left_out: &mut Vec<String>,
    ) -> Result<(), ExchangeFailure> {
        for row in &transaction.query(READ_POLICIES, &[&self.known_revision])? {
            match self.read_policy(row) {
                Ok(policy) => incoming.policies.push(policy),
                Err(_) if self.is_own(row) => {}
                Err(damaged) if self.is_check => leave_out(Err(damaged), left_out)?,
                // Without a policy, more could be freed than anybody allowed.
                Err(damaged) => return Err(damaged),
            }
        }
        Ok(())
    }

    /// True if the push writes the policy of this row.
    fn is_own(&self, row: &Row) -> bool {
        let category = path_of(row.get(0));
        let mut own = self.own_policies.iter();
        own.any(|policy| Some(&*policy.category) == category)
    }

    fn read_policy(&self, row: &Row) -> Result<SharedPolicy, ExchangeFailure> {
        let damaged = || damaged("a policy");
        let changed_at: i64 = row.get(5);
        Ok(SharedPolicy {
            category: path_of(row.get(0)).ok_or_else(damaged)?.to_owned(),
            policy: if row.get::<_, Option<i64>>(1).is_some() {
                Some(read_demand(row).ok_or_else(damaged)?)
            } else {
                None
            },
            host: self.host(row.get(4))?,
            changed_at: (changed_at != STATED).then(|| self.clock.past_time(changed_at)),
        })
    }
}

/// Returns the policy of a row that has one; `None` if it is impossible.
fn read_demand(row: &Row) -> Option<Policy> {
    let verified: Option<i64> = row.get(3);
    let verified = verified.map(u64::try_from).transpose().ok()?;
    let demand = Demand {
        copies: u64::try_from(row.get::<_, i64>(1)).ok()?,
        offsite: u64::try_from(row.get::<_, i64>(2)).ok()?,
        verified_within: verified.map(Duration::from_secs),
    };
    let policy = match demand.copies {
        0 => Policy::Expendable,
        _ => Policy::Keep(demand),
    };
    policy.is_possible().then_some(policy)
}

impl StudioPush<'_> {
    pub(super) fn write_policies(
        &self,
        transaction: &mut Transaction<'_>,
        policies: &[&SharedPolicy],
    ) -> Result<(), ExchangeFailure> {
        if policies.is_empty() {
            return Ok(());
        }
        let demands = policies.iter().map(|shared| match shared.policy {
            None => (None, Demand::default()),
            Some(Policy::Expendable) => (Some(0_i64), Demand::default()),
            Some(Policy::Keep(demand)) => (Some(demand.copies.cast_signed()), demand),
        });
        let demands: Vec<(Option<i64>, Demand)> = demands.collect();
        let categories: Vec<&[u8]> = policies.iter().map(|one| bytes_of(&one.category)).collect();
        let copies: Vec<Option<i64>> = demands.iter().map(|(copies, _)| *copies).collect();
        let offsite: Vec<i64> = demands
            .iter()
            .map(|(_, one)| one.offsite.cast_signed())
            .collect();
        let verified: Vec<Option<i64>> = demands
            .iter()
            .map(|(_, one)| {
                one.verified_within
                    .map(|within| within.as_secs().cast_signed())
            })
            .collect();
        let hosts: Vec<i64> = policies
            .iter()
            .map(|one| self.numbers.get(&one.host).map_or(self.own, |host| host.0))
            .collect();
        let times: Vec<i64> = policies
            .iter()
            .map(|one| {
                one.changed_at
                    .map_or(STATED, |at| self.clock.past_seconds(at))
            })
            .collect();
        transaction.execute(
            WRITE_POLICIES,
            &[
                &categories,
                &copies,
                &offsite,
                &verified,
                &hosts,
                &times,
                &self.revision,
            ],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::timestamp::Timestamp;

    fn policies() -> impl Strategy<Value = Vec<SharedPolicy>> {
        let one = (0..3_u8, 1..4_u64, prop::option::of(0..4_i64));
        prop::collection::btree_map(0..3_u8, one, 0..4).prop_map(|all| {
            let all = all
                .into_iter()
                .map(|(category, (kind, copies, at))| SharedPolicy {
                    category: format!("c{category}").into(),
                    policy: match kind {
                        0 => None,
                        1 => Some(Policy::Expendable),
                        _ => Some(Policy::Keep(Demand {
                            copies,
                            ..Demand::default()
                        })),
                    },
                    host: None,
                    changed_at: at.map(|seconds| Timestamp {
                        seconds,
                        nanoseconds: 0,
                    }),
                });
            all.collect()
        })
    }

    proptest! {
        #[test]
        fn newest_change_of_each_category_counts(own in policies(), there in policies()) {
            let mut pulled = there.clone();
            let pushed = merge(&own, &mut pulled);
            let kept: Vec<&SharedPolicy> = pulled.iter().chain(pushed).collect();
            for policy in own.iter().chain(&there) {
                let counts: Vec<_> = kept.iter().filter(|one| one.category == policy.category).collect();
                // Each category has one policy, and none is older than what either side knew.
                prop_assert_eq!(counts.len(), 1);
                prop_assert!(counts[0].changed_at >= policy.changed_at);
            }
            // What the catalog has gives way to newer changes only.
            for policy in &there {
                let newer = own.iter().any(|one| one.category == policy.category && one.changed_at > policy.changed_at);
                prop_assert_eq!(pulled.contains(policy), !newer);
            }
        }
    }
}
