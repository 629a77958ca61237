//! Listings of sent files, and their comparison with what was sent.

use super::upload::OutgoingFile;
use crate::base::timestamp::TimePrecision;
use crate::base::unit;
use crate::copy::outcome::Verification;
use crate::index::{ListedVersion, SentFile};
use crate::rclone::{ListedFile, RemoteFeatures};
use crate::storage::RemoteStorage;

/// A sent file as a listing shows it.
pub(super) enum ListedState {
    /// As it was sent.
    AsSent {
        /// Version tag of the file.
        tag: u64,
        verification: Verification,
    },
    /// Missing or different, for this reason.
    Mismatch(String),
}

/// Returns the precision of the source's mtimes in a listing of the destination; `None` if it shows other times.
pub(super) fn listing_precision(
    source: Option<&RemoteFeatures>,
    destination: &RemoteStorage,
) -> Option<TimePrecision> {
    let features = &destination.features;
    let precision = features
        .time_precision()
        .filter(|_| !features.has_slow_mod_times());
    match source {
        None => precision,
        // rclone copies the mtimes that the source storage itself keeps.
        Some(source) => Some(precision?.max(source.time_precision()?)),
    }
}

/// Returns the version tag of a file that is listed as it was sent, or describes the difference. Times are compared if
/// `precision` is the coarsest one that they passed through.
pub(super) fn check_listed(
    precision: Option<TimePrecision>,
    sent: &SentFile,
    found: Option<&ListedFile>,
) -> Result<u64, String> {
    let Some(found) = found else {
        return Err("the remote does not list it after the copy".to_owned());
    };
    match found.bytes {
        Some(bytes) if bytes == sent.bytes => {}
        Some(bytes) => {
            return Err(format!(
                "the remote lists it with {} B instead of {} B after the copy",
                unit::format_count(bytes),
                unit::format_count(sent.bytes)
            ));
        }
        None => return Err("the remote lists it without a size after the copy".to_owned()),
    }
    if let Some(precision) = precision
        && !found.modified.equals_at(sent.modified, precision)
    {
        return Err("the remote lists it with another time after the copy".to_owned());
    }
    Ok(found.tag)
}

/// Returns size and version tag of a listed file, as the index stores them.
pub(super) const fn listed_version(found: &ListedFile) -> ListedVersion {
    ListedVersion {
        bytes: found.bytes,
        tag: found.tag,
    }
}

/// True if a listing shows the version that the destination had before a file was sent.
pub(super) const fn is_previous_version(file: &OutgoingFile, found: ListedVersion) -> bool {
    file.previous_tag != 0 && file.previous_tag == found.tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp {
            seconds,
            nanoseconds: 0,
        }
    }

    #[test]
    fn only_the_sent_version_is_as_sent() {
        let sent = SentFile {
            bytes: 7,
            modified: at(100),
            ..SentFile::default()
        };
        let listed = |bytes, seconds| ListedFile {
            bytes,
            modified: at(seconds),
            tag: 5,
        };
        let (exact, coarse) = (TimePrecision::Nanosecond, TimePrecision::TwoSeconds);
        let check = |precision, found: Option<&ListedFile>| check_listed(precision, &sent, found);
        assert_eq!(check(Some(exact), Some(&listed(Some(7), 100))), Ok(5));
        assert_eq!(check(Some(coarse), Some(&listed(Some(7), 101))), Ok(5));
        // Without times the size alone decides.
        assert_eq!(check(None, Some(&listed(Some(7), 9))), Ok(5));
        for (precision, found, why) in [
            (None, None, "does not list it"),
            (None, Some(listed(None, 100)), "without a size"),
            (None, Some(listed(Some(8), 100)), "8 B instead of 7 B"),
            (Some(exact), Some(listed(Some(7), 101)), "another time"),
        ] {
            let mismatch = check(precision, found.as_ref()).unwrap_err();
            assert!(mismatch.contains(why), "{mismatch}");
        }
    }
}
