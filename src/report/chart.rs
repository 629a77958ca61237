//! The chart of a report: sizes over time as the scans recorded them, or else bytes by the month of their last change, added
//! up.

use std::fmt::Write as _;

use super::data::{Growth, MonthTotals, RecordedGrowth, RecordedSize};
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

/// Class, width and height of the layouts.
const LAYOUTS: [(&str, f64, f64); 2] = [("wide", 920.0, 260.0), ("narrow", 360.0, 240.0)];

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
}

/// Draws the growth. Returns `None` if neither changes were recorded nor any byte is dated.
pub(super) fn picture(growth: &Growth, now: Timestamp) -> Option<Picture> {
    match &growth.recorded {
        Some(recorded) => Some(recorded_picture(recorded)),
        None => Some(month_picture(&MonthSeries::of(growth, now)?)),
    }
}

fn recorded_picture(recorded: &RecordedGrowth) -> Picture {
    let words = |size: Option<&RecordedSize>| {
        size.map_or_else(String::new, |size| {
            format!("{} on {}", unit::format_bytes(size.bytes), size.at.date())
        })
    };
    let [start, end] = [recorded.points.first(), recorded.points.last()].map(words);
    let points = recorded.points.iter().skip(1);
    let sums: Vec<u64> = points.map(|size| size.bytes).collect();
    Picture {
        title: "Growth".to_owned(),
        description: format!(
            "A curve from {start} to {end}. The table below has the numbers."
        ),
        caption: "Sizes over time, as the scans recorded them: the largest copy of each project and category, added up.".to_owned(),
        layouts: LAYOUTS.map(|(class, width, height)| {
            draw(&sums, &date_labels(recorded, width), class, (width, height))
        }),
    }
}

fn month_picture(series: &MonthSeries) -> Picture {
    let [start, end] = [0, series.sums.len() - 1].map(|place| {
        let month = series.first + i32::try_from(place).unwrap_or_default();
        let bytes = unit::format_bytes(series.sums[place]);
        format!("{bytes} at the end of {}", month_words(month))
    });
    Picture {
        title: "Growth".to_owned(),
        description: format!(
            "A curve that rises from {start} to {end}. The table below has the numbers by year."
        ),
        caption: "Bytes by the month in which each file was last changed, added up. It shows the files of today: a file that was changed or removed since is not where it once was. Once scans have recorded a change, their sizes over time are shown.".to_owned(),
        layouts: LAYOUTS.map(|(class, width, height)| {
            let labels = month_labels(series, width);
            draw(&series.sums, &labels, class, (width, height))
        }),
    }
}

/// Draws sums as steps of equal width, with some labels below them.
fn draw(
    sums: &[u64],
    labels: &[(usize, String)],
    class: &'static str,
    (width, height): (f64, f64),
) -> Drawing {
    let (plot_width, plot_height) = (width - LEFT - RIGHT, height - BELOW - ABOVE);
    let greatest = sums.iter().max().copied().unwrap_or_default();
    let top = magnitude(greatest.max(1));
    let y = |bytes: f64| ABOVE + plot_height * (1.0 - bytes / top);
    let step = plot_width / magnitude(sums.len() as u64);
    let x = |place: usize| LEFT + step * magnitude(place as u64);
    let mut shapes = Vec::new();
    for tick in ticks(greatest) {
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
    for (place, sum) in sums.iter().enumerate() {
        let y = rounded(y(magnitude(*sum)));
        let [from, to] = [place, place + 1].map(|place| rounded(x(place)));
        ignore(
            write!(points, " {from},{y} {to},{y}"),
            "writing to a string cannot fail",
        );
    }
    let end = rounded(x(sums.len()));
    ignore(
        write!(points, " {end},{}", rounded(y(0.0))),
        "writing to a string cannot fail",
    );
    shapes.push(Shape::Polygon { points });
    for (place, text) in labels {
        let at = (rounded(x(*place) + step / 2.0), height - 8.0);
        shapes.push(Shape::Label {
            at,
            class: "m",
            text: text.clone(),
        });
    }
    Drawing {
        class,
        width,
        height,
        shapes,
    }
}

/// Returns the dates of some steps, by their place; within two days, the times of day, in UTC.
fn date_labels(recorded: &RecordedGrowth, width: f64) -> Vec<(usize, String)> {
    /// Longest period with times of day, in seconds.
    const SHORT: i64 = 2 * 86_400;
    let is_wide = width > 600.0;
    let most = if is_wide { 6 } else { 3 };
    let ends: Vec<Timestamp> = recorded.points.iter().skip(1).map(|size| size.at).collect();
    let [Some(first), Some(last)] = [ends.first(), ends.last()] else {
        return Vec::new();
    };
    let is_short = last.seconds.saturating_sub(first.seconds) <= SHORT;
    let every = ends.len().div_ceil(most).max(1);
    // The middle of each part: a label at an end would leave the picture.
    let shown = ends.iter().enumerate().skip(every / 2).step_by(every);
    let label = |at: &Timestamp| match at.minute().split_once(' ') {
        Some((_, time)) if is_short && !is_wide => time.to_owned(),
        _ if is_short => at.minute(),
        _ => at.date(),
    };
    shown.map(|(place, at)| (place, label(at))).collect()
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
        assert_eq!((series.sums[0], series.sums[119]), (5, 12));
        assert_eq!(MonthSeries::of(&growth(&[]), NOW), None);
        let future = MonthSeries::of(&growth(&[(2090, 1, 7)]), NOW).unwrap();
        assert_eq!(future.sums, [0, 0, 7]);
    }

    #[test]
    fn recorded_sizes_are_preferred() {
        let points = (0..=60).map(|day| RecordedSize {
            at: Timestamp {
                seconds: NOW.seconds + day * 86_400,
                nanoseconds: 0,
            },
            files: 1,
            bytes: if day < 30 { 1_000_000 } else { 5_000 },
        });
        let growth = Growth {
            recorded: Some(RecordedGrowth {
                changes: 1,
                points: points.collect(),
            }),
            ..growth(&[(2025, 12, 5)])
        };
        let picture = picture(&growth, NOW).unwrap();
        let said = &picture.description;
        assert!(said.contains("1.00 MB on 2026-03-01"), "{said}");
        assert!(said.contains("5.00 kB on 2026-04-30"), "{said}");
        for (layout, most) in picture.layouts.iter().zip([6, 3]) {
            let is_date = |shape: &&Shape| matches!(shape, Shape::Label { class: "m", .. });
            let labels = layout.shapes.iter().filter(is_date).count();
            assert!((2..=most).contains(&labels), "{labels}");
        }
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
