//! The log of runs: a file a month in the user's state folder, for people. A run whose log cannot be written is done, but
//! not `complete`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{RunEnd, RunStart};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::escape::visible;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::model::path;
use crate::os::host;
use crate::os::own_file::OwnFile;

/// A run that has ended.
#[derive(Clone, Copy, Debug)]
pub struct RunLogEntry<'a> {
    /// Its number.
    pub run: i64,
    /// What it was about.
    pub start: &'a RunStart<'a>,
    /// When it began.
    pub started: Timestamp,
    /// What it came to.
    pub end: &'a RunEnd<'a>,
    /// What ended it early.
    pub error: Option<&'a Error>,
}

/// Appends a run that ends now to the log of this month: how it went, and of the items (path, outcome and reason) those
/// that failed or are in conflict. A problem with that is told to the monitor; returns whether there was none.
pub fn append<'i>(
    entry: &RunLogEntry<'_>,
    items: impl IntoIterator<Item = (&'i Path, &'i str, Option<&'i str>)>,
    monitor: &dyn Monitor,
) -> bool {
    // Without a home there is no place for a log.
    let Some(folder) = path::state_folder() else {
        return true;
    };
    let now = Timestamp::now();
    let mut text = format_head(entry, now);
    for (path, outcome, reason) in items {
        if matches!(outcome, "failed" | "conflict") {
            append_item(&mut text, outcome, path, reason);
        }
    }
    let written = append_to_file(&month_file(&folder, now), &text);
    if let Err(error) = &written {
        monitor.on_event(&ProgressEvent::Problem(error));
    }
    written.is_ok()
}

/// The log of the month of a moment, by the calendar of UTC.
fn month_file(folder: &Path, timestamp: Timestamp) -> PathBuf {
    const MONTH: usize = "2026-11".len();
    let day = timestamp.rfc3339().unwrap_or_default();
    let month = day.get(..MONTH).unwrap_or("undated");
    folder.join(format!("{month}.log"))
}

/// What comes before the items.
fn format_head(entry: &RunLogEntry<'_>, now: Timestamp) -> String {
    let (begun, ended) = (entry.start, entry.end);
    let mut text = format!("run {}, {}: {}", entry.run, ended.state, begun.command);
    let words = [
        (" ", Some(begun.subject)),
        (" from ", begun.source),
        (" to ", begun.destination.filter(|_| begun.source.is_some())),
        (" at ", begun.destination.filter(|_| begun.source.is_none())),
    ];
    for (before, word) in words {
        if let Some(word) = word {
            append_text(
                &mut text,
                format_args!("{before}{}", visible(word.as_bytes())),
            );
        }
    }
    let seconds = now.seconds.saturating_sub(entry.started.seconds);
    let took = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    append_text(
        &mut text,
        format_args!(
            "\n  {} to {}, {}, on {}\n",
            to_the_second(entry.started),
            to_the_second(now),
            unit::format_duration(took),
            host::name()
        ),
    );
    append_text(
        &mut text,
        format_args!(
            "  {}, {}, {} failed\n",
            unit::format_counted(ended.files, "file"),
            unit::format_bytes(ended.bytes),
            unit::format_count(ended.failed)
        ),
    );
    if let Some(error) = entry.error {
        append_text(
            &mut text,
            format_args!("  error: {}\n", visible(error.full_message().as_bytes())),
        );
    }
    text
}

/// An item.
fn append_item(text: &mut String, outcome: &str, path: &Path, reason: Option<&str>) {
    let path = visible(path.as_os_str().as_bytes());
    append_text(text, format_args!("  {outcome} {path}"));
    if let Some(reason) = reason {
        append_text(text, format_args!(": {}", visible(reason.as_bytes())));
    }
    text.push('\n');
}

fn to_the_second(timestamp: Timestamp) -> String {
    let whole = Timestamp {
        nanoseconds: 0,
        ..timestamp
    };
    whole.rfc3339().unwrap_or_default()
}

/// Appends formatted text; writing to a `String` cannot fail.
fn append_text(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).unwrap_or_default();
}

/// Appends to a log that nobody else can read, in one write: runs side by side do not mix their lines.
fn append_to_file(path: &Path, text: &str) -> Result<()> {
    let own = OwnFile::find_or_make_folder(path)?;
    let written = own.open_to_append()?.write_all(text.as_bytes());
    written.at("write the log", path)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::*;

    const STARTED: Timestamp = Timestamp {
        seconds: 1_763_785_735,
        nanoseconds: 5,
    };

    const ENDED: RunEnd<'_> = RunEnd {
        state: "partial",
        files: 12,
        bytes: 3_400_000_000,
        failed: 1,
    };

    fn head_of(begun: &RunStart<'_>, ended: &RunEnd<'_>, error: Option<&Error>) -> String {
        let entry = RunLogEntry {
            run: 7,
            start: begun,
            started: STARTED,
            end: ended,
            error,
        };
        let now = Timestamp {
            seconds: STARTED.seconds + 75,
            nanoseconds: 9,
        };
        format_head(&entry, now).replace(&host::name(), "HOST")
    }

    #[test]
    fn a_run_is_told_in_a_few_lines() {
        let begun = RunStart {
            command: "copy",
            subject: "acme/spot footage",
            source: Some("WORK"),
            destination: Some("NAS,CLOUD"),
        };
        let told = "run 7, partial: copy acme/spot footage from WORK to NAS,CLOUD
  2025-11-22T04:28:55Z to 2025-11-22T04:30:10Z, 1 min 15 s, on HOST
  12 files, 3.40 GB, 1 failed
";
        assert_eq!(head_of(&begun, &ENDED, None), told);
    }

    #[test]
    fn a_run_that_could_not_begin_says_why() {
        let begun = RunStart {
            command: "load",
            subject: "all",
            source: None,
            destination: Some("NAS"),
        };
        let ended = RunEnd {
            state: "refused",
            files: 0,
            bytes: 0,
            failed: 0,
        };
        let error = Error::index(crate::base::error::IndexProblem::ReadOnly, "/index\n");
        let told = "run 7, refused: load all at NAS
  2025-11-22T04:28:55Z to 2025-11-22T04:30:10Z, 1 min 15 s, on HOST
  0 files, 0 B, 0 failed
  error: the index `/index\\n` is read-only
";
        assert_eq!(head_of(&begun, &ended, Some(&error)), told);
    }

    #[test]
    fn names_cannot_break_a_line() {
        let mut text = String::new();
        let path = Path::new(OsStr::from_bytes(b"/nas/caf\xe9\nrun 8"));
        append_item(&mut text, "failed", path, Some("\u{1b}[1mno"));
        append_item(&mut text, "conflict", Path::new("/nas/b"), None);
        let lines = "  failed /nas/caf\\xe9\\nrun 8: \\x1b[1mno\n  conflict /nas/b\n";
        assert_eq!(text, lines);
    }

    #[test]
    fn the_log_of_a_month_is_added_to() {
        let temporary = tempfile::tempdir().unwrap();
        let path = month_file(&temporary.path().join("state"), STARTED);
        assert!(path.ends_with("state/2025-11.log"));
        append_to_file(&path, "one\n").unwrap();
        append_to_file(&path, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
