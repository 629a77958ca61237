//! `report`: writes a page about projects, or their facts as JSON.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::answer_path::check_answer_path;
use super::check::check_known;
use super::workspace::Workspace;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::overview;
use crate::os::host;
use crate::os::scratch::AnswerFile;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::json;
use crate::output::page::Page;
use crate::output::printer::{Format, Printer};
use crate::report::{self, ReportData, ReportRequest};

/// Write a page about projects for a client or a producer
///
/// The page says whether everything is safe, and what falls short; where the copies are, whether they are whole and how
/// that is proven; sizes, growth, image sequences with gaps, runs and failures. It is one HTML file that needs no network
/// and no script, and prints on A4. Everything comes from the index; no storage is touched.
///
/// A FILE that ends in `.json` gets the same facts as JSON, complete. Without `--to`, `--format json` prints them. An
/// existing file is replaced only if it is a report.
#[derive(Debug, Args)]
#[command(
    override_usage = "report <PROJECT> --to <FILE>",
    after_help = "Examples:
  report acme/spot --to spot.html
  report acme --to acme.html
  report all --to studio.json"
)]
pub(crate) struct ReportArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The file to write, outside all storages
    #[arg(long, value_name = "FILE")]
    to: Option<OsString>,
}

/// The first bytes of a report in JSON.
const JSON_BEGIN: &str = r#"{"command":"report","#;

/// A written report.
#[derive(Debug, Serialize)]
struct ReportAnswer {
    file: Name,
    bytes: u64,
    state: report::data::VerdictState,
    judged: u64,
    short: u64,
    #[serde(skip)]
    sentence: String,
    #[serde(skip)]
    is_dry_run: bool,
}

/// The facts of a report as an answer, which only JSON shows.
#[derive(Debug, Serialize)]
struct ReportFacts {
    #[serde(flatten)]
    data: ReportData,
}

impl ReportArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&workspace.last_answer.scope(&self.project)?, workspace)?;
        if let Some(file) = &self.to {
            check_answer_path(file, workspace)?;
        }
        workspace.last_answer.assume();
        Ok(())
    }

    /// Writes the file, or prints the facts.
    pub(super) fn execute(
        self,
        workspace: &mut Workspace,
        printer: &mut Printer,
    ) -> Result<ExitStatus> {
        let Some(file) = &self.to else {
            if printer.format() != Format::Json {
                return Err(Error::MissingWords {
                    missing: "--to FILE".to_owned(),
                    hint: "write it as: report PROJECT --to FILE.html; `--format json` prints the facts without a file".to_owned(),
                });
            }
            let data = self.collect(workspace)?;
            return printer.print(&ReportFacts { data });
        };
        let path = check_answer_path(file, workspace)?;
        require_replaceable(&path)?;
        let data = self.collect(workspace)?;
        let content = if is_json(file, printer.format()) {
            json::document(ReportFacts::COMMAND, &data)?
        } else {
            report::render(&data)?.into_bytes()
        };
        if !workspace.dry_run {
            write(&path, &content)?;
        }
        printer.print(&ReportAnswer {
            file: Name::from(file.as_os_str()),
            bytes: content.len() as u64,
            state: data.verdict.state,
            judged: data.verdict.judged,
            short: data.verdict.short,
            sentence: data.verdict.sentence,
            is_dry_run: workspace.dry_run,
        })
    }

    fn collect(&self, workspace: &mut Workspace) -> Result<ReportData> {
        let scope = workspace.last_answer.scope(&self.project)?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let known = overview::read_and_store(index, registry, &scope)?;
        let projects = known.projects.iter().map(|project| &project.project);
        workspace.last_answer.keep(projects);
        let request = ReportRequest {
            scope,
            now: Timestamp::now(),
            user: host::user_name(),
            host: host::name(),
        };
        ReportData::collect(index, registry, &request)
    }
}

/// True if a file gets the facts as JSON. The extension decides, without a known one the format of answers.
fn is_json(file: &OsStr, format: Format) -> bool {
    let extension = Path::new(file).extension().and_then(OsStr::to_str);
    match extension.map(str::to_lowercase).as_deref() {
        Some("json") => true,
        Some("html" | "htm") => false,
        _ => format == Format::Json,
    }
}

/// Refuses to replace a file that is not a report.
fn require_replaceable(path: &Path) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::Redirection {
            path: path.to_owned(),
            why: why.to_owned(),
        })
    };
    let Ok(found) = fs::metadata(path) else {
        return Ok(());
    };
    if !found.is_file() {
        return refused("it is no regular file");
    }
    let length = report::FIRST_LINE.len().max(JSON_BEGIN.len()) as u64;
    let mut begin = Vec::new();
    let file = File::open(path).at("read", path)?;
    file.take(length).read_to_end(&mut begin).at("read", path)?;
    let is_report = [report::FIRST_LINE, JSON_BEGIN]
        .iter()
        .any(|first| begin.starts_with(first.as_bytes()));
    if is_report || begin.is_empty() {
        return Ok(());
    }
    refused("it exists and is no report; choose another name, or remove it first")
}

/// Writes the file under a temporary name, flushes it and renames it.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    let pending = AnswerFile::create(path)?;
    let written = pending.writer()?.write_all(content);
    written.at("write", path)?;
    pending.persist().map(drop)
}

impl Answer for ReportAnswer {
    const COMMAND: &'static str = "report";

    fn write_page(&self, page: &mut Page) {
        let verb = if self.is_dry_run {
            "would write "
        } else {
            "wrote "
        };
        page.cells(vec![
            Cell::text(verb),
            Cell::from(&self.file),
            Cell::text(format!(", {}", unit::format_bytes(self.bytes))),
        ]);
        page.line(self.sentence.clone());
    }

    fn records(&self) -> Records {
        Records {
            headings: &["file", "bytes", "state", "judged", "short"],
            rows: vec![vec![
                Cell::from(&self.file),
                Cell::Bytes(self.bytes),
                Cell::text(self.state.word()),
                Cell::Count(self.judged),
                Cell::Count(self.short),
            ]],
        }
    }

    fn is_routine(&self) -> bool {
        true
    }
}

impl Answer for ReportFacts {
    const COMMAND: &'static str = "report";

    fn write_page(&self, page: &mut Page) {
        page.line(self.data.verdict.sentence.clone());
    }

    fn records(&self) -> Records {
        Records::default()
    }
}
