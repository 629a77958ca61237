//! The correction of the sync record after a scan: files that are changed or missing at the destination are removed from
//! it, so that the next sync sends them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::discover;
use super::discover::ScanScope;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::index::{DatabaseId, Index, SentChanges, SentFile, SentFolder};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Category;
use crate::storage::Storage;

/// Corrects the record of a database by its listings, or by the index after a scan. Where the scan could not read, the
/// index keeps its previous entries, and so does the record.
pub(super) fn correct(
    index: &mut Index,
    storage: &Storage,
    scan_scope: &ScanScope<'_>,
) -> Result<()> {
    let root = &storage.database().root;
    let Some(id) = index.database_id(root)? else {
        return Ok(());
    };
    for replica in index.all_sent_replicas(root)? {
        let matched = discover::match_replica(&scan_scope.categories, &scan_scope.scope, &replica);
        if let Some((category, project)) = matched
            && !storage.correct_record(&replica)?
        {
            let key = SentReplica {
                database: id,
                category,
                project,
            };
            let outdated = outdated_files(index, storage, &replica, &key)?;
            index.update_sent(root, Path::new(""), &[(replica, outdated)].into())?;
        }
    }
    Ok(())
}

/// A replica with sent files, in the index.
struct SentReplica<'a> {
    database: DatabaseId,
    category: &'a Category,
    project: ProjectId,
}

/// Returns the sent files of a replica that the index shows changed or not at all.
fn outdated_files(
    index: &Index,
    storage: &Storage,
    replica: &Path,
    key: &SentReplica<'_>,
) -> Result<SentChanges> {
    let exclusions = &storage.layout().exclusions;
    let precision = time_precision(index, key)?;
    let stored = stored_files(index, key)?;
    let mut outdated = SentChanges::default();
    for row in index.sent_rows(&storage.database().root, replica)? {
        if exclusions.excludes_folder(&row.folder) {
            continue;
        }
        let stored = stored.get(&row.folder);
        for (name, sent) in row.files() {
            let file = stored.and_then(|files| files.get(&name));
            if !exclusions.excludes(&row.folder, name.as_os_str(), false)
                && !file.is_some_and(|file| is_as_sent(file, &sent, precision))
            {
                outdated.remove(&row.folder.join(name.as_path()));
            }
        }
    }
    Ok(outdated)
}

/// True if a file is as it was sent. A link is compared by its target alone.
fn is_as_sent(file: &SentFile, sent: &SentFile, precision: TimePrecision) -> bool {
    (file.link_digest, file.bytes) == (sent.link_digest, sent.bytes)
        && (sent.link_digest != 0 || file.modified.equals_at(sent.modified, precision))
}

/// Returns the time precision of a replica's file system; the coarsest if the index does not know it.
fn time_precision(index: &Index, key: &SentReplica<'_>) -> Result<TimePrecision> {
    let known = index.replica(key.database, key.category.key(), &key.project)?;
    Ok(known.map_or(TimePrecision::TwoSeconds, |replica| {
        replica.aggregate.precision
    }))
}

/// Returns the files of a replica according to the index, by folder.
fn stored_files(index: &Index, key: &SentReplica<'_>) -> Result<BTreeMap<PathBuf, SentFolder>> {
    let (database, category) = (key.database, key.category);
    let scope = Scope::Project(key.project.clone());
    let mut stored = BTreeMap::new();
    index.visit_folders(database, category.key(), &scope, &mut |folder| {
        let mut files = folder.files();
        let mut names = SentFolder::new();
        while let Some(file) = files.next() {
            names.insert(Name::from_bytes(file.name.to_vec()), SentFile::of(&file));
        }
        stored.insert(folder.path.to_owned(), names);
        Ok(true)
    })?;
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::scan::tests::Studio;

    const REPLICA: &str = "footage/acme/spot";
    const TIME: Timestamp = Timestamp {
        seconds: 1_000_000_000,
        nanoseconds: 500,
    };

    /// A studio whose files, with these names, were sent as they are.
    fn sent_studio(names: &[&str]) -> Studio {
        let files: Vec<_> = names
            .iter()
            .map(|name| format!("{REPLICA}/{name}"))
            .collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let mut studio = Studio::new(&files);
        let mut sent = SentChanges::default();
        for (name, file) in names.iter().zip(files) {
            let opened = fs::File::open(studio.path(file)).unwrap();
            crate::os::file::set_modified(&opened, TIME).unwrap();
            let file = SentFile {
                bytes: 5,
                modified: TIME,
                ..SentFile::default()
            };
            sent.add(name.as_ref(), file);
        }
        let (root, record) = (studio.database().root, [(REPLICA.into(), sent)].into());
        studio
            .index
            .update_sent(&root, Path::new("/work"), &record)
            .unwrap();
        studio
    }

    /// Scans this scope and returns the paths that remain in the record.
    fn recorded(studio: &mut Studio, scope: Scope) -> Vec<String> {
        studio.scan(scope);
        let root = studio.database().root;
        let rows = studio.index.sent_rows(&root, REPLICA.as_ref()).unwrap();
        let paths = rows.iter().flat_map(|row| {
            let names = row.files().into_keys();
            names.map(|name| row.folder.join(name.as_path()).display().to_string())
        });
        paths.collect()
    }

    #[test]
    fn changed_and_missing_files_are_forgotten() {
        let mut studio = sent_studio(&["changed", "same", "shots/gone", "shots/same"]);
        fs::write(studio.path(REPLICA).join("changed"), "more bytes").unwrap();
        fs::remove_file(studio.path(REPLICA).join("shots/gone")).unwrap();
        let other = Scope::Client("zoo".into());
        assert_eq!(recorded(&mut studio, other).len(), 4);
        assert_eq!(recorded(&mut studio, Scope::All), ["same", "shots/same"]);
    }

    #[test]
    fn unread_files_stay_recorded() {
        let mut studio = sent_studio(&["a", "shots/b"]);
        studio.scan_all();
        studio.remove("footage/acme/spot/shots");
        studio.record_mount("footage/acme/spot/shots");
        assert_eq!(recorded(&mut studio, Scope::All), ["a", "shots/b"]);
    }

    #[test]
    fn excluded_files_stay_recorded() {
        let mut studio = sent_studio(&["a", "b.tmp", "shots/c"]);
        studio.registry.add_exclusion("*.tmp");
        studio.registry.add_exclusion("shots/");
        assert_eq!(recorded(&mut studio, Scope::All), ["a", "b.tmp", "shots/c"]);
    }

    #[test]
    fn times_are_compared_at_the_precision() {
        let file = |nanoseconds, link_digest| SentFile {
            bytes: 5,
            modified: Timestamp {
                nanoseconds,
                ..TIME
            },
            link_digest,
            ..SentFile::default()
        };
        let (exact, coarse) = (TimePrecision::Nanosecond, TimePrecision::TwoSeconds);
        assert!(is_as_sent(&file(500, 0), &file(500, 0), exact));
        assert!(!is_as_sent(&file(0, 0), &file(500, 0), exact));
        assert!(is_as_sent(&file(0, 0), &file(500, 0), coarse));
        let longer = SentFile {
            bytes: 6,
            ..file(0, 0)
        };
        assert!(!is_as_sent(&longer, &file(0, 0), coarse));
        // A link has no time of its own.
        assert!(is_as_sent(&file(0, 7), &file(500, 7), exact));
        assert!(!is_as_sent(&file(0, 7), &file(0, 8), exact));
        assert!(!is_as_sent(&file(0, 0), &file(0, 7), exact));
    }

    #[test]
    fn unknown_replica_has_the_coarsest_precision() {
        let mut studio = sent_studio(&["a"]);
        studio.scan_all();
        let (index, category) = (&studio.index, &studio.registry.categories()[0]);
        let id = index.database_id(&studio.database().root).unwrap().unwrap();
        let precision = |project: &str| {
            let project = crate::scan::tests::project("acme", project);
            let key = SentReplica {
                database: id,
                category,
                project,
            };
            time_precision(index, &key).unwrap()
        };
        assert_eq!(precision("unknown"), TimePrecision::TwoSeconds);
        assert!(precision("spot") < TimePrecision::TwoSeconds);
    }
}
