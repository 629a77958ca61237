//! The lines of rclone's log.

use serde::Deserialize;

/// One line of it.
#[derive(Debug, Default)]
pub(super) struct LogEntry {
    /// Whether it tells of a failure.
    pub(super) is_error: bool,
    /// Whether it tells of something that was left out, or is odd.
    pub(super) is_notice: bool,
    /// What is said.
    pub(super) message: String,
    /// The file or folder it is about, in rclone's alphabet, below what was worked on.
    pub(super) object: Option<String>,
    /// How far the work is.
    pub(super) progress: Option<TransferProgress>,
}

impl LogEntry {
    /// Whether it is a plain report that begins with one of these. A failure may quote any of them, as a name of a file.
    pub(super) fn starts_with_any(&self, beginnings: &[&str]) -> bool {
        let matches = |beginning: &&str| self.message.starts_with(beginning);
        !self.is_error && !self.is_notice && beginnings.iter().any(matches)
    }
}

/// How far a transfer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct TransferProgress {
    /// Bytes that were moved.
    #[serde(default)]
    pub(super) bytes: u64,
    #[serde(default)]
    checks: u64,
    #[serde(default)]
    transfers: u64,
    #[serde(default)]
    renames: u64,
    #[serde(default)]
    deletes: u64,
    #[serde(default)]
    listed: u64,
}

#[derive(Deserialize)]
struct JsonLogLine {
    #[serde(default)]
    level: String,
    #[serde(default)]
    msg: String,
    object: Option<String>,
    stats: Option<TransferProgress>,
}

/// Reads a line. Some are not JSON: what is said before the log is set up, and the last line of old versions.
pub(super) fn parse_line(line: &[u8]) -> LogEntry {
    match serde_json::from_slice::<JsonLogLine>(line) {
        Ok(written) => LogEntry {
            is_error: matches!(
                written.level.as_str(),
                "error" | "critical" | "fatal" | "emergency" | "alert"
            ),
            // Versions before 1.69 say `warning` for it.
            is_notice: matches!(written.level.as_str(), "notice" | "warning"),
            object: written
                .object
                .map(|object| strip_partial_suffix(&object).to_owned()),
            message: written.msg.trim().to_owned(),
            progress: written.stats,
        },
        Err(_) => parse_plain(&String::from_utf8_lossy(line)),
    }
}

/// Reads `2026/11/27 00:35:13 ERROR : path: message`.
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
    LogEntry {
        is_error: text.starts_with("Failed")
            || text.starts_with("ERROR")
            || text.starts_with("CRITICAL"),
        message: text.to_owned(),
        ..LogEntry::default()
    }
}

/// The name of a file of which a temporary one was meant: `a.txt.571c4ed8.partial`.
fn strip_partial_suffix(object: &str) -> &str {
    let Some((name, suffix)) = object
        .strip_suffix(".partial")
        .and_then(|rest| rest.rsplit_once('.'))
    else {
        return object;
    };
    let is_mark = suffix.len() == 8 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_mark { name } else { object }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_new_and_old_versions_are_read() {
        let failed = parse_line(
            br#"{"time":"2026-11-22T01:51:47.9Z","level":"error","msg":"Failed to copy: permission denied","object":"a/b.txt.571c4ed8.partial","objectType":"*local.Object"}"#,
        );
        assert!(failed.is_error);
        assert_eq!(failed.object.as_deref(), Some("a/b.txt"));
        let stats = parse_line(br#"{"level":"info","msg":"\nTransferred:","stats":{"bytes":7,"checks":1,"transfers":2,"speed":1.5,"eta":null}}"#);
        assert_eq!(stats.progress.unwrap().bytes, 7);
        let old = parse_line(
            b"2026/11/27 00:35:13 Failed to create file system for \"dead:x\": connection refused",
        );
        assert!(old.is_error);
        assert!(old.message.starts_with("Failed to create"));
        assert!(!parse_line(b"").is_error);
        assert_eq!(strip_partial_suffix("a.partial"), "a.partial");
    }
}
