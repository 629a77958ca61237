//! The task whose progress is shown: its counts, and the line that shows them.

use std::time::{Duration, Instant};

use super::wrap::display_width;
use crate::base::monitor::Task;
use crate::base::unit;

/// Completed work.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) files: u64,
    pub(super) folders: u64,
    pub(super) bytes: u64,
}

/// Expected work, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) files: Option<u64>,
    pub(super) bytes: Option<u64>,
}

/// The current task.
#[derive(Debug)]
pub(super) struct ActiveTask {
    name: &'static str,
    /// The word for what was done with the bytes.
    done_word: &'static str,
    /// The name of the file that is being copied.
    pub(super) current: Option<String>,
    pub(super) started: Instant,
    /// Names of the databases that are being processed.
    pub(super) databases: Vec<String>,
    /// Completed percentage of each of several destinations.
    destinations: Vec<(String, u64)>,
    pub(super) done: Counts,
    pub(super) total: Totals,
}

impl ActiveTask {
    pub(super) fn new(task: Task, total: Totals) -> Self {
        Self {
            name: task.word(),
            done_word: task.done_word(),
            current: None,
            started: Instant::now(),
            databases: Vec::new(),
            destinations: Vec::new(),
            done: Counts::default(),
            total,
        }
    }

    pub(super) fn set_destination(&mut self, name: &str, percent: u64) {
        let mut known = self.destinations.iter_mut();
        match known.find(|(known, _)| known == name) {
            Some((_, known)) => *known = percent,
            None => self.destinations.push((name.to_owned(), percent)),
        }
    }

    /// Returns the line, with as many of its parts as fit: the most important ones come first, and none is cut.
    pub(super) fn line(&self, room: usize) -> String {
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        let parts = match self.total.bytes {
            Some(total) => self.transfer_parts(total, elapsed),
            None => self.scan_parts(elapsed),
        };
        join_fitting(&parts, room)
    }

    /// `12 %, 15 s left, scanning NAS, 120,000 of 1,000,000 files, 85,000 files/s, 1,300 folders`.
    fn scan_parts(&self, elapsed: f64) -> Vec<String> {
        let done = self.done.files;
        let rate = per_second(done, elapsed);
        let mut parts = Vec::new();
        if let Some(total) = self.total.files {
            parts.push(format!("{} %", percent(done, total)));
            parts.extend(time_left(done, total, rate));
        }
        let mut name = self.name.to_owned();
        if !self.databases.is_empty() {
            name = format!("{name} {}", self.database_list());
        }
        parts.push(name);
        let files = of_total(done, self.total.files, unit::format_count);
        parts.push(format!("{files} files"));
        parts.push(format!("{} files/s", unit::format_count(rate)));
        if self.done.folders > 0 {
            parts.push(unit::format_counted(self.done.folders, "folder"));
        }
        parts
    }

    /// Returns the names of at most three databases; of more, two names and the number of the others.
    fn database_list(&self) -> String {
        match self.databases.as_slice() {
            [first, second, others @ ..] if others.len() > 1 => {
                format!("{first}, {second} and {} more", others.len())
            }
            few => few.join(", "),
        }
    }

    /// `28 %, 23 s left, NAS 40 %, SHELF 16 %, 511 MB of 5.50 GB copied, 154 MB/s, 12 of 1,003 files, sh010.1013.exr`.
    fn transfer_parts(&self, total: u64, elapsed: f64) -> Vec<String> {
        let done = self.done.bytes.min(total);
        let rate = per_second(done, elapsed);
        let mut parts = vec![format!("{} %", percent(done, total))];
        let left = time_left(done, total, rate);
        let has_rate = left.is_some();
        parts.extend(left);
        let destinations = self.destinations.iter();
        parts.extend(destinations.map(|(name, percent)| format!("{name} {percent} %")));
        let bytes = of_total(done, Some(total), unit::format_bytes);
        parts.push(format!("{bytes} {}", self.done_word));
        if has_rate {
            parts.push(format!("{}/s", unit::format_bytes(rate)));
        }
        // Files count when their group is complete; until then, their number alone says nothing false. A comparison counts
        // the files that it listed, not those that it read.
        match (self.done.files, self.total.files) {
            _ if self.name == Task::Compare.word() => {}
            (0, Some(total)) => parts.push(unit::format_counted(total, "file")),
            (done, total) => {
                let files = of_total(done, total, unit::format_count);
                parts.push(format!("{files} files"));
            }
        }
        parts.extend(self.current.clone());
        parts
    }
}

/// Joins parts by commas as long as they fit. The first part is always shown.
fn join_fitting(parts: &[String], room: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let separator = if line.is_empty() { "" } else { ", " };
        let longer = format!("{line}{separator}{part}");
        if !line.is_empty() && display_width(&longer) > room {
            break;
        }
        line = longer;
    }
    line
}

/// `23 s left`; `None` while the rate is unknown.
fn time_left(done: u64, total: u64, rate: u64) -> Option<String> {
    let seconds = total.saturating_sub(done).checked_div(rate)?;
    let left = unit::format_duration(Duration::from_secs(seconds));
    Some(format!("{left} left"))
}

/// Returns the completed percentage, at most 100 even if more was done than expected.
pub(super) fn percent(done: u64, total: u64) -> u64 {
    let percent = done.saturating_mul(100).checked_div(total);
    percent.unwrap_or(100).min(100)
}

/// `12 of 40`, or `12` if the total is unknown.
fn of_total(done: u64, total: Option<u64>, show: fn(u64) -> String) -> String {
    total.map_or_else(
        || show(done),
        |total| format!("{} of {}", show(done), show(total)),
    )
}

fn per_second(done: u64, seconds: f64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = (done as f64 / seconds) as u64;
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copying() -> ActiveTask {
        let total = Totals {
            files: Some(1003),
            bytes: Some(5_500_000_000),
        };
        let mut task = ActiveTask::new(Task::Copy, total);
        task.done = Counts {
            files: 12,
            folders: 0,
            bytes: 1_540_000_000,
        };
        task.current = Some("sh010.1013.exr".to_owned());
        task
    }

    #[test]
    fn line_ends_before_the_terminal_does() {
        let parts = copying().transfer_parts(5_500_000_000, 10.0);
        assert_eq!(join_fitting(&parts, 20), "28 %, 25 s left");
        assert_eq!(join_fitting(&parts, 40), "28 %, 25 s left");
        assert_eq!(
            join_fitting(&parts, 60),
            "28 %, 25 s left, 1.54 GB of 5.50 GB copied, 154 MB/s"
        );
        assert_eq!(
            join_fitting(&parts, 100),
            "28 %, 25 s left, 1.54 GB of 5.50 GB copied, 154 MB/s, 12 of 1,003 files, sh010.1013.exr"
        );
        for room in 0..100 {
            assert!(
                display_width(&join_fitting(&parts, room)) <= room.max(4),
                "{room}"
            );
        }
    }

    #[test]
    fn each_destination_has_its_percentage() {
        let mut task = copying();
        for (name, percent) in [("NAS", 3), ("SHELF", 16), ("NAS", 40)] {
            task.set_destination(name, percent);
        }
        let parts = task.transfer_parts(5_500_000_000, 10.0);
        assert_eq!(
            join_fitting(&parts, 40),
            "28 %, 25 s left, NAS 40 %, SHELF 16 %"
        );
    }

    #[test]
    fn counts_never_contradict_the_percentage() {
        let mut task = copying();
        task.done.files = 0;
        let line = join_fitting(&task.transfer_parts(5_500_000_000, 10.0), 200);
        assert!(line.contains("154 MB/s, 1,003 files, sh010"), "{line}");
        task.done.bytes = 6_000_000_000;
        let line = join_fitting(&task.transfer_parts(5_500_000_000, 10.0), 200);
        assert!(
            line.starts_with("100 %, 0.0 s left, 5.50 GB of 5.50 GB"),
            "{line}"
        );
        let total = Totals {
            files: Some(1003),
            bytes: Some(100),
        };
        let mut task = ActiveTask::new(Task::Compare, total);
        task.done = Counts {
            files: 1003,
            folders: 0,
            bytes: 34,
        };
        let line = join_fitting(&task.transfer_parts(100, 1.0), 200);
        assert_eq!(line, "34 %, 1.0 s left, 34 B of 100 B compared, 34 B/s");
    }

    #[test]
    fn scan_shows_the_previous_number_of_files() {
        let total = Totals {
            files: Some(1_000_000),
            bytes: None,
        };
        let mut task = ActiveTask::new(Task::Scan, total);
        task.databases = vec!["NAS".to_owned()];
        task.done = Counts {
            files: 120_000,
            folders: 1_300,
            bytes: 0,
        };
        assert_eq!(
            join_fitting(&task.scan_parts(2.0), 200),
            "12 %, 14 s left, scanning NAS, 120,000 of 1,000,000 files, 60,000 files/s, 1,300 folders"
        );
    }
}
