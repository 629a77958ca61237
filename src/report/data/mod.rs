//! The facts of a report, collected from the index.

mod content;
mod gap;
mod growth;
mod matrix;
mod mhl;
mod run;
mod sequence;
mod size;
mod storage;
mod verdict;

use serde::Serialize;

use self::content::Content;
pub use self::gap::{PolicyLine, ShortProject};
pub use self::growth::{Growth, MonthTotals};
#[cfg(test)]
pub use self::matrix::MatrixRow;
pub use self::matrix::{CopyCell, CopyMatrix, MatrixSubject};
pub use self::mhl::MhlHistory;
pub use self::run::{ReportedRun, WaitingFile};
#[cfg(test)]
pub use self::sequence::GappedSequence;
pub use self::sequence::SequenceTotals;
pub use self::size::SizedPart;
pub use self::storage::ReportedStorage;
pub use self::verdict::{ReportVerdict, VerdictState};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::Index;
use crate::index::overview::{self, StudioOverview};
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::trust::place::{self, Place};
use crate::trust::status::{self, StudioStatus};

/// The projects of a report, and who makes it when.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    pub scope: Scope,
    pub now: Timestamp,
    /// The name of the user.
    pub user: String,
    /// The name of this machine.
    pub host: String,
}

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
    /// Files that wait for another attempt.
    pub failures: Vec<WaitingFile>,
    /// ASC MHL histories.
    pub histories: Vec<MhlHistory>,
}

/// The parts of the index that several sections of a report are made from.
struct ReportSource<'a> {
    index: &'a Index,
    registry: &'a Registry,
    request: &'a ReportRequest,
    places: Vec<Place>,
    overview: StudioOverview,
    status: StudioStatus,
}

impl ReportData {
    /// Collects the facts about the projects of a request, all of one state of the index.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a client or project that no storage has; [`Error::NothingToReport`] if the index knows no
    /// file of them.
    pub fn collect(index: &Index, registry: &Registry, request: &ReportRequest) -> Result<Self> {
        let _view = index.read_transaction()?;
        let overview = overview::read(index, registry, &request.scope)?;
        let places = place::places(index, registry)?;
        let status = status::measure(index, registry, &places, &overview, request.now)?;
        let source = ReportSource {
            index,
            registry,
            request,
            places,
            overview,
            status,
        };
        source.require_files()?;
        source.collect()
    }
}

impl ReportSource<'_> {
    fn require_files(&self) -> Result<()> {
        let projects = self.overview.projects.iter();
        let mut unions = projects.flat_map(|project| &project.unions);
        if unions.any(|union| union.files > 0) {
            return Ok(());
        }
        let setup = self.registry.setup_hint().map(str::to_owned);
        Err(Error::NothingToReport {
            scope: self.request.scope.name(),
            hint: setup.unwrap_or_else(|| "`load` scans the storages".to_owned()),
        })
    }

    fn collect(self) -> Result<ReportData> {
        let subject = MatrixSubject::of(&self.request.scope);
        let mut content = Content::read(&self)?;
        let unions = self.overview.projects.iter().flat_map(|one| &one.unions);
        let sum = |totals: fn(&overview::UnionTotals) -> u64| {
            unions.clone().map(totals).fold(0, u64::saturating_add)
        };
        Ok(ReportData {
            scope: self.request.scope.name(),
            subject,
            made_at: self.request.now,
            made_by: self.request.user.clone(),
            host: self.request.host.clone(),
            version: env!("CARGO_PKG_VERSION"),
            verdict: ReportVerdict::of(&self.status, &self.places, self.overview.projects.len()),
            projects: self.overview.projects.len() as u64,
            files: sum(|union| union.files),
            bytes: sum(|union| union.bytes),
            short: gap::short_projects(&self.status, &self.places),
            policies: gap::policies(self.registry, &self.overview, &self.status),
            matrices: matrix::matrices(&self.overview, subject, &self.request.scope.name()),
            storages: storage::storages(&self.places, &self.status),
            sizes: size::sizes(&self.overview, subject, content.take_parts()),
            sequences: content.take_sequences(),
            growth: content.take_growth(),
            runs: run::runs(self.index, &self.request.scope)?,
            failures: run::failures(self.index, self.registry, &self.request.scope)?,
            histories: mhl::histories(),
        })
    }
}
