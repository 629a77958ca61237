//! Law: whatever one index records of a database, another one has after each exchange of what was marked.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{
    MarkExtent, OutgoingFolder, SharedReplica, SharedReplicaKey, SharedRevisions, shared_checksum,
};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::fixture::{ROOT, folder, project};
use crate::index::{
    ContentOrigin, EvidenceKind, FileEvidence, ForeignFailure, HostId, IncomingEvidence, Index,
    KnownHost, NewEvidence, Proof,
};
use crate::model::project::Scope;
use crate::snapshot::digest::Digest;

const CATEGORY: &str = "footage";

/// One change of the database, as a scan or a verification finds it.
#[derive(Clone, Debug)]
enum Change {
    /// A replica holds these folders, with these numbers of files.
    Scanned(u8, BTreeMap<u8, u64>),
    /// A replica is missing.
    Missing(u8),
    /// The whole category holds these replicas only.
    Listed(BTreeSet<u8>),
    /// The files of a folder were read, with this content.
    Read(u8, u8, u8),
    /// What is known of the contents of a folder does not hold any more.
    Forgotten(u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let replica = || 0..3_u8;
    let folders = prop::collection::btree_map(1..5_u8, 0..4_u64, 0..4);
    prop_oneof![
        4 => (replica(), folders).prop_map(|(replica, folders)| Change::Scanned(replica, folders)),
        1 => replica().prop_map(Change::Missing),
        1 => prop::collection::btree_set(replica(), 0..3).prop_map(Change::Listed),
        2 => (replica(), 1..5_u8, 0..3_u8).prop_map(|(a, b, c)| Change::Read(a, b, c)),
        1 => (replica(), 1..5_u8).prop_map(|(a, b)| Change::Forgotten(a, b)),
    ]
}

fn replica_name(number: u8) -> String {
    format!("p{number}")
}

fn evidence_folder(replica: u8, folder: u8) -> PathBuf {
    format!("{CATEGORY}/acme/p{replica}/f{folder}").into()
}

fn apply(index: &mut Index, change: &Change) {
    let root = Path::new(ROOT);
    let known = index.database(root).unwrap();
    match change {
        Change::Scanned(number, folders) => {
            let mut staging = index.stage_scan(&known).unwrap();
            let name = project(&replica_name(*number));
            let place = staging.begin_replica(Path::new(CATEGORY), &name).unwrap();
            staging.add_folder(place, folder("", 1)).unwrap();
            for (path, files) in folders {
                staging
                    .add_folder(place, folder(&format!("f{path}"), *files))
                    .unwrap();
            }
            staging.end_replica(place).unwrap();
            let staged = staging.finish().unwrap();
            let writer = index.write_scan(root, &known).unwrap();
            writer.write_replicas(&staged).unwrap();
            writer.finish(false).unwrap();
        }
        Change::Missing(number) => {
            let writer = index.write_scan(root, &known).unwrap();
            let name = project(&replica_name(*number));
            writer.record_missing(Path::new(CATEGORY), &name).unwrap();
            writer.finish(false).unwrap();
        }
        Change::Listed(replicas) => {
            let writer = index.write_scan(root, &known).unwrap();
            let listed: Vec<_> = replicas
                .iter()
                .map(|number| project(&replica_name(*number)))
                .collect();
            writer
                .delete_unlisted_replicas(Path::new(CATEGORY), &|project| listed.contains(project))
                .unwrap();
            writer.record_category_scan(Path::new(CATEGORY)).unwrap();
            writer.finish(false).unwrap();
        }
        Change::Read(replica, folder, content) => {
            let Some(database) = known.id else { return };
            let file = FileEvidence {
                bytes: 1000,
                modified: Timestamp {
                    seconds: 1_767_323_045,
                    nanoseconds: 7,
                },
                digest: Digest((*content).into()),
                proof: Proof {
                    at: Timestamp {
                        nanoseconds: 0,
                        ..Timestamp::now()
                    },
                    tag: 9,
                    ..Proof::UNDATED
                },
            };
            let files = [(Name::from("frame.0000.exr"), file)].into();
            let new = NewEvidence {
                database,
                folder: &evidence_folder(*replica, *folder),
                files: &files,
                origin: ContentOrigin::Written,
            };
            index.add_evidence(&[new]).unwrap();
        }
        Change::Forgotten(replica, folder) => {
            let Some(database) = known.id else { return };
            let names = [Name::from("frame.0000.exr")];
            index
                .forget_evidence(database, &evidence_folder(*replica, *folder), &names)
                .unwrap();
        }
    }
}

fn other_host() -> KnownHost {
    KnownHost {
        key: "abc".to_owned(),
        name: "ws1".to_owned(),
        seen_at: Timestamp::default(),
    }
}

/// Gives to `other` what `index` has marked, as a catalog would.
fn exchange(index: &mut Index, other: &mut Index) {
    let root = Path::new(ROOT);
    let Some(database) = index.database_id(root).unwrap() else {
        return;
    };
    if index.shared_revisions(database).unwrap().is_none() {
        index.share_database(database).unwrap();
    }
    let unshared = index.unshared(database).unwrap();
    let known = other.database(root).unwrap();
    let host = other_host();
    let number = HostId(7);
    let hosts = other
        .add_hosts(&host, vec![(number, host.clone())])
        .unwrap();
    let mut incoming = other.stage_incoming(&known).unwrap();
    for replica in &unshared.replicas {
        if replica.state.aggregate.is_none() {
            incoming.add_missing(replica.key.clone(), &replica.state);
            continue;
        }
        let place = incoming
            .begin(&replica.key, replica.extent == MarkExtent::Marked)
            .unwrap();
        let mut add = |folder: OutgoingFolder<'_>| {
            let path = folder.path.as_os_str().as_bytes();
            let checksum = shared_checksum(path, folder.manifest);
            let added = incoming.add_folder(place, path, folder.manifest, &checksum);
            added.map_err(|failure| match failure {
                ForeignFailure::Own(error) => error,
                ForeignFailure::Foreign(error) => panic!("{error}"),
            })
        };
        if replica.extent == MarkExtent::Marked {
            index.visit_changed_folders(replica, &mut add).unwrap();
        } else {
            index.visit_all_folders(replica, &mut add).unwrap();
        }
        let state = SharedReplica {
            host: None,
            ..replica.state.clone()
        };
        assert!(incoming.end(place, &state).unwrap(), "{replica:?}");
    }
    let staged = incoming.finish().unwrap();
    let numbers = [(None, number)].into();
    let evidence: Vec<IncomingEvidence> = unshared
        .evidence
        .iter()
        .map(|folder| IncomingEvidence {
            folder: folder.clone(),
            parts: index
                .outgoing_evidence(database, folder, &numbers, false)
                .unwrap(),
        })
        .collect();
    let categories = index.category_scans(database).unwrap();
    let written = other.write_incoming(
        root,
        &known,
        &staged,
        (&evidence, &hosts, false),
        &categories,
    );
    assert!(written.unwrap().is_some());
    index
        .record_shared(database, &unshared, SharedRevisions::up_to(1))
        .unwrap();
}

/// Returns what an index knows of the files and their contents.
fn contents(index: &Index) -> Vec<String> {
    let mut said = Vec::new();
    let Some(database) = index.database_id(Path::new(ROOT)).unwrap() else {
        return said;
    };
    for replica in index.replicas(database, Path::new(CATEGORY)).unwrap() {
        // A replica that is missing may have a row or none.
        if replica.present {
            said.push(format!("{} {:?}", replica.project, replica.aggregate));
        }
    }
    index
        .visit_folders(database, Path::new(CATEGORY), &Scope::All, &mut |folder| {
            let mut files = folder.files();
            while let Some(file) = files.next() {
                said.push(format!("{} {:?} {file:?}", folder.project, folder.path));
            }
            Ok(true)
        })
        .unwrap();
    for replica in 0..3 {
        for folder in 1..5 {
            let evidence = index
                .evidence(database, &evidence_folder(replica, folder))
                .unwrap();
            let files = evidence.iter().map(|(name, file)| {
                assert_ne!(file.proof.kind, EvidenceKind::Claimed);
                format!(
                    "{replica} {folder} {name:?} {:?} {:?}",
                    file.digest, file.proof.at
                )
            });
            said.extend(files);
        }
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn marked_changes_bring_another_index_up_to_date(
        rounds in prop::collection::vec(prop::collection::vec(change(), 0..4), 1..6),
    ) {
        let temporary = tempfile::tempdir().unwrap();
        let [mut index, mut other] = ["one", "two"]
            .map(|name| Index::open(&temporary.path().join(name)).unwrap().index);
        for changes in rounds {
            for change in &changes {
                apply(&mut index, change);
            }
            exchange(&mut index, &mut other);
            prop_assert_eq!(contents(&other), contents(&index));
            let database = index.database_id(Path::new(ROOT)).unwrap();
            prop_assert!(database.is_none_or(|id| index.unshared(id).unwrap().is_empty()));
        }
    }
}

#[test]
fn change_during_a_push_stays_marked() {
    let temporary = tempfile::tempdir().unwrap();
    let mut index = Index::open(&temporary.path().join("one")).unwrap().index;
    let scanned = |files| Change::Scanned(0, [(1, files)].into());
    apply(&mut index, &scanned(2));
    let database = index.database_id(Path::new(ROOT)).unwrap().unwrap();
    index.share_database(database).unwrap();
    let pushed = index.unshared(database).unwrap();
    apply(&mut index, &scanned(3));
    let revisions = SharedRevisions::up_to(4);
    index.record_shared(database, &pushed, revisions).unwrap();
    let left = index.unshared(database).unwrap();
    assert_eq!(left.replicas.len(), 1);
    let key = SharedReplicaKey {
        category: CATEGORY.into(),
        project: project("p0"),
    };
    assert_eq!(left.replicas[0].key, key);
    assert_eq!(left.replicas[0].folders, [PathBuf::from("f1")]);
    assert_eq!(index.shared_revisions(database).unwrap(), Some(revisions));
}

#[test]
fn database_outside_a_catalog_marks_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let mut index = Index::open(&temporary.path().join("one")).unwrap().index;
    apply(&mut index, &Change::Scanned(0, [(1, 2)].into()));
    let database = index.database_id(Path::new(ROOT)).unwrap().unwrap();
    index.share_database(database).unwrap();
    index.unshare_database(database).unwrap();
    apply(&mut index, &Change::Scanned(0, [(1, 3)].into()));
    apply(&mut index, &Change::Read(0, 1, 1));
    assert!(index.unshared(database).unwrap().is_empty());
}

/// Two indexes that know the same scan of one replica; both take part in a catalog.
fn two_indexes(folder: &Path) -> [Index; 2] {
    ["one", "two"].map(|name| {
        let mut index = Index::open(&folder.join(name)).unwrap().index;
        apply(&mut index, &Change::Scanned(0, [(1, 2)].into()));
        let database = index.database_id(Path::new(ROOT)).unwrap().unwrap();
        index.share_database(database).unwrap();
        index
    })
}

/// Returns the content of the file that [`Change::Read`] is about, if it is known.
fn known_content(index: &Index) -> Option<(EvidenceKind, Digest)> {
    let database = index.database_id(Path::new(ROOT)).unwrap().unwrap();
    let evidence = index.evidence(database, &evidence_folder(0, 1)).unwrap();
    let file = evidence.get(&Name::from("frame.0000.exr"))?;
    Some((file.proof.kind, file.digest))
}

#[test]
fn own_evidence_that_waits_is_not_replaced() {
    let temporary = tempfile::tempdir().unwrap();
    let [mut index, mut other] = two_indexes(temporary.path());
    apply(&mut index, &Change::Read(0, 1, 1));
    let before = Timestamp::now();
    while Timestamp::now().seconds <= before.seconds + 1 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // Read later, with other bytes.
    apply(&mut other, &Change::Read(0, 1, 2));
    exchange(&mut index, &mut other);
    assert_eq!(known_content(&other), Some((EvidenceKind::Read, Digest(2))));
    // What was forgotten since does not come back.
    apply(&mut other, &Change::Forgotten(0, 1));
    apply(&mut index, &Change::Scanned(0, [(1, 2)].into()));
    let database = index.database_id(Path::new(ROOT)).unwrap().unwrap();
    index.share_database(database).unwrap();
    exchange(&mut index, &mut other);
    assert_eq!(known_content(&other), None);
}

#[test]
fn scan_during_a_pull_repeats_the_pull() {
    let temporary = tempfile::tempdir().unwrap();
    let [index, mut other] = two_indexes(temporary.path());
    let root = Path::new(ROOT);
    let known = other.database(root).unwrap();
    let database = index.database_id(root).unwrap().unwrap();
    let replica = &index.unshared(database).unwrap().replicas[0];
    let hosts = other.add_hosts(&other_host(), Vec::new()).unwrap();
    let mut incoming = other.stage_incoming(&known).unwrap();
    incoming.add_missing(replica.key.clone(), &replica.state);
    let staged = incoming.finish().unwrap();
    apply(&mut other, &Change::Scanned(0, [(1, 3)].into()));
    let before = contents(&other);
    let written = other.write_incoming(root, &known, &staged, (&[], &hosts, false), &[]);
    assert!(written.unwrap().is_none());
    assert_eq!(contents(&other), before);
}
