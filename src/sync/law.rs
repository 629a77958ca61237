//! Laws of copies and syncs, checked in process over random trees on two small disks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{SyncRequest, sync};
use crate::base::confirmation::Confirmation;
use crate::base::fixture::case_count;
use crate::copy::fixture::{Studio, layouts};
use crate::copy::plan::CopyRules;
use crate::copy::report::Report;
use crate::index::OutcomeKind;
use crate::model::project::Scope;
use crate::rclone::TransferLimits;

/// Paths of the files of a tree. One is a folder in some trees and a file in others.
const PATHS: [&str; 6] = ["a", "b", "d/x", "d/y", "e/f/z", "d"];

/// Files by path: content and mtime in seconds.
type Files = BTreeMap<&'static str, (u8, u64)>;

impl Studio {
    /// Replaces all files of the project on a database, in every category.
    fn set(&self, database: &str, files: &Files) {
        let root = self.root(database);
        for entry in fs::read_dir(&root).unwrap() {
            let path = entry.unwrap().path();
            if !path.ends_with(".auto-backup") {
                fs::remove_dir_all(path).unwrap();
            }
        }
        for (number, replica) in (0_u8..).zip(self.replicas()) {
            let replica = root.join(replica);
            let created = fs::create_dir_all(&replica);
            if created.is_err_and(|error| error.kind() == ErrorKind::NotADirectory) {
                // A file of another category stands on the way.
                continue;
            }
            for (path, (content, seconds)) in files {
                let path = replica.join(path);
                if path.is_dir() {
                    // It holds another category.
                    continue;
                }
                // The files of two categories differ.
                let content = content.wrapping_add(number);
                let content = vec![content; usize::from(content % 3)];
                Self::write_at(&path, &content, *seconds);
            }
        }
    }

    fn copy(&mut self, rules: CopyRules, dry_run: bool) -> Report {
        let copied = self.copy_to(&["NAS"], |request| {
            request.rules = rules;
            request.dry_run = dry_run;
        });
        copied.unwrap()
    }

    fn sync(&mut self, delete: bool, dry_run: bool) -> Report {
        let run = self.begin_run("sync");
        let databases = self.registry.databases();
        let request = SyncRequest {
            scope: Scope::All,
            categories: self.registry.categories().iter().collect(),
            source: &databases[0],
            destination: &databases[1],
            retry_failed: false,
            delete,
            force: true,
            dry_run,
            verify: true,
            max_files: None,
            limits: TransferLimits::default(),
            confirmation: Confirmation::NonInteractive,
        };
        sync(
            &mut self.index,
            &self.registry,
            &request,
            run,
            &self.messages,
        )
        .unwrap()
    }

    /// Checks that every planned file is at the destination as the source has it.
    fn check_planned(&self, planned: &BTreeSet<PathBuf>) -> Result<(), TestCaseError> {
        let [work, nas] = ["WORK", "NAS"].map(|database| self.root(database));
        for path in planned {
            let source = work.join(path.strip_prefix(&nas).unwrap());
            prop_assert_eq!(fs::read(path).unwrap(), fs::read(&source).unwrap());
            let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
            prop_assert_eq!(time(path), time(&source));
        }
        Ok(())
    }
}

/// Returns the files that a dry run would copy.
fn planned(report: &Report) -> BTreeSet<PathBuf> {
    let plans = report.dry_run_plans.iter();
    let paths = plans.flat_map(|(base, plan)| plan.paths().map(|(path, _)| base.join(path)));
    paths.collect()
}

/// Returns the items of a report. A file that a dry run would delete is still there.
fn items(report: &Report) -> BTreeSet<(PathBuf, &'static str)> {
    let items = report.items.iter().map(|item| {
        let outcome = match item.outcome.kind() {
            OutcomeKind::Deleted => OutcomeKind::Gone,
            outcome => outcome,
        };
        (item.path.clone(), outcome.as_str())
    });
    items.collect()
}

fn files() -> impl Strategy<Value = Files> {
    let file = (any::<u8>(), 1_000_000_000..1_000_000_003_u64);
    let files = prop::collection::btree_map(prop::sample::select(&PATHS[..]), file, 0..6);
    files.prop_map(|mut files| {
        if files.keys().any(|path| path.starts_with("d/")) {
            files.remove("d");
        }
        files
    })
}

fn rules() -> impl Strategy<Value = CopyRules> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(overwrite, only_add, checksum)| {
        CopyRules {
            overwrite,
            only_add: only_add && !overwrite,
            checksum,
            is_offload: false,
        }
    })
}

/// Checks that every content that was at the destination is still there, as often as before.
fn check_kept(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(), TestCaseError> {
    let count = |files: &BTreeMap<PathBuf, Vec<u8>>, content: &Vec<u8>| {
        files.values().filter(|other| *other == content).count()
    };
    for content in before.values() {
        prop_assert!(
            count(after, content) >= count(before, content),
            "{content:?} is lost"
        );
    }
    Ok(())
}

/// A studio in which a file of one category at `WORK` has the name of a folder of another category at `NAS`.
fn studio_with_blocked_file() -> Studio {
    let studio = Studio::with_layouts(&["footage", "footage/{project}"]);
    studio.set("WORK", &Files::from([("d", (2, 1_000_000_000))]));
    studio.set("NAS", &Files::from([("d/x", (1, 1_000_000_000))]));
    studio
}

/// Checks that the only item of a report is the file whose name a folder has.
fn assert_refused(report: &Report) {
    let refused: Vec<_> = items(report).into_iter().collect();
    let [(path, "refused")] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert!(path.ends_with("NAS/footage/spot/d"), "{refused:?}");
}

#[test]
fn folder_of_another_category_blocks_a_copied_file() {
    let mut studio = studio_with_blocked_file();
    let rules = CopyRules {
        overwrite: true,
        ..CopyRules::default()
    };
    for dry_run in [true, false] {
        let report = studio.copy(rules, dry_run);
        assert_eq!(planned(&report).len(), usize::from(dry_run));
        assert_refused(&report);
    }
}

#[test]
fn folder_of_another_category_blocks_a_synced_file() {
    for delete in [false, true] {
        let mut studio = studio_with_blocked_file();
        for dry_run in [true, false] {
            let report = studio.sync(delete, dry_run);
            assert_eq!(planned(&report).len(), usize::from(dry_run));
            assert_refused(&report);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: case_count(24), ..ProptestConfig::default() })]

    #[test]
    fn copy_executes_the_plan_of_its_dry_run(layouts in layouts(), source in files(), destination in files(), rules in rules()) {
        check_copy(&layouts, &source, &destination, rules)?;
    }

    #[test]
    fn sync_executes_the_plan_of_its_dry_run(layouts in layouts(), first in files(), second in files(), destination in files(), delete in any::<bool>()) {
        check_sync(&layouts, [&first, &second], &destination, delete)?;
    }
}

/// Checks a copy to a destination that holds other files.
fn check_copy(
    layouts: &[&str],
    source: &Files,
    destination: &Files,
    rules: CopyRules,
) -> Result<(), TestCaseError> {
    let mut studio = Studio::with_layouts(layouts);
    studio.set("WORK", source);
    studio.set("NAS", destination);
    let before = ["WORK", "NAS"].map(|database| studio.contents(database));
    let dry = studio.copy(rules, true);
    prop_assert_eq!(
        &["WORK", "NAS"].map(|database| studio.contents(database)),
        &before
    );
    let report = studio.copy(rules, false);
    let planned = planned(&dry);
    prop_assert_eq!(report.copied_files, planned.len() as u64);
    prop_assert_eq!(report.copied_bytes, dry.planned_bytes);
    prop_assert_eq!(
        (report.planned_files, report.same_files),
        (dry.planned_files, dry.same_files)
    );
    prop_assert_eq!(items(&report), items(&dry));
    prop_assert_eq!(&studio.contents("WORK"), &before[0]);
    studio.check_planned(&planned)?;
    check_kept(&before[1], &studio.contents("NAS"))?;
    let settled = studio.contents("NAS");
    let again = studio.copy(rules, false);
    // A file that this copy replaced by a folder may have been in the way of another category.
    if report.failed_files == 0 {
        prop_assert_eq!(again.copied_files, 0);
        prop_assert_eq!(studio.contents("NAS"), settled);
    }
    Ok(())
}

/// Checks a sync of two versions of a source, one after the other.
fn check_sync(
    layouts: &[&str],
    [first, second]: [&Files; 2],
    destination: &Files,
    delete: bool,
) -> Result<(), TestCaseError> {
    let mut studio = Studio::with_layouts(layouts);
    studio.set("WORK", first);
    studio.set("NAS", destination);
    studio.sync(false, false);
    studio.set("WORK", second);
    let before = ["WORK", "NAS"].map(|database| studio.contents(database));
    let dry = studio.sync(delete, true);
    prop_assert_eq!(
        &["WORK", "NAS"].map(|database| studio.contents(database)),
        &before
    );
    let report = studio.sync(delete, false);
    let planned = planned(&dry);
    prop_assert_eq!(report.copied_files, planned.len() as u64);
    prop_assert_eq!(report.copied_bytes, dry.planned_bytes);
    prop_assert_eq!(items(&report), items(&dry));
    prop_assert_eq!(report.deleted_files > 0, delete && dry.gone_files > 0);
    prop_assert_eq!(&studio.contents("WORK"), &before[0]);
    studio.check_planned(&planned)?;
    check_kept(&before[1], &studio.contents("NAS"))?;
    let again = studio.sync(delete, false);
    // What was in the way of another category may be deleted or replaced by now.
    if report.failed_files + report.conflict_files == 0 {
        prop_assert_eq!((again.copied_files, again.deleted_files), (0, 0));
    }
    Ok(())
}

fn files_of(paths: &[&'static str]) -> Files {
    let files = paths.iter().map(|path| (*path, (0, 1_000_000_000)));
    files.collect()
}

#[test]
fn file_never_replaces_a_folder_of_another_category() {
    let [none, file, folder] = [&[][..], &["d"], &["d/x"]].map(files_of);
    let layouts = ["footage", "footage/{project}"];
    for delete in [false, true] {
        for source in [[&none, &file], [&folder, &file], [&file, &folder]] {
            check_sync(&layouts, source, &folder, delete).unwrap();
        }
    }
}

#[test]
fn category_below_a_replaced_file_is_copied_by_the_next_run() {
    let layouts = ["footage", "footage/acme/spot/d/cache"];
    let [source, destination] = [&["a"][..], &["d"]].map(files_of);
    for overwrite in [false, true] {
        let rules = CopyRules {
            overwrite,
            ..CopyRules::default()
        };
        check_copy(&layouts, &source, &destination, rules).unwrap();
    }
    let mut studio = Studio::with_layouts(&layouts);
    studio.set("WORK", &source);
    studio.set("NAS", &destination);
    let rules = CopyRules {
        overwrite: true,
        ..CopyRules::default()
    };
    let first = studio.copy(rules, false);
    assert_eq!((first.copied_files, first.failed_files), (1, 1));
    let second = studio.copy(rules, false);
    assert_eq!((second.copied_files, second.failed_files), (1, 0));
}
