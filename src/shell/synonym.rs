//! Command names of other programs and their equivalents.

/// Returns a hint with the equivalent of a foreign command.
pub(super) fn replacement_hint(word: &str) -> Option<&'static str> {
    Some(match word {
        "where" | "show" | "size" | "du" | "info" | "status" | "whereis" => {
            "`fetch project PROJECT` shows the locations and size of a project"
        }
        "ls" | "dir" | "tree" | "projects" => "`list projects` lists the projects",
        "diff" | "check" | "verify" | "cmp" => {
            "`compare PROJECT DATABASE DATABASE` shows the differences; `--checksum` compares the content"
        }
        "cp" => "`copy PROJECT CATEGORY FROM TO` copies",
        "backup" | "push" | "upload" | "archive" => {
            "`sync PROJECT CATEGORY FROM TO` copies the changes since the last sync"
        }
        "scan" | "index" | "update" | "refresh" => "`load` scans the databases",
        "search" | "locate" | "grep" => "`find PATTERN` finds files by name",
        "open" | "cd" => "`explore PROJECT CATEGORY DATABASE` opens the folder",
        "log" | "runs" => "`history` lists the runs",
        "errors" => "`failures` lists the files that were not copied",
        "config" | "settings" => "`set` lists the settings",
        "rm" | "delete" | "del" | "erase" => {
            "auto-backup never erases a file; `remove database NAME` only stops tracking a database"
        }
        "move" | "mv" | "rename" => {
            "rename it on the disk: `sync` renames it in the other database"
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
