//! The log of runs: one text file per month in the user's state folder, for people.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sql::bytes;
use super::{OutcomeKind, RunEnd, RunId, RunItem, RunStart};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::escape::visible;
use crate::base::ignore::ignore;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::os::host;
use crate::os::own_file::OwnFile;

/// A run that has ended.
#[derive(Clone, Copy, Debug)]
pub struct RunLogEntry<'a> {
    /// Its number.
    pub run: RunId,
    /// Its description.
    pub start: &'a RunStart<'a>,
    /// Its start time.
    pub started: Timestamp,
    /// Its result.
    pub end: &'a RunEnd,
    /// The error that ended it, if any.
    pub error: Option<&'a Error>,
}

/// Appends a run that ends now to the log of this month in a folder, with the items that failed or are in conflict. Reports
/// a failure to the monitor and returns `false` then: the run is not `complete` without its log.
pub fn append<'i>(
    folder: Option<&Path>,
    entry: &RunLogEntry<'_>,
    items: impl IntoIterator<Item = RunItem<'i>>,
    monitor: &dyn Monitor,
) -> bool {
    // Without a home folder there is no log.
    let Some(folder) = folder else {
        return true;
    };
    let now = Timestamp::now();
    let mut text = format_head(entry, now);
    for item in items {
        let is_logged = matches!(
            item.outcome,
            OutcomeKind::Failed
                | OutcomeKind::Refused
                | OutcomeKind::Conflict
                | OutcomeKind::Damaged
                | OutcomeKind::Missing
                | OutcomeKind::Unreadable
        );
        if is_logged {
            append_item(&mut text, &item);
        }
    }
    let written = append_to_file(&month_file(folder, now), &text);
    if let Err(error) = &written {
        monitor.on_event(&ProgressEvent::Problem(error));
    }
    written.is_ok()
}

/// Returns the log file of a month, in UTC.
fn month_file(folder: &Path, timestamp: Timestamp) -> PathBuf {
    const MONTH: usize = "2026-11".len();
    let day = timestamp.rfc3339().unwrap_or_default();
    let month = day.get(..MONTH).unwrap_or("undated");
    folder.join(format!("{month}.log"))
}

/// Formats everything except the items.
fn format_head(entry: &RunLogEntry<'_>, now: Timestamp) -> String {
    let (start, end) = (entry.start, entry.end);
    let words = [
        (" ", Some(start.subject)),
        (" from ", start.source),
        (" to ", start.destination.filter(|_| start.source.is_some())),
        (" at ", start.destination.filter(|_| start.source.is_none())),
    ];
    let words = words
        .into_iter()
        .filter_map(|(before, word)| Some(format!("{before}{}", visible(word?.as_bytes()))));
    let seconds = now.seconds.saturating_sub(entry.started.seconds);
    let elapsed = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let error = entry.error.map(|error| {
        let message = error.full_message();
        format!("  error: {}\n", visible(message.as_bytes()))
    });
    format!(
        "run {}, {}: {}{}\n  {} to {}, {}, on {}\n  {}, {}, {} failed\n{}",
        entry.run,
        end.state.as_str(),
        start.command,
        words.collect::<String>(),
        to_the_second(entry.started),
        to_the_second(now),
        unit::format_duration(elapsed),
        host::name(),
        unit::format_counted(end.files, "file"),
        unit::format_bytes(end.bytes),
        unit::format_count(end.failed),
        error.unwrap_or_default()
    )
}

fn append_item(text: &mut String, item: &RunItem<'_>) {
    let (outcome, path) = (item.outcome.as_str(), visible(bytes(item.path)));
    let reason = item
        .reason
        .map(|reason| format!(": {}", visible(reason.as_bytes())));
    let line = writeln!(text, "  {outcome} {path}{}", reason.unwrap_or_default());
    ignore(line, "writing to a string cannot fail");
}

fn to_the_second(timestamp: Timestamp) -> String {
    let whole = Timestamp {
        nanoseconds: 0,
        ..timestamp
    };
    whole.rfc3339().unwrap_or_default()
}

/// Appends to a private log file in one write, so that concurrent runs do not mix their lines.
fn append_to_file(path: &Path, text: &str) -> Result<()> {
    let own = OwnFile::find_or_make_folder(path)?;
    let written = own.open_to_append()?.write_all(text.as_bytes());
    written.at("write the log", path)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;
    use crate::base::error::IndexProblem;
    use crate::index::RunState;

    const STARTED: Timestamp = Timestamp {
        seconds: 1_763_785_735,
        nanoseconds: 5,
    };

    const ENDED: RunEnd = RunEnd {
        state: RunState::Partial,
        files: 12,
        bytes: 3_400_000_000,
        failed: 1,
        conflicts: 0,
        refused: 0,
    };

    fn head_of(begun: &RunStart<'_>, ended: &RunEnd, error: Option<&Error>) -> String {
        let entry = RunLogEntry {
            run: RunId(7),
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
    fn log_entry_summarizes_the_run() {
        let begun = RunStart {
            command: "copy",
            subject: "acme/spot footage",
            source: Some("WORK"),
            destination: Some("NAS,CLOUD"),
        };
        let expected = "run 7, partial: copy acme/spot footage from WORK to NAS,CLOUD
  2025-11-22T04:28:55Z to 2025-11-22T04:30:10Z, 1 min 15 s, on HOST
  12 files, 3.40 GB, 1 failed
";
        assert_eq!(head_of(&begun, &ENDED, None), expected);
    }

    #[test]
    fn refused_run_logs_its_error() {
        let begun = RunStart {
            command: "load",
            subject: "all",
            source: None,
            destination: Some("NAS"),
        };
        let ended = RunEnd {
            state: RunState::Refused,
            files: 0,
            bytes: 0,
            failed: 0,
            conflicts: 0,
            refused: 0,
        };
        let error = Error::index(IndexProblem::ReadOnly, "/index\n");
        let expected = "run 7, refused: load all at NAS
  2025-11-22T04:28:55Z to 2025-11-22T04:30:10Z, 1 min 15 s, on HOST
  0 files, 0 B, 0 failed
  error: the index `/index\\n` is read-only
";
        assert_eq!(head_of(&begun, &ended, Some(&error)), expected);
    }

    #[test]
    fn names_never_break_log_lines() {
        let mut text = String::new();
        let path = Path::new(OsStr::from_bytes(b"/nas/caf\xe9\nrun 8"));
        let items = [
            (OutcomeKind::Failed, path, Some("\u{1b}[1mno")),
            (OutcomeKind::Conflict, Path::new("/nas/b"), None),
        ];
        for (outcome, path, reason) in items {
            let item = RunItem {
                path,
                outcome,
                reason,
            };
            append_item(&mut text, &item);
        }
        let lines = "  failed /nas/caf\\xe9\\nrun 8: \\x1b[1mno\n  conflict /nas/b\n";
        assert_eq!(text, lines);
    }

    #[test]
    fn monthly_log_is_appended_to() {
        let temporary = tempfile::tempdir().unwrap();
        let path = month_file(&temporary.path().join("state"), STARTED);
        assert!(path.ends_with("state/2025-11.log"));
        append_to_file(&path, "one\n").unwrap();
        append_to_file(&path, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
