//! Thinning of sizes over time: the older they are, the fewer are kept (decision 53).

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Seconds after which a limit holds, and the period of which it keeps the last row.
const LIMITS: [(i64, i64); 3] = [(730 * DAY, WEEK), (30 * DAY, DAY), (DAY, HOUR)];

/// Seconds from a Monday to the time 0, so that weeks begin on Mondays.
const MONDAY: i64 = 3 * DAY;

/// A row: its number and its time in seconds UTC.
pub(super) type DatedRow = (i64, i64);

/// Returns the numbers of the rows that are not kept at the time `now`, of all rows of a replica in ascending order. The
/// first and the last one are kept, and the last one of each period.
pub(super) fn surplus(rows: &[DatedRow], now: i64) -> Vec<i64> {
    let pairs = rows.windows(2).skip(1);
    let surplus = pairs.filter_map(|pair| match *pair {
        [(number, at), (_, next)] if is_same_period(at, next, now) => Some(number),
        _ => None,
    });
    surplus.collect()
}

/// True if two times are in one period, whose last row is enough at the time `now`.
fn is_same_period(at: i64, next: i64, now: i64) -> bool {
    let age = now.saturating_sub(next);
    let limit = LIMITS.into_iter().find(|(oldest, _)| age > *oldest);
    let period = |at: i64, length| at.saturating_add(MONDAY).div_euclid(length);
    limit.is_some_and(|(_, length)| period(at, length) == period(next, length))
}

/// True if a row begins another day than the one before it: then older rows are thinned out, once a day.
pub(super) fn begins_day(before: i64, at: i64) -> bool {
    before.div_euclid(DAY) != at.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a row every `step` seconds until `now`, and thins them out after each day. Returns the rows that are left.
    fn write(step: usize, days: i64) -> (Vec<DatedRow>, i64) {
        let (mut rows, now): (Vec<DatedRow>, i64) = (Vec::new(), days * DAY);
        for (number, at) in (1..).zip((0..=now).step_by(step)) {
            let thins = rows.last().is_some_and(|last| begins_day(last.1, at));
            rows.push((number, at));
            if thins {
                let gone = surplus(&rows, at);
                rows.retain(|row| gone.binary_search(&row.0).is_err());
            }
        }
        (rows, now)
    }

    #[test]
    fn ten_years_of_hourly_changes_are_few_rows() {
        let (rows, now) = write(3600, 3650);
        assert_eq!(rows[0], (1, 0));
        assert_eq!(rows.last().unwrap().1, now);
        let between = |from: i64, to: i64| {
            let ages = rows.iter().map(|row| (now - row.1) / DAY);
            ages.filter(|age| (from..to).contains(age)).count()
        };
        assert_eq!(between(0, 30), 30 * 24);
        assert!((699..=701).contains(&between(31, 731)));
        assert!((417..=419).contains(&between(731, 3649)));
        assert!(rows.len() < 1900, "{}", rows.len());
    }

    #[test]
    fn changes_every_minute_are_kept_for_a_day() {
        let (rows, now) = write(60, 4);
        let recent = rows.iter().filter(|row| now - row.1 < DAY).count();
        assert_eq!(recent, 24 * 60);
        assert!(rows.len() < 24 * 60 + 4 * 24, "{}", rows.len());
    }

    #[test]
    fn thinned_rows_are_not_thinned_again() {
        let (mut rows, now) = write(1800, 900);
        let gone = surplus(&rows, now);
        rows.retain(|row| !gone.contains(&row.0));
        assert_eq!(surplus(&rows, now), [0_i64; 0]);
    }

    #[test]
    fn jumping_clock_loses_no_first_and_last_row() {
        for rows in [
            vec![],
            vec![(1, 5)],
            vec![(1, i64::MIN), (2, i64::MAX)],
            vec![(1, 900 * DAY), (2, 0), (3, 1)],
        ] {
            let gone = surplus(&rows, 800 * DAY);
            let ends = [rows.first(), rows.last()].into_iter().flatten();
            assert!(
                ends.into_iter().all(|row| !gone.contains(&row.0)),
                "{rows:?}"
            );
        }
    }
}
