//! Command names of other programs and their equivalents.

use crate::base::suggest::{edit_distance, suggest};

/// The equivalent of a foreign command.
#[derive(Debug, PartialEq, Eq)]
pub enum Equivalent {
    /// A line that does it, with the words that were typed.
    Line(String),
    /// The reason why no command does it, or what to do instead.
    Sentence(&'static str),
}

/// The meaning of a foreign command.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// This command, with the words that follow.
    Command(&'static str),
    /// This line, whatever follows.
    Line(&'static str),
    /// The first line if no words follow, else the command.
    Either(&'static str, &'static str),
    /// The command if words follow, else the sentence.
    Needs(&'static str, &'static str),
    /// No command does it.
    Sentence(&'static str),
}

const SYNONYMS: [(&[&str], Meaning); 26] = [
    (
        &["ls", "dir", "tree", "projects"],
        Meaning::Either("list projects", "fetch"),
    ),
    (
        &["du", "size", "df", "biggest"],
        Meaning::Either("list projects --sort size", "fetch"),
    ),
    (&["clients"], Meaning::Line("list clients")),
    (
        &["databases", "storages", "drives"],
        Meaning::Line("list databases"),
    ),
    (
        &["where", "whereis", "show", "info"],
        Meaning::Either("fetch all", "fetch"),
    ),
    (
        &["top"],
        Meaning::Either("watch 5 fetch all", "watch 5 fetch"),
    ),
    (
        &["diff", "check", "cmp"],
        Meaning::Needs(
            "compare",
            "`compare PROJECT STORAGE STORAGE` shows the differences; `--checksum` compares the content",
        ),
    ),
    (
        &["cp"],
        Meaning::Needs("copy", "`copy PROJECT CATEGORY FROM TO` copies"),
    ),
    (
        &["backup", "push", "upload", "archive"],
        Meaning::Needs(
            "sync",
            "`sync PROJECT CATEGORY FROM TO` sends the changes since the last sync",
        ),
    ),
    (
        &["open", "cd"],
        Meaning::Needs(
            "explore",
            "`explore PROJECT CATEGORY STORAGE` opens the folder",
        ),
    ),
    (
        &["search", "locate", "grep"],
        Meaning::Needs("find", "`find PATTERN` finds files by name"),
    ),
    (
        &["scan", "index", "update", "refresh"],
        Meaning::Command("load"),
    ),
    (&["log", "runs"], Meaning::Command("history")),
    (
        &["dupes", "duplicate", "fdupes", "rmlint"],
        Meaning::Command("duplicates"),
    ),
    (&["errors", "doctor"], Meaning::Line("failures")),
    (
        &["summary", "export"],
        Meaning::Needs("report", "`report PROJECT --to FILE.html` writes a page"),
    ),
    (&["config", "settings"], Meaning::Command("set")),
    (&["?", "man", "usage"], Meaning::Command("help")),
    (&["\\q", "q", ":q", "bye", "logout"], Meaning::Line("exit")),
    (
        &["rm", "delete", "del", "erase"],
        Meaning::Sentence(
            "auto-backup never erases a file without proof: `free PROJECT CATEGORY STORAGE` gives up a copy that is elsewhere; delete anything else in the file manager, which `explore` opens",
        ),
    ),
    (
        &["move", "mv", "rename"],
        Meaning::Sentence(
            "rename or move it on the disk: the next `sync` renames what an earlier one sent",
        ),
    ),
    (
        &["revert", "rollback"],
        Meaning::Sentence(
            "`undo RUN` reverses a run that `history` lists; `restore` puts old versions of single files back",
        ),
    ),
    (&["recover"], Meaning::Command("restore")),
    (&["repair", "fix"], Meaning::Command("heal")),
    (&["scrub", "fsck"], Meaning::Command("verify")),
    (
        &["clear", "cls"],
        Meaning::Sentence("Ctrl-L clears the screen"),
    ),
];

/// Returns the equivalent of a foreign command with the words that follow it, as they were typed.
pub fn equivalent(word: &str, rest: &str) -> Option<Equivalent> {
    let known = SYNONYMS.iter().find(|(words, _)| words.contains(&word));
    let line = match known?.1 {
        Meaning::Line(line) => line.to_owned(),
        Meaning::Either(alone, _) if rest.is_empty() => alone.to_owned(),
        Meaning::Needs(_, sentence) if rest.is_empty() => {
            return Some(Equivalent::Sentence(sentence));
        }
        Meaning::Sentence(sentence) => return Some(Equivalent::Sentence(sentence)),
        Meaning::Command(command) | Meaning::Either(_, command) | Meaning::Needs(command, _) => {
            format!("{command} {rest}").trim_end().to_owned()
        }
    };
    Some(Equivalent::Line(line))
}

/// True for a command name of another program.
pub fn is_known(word: &str) -> bool {
    foreign_words().any(|known| known == word)
}

fn foreign_words() -> impl Iterator<Item = &'static str> {
    let words = SYNONYMS.iter().flat_map(|(words, _)| words.iter());
    words.copied()
}

/// Returns the known commands that are similar to a typed word. `remove` is not among them if a foreign word is as near:
/// somebody who wants to move or restore something must not be led to it.
pub fn similar_commands<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    /// Number of typing errors up to which a foreign word may have been meant.
    const MAX_EDITS: usize = 2;
    let typed = typed.to_lowercase();
    let is_near = |word| edit_distance(&typed, word) <= MAX_EDITS;
    let may_be_foreign = typed != "remove" && foreign_words().any(is_near);
    let mut near = suggest(&typed, known);
    near.retain(|name| !may_be_foreign || *name != "remove");
    near
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn every_foreign_word_leads_somewhere() {
        let grammar = built_grammar();
        for word in foreign_words() {
            assert!(grammar.find_subcommand(word).is_none(), "{word} is ours");
            for rest in ["", "acme/spot"] {
                let text = match equivalent(word, rest) {
                    Some(Equivalent::Line(line)) => {
                        let command = line.split(' ').next().unwrap_or_default();
                        assert!(grammar.find_subcommand(command).is_some(), "{word}: {line}");
                        line
                    }
                    Some(Equivalent::Sentence(sentence)) => sentence.to_owned(),
                    None => panic!("{word}"),
                };
                assert!(!text.contains("remove"), "{word}: {text}");
            }
        }
    }

    #[test]
    fn tried_words_are_known() {
        let tried = "where size du ls tree rm delete move rename archive summary revert doctor check info diff backup push open \
                     show ? \\q clear";
        for word in tried.split_whitespace() {
            assert!(is_known(word), "{word}");
        }
    }

    #[test]
    fn own_typing_errors_still_find_remove() {
        for typed in ["remvoe", "remov", "remoe", "Remove"] {
            assert_eq!(
                similar_commands(typed, ["remove", "load"]),
                ["remove"],
                "{typed}"
            );
        }
    }

    /// A foreign word and one edit: position, kind and letter.
    fn edited(word: &str, (place, kind, letter): (usize, u8, char)) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        let place = place % (letters.len() + 1);
        let is_inside = place < letters.len();
        match kind {
            0 if is_inside => letters[place] = letter,
            1 if is_inside => drop(letters.remove(place)),
            2 if place + 1 < letters.len() => letters.swap(place, place + 1),
            _ => letters.insert(place, letter),
        }
        letters.into_iter().collect()
    }

    proptest! {
        #[test]
        fn no_misspelled_foreign_word_suggests_remove(
            word in prop::sample::select(foreign_words().collect::<Vec<_>>()),
            edits in prop::collection::vec((0..12_usize, 0..4_u8, prop::char::range('a', 'z')), 0..3),
        ) {
            let typed = edits.into_iter().fold(word.to_owned(), |word, edit| edited(&word, edit));
            prop_assume!(typed != "remove");
            let grammar = built_grammar();
            let known = grammar.get_subcommands().map(clap::Command::get_name);
            prop_assert!(!similar_commands(&typed, known).contains(&"remove"), "{}", typed);
        }
    }
}
