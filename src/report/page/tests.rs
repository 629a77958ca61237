//! The page of a report with long lists and odd names.

use super::*;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::overview::ReplicaState;
use crate::index::{OutcomeKind, RunId, RunState};
use crate::model::project::ProjectId;
use crate::report::data::{
    CopyCell, CopyMatrix, GappedSequence, Growth, MatrixRow, MhlHistory, MonthTotals, PolicyLine,
    ReportVerdict, ReportedRun, ReportedStorage, RunProblem, SequenceTotals, ShortProject,
    SizedPart, WaitingFile,
};
use crate::trust::mend::Mend;
use crate::trust::status::GapKind;

const NOW: Timestamp = Timestamp {
    seconds: 1_772_323_200,
    nanoseconds: 0,
};

/// A name of 255 bytes that takes as much markup as a name can.
fn odd_name(number: usize) -> Name {
    let mut bytes = format!("<{number}>\"&'\u{202e}").into_bytes();
    bytes.push(0xff);
    bytes.resize(255, b'<');
    Name::from_bytes(bytes)
}

fn odd_project(number: usize) -> ProjectId {
    ProjectId {
        client: odd_name(number),
        project: odd_name(number + 1),
    }
}

fn many<T>(count: usize, make: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(make).collect()
}

fn matrix(number: usize, storages: usize) -> CopyMatrix {
    let cell = |storage| CopyCell {
        database: format!("STORAGE {storage}"),
        state: Some(ReplicaState::Incomplete),
        held: 1,
        files: 1_000_000,
        lacks: 1234,
        ..CopyCell::default()
    };
    let row = |category: usize| MatrixRow {
        category: format!("category {category}"),
        projects: 1,
        files: 12,
        bytes: 34,
        cells: many(storages, cell),
    };
    CopyMatrix {
        name: odd_project(number).name(),
        subject: MatrixSubject::Project,
        rows: many(6, row),
    }
}

/// A report whose lists have this length.
fn data(count: usize) -> ReportData {
    ReportData {
        scope: "all".into(),
        subject: MatrixSubject::Studio,
        made_at: NOW,
        made_by: "kim".to_owned(),
        host: "ws1".to_owned(),
        version: "0.1.0",
        verdict: verdict(count),
        projects: 1,
        files: 2,
        bytes: 3,
        short: many(count, short),
        policies: many(count, policy),
        matrices: many(count, |number| matrix(number, 8)),
        storages: many(count, storage),
        sizes: many(count, size),
        growth: growth(),
        sequences: SequenceTotals {
            count: 7,
            frames: 8,
            gapped: many(count, gapped),
        },
        runs: many(count, run),
        problems: many(count, problem),
        failures: many(count, failure),
        histories: many(count, history),
    }
}

fn verdict(short: usize) -> ReportVerdict {
    ReportVerdict {
        state: VerdictState::Short,
        sentence: "No.".to_owned(),
        judged: 9,
        short: short as u64,
        remarks: Vec::new(),
        copied_bytes: 0,
        verified: Vec::new(),
        never_verified_bytes: 0,
    }
}

fn short(number: usize) -> ShortProject {
    ShortProject {
        project: odd_project(number),
        category: "footage".to_owned(),
        why: "one_copy",
        copies: 1,
        offsite: 0,
        databases: Vec::new(),
        damaged: 0,
        mend: many(3, |_| Mend::Copy {
            project: odd_project(number),
            category: "footage".to_owned(),
            from: "WORK".to_owned(),
            to: "NAS".to_owned(),
        }),
        words: "1 of 2 copies".to_owned(),
        kind: GapKind::OneCopy,
    }
}

fn policy(number: usize) -> PolicyLine {
    PolicyLine {
        category: format!("category {number}"),
        policy: "copies 2".to_owned(),
        projects: 1,
        short: 1,
        demand: None,
    }
}

fn storage(number: usize) -> ReportedStorage {
    ReportedStorage {
        database: format!("STORAGE {number}"),
        offsite: true,
        shelf: true,
        remote: true,
        offline: true,
        same_medium: many(count_of_media(number), |other| format!("STORAGE {other}")),
        scanned_at: Some(NOW),
        outside: 3,
    }
}

fn count_of_media(number: usize) -> usize {
    number % 5
}

fn size(number: usize) -> SizedPart {
    SizedPart {
        group: odd_name(number % 40),
        name: odd_name(number),
        files: 1,
        bytes: 1_000_000 - number as u64,
    }
}

fn growth() -> Growth {
    let month = |(year, month)| MonthTotals {
        year,
        month,
        files: 1,
        bytes: 100,
    };
    let months = (-9_000..9_000).map(|year| month((year, 1)));
    Growth {
        months: months.collect(),
        undated_files: 1,
        undated_bytes: 2,
        recorded: None,
    }
}

fn gapped(number: usize) -> GappedSequence {
    GappedSequence {
        project: odd_project(number),
        category: "footage".to_owned(),
        path: odd_name(number),
        first: 1,
        last: 3,
        files: 2,
        missing: vec![(2, 2)],
        words: "2".to_owned(),
    }
}

fn run(number: usize) -> ReportedRun {
    ReportedRun {
        run: RunId(1),
        command: "copy".to_owned(),
        what: Some(odd_name(number).to_string()),
        from: Some("WORK".to_owned()),
        to: Some("NAS".to_owned()),
        started: NOW,
        ended: Some(NOW),
        files: 1,
        bytes: 2,
        failed: 3,
        conflicts: 4,
        refused: 5,
        state: RunState::Partial,
    }
}

fn problem(number: usize) -> RunProblem {
    RunProblem {
        run: RunId(1),
        outcome: OutcomeKind::Damaged,
        database: Some("NAS".to_owned()),
        path: odd_name(number),
        reason: Some("<".repeat(300)),
    }
}

fn failure(number: usize) -> WaitingFile {
    WaitingFile {
        path: odd_name(number),
        from: "WORK".into(),
        to: "NAS".into(),
        error: "<".repeat(300),
        attempts: 1,
        last: NOW,
        permanent: false,
    }
}

fn history(number: usize) -> MhlHistory {
    MhlHistory {
        project: odd_project(number),
        category: "footage".to_owned(),
        database: "NAS".to_owned(),
        path: odd_name(number),
        generation: 1,
        digest: "c4".repeat(45),
        at: Some(NOW),
    }
}

#[test]
fn page_stays_below_one_megabyte() {
    let page = render(&data(5000)).unwrap();
    assert!(page.len() < 1_000_000, "{}", page.len());
    assert!(page.matches(" more: <code").count() >= 8);
    assert!(page.starts_with(FIRST_LINE));
}

#[test]
fn equal_facts_give_equal_pages() {
    assert_eq!(render(&data(50)).unwrap(), render(&data(50)).unwrap());
}

#[test]
fn names_never_become_markup() {
    let page = render(&data(3)).unwrap();
    assert!(!page.contains("<0>") && !page.contains('\u{202e}'));
    assert!(page.contains(r"\u{202e}\xff"), "names are shown");
}

#[test]
fn histories_are_shown_only_if_there_are_any() {
    let title = "ASC MHL histories";
    assert!(render(&data(1)).unwrap().contains(title));
    assert!(!render(&data(0)).unwrap().contains(title));
}
