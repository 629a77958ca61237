//! Rules of every copy, checked in process on small disks.

use std::fs;

use super::destination::{CopyLimits, CopySpec, Destination, SourceReplica, SyncChanges};
use super::execute;
use super::fixture::{REPLICA, Studio};
use super::outcome::VANISHED;
use super::plan::CopyRules;
use super::report::Report;
use super::source_root::SourceRoot;
use crate::base::confirmation::Confirmation;
use crate::base::error::Error;
use crate::index::{OutcomeKind, RunId, RunState};
use crate::model::project::{ProjectId, Scope};
use crate::storage::{Layout, Storage};

fn studio() -> Studio {
    let studio = Studio::new();
    studio.write("WORK", "a", b"new a", 2_000_000_000);
    studio.write("WORK", "d/b", b"new b", 2_000_000_000);
    studio
}

/// Returns the outcomes and reasons of the items.
fn items(report: &Report) -> Vec<(OutcomeKind, String)> {
    let items = report.items.iter().map(|item| {
        let reason = item.outcome.reason().unwrap_or_default();
        (item.outcome.kind(), reason.to_owned())
    });
    items.collect()
}

#[test]
fn replaced_file_is_kept_and_copy_is_verified() {
    let mut studio = studio();
    studio.write("NAS", "a", b"old a", 1_000_000_000);
    let report = studio.copy_to(&["NAS"], |_| {}).unwrap();
    assert_eq!((report.copied_files, report.verified_files), (2, 2));
    assert_eq!(report.replaced_files, 1);
    assert_eq!(fs::read(studio.path("NAS", "a")).unwrap(), b"new a");
    assert_eq!(studio.versions("NAS"), [b"old a"]);
    assert_eq!(report.version_folders.len(), 1);
    assert_eq!(report.state(), RunState::Complete);
}

#[test]
fn newer_file_is_a_conflict_and_stays() {
    let mut studio = studio();
    studio.write("NAS", "a", b"newer", 3_000_000_000);
    let report = studio.copy_to(&["NAS"], |_| {}).unwrap();
    assert_eq!((report.copied_files, report.conflict_files), (1, 1));
    assert_eq!(fs::read(studio.path("NAS", "a")).unwrap(), b"newer");
    assert_eq!(report.state(), RunState::Partial);
}

#[test]
fn declined_replacement_copies_nothing() {
    let mut studio = studio();
    studio.write("NAS", "a", b"old a", 1_000_000_000);
    let before = studio.contents("NAS");
    let declined = studio.copy_to(&["NAS"], |request| {
        request.confirmation = Confirmation::Interactive(|_| false);
    });
    assert!(matches!(declined, Err(Error::Declined)));
    assert_eq!(studio.contents("NAS"), before);
    // Nothing is replaced at a new destination, so that nothing is asked.
    studio.add_database("SHELF");
    let copied = studio.copy_to(&["SHELF"], |request| {
        request.confirmation = Confirmation::Interactive(|_| false);
    });
    assert_eq!(copied.unwrap().copied_files, 2);
}

#[test]
fn locked_destination_is_refused() {
    let mut studio = studio();
    let layout = Layout::new(&studio.registry).unwrap();
    let database = studio.registry.database("NAS").unwrap();
    let storage = Storage::open(&studio.index, &layout, database).unwrap();
    let lock = storage.lock(RunId(77)).unwrap();
    let before = studio.contents("NAS");
    let refused = studio.copy_to(&["NAS"], |_| {});
    assert!(matches!(refused, Err(Error::Locked { .. })));
    assert_eq!(studio.contents("NAS"), before);
    drop(lock);
    assert_eq!(studio.copy_to(&["NAS"], |_| {}).unwrap().copied_files, 2);
}

#[test]
fn offline_destination_stops_no_other() {
    let mut studio = studio();
    studio.add_database("SHELF");
    fs::remove_dir_all(studio.root("SHELF")).unwrap();
    let report = studio.copy_to(&["SHELF", "NAS"], |_| {}).unwrap();
    assert_eq!((report.copied_files, report.planned_files), (2, 2));
    assert_eq!((report.failed_files, report.failed_storages), (0, 1));
    assert_eq!(report.state(), RunState::Partial);
    let refused = studio.copy_to(&["SHELF"], |_| {});
    assert!(matches!(refused, Err(Error::Offline { .. })));
    assert_eq!(studio.messages.text(), "");
}

#[test]
fn nothing_to_copy_creates_nothing() {
    let mut studio = Studio::new();
    studio.copy_to(&["NAS"], |_| {}).unwrap();
    assert_eq!(studio.contents("NAS").len(), 0);
    assert!(!studio.root("NAS").join(".auto-backup").exists());
}

/// Copies `WORK` to `NAS` with the tree that `WORK` had before a change.
fn copy_after(studio: &mut Studio, change: impl FnOnce(&Studio)) -> Report {
    let run = studio.begin_run("copy");
    let (registry, index) = (&studio.registry, &studio.index);
    let layout = Layout::new(registry).unwrap();
    let source = Storage::open(index, &layout, registry.database("WORK").unwrap()).unwrap();
    let category = registry.categories()[0].clone();
    let project = ProjectId {
        client: "acme".into(),
        project: "spot".into(),
    };
    let tree = source.tree(&category, &project).unwrap();
    let replica = SourceReplica {
        inside: std::path::PathBuf::new(),
        category,
        project,
        tree,
        changes: SyncChanges::default(),
    };
    assert_eq!(replica.relative().to_str(), Some(REPLICA));
    let spec = CopySpec {
        source_root: SourceRoot::default(),
        scope: Scope::All,
        source: source.into(),
        replicas: vec![replica],
        rules: CopyRules::default(),
        verify: true,
        dry_run: false,
        confirm: false,
        run,
        limits: CopyLimits::default(),
        sync: None,
    };
    change(studio);
    let destination = Destination::closed(registry.database("NAS").unwrap().clone());
    let mut report = Report::default();
    let (spec, monitor) = (spec.into(), &studio.messages);
    let confirmation = Confirmation::NonInteractive;
    execute(
        index,
        &spec,
        vec![destination],
        confirmation,
        monitor,
        &mut report,
    )
    .unwrap();
    report
}

#[test]
fn vanished_file_is_skipped() {
    let mut studio = studio();
    let report = copy_after(&mut studio, |studio| {
        fs::remove_file(studio.path("WORK", "a")).unwrap();
    });
    assert_eq!(report.copied_files, 1);
    let skipped = (OutcomeKind::Skipped, VANISHED.to_owned());
    assert_eq!(items(&report), [skipped]);
    assert_eq!(report.state(), RunState::Complete);
}

#[test]
fn vanished_project_is_a_failure() {
    let mut studio = studio();
    let report = copy_after(&mut studio, |studio| {
        fs::remove_dir_all(studio.path("WORK", "")).unwrap();
    });
    assert_eq!(report.copied_files, 0);
    assert!(report.failed_files > 0, "{:?}", items(&report));
    assert_eq!(report.state(), RunState::Partial);
}

#[test]
fn file_that_became_a_folder_fails_alone() {
    let mut studio = studio();
    let report = copy_after(&mut studio, |studio| {
        fs::remove_file(studio.path("WORK", "a")).unwrap();
        fs::create_dir(studio.path("WORK", "a")).unwrap();
    });
    assert_eq!((report.copied_files, report.failed_files), (1, 1));
    assert!(!studio.path("NAS", "a").exists());
}
