//! Random histories of a small studio, and an oracle that knows every file: `status`, `safe`, `versions`, `undo` and `prune`
//! say the same.
//!
//! `AUTO_BACKUP_HISTORIES` sets the number of histories; 300 otherwise, a few of them with every kind of step.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::three_media;
use crate::studio::{CHANGED, Studio};

const STORAGES: [&str; 3] = ["WORK", "NAS", "SHELF"];
const FILES: [&str; 3] = ["a.mov", "b.mov", "shots/c.mov"];

/// One step of a history.
#[derive(Clone, Debug)]
enum StudioStep {
    /// A person writes a file: storage, file, content.
    Write(usize, usize, u8),
    Delete(usize, usize),
    Copy(usize, usize),
    Verify(usize),
}

fn step() -> impl Strategy<Value = StudioStep> {
    prop_oneof![
        3 => (0..3_usize, 0..3_usize, 0..3_u8).prop_map(|(s, f, c)| StudioStep::Write(s, f, c)),
        1 => (0..3_usize, 0..3_usize).prop_map(|(s, f)| StudioStep::Delete(s, f)),
        3 => (0..3_usize, 0..3_usize).prop_map(|(a, b)| StudioStep::Copy(a, b)),
        2 => (0..3_usize).prop_map(StudioStep::Verify),
    ]
}

/// A file as the oracle knows it: content, time, and the time that it had when it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OracleFile {
    content: u8,
    time: u64,
    is_read: bool,
}

type OracleStorage = BTreeMap<usize, OracleFile>;

/// The studio beside the oracle.
struct History {
    studio: Studio,
    storages: [OracleStorage; 3],
    /// Numbers of versions, by storage.
    versions: [u64; 3],
    clock: u64,
}

impl History {
    fn new() -> Self {
        Self {
            studio: three_media(),
            storages: Default::default(),
            versions: [0; 3],
            clock: CHANGED,
        }
    }

    fn path(storage: usize, file: usize) -> String {
        format!("{}/footage/acme/spot/{}", STORAGES[storage], FILES[file])
    }

    fn take(&mut self, step: &StudioStep) {
        match *step {
            StudioStep::Write(storage, file, content) => {
                self.clock += 10;
                let time = self.clock;
                self.studio
                    .file_at(Self::path(storage, file), [content; 8], time);
                let is_read = false;
                let written = OracleFile {
                    content,
                    time,
                    is_read,
                };
                self.storages[storage].insert(file, written);
            }
            StudioStep::Delete(storage, file) => {
                if self.storages[storage].remove(&file).is_some() {
                    fs::remove_file(self.studio.path(Self::path(storage, file))).unwrap();
                }
            }
            StudioStep::Copy(from, to) if from != to && !self.storages[from].is_empty() => {
                let line = format!("copy acme/spot footage {} {}", STORAGES[from], STORAGES[to]);
                self.studio.lines(&[&line]);
                for (file, source) in self.storages[from].clone() {
                    let old = self.storages[to].get(&file).copied();
                    if old.is_none_or(|old| old.time < source.time) {
                        self.versions[to] += u64::from(old.is_some());
                        let read = OracleFile {
                            is_read: true,
                            ..source
                        };
                        self.storages[from].insert(file, read);
                        self.storages[to].insert(file, read);
                    }
                }
            }
            StudioStep::Copy(..) => {}
            StudioStep::Verify(storage) => {
                let line = format!("verify all in {}", STORAGES[storage]);
                self.studio.lines(&["load", &line]);
                for file in self.storages[storage].values_mut() {
                    file.is_read = true;
                }
            }
        }
    }

    /// Number of storages, apart from one, that hold the content of a file, read on both sides.
    fn proven_elsewhere(&self, storage: usize, file: usize) -> usize {
        let own = self.storages[storage][&file];
        let others = (0..3).filter(|other| *other != storage);
        let found = others.filter_map(|other| self.storages[other].get(&file));
        found
            .filter(|other| own.is_read && other.is_read && other.content == own.content)
            .count()
    }

    /// The storages that lack nothing and have nothing older than another.
    fn whole(&self) -> Vec<usize> {
        let newest = |file: usize| {
            self.storages
                .iter()
                .filter_map(|one| Some(one.get(&file)?.time))
                .max()
        };
        let is_whole = |storage: &usize| {
            (0..3).all(|file| {
                newest(file).is_none_or(|newest| {
                    self.storages[*storage]
                        .get(&file)
                        .is_some_and(|own| own.time == newest)
                })
            })
        };
        let holds = |storage: &usize| !self.storages[*storage].is_empty();
        (0..3).filter(holds).filter(is_whole).collect()
    }

    fn check(&self) {
        if self.storages.iter().all(BTreeMap::is_empty) {
            return;
        }
        let mut lines = vec![
            "load".to_owned(),
            "status".to_owned(),
            "versions".to_owned(),
        ];
        let held: Vec<usize> = (0..3)
            .filter(|one| !self.storages[*one].is_empty())
            .collect();
        lines.extend(
            held.iter()
                .map(|one| format!("safe acme/spot on {}", STORAGES[*one])),
        );
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let run = self.studio.json(&lines);
        let documents = serde_json::Deserializer::from_slice(&run.bytes).into_iter();
        let documents: Vec<serde_json::Value> = documents.map(Result::unwrap).collect();
        let whole = self.whole();
        let short = documents[1]["short"].as_array().unwrap();
        assert_eq!(short.is_empty(), whole.len() >= 2, "{whole:?} {run}");
        if let Some(gap) = short.first() {
            assert_eq!(gap["copies"], whole.len(), "{run}");
        }
        let versions = documents[2]["versions"].as_array().unwrap();
        assert_eq!(
            versions.len() as u64,
            self.versions.iter().sum::<u64>(),
            "{run}"
        );
        for (storage, document) in held.iter().zip(&documents[3..]) {
            let files = self.storages[*storage].keys();
            let copies: Vec<usize> = files
                .map(|file| self.proven_elsewhere(*storage, *file))
                .collect();
            let row = &document["categories"][0];
            assert_eq!(
                row["safe"],
                copies.iter().all(|copies| *copies >= 2),
                "{storage} {copies:?} {run}"
            );
            let few = copies.iter().filter(|copies| **copies < 2).count();
            assert_eq!(row["short_files"], few, "{storage} {run}");
        }
    }

    /// Copies, and undoes that: every storage is as before.
    fn check_undo(&mut self) {
        let before: Vec<String> = STORAGES.map(|one| self.tree(one)).to_vec();
        if self.storages[0].is_empty() {
            return;
        }
        let copied = self.studio.json(&["copy acme/spot footage WORK NAS"]);
        let copied = copied.document();
        if copied["copied_files"] == 0 {
            return;
        }
        let line = format!("undo {} --yes", copied["run"]);
        let undone = self.studio.json(&[&line]).ok();
        let after: Vec<String> = STORAGES.map(|one| self.tree(one)).to_vec();
        assert_eq!(after, before, "{undone}");
    }

    /// Prunes: a content that only a version has is kept, and the others go.
    fn check_prune(&self) {
        let pruned = self.studio.json(&[
            "load",
            "verify",
            "prune NAS --keep 0d --yes",
            "versions in NAS",
        ]);
        let documents = serde_json::Deserializer::from_slice(&pruned.bytes).into_iter();
        let documents: Vec<serde_json::Value> = documents.map(Result::unwrap).collect();
        let contents: Vec<u8> = self
            .storages
            .iter()
            .flat_map(|one| one.values())
            .map(|file| file.content)
            .collect();
        for version in documents[3]["versions"].as_array().unwrap() {
            let path = self.studio.path("NAS/.auto-backup/versions");
            let kept = fs::read_dir(path).unwrap().map(|run| {
                let file = run.unwrap().path().join(version["path"].as_str().unwrap());
                fs::read(file).ok()
            });
            for content in kept.flatten() {
                assert!(
                    !contents.contains(&content[0]),
                    "{content:?} is known elsewhere: {pruned}"
                );
            }
        }
    }

    /// Files of a storage. An undo also removes folders that it empties, whoever made them.
    fn tree(&self, storage: &str) -> String {
        let folder = format!("{storage}/footage");
        if self.studio.path(&folder).exists() {
            let tree = self.studio.tree(folder);
            let files = tree.lines().filter(|line| !line.ends_with('/'));
            files.collect::<Vec<_>>().join("\n")
        } else {
            String::new()
        }
    }
}

#[test]
fn answers_agree_with_a_brute_force_oracle() {
    let histories = std::env::var("AUTO_BACKUP_HISTORIES");
    let histories: u32 = histories.map_or(300, |number| number.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: histories,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    });
    let steps = prop::collection::vec(step(), 1..7);
    let checked = runner.run(&steps, |steps| {
        let mut history = History::new();
        for step in &steps {
            history.take(step);
        }
        history.check();
        history.check_undo();
        history.check_prune();
        Ok(())
    });
    checked.unwrap();
}
