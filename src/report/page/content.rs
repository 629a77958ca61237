//! The sections about files: sizes, growth and image sequences with gaps.

use std::collections::BTreeMap;

use super::scope::scope_word;
use super::section::Section;
use super::table::{TableBuilder, TableCell, TextLine};
use crate::base::escape::visible;
use crate::base::unit;
use crate::report::data::{Growth, MatrixSubject, RecordedGrowth, ReportData};
use crate::report::{chart, treemap};

/// Bytes for each list.
const SIZE_ROOM: usize = 20_000;
const YEAR_ROOM: usize = 10_000;
const SEQUENCE_ROOM: usize = 40_000;

pub(super) fn sizes(data: &ReportData) -> Section {
    let (group, part) = match data.subject {
        MatrixSubject::Project => ("category", "folder"),
        MatrixSubject::Client => ("project", "category"),
        MatrixSubject::Studio | MatrixSubject::Projects => ("client", "project"),
    };
    let caption = TextLine::words("The largest first, each file counted once");
    let headings = [
        (part, "p"),
        (group, ""),
        ("size", "n"),
        ("share", "n"),
        ("files", "n"),
    ];
    let mut table = TableBuilder::new("sizes-t", caption, &headings, SIZE_ROOM);
    let total: u64 = data.sizes.iter().map(|part| part.bytes).sum();
    for part in &data.sizes {
        let name = treemap::part_name(&part.name);
        table.row(vec![
            TableCell::name(name),
            TableCell::name(part.group.to_string()),
            TableCell::number(unit::format_bytes(part.bytes)),
            TableCell::number(unit::format_percent(part.bytes, total)),
            TableCell::number(unit::format_count(part.files)),
        ]);
    }
    let command = match data.subject {
        MatrixSubject::Project => format!("fetch {} --files", scope_word(data)),
        MatrixSubject::Client => format!("fetch {} --full", scope_word(data)),
        _ => "list projects --sort size".to_owned(),
    };
    Section::new("sizes", "Sizes")
        .picture(treemap::picture(&data.sizes, part))
        .table(table.finish(&command))
}

pub(super) fn growth(data: &ReportData) -> Section {
    let table = match &data.growth.recorded {
        Some(recorded) => recorded_table(recorded),
        None => year_table(&data.growth),
    };
    let command = match data.growth.recorded {
        Some(_) => format!("history sizes {}", scope_word(data)),
        None => format!("report {} --format json", scope_word(data)),
    };
    Section::new("growth", "Growth")
        .picture(chart::picture(&data.growth, data.made_at))
        .table(table.finish(&command))
}

/// The parts of the recorded time in which sizes changed.
fn recorded_table(recorded: &RecordedGrowth) -> TableBuilder {
    let caption = TextLine::words("Sizes when they had changed, the newest first");
    let headings = [("seen by", ""), ("size", "n"), ("files", "n")];
    let mut table = TableBuilder::new("growth-t", caption, &headings, YEAR_ROOM);
    let changes = recorded.points.windows(2).rev().filter_map(|pair| {
        let is_changed = (pair[0].bytes, pair[0].files) != (pair[1].bytes, pair[1].files);
        is_changed.then_some(&pair[1])
    });
    for size in changes.chain(recorded.points.first()) {
        table.row(vec![
            TableCell::words(size.at.minute()),
            TableCell::number(unit::format_bytes(size.bytes)),
            TableCell::number(unit::format_count(size.files)),
        ]);
    }
    table
}

fn year_table(growth: &Growth) -> TableBuilder {
    let caption = TextLine::words("Files by the year of their last change, the newest first");
    let headings = [
        ("year", ""),
        ("size", "n"),
        ("files", "n"),
        ("size up to then", "n"),
    ];
    let mut table = TableBuilder::new("growth-t", caption, &headings, YEAR_ROOM);
    let mut years: BTreeMap<i16, (u64, u64)> = BTreeMap::new();
    for month in &growth.months {
        let year = years.entry(month.year).or_default();
        year.0 = year.0.saturating_add(month.bytes);
        year.1 += month.files;
    }
    let mut sum = 0_u64;
    let rows = years.into_iter().map(|(year, (bytes, files))| {
        sum = sum.saturating_add(bytes);
        (year.to_string(), bytes, files, unit::format_bytes(sum))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.reverse();
    if growth.undated_files > 0 {
        let (files, bytes) = (growth.undated_files, growth.undated_bytes);
        rows.push(("without a time".to_owned(), bytes, files, String::new()));
    }
    for (year, bytes, files, sum) in rows {
        table.row(vec![
            TableCell::words(year),
            TableCell::number(unit::format_bytes(bytes)),
            TableCell::number(unit::format_count(files)),
            TableCell::number(sum),
        ]);
    }
    table
}

pub(super) fn sequences(data: &ReportData) -> Section {
    let totals = &data.sequences;
    let gapped = totals.gapped.len() as u64;
    let lead = format!(
        "{} with {}; {} with gaps.",
        unit::format_counted(totals.count, "image sequence"),
        unit::format_counted(totals.frames, "frame"),
        unit::format_count(gapped)
    );
    let section = Section::new("sequences", "Image sequences with gaps").lead(lead);
    if gapped == 0 {
        return section;
    }
    let caption = TextLine::words("Sequences with missing frames, which no copy has");
    let headings = [
        ("sequence", "p"),
        ("project", ""),
        ("category", ""),
        ("frames", "n"),
        ("missing", ""),
    ];
    let mut table = TableBuilder::new("sequences-t", caption, &headings, SEQUENCE_ROOM);
    for row in &totals.gapped {
        table.row(vec![
            TableCell::name(row.path.to_string()),
            TableCell::name(row.project.to_string()),
            TableCell::name(visible(row.category.as_bytes())),
            TableCell::number(unit::format_count(row.files)),
            TextLine::words(row.words.clone()).class("w").into(),
        ]);
    }
    let command = format!("fetch {} --files", scope_word(data));
    section.table(table.finish(&command))
}
