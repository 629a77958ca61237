//! Paths in hash lists: relative to the folder of the history, with `/` between names.

/// Longest path in bytes, which is that of the system.
const MAX_PATH_BYTES: usize = 4096;

/// Returns why a path of a hash list cannot be used, if so.
pub(super) fn problem(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("is empty")
    } else if path.len() > MAX_PATH_BYTES {
        Some("is longer than 4,096 bytes")
    } else if path.starts_with('/') {
        Some("is absolute")
    } else if path.split('/').any(|name| name == "..") {
        Some("leads out of its folder")
    } else if path.split('/').any(|name| name.is_empty() || name == ".") {
        Some("has an empty name")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_folder_are_accepted() {
        for path in ["a", "a/b", "a b/ü\n", "...", "..a/b..", "a\\b", " "] {
            assert_eq!(problem(path), None, "{path}");
        }
        for path in ["", "/a", "..", "a/../b", "a/..", "a//b", "a/", ".", "./a"] {
            assert!(problem(path).is_some(), "{path}");
        }
        assert!(problem(&"a".repeat(4097)).is_some());
    }
}
