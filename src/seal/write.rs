//! Writing the generations of a replica: the innermost history first, so that the outer ones can refer to it.

use std::collections::BTreeMap;
use std::path::Path;

use super::draft::{Draft, Drafts};
use super::replica::ReplicaHistories;
use super::report::SealReport;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::name::Name;
use crate::index::{
    ContentOrigin, DatabaseId, FileEvidence, FolderEvidence, Index, KnownGeneration, NewEvidence,
    Proof,
};
use crate::mhl::CHAIN_NAME;
use crate::mhl::generation::{append, list_unlisted};
use crate::mhl::hash_list::HashListReference;
use crate::mhl::history::{FOLDER_NAME, Generation, History};
use crate::mhl::history_set::{join, path_below};
use crate::model::project::path_within;
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;

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
        let folder_name = draft.folder.clone();
        let place = Path::new(&folder_name);
        let scope = || replica.folder.open_descendant(place);
        let has_news = draft
            .nested
            .iter()
            .any(|folder| written.contains_key(folder));
        let mut generations: Vec<Generation> = history.all_generations().cloned().collect();
        if !draft.list.files.is_empty() || has_news {
            draft.list.head.references = references(replica, &draft, history, &written);
            let generation = append(&scope()?, history, &draft.list)?;
            generations.push(generation.clone());
            written.insert(draft.folder.clone(), generation);
        } else if history.unlisted.is_some() {
            list_unlisted(&scope()?, history)?;
        } else {
            continue;
        }
        let folder = path_within(&replica.relative, place);
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
            record_evidence(index, database, &folder, &scope()?, known.last())?;
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

/// Records evidence of the last hash list and of the chain file, which were written and read back. Without it, a replica that
/// was proven would have two files without proof.
fn record_evidence(
    index: &mut Index,
    database: DatabaseId,
    folder: &Path,
    scope: &Folder,
    last: Option<&KnownGeneration>,
) -> Result<()> {
    let history = scope.open_child(FOLDER_NAME.as_ref())?;
    let has_stable_ids = history.has_reliable_file_system();
    let mut files = FolderEvidence::new();
    let names = last
        .map(|last| last.name.as_str())
        .into_iter()
        .chain([CHAIN_NAME]);
    for name in names {
        let (file, stat) = history.open_file(name.as_ref())?;
        let digest = Digest::of_file(&file, &mut Vec::new(), &|_| {});
        let evidence = FileEvidence {
            bytes: stat.bytes,
            modified: stat.modified,
            digest: digest.at("read", history.path().join(name))?,
            proof: Proof::read_now(&stat, has_stable_ids),
        };
        files.insert(Name::from(name), evidence);
    }
    let new = NewEvidence {
        database,
        folder: &folder.join(FOLDER_NAME),
        files: &files,
        origin: ContentOrigin::Written,
    };
    index.add_evidence(&[new]).map(drop)
}
