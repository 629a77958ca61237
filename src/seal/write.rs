//! Writing the generations of a replica: the innermost history first, so that the outer ones can refer to it.

use std::collections::BTreeMap;
use std::path::Path;

use super::ReplicaHistories;
use super::draft::{Draft, Drafts};
use super::report::SealReport;
use crate::base::error::Result;
use crate::index::{DatabaseId, Index, KnownGeneration};
use crate::mhl::generation::{append, list_unlisted};
use crate::mhl::hash_list::HashListReference;
use crate::mhl::history::{FOLDER_NAME, Generation, History};
use crate::mhl::history_set::{join, path_below};
use crate::model::project::path_within;

/// Writes the drafts that have something to record.
pub(super) fn write(
    index: &mut Index,
    database: Option<DatabaseId>,
    replica: &ReplicaHistories,
    drafts: Drafts,
    report: &mut SealReport,
) -> Result<()> {
    if drafts.is_dry_run {
        return Ok(());
    }
    let none = History::default();
    let mut written: BTreeMap<String, Generation> = BTreeMap::new();
    for mut draft in drafts.drafts {
        let history = replica.histories.get(&draft.folder).unwrap_or(&none);
        let scope = replica.folder.open_descendant(Path::new(&draft.folder));
        let has_news = draft
            .nested
            .iter()
            .any(|folder| written.contains_key(folder));
        let mut generations: Vec<Generation> = history.all_generations().cloned().collect();
        if !draft.list.files.is_empty() || has_news {
            draft.list.head.references = references(replica, &draft, history, &written);
            let generation = append(&scope?, history, &draft.list)?;
            generations.push(generation.clone());
            written.insert(draft.folder.clone(), generation);
        } else if history.unlisted.is_some() {
            list_unlisted(&scope?, history)?;
        } else {
            continue;
        }
        let folder = path_within(&replica.relative, Path::new(&draft.folder));
        let known: Vec<KnownGeneration> = generations
            .iter()
            .map(|generation| KnownGeneration::of(&folder, generation))
            .collect();
        if let Some(unlisted) = &history.unlisted {
            let name = join(&join(&draft.folder, FOLDER_NAME), &unlisted.entry.name);
            report.listed.push(replica.folder.path().join(name));
        }
        if written.contains_key(&draft.folder) {
            report.generations.extend(known.last().cloned());
        }
        if let Some(database) = database {
            index.record_generations(database, &folder, &known)?;
        }
    }
    Ok(())
}

/// Returns the references to the hash lists of nested histories: those of this run, and the latest of a nested history that no
/// generation refers to yet.
fn references(
    replica: &ReplicaHistories,
    draft: &Draft,
    history: &History,
    written: &BTreeMap<String, Generation>,
) -> Vec<HashListReference> {
    let mut references = Vec::new();
    for folder in &draft.nested {
        let latest = replica.histories.get(folder);
        let latest = latest.and_then(|nested| nested.all_generations().last());
        let Some(generation) = written.get(folder).or(latest) else {
            continue;
        };
        let below = path_below(&draft.folder, folder);
        let reference = HashListReference {
            path: join(&join(below, FOLDER_NAME), &generation.entry.name),
            c4: generation.entry.c4,
        };
        if !history.references.contains(&reference) {
            references.push(reference);
        }
    }
    references
}
