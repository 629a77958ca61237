//! Features of a remote: precision of times, checksums, renaming.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::command::UNREADABLE_ANSWER;
use super::daemon::RcAnswer;
use super::remote::{Remote, remote_error};
use crate::base::error::{Result, STORAGE_TIMEOUT_SECONDS};
use crate::base::timestamp::TimePrecision;

/// Features of a remote, as rclone reports them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a feature of its own"
)]
pub struct RemoteFeatures {
    /// Precision of file times in nanoseconds; far above 2 s if the storage keeps no times.
    precision: u64,
    /// Names of the checksums that the storage reports.
    hashes: Vec<String>,
    /// True if each time costs a request.
    slow_times: bool,
    /// True if the storage reads the file for each checksum.
    slow_hashes: bool,
    /// True if the storage renames files without a new upload.
    moves: bool,
    empty_folders: bool,
    /// True if `A` and `a` are the same name.
    folds_case: bool,
}

/// Answer of `rclone backend features` and of `operations/fsinfo`.
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
    /// Parses the text that [`Self::to_json`] returned.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Precision of file times; `None` if the storage keeps no times.
    pub const fn time_precision(&self) -> Option<TimePrecision> {
        match self.precision {
            0..=1 => Some(TimePrecision::Nanosecond),
            2..=100 => Some(TimePrecision::HundredNanoseconds),
            101..=1_000_000_000 => Some(TimePrecision::Second),
            1_000_000_001..=2_000_000_000 => Some(TimePrecision::TwoSeconds),
            _ => None,
        }
    }

    /// The names of the kinds of checksums that the storage reports.
    pub fn hash_names(&self) -> &[String] {
        &self.hashes
    }

    /// True if the storage reports a checksum of its own, which verifies an upload.
    pub fn has_hashes(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// True if both storages report the same kind of checksum.
    pub fn shares_hash(&self, other: &Self) -> bool {
        self.hashes.iter().any(|hash| other.hashes.contains(hash))
    }

    /// True if each time costs a request.
    pub const fn has_slow_mod_times(&self) -> bool {
        self.slow_times
    }

    /// True if the storage can rename files, and so keep old versions.
    pub const fn can_move(&self) -> bool {
        self.moves
    }

    pub const fn keeps_empty_folders(&self) -> bool {
        self.empty_folders
    }

    /// True if `A` and `a` are the same name.
    pub const fn is_case_insensitive(&self) -> bool {
        self.folds_case
    }
}

impl Remote {
    /// Makes the daemon's listings show upload times on a storage where each mtime costs a request. Call it before listing.
    ///
    /// # Errors
    /// Interruption.
    pub fn configure_mod_times(&self, features: &RemoteFeatures) -> Result<()> {
        match self.daemon().filter(|_| features.has_slow_mod_times()) {
            Some(daemon) => daemon.set_server_mod_times(self.root_text(), true),
            None => Ok(()),
        }
    }

    /// Requests the remote's features.
    pub fn query_features(&self) -> Result<RemoteFeatures> {
        if let Some(daemon) = self.daemon() {
            let params = json!({ "fs": self.root_text() });
            let timeout = Duration::from_secs(STORAGE_TIMEOUT_SECONDS);
            if let RcAnswer::Success(info) = daemon.call("operations/fsinfo", &params, timeout)?
                && let Ok(info) = FsInfo::deserialize(info)
            {
                return Ok(info.into());
            }
        }
        self.query_features_by_process()
    }

    /// Requests the features by a process, whose log names the cause of a failure.
    fn query_features_by_process(&self) -> Result<RemoteFeatures> {
        let command = self
            .command(&["backend", "features"])
            .arg(self.root().to_owned());
        let timeout = Duration::from_secs(STORAGE_TIMEOUT_SECONDS);
        let output = command.collect_within(timeout)?;
        if output.end.is_success()
            && let Ok(info) = serde_json::from_slice::<FsInfo>(&output.stdout)
        {
            return Ok(info.into());
        }
        let why = output
            .failure()
            .unwrap_or_else(|| UNREADABLE_ANSWER.to_owned());
        Err(remote_error("query the features of", self.root(), why))
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
    fn times_of_coarse_precision_count_as_missing() {
        for (precision, expected) in [
            (1, Some(TimePrecision::Nanosecond)),
            (100, Some(TimePrecision::HundredNanoseconds)),
            (1_000_000, Some(TimePrecision::Second)),
            (1_000_000_000, Some(TimePrecision::Second)),
            (2_000_000_000, Some(TimePrecision::TwoSeconds)),
            (3_153_600_000_000_000_000, None),
        ] {
            let features = RemoteFeatures {
                precision,
                ..RemoteFeatures::default()
            };
            assert_eq!(features.time_precision(), expected, "{precision}");
        }
    }
}
