//! Words of other programs, and the command that does the same here.

/// The line that does what a command of this name does elsewhere.
pub(super) fn replacement_hint(word: &str) -> Option<&'static str> {
    Some(match word {
        "where" | "show" | "size" | "du" | "info" | "status" | "whereis" => {
            "`fetch project PROJECT` shows where it is and how big it is"
        }
        "ls" | "dir" | "tree" | "projects" => "`list projects` lists them",
        "diff" | "check" | "verify" | "cmp" => {
            "`compare PROJECT DATABASE DATABASE` shows what differs; with `--checksum` it reads the content"
        }
        "cp" => "`copy PROJECT CATEGORY FROM TO` copies",
        "backup" | "push" | "upload" | "archive" => {
            "`sync PROJECT CATEGORY FROM TO` sends what changed since the last time"
        }
        "scan" | "index" | "update" | "refresh" => "`load` looks at the disks",
        "search" | "locate" | "grep" => "`find PATTERN` finds files by name",
        "open" | "cd" => "`explore PROJECT CATEGORY DATABASE` opens the folder",
        "log" | "runs" => "`history` lists the runs",
        "errors" => "`failures` lists the files that did not arrive",
        "config" | "settings" => "`set` lists the settings",
        "rm" | "delete" | "del" | "erase" => {
            "auto-backup never erases a file; `remove database NAME` only stops tracking it"
        }
        "move" | "mv" | "rename" => {
            "auto-backup renames nothing by itself: rename it on the disk, and `sync` follows"
        }
        "restore" | "undo" | "versions" | "revert" => {
            "old versions are kept below `ROOT/.auto-backup/versions`; copy them back from there"
        }
        "prune" => {
            "old versions are kept below `ROOT/.auto-backup/versions` until you delete them there"
        }
        "?" | "man" | "usage" => "`help` lists the commands",
        "\\q" | "q" | ":q" | "bye" | "logout" => "`exit` leaves",
        "clear" | "cls" => "Ctrl-L clears the screen",
        _ => return None,
    })
}
