//! What a remote can do: keep times, say digests, rename.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Remote;
use super::daemon::RcAnswer;
use super::log;
use super::process;
use super::process::{OutputLine, ProcessLimits};
use crate::base::error::{Result, STORAGE_TIMEOUT_SECONDS};
use crate::base::timestamp::TimePrecision;

/// What a remote can do, as rclone says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an ability of its own"
)]
pub struct RemoteFeatures {
    /// In which steps it keeps the times of files, in nanoseconds; more than it takes where it keeps none.
    precision: u64,
    /// The digests that it can say of a file.
    hashes: Vec<String>,
    /// Whether a time costs a question a file.
    slow_times: bool,
    /// Whether a digest costs the reading of a file there.
    slow_hashes: bool,
    /// Whether it can give a file another name without its being sent again.
    moves: bool,
    /// Whether it holds folders with nothing in them.
    empty_folders: bool,
    /// Whether it takes `A` for `a`.
    folds_case: bool,
}

/// The answer of `rclone backend features`, which is that of rclone's `operations/fsinfo` too.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FsInfo {
    precision: u64,
    #[serde(default)]
    hashes: Option<Vec<String>>,
    #[serde(default)]
    features: BTreeMap<String, bool>,
}

impl RemoteFeatures {
    /// From what `Self::written_replicas` gave.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// In a form to be kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The step in which it keeps times; `None` where it keeps none.
    pub const fn time_precision(&self) -> Option<TimePrecision> {
        match self.precision {
            0..=1 => Some(TimePrecision::Nanosecond),
            2..=100 => Some(TimePrecision::HundredNanoseconds),
            101..=1_000_000_000 => Some(TimePrecision::Second),
            1_000_000_001..=2_000_000_000 => Some(TimePrecision::TwoSeconds),
            _ => None,
        }
    }

    /// Whether a file that was sent is proven by a digest that the storage says itself.
    pub fn has_hashes(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// Whether both say a digest of the same kind.
    pub fn shares_hash(&self, other: &Self) -> bool {
        self.hashes.iter().any(|hash| other.hashes.contains(hash))
    }

    /// Whether a time costs a question a file.
    pub const fn has_slow_mod_times(&self) -> bool {
        self.slow_times
    }

    /// Whether a listing says digests at no further cost.
    pub const fn lists_digests(&self) -> bool {
        !self.hashes.is_empty() && !self.slow_hashes
    }

    /// Whether files can be renamed there, and so old versions be kept.
    pub const fn can_move(&self) -> bool {
        self.moves
    }

    /// Whether it holds empty folders.
    pub const fn keeps_empty_folders(&self) -> bool {
        self.empty_folders
    }

    /// Whether it takes `A` for `a`.
    pub const fn is_case_insensitive(&self) -> bool {
        self.folds_case
    }
}

impl Remote {
    /// What tells an answer about this remote from one about what it was before: program and configuration.
    pub fn cache_key(&self) -> String {
        let configuration = super::program::configuration_fingerprint();
        format!("{} {configuration}", self.program.fingerprint())
    }

    /// Asks what it can do.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Rclone`].
    pub fn query_features(&self) -> Result<RemoteFeatures> {
        if let Some(daemon) = self.daemon() {
            let params = json!({ "fs": self.root().to_str().unwrap_or_default() });
            let timeout = Duration::from_secs(STORAGE_TIMEOUT_SECONDS);
            if let RcAnswer::Success(info) = daemon.call("operations/fsinfo", &params, timeout)?
                && let Ok(info) = FsInfo::deserialize(info)
            {
                return Ok(info.into());
            }
        }
        self.query_features_by_process()
    }

    /// The same by a process of its own, which says what is in the way.
    fn query_features_by_process(&self) -> Result<RemoteFeatures> {
        let words: Vec<OsString> = ["backend", "features"]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .map(OsString::from)
            .chain([self.root.clone().into()])
            .collect();
        let (mut answer, mut message) = (Vec::new(), String::new());
        let limits = ProcessLimits::with_timeout(Duration::from_secs(STORAGE_TIMEOUT_SECONDS));
        let end = process::run(&self.program, &words, limits, &mut |line| {
            match line {
                OutputLine::Stdout(line) => answer.extend(line),
                OutputLine::Log(line) => {
                    let entry = log::parse_line(&line);
                    if entry.is_error {
                        message = entry.message;
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        let answer = end
            .is_success()
            .then(|| serde_json::from_slice::<FsInfo>(&answer));
        let message = if message.is_empty() {
            end.failure()
        } else {
            Some(message)
        };
        let why = message.unwrap_or_else(|| "rclone's answer cannot be understood".to_owned());
        match answer {
            Some(Ok(answer)) => Ok(answer.into()),
            _ => Err(process::remote_error(
                "ask for the abilities of",
                &self.root,
                why,
            )),
        }
    }
}

impl From<FsInfo> for RemoteFeatures {
    fn from(info: FsInfo) -> Self {
        let has = |name: &str| info.features.get(name).copied().unwrap_or_default();
        Self {
            slow_times: has("SlowModTime"),
            slow_hashes: has("SlowHash"),
            moves: has("Move") || has("Copy"),
            empty_folders: has("CanHaveEmptyDirectories"),
            folds_case: has("CaseInsensitive"),
            precision: info.precision,
            hashes: info.hashes.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_a_step_or_none() {
        for (precision, step) in [
            (1, Some(TimePrecision::Nanosecond)),
            (100, Some(TimePrecision::HundredNanoseconds)),
            (1_000_000, Some(TimePrecision::Second)),
            (1_000_000_000, Some(TimePrecision::Second)),
            (2_000_000_000, Some(TimePrecision::TwoSeconds)),
            (3_153_600_000_000_000_000, None),
        ] {
            let abilities = RemoteFeatures {
                precision,
                ..RemoteFeatures::default()
            };
            assert_eq!(abilities.time_precision(), step, "{precision}");
        }
    }
}
