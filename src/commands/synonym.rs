//! Command names of other programs and their equivalents.

/// The equivalent of a foreign command.
#[derive(Debug, PartialEq, Eq)]
pub enum Equivalent {
    /// A line that does it, with the words that were typed.
    Line(String),
    /// The reason why no command does it, or what to do instead.
    Sentence(&'static str),
}

/// Returns the equivalent of a foreign command with the words that follow it, as they were typed.
pub fn equivalent(word: &str, rest: &str) -> Option<Equivalent> {
    let line = |command: &str| {
        Some(Equivalent::Line(
            format!("{command} {rest}").trim().to_owned(),
        ))
    };
    // A line that is complete without words, and another for words.
    let either = |alone: &str, command: &str| {
        if rest.is_empty() {
            line(alone)
        } else {
            line(command)
        }
    };
    let needs = |command: &str, sentence| {
        if rest.is_empty() {
            Some(Equivalent::Sentence(sentence))
        } else {
            line(command)
        }
    };
    match word {
        "ls" | "dir" | "tree" | "projects" => either("list projects", "fetch"),
        "du" | "size" | "df" | "biggest" => either("list projects --sort size", "fetch"),
        "clients" => Some(Equivalent::Line("list clients".to_owned())),
        "databases" | "storages" | "drives" => Some(Equivalent::Line("list databases".to_owned())),
        "where" | "whereis" | "show" | "info" | "status" => either("fetch all", "fetch"),
        "diff" | "check" | "verify" | "cmp" => needs(
            "compare",
            "`compare PROJECT STORAGE STORAGE` shows the differences; `--checksum` compares the content",
        ),
        "cp" => needs("copy", "`copy PROJECT CATEGORY FROM TO` copies"),
        "backup" | "push" | "upload" | "archive" => needs(
            "sync",
            "`sync PROJECT CATEGORY FROM TO` sends the changes since the last sync",
        ),
        "open" | "cd" => needs(
            "explore",
            "`explore PROJECT CATEGORY STORAGE` opens the folder",
        ),
        "search" | "locate" | "grep" => needs("find", "`find PATTERN` finds files by name"),
        "scan" | "index" | "update" | "refresh" => line("load"),
        "log" | "runs" => line("history"),
        "errors" | "doctor" => Some(Equivalent::Line("failures".to_owned())),
        "report" => Some(Equivalent::Line("fetch all > report.csv".to_owned())),
        "config" | "settings" => line("set"),
        "?" | "man" | "usage" => line("help"),
        "\\q" | "q" | ":q" | "bye" | "logout" => Some(Equivalent::Line("exit".to_owned())),
        _ => sentence(word).map(Equivalent::Sentence),
    }
}

/// Returns the reason why no command does what a foreign command does.
fn sentence(word: &str) -> Option<&'static str> {
    Some(match word {
        "rm" | "delete" | "del" | "erase" => {
            "auto-backup never erases a file of the studio; delete it in the file manager, which `explore` opens"
        }
        "move" | "mv" | "rename" => {
            "rename or move it on the disk: the next `sync` renames it on the other storages"
        }
        "restore" | "undo" | "versions" | "revert" => {
            "old versions are kept below `ROOT/.auto-backup/versions`; copy them back from there"
        }
        "prune" => {
            "old versions are kept below `ROOT/.auto-backup/versions` until you delete them there"
        }
        "clear" | "cls" => "Ctrl-L clears the screen",
        _ => return None,
    })
}

/// True for a command name of another program.
pub fn is_known(word: &str) -> bool {
    equivalent(word, "").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::built_grammar;

    fn of(line: &str) -> Equivalent {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        equivalent(first, rest).unwrap_or_else(|| panic!("{line}"))
    }

    #[test]
    fn typed_words_are_filled_in() {
        for (line, equivalent) in [
            ("ls", "list projects"),
            ("ls acme", "fetch acme"),
            ("du", "list projects --sort size"),
            ("size acme/spot", "fetch acme/spot"),
            (
                "where 'acme/spring campaign'",
                "fetch 'acme/spring campaign'",
            ),
            ("show", "fetch all"),
            ("diff acme/spot WORK NAS", "compare acme/spot WORK NAS"),
            ("push acme all WORK NAS", "sync acme all WORK NAS"),
            ("backup all all WORK NAS", "sync all all WORK NAS"),
            (
                "open acme/spot footage NAS",
                "explore acme/spot footage NAS",
            ),
            ("? copy", "help copy"),
            ("\\q", "exit"),
        ] {
            assert_eq!(of(line), Equivalent::Line(equivalent.to_owned()), "{line}");
        }
    }

    #[test]
    fn every_tried_word_leads_somewhere() {
        let tried = "where status size du ls tree rm delete move rename archive verify report undo restore versions \
                     prune doctor check info diff backup push open show ? clear";
        for word in tried.split_whitespace().chain(["\\q"]) {
            let text = match of(&format!("{word} a")) {
                Equivalent::Line(line) => {
                    let command = line.split(' ').next().unwrap_or_default();
                    let grammar = built_grammar();
                    assert!(grammar.find_subcommand(command).is_some(), "{word}: {line}");
                    line
                }
                Equivalent::Sentence(sentence) => sentence.to_owned(),
            };
            assert!(!text.contains("remove"), "{word}: {text}");
        }
    }
}
