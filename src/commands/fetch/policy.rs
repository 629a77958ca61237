//! The policy of each category of a project: met, or what is missing and what to type.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::commands::status::gap_words;
use crate::index::Index;
use crate::index::overview::{StudioOverview, is_held};
use crate::model::registry::Registry;
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::trust::mend::Mend;
use crate::trust::{place, status};

/// The verdict on one project in one category.
#[derive(Debug, Serialize)]
pub(super) struct PolicyVerdict {
    pub(super) project: Name,
    category: String,
    ok: bool,
    why: Option<&'static str>,
    mend: Vec<Mend>,
    #[serde(skip)]
    words: String,
}

/// Judges the projects of an overview in every category that a storage holds.
pub(super) fn policy_verdicts(
    index: &Index,
    registry: &Registry,
    overview: &StudioOverview,
) -> Result<Vec<PolicyVerdict>> {
    let places = place::places(index, registry)?;
    let now = Timestamp::now();
    let mut verdicts = Vec::new();
    for project in &overview.projects {
        for (union, replicas) in project.categories() {
            let Some(first) = replicas.first().filter(|_| is_held(union, replicas)) else {
                continue;
            };
            let gap = status::find_gap(registry, &places, project, (union, replicas), now);
            verdicts.push(PolicyVerdict {
                project: project.project.name(),
                category: first.category.clone(),
                ok: gap.is_none(),
                why: gap.as_ref().map(|gap| gap.kind.word()),
                words: gap
                    .as_ref()
                    .map_or_else(String::new, |gap| gap_words(gap, &places)),
                mend: gap.map(|gap| gap.mend).unwrap_or_default(),
            });
        }
    }
    Ok(verdicts)
}

/// Adds `policy: ok`, or a line for each category that falls short.
pub(super) fn add_lines<'a>(verdicts: impl Iterator<Item = &'a PolicyVerdict>, page: &mut Page) {
    let verdicts: Vec<_> = verdicts.collect();
    if !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.ok) {
        page.cells(vec![
            Cell::text("policy: "),
            Cell::Styled("ok".to_owned(), Tone::Good),
        ]);
    }
    for verdict in verdicts.iter().filter(|verdict| !verdict.ok) {
        page.cells(vec![
            Cell::text("policy: "),
            verdict.category.as_str().into(),
            Cell::text(" "),
            Cell::Styled(verdict.words.clone(), Tone::Warning),
        ]);
        for mend in &verdict.mend {
            page.cells(vec![Cell::Styled(format!("    {mend}"), Tone::Faint)]);
        }
    }
}
