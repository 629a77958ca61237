//! Tests of histories: what is written is loaded, every kind of damage is found, and nothing damaged is continued.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::base::error::Error;
use crate::mhl::chain;
use crate::mhl::generation::{append, list_unlisted};
use crate::mhl::hash_list::{HashAction, HashEntry, HashList, HashListHead, HashedFile, TOOL};
use crate::os::folder::Folder;
use crate::snapshot::content_hash::{HashFormat, hash_bytes};

/// A folder with a history of two generations.
struct Card {
    temporary: tempfile::TempDir,
    scope: Folder,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp {
        seconds: 1_764_000_000 + seconds,
        nanoseconds: 0,
    }
}

fn file(path: &str, content: &str, action: HashAction) -> HashedFile {
    HashedFile {
        path: path.to_owned(),
        bytes: Some(content.len() as u64),
        modified: None,
        hashes: vec![HashEntry {
            value: hash_bytes(HashFormat::Xxh64, content.as_bytes()),
            action,
            at: Some(at(0)),
        }],
        previous_path: None,
    }
}

fn list(created: Timestamp, files: Vec<HashedFile>) -> HashList {
    HashList {
        head: HashListHead {
            created,
            host: "ws1".to_owned(),
            tool: TOOL.to_owned(),
            tool_version: "0.1.0".to_owned(),
            comment: None,
            process: Process::Transfer,
            ignore: vec![".DS_Store".to_owned()],
            references: Vec::new(),
        },
        root: Vec::new(),
        files,
        folders: Vec::new(),
    }
}

impl Card {
    fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("A001");
        fs::create_dir(&path).unwrap();
        let scope = Folder::open(&path).unwrap();
        Self { temporary, scope }
    }

    fn new() -> Self {
        let card = Self::empty();
        let original = HashAction::Original;
        card.append(
            1,
            vec![file("a", "a", original), file("b/c", "c", original)],
        );
        let renamed = HashedFile {
            previous_path: Some("a".to_owned()),
            ..file("d", "a", HashAction::Verified)
        };
        card.append(2, vec![renamed, file("b/c", "bad", HashAction::Failed)]);
        card
    }

    fn append(&self, number: i64, files: Vec<HashedFile>) {
        let history = self.load().unwrap_or_default();
        append(&self.scope, &history, &list(at(number), files)).unwrap();
    }

    fn load(&self) -> Option<History> {
        History::load(&self.scope).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join("A001/ascmhl").join(name)
    }

    /// The path of the hash list of a generation.
    fn list(&self, number: u64) -> PathBuf {
        let history = self.load().unwrap();
        let mut generations = history.all_generations();
        let found = generations.find(|generation| generation.entry.number == number);
        self.path(&found.unwrap().entry.name)
    }

    /// The words of the damage, after checking that nothing is appended to it.
    fn damage(&self) -> Vec<&'static str> {
        let history = self.load().unwrap();
        let refused = append(&self.scope, &history, &list(at(3), Vec::new()));
        assert!(matches!(refused, Err(Error::HistoryDamaged { .. })));
        history
            .damage
            .iter()
            .map(|damage| damage.kind.word())
            .collect()
    }

    fn edit(path: &Path, from: &str, to: &str) {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[test]
fn generations_are_merged() {
    let card = Card::new();
    let history = card.load().unwrap();
    assert!(history.damage.is_empty() && history.unlisted.is_none());
    let numbers: Vec<u64> = history
        .generations
        .iter()
        .map(|one| one.entry.number)
        .collect();
    assert_eq!(numbers, [1, 2]);
    let name = &history.generations[0].entry.name;
    assert_eq!(name, "0001_A001_2025-11-24_160001Z.mhl");
    let paths: Vec<&str> = history.files.keys().map(|path| &**path).collect();
    assert_eq!(
        paths,
        ["b/c", "d"],
        "renamed files have their new name only"
    );
    let hash = |path: &str| history.files[path].hash(HashFormat::Xxh64);
    assert_eq!(hash("d"), Some(hash_bytes(HashFormat::Xxh64, b"a")));
    assert_eq!(
        hash("b/c"),
        Some(hash_bytes(HashFormat::Xxh64, b"c")),
        "failed hashes do not count"
    );
    assert_eq!(history.ignore, [".DS_Store"]);
}

#[test]
fn folder_without_history_has_none() {
    let card = Card::empty();
    assert!(card.load().is_none());
    fs::create_dir(card.path("")).unwrap();
    fs::write(card.path("README.txt"), "x").unwrap();
    assert!(card.load().is_none());
}

#[test]
fn files_of_other_programs_are_passed_over() {
    let card = Card::new();
    fs::write(card.path("README.txt"), "x").unwrap();
    fs::write(card.path("._0001_A001.mhl"), "x").unwrap();
    fs::write(card.path(".auto-backup-ws1-7-mhl-0.part"), "x").unwrap();
    assert!(card.load().unwrap().damage.is_empty());
}

#[test]
fn edited_hash_list_is_found() {
    let card = Card::new();
    Card::edit(&card.list(1), "ws1", "ws2");
    assert_eq!(card.damage(), ["edited_hash_list"]);
}

#[test]
fn unreadable_hash_list_is_found() {
    let card = Card::new();
    fs::write(card.list(2), "<hashlist").unwrap();
    assert_eq!(card.damage(), ["unreadable_hash_list"]);
    let card = Card::new();
    let list = card.list(2);
    fs::remove_file(&list).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &list).unwrap();
    assert_eq!(card.damage(), ["unreadable_hash_list"]);
}

#[test]
fn missing_hash_list_is_found() {
    let card = Card::new();
    fs::remove_file(card.list(1)).unwrap();
    assert_eq!(card.damage(), ["missing_hash_list"]);
}

#[test]
fn unlisted_hash_lists_are_found() {
    let card = Card::new();
    fs::copy(card.list(1), card.path("0001_copy.mhl")).unwrap();
    assert_eq!(card.damage(), ["unlisted_hash_list"]);
    let card = Card::new();
    // Complete and with the next number, but of another program.
    fs::copy(card.list(1), card.path("0003_other.mhl")).unwrap();
    Card::edit(&card.path("0003_other.mhl"), TOOL, "other");
    assert_eq!(card.damage(), ["unlisted_hash_list"]);
    let card = Card::new();
    fs::write(card.path("0003_A001.mhl"), "half").unwrap();
    assert_eq!(card.damage(), ["unlisted_hash_list"]);
}

#[test]
fn damaged_chains_are_found() {
    let chain = |card: &Card| card.path(chain::FILE_NAME);
    for (from, to, expected) in [
        (
            "sequencenr=\"2\"",
            "sequencenr=\"1\"",
            "duplicate_generation",
        ),
        ("sequencenr=\"2\"", "sequencenr=\"3\"", "missing_generation"),
        ("sequencenr=\"1\"", "sequencenr=\"3\"", "missing_generation"),
        ("<c4>c4", "<c4>", "unreadable_chain"),
        (
            "urn:ASC:MHL:DIRECTORY:v2.0",
            "urn:other",
            "unreadable_chain",
        ),
        ("<path>0002", "<path>../0002", "unreadable_chain"),
    ] {
        let card = Card::new();
        Card::edit(&chain(&card), from, to);
        assert_eq!(card.damage()[0], expected, "{from} to {to}");
    }
    let card = Card::new();
    fs::remove_file(chain(&card)).unwrap();
    assert_eq!(card.damage(), ["no_chain", "no_chain"]);
}

#[test]
fn complete_list_of_a_stopped_run_is_continued() {
    for generations in [0, 1] {
        let card = Card::empty();
        for number in 1..=generations {
            card.append(number, vec![file("a", "a", HashAction::Original)]);
        }
        let chain = fs::read(card.path(chain::FILE_NAME)).ok();
        card.append(8, vec![file("b", "b", HashAction::Original)]);
        match &chain {
            Some(chain) => fs::write(card.path(chain::FILE_NAME), chain).unwrap(),
            None => fs::remove_file(card.path(chain::FILE_NAME)).unwrap(),
        }
        let history = card.load().unwrap();
        assert!(history.damage.is_empty(), "{:?}", history.damage);
        assert!(history.unlisted.is_some() && history.files.contains_key("b"));
        let before = fs::read(card.path(chain::FILE_NAME)).ok();
        list_unlisted(&card.scope, &history).unwrap();
        let listed = card.load().unwrap();
        assert!(listed.unlisted.is_none() && listed.damage.is_empty());
        assert_eq!(listed.generations.len(), history.all_generations().count());
        match before {
            Some(before) => fs::write(card.path(chain::FILE_NAME), before).unwrap(),
            None => fs::remove_file(card.path(chain::FILE_NAME)).unwrap(),
        }
        card.append(9, vec![file("c", "c", HashAction::Original)]);
        let appended = card.load().unwrap();
        assert!(appended.unlisted.is_none() && appended.damage.is_empty());
        assert_eq!(
            appended.generations.len(),
            history.all_generations().count() + 1
        );
    }
}

#[test]
fn history_that_changed_meanwhile_is_not_continued() {
    let card = Card::new();
    let history = card.load().unwrap();
    card.append(3, vec![file("e", "e", HashAction::Original)]);
    let refused = append(&card.scope, &history, &list(at(4), Vec::new()));
    assert!(matches!(refused, Err(Error::ConcurrentChange { .. })));
    assert_eq!(card.load().unwrap().generations.len(), 3);
}

#[test]
fn path_named_twice_is_found() {
    let card = Card::empty();
    let twice = file("a", "a", HashAction::Original);
    card.append(1, vec![twice.clone(), twice]);
    assert_eq!(card.damage(), ["unreadable_hash_list"]);
}

#[test]
fn hash_that_failed_at_first_is_not_recorded() {
    let card = Card::empty();
    card.append(1, vec![file("a", "bad", HashAction::Failed)]);
    let history = card.load().unwrap();
    assert_eq!(history.files["a"].hashes, []);
    assert_eq!(history.files["a"].checked_at, Some(at(0)));
    assert_eq!(history.files["a"].proven_at, None);
}
