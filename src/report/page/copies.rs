//! The sections about copies: what falls short, the matrices, the storages and the policies.

use super::scope::{optional_scope, scope_word};
use super::section::Section;
use super::table::{TableBuilder, TableCell, TableView, TextLine};
use crate::base::escape::visible;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::overview::ReplicaState;
use crate::model::policy::{Demand, typed_duration};
use crate::report::data::{CopyCell, CopyMatrix, MatrixSubject, ReportData};
use crate::trust::status::GapKind;

/// Bytes for the list of what falls short, for all matrices, and for the shorter lists.
const SHORT_ROOM: usize = 100_000;
const MATRIX_ROOM: usize = 320_000;
const LIST_ROOM: usize = 40_000;

/// Number of storages beside each other on a page of A4.
const STORAGES_PER_TABLE: usize = 4;

pub(super) fn short(data: &ReportData) -> Option<Section> {
    if data.short.is_empty() {
        return None;
    }
    let caption = TextLine::words("Projects that fall short of their policy, the worst first");
    let headings = [
        ("project", "p"),
        ("category", ""),
        ("lacking", ""),
        ("what to type", ""),
    ];
    let mut table = TableBuilder::new("short", caption, &headings, SHORT_ROOM);
    for row in &data.short {
        let tone = match row.kind {
            GapKind::NoCopy | GapKind::OneCopy => "r",
            _ => "w",
        };
        let mend = row.mend.iter();
        let mend = mend.map(|line| TextLine::name(visible(line.to_string().as_bytes())).class("k"));
        table.row(vec![
            TableCell::name(row.project.to_string()),
            TableCell::name(visible(row.category.as_bytes())),
            TextLine::name(visible(row.words.as_bytes()))
                .class(tone)
                .into(),
            TableCell {
                class: "",
                lines: mend.collect(),
            },
        ]);
    }
    let command = format!("status{}", optional_scope(data));
    Some(Section::new("short-of-policy", "What falls short").table(table.finish(&command)))
}

/// Shows a table for each matrix and each few storages. Matrices beyond the room are counted.
pub(super) fn copies(data: &ReportData) -> Section {
    let mut section = Section::new("copies", "Copies and evidence").lead(
        "Each copy is measured against all files that any storage holds. A file is proven if its content was read on this storage, or stated by it, and equal to the known one.",
    );
    let mut room = MATRIX_ROOM;
    for (number, matrix) in data.matrices.iter().enumerate() {
        let storages = matrix.rows.first().map_or(0, |row| row.cells.len());
        let firsts = (0..storages).step_by(STORAGES_PER_TABLE);
        let tables = firsts.map(|first| matrix_table(data, matrix, (number, first), &mut room));
        let tables: Vec<Option<TableView>> = tables.collect();
        if tables.iter().any(Option::is_none) {
            let left = data.matrices.len() - number;
            let noun = match data.subject {
                MatrixSubject::Studio => "client",
                _ => "project",
            };
            let left = unit::format_counted(left as u64, noun);
            return section.note(
                format!("and {left} more:"),
                format!("fetch {}", scope_word(data)),
            );
        }
        section = tables.into_iter().flatten().fold(section, Section::table);
    }
    section
}

/// Returns a part of a matrix; `None` if the room does not suffice.
fn matrix_table(
    data: &ReportData,
    matrix: &CopyMatrix,
    (number, first): (usize, usize),
    room: &mut usize,
) -> Option<TableView> {
    let storages = matrix.rows.first()?.cells.iter().skip(first);
    let storages = storages.take(STORAGES_PER_TABLE);
    let names: Vec<String> = storages
        .map(|cell| visible(cell.database.as_bytes()))
        .collect();
    let mut headings = vec![("category", "")];
    headings.extend(names.iter().map(|name| (name.as_str(), "c")));
    let mut caption = match (matrix.subject, data.subject) {
        (MatrixSubject::Studio, _) => TextLine::words("All clients together"),
        (_, MatrixSubject::Client) if number == 0 && data.matrices.len() > 1 => {
            TextLine::words("All projects of this client together")
        }
        (MatrixSubject::Projects, _) => TextLine::words("All projects together"),
        _ => TextLine::name(matrix.name.to_string()),
    };
    if first > 0 {
        caption = caption.after(", further storages");
    }
    let id = format!("m{number}-{first}");
    let heading_bytes: usize = names.iter().map(String::len).sum();
    let bytes = room.checked_sub(600 + 5 * heading_bytes)?;
    let mut table = TableBuilder::new(id, caption, &headings, bytes).matrix();
    for row in &matrix.rows {
        let size = size_words(row.files, row.bytes);
        let mut cells = vec![TableCell {
            class: "",
            lines: vec![
                TextLine::name(visible(row.category.as_bytes())),
                TextLine::words(size).class("f"),
            ],
        }];
        let own = row.cells.iter().skip(first).take(STORAGES_PER_TABLE);
        cells.extend(own.map(|cell| copy_cell(cell, row.projects)));
        table.row(cells);
    }
    if table.is_cut() {
        return None;
    }
    *room = table.room();
    Some(table.finish(""))
}

fn size_words(files: u64, bytes: u64) -> String {
    format!(
        "{}, {}",
        unit::format_counted(files, "file"),
        unit::format_bytes(bytes)
    )
}

fn copy_cell(cell: &CopyCell, projects: u64) -> TableCell {
    let (words, tone) = match cell.state {
        Some(state) => state_words(cell, state),
        None => totals_words(cell, projects),
    };
    let mut lines = vec![TextLine::words(words).class(tone)];
    if cell.held > 0 {
        lines.push(TextLine::words(size_words(cell.files, cell.bytes)).class("f"));
        lines.extend(evidence_lines(cell));
    }
    TableCell { class: "", lines }
}

/// Returns the state of one copy in the words of `fetch`.
fn state_words(cell: &CopyCell, state: ReplicaState) -> (String, &'static str) {
    let faults = [
        (cell.lacks, "lacks"),
        (cell.older, "older"),
        (cell.differs, "differ"),
        (cell.unreadable, "unreadable"),
        (cell.damaged, "damaged"),
    ];
    let faults = faults.into_iter().filter(|(number, _)| *number > 0);
    let faults = faults.map(|(number, word)| match word {
        "lacks" => format!("lacks {}", unit::format_count(number)),
        word => format!("{} {word}", unit::format_count(number)),
    });
    let faults = faults.collect::<Vec<_>>().join(", ");
    let known = match (cell.held, cell.whole) {
        (0, _) => "missing".to_owned(),
        (_, 1) => "whole".to_owned(),
        _ => faults,
    };
    match state {
        ReplicaState::Unknown => ("not scanned".to_owned(), "w"),
        ReplicaState::Missing => (known, "f"),
        ReplicaState::Offline if cell.unknown > 0 => ("offline, not scanned".to_owned(), "w"),
        ReplicaState::Offline => (format!("offline, was {known}"), "w"),
        ReplicaState::Whole => (known, "g"),
        ReplicaState::Incomplete if cell.damaged > 0 => (known, "r"),
        ReplicaState::Incomplete => (known, "w"),
    }
}

/// Returns how many copies of several projects are whole.
fn totals_words(cell: &CopyCell, projects: u64) -> (String, &'static str) {
    if cell.held == 0 {
        return match cell.unknown {
            0 => ("missing".to_owned(), "f"),
            _ => ("not scanned".to_owned(), "w"),
        };
    }
    let (whole, held) = (
        unit::format_count(cell.whole),
        unit::format_count(cell.held),
    );
    let words = format!("{whole} of {held} whole");
    let tone = if cell.whole == cell.held { "g" } else { "w" };
    let absent = projects.saturating_sub(cell.held);
    if absent > 0 {
        let absent = unit::format_count(absent);
        return (format!("{words}, {absent} not here"), tone);
    }
    (words, tone)
}

/// Returns how much of a copy is proven, and since when.
fn evidence_lines(cell: &CopyCell) -> Vec<TextLine> {
    let oldest = cell.oldest_proof.filter(|at| *at != Timestamp::UNKNOWN);
    let oldest = oldest.map(Timestamp::date);
    let lines = match (cell.unproven_files, oldest) {
        (0, None) => vec!["proven".to_owned()],
        (0, Some(oldest)) => vec![format!("proven {oldest}")],
        (files, _) if files >= cell.files => vec!["not proven".to_owned()],
        (files, oldest) => {
            let [files, all] = [files, cell.files].map(unit::format_count);
            let oldest = oldest.map(|oldest| format!("oldest proof {oldest}"));
            let missing = format!("{files} of {all} not proven");
            [missing].into_iter().chain(oldest).collect()
        }
    };
    let lines = lines.into_iter();
    lines.map(|line| TextLine::words(line).class("f")).collect()
}

pub(super) fn storages(data: &ReportData) -> Section {
    let caption = TextLine::words("Storages, and when they were scanned last");
    let headings = [
        ("storage", ""),
        ("kind", ""),
        ("last scan", "d"),
        ("remarks", ""),
    ];
    let mut table = TableBuilder::new("storages-t", caption, &headings, LIST_ROOM);
    for row in &data.storages {
        let kinds = [
            (row.remote, "remote"),
            (row.offsite, "off-site"),
            (row.shelf, "on the shelf"),
        ];
        let kinds = kinds.into_iter().filter(|(is_so, _)| *is_so);
        let kinds: Vec<&str> = kinds.map(|(_, word)| word).collect();
        let scanned = row.scanned_at.map_or("never".to_owned(), Timestamp::minute);
        let mut remarks = Vec::new();
        if row.offline {
            remarks.push(TextLine::words("offline").class("w"));
        }
        if !row.same_medium.is_empty() {
            let others = visible(row.same_medium.join(", ").as_bytes());
            let words = TextLine::name(others);
            remarks.push(TextLine {
                before: "one copy together with ".to_owned(),
                class: "w",
                ..words
            });
        }
        if row.outside > 0 {
            let entries = unit::format_counted(row.outside, "entry");
            remarks.push(TextLine::words(format!("{entries} in no project")));
        }
        table.row(vec![
            TableCell::name(visible(row.database.as_bytes())),
            TableCell::words(kinds.join(", ")),
            TableCell::short(scanned),
            TableCell {
                class: "",
                lines: remarks,
            },
        ]);
    }
    Section::new("storages", "Storages").table(table.finish("list databases"))
}

pub(super) fn policies(data: &ReportData) -> Section {
    let caption = TextLine::words("What each category demands, and how many projects have it");
    let headings = [
        ("category", ""),
        ("demand", ""),
        ("projects", "n"),
        ("short", "n"),
    ];
    let mut table = TableBuilder::new("policies-t", caption, &headings, LIST_ROOM);
    for row in &data.policies {
        let short = TextLine::words(unit::format_count(row.short));
        let short = if row.short > 0 {
            short.class("w")
        } else {
            short
        };
        table.row(vec![
            TableCell::name(visible(row.category.as_bytes())),
            TableCell::words(demand_words(row.demand.as_ref())),
            TableCell::number(unit::format_count(row.projects)),
            TableCell {
                class: "n",
                lines: vec![short],
            },
        ]);
    }
    Section::new("policies", "Policies").table(table.finish("policy"))
}

fn demand_words(demand: Option<&Demand>) -> String {
    let Some(demand) = demand else {
        return "nothing: losing it is acceptable".to_owned();
    };
    let copies = match demand.copies {
        1 => "1 whole copy".to_owned(),
        copies => format!("{copies} whole copies on different media"),
    };
    let offsite = match demand.offsite {
        0 => String::new(),
        offsite => format!(", {offsite} off-site"),
    };
    let verified = demand.verified_within.map(|within| {
        let within = match within.as_secs() {
            86_400 => "1 day".to_owned(),
            seconds if seconds.is_multiple_of(86_400) => format!("{} days", seconds / 86_400),
            _ => typed_duration(within),
        };
        format!(", verified within {within}")
    });
    copies + &offsite + &verified.unwrap_or_default()
}
