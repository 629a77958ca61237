//! Sizes over time of the projects in a scope, on all tracked databases.

use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, SizePoint, SizeSeries};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};

/// The series of the projects in a scope. Their points are read one replica at a time.
#[derive(Debug)]
pub struct SizeHistory<'a> {
    index: &'a Index,
    registry: &'a Registry,
    /// Sorted by project, category and database.
    series: Vec<PlacedSeries>,
    /// Changes before it are left out, but for the last one.
    since: Option<Timestamp>,
    now: Timestamp,
}

/// Reads the positions of the databases and categories of some replicas, and their sizes.
type CopiesVisitor<'v> = dyn FnMut(&[(usize, usize)], &[ReplicaSizes<'_>]) -> Result<()> + 'v;

/// A series with its replica.
#[derive(Debug)]
struct PlacedSeries {
    series: SizeSeries,
    /// The project in the form that all its spellings have in common.
    composed: ProjectId,
    /// Position of the category in the registry.
    category: usize,
    /// Position of the database in the registry.
    database: usize,
}

/// The sizes over time of one replica.
#[derive(Debug)]
pub struct ReplicaSizes<'a> {
    /// The project as this database spells it.
    pub project: &'a ProjectId,
    /// The category.
    pub category: &'a Category,
    /// The database that holds the replica.
    pub database: &'a Database,
    /// At least one, in ascending order of time. The first may be older than the period that was asked for: it was in force
    /// when the period began.
    pub points: Vec<SizePoint>,
}

impl<'a> SizeHistory<'a> {
    /// Finds the series of a scope, also those of projects that no longer exist.
    pub fn find(
        index: &'a Index,
        registry: &'a Registry,
        scope: &Scope,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self> {
        let mut series = Vec::new();
        for (database, known) in registry.databases().iter().enumerate() {
            let Some(id) = index.database_id(&known.root)? else {
                continue;
            };
            for (category, known) in registry.categories().iter().enumerate() {
                let found = index.size_series(id, known.key())?.into_iter();
                let found = found.filter(|series| scope.contains(&series.project));
                series.extend(found.map(|series| PlacedSeries {
                    composed: series.project.composed(),
                    series,
                    category,
                    database,
                }));
            }
        }
        series.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(Self {
            index,
            registry,
            series,
            since,
            now,
        })
    }

    /// True if no sizes of the scope were ever recorded.
    pub const fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Time of the answer.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The projects, sorted; one with several replicas occurs several times.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectId> {
        self.series.iter().map(|placed| &placed.composed)
    }

    /// Returns the time of the first change, or the beginning of the period if that is later.
    pub fn start(&self) -> Result<Timestamp> {
        let mut start = self.now;
        for placed in &self.series {
            let first = self.index.first_size_at(&placed.series)?;
            start = start.min(first.unwrap_or(start));
        }
        Ok(self
            .since
            .map_or(start, |since| since.clamp(start, self.now)))
    }

    /// Returns the time of the last change; the current time without any.
    pub fn last_change(&self) -> Result<Timestamp> {
        let mut last = None;
        for placed in &self.series {
            last = last.max(self.index.last_size_at(&placed.series)?);
        }
        Ok(last.map_or(self.now, |last| last.min(self.now)))
    }

    /// Passes the replicas to `visit`, sorted by project, category and database.
    pub fn visit(&self, visit: &mut dyn FnMut(&ReplicaSizes<'_>) -> Result<()>) -> Result<()> {
        for placed in &self.series {
            interrupt::check()?;
            let replica = self.read(placed)?;
            if !replica.points.is_empty() {
                visit(&replica)?;
            }
        }
        Ok(())
    }

    /// Passes the replicas of each project and category, one on each database, to `visit`, with the positions of their
    /// databases and categories in the registry.
    pub(super) fn visit_copies(&self, visit: &mut CopiesVisitor<'_>) -> Result<()> {
        let is_copy = |a: &PlacedSeries, b: &PlacedSeries| a.subject() == b.subject();
        for copies in self.series.chunk_by(is_copy) {
            interrupt::check()?;
            let places: Vec<_> = copies.iter().map(PlacedSeries::place).collect();
            let copies: Result<Vec<_>> = copies.iter().map(|placed| self.read(placed)).collect();
            visit(&places, &copies?)?;
        }
        Ok(())
    }

    fn read<'s>(&'s self, placed: &'s PlacedSeries) -> Result<ReplicaSizes<'s>> {
        let mut points = self.index.size_points(&placed.series)?;
        put_in_order(&mut points, self.now);
        let since = self.since.unwrap_or(Timestamp::UNKNOWN);
        let in_force = points.partition_point(|point| point.at <= since);
        points.drain(..in_force.saturating_sub(1));
        Ok(ReplicaSizes {
            project: &placed.series.project,
            category: &self.registry.categories()[placed.category],
            database: &self.registry.databases()[placed.database],
            points,
        })
    }
}

impl PlacedSeries {
    const fn key(&self) -> (&ProjectId, usize, usize, &ProjectId) {
        (
            &self.composed,
            self.category,
            self.database,
            &self.series.project,
        )
    }

    const fn place(&self) -> (usize, usize) {
        (self.database, self.category)
    }

    const fn subject(&self) -> (&ProjectId, usize) {
        (&self.composed, self.category)
    }
}

impl ReplicaSizes<'_> {
    /// Returns the size in force at a time; `None` before the first one.
    pub fn at(&self, time: Timestamp) -> Option<SizePoint> {
        let later = self.points.partition_point(|point| point.at <= time);
        self.points[..later].last().copied()
    }
}

/// Makes times ascending that a jumping clock wrote: the order in which changes were recorded is certain. A change in the
/// future happened no later than the next one.
fn put_in_order(points: &mut [SizePoint], now: Timestamp) {
    let mut next = now;
    for point in points.iter_mut().rev() {
        if point.at > now {
            point.at = next;
        }
        next = point.at;
    }
    let mut latest = Timestamp::UNKNOWN;
    for point in points {
        point.at = point.at.max(latest);
        latest = point.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumping_clock_keeps_order_of_changes() {
        let at = |seconds| Timestamp {
            seconds,
            nanoseconds: 0,
        };
        let ordered = |times: &[i64]| -> Vec<i64> {
            let points = times.iter().map(|seconds| SizePoint {
                at: at(*seconds),
                present: true,
                files: 0,
                bytes: 0,
            });
            let mut points: Vec<_> = points.collect();
            put_in_order(&mut points, at(100));
            points.iter().map(|point| point.at.seconds).collect()
        };
        assert_eq!(ordered(&[10, 20, 30]), [10, 20, 30]);
        assert_eq!(ordered(&[10, 900, 30, 40]), [10, 30, 30, 40]);
        assert_eq!(ordered(&[10, 0, 30]), [10, 10, 30]);
        assert_eq!(ordered(&[10, 900]), [10, 100]);
    }
}
