//! The answer of `duplicates`: groups of files, and what the copies beyond the first place take.

use std::ops::ControlFlow;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::last_answer::LastAnswer;
use crate::index::duplicate::{
    DuplicateBlock, DuplicateEvidence, DuplicateGroup, DuplicatePlace, DuplicateTotals,
    FoundDuplicates, PlaceVisitor,
};
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// Greatest number of places that the page shows of one entry.
const MAX_PLACES: u64 = 20;

/// Duplicates, read from temporary tables while they are printed.
#[derive(Debug)]
pub(crate) struct DuplicatesAnswer<'a> {
    pub(super) found: FoundDuplicates<'a>,
    pub(super) last_answer: &'a LastAnswer,
    pub(super) lists_files: bool,
    pub(super) limit: Option<u64>,
    /// True if only some places are compared.
    pub(super) is_narrowed: bool,
    pub(super) setup_hint: Option<String>,
}

/// Passes the places of an entry to a visitor.
type PlaceSource<'s> = dyn FnMut(&mut PlaceVisitor<'_>) -> Result<()> + 's;

/// A place in JSON.
#[derive(Serialize)]
struct PlaceDocument<'a> {
    category: &'a str,
    project: Name,
    path: &'a Name,
    databases: &'a [&'a str],
}

impl DuplicatesAnswer<'_> {
    /// Passes the groups with their numbers to `visit`, up to the limit.
    fn visit_groups(
        &self,
        visit: &mut dyn FnMut(u64, &DuplicateGroup) -> Result<()>,
    ) -> Result<()> {
        self.last_answer.keep([]);
        let mut number = 0;
        self.found.visit_groups(&mut |group| {
            if self.limit.is_some_and(|limit| number >= limit) {
                return Ok(ControlFlow::Break(()));
            }
            number += 1;
            visit(number, group)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Writes the entries of the page. Returns true if the limit left one out.
    fn write_entries(&self, lines: &mut PageWriter<'_>) -> Result<bool> {
        let (mut entries, mut is_limited) = (0, false);
        let mut begin = || {
            is_limited = self.limit.is_some_and(|limit| entries >= limit);
            entries += 1;
            !is_limited
        };
        if self.lists_files {
            self.found.visit_groups(&mut |group| {
                if !begin() {
                    return Ok(ControlFlow::Break(()));
                }
                let copies = group.extra_files;
                let title = format!("1 file, {}", unit::format_bytes(group.bytes));
                write_title(
                    lines,
                    group.evidence,
                    group.bytes.saturating_mul(copies),
                    &title,
                )?;
                self.write_places(lines, group.places, &mut |visit| {
                    self.found.visit_places(group, visit)
                })?;
                Ok(ControlFlow::Continue(()))
            })?;
        } else {
            self.found.visit_blocks(&mut |block| {
                if !begin() {
                    return Ok(ControlFlow::Break(()));
                }
                write_title(
                    lines,
                    block.evidence,
                    block.extra_bytes,
                    &block_words(block),
                )?;
                self.write_places(lines, block.places, &mut |visit| {
                    self.found.visit_block_places(block, visit)
                })?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(is_limited)
    }

    /// Writes the lines of the first places, and the number of the others.
    fn write_places(
        &self,
        lines: &mut PageWriter<'_>,
        places: u64,
        visit: &mut PlaceSource<'_>,
    ) -> Result<()> {
        let mut shown = 0;
        visit(&mut |place| {
            self.last_answer.add(&place.project);
            shown += 1;
            if shown > MAX_PLACES {
                return Ok(());
            }
            lines.cells(place_line(place))
        })?;
        let more = places.saturating_sub(MAX_PLACES);
        if more == 0 {
            return Ok(());
        }
        let more = unit::format_counted(more, "more place");
        lines.line(format!("  and {more}"))
    }
}

/// Writes the first line of an entry.
fn write_title(
    lines: &mut PageWriter<'_>,
    evidence: DuplicateEvidence,
    extra_bytes: u64,
    what: &str,
) -> Result<()> {
    let tone = match evidence {
        DuplicateEvidence::Proven => Tone::Good,
        DuplicateEvidence::Candidate => Tone::Warning,
    };
    lines.cells(vec![
        Cell::text(format!("{} extra  ", unit::format_bytes(extra_bytes))),
        Cell::Styled(evidence.word().to_owned(), tone),
        Cell::text(format!("  {what}")),
    ])
}

/// Returns the files of a block in words.
fn block_words(block: &DuplicateBlock) -> String {
    let files = unit::format_counted(block.groups, "file");
    format!("{files}, {}", unit::format_bytes(block.bytes))
}

/// Returns the line of a place: `  acme/spot footage plates/a.exr  WORK, NAS`.
fn place_line(place: &DuplicatePlace<'_>) -> Vec<Cell> {
    vec![
        Cell::text("  "),
        Cell::Name(place.project.name()),
        Cell::text(" "),
        Cell::from(place.category),
        Cell::text(" "),
        Cell::from(&place.path),
        Cell::Styled(format!("  {}", place.databases.join(", ")), Tone::Faint),
    ]
}

/// Returns what the copies beyond the first place take.
fn total_line(totals: &DuplicateTotals) -> String {
    format!(
        "{}, {}, {}",
        unit::format_counted(totals.groups, "group"),
        unit::format_counted(totals.files, "extra file"),
        unit::format_bytes(totals.bytes)
    )
}

impl Stream for DuplicatesAnswer<'_> {
    const COMMAND: &'static str = "duplicates";

    const HEADINGS: &'static [&'static str] = &[
        "group",
        "evidence",
        "bytes",
        "category",
        "project",
        "path",
        "databases",
        "digest",
    ];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.last_answer.keep([]);
        let totals = &self.found.totals;
        if totals.groups == 0 {
            let hint = self.setup_hint.as_deref();
            let empty = match self.found.files {
                0 if self.is_narrowed => "no files to compare in these places".to_owned(),
                0 => "no files to compare; `load` scans the storages".to_owned(),
                files => format!(
                    "no duplicates in {}; where no content was read, sizes and times are compared: `verify` reads all",
                    unit::format_counted(files, "file")
                ),
            };
            return lines.line(hint.map_or(empty, str::to_owned));
        }
        let is_limited = self.write_entries(lines)?;
        lines.line(total_line(totals))?;
        if totals.candidate_groups > 0 {
            lines.line(format!(
                "candidates among them: {}, {}, {}; `verify` reads them",
                unit::format_counted(totals.candidate_groups, "group"),
                unit::format_counted(totals.candidate_files, "extra file"),
                unit::format_bytes(totals.candidate_bytes)
            ))?;
        }
        if is_limited {
            lines.line("stopped at the limit; the sums are those of all groups")?;
        }
        Ok(())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.visit_groups(&mut |number, group| {
            self.found.visit_places(group, &mut |place| {
                self.last_answer.add(&place.project);
                rows.row(&[
                    Cell::Count(number),
                    Cell::text(group.evidence.word()),
                    Cell::Bytes(group.bytes),
                    Cell::from(place.category),
                    Cell::Name(place.project.name()),
                    Cell::from(&place.path),
                    Cell::text(place.databases.join(", ")),
                    Cell::optional(group.digest, |digest| Cell::text(digest.to_string())),
                ])
            })
        })
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.list("groups", |json| {
            self.visit_groups(&mut |_, group| {
                json.object_item(|json| {
                    json.field("evidence", &group.evidence)?;
                    json.field("bytes", &group.bytes)?;
                    json.field("digest", &group.digest.map(|digest| digest.to_string()))?;
                    json.list("places", |json| {
                        self.found.visit_places(group, &mut |place| {
                            self.last_answer.add(&place.project);
                            json.item(&PlaceDocument {
                                category: place.category,
                                project: place.project.name(),
                                path: &place.path,
                                databases: &place.databases,
                            })
                        })
                    })
                })
            })
        })?;
        json.field("total", &self.found.totals)
    }
}
