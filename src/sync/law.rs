//! Laws of copies and syncs, checked in process over random trees on two small disks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::{SyncRequest, sync};
use crate::base::confirmation::Confirmation;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::copy::plan::CopyRules;
use crate::copy::report::Report;
use crate::copy::{CopyRequest, copy};
use crate::index::{Index, OutcomeKind, RunId, RunStart};
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::rclone::TransferLimits;

const REPLICA: &str = "footage/acme/spot";

/// Paths of the files of a tree. One is a folder in some trees and a file in others.
const PATHS: [&str; 6] = ["a", "b", "d/x", "d/y", "e/f/z", "d"];

/// Files by path: content and mtime in seconds.
type Files = BTreeMap<&'static str, (u8, u64)>;

struct Silence;

impl Monitor for Silence {
    fn on_event(&self, _: &ProgressEvent<'_>) {}
}

/// Two databases, and an index.
struct Studio {
    temporary: tempfile::TempDir,
    index: Index,
    registry: Registry,
}

impl Studio {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut registry = Registry::default();
        for name in ["WORK", "NAS"] {
            let root = temporary.path().join(name);
            fs::create_dir_all(root.join(REPLICA)).unwrap();
            registry.add_database(name, &root, false).unwrap();
        }
        registry
            .add_category("footage", "footage".as_ref(), false)
            .unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        Self {
            temporary,
            index,
            registry,
        }
    }

    /// Replaces all files of the replica on a database.
    fn set(&self, database: &str, files: &Files) {
        let replica = self.temporary.path().join(database).join(REPLICA);
        fs::remove_dir_all(&replica).unwrap();
        fs::create_dir_all(&replica).unwrap();
        for (path, (content, seconds)) in files {
            let path = replica.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, vec![*content; usize::from(content % 3)]).unwrap();
            let time = UNIX_EPOCH + Duration::from_secs(*seconds);
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
        }
    }

    /// Returns the contents of all files of a database, old versions included, with their paths.
    fn contents(&self, database: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.temporary.path().join(database)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap();
                    found.insert(path, content);
                }
            }
        }
        found
    }

    fn begin_run(&mut self, command: &str) -> RunId {
        let start = RunStart {
            command,
            subject: "acme/spot footage",
            source: None,
            destination: None,
        };
        self.index.begin_run(&start).unwrap()
    }

    fn copy(&mut self, rules: CopyRules, dry_run: bool) -> Report {
        let run = self.begin_run("copy");
        let databases = self.registry.databases();
        let request = CopyRequest {
            scope: Scope::All,
            categories: self.registry.categories().iter().collect(),
            source: &databases[0],
            destinations: vec![&databases[1]],
            rules,
            verify: true,
            dry_run,
            confirmation: Confirmation::NonInteractive,
        };
        copy(&mut self.index, &self.registry, &request, run, &Silence).unwrap()
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
        sync(&mut self.index, &self.registry, &request, run, &Silence).unwrap()
    }

    /// Checks that every planned file is at the destination as the source has it.
    fn check_planned(&self, planned: &BTreeSet<PathBuf>) -> Result<(), TestCaseError> {
        let [work, nas] = ["WORK", "NAS"].map(|database| self.temporary.path().join(database));
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn copy_executes_the_plan_of_its_dry_run(source in files(), destination in files(), rules in rules()) {
        let mut studio = Studio::new();
        studio.set("WORK", &source);
        studio.set("NAS", &destination);
        let before = ["WORK", "NAS"].map(|database| studio.contents(database));
        let dry = studio.copy(rules, true);
        prop_assert_eq!(&["WORK", "NAS"].map(|database| studio.contents(database)), &before);
        let report = studio.copy(rules, false);
        let planned = planned(&dry);
        prop_assert_eq!(report.copied_files, planned.len() as u64);
        prop_assert_eq!(report.copied_bytes, dry.planned_bytes);
        prop_assert_eq!((report.planned_files, report.same_files), (dry.planned_files, dry.same_files));
        prop_assert_eq!(items(&report), items(&dry));
        prop_assert_eq!(&studio.contents("WORK"), &before[0]);
        studio.check_planned(&planned)?;
        check_kept(&before[1], &studio.contents("NAS"))?;
        let settled = studio.contents("NAS");
        prop_assert_eq!(studio.copy(rules, false).copied_files, 0);
        prop_assert_eq!(studio.contents("NAS"), settled);
    }

    #[test]
    fn sync_executes_the_plan_of_its_dry_run(first in files(), second in files(), destination in files(), delete in any::<bool>()) {
        let mut studio = Studio::new();
        studio.set("WORK", &first);
        studio.set("NAS", &destination);
        studio.sync(false, false);
        studio.set("WORK", &second);
        let before = ["WORK", "NAS"].map(|database| studio.contents(database));
        let dry = studio.sync(delete, true);
        prop_assert_eq!(&["WORK", "NAS"].map(|database| studio.contents(database)), &before);
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
        prop_assert_eq!((again.copied_files, again.deleted_files), (0, 0));
    }
}
