//! Names of the files and folders that storages and desktops create for themselves: recycle bins, snapshots, thumbnails,
//! search indexes.
//!
//! Sources: the manuals of Synology (`@eaDir`, `#recycle`, `#snapshot`), QNAP (`@Recycle`, `.@__thumb`), `NetApp`
//! (`.snapshot`), `OpenZFS` (`.zfs`) and Netatalk (`.AppleDouble`); Apple's TN1150 (`._*`); the trash specification of
//! freedesktop.org (`.Trash-UID`); the Linux kernel's NFS client (`.nfs*`) and libfuse (`.fuse_hidden*`). Names that users
//! give to their own folders, such as `cache`, `tmp` or `Trash`, are not listed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

const FOLDERS: [&str; 27] = [
    "#recycle",
    "#snapshot",
    ".@__thumb",
    ".@upload_cache",
    ".AppleDB",
    ".AppleDesktop",
    ".AppleDouble",
    ".DocumentRevisions-V100",
    ".PKInstallSandboxManager",
    ".Recycle.Bin",
    ".Spotlight-V100",
    ".TemporaryItems",
    ".Trash",
    ".Trashes",
    ".fseventsd",
    ".recycle",
    ".snapshot",
    ".snapshots",
    ".zfs",
    "@Recently-Snapshot",
    "@Recycle",
    "@eaDir",
    "@tmp",
    "Network Trash Folder",
    "RECYCLER",
    "Temporary Items",
    "lost+found",
];

const FILES: [&str; 3] = [
    ".DS_Store",
    ".apdisk",
    ".com.apple.timemachine.donotpresent",
];

/// Folders of systems that ignore case.
const FOLDERS_IN_ANY_CASE: [&str; 2] = ["$RECYCLE.BIN", "System Volume Information"];

/// Files of systems that ignore case.
const FILES_IN_ANY_CASE: [&str; 3] = ["Thumbs.db", "ehthumbs.db", "desktop.ini"];

/// Returns the names as patterns in the syntax of gitignore.
pub(super) fn patterns() -> Vec<String> {
    // A `#` at the begin would make the line a comment.
    let escaped = |name: &str| match name.strip_prefix('#') {
        Some(rest) => format!("\\#{rest}"),
        None => name.to_owned(),
    };
    let in_any_case = |name: &&str| -> String {
        let letter = |c: char| match c {
            'a'..='z' | 'A'..='Z' => {
                format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase())
            }
            other => other.to_string(),
        };
        name.chars().map(letter).collect()
    };
    let folders = FOLDERS.iter().map(|name| escaped(name));
    let folders = folders.chain(FOLDERS_IN_ANY_CASE.iter().map(in_any_case));
    let folders = folders.map(|name| format!("{name}/"));
    let files = FILES.iter().map(|name| escaped(name));
    let files = files.chain(FILES_IN_ANY_CASE.iter().map(in_any_case));
    let prefixes = [
        ".Trash-[0-9]*/",
        "._?*",
        ".nfs[0-9a-f]*",
        ".fuse_hidden[0-9a-f]*",
    ];
    folders
        .chain(files)
        .chain(prefixes.map(str::to_owned))
        .collect()
}

/// True if storages or desktops create folders of this name for themselves.
pub(super) fn is_folder(name: &OsStr) -> bool {
    FOLDERS.iter().any(|known| name == *known)
        || FOLDERS_IN_ANY_CASE
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        || matches_prefix(name, ".Trash-", u8::is_ascii_digit)
}

/// True if storages or desktops create files of this name for themselves.
pub(super) fn is_file(name: &OsStr) -> bool {
    FILES.iter().any(|known| name == *known)
        || FILES_IN_ANY_CASE
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        || matches_prefix(name, "._", |_| true)
        || matches_prefix(name, ".nfs", u8::is_ascii_hexdigit)
        || matches_prefix(name, ".fuse_hidden", u8::is_ascii_hexdigit)
}

/// True if a name is the prefix followed by at least one byte, and all of those are of this kind.
fn matches_prefix(name: &OsStr, prefix: &str, is_kind: fn(&u8) -> bool) -> bool {
    name.as_bytes()
        .strip_prefix(prefix.as_bytes())
        .is_some_and(|rest| !rest.is_empty() && rest.iter().all(is_kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_lists_all_names() {
        let page = include_str!("../../../docs/exclusions.md");
        let folders = FOLDERS.iter().chain(&FOLDERS_IN_ANY_CASE);
        for name in folders.chain(&FILES).chain(&FILES_IN_ANY_CASE) {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn system_names_are_recognized() {
        for name in ["@eaDir", "#recycle", "$Recycle.Bin", ".Trash-1000", ".zfs"] {
            assert!(is_folder(OsStr::new(name)), "{name}");
        }
        for name in [
            "._reel.mov",
            ".nfs0000000000a1b2c3",
            "thumbs.DB",
            ".DS_Store",
        ] {
            assert!(is_file(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn user_names_are_not_system_names() {
        for name in [
            "Trash",
            "cache",
            "tmp",
            "recycle",
            ".Trash-old",
            ".hidden",
            "snapshot",
        ] {
            assert!(!is_folder(OsStr::new(name)), "{name}");
        }
        for name in [
            "._",
            ".nfs",
            ".nfs-notes",
            "_reel.mov",
            ".fuse_hidden",
            "desktop.in",
        ] {
            assert!(!is_file(OsStr::new(name)), "{name}");
        }
    }
}
