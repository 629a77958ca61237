//! The text in a lock file, which names the run that holds the lock.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process;

use crate::base::ignore::ignore;
use crate::base::timestamp::Timestamp;
use crate::index::RunId;
use crate::os::host;

/// Length of the longest text in a lock file, in bytes.
const MAX_BYTES: usize = 512;

/// Keys of the words in a lock file: `run=7 process=1234 host=ws1 since=2026-11-22T04:28:55Z`.
const KEYS: [&str; 4] = ["run=", "process=", "host=", "since="];

/// The known facts about the holder of a lock.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LockHolder {
    run: Option<RunId>,
    process: Option<u32>,
    host: Option<String>,
    since: Option<String>,
}

impl LockHolder {
    /// This process, working on a run.
    pub(super) fn current(run: RunId) -> Self {
        Self {
            run: Some(run),
            process: Some(process::id()),
            host: Some(host::name()),
            since: Timestamp {
                nanoseconds: 0,
                ..Timestamp::now()
            }
            .rfc3339(),
        }
    }

    /// Writes the holder to the lock file. A failure leaves the lock held without a name.
    pub(super) fn write(&self, file: &File) {
        let values = [
            self.run.map(|run| run.to_string()),
            self.process.map(|process| process.to_string()),
            self.host.clone(),
            self.since.clone(),
        ];
        let words = KEYS.iter().zip(values);
        let words: Vec<_> = words
            .filter_map(|(key, value)| Some(format!("{key}{}", value?)))
            .collect();
        let line = words.join(" ") + "\n";
        ignore(
            file.set_len(0)
                .and_then(|()| file.write_all_at(line.as_bytes(), 0)),
            "the holder's name is only for messages",
        );
    }

    /// Reads the holder from a lock file. Any user may have written it, so each value is checked.
    pub(super) fn read(file: &File) -> Self {
        let mut bytes = [0; MAX_BYTES];
        let length = file.read_at(&mut bytes, 0).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes[..length]))
    }

    /// True if overwriting a lock file loses nothing: it is empty, contains zeros as after a power failure, or was written by a
    /// run.
    pub(super) fn is_overwritable(file: &File) -> bool {
        let mut bytes = [0; MAX_BYTES + 1];
        let Ok(length) = file.read_at(&mut bytes, 0) else {
            return false;
        };
        let text = &bytes[..length];
        length <= MAX_BYTES
            && (text.iter().all(|byte| *byte == 0)
                || KEYS.iter().any(|key| text.starts_with(key.as_bytes())))
    }

    fn parse(text: &str) -> Self {
        let [run, process, host, since] = KEYS.map(|key| {
            let mut words = text.split_whitespace();
            words.find_map(|word| word.strip_prefix(key))
        });
        let checked = |value: Option<&str>, allowed: fn(char) -> bool| {
            let value = value.filter(|value| !value.is_empty() && value.chars().all(allowed));
            value.map(str::to_owned)
        };
        Self {
            run: run.and_then(|run| run.parse().ok().map(RunId)),
            process: process.and_then(|process| process.parse().ok()),
            host: checked(host, |c| c.is_ascii_alphanumeric() || c == '-'),
            since: checked(since, |c| {
                c.is_ascii_digit() || ['-', ':', 'T', 'Z'].contains(&c)
            }),
        }
    }

    /// ``run 7 of process 1234 on `ws1`, since 2026-11-22T04:28:55Z``, without the unknown parts.
    pub(super) fn description(&self) -> Option<String> {
        let run = self.run.map(|run| format!("run {run}"));
        let process = self.process.map(|process| format!("process {process}"));
        let who = match (run, process) {
            (Some(run), Some(process)) => format!("{run} of {process}"),
            (run, process) => run.or(process)?,
        };
        let host = self.host.as_ref();
        let host = host.map_or_else(String::new, |host| format!(" on `{host}`"));
        let since = self.since.as_ref();
        let since = since.map_or_else(String::new, |since| format!(", since {since}"));
        Some(format!("{who}{host}{since}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_facts_are_omitted() {
        let description = |text| LockHolder::parse(text).description();
        let complete = "run=7 process=12 host=ws1 since=2026-11-22T04:28:55Z\n";
        let expected = "run 7 of process 12 on `ws1`, since 2026-11-22T04:28:55Z";
        assert_eq!(description(complete).as_deref(), Some(expected));
        for (text, expected) in [
            ("", None),
            ("host=ws1 since=2026-11-22T04:28:55Z", None),
            ("run=7", Some("run 7")),
            ("run=x process=12 host=", Some("process 12")),
            ("run=7 host=ws\u{1b}[1m since=now", Some("run 7")),
            ("run=7 hosts=x\0host=ws1", Some("run 7")),
        ] {
            assert_eq!(description(text).as_deref(), expected, "{text:?}");
        }
    }
}
