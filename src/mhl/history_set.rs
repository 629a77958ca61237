//! The histories of one folder: its own and those in folders below it. A file belongs to the nearest one.

use std::collections::BTreeMap;
use std::path::Path;

use super::history::{FOLDER_NAME, FileRecord, History, HistoryDamage, HistoryDamageKind};
use crate::base::error::Result;
use crate::os::folder::Folder;

/// Histories by the path of their folder below the outermost one; empty for that folder itself.
#[derive(Debug, Default)]
pub struct HistorySet {
    histories: BTreeMap<String, History>,
}

impl HistorySet {
    /// Loads the histories of a folder and of these folders below it. Folders without a history are left out.
    ///
    /// # Errors
    /// The folder of a history cannot be read; [`crate::base::error::Error::Interrupted`].
    pub fn load<'p>(
        outermost: &Folder,
        folders: impl IntoIterator<Item = &'p Path>,
    ) -> Result<Self> {
        let mut histories = BTreeMap::new();
        for path in folders {
            // A history in a folder whose name is no text cannot be referred to; its files belong to the one above.
            let Some(text) = path.to_str() else { continue };
            let scope = outermost.open_descendant(path)?;
            if let Some(history) = History::load(&scope)? {
                histories.insert(text.to_owned(), history);
            }
        }
        let mut set = Self { histories };
        set.check_references();
        Ok(set)
    }

    /// Compares the references of each history with the generations of nested ones. A nested history that is gone is no
    /// damage: its files are missing, and reported as such.
    fn check_references(&mut self) {
        let mut wrong: Vec<(String, HistoryDamage)> = Vec::new();
        for (base, history) in &self.histories {
            for reference in &history.references {
                let Some((folder, name)) = nested_list(base, &reference.path) else {
                    continue;
                };
                let Some(nested) = self.histories.get(&folder) else {
                    continue;
                };
                let mut generations = nested.all_generations();
                let found = generations.find(|generation| generation.entry.name == name);
                if found.is_some_and(|generation| generation.entry.c4 != reference.c4) {
                    let kind = HistoryDamageKind::WrongReference;
                    wrong.push((folder, HistoryDamage { kind, file: name }));
                }
            }
        }
        for (folder, damage) in wrong {
            if let Some(history) = self.histories.get_mut(&folder)
                && !history.damage.contains(&damage)
            {
                history.damage.push(damage);
            }
        }
    }

    /// The histories with their folders, each before those below it.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &History)> {
        self.histories
            .iter()
            .map(|(folder, history)| (folder.as_str(), history))
    }

    pub fn get(&self, folder: &str) -> Option<&History> {
        self.histories.get(folder)
    }

    /// The folder of the history that a file belongs to; empty without a nearer one.
    pub fn folder_of(&self, path: &str) -> &str {
        let mut above = path;
        while let Some((folder, _)) = above.rsplit_once('/') {
            if let Some((folder, _)) = self.histories.get_key_value(folder) {
                return folder;
            }
            above = folder;
        }
        ""
    }

    /// The record of a file in the history that it belongs to.
    pub fn record(&self, path: &str) -> Option<&FileRecord> {
        let folder = self.folder_of(path);
        self.histories
            .get(folder)?
            .files
            .get(path_below(folder, path))
    }

    /// The faults of all histories, with the path of the file concerned.
    pub fn damage(&self) -> impl Iterator<Item = (String, &HistoryDamage)> {
        self.histories.iter().flat_map(|(folder, history)| {
            let path = |file: &str| join(&join(folder, FOLDER_NAME), file);
            history
                .damage
                .iter()
                .map(move |damage| (path(&damage.file), damage))
        })
    }
}

/// Returns the folder and the name of the hash list that a reference in the history of `base` leads to.
fn nested_list(base: &str, reference: &str) -> Option<(String, String)> {
    let (above, name) = reference.rsplit_once('/')?;
    let folder = above.strip_suffix(FOLDER_NAME)?.strip_suffix('/')?;
    Some((join(base, folder), name.to_owned()))
}

/// Joins two paths with `/`; the first may be empty.
pub fn join(above: &str, below: &str) -> String {
    if above.is_empty() {
        below.to_owned()
    } else {
        format!("{above}/{below}")
    }
}

/// The path of a file below a folder that contains it.
pub fn path_below<'p>(folder: &str, path: &'p str) -> &'p str {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.strip_prefix('/').unwrap_or(below)
}
