//! `copy`: bring a project's files from one database to others.

use std::ffi::OsString;

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::copying::{self, Request};
use crate::error::{Error, Result};
use crate::exit_status::ExitStatus;
use crate::interrupt;
use crate::monitor::Event;
use crate::name::Name;
use crate::outcome::Outcome;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::plan::Rules;
use crate::project::Scope;
use crate::registry::{Database, Registry};
use crate::report::Report;
use crate::units;
use crate::workspace::Workspace;

/// Copy a category of a project from one database to others
///
/// What is missing there is copied; what is older there is replaced, and its old version is kept in
/// `.auto-backup/versions/` at that database's root. What is newer there, or differs with the same time, is a conflict:
/// it is kept and reported. Files that are only there stay. A file gets its name only once it is whole, on the disk, and
/// was read back and found to be what the source is. To go on after an interruption, give the same line again.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(after_help = "Examples:
  copy acme/spot footage WORK NAS
  copy acme/spot all WORK NAS,ARCHIVE
  copy acme render NAS ARCHIVE --no-update
  copy acme/spot footage WORK NAS --checksum --dry-run
  copy all all WORK NAS --dry-run
  copy -- -odd-/name footage WORK NAS")]
pub(crate) struct Copy {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, or `all`
    #[arg(value_name = "CATEGORY")]
    category: String,
    /// The database the files are on
    #[arg(value_name = "FROM")]
    from: String,
    /// The database they go to, or several separated by commas
    #[arg(
        value_name = "TO",
        value_delimiter = ',',
        num_args = 1,
        required = true
    )]
    to: Vec<String>,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Replace also what is newer there; the old version is kept
    #[arg(long, conflicts_with = "no_update")]
    overwrite: bool,
    /// Only add what is missing
    #[arg(long)]
    no_update: bool,
    /// Compare files of one size by their content, not by their times
    #[arg(long)]
    checksum: bool,
    /// Do not read back what was copied
    #[arg(long)]
    no_verify: bool,
}

/// What the copy came to. `planned_files` is the sum of copied, same, conflict, failed and skipped; `planned_bytes` are
/// those that were to be copied.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are the public JSON shape"
)]
pub(crate) struct Copied {
    run: i64,
    state: &'static str,
    #[serde(skip)]
    dry_run: bool,
    planned_files: u64,
    planned_bytes: u64,
    copied_files: u64,
    copied_bytes: u64,
    #[serde(skip)]
    replaced_files: u64,
    same_files: u64,
    conflict_files: u64,
    failed_files: u64,
    skipped_files: u64,
    verified_files: u64,
    #[serde(skip)]
    cloned_files: u64,
    seconds: f64,
    #[serde(skip)]
    versions: Vec<Name>,
    items: Vec<CopiedItem>,
}

#[derive(Debug, Serialize)]
struct CopiedItem {
    path: Name,
    outcome: &'static str,
    reason: Option<String>,
}

impl Run for Copy {
    type Answer = Copied;

    fn run(self, workspace: &mut Workspace) -> Result<Copied> {
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let request = self.request(registry)?;
        let run = index.begin_run("copy")?;
        let report = copying::copy(index, registry, &request, run, workspace.monitor.as_ref());
        let state = match &report {
            Err(Error::Interrupted) => "interrupted",
            Err(Error::Offline { .. }) => "unreachable",
            Err(_) => "refused",
            Ok(report) => state(report),
        };
        let ended = index.end_run(run, state);
        let mut copied = Copied::new(run, state, request.dry_run, report?);
        // What was copied is there, whatever the index says.
        if let Err(error) = ended {
            workspace.monitor.event(&Event::Problem(&error));
            if state == "complete" {
                copied.state = "partial";
            }
        }
        Ok(copied)
    }
}

impl Copy {
    /// What is asked for, in the registry's terms.
    fn request<'a>(&self, registry: &'a Registry) -> Result<Request<'a>> {
        let source = registry.database(&self.from)?;
        let mut destinations: Vec<&Database> = Vec::new();
        for name in &self.to {
            let database = registry.database(name)?;
            if database == source {
                return Err(Error::SameDatabase {
                    database: name.clone(),
                });
            }
            if !destinations.contains(&database) {
                destinations.push(database);
            }
        }
        Ok(Request {
            scope: Scope::parse(&self.project)?,
            categories: registry.categories_of(&self.category)?,
            source,
            destinations,
            rules: Rules {
                overwrite: self.overwrite,
                only_add: self.no_update,
                checksum: self.checksum,
            },
            verify: !self.no_verify,
            dry_run: self.dry_run,
        })
    }
}

fn state(report: &Report) -> &'static str {
    if report.interrupted {
        "interrupted"
    } else if report.failed_files + report.conflict_files > 0 || report.unrecorded {
        "partial"
    } else {
        "complete"
    }
}

impl Copied {
    fn new(run: i64, state: &'static str, dry_run: bool, report: Report) -> Self {
        let reported = report.items.into_iter().map(|item| {
            let (outcome, reason) = match item.outcome {
                Outcome::Copied(copied) => ("copied", copied.remark),
                Outcome::Same => ("same", None),
                Outcome::Conflict(why) => ("conflict", Some(why)),
                Outcome::Skipped(why) => ("skipped", Some(why)),
                Outcome::Failed(why) => ("failed", Some(why)),
                Outcome::Unreached => ("unreached", None),
            };
            CopiedItem {
                path: item.path.into(),
                outcome,
                reason,
            }
        });
        let planned = report
            .to_copy
            .into_iter()
            .map(|(path, replaces)| CopiedItem {
                path: path.into(),
                outcome: "planned",
                reason: Some(
                    if replaces {
                        "replace, keeping the old version"
                    } else {
                        "add"
                    }
                    .to_owned(),
                ),
            });
        Self {
            run,
            state,
            dry_run,
            planned_files: report.planned_files,
            planned_bytes: report.planned_bytes,
            copied_files: report.copied_files,
            copied_bytes: report.copied_bytes,
            replaced_files: report.replaced_files,
            same_files: report.same_files,
            conflict_files: report.conflict_files,
            failed_files: report.failed_files,
            skipped_files: report.skipped_files,
            verified_files: report.verified_files,
            cloned_files: report.cloned_files,
            seconds: (report.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            versions: report.versions.into_iter().map(Name::from).collect(),
            items: planned.chain(reported).collect(),
        }
    }

    /// What skipped items are called.
    fn skipped_words(&self) -> &'static str {
        if self.state == "interrupted" {
            "skipped or not reached"
        } else {
            "skipped"
        }
    }

    /// What a person wants to know first.
    fn headline(&self) -> Vec<Cell> {
        let elapsed = units::duration(std::time::Duration::from_secs_f64(self.seconds));
        let to_copy = self
            .items
            .iter()
            .filter(|item| item.outcome == "planned")
            .count() as u64;
        let mut cells = vec![match (self.dry_run, self.state) {
            (true, _) => Cell::text(format!(
                "would copy {}, {}",
                units::counted(to_copy, "file"),
                units::bytes(self.planned_bytes)
            )),
            (_, "interrupted") => Cell::Toned(format!("interrupted after {elapsed}: "), Tone::Bad),
            _ => Cell::text(""),
        }];
        if !self.dry_run {
            let copied = units::counted(self.copied_files, "file");
            let elapsed = if self.state == "interrupted" {
                String::new()
            } else {
                format!(" in {elapsed}")
            };
            let verb = if self.copied_files > 0 && self.verified_files == self.copied_files {
                "copied and verified"
            } else {
                "copied"
            };
            cells.push(Cell::text(format!(
                "{verb} {copied}, {}{elapsed}",
                units::bytes(self.copied_bytes)
            )));
        }
        let partly = if self.verified_files < self.copied_files {
            self.verified_files
        } else {
            0
        };
        for (number, words, tone) in [
            (partly, "of these verified", Tone::Good),
            (
                self.cloned_files,
                "of these cloned: the disk shares their blocks",
                Tone::Good,
            ),
            (
                self.replaced_files,
                "of these replaced an older version",
                Tone::Good,
            ),
            (self.same_files, "already there", Tone::Good),
            (self.conflict_files, "in conflict", Tone::Warning),
            (self.failed_files, "failed", Tone::Bad),
            (self.skipped_files, self.skipped_words(), Tone::Warning),
        ] {
            if number > 0 {
                cells.push(Cell::text("; "));
                cells.push(Cell::Toned(
                    format!("{} {words}", units::count(number)),
                    tone,
                ));
            }
        }
        cells
    }
}

fn tone(outcome: &str) -> Tone {
    match outcome {
        "failed" => Tone::Bad,
        "planned" => Tone::Good,
        _ => Tone::Warning,
    }
}

impl Answer for Copied {
    const COMMAND: &'static str = "copy";

    fn page(&self, page: &mut Page) {
        // What an interrupted run did not come to is counted, not listed: it may be a hundred thousand lines.
        for item in self.items.iter().filter(|item| item.outcome != "unreached") {
            page.cells(vec![
                Cell::Toned(item.outcome.to_owned(), tone(item.outcome)),
                Cell::text(" "),
                Cell::from(&item.path),
                Cell::known(item.reason.as_ref(), |reason| {
                    Cell::text(format!(": {reason}"))
                }),
            ]);
        }
        page.cells(self.headline());
        for path in &self.versions {
            page.cells(vec![Cell::text("old versions: "), Cell::from(path)]);
        }
        if self.state == "interrupted" {
            page.line("to go on, give the same line again");
        }
        if self.conflict_files > 0 && !self.dry_run {
            page.line("a file in conflict is as it was; `--overwrite` replaces it and keeps the old version");
        }
    }

    fn records(&self) -> Records {
        let rows = self.items.iter().map(|item| {
            vec![
                Cell::from(&item.path),
                Cell::text(item.outcome),
                Cell::known(item.reason.as_ref(), |reason| Cell::text(reason.clone())),
            ]
        });
        Records {
            headings: &["path", "outcome", "reason"],
            rows: rows.collect(),
        }
    }

    fn status(&self) -> ExitStatus {
        match self.state {
            "complete" => ExitStatus::Done,
            "interrupted" => interrupt::status(),
            _ => ExitStatus::Partial,
        }
    }

    fn is_routine(&self) -> bool {
        self.state == "complete" && !self.dry_run && self.items.is_empty()
    }
}
