//! An index with rows in every table that has checksums, and its answers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{
    ContentOrigin, DatabaseId, EvidenceKind, FileEvidence, Index, NewEvidence, Proof, RunId,
    RunStart, SentChanges, SentFile, SentRecord,
};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::project::{ProjectId, Scope};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
use crate::snapshot::tree::ScannedFolder;

pub(super) const ROOT: &str = "/mnt/studio";
const CATEGORIES: [&str; 2] = ["footage", "scratch/render"];

pub(super) fn project(name: &str) -> ProjectId {
    ProjectId {
        client: Name::from("acme"),
        project: Name::from(name),
    }
}

pub(super) fn folder(path: &str, files: u64) -> ScannedFolder {
    let mut builder = ManifestBuilder::default();
    let mut seen = ScannedFolder {
        path: path.into(),
        ..ScannedFolder::default()
    };
    for number in 0..files {
        let modified = Timestamp {
            seconds: 1_767_323_045,
            nanoseconds: 7,
        };
        let name = format!("frame.{number:04}.exr");
        let file = ManifestFile::regular(name.as_bytes(), 1000 + number, modified);
        builder.add(&file);
        seen.totals.add(&file);
    }
    seen.manifest = builder.finish();
    seen
}

/// Fills every table that has checksums.
pub(super) fn fill(path: &Path) {
    let mut index = Index::open(path).unwrap().index;
    let known = index.database(Path::new(ROOT)).unwrap();
    let mut staging = index.stage_scan(&known).unwrap();
    for category in CATEGORIES {
        for name in ["spot", "teaser"] {
            let replica = staging
                .begin_replica(Path::new(category), &project(name))
                .unwrap();
            for (folder_path, files) in [("", 3), ("plates", 20), ("plates/sh010", 0)] {
                staging
                    .add_folder(replica, folder(folder_path, files))
                    .unwrap();
            }
            staging.end_replica(replica).unwrap();
        }
    }
    let staged = staging.finish().unwrap();
    let writer = index.write_scan(Path::new(ROOT), &known).unwrap();
    writer.write_replicas(&staged).unwrap();
    for category in CATEGORIES {
        writer.record_category_scan(Path::new(category)).unwrap();
    }
    writer.record_mount(Path::new(CATEGORIES[0])).unwrap();
    writer
        .record_root(Some("0123456789abcdef"), Some("root id"))
        .unwrap();
    writer.finish(true).unwrap();
    let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
    let content = FileEvidence {
        bytes: 7,
        modified: Timestamp::default(),
        digest: Digest(77),
        proof: Proof {
            kind: EvidenceKind::Stored,
            at: Timestamp::default(),
            tag: 7,
            host: None,
        },
    };
    let contents = [(Name::from("reel.mov"), content)].into();
    index
        .add_evidence(&[NewEvidence {
            database: id,
            folder: Path::new("footage/acme/spot"),
            files: &contents,
            origin: ContentOrigin::Found,
        }])
        .unwrap();
    let mut changes = SentChanges::default();
    changes.add(Path::new("reel.mov"), SentFile::default());
    let record = SentRecord::from([(PathBuf::from("footage/acme/spot"), changes)]);
    index
        .update_sent(Path::new("s3:b"), Path::new(ROOT), &record)
        .unwrap();
    let begun = RunStart {
        command: "copy",
        subject: "all",
        source: None,
        destination: None,
    };
    let run = index.begin_run(&begun).unwrap();
    let handled = [(PathBuf::from("plates"), folder("", 4).manifest)];
    index.add_run_files(run, Path::new(ROOT), &handled).unwrap();
}

/// Returns the index's answers about replicas with their files, and about single files, which may be forgotten.
pub(super) fn answers(index: &Index) -> Result<(String, Vec<String>)> {
    let known = index.database(Path::new(ROOT))?;
    let id = known.id.unwrap_or(DatabaseId(0));
    let (_, all) = index.database_with_replicas(Path::new(ROOT))?;
    let mut said = format!("{known:?} {:?} {all:?}", index.mounted_folders(id)?);
    for category in CATEGORIES.map(Path::new) {
        let replicas = index.replicas(id, category)?;
        let looked_at = index.category_scanned_at(id, category)?;
        write!(said, "{replicas:?} {looked_at:?}").unwrap();
        index.visit_folders(id, category, &Scope::All, &mut |folder| {
            write!(said, "{:?} {:?}", folder.project, folder.path).unwrap();
            let mut files = folder.files();
            while let Some(file) = files.next() {
                write!(said, "{file:?}").unwrap();
            }
            Ok(true)
        })?;
    }
    let digests = index.evidence(id, Path::new("footage/acme/spot"))?;
    let mut single: Vec<String> = digests.iter().map(|digest| format!("{digest:?}")).collect();
    for category in CATEGORIES.map(Path::new) {
        for series in index.size_series(id, category)? {
            let points = index.size_points(&series)?;
            single.push(format!("{:?} {points:?}", series.project));
        }
    }
    let sent = index.sent_rows(Path::new("s3:b"), Path::new("footage/acme/spot"))?;
    single.extend(sent.iter().map(|row| format!("{row:?} {:?}", row.files())));
    index.visit_run_files(RunId(1), &mut |folder| {
        single.push(format!("{folder:?}"));
        Ok(true)
    })?;
    Ok((said, single))
}
