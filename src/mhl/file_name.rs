//! Names of hash lists: `0001_A002R2EC_2020-01-16_091500Z.mhl`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::base::timestamp::Timestamp;

/// Ending of the names of hash lists.
const EXTENSION: &str = ".mhl";

/// Longest name in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Smallest number of digits of a generation.
const MIN_DIGITS: usize = 4;

/// Returns the name of the hash list of a generation. The name of the folder is cut and altered where a name cannot hold it.
pub(super) fn file_name(number: u64, folder: &OsStr, started: Timestamp) -> String {
    let time = started.to_mhl_name();
    let around = format!("{number:04}__{time}{EXTENSION}").len();
    let folder: String = String::from_utf8_lossy(folder.as_bytes())
        .chars()
        .map(|character| {
            let is_kept = !character.is_control() && character != char::REPLACEMENT_CHARACTER;
            if is_kept { character } else { '_' }
        })
        .collect();
    let mut end = folder.len().min(MAX_NAME_BYTES.saturating_sub(around));
    while !folder.is_char_boundary(end) {
        end -= 1;
    }
    format!("{number:04}_{}_{time}{EXTENSION}", &folder[..end])
}

/// Returns the generation that the name of a hash list states.
pub(super) fn generation_of(name: &str) -> Option<u64> {
    let stem = name.strip_suffix(EXTENSION)?;
    let digits = stem.split('_').next()?;
    let is_number = digits.len() >= MIN_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// True for the name of a hash list. Files `._*` are those that macOS writes beside others on foreign disks.
pub(super) fn is_hash_list(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(EXTENSION.as_bytes()) && !name.starts_with(b"._")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp {
        seconds: 1_579_166_100,
        nanoseconds: 7,
    };

    #[test]
    fn name_is_that_of_the_specification() {
        let name = file_name(1, OsStr::new("A002R2EC"), TIME);
        assert_eq!(name, "0001_A002R2EC_2020-01-16_091500Z.mhl");
        assert_eq!(generation_of(&name), Some(1));
        assert_eq!(
            generation_of(&file_name(12_345, OsStr::new("_"), TIME)),
            Some(12_345)
        );
    }

    #[test]
    fn any_folder_gives_a_valid_name() {
        let long = "ü".repeat(127);
        for folder in [long.as_bytes(), b"a\nb\xff", b""] {
            let name = file_name(9999, OsStr::from_bytes(folder), TIME);
            assert!(
                name.len() <= MAX_NAME_BYTES && !name.contains('\n'),
                "{name}"
            );
            assert_eq!(generation_of(&name), Some(9999));
        }
    }

    #[test]
    fn other_names_state_no_generation() {
        for name in ["1_a.mhl", "0001_a.xml", "a.mhl", "000x_a.mhl", ".mhl"] {
            assert_eq!(generation_of(name), None, "{name}");
        }
        assert_eq!(generation_of("0001.mhl"), Some(1));
        assert!(is_hash_list(OsStr::new("0001_a.mhl")));
        assert!(!is_hash_list(OsStr::new("._0001_a.mhl")));
        assert!(!is_hash_list(OsStr::new("README.txt")));
    }
}
