//! The projects of a report that fall short of their policy, and the policies.

use serde::Serialize;

use crate::base::timestamp::Timestamp;
use crate::index::overview::{ProjectSummary, StudioOverview};
use crate::model::policy::{Demand, Policy};
use crate::model::project::ProjectId;
use crate::model::registry::Registry;
use crate::trust::mend::Mend;
use crate::trust::place::Place;
use crate::trust::status::{GapKind, StudioStatus, gap_words};

/// A project that falls short of its policy in one category.
#[derive(Debug, Serialize)]
pub struct ShortProject {
    pub project: ProjectId,
    pub category: String,
    pub why: &'static str,
    pub copies: u64,
    pub offsite: u64,
    /// The storages with whole copies.
    pub databases: Vec<String>,
    pub damaged: u64,
    /// The lines to type.
    pub mend: Vec<Mend>,
    /// The copies that it has and lacks, in words.
    pub words: String,
    #[serde(skip)]
    pub kind: GapKind,
}

/// The demand of a category, and the number of projects that have it.
#[derive(Debug, Serialize)]
pub struct PolicyLine {
    pub category: String,
    /// The policy as it is typed: `copies 2`, `none`.
    pub policy: String,
    /// Number of projects with files in this category.
    pub projects: u64,
    /// Number of those that fall short.
    pub short: u64,
    #[serde(skip)]
    pub demand: Option<Demand>,
}

/// Returns a time as it is written on a page that is read later.
pub(super) fn on_date(at: Option<Timestamp>) -> String {
    match at {
        None => "never".to_owned(),
        Some(Timestamp::UNKNOWN) => "at an unknown time".to_owned(),
        Some(at) => format!("on {}", at.date()),
    }
}

/// Returns the projects that fall short, the worst first.
pub(super) fn short_projects(status: &StudioStatus, places: &[Place]) -> Vec<ShortProject> {
    let gaps = status.gaps.iter().map(|gap| {
        let names = gap.holders.iter().map(|number| places[*number].name());
        ShortProject {
            project: gap.project.clone(),
            category: gap.category.clone(),
            why: gap.kind.word(),
            copies: gap.copies,
            offsite: gap.offsite,
            databases: names.map(str::to_owned).collect(),
            damaged: gap.damaged.iter().map(|(_, files)| files).sum(),
            mend: gap.mend.clone(),
            words: gap_words(gap, places, &on_date),
            kind: gap.kind,
        }
    });
    gaps.collect()
}

/// Returns the policies of the categories that hold files.
pub(super) fn policies(
    registry: &Registry,
    overview: &StudioOverview,
    status: &StudioStatus,
) -> Vec<PolicyLine> {
    let line = |category: &str| {
        let policy = registry.policy(category);
        let rows = overview.projects.iter();
        let rows = rows.flat_map(ProjectSummary::categories);
        let held = rows.filter(|(union, replicas)| {
            let first = replicas.first();
            union.files > 0 && first.is_some_and(|replica| replica.category == category)
        });
        let gaps = status.gaps.iter();
        PolicyLine {
            category: category.to_owned(),
            policy: policy.to_string(),
            projects: held.count() as u64,
            short: gaps.filter(|gap| gap.category == category).count() as u64,
            demand: match policy {
                Policy::Keep(demand) => Some(demand),
                Policy::Expendable => None,
            },
        }
    };
    let categories = registry.categories().iter();
    let lines = categories.map(|category| line(&category.name));
    lines.filter(|line| line.projects > 0).collect()
}
