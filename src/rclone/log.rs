//! Lines of rclone's log. The wording of its reports that this program relies on is in this file, and that of its errors in
//! `message`.

use std::path::Path;

use serde::Deserialize;

use super::message;
use crate::base::error::ConnectionError;

/// Meaning of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogEvent {
    /// A file is complete at its destination.
    Copied,
    /// A file was moved on the storage's own side.
    MovedServerSide,
    Moved,
    Deleted,
    /// Both sides support the same checksum, which is used.
    UsesHash,
    /// The storage has no checksum of some files.
    HashesMissing,
    /// Number of errors in the line with which a failed listing ends.
    ErrorCount(u64),
    Other,
}

/// Beginnings of plain reports. A server-side copy is not one of [`LogEvent::Copied`]: rclone also keeps old versions this way
/// where a storage cannot rename.
const REPORTS: [(&str, LogEvent); 7] = [
    ("Copied (new)", LogEvent::Copied),
    ("Copied (replaced existing)", LogEvent::Copied),
    ("Multi-thread Copied (new)", LogEvent::Copied),
    ("Multi-thread Copied (replaced existing)", LogEvent::Copied),
    ("Moved (server-side)", LogEvent::MovedServerSide),
    ("Moved (", LogEvent::Moved),
    ("Deleted", LogEvent::Deleted),
];

/// Beginning of the line with which a failed `lsjson` ends.
const FAILED_LIST: &str = "Failed to lsjson";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogLevel {
    #[serde(
        alias = "critical",
        alias = "fatal",
        alias = "emergency",
        alias = "alert"
    )]
    Error,
    /// `warning` before rclone 1.69.
    #[serde(alias = "warning")]
    Notice,
    #[default]
    #[serde(other)]
    Report,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LogEntry {
    level: LogLevel,
    pub(super) message: String,
    /// The file or folder that the line is about, in rclone's encoding, relative to the request's root.
    pub(super) object: Option<String>,
    pub(super) progress: Option<TransferProgress>,
}

impl LogEntry {
    /// An error that rclone did not log.
    pub(super) fn of_error(message: String) -> Self {
        Self {
            level: LogLevel::Error,
            message,
            ..Self::default()
        }
    }

    /// An entry that only reports progress.
    pub(super) fn of_progress(progress: Option<TransferProgress>) -> Self {
        Self {
            progress,
            ..Self::default()
        }
    }

    pub(super) fn is_error(&self) -> bool {
        self.level == LogLevel::Error
    }

    /// The cause of an error, without the path of the file or folder that it is about.
    pub(super) fn cause(&self) -> ConnectionError {
        message::classify(&self.message, self.object.as_deref())
    }

    pub(super) fn is_rate_limited(&self) -> bool {
        self.is_error() && self.cause() == ConnectionError::RateLimited
    }

    /// True if the file was written to while it was read.
    pub(super) fn is_source_changing(&self) -> bool {
        self.is_error() && message::is_source_changing(&self.message, self.object.as_deref())
    }

    /// The message, with the cause of a problem of the database with this root.
    pub(super) fn explained(&self, root: &Path) -> String {
        message::explain(&self.message, self.object.as_deref(), root)
    }

    /// True for a line about something odd or left out.
    pub(super) fn is_notice(&self) -> bool {
        self.level == LogLevel::Notice
    }

    pub(super) fn event(&self) -> LogEvent {
        let has_object = self
            .object
            .as_ref()
            .is_some_and(|object| !object.is_empty());
        let message = self.message.as_str();
        if let Some(rest) = message.strip_prefix(FAILED_LIST).filter(|_| !has_object) {
            return LogEvent::ErrorCount(error_count(rest));
        }
        let words: Vec<&str> = message.split(' ').collect();
        match (self.level, words.as_slice()) {
            (_, [number, "hash" | "hashes", "could", "not", "be", "checked"])
                if number.parse::<u64>().is_ok() =>
            {
                LogEvent::HashesMissing
            }
            (LogLevel::Report, ["Using", _, "for", "hash", "comparisons"]) => LogEvent::UsesHash,
            // A failure may quote any of the reports as the name of a file.
            (LogLevel::Report, _) => {
                let mut reports = REPORTS.iter();
                let report = reports.find(|(beginning, _)| message.starts_with(beginning));
                report.map_or(LogEvent::Other, |(_, event)| *event)
            }
            _ => LogEvent::Other,
        }
    }
}

/// Number in ` with 3 errors: last error was: ...`; 1 without a number.
fn error_count(rest: &str) -> u64 {
    let number = rest
        .strip_prefix(" with ")
        .and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.unwrap_or(1)
}

/// Counters of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct TransferProgress {
    pub(super) bytes: u64,
    checks: u64,
    transfers: u64,
    renames: u64,
    deletes: u64,
    listed: u64,
}

#[derive(Deserialize)]
struct JsonLogLine {
    #[serde(default)]
    level: LogLevel,
    #[serde(default)]
    msg: String,
    object: Option<String>,
    stats: Option<TransferProgress>,
}

/// Parses a line. Lines from before the log is set up, and the last line of old versions, are plain text.
pub(super) fn parse_line(line: &[u8]) -> LogEntry {
    match serde_json::from_slice::<JsonLogLine>(line) {
        Ok(line) => LogEntry {
            level: line.level,
            object: line
                .object
                .map(|object| strip_partial_suffix(&object).to_owned()),
            message: line.msg.trim().to_owned(),
            progress: line.stats,
        },
        Err(_) => parse_plain(&String::from_utf8_lossy(line)),
    }
}

/// Parses `2026/11/27 00:35:13 ERROR : path: message`.
fn parse_plain(line: &str) -> LogEntry {
    let line = line.trim();
    let mut words = line.splitn(3, ' ');
    let is_stamp = |word: &str| {
        word.bytes()
            .all(|byte| byte.is_ascii_digit() || b"/:.".contains(&byte))
    };
    let text = match (words.next(), words.next(), words.next()) {
        (Some(day), Some(time), Some(text)) if is_stamp(day) && is_stamp(time) => text,
        _ => line,
    };
    let is_error = ["Failed", "ERROR", "CRITICAL"]
        .iter()
        .any(|beginning| text.starts_with(beginning));
    LogEntry {
        level: if is_error {
            LogLevel::Error
        } else {
            LogLevel::Report
        },
        message: text.to_owned(),
        ..LogEntry::default()
    }
}

/// Returns the final name of a temporary file such as `a.txt.571c4ed8.partial`; other names unchanged.
fn strip_partial_suffix(object: &str) -> &str {
    let Some((name, suffix)) = object
        .strip_suffix(".partial")
        .and_then(|rest| rest.rsplit_once('.'))
    else {
        return object;
    };
    let is_random = suffix.len() == 8 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_random { name } else { object }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_versions_are_parsed() {
        let failed = parse_line(
            br#"{"time":"2026-11-22T01:51:47.9Z","level":"error","msg":"Failed to copy: permission denied","object":"a/b.txt.571c4ed8.partial","objectType":"*local.Object"}"#,
        );
        assert!(failed.is_error());
        assert_eq!(failed.object.as_deref(), Some("a/b.txt"));
        let stats = parse_line(br#"{"level":"info","msg":"\nTransferred:","stats":{"bytes":7,"checks":1,"transfers":2,"speed":1.5,"eta":null}}"#);
        assert_eq!(stats.progress.unwrap().bytes, 7);
        let old = parse_line(
            b"2026/11/27 00:35:13 Failed to create file system for \"dead:x\": connection refused",
        );
        assert!(old.is_error());
        assert!(old.message.starts_with("Failed to create"));
        assert!(!parse_line(b"").is_error());
        let level = |level: &str| {
            let line = format!(r#"{{"level":"{level}","msg":"x"}}"#);
            parse_line(line.as_bytes()).level
        };
        assert_eq!(level("critical"), LogLevel::Error);
        assert_eq!(level("warning"), LogLevel::Notice);
        assert_eq!(level("debug"), LogLevel::Report);
        assert_eq!(strip_partial_suffix("a.partial"), "a.partial");
    }

    #[test]
    fn failure_quoting_a_report_is_no_report() {
        let event = |level: &str, message: &str| {
            let line = format!(r#"{{"level":"{level}","msg":"{message}","object":"a"}}"#);
            parse_line(line.as_bytes()).event()
        };
        assert_eq!(event("info", "Copied (new)"), LogEvent::Copied);
        assert_eq!(event("error", "Copied (new)"), LogEvent::Other);
        assert_eq!(
            event("info", "Moved (server-side) to: b"),
            LogEvent::MovedServerSide
        );
        assert_eq!(
            event("notice", "3 hashes could not be checked"),
            LogEvent::HashesMissing
        );
        assert_eq!(
            event("info", "Using md5 for hash comparisons"),
            LogEvent::UsesHash
        );
        assert_eq!(
            event("error", "Using md5 for hash comparisons"),
            LogEvent::Other
        );
        assert_eq!(
            event("error", "open 3 hashes could not be checked"),
            LogEvent::Other
        );
        let last = parse_line(
            br#"{"level":"error","msg":"Failed to lsjson with 3 errors: last error was: x"}"#,
        );
        assert_eq!(last.event(), LogEvent::ErrorCount(3));
    }
}
