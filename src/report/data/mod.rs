//! The facts of a report, collected from the index.

mod content;
mod gap;
mod growth;
mod matrix;
mod mhl;
mod problem;
mod request;
mod run;
mod sequence;
mod size;
mod source;
mod storage;
mod verdict;

use serde::Serialize;

use self::content::Content;
pub use self::gap::{PolicyLine, ShortProject};
pub use self::growth::{Growth, MonthTotals, RecordedGrowth, RecordedSize};
#[cfg(test)]
pub use self::matrix::MatrixRow;
pub use self::matrix::{CopyCell, CopyMatrix, MatrixSubject};
pub use self::mhl::MhlHistory;
pub use self::problem::RunProblem;
pub use self::request::ReportRequest;
pub use self::run::{ReportedRun, WaitingFile};
#[cfg(test)]
pub use self::sequence::GappedSequence;
pub use self::sequence::SequenceTotals;
pub use self::size::SizedPart;
use self::source::ReportSource;
pub use self::storage::ReportedStorage;
pub use self::verdict::{ReportVerdict, VerdictState};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::model::registry::Registry;

/// The facts of a report. In JSON they are complete; the page cuts long lists.
#[derive(Debug, Serialize)]
pub struct ReportData {
    /// The projects as typed: `all`, a client or a project.
    pub scope: Name,
    /// The kind of the scope.
    pub subject: MatrixSubject,
    /// Time at which the report was made.
    pub made_at: Timestamp,
    pub made_by: String,
    pub host: String,
    pub version: &'static str,
    pub verdict: ReportVerdict,
    pub projects: u64,
    /// Number of files and links, each counted once, whatever the number of its copies.
    pub files: u64,
    pub bytes: u64,
    pub short: Vec<ShortProject>,
    pub policies: Vec<PolicyLine>,
    pub matrices: Vec<CopyMatrix>,
    pub storages: Vec<ReportedStorage>,
    pub sizes: Vec<SizedPart>,
    pub growth: Growth,
    pub sequences: SequenceTotals,
    /// Runs that concern the projects, the newest first.
    pub runs: Vec<ReportedRun>,
    /// Files that the last runs could not finish, or found damaged.
    pub problems: Vec<RunProblem>,
    /// Files that wait for another attempt.
    pub failures: Vec<WaitingFile>,
    /// ASC MHL histories.
    pub histories: Vec<MhlHistory>,
}

impl ReportData {
    /// Collects the facts about the projects of a request, all of one state of the index.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a client or project that no storage has; [`Error::NothingToReport`] if the index knows no
    /// file of them.
    ///
    /// [`Error::UnknownName`]: crate::base::error::Error::UnknownName
    /// [`Error::NothingToReport`]: crate::base::error::Error::NothingToReport
    pub fn collect(index: &Index, registry: &Registry, request: &ReportRequest) -> Result<Self> {
        let _view = index.read_transaction()?;
        let source = ReportSource::read(index, registry, request)?;
        let (scope, subject) = (&request.scope, MatrixSubject::of(&request.scope));
        let (overview, status, places) = (&source.overview, &source.status, &source.places);
        let content = Content::read(&source)?;
        let runs = run::runs(index, scope)?;
        let files = source.unions().map(|union| union.files);
        let bytes = source.unions().map(|union| union.bytes);
        Ok(Self {
            scope: scope.name(),
            subject,
            made_at: request.now,
            made_by: request.user.clone(),
            host: request.host.clone(),
            version: env!("CARGO_PKG_VERSION"),
            verdict: ReportVerdict::of(status, places, overview.projects.len()),
            projects: overview.projects.len() as u64,
            files: files.fold(0, u64::saturating_add),
            bytes: bytes.fold(0, u64::saturating_add),
            short: gap::short_projects(status, places),
            policies: gap::policies(registry, overview, status),
            matrices: matrix::matrices(overview, subject, &scope.name()),
            storages: storage::storages(places, status),
            sizes: size::sizes(overview, subject, content.parts),
            sequences: content.sequences,
            growth: Growth {
                recorded: growth::recorded_growth(&source)?,
                ..content.growth.finish()
            },
            problems: problem::problems(index, registry, scope, &runs)?,
            runs,
            failures: run::failures(index, registry, scope)?,
            histories: mhl::histories(&source)?,
        })
    }
}
