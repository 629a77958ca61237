//! The laws of copies and syncs under every fault of a file system.
//!
//! - Nothing is lost: every content that was ever at the destination is at its name or among the versions.
//! - Nothing is half: every file under a final name is a version of the source, or existed before.
//! - Reports add up, and the exit status is never 0 after a failure or with a missing file.
//! - A second run does nothing, except that a lasting failure is reported again.
//! - The source is never written.

mod catalog;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use crate::faulty_fs::{FuseOperation, InjectedFailure};
use crate::studio::ProgramRun;
use catalog::{NamedFaults, lies};
use world::{ContentsByPath, FROM, FaultySide, TO, World, WorldEdit, change};

/// Edits at both sides, and the options of the run that follows.
type FaultStep = (Vec<WorldEdit>, Vec<WorldEdit>, &'static str);

fn step(options: &[&'static str]) -> impl Strategy<Value = FaultStep> + use<> {
    let options = prop::sample::select(options.to_vec());
    let changes = |most| prop::collection::vec(change(), 0..most);
    (changes(5), changes(3), options)
}

fn side() -> impl Strategy<Value = FaultySide> {
    prop_oneof![4 => Just(FaultySide::Destination), 1 => Just(FaultySide::Source), 1 => Just(FaultySide::Both)]
}

/// Generates one fault, and in long campaigns up to three.
fn fault_sets() -> impl Strategy<Value = Vec<NamedFaults>> {
    let most = std::env::var("AUTO_BACKUP_HISTORIES").map_or(1, |_| 3);
    prop::collection::vec(prop::sample::select(lies()), 1..=most)
}

/// One history, with the facts that the laws check.
struct FaultHistory {
    world: World,
    faults: Vec<NamedFaults>,
    line: &'static str,
    /// Every content that was ever written.
    written: Vec<Vec<u8>>,
    /// True if the destination was changed by others, and the index does not have the change.
    is_unknown: bool,
}

impl FaultHistory {
    fn take(&mut self, (source, destination, options): &FaultStep) -> Result<(), TestCaseError> {
        self.world.set_faults_active(false);
        for (top, changes) in [(FROM, source), (TO, destination)] {
            for change in changes {
                self.world.change(top, change);
                self.written.extend(self.world.source_files().into_values());
                self.written
                    .extend(self.world.destination_files().into_values());
            }
        }
        let line = format!("{}{options}", self.line);
        if self.line.starts_with("sync") && (self.is_unknown || !destination.is_empty()) {
            self.load();
        }
        let first = self.run(&line)?;
        let settled = self.world.destination_files();
        let second = self.run(&line)?;
        if self.is_harmless() && first.status == 0 {
            prop_assert_eq!(
                second.status,
                0,
                "{:?} {}then {}",
                self.faults,
                first,
                second
            );
        }
        if first.status == 0 && second.status == 0 {
            let copied = &second.document()["copied_files"];
            let is_settled = copied == 0 && self.world.destination_files() == settled;
            prop_assert!(
                is_settled,
                "it was done again: {:?} {}then {}",
                self.faults,
                first,
                second
            );
        }
        let has_failed = first.status == 3 && first.document()["failed_files"] != 0;
        if has_failed && self.is_lasting() {
            prop_assert!(
                second.status != 0,
                "{:?} {}then {}",
                self.faults,
                first,
                second
            );
        }
        Ok(())
    }

    /// Scans the destination: a sync relies on its own record and on `load`.
    fn load(&mut self) {
        self.world.set_faults_active(true);
        self.is_unknown = self.world.studio.json(&["load NAS"]).status != 0;
        self.world.set_faults_active(false);
    }

    /// Runs a line with active faults; fails if a law is broken.
    fn run(&self, line: &str) -> Result<ProgramRun, TestCaseError> {
        let (work, nas) = (self.world.source_files(), self.world.destination_files());
        self.world.set_faults_active(true);
        let run = self.world.studio.json(&[line]);
        let rivals = self.world.foreign_writes();
        let theirs = if self.world.has_noreplace() {
            rivals
        } else {
            0
        };
        self.world.set_faults_active(false);
        let after = self.world.destination_files();
        let context = format!("{:?} {line}: {run}{:?}", self.faults, names(&after));
        prop_assert_eq!(
            self.world.source_files(),
            work.clone(),
            "the source was written to: {}",
            context
        );
        assert_nothing_lost(&nas, &after, theirs, &context)?;
        self.assert_files_whole(&after, &context)?;
        prop_assert!([0, 1, 3].contains(&run.status), "{}", context);
        if run.status == 1 {
            prop_assert!(!run.stderr.is_empty() && !self.is_harmless(), "{}", context);
            return Ok(run);
        }
        let document = run.document();
        assert_accounted(&document, &context)?;
        let went_wrong = document["failed_files"] != 0 || document["conflict_files"] != 0;
        prop_assert!(run.status != 0 || !went_wrong, "{}", context);
        if self.is_harmless() {
            prop_assert_eq!(&document["failed_files"], 0, "{}", context);
            let is_refused = document["refused_files"] != 0;
            prop_assert!(!is_refused || self.world.confuses_names(), "{}", context);
            let is_undecided = is_refused || document["conflict_files"] != 0;
            prop_assert!(run.status == 0 || is_undecided, "{}", context);
        }
        if !self.is_unknown {
            self.assert_copied(&document, &work, &after, &context)?;
        }
        Ok(run)
    }

    fn is_harmless(&self) -> bool {
        self.faults.iter().all(|lie| lie.is_harmless)
    }

    /// True if every failure repeats in the next run. Folders without changes are neither flushed nor given a time
    /// again.
    fn is_lasting(&self) -> bool {
        let lies = &self.world.lies;
        let fails_always = |(operation, failure): (&FuseOperation, &InjectedFailure)| {
            let not_again = [FuseOperation::SyncFolder, FuseOperation::SetTimes];
            let is_asked_again = !not_again.contains(operation);
            is_asked_again && failure.after == 0 && failure.count == u64::MAX
        };
        self.is_harmless() || lies.rival.is_none() && lies.failures.iter().all(fails_always)
    }

    /// Checks that every file under a final name is whole.
    fn assert_files_whole(
        &self,
        after: &ContentsByPath,
        context: &str,
    ) -> Result<(), TestCaseError> {
        for (path, content) in after {
            let is_whole = self.written.contains(content) || self.world.lies.rival == Some(content);
            prop_assert!(
                is_whole || is_temporary(path),
                "{} is half: {}",
                path.display(),
                context
            );
        }
        Ok(())
    }

    /// Checks that every file of the source without another outcome is at the destination.
    fn assert_copied(
        &self,
        document: &Value,
        work: &ContentsByPath,
        after: &ContentsByPath,
        context: &str,
    ) -> Result<(), TestCaseError> {
        // An unreadable folder is reported instead of its entries, at either side.
        let items = document["items"].as_array().unwrap();
        let tops = ["WORK", "NAS"].map(|top| self.world.studio.path(top));
        let reported: Vec<&Path> = items
            .iter()
            .filter_map(|item| Some(Path::new(item["path"].as_str()?)))
            .filter_map(|path| tops.iter().find_map(|top| path.strip_prefix(top).ok()))
            .collect();
        for (path, content) in work.iter().filter(|(path, _)| path.starts_with("footage")) {
            let is_there = self.world.at(after, path) == Some(content);
            let is_reported = reported.iter().any(|reported| path.starts_with(reported));
            prop_assert!(
                is_there || is_reported,
                "{} is missing: {}",
                path.display(),
                context
            );
        }
        Ok(())
    }
}

fn names(files: &ContentsByPath) -> Vec<String> {
    let shown = files.iter().map(|(path, content)| {
        let start = String::from_utf8_lossy(&content[..content.len().min(10)]).into_owned();
        format!("{} = {start} ({})", path.display(), content.len())
    });
    shown.collect()
}

fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "part")
}

/// Counts the contents under final names.
fn counted(files: &ContentsByPath) -> BTreeMap<&[u8], usize> {
    let mut counted = BTreeMap::new();
    for (_, content) in files.iter().filter(|(path, _)| !is_temporary(path)) {
        *counted.entry(content.as_slice()).or_default() += 1;
    }
    counted
}

/// Checks that every earlier content still exists as often, and every content of another machine too.
fn assert_nothing_lost(
    before: &ContentsByPath,
    after: &ContentsByPath,
    theirs: usize,
    context: &str,
) -> Result<(), TestCaseError> {
    let now = counted(after);
    for (content, times) in counted(before) {
        let times_now = now.get(content).copied().unwrap_or(0);
        let start = String::from_utf8_lossy(&content[..content.len().min(10)]);
        prop_assert!(times_now >= times, "{} is lost: {}", start, context);
    }
    let theirs_now = now.get(b"theirs".as_slice()).copied().unwrap_or(0);
    prop_assert!(theirs_now >= theirs, "theirs is lost: {}", context);
    Ok(())
}

/// Checks that every planned file has one outcome.
fn assert_accounted(document: &Value, context: &str) -> Result<(), TestCaseError> {
    let ends = [
        "copied", "moved", "same", "conflict", "failed", "refused", "skipped",
    ];
    let number = |end: &str| document[format!("{end}_files")].as_u64().unwrap_or(0);
    let ended: u64 = ends.into_iter().map(number).sum();
    prop_assert_eq!(
        document["planned_files"].as_u64(),
        Some(ended),
        "{}",
        context
    );
    Ok(())
}

/// Number of histories: `AUTO_BACKUP_HISTORIES` sets it for long campaigns.
fn cases() -> u32 {
    std::env::var("AUTO_BACKUP_HISTORIES").map_or(12, |count| count.parse().unwrap())
}

fn assert_invariants(
    side: FaultySide,
    faults: Vec<NamedFaults>,
    line: &'static str,
    steps: &[FaultStep],
) -> Result<(), TestCaseError> {
    let Some(world) = World::new(side, &faults) else {
        return Ok(());
    };
    let mut history = FaultHistory {
        world,
        faults,
        line,
        written: Vec::new(),
        is_unknown: false,
    };
    for step in steps {
        history.take(step)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn copies_satisfy_invariants_under_any_fault(
        side in side(),
        faults in fault_sets(),
        steps in prop::collection::vec(step(&["", " --overwrite", " --checksum", " --no-verify"]), 1..4),
    ) {
        assert_invariants(side, faults, "copy acme/spot footage WORK NAS", &steps)?;
    }

    #[test]
    fn syncs_satisfy_invariants_under_any_fault(
        side in side(),
        faults in fault_sets(),
        steps in prop::collection::vec(step(&["", " --delete --force"]), 1..4),
    ) {
        assert_invariants(side, faults, "sync all all WORK NAS", &steps)?;
    }
}
