//! The sections about runs, files that wait for another attempt, and ASC MHL histories.

use std::time::Duration;

use super::scope::{optional_scope, scope_word};
use super::section::Section;
use super::table::{TableBuilder, TableCell, TableView, TextLine};
use crate::base::escape::visible;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{OutcomeKind, RunState};
use crate::report::data::{MatrixSubject, ReportData, ReportedRun};

/// Bytes for each list, and the greatest number of runs.
const RUN_ROOM: usize = 40_000;
const FAILURE_ROOM: usize = 40_000;
const HISTORY_ROOM: usize = 60_000;
const MAX_RUNS: usize = 25;

pub(super) fn runs(data: &ReportData) -> Section {
    let lead = match data.subject {
        MatrixSubject::Studio => "Every load, copy, sync and verification, the newest first.",
        _ => "The runs that name these projects, their client or all, the newest first.",
    };
    let section = Section::new("runs", "Runs").lead(lead);
    if data.runs.is_empty() {
        return section.lead("The history has none.");
    }
    let caption = TextLine::words("Runs. Times are in UTC");
    let headings = [
        ("run", ""),
        ("started", "d"),
        ("what", "p"),
        ("files", "n"),
        ("size", "n"),
        ("took", "n"),
        ("result", ""),
    ];
    let mut table = TableBuilder::new("runs-t", caption, &headings, RUN_ROOM);
    let (shown, cut) = data.runs.split_at(data.runs.len().min(MAX_RUNS));
    for run in shown {
        table.row(run_row(run));
    }
    table.leave_out(cut.len() as u64);
    section.table(table.finish("history --all"))
}

fn run_row(run: &ReportedRun) -> Vec<TableCell> {
    let what = [Some(run.command.as_str()), run.what.as_deref()];
    let what: Vec<&str> = what.into_iter().flatten().collect();
    let mut lines = vec![TextLine::name(visible(what.join(" ").as_bytes()))];
    let places = match (&run.from, &run.to) {
        (Some(from), Some(to)) => Some(format!("{from} \u{2192} {to}")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    };
    lines.extend(places.map(|places| TextLine::name(visible(places.as_bytes())).class("f")));
    let took = run.ended.map(|ended| ended.seconds - run.started.seconds);
    let took = took.and_then(|seconds| u64::try_from(seconds).ok());
    let took = took.map(|seconds| match seconds {
        0 => "under 1 s".to_owned(),
        1..60 => format!("{seconds} s"),
        _ => unit::format_duration(Duration::from_secs(seconds)),
    });
    vec![
        TableCell::words(run.run.to_string()),
        TableCell::short(run.started.minute()),
        TableCell { class: "", lines },
        TableCell::number(unit::format_count(run.files)),
        TableCell::number(unit::format_bytes(run.bytes)),
        TableCell::number(took.unwrap_or_default()),
        TableCell {
            class: "",
            lines: result_lines(run),
        },
    ]
}

/// Returns the state of a run, and what was not simply done.
fn result_lines(run: &ReportedRun) -> Vec<TextLine> {
    let counts = [
        (run.failed, "failed", "r"),
        (run.conflicts, "in conflict", "w"),
        (run.refused, "refused", "w"),
    ];
    let tone = match run.state {
        RunState::Complete => "g",
        RunState::Unreachable | RunState::Refused => "r",
        _ => "w",
    };
    let mut lines = vec![TextLine::words(run.state.as_str()).class(tone)];
    let counts = counts.into_iter().filter(|(number, ..)| *number > 0);
    lines.extend(counts.map(|(number, word, tone)| {
        TextLine::words(format!("{} {word}", unit::format_count(number))).class(tone)
    }));
    lines
}

pub(super) fn failures(data: &ReportData) -> Section {
    let section = Section::new("failures", "Failures");
    match (waiting(data), problems(data)) {
        (None, None) => {
            section.lead("No file waits for another attempt, and the last runs had no problem.")
        }
        (waiting, problems) => {
            let tables = waiting.into_iter().chain(problems);
            tables.fold(section, Section::table)
        }
    }
}

/// Shows the files that wait for another attempt, if any do.
fn waiting(data: &ReportData) -> Option<TableView> {
    if data.failures.is_empty() {
        return None;
    }
    let caption = TextLine::words("Files that `sync` could not send yet, and will try again");
    let headings = [
        ("file", "p"),
        ("from \u{2192} to", ""),
        ("attempts", "n"),
        ("last", "d"),
        ("error", "p"),
    ];
    let mut table = TableBuilder::new("failures-t", caption, &headings, FAILURE_ROOM);
    for row in &data.failures {
        let places = format!("{} \u{2192} {}", row.from, row.to);
        let tone = if row.permanent { "w" } else { "r" };
        table.row(vec![
            TableCell::name(row.path.to_string()),
            TableCell::name(places),
            TableCell::number(unit::format_count(row.attempts)),
            TableCell::short(row.last.date()),
            TextLine::name(visible(row.error.as_bytes()))
                .class(tone)
                .into(),
        ]);
    }
    Some(table.finish(&format!("failures{}", optional_scope(data))))
}

/// Shows the files with problems in the last runs, if there are any.
fn problems(data: &ReportData) -> Option<TableView> {
    if data.problems.is_empty() {
        return None;
    }
    let caption = TextLine::words("Files with problems in the last runs; they may be mended since");
    let headings = [
        ("file", "p"),
        ("storage", ""),
        ("run", "n"),
        ("problem", ""),
        ("reason", "p"),
    ];
    let mut table = TableBuilder::new("problems-t", caption, &headings, FAILURE_ROOM);
    for row in &data.problems {
        let tone = match row.outcome {
            OutcomeKind::Conflict | OutcomeKind::Refused => "w",
            _ => "r",
        };
        let database = row.database.as_deref().unwrap_or_default();
        let reason = row.reason.as_deref().unwrap_or_default();
        table.row(vec![
            TableCell::name(row.path.to_string()),
            TableCell::name(visible(database.as_bytes())),
            TableCell::number(row.run.to_string()),
            TextLine::words(row.outcome.as_str()).class(tone).into(),
            TableCell::name(visible(reason.as_bytes())),
        ]);
    }
    let last = data.problems.last().map(|row| row.run.to_string());
    Some(table.finish(&format!("history {}", last.unwrap_or_default())))
}

/// Shows the digests of manifests, if there are any.
pub(super) fn histories(data: &ReportData) -> Option<Section> {
    if data.histories.is_empty() {
        return None;
    }
    let caption =
        TextLine::words("Generations of ASC MHL histories, and the C4 digests of their hash lists");
    let headings = [
        ("manifest", "p"),
        ("project", ""),
        ("category", ""),
        ("storage", ""),
        ("generation", "n"),
        ("made", "d"),
        ("C4", "p"),
    ];
    let mut table = TableBuilder::new("histories-t", caption, &headings, HISTORY_ROOM);
    for row in &data.histories {
        table.row(vec![
            TableCell::name(row.path.to_string()),
            TableCell::name(row.project.to_string()),
            TableCell::name(visible(row.category.as_bytes())),
            TableCell::name(visible(row.database.as_bytes())),
            TableCell::number(unit::format_count(row.generation)),
            TableCell::short(row.at.map(Timestamp::minute).unwrap_or_default()),
            TableCell::name(visible(row.digest.as_bytes())),
        ]);
    }
    let command = format!("report {} --format json", scope_word(data));
    Some(Section::new("histories", "ASC MHL histories").table(table.finish(&command)))
}
