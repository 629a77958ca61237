//! The chart of a report: bytes by the month of their last change, added up.

use std::fmt::Write as _;

use super::data::{Growth, MonthTotals};
use super::picture::{Drawing, Picture, Shape, magnitude, rounded};
use crate::base::ignore::ignore;
use crate::base::timestamp::Timestamp;
use crate::base::unit;

/// Greatest number of months; earlier ones are added up before the first.
const MAX_MONTHS: i32 = 120;

/// Space around the plot for the words beside it.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 28.0;
const BELOW: f64 = 26.0;
const ABOVE: f64 = 12.0;

/// Sums at the end of each month.
#[derive(Debug, PartialEq, Eq)]
struct MonthSeries {
    /// The first month, as [`month_number`] numbers it.
    first: i32,
    /// Bytes that were changed last in this month or earlier.
    sums: Vec<u64>,
}

/// Numbers the months since the year 0.
fn month_number(year: i16, month: i8) -> i32 {
    i32::from(year) * 12 + i32::from(month) - 1
}

impl MonthSeries {
    /// Adds the months up to that of `now`; later ones count in the last. Returns `None` without dated bytes.
    fn of(growth: &Growth, now: Timestamp) -> Option<Self> {
        let number = |month: &MonthTotals| month_number(month.year, month.month);
        let first = number(growth.months.first()?);
        let latest = number(growth.months.last()?);
        let end = now
            .month()
            .map_or(latest, |(year, month)| month_number(year, month));
        let first = first.min(end - 2).max(end - MAX_MONTHS + 1);
        let mut sums = vec![0_u64; usize::try_from(end - first + 1).ok()?];
        for month in &growth.months {
            let place = usize::try_from(number(month).clamp(first, end) - first).ok()?;
            sums[place] = sums[place].saturating_add(month.bytes);
        }
        let mut sum = 0_u64;
        for own in &mut sums {
            sum = sum.saturating_add(*own);
            *own = sum;
        }
        (sum > 0).then_some(Self { first, sums })
    }

    fn total(&self) -> u64 {
        self.sums.last().copied().unwrap_or_default()
    }
}

/// Draws the growth. Returns `None` without dated bytes.
pub(super) fn picture(growth: &Growth, now: Timestamp) -> Option<Picture> {
    let series = MonthSeries::of(growth, now)?;
    let [start, end] = [0, series.sums.len() - 1].map(|place| {
        let month = series.first + i32::try_from(place).unwrap_or_default();
        let bytes = unit::format_bytes(series.sums[place]);
        format!("{bytes} at the end of {}", month_words(month))
    });
    Some(Picture {
        title: "Growth".to_owned(),
        description: format!(
            "A curve that rises from {start} to {end}. The table below has the numbers by year."
        ),
        caption: "Bytes by the month in which each file was last changed, added up. It shows the files of today: a file that was changed or removed since is not where it once was, because the index keeps no history of scans.".to_owned(),
        layouts: [("wide", 920.0, 260.0), ("narrow", 360.0, 240.0)]
            .map(|(class, width, height)| draw(&series, class, (width, height))),
    })
}

fn draw(series: &MonthSeries, class: &'static str, (width, height): (f64, f64)) -> Drawing {
    let (plot_width, plot_height) = (width - LEFT - RIGHT, height - BELOW - ABOVE);
    let top = magnitude(series.total());
    let y = |bytes: f64| ABOVE + plot_height * (1.0 - bytes / top);
    let step = plot_width / magnitude(series.sums.len() as u64);
    let x = |place: usize| LEFT + step * magnitude(place as u64);
    let mut shapes = Vec::new();
    for tick in ticks(series.total()) {
        let y = rounded(y(magnitude(tick)));
        shapes.push(Shape::Line {
            from: (LEFT, y),
            to: (LEFT + plot_width, y),
        });
        shapes.push(Shape::Label {
            at: (LEFT - 8.0, y + 4.0),
            class: "e",
            text: unit::format_bytes_short(tick),
        });
    }
    let mut points = format!("{},{}", rounded(LEFT), rounded(y(0.0)));
    for (place, sum) in series.sums.iter().enumerate() {
        let y = rounded(y(magnitude(*sum)));
        let [from, to] = [place, place + 1].map(|place| rounded(x(place)));
        ignore(
            write!(points, " {from},{y} {to},{y}"),
            "writing to a string cannot fail",
        );
    }
    let end = rounded(x(series.sums.len()));
    ignore(
        write!(points, " {end},{}", rounded(y(0.0))),
        "writing to a string cannot fail",
    );
    shapes.push(Shape::Polygon { points });
    for (place, text) in month_labels(series, width) {
        let at = (rounded(x(place) + step / 2.0), height - 8.0);
        shapes.push(Shape::Label {
            at,
            class: "m",
            text,
        });
    }
    Drawing {
        class,
        width,
        height,
        shapes,
    }
}

/// Returns round numbers of bytes from 0 to the top, about four of them.
fn ticks(top: u64) -> Vec<u64> {
    let mut power = 1_u64;
    while power.saturating_mul(10) <= top / 3 {
        power = power.saturating_mul(10);
    }
    let steps = [1, 2, 5, 10].map(|factor| power.saturating_mul(factor));
    let step = steps.into_iter().find(|step| top / step <= 4);
    let step = step.unwrap_or(top).max(1);
    (0..=top / step).map(|number| number * step).collect()
}

/// Returns the names of some months, by their place.
fn month_labels(series: &MonthSeries, width: f64) -> Vec<(usize, String)> {
    let most = if width > 600.0 { 12 } else { 5 };
    let is_short = series.sums.len() <= 24;
    let months = (0..series.sums.len())
        .zip(series.first..)
        .filter(|(_, month)| is_short || month.rem_euclid(12) == 0);
    let months: Vec<(usize, i32)> = months.collect();
    let every = months.len().div_ceil(most).max(1);
    let shown = months.iter().rev().step_by(every).rev();
    shown
        .map(|(place, month)| {
            let text = if is_short {
                month_words(*month)
            } else {
                month.div_euclid(12).to_string()
            };
            (*place, text)
        })
        .collect()
}

fn month_words(month: i32) -> String {
    format!("{}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp {
        // 2026-03-01
        seconds: 1_772_323_200,
        nanoseconds: 0,
    };

    fn growth(months: &[(i16, i8, u64)]) -> Growth {
        let months = months.iter().map(|(year, month, bytes)| MonthTotals {
            year: *year,
            month: *month,
            files: 1,
            bytes: *bytes,
        });
        Growth {
            months: months.collect(),
            ..Growth::default()
        }
    }

    #[test]
    fn months_are_added_up_to_now() {
        let series = MonthSeries::of(&growth(&[(2025, 12, 5), (2026, 2, 7)]), NOW).unwrap();
        assert_eq!(series.first, month_number(2025, 12));
        assert_eq!(series.sums, [5, 5, 12, 12]);
    }

    #[test]
    fn early_and_future_months_stay_in_the_picture() {
        let series = MonthSeries::of(&growth(&[(1970, 1, 5), (2090, 1, 7)]), NOW).unwrap();
        assert_eq!(series.sums.len(), 120);
        assert_eq!((series.sums[0], series.total()), (5, 12));
        assert_eq!(MonthSeries::of(&growth(&[]), NOW), None);
        let future = MonthSeries::of(&growth(&[(2090, 1, 7)]), NOW).unwrap();
        assert_eq!(future.sums, [0, 0, 7]);
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(3), [0, 1, 2, 3]);
        assert_eq!(ticks(950), [0, 200, 400, 600, 800]);
        assert_eq!(ticks(4_200), [0, 1000, 2000, 3000, 4000]);
        for top in [1, 7, 99, 12_345_678, u64::MAX] {
            let ticks = ticks(top);
            assert!((2..=5).contains(&ticks.len()), "{top}: {ticks:?}");
        }
    }

    #[test]
    fn labels_do_not_crowd() {
        let series = MonthSeries::of(&growth(&[(1980, 1, 5)]), NOW).unwrap();
        for width in [360.0, 920.0] {
            let labels = month_labels(&series, width);
            assert!((2..=12).contains(&labels.len()), "{labels:?}");
        }
    }
}
