//! The parts of the index that several sections of a report are made from.

use super::request::ReportRequest;
use crate::base::error::{Error, Result};
use crate::index::Index;
use crate::index::overview::{self, StudioOverview, UnionTotals};
use crate::model::registry::Registry;
use crate::trust::place::{self, Place};
use crate::trust::status::{self, StudioStatus};

/// An index, and what it says about the projects of a report.
pub(super) struct ReportSource<'a> {
    pub(super) index: &'a Index,
    pub(super) registry: &'a Registry,
    pub(super) request: &'a ReportRequest,
    pub(super) places: Vec<Place>,
    pub(super) overview: StudioOverview,
    pub(super) status: StudioStatus,
}

impl<'a> ReportSource<'a> {
    /// Reads the overview and measures it against the policies.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a client or project that no storage has; [`Error::NothingToReport`] if the index knows no
    /// file of them.
    pub(super) fn read(
        index: &'a Index,
        registry: &'a Registry,
        request: &'a ReportRequest,
    ) -> Result<Self> {
        let overview = overview::read(index, registry, &request.scope)?;
        let places = place::places(index, registry)?;
        let status = status::measure(index, registry, &places, &overview, request.now)?;
        let source = Self {
            index,
            registry,
            request,
            places,
            overview,
            status,
        };
        if source.unions().any(|union| union.files > 0) {
            return Ok(source);
        }
        let setup = registry.setup_hint();
        Err(Error::NothingToReport {
            scope: request.scope.name(),
            hint: setup.unwrap_or("`load` scans the storages").to_owned(),
        })
    }

    /// The totals of each project and category.
    pub(super) fn unions(&self) -> impl Iterator<Item = &UnionTotals> {
        let projects = self.overview.projects.iter();
        projects.flat_map(|project| &project.unions)
    }
}
