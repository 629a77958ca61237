//! Loading a history: every hash list is read once, hashed, and compared with the chain.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::damage::{HistoryDamage, HistoryDamageKind};
use super::record::RecordMerger;
use super::{FOLDER_NAME, Generation, History};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::unicode::to_nfc;
use crate::mhl::chain::{self, ChainEntry, read_chain};
use crate::mhl::file_name;
use crate::mhl::hash_list::{HashListHead, TOOL, read_hash_list};
use crate::mhl::ignore_list;
use crate::mhl::xml::{XmlError, XmlResult};
use crate::os::folder::{Folder, is_not_found};
use crate::snapshot::content_hash::HashValue;

impl History {
    /// Loads the history of a folder; `None` if it has none.
    ///
    /// # Errors
    /// The folder of the history cannot be read; [`Error::Interrupted`].
    pub fn load(scope: &Folder) -> Result<Option<Self>> {
        let folder = match scope.open_child(OsStr::new(FOLDER_NAME)) {
            Err(error) if is_not_found(&error) => return Ok(None),
            opened => opened?,
        };
        let names = folder.entry_names()?;
        let has_chain = names.iter().any(|name| name == chain::FILE_NAME);
        let lists = names
            .into_iter()
            .filter(|name| file_name::is_hash_list(name));
        let lists: BTreeMap<Vec<u8>, OsString> = lists
            .map(|name| (to_nfc(name.as_encoded_bytes()).to_vec(), name))
            .collect();
        if !has_chain && lists.is_empty() {
            return Ok(None);
        }
        let mut loader = Loader {
            folder: &folder,
            lists,
            merger: RecordMerger::default(),
            history: Self::default(),
        };
        loader.load(has_chain)?;
        let Loader {
            merger,
            mut history,
            ..
        } = loader;
        history.files = merger.into_files();
        Ok(Some(history))
    }
}

impl History {
    /// Returns the generations that the chain file of a folder lists; `None` if it has no chain file that can be read. The
    /// hash lists are not read.
    pub fn listed_generations(scope: &Folder) -> Result<Option<Vec<ChainEntry>>> {
        let opened = scope.open_child(OsStr::new(FOLDER_NAME));
        let opened = opened.and_then(|folder| folder.open_file(OsStr::new(chain::FILE_NAME)));
        match opened.map(|(file, _)| read_chain(file)) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Ok(Ok((entries, _))) => Ok(Some(entries)),
            Err(_) | Ok(Err(_)) => interrupt::check().map(|()| None),
        }
    }
}

struct Loader<'a> {
    folder: &'a Folder,
    /// The hash lists in the folder that no generation has named so far: composed name and name.
    lists: BTreeMap<Vec<u8>, OsString>,
    merger: RecordMerger,
    history: History,
}

impl Loader<'_> {
    fn load(&mut self, has_chain: bool) -> Result<()> {
        let entries = if has_chain {
            match self.read(OsStr::new(chain::FILE_NAME), read_chain)? {
                Ok((entries, c4)) => {
                    self.history.chain_c4 = Some(c4);
                    entries
                }
                Err(why) => {
                    self.damage(HistoryDamageKind::UnreadableChain(why), chain::FILE_NAME);
                    return Ok(());
                }
            }
        } else {
            Vec::new()
        };
        self.check_numbers(&entries);
        for entry in entries {
            self.load_listed(entry)?;
        }
        self.judge_unlisted(has_chain)
    }

    fn damage(&mut self, kind: HistoryDamageKind, file: &str) {
        let file = file.to_owned();
        self.history.damage.push(HistoryDamage { kind, file });
    }

    /// Reads a file of the history; fails with the words why it cannot be used.
    fn read<T>(
        &self,
        name: &OsStr,
        read: impl FnOnce(std::fs::File) -> XmlResult<T>,
    ) -> Result<std::result::Result<T, String>> {
        let (file, _) = match self.folder.open_file(name) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => return Ok(Err(error.full_message())),
            Ok(opened) => opened,
        };
        match read(file) {
            Ok(done) => Ok(Ok(done)),
            Err(XmlError::Malformed(why)) => Ok(Err(why)),
            Err(XmlError::Read(error)) => {
                interrupt::check()?;
                Ok(Err(error.to_string()))
            }
        }
    }

    /// Checks that the generations are 1 to n, each once.
    fn check_numbers(&mut self, entries: &[ChainEntry]) {
        let mut seen = BTreeSet::new();
        for entry in entries {
            if !seen.insert(entry.number) {
                self.damage(
                    HistoryDamageKind::DuplicateNumber(entry.number),
                    &entry.name,
                );
            }
        }
        for ((expected, place), number) in (1..).zip(0..).zip(seen) {
            if number != expected {
                self.damage(HistoryDamageKind::MissingNumber(expected), chain::FILE_NAME);
                return;
            }
            // Later generations must follow earlier ones in the file, too, because its order is that of their merging.
            if entries
                .get(place)
                .is_some_and(|entry| entry.number != number)
            {
                self.damage(HistoryDamageKind::WrongNumber(number), chain::FILE_NAME);
                return;
            }
        }
    }

    fn load_listed(&mut self, entry: ChainEntry) -> Result<()> {
        if file_name::generation_of(&entry.name) != Some(entry.number) {
            self.damage(HistoryDamageKind::WrongNumber(entry.number), &entry.name);
        }
        let key = to_nfc(entry.name.as_bytes()).to_vec();
        let Some(name) = self.lists.remove(&key) else {
            self.damage(HistoryDamageKind::MissingHashList, &entry.name);
            return Ok(());
        };
        match self.read_list(&name)? {
            Err(why) => {
                // An edited list may be malformed, too: the C4 tells them apart only if it was read to its end.
                self.damage(HistoryDamageKind::UnreadableHashList(why), &entry.name);
            }
            Ok((_, c4)) if c4 != entry.c4 => {
                self.damage(HistoryDamageKind::EditedHashList, &entry.name);
            }
            Ok((head, _)) => {
                let generation = self.merge_head(head, entry);
                self.history.generations.push(generation);
            }
        }
        Ok(())
    }

    fn read_list(
        &mut self,
        name: &OsStr,
    ) -> Result<std::result::Result<(HashListHead, HashValue), String>> {
        let mut merger = std::mem::take(&mut self.merger);
        merger.begin_list();
        let read = self.read(name, |file| read_hash_list(file, &mut merger));
        self.merger = merger;
        read
    }

    fn merge_head(&mut self, head: HashListHead, entry: ChainEntry) -> Generation {
        for pattern in head.ignore {
            if !ignore_list::is_valid(&pattern) {
                let why = "an ignore pattern is not in the syntax of gitignore".to_owned();
                self.damage(HistoryDamageKind::UnreadableHashList(why), &entry.name);
            } else if !self.history.ignore.contains(&pattern) {
                self.history.ignore.push(pattern);
            }
        }
        self.history.references.extend(head.references);
        Generation {
            entry,
            process: head.process,
            created: head.created,
            files: self.merger.list_files,
        }
    }

    /// Judges the hash lists that are in no chain. The next generation was written by this program if a run of it was stopped
    /// between the hash list and the chain file: the list got its name only when it was complete.
    fn judge_unlisted(&mut self, has_chain: bool) -> Result<()> {
        let unlisted: Vec<OsString> = std::mem::take(&mut self.lists).into_values().collect();
        if let [name] = &unlisted[..]
            && self.history.damage.is_empty()
            && let Some(text) = name.to_str()
            && file_name::generation_of(text) == Some(self.history.next_number())
            && let Ok((head, c4)) = self.read_list(name)?
            && head.tool == TOOL
        {
            let entry = ChainEntry {
                number: self.history.next_number(),
                name: text.to_owned(),
                c4,
            };
            let generation = self.merge_head(head, entry);
            self.history.unlisted = Some(generation);
            return Ok(());
        }
        for name in unlisted {
            let kind = if has_chain {
                HistoryDamageKind::UnlistedHashList
            } else {
                HistoryDamageKind::NoChain
            };
            self.damage(kind, &name.to_string_lossy());
        }
        Ok(())
    }
}
